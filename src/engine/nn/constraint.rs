use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::axes::Axes;
use super::error::LayerConfigError;
use super::keras_object::KerasObject;

/// A constraint of a weight tensor: Keras's `MaxNorm`, `UnitNorm`, `NonNeg` and `MinMaxNorm`. It holds after every optimizer step.
///
/// ```text
/// n = √Σw²  over `axis`, for every place along the other axes             ε = 1e-7
/// max_norm      w ← w·min(n, max_value)/(ε + n)
/// unit_norm     w ← w/(ε + n)
/// min_max_norm  w ← w·(rate·clip(n, min_value, max_value) + (1 − rate)·n)/(ε + n)
/// non_neg       w ← max(w, 0)
/// ```
/// With `axis` 0, the default, the norm of a kernel `[features, units]` is that of the weights into each unit; the rows of an Embedding
/// are vectors of words: `axis: 1`.
///
/// Source: `keras/src/constraints/constraints.py`. In a preset `{name: max_norm, max_value: 3, axis: 0}`, or the name alone; Keras's
/// `{class_name: MaxNorm, config: {…}}` is read as well.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum Constraint {
    /// Norms of `max_value` at most.
    MaxNorm {
        /// The greatest norm; 2 by default.
        #[serde(default = "two")]
        max_value: f64,
        /// The axes of a norm.
        #[serde(default = "first")]
        axis: Axes,
    },
    /// Norms of 1.
    UnitNorm {
        /// The axes of a norm.
        #[serde(default = "first")]
        axis: Axes,
    },
    /// No negative weight.
    NonNeg {},
    /// Norms between two values.
    MinMaxNorm {
        /// The least norm; 0 by default.
        #[serde(default)]
        min_value: f64,
        /// The greatest norm; 1 by default.
        #[serde(default = "one")]
        max_value: f64,
        /// How far a norm outside moves at a step, from 0 to 1, the default.
        #[serde(default = "one")]
        rate: f64,
        /// The axes of a norm.
        #[serde(default = "first")]
        axis: Axes,
    },
}

fn one() -> f64 {
    1.0
}

fn two() -> f64 {
    2.0
}

fn first() -> Axes {
    Axes::one(0)
}

/// Keras's `epsilon()`: a norm of 0 divides nothing by 0.
const EPSILON: f64 = 1e-7;

impl Constraint {
    /// The names that a preset may use.
    const NAMES: &'static [&'static str] = &["max_norm", "unit_norm", "non_neg", "min_max_norm"];

    fn axis(self) -> Option<Axes> {
        match self {
            Self::MaxNorm { axis, .. } | Self::UnitNorm { axis } | Self::MinMaxNorm { axis, .. } => {
                Some(axis)
            }
            Self::NonNeg {} => None,
        }
    }

    /// Checks the constraint in the field `field` for a tensor of `rank` sizes.
    ///
    /// # Errors
    /// For an axis that the tensor does not have, and for numbers out of range.
    pub fn check(constraint: Option<Self>, field: &str, rank: usize) -> Result<(), LayerConfigError> {
        let Some(constraint) = constraint else { return Ok(()) };
        let refuse = |found: String, help: String| {
            Err(LayerConfigError::of(field, format!("`{field}` has {found}"), help))
        };
        if constraint.axis().is_some_and(|axis| axis.range(rank).is_none()) {
            let last = rank.saturating_sub(1);
            return refuse(
                "an axis that the tensor does not have, or axes that are not next to each other".into(),
                format!("the tensor has the axes 0 to {last}"),
            );
        }
        let (least, greatest, rate) = match constraint {
            Self::MaxNorm { max_value, .. } => (0.0, max_value, 1.0),
            Self::MinMaxNorm { min_value, max_value, rate, .. } => (min_value, max_value, rate),
            _ => (0.0, 1.0, 1.0),
        };
        if !(least >= 0.0 && greatest >= least && greatest.is_finite()) {
            let help = "norms are 0 or more, and the least is not above the greatest";
            return refuse(format!("norms from {least} to {greatest}"), help.into());
        }
        if !(0.0..=1.0).contains(&rate) {
            return refuse(format!("the rate {rate}"), "it must be from 0 to 1".into());
        }
        Ok(())
    }

    /// Applies it to `weights`, a tensor of `shape`; `norms` is scratch memory.
    pub fn apply(self, weights: &mut [f32], shape: &[usize], norms: &mut Vec<f64>) {
        let Some(range) = self.axis().and_then(|axis| axis.range(shape.len())) else {
            // Not `max`, which would hide NaN.
            return weights.iter_mut().filter(|w| **w < 0.0).for_each(|w| *w = 0.0);
        };
        let inner = shape[range.end..].iter().product::<usize>().max(1);
        let summed = shape[range].iter().product::<usize>().max(1);
        norms.resize(inner, 0.0);
        for part in weights.chunks_exact_mut(summed * inner) {
            norms.fill(0.0);
            for row in part.chunks_exact(inner) {
                norms.iter_mut().zip(row).for_each(|(sum, w)| *sum += f64::from(*w).powi(2));
            }
            norms.iter_mut().for_each(|norm| *norm = self.factor(norm.sqrt()));
            for row in part.chunks_exact_mut(inner) {
                row.iter_mut().zip(&*norms).for_each(|(w, factor)| *w = (f64::from(*w) * factor) as f32);
            }
        }
    }

    /// What weights of the norm `n` are multiplied by.
    fn factor(self, n: f64) -> f64 {
        let desired = match self {
            Self::MaxNorm { max_value, .. } => n.clamp(0.0, max_value),
            Self::UnitNorm { .. } => 1.0,
            Self::NonNeg {} => return 1.0,
            Self::MinMaxNorm { min_value, max_value, rate, .. } => {
                rate * n.clamp(min_value, max_value) + (1.0 - rate) * n
            }
        };
        desired / (EPSILON + n)
    }

    fn named(name: &str, mut config: Map<String, Value>) -> Result<Self, String> {
        // Keras's classes and names with and without underscores.
        let plain = |name: &str| name.replace('_', "").to_lowercase();
        let known = Self::NAMES.iter().find(|known| plain(known) == plain(name));
        let Some(known) = known.or((plain(name) == "nonnegative").then_some(&"non_neg")) else {
            return Err(serde_json::Error::unknown_variant(name, Self::NAMES).to_string());
        };
        config.insert("name".into(), (*known).into());
        Self::deserialize(Value::Object(config)).map_err(|e| e.to_string())
    }
}

