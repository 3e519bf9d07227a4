use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::keras_object::KerasObject;
use super::{Activation, Block, LayerConfigError, Loss, Mask, Score, TargetRows};

/// A loss with its options, by Keras's names and with Keras's defaults: in a preset its name alone, or
/// `{name: binary_crossentropy, label_smoothing: 0.1}`. The formulas are those of [`Loss`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossSpec {
    /// The loss.
    pub loss: Loss,
    /// The share of a target that is spread over all classes, in `[0, 1)`; of cross-entropies.
    pub label_smoothing: f64,
    /// The focusing exponent; of focal losses.
    pub gamma: f64,
    /// A weight of all classes, or with class balancing of the class 1 against the class 0; of focal losses.
    pub alpha: f64,
    /// Whether `alpha` weighs the two classes; of the binary focal loss.
    pub apply_class_balancing: bool,
    /// Where the loss becomes linear; of `huber`.
    pub delta: f64,
    /// Whether the last layer has no activation: the loss applies sigmoid or softmax in any case.
    pub from_logits: bool,
}

impl From<Loss> for LossSpec {
    fn from(loss: Loss) -> Self {
        Self {
            loss,
            label_smoothing: 0.0,
            gamma: 2.0,
            alpha: 0.25,
            apply_class_balancing: false,
            delta: 1.0,
            from_logits: false,
        }
    }
}

impl LossSpec {
    /// Keras's name.
    pub fn name(&self) -> &'static str {
        self.loss.name()
    }

    /// Whether the targets are classes; else they are numbers.
    pub fn has_classes(&self) -> bool {
        self.loss.has_classes()
    }

    /// The activation that the loss applies to the last layer's output itself.
    pub fn required_activation(&self) -> Option<Activation> {
        self.loss.required_activation()
    }

    /// The options of this loss.
    fn options(&self) -> Vec<(&'static str, Value)> {
        let smoothing = ("label_smoothing", self.label_smoothing.into());
        let focal = || [("gamma", self.gamma.into()), ("alpha", self.alpha.into())];
        let logits = ("from_logits", self.from_logits.into());
        match self.loss {
            Loss::BinaryFocalCrossentropy => {
                let balancing = ("apply_class_balancing", self.apply_class_balancing.into());
                focal().into_iter().chain([balancing, smoothing, logits]).collect()
            }
            Loss::CategoricalFocalCrossentropy => focal().into_iter().chain([smoothing, logits]).collect(),
            Loss::BinaryCrossentropy
            | Loss::SparseCategoricalCrossentropy
            | Loss::CategoricalCrossentropy => {
                vec![smoothing, logits]
            }
            Loss::Huber => vec![("delta", self.delta.into())],
            _ => Vec::new(),
        }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// The first that is out of range.
    pub fn check(&self) -> Result<(), LayerConfigError> {
        for (field, value, holds, help) in [
            (
                "label_smoothing",
                self.label_smoothing,
                (0.0..1.0).contains(&self.label_smoothing),
                "it must be at least 0 and below 1",
            ),
            ("gamma", self.gamma, self.gamma >= 0.0, "it must be 0 or more"),
            ("alpha", self.alpha, (0.0..=1.0).contains(&self.alpha), "it must be from 0 to 1"),
            ("delta", self.delta, self.delta > 0.0, "it must be above 0"),
        ] {
            if !holds || !value.is_finite() {
                return Err(LayerConfigError::of(field, format!("`{field}` is {value}"), help));
            }
        }
        Ok(())
    }

    fn named(name: &str, mut config: Map<String, Value>) -> Result<Self, String> {
        let Some(loss) = Loss::of_name(name) else {
            let names: Vec<String> = Loss::names().iter().map(|name| format!("`{name}`")).collect();
            return Err(format!("unknown variant `{name}`, expected one of {}", names.join(", ")));
        };
        // Keras's own files name more, which is the same here: the mean over the batch, classes in the last axis.
        config.retain(|key, value| match key.as_str() {
            _ if value.is_null() => false,
            "name" | "fn" => false,
            "reduction" => !matches!(value.as_str(), Some("sum_over_batch_size" | "mean" | "auto")),
            "axis" => *value != serde_json::json!(-1),
            "dtype" => *value != "float32",
            _ => true,
        });
        let mut spec = Self::from(loss);
        let known: Vec<&str> = spec.options().into_iter().map(|(key, _)| key).collect();
        for (key, value) in config {
            if !known.contains(&key.as_str()) {
                let names: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
                return Err(match names.is_empty() {
                    true => format!("unknown field `{key}`, there are no fields"),
                    false => format!("unknown field `{key}`, expected one of {}", names.join(", ")),
                });
            }
            if value.is_array() && key == "alpha" {
                return Err(
                    "`alpha` is one number here; weights of classes are in `train.class_weight`".into()
                );
            }
            let number = || value.as_f64().ok_or_else(|| format!("`{key}` is {value}; expected a number"));
            let flag =
                || value.as_bool().ok_or_else(|| format!("`{key}` is {value}; expected true or false"));
            match key.as_str() {
                "label_smoothing" => spec.label_smoothing = number()?,
                "gamma" => spec.gamma = number()?,
                "alpha" => spec.alpha = number()?,
                "delta" => spec.delta = number()?,
                "apply_class_balancing" => spec.apply_class_balancing = flag()?,
                _ => spec.from_logits = flag()?,
            }
        }
        Ok(spec)
    }

    /// Adds up the loss of the rows of `out` that `mask` lets count; with `d`, writes `scale · ∂ΣL/∂out` there, `scale` being 1 ÷ the
    /// rows of the whole batch. `weights` are those of the classes, 1 where there are none.
    pub(super) fn score(
        &self,
        out: &Block,
        targets: &TargetRows,
        mask: Option<&Mask>,
        weights: &[f32],
        scale: f32,
        d: Option<&mut Block>,
    ) -> Score {
        let (time, batch, width) = out.dim();
        let mut score = Score::default();
        let mut d = d;
        if let Some(d) = d.as_deref_mut() {
            d.reshape(time, batch, width);
            d.data_mut().copy_from_slice(out.data());
        }
        for (row, z) in out.data().chunks_exact(width.max(1)).enumerate() {
            let d = d.as_deref_mut().map(|d| &mut d.data_mut()[row * width..(row + 1) * width]);
            if mask.is_some_and(|mask| !mask.data()[row]) {
                d.into_iter().for_each(|d| d.fill(0.0));
                continue;
            }
            score.count += 1.0;
            if self.loss.has_labels(width) {
                let Some(y) = targets.real.get(row * width..(row + 1) * width) else { continue };
                self.multi_label_loss(z, y, scale, &mut score, d);
            } else if self.has_classes() {
                let Some(class) = targets.classes.get(row).map(|c| *c as usize) else { continue };
                let weight = weights.get(class).copied().unwrap_or(1.0);
                let loss = match d {
                    Some(d) => self.class_loss_and_gradient(z, class, d, weight * scale),
                    None => self.class_loss(z, class),
                };
                score.loss += f64::from(weight) * loss;
                score.correct += f64::from(u8::from(self.loss.predicted(z) == class));
            } else {
                let Some(y) = targets.real.get(row * width..(row + 1) * width) else { continue };
                self.regression_loss(z, y, scale, &mut score, d);
            }
        }
        score
    }
}

