use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Metrics by name, in the order in which they were set. As JSON a map; a value that is not finite is null there, and NaN when read back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics(Vec<(String, f64)>);

impl Metrics {
    /// Sets the metric called `name`.
    pub fn set(&mut self, name: impl Into<String>, value: f64) {
        let name = name.into();
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// The metric called `name`.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| *value)
    }

    /// Names and values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// The names.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets all of `other`, each with `prefix` before its name.
    pub fn set_all(&mut self, prefix: &str, other: &Self) {
        other.iter().for_each(|(name, value)| self.set(format!("{prefix}{name}"), value));
    }

    /// Drops what could not be measured: values that are not finite, except losses and accuracies, which are always there.
    pub fn drop_unmeasured(&mut self) {
        let always =
            |name: &str| matches!(name.strip_prefix(super::VALIDATION).unwrap_or(name), "loss" | "accuracy");
        self.0.retain(|(name, value)| value.is_finite() || always(name));
    }
}

impl<S: Into<String>> FromIterator<(S, f64)> for Metrics {
    fn from_iter<I: IntoIterator<Item = (S, f64)>>(all: I) -> Self {
        let mut metrics = Self::default();
        all.into_iter().for_each(|(name, value)| metrics.set(name, value));
        metrics
    }
}

impl<S: Into<String>, const N: usize> From<[(S, f64); N]> for Metrics {
    fn from(all: [(S, f64); N]) -> Self {
        all.into_iter().collect()
    }
}

impl Serialize for Metrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Metrics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Metrics;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from the names of metrics to numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metrics, A::Error> {
                let mut metrics = Metrics::default();
                while let Some((name, value)) = map.next_entry::<String, Option<f64>>()? {
                    metrics.set(name, value.unwrap_or(f64::NAN));
                }
                Ok(metrics)
            }
        }
        deserializer.deserialize_map(Map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_a_map_in_order_with_null_for_what_is_not_finite() {
        let metrics = Metrics::from([("val_loss", 0.5), ("accuracy", f64::NAN)]);
        let json = serde_json::to_string(&metrics).unwrap();
        assert_eq!(json, r#"{"val_loss":0.5,"accuracy":null}"#);
        let back: Metrics = serde_json::from_str(&json).unwrap();
        assert_eq!(back.get("val_loss"), Some(0.5));
        assert!(back.get("accuracy").unwrap().is_nan() && back.get("loss").is_none());
    }
}