/// A constraint as a mapping, with all its numbers.
#[derive(Serialize)]
struct ConstraintValue(#[serde(with = "Constraint")] Constraint);

impl Serialize for Constraint {
    /// The name alone, if that says it all.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = serde_json::to_value(ConstraintValue(*self)).unwrap_or_default();
        let name = written.get("name").and_then(Value::as_str).unwrap_or_default();
        match Self::named(name, Map::new()) {
            Ok(named) if named == *self => serializer.serialize_str(name),
            _ => Self::serialize(self, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Constraint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrMapping;

        impl<'de> Visitor<'de> for NameOrMapping {
            type Value = Constraint;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a constraint: a name such as non_neg, or {name: max_norm, max_value: 2}")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Constraint, E> {
                Constraint::named(name, Map::new()).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Constraint, A::Error> {
                let KerasObject { name, config } = KerasObject::read(map)?;
                Constraint::named(&name, config).map_err(A::Error::custom)
            }
        }

        deserializer.deserialize_any(NameOrMapping)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Constraint, String> {
        serde_yaml::from_str(text).map_err(|e| e.to_string())
    }

    /// The formulas in plain loops.
    fn plain(constraint: &str, w: &[f32], shape: &[usize]) -> Vec<f32> {
        let mut values = w.to_vec();
        read(constraint).unwrap().apply(&mut values, shape, &mut Vec::new());
        values
    }

    #[test]
    fn norms_are_those_along_the_axes() {
        let w = [3.0, 0.5, 4.0, 0.0, 0.0, 1.0];
        let near = |found: Vec<f32>, expected: &[f32]| {
            assert!(
                found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5),
                "{found:?} for {expected:?}"
            );
        };
        // Columns of [3, 2]: (3, 4, 0) of norm 5 and (0.5, 0, 1) of norm √1.25.
        near(plain("{name: max_norm, max_value: 2}", &w, &[3, 2]), &[1.2, 0.5, 1.6, 0.0, 0.0, 1.0]);
        let unit = 1.25f32.sqrt();
        near(plain("unit_norm", &w, &[3, 2]), &[0.6, 0.5 / unit, 0.8, 0.0, 0.0, 1.0 / unit]);
        // Rows.
        near(
            plain("{class_name: UnitNorm, config: {axis: 1}}", &w, &[3, 2])[2..].to_vec(),
            &[1.0, 0.0, 0.0, 1.0],
        );
        near(
            plain("{name: MinMaxNorm, min_value: 2, max_value: 3, rate: 0.5, axis: -1}", &w, &[3, 2])[2..]
                .to_vec(),
            &[3.5, 0.0, 0.0, 1.5],
        );
        // All of a kernel [2, 3, 1] into each filter.
        let norm = w.iter().map(|w| w * w).sum::<f32>().sqrt();
        near(plain("{name: unit_norm, axis: [0, 1]}", &w, &[2, 3, 1]), &w.map(|w| w / norm));
        near(plain("non_neg", &[-1.0, 2.0, -0.0], &[3]), &[0.0, 2.0, 0.0]);
        assert!(plain("non_neg", &[f32::NAN], &[1])[0].is_nan());
        near(plain("unit_norm", &[0.0; 4], &[2, 2]), &[0.0; 4]);
    }

    #[test]
    fn constraints_are_read_and_written_as_they_were_and_faults_are_found() {
        for text in [
            "max_norm",
            "{name: max_norm, max_value: 3.0, axis: [0, 1]}",
            "non_neg",
            "{name: min_max_norm, rate: 0.5}",
        ] {
            let once = read(text).unwrap();
            assert_eq!(read(&serde_yaml::to_string(&once).unwrap()), Ok(once), "{text}");
        }
        assert_eq!(serde_yaml::to_string(&read("NonNeg").unwrap()).unwrap().trim(), "non_neg");
        assert_eq!(serde_yaml::to_string(&read("MaxNorm").unwrap()).unwrap().trim(), "max_norm");
        assert!(read("max_nrom").unwrap_err().contains("unknown variant"));
        assert!(read("{name: max_norm, max: 2}").unwrap_err().contains("unknown field `max`"));
        assert!(read("{name: non_neg, axis: 1}").unwrap_err().contains("unknown field `axis`"));
        for (text, rank, words) in [
            ("{name: max_norm, max_value: -1}", 2, "norms from 0 to -1"),
            ("{name: unit_norm, axis: 1}", 1, "an axis that the tensor does not have"),
            ("{name: min_max_norm, rate: 2}", 2, "the rate 2"),
            ("{name: min_max_norm, min_value: 2}", 2, "norms from 2 to 1"),
        ] {
            let error = Constraint::check(Some(read(text).unwrap()), "kernel_constraint", rank).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