impl Serialize for LossSpec {
    /// The name alone, if that says it all.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let defaults = Self::from(self.loss).options();
        let own: Vec<_> = self.options().into_iter().filter(|option| !defaults.contains(option)).collect();
        if own.is_empty() {
            return serializer.serialize_str(self.name());
        }
        let mut map = serializer.serialize_map(Some(own.len() + 1))?;
        map.serialize_entry("name", self.name())?;
        own.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for LossSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrMapping;

        impl<'de> Visitor<'de> for NameOrMapping {
            type Value = LossSpec;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a loss: a name such as huber, or {name: huber, delta: 2.0}")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<LossSpec, E> {
                LossSpec::named(name, Map::new()).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LossSpec, A::Error> {
                let KerasObject { name, config } = KerasObject::read(map)?;
                LossSpec::named(&name, config).map_err(A::Error::custom)
            }
        }

        deserializer.deserialize_any(NameOrMapping)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_read_and_written_as_they_were() {
        let read = |text: &str| serde_yaml::from_str::<LossSpec>(text).map_err(|e| e.to_string());
        for name in Loss::names() {
            let spec = read(name).unwrap();
            assert_eq!(serde_yaml::to_string(&spec).unwrap().trim(), name);
        }
        for (text, written) in [
            ("{name: huber, delta: 2}", "name: huber\ndelta: 2.0"),
            (
                "{class_name: BinaryCrossentropy, config: {from_logits: false, label_smoothing: 0.1, axis: -1, reduction: sum_over_batch_size, name: bce}}",
                "name: binary_crossentropy\nlabel_smoothing: 0.1",
            ),
            ("mse", "mean_squared_error"),
            ("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy"),
        ] {
            let spec = read(text).unwrap();
            assert_eq!(serde_yaml::to_string(&spec).unwrap().trim(), written);
            assert_eq!(read(written), Ok(spec));
        }
        for (text, words) in [
            ("{name: huber, gamma: 2}", "unknown field `gamma`, expected one of `delta`"),
            ("{name: log_cosh, delta: 2}", "unknown field `delta`, there are no fields"),
            ("{name: categorical_focal_crossentropy, alpha: [0.2, 0.3]}", "train.class_weight"),
            ("{name: huber, delta: big}", "expected a number"),
            ("hubber", "unknown variant `hubber`, expected one of `binary"),
            ("{name: mse, reduction: sum}", "unknown field `reduction`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let bad = LossSpec { label_smoothing: 1.0, ..Loss::BinaryCrossentropy.into() };
        assert_eq!(bad.check().unwrap_err().field.as_deref(), Some("label_smoothing"));
    }
}
