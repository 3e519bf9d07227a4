use serde::{Deserialize, Serialize};

use super::config::Bound;
use super::rule::Rule;
use super::{Adagrad, Adam, AdamW, Clip, ConfigError, Nadam, RMSprop, SGD};

/// Defines [`OptimizerSpec`] from the list of optimizers.
macro_rules! optimizers {
    ($($name:ident),* $(,)?) => {
        /// An optimizer's configuration in a preset: `{name: Adam, learning_rate: 0.001, …}`.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(tag = "name")]
        pub enum OptimizerSpec {
            $(#[doc = concat!("See [`", stringify!($name), "`].")] $name($name),)*
        }

        impl OptimizerSpec {
            /// The names allowed in a preset.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// Parses the configuration of the optimizer `name`; `None` if there is no such optimizer.
            ///
            /// # Errors
            /// The deserializer's error for an invalid configuration.
            pub fn read<'de, D: serde::Deserializer<'de>>(name: &str, config: D) -> Option<Result<Self, D::Error>> {
                match name {
                    $(stringify!($name) => Some($name::deserialize(config).map(Self::$name)),)*
                    _ => None,
                }
            }

            /// Returns Keras's name.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name),)* }
            }

            /// Returns the initial learning rate.
            pub fn learning_rate(&self) -> f64 {
                match self { $(Self::$name(o) => o.learning_rate,)* }
            }

            /// Returns the decoupled weight decay.
            pub fn weight_decay(&self) -> Option<f64> {
                match self { $(Self::$name(o) => o.weight_decay,)* }
            }

            /// The number of values that it stores for each weight.
            pub fn slots(&self) -> usize {
                self.rule().slots().len()
            }

            pub(super) fn rule(&self) -> &dyn Rule {
                match self { $(Self::$name(o) => o,)* }
            }

            fn clips(&self) -> [Option<f64>; 3] {
                match self { $(Self::$name(o) => [o.clipnorm, o.global_clipnorm, o.clipvalue],)* }
            }
        }
    };
}

optimizers!(SGD, RMSprop, Adagrad, Adam, AdamW, Nadam);

impl OptimizerSpec {
    /// Validates every number.
    ///
    /// # Errors
    /// The first invalid number: the learning rate must be above 0, shares below 1, …
    pub fn check(&self) -> Result<(), ConfigError> {
        Bound::Positive.check("learning_rate", self.learning_rate())?;
        self.rule().bounds().into_iter().try_for_each(|(field, value, bound)| bound.check(field, value))?;
        Bound::NotNegative.check("weight_decay", self.weight_decay().unwrap_or(0.0))?;
        self.clip().map(drop)
    }

    /// Returns the gradient clipping.
    ///
    /// # Errors
    /// If more than one kind is set (as in Keras), or a bound is not positive.
    pub fn clip(&self) -> Result<Option<Clip>, ConfigError> {
        const FIELDS: [&str; 3] = ["clipnorm", "global_clipnorm", "clipvalue"];
        let mut given =
            FIELDS.into_iter().zip(self.clips()).filter_map(|(field, value)| value.map(|v| (field, v)));
        let Some((field, bound)) = given.next() else { return Ok(None) };
        if let Some((second, _)) = given.next() {
            let found = format!("both `{field}` and `{second}` are given");
            return Err(ConfigError { field: second, found, help: "only one of the three can hold" });
        }
        Bound::Positive.check(field, bound)?;
        Ok(Some(match field {
            "clipnorm" => Clip::Norm(bound),
            "global_clipnorm" => Clip::GlobalNorm(bound),
            _ => Clip::Value(bound),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, config: serde_json::Value) -> OptimizerSpec {
        OptimizerSpec::read(name, config).unwrap().unwrap()
    }

    #[test]
    fn invalid_values_are_reported_with_their_field() {
        for (name, config, field) in [
            ("SGD", serde_json::json!({"learning_rate": 0.0}), "learning_rate"),
            ("SGD", serde_json::json!({"momentum": 1.5}), "momentum"),
            ("RMSprop", serde_json::json!({"rho": 1.0}), "rho"),
            ("Adagrad", serde_json::json!({"initial_accumulator_value": -1.0}), "initial_accumulator_value"),
            ("Adam", serde_json::json!({"beta_2": 1.0}), "beta_2"),
            ("Adam", serde_json::json!({"weight_decay": -0.1}), "weight_decay"),
            ("AdamW", serde_json::json!({"weight_decay": null}), "weight_decay"),
            ("Nadam", serde_json::json!({"epsilon": -1e-7}), "epsilon"),
            ("Nadam", serde_json::json!({"epsilon": 0.0}), "epsilon"),
            ("Adam", serde_json::json!({"epsilon": 0}), "epsilon"),
            ("Adam", serde_json::json!({"epsilon": 1e-46}), "epsilon"),
            ("AdamW", serde_json::json!({"epsilon": 0}), "epsilon"),
            ("RMSprop", serde_json::json!({"epsilon": 0, "centered": true}), "epsilon"),
            ("Adagrad", serde_json::json!({"epsilon": 0}), "epsilon"),
            ("Nadam", serde_json::json!({"clipnorm": 1.0, "clipvalue": 1.0}), "clipvalue"),
            ("Adam", serde_json::json!({"global_clipnorm": 0.0}), "global_clipnorm"),
        ] {
            assert_eq!(read(name, config).check().map_err(|e| e.field), Err(field), "{name}");
        }
    }

    #[test]
    fn every_optimizer_has_valid_defaults_and_round_trips_through_serde() {
        for name in OptimizerSpec::NAMES {
            let spec = read(name, serde_json::json!({"clipnorm": 2.0}));
            assert_eq!((spec.check(), spec.clip()), (Ok(()), Ok(Some(Clip::Norm(2.0)))));
            let mut written = serde_json::to_value(&spec).unwrap();
            assert_eq!(written.as_object_mut().unwrap().remove("name").unwrap(), *name);
            assert_eq!(read(name, written), spec);
        }
        assert_eq!(read("AdamW", serde_json::json!({})).weight_decay(), Some(0.004));
    }
}
