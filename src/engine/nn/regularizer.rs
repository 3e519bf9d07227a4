use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::error::LayerConfigError;
use super::keras_object::KerasObject;

/// A regularizer of weights or of a layer's output: Keras's `L1`, `L2` and `L1L2`. Its penalty is added to the loss.
///
/// ```text
/// R(w) = l1·Σ|w| + l2·Σw²        ∂R/∂w = l1·sign(w) + 2·l2·w
/// ```
/// Source: `keras/src/regularizers/regularizers.py`. In a preset `{l2: 0.01}`, `{l1: 0.001, l2: 0.01}`; Keras's names, `l2` alone for its
/// default of 0.01, and `{class_name: L2, config: {l2: 0.01}}` are read as well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Regularizer {
    /// Of the magnitudes.
    pub l1: f64,
    /// Of the squares.
    pub l2: f64,
}

/// The factors, as they are written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Factors {
    l1: f64,
    l2: f64,
}

impl Default for Factors {
    fn default() -> Self {
        Self { l1: 0.0, l2: 0.0 }
    }
}

impl Regularizer {
    /// Checks the regularizer in the field `field` of a layer's configuration.
    ///
    /// # Errors
    /// When a factor is negative or not finite.
    pub fn check(regularizer: Option<Self>, field: &str) -> Result<(), LayerConfigError> {
        let Some(Self { l1, l2 }) = regularizer else { return Ok(()) };
        if [l1, l2].iter().all(|factor| factor.is_finite() && *factor >= 0.0) {
            return Ok(());
        }
        let found = format!("`{field}` has l1 {l1} and l2 {l2}");
        Err(LayerConfigError::of(field, found, "both must be 0 or more"))
    }

    /// `R(w)`.
    pub fn loss(self, weights: &[f32]) -> f64 {
        let sum = |f: fn(f64) -> f64| weights.iter().map(|w| f(f64::from(*w))).sum::<f64>();
        self.l1 * sum(f64::abs) + self.l2 * sum(|w| w * w)
    }

    /// Adds `∂R/∂w` to `grads`.
    pub fn add_gradient(self, weights: &[f32], grads: &mut [f32]) {
        let (l1, l2) = (self.l1 as f32, 2.0 * self.l2 as f32);
        for (g, w) in grads.iter_mut().zip(weights) {
            let sign = if *w == 0.0 { 0.0 } else { w.signum() };
            *g += l1 * sign + l2 * w;
        }
    }

    /// The same with both factors times `scale`.
    #[must_use]
    pub fn scaled(self, scale: f64) -> Self {
        Self { l1: self.l1 * scale, l2: self.l2 * scale }
    }

    /// Keras's regularizer `name` with `config`.
    fn named(name: &str, mut config: Map<String, Value>) -> Result<Self, String> {
        const NAMES: &[&str] = &["l1", "l2", "l1_l2"];
        match name.to_lowercase().replace('_', "").as_str() {
            factor @ ("l1" | "l2") => {
                config.entry(factor).or_insert(0.01.into());
            }
            "l1l2" => {}
            "orthogonalregularizer" | "orthogonal" => {
                return Err("the orthogonal regularizer is not available: it compares all pairs of rows at every step; \
                            `recurrent_initializer: orthogonal` starts from orthogonal rows"
                    .into());
            }
            _ => return Err(serde_json::Error::unknown_variant(name, NAMES).to_string()),
        }
        Self::factors(config)
    }

    fn factors(mut config: Map<String, Value>) -> Result<Self, String> {
        config.retain(|_, value| !value.is_null());
        let Factors { l1, l2 } = Factors::deserialize(Value::Object(config)).map_err(|e| e.to_string())?;
        Ok(Self { l1, l2 })
    }
}

impl<'de> Deserialize<'de> for Regularizer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrMapping;

        impl<'de> Visitor<'de> for NameOrMapping {
            type Value = Regularizer;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a regularizer, such as {l2: 0.01}")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Regularizer, E> {
                Regularizer::named(name, Map::new()).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Regularizer, A::Error> {
                let fields = Map::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                match KerasObject::of(fields) {
                    Ok(KerasObject { name, config }) => Regularizer::named(&name, config),
                    Err(factors) => Regularizer::factors(factors),
                }
                .map_err(A::Error::custom)
            }
        }

        deserializer.deserialize_any(NameOrMapping)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_keras_are_read() {
        let read = |text: &str| serde_yaml::from_str::<Regularizer>(text).map_err(|e| e.to_string());
        let of = |l1, l2| Ok(Regularizer { l1, l2 });
        for (text, expected) in [
            ("{l2: 0.5}", of(0.0, 0.5)),
            ("{l1: 1}", of(1.0, 0.0)),
            ("l2", of(0.0, 0.01)),
            ("L1", of(0.01, 0.0)),
            ("l1_l2", of(0.0, 0.0)),
            ("{class_name: L1, config: {l1: 0.1}}", of(0.1, 0.0)),
            (
                "{module: keras.regularizers, class_name: L1L2, config: {l1: 0.1, l2: 0.2}, registered_name: null}",
                of(0.1, 0.2),
            ),
            ("{name: L2, l2: 0.3}", of(0.0, 0.3)),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        assert!(read("{l3: 1}").unwrap_err().contains("unknown field `l3`"));
        assert!(read("orthogonal").unwrap_err().contains("not available"));
    }
}
