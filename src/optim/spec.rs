use serde::{Deserialize, Serialize};

use super::config::Bound;
use super::rule::Rule;
use super::{Adagrad, Adam, AdamW, Clip, ConfigError, Nadam, RMSprop, SGD};

/// Makes [`OptimizerSpec`] from the list of optimizers.
macro_rules! optimizers {
    ($($name:ident),* $(,)?) => {
        /// An optimizer as a preset names it: `{name: Adam, learning_rate: 0.001, …}`.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(tag = "name")]
        pub enum OptimizerSpec {
            $(#[doc = concat!("See [`", stringify!($name), "`].")] $name($name),)*
        }

        impl OptimizerSpec {
            /// The names that a preset may use.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// Reads the configuration of the optimizer called `name`; `None` when there is no such optimizer.
            ///
            /// # Errors
            /// The deserialiser's own, of a bad configuration.
            pub fn read<'de, D: serde::Deserializer<'de>>(name: &str, config: D) -> Option<Result<Self, D::Error>> {
                match name {
                    $(stringify!($name) => Some($name::deserialize(config).map(Self::$name)),)*
                    _ => None,
                }
            }

            /// Keras's name.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name),)* }
            }

            /// The learning rate to begin with.
            pub fn learning_rate(&self) -> f64 {
                match self { $(Self::$name(o) => o.learning_rate,)* }
            }

            /// The share of each weight, times the learning rate, that goes before an update.
            pub fn weight_decay(&self) -> Option<f64> {
                match self { $(Self::$name(o) => o.weight_decay,)* }
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
    /// Checks every number.
    ///
    /// # Errors
    /// The first that no optimizer can work with: the learning rate must be above 0, shares below 1, …
    pub fn check(&self) -> Result<(), ConfigError> {
        Bound::Positive.check("learning_rate", self.learning_rate())?;
        self.rule().bounds().into_iter().try_for_each(|(field, value, bound)| bound.check(field, value))?;
        Bound::NotNegative.check("weight_decay", self.weight_decay().unwrap_or(0.0))?;
        self.clip().map(drop)
    }

    /// How gradients are clipped.
    ///
    /// # Errors
    /// More than one way (Keras refuses that too), or a bound that is not positive.
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
    fn what_no_optimizer_can_work_with_is_refused_with_its_field() {
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
    fn every_optimizer_is_sound_by_default_and_reads_back_as_it_was_written() {
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
