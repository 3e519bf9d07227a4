use serde::{Deserialize, Serialize};

use super::Clip;

/// Makes an optimizer's configuration: its own fields with Keras's defaults, and those that all have.
macro_rules! optimizer {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty = $default:expr),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $ty,)*
            /// No tensor's gradient is longer than this (L2).
            #[serde(skip_serializing_if = "Option::is_none")]
            pub clipnorm: Option<f64>,
            /// All gradients together are no longer than this (L2).
            #[serde(skip_serializing_if = "Option::is_none")]
            pub global_clipnorm: Option<f64>,
            /// No number of a gradient is beyond ± this.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub clipvalue: Option<f64>,
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* clipnorm: None, global_clipnorm: None, clipvalue: None }
            }
        }
    };
}

optimizer! {
    /// Stochastic gradient descent, with g the gradient and w a weight:
    ///
    /// ```text
    /// plain       w ← w − lr·g
    /// momentum    v ← momentum·v − lr·g       w ← w + v
    /// Nesterov    v ← momentum·v − lr·g       w ← w + momentum·v − lr·g
    /// ```
    /// Source: `keras/src/optimizers/sgd.py`.
    SGD {
        /// `lr`.
        learning_rate: f64 = 0.01,
        /// Share of the last update that goes on.
        momentum: f64 = 0.0,
        /// Look ahead along the momentum (Nesterov 1983).
        nesterov: bool = false,
    }
}

optimizer! {
    /// Divides by a running root mean square of the gradient (Hinton 2012):
    ///
    /// ```text
    /// v ← rho·v + (1 − rho)·g²       w ← w − lr·g/√(v + epsilon)
    /// ```
    /// Source: `keras/src/optimizers/rmsprop.py`.
    RMSprop {
        /// `lr`.
        learning_rate: f64 = 0.001,
        /// Share of the mean that stays at a step.
        rho: f64 = 0.9,
        /// Keeps the root away from 0.
        epsilon: f64 = 1e-7,
    }
}

optimizer! {
    /// Running means of gradient and square, without their bias towards the start (Kingma & Ba 2014):
    ///
    /// ```text
    /// m ← m + (g − m)(1 − beta_1)       v ← v + (g² − v)(1 − beta_2)
    /// w ← w − lr·√(1 − beta_2ᵗ)/(1 − beta_1ᵗ) · m/(√v + epsilon)
    /// ```
    /// Source: `keras/src/optimizers/adam.py`.
    Adam {
        /// `lr`.
        learning_rate: f64 = 0.001,
        /// Share of the mean that stays at a step.
        beta_1: f64 = 0.9,
        /// Share of the mean square that stays at a step.
        beta_2: f64 = 0.999,
        /// Keeps the root away from 0.
        epsilon: f64 = 1e-7,
    }
}

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

            fn clips(&self) -> [Option<f64>; 3] {
                match self { $(Self::$name(o) => [o.clipnorm, o.global_clipnorm, o.clipvalue],)* }
            }
        }
    };
}

optimizers!(SGD, RMSprop, Adam);

/// A configuration that no optimizer can have.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{found}; {help}")]
pub struct ClipError {
    /// The field to blame.
    pub field: &'static str,
    /// What is wrong.
    pub found: String,
    /// What would be right.
    pub help: &'static str,
}

impl OptimizerSpec {
    /// How gradients are clipped.
    ///
    /// # Errors
    /// More than one way (Keras refuses that too), or a bound that is not positive.
    pub fn clip(&self) -> Result<Option<Clip>, ClipError> {
        const FIELDS: [&str; 3] = ["clipnorm", "global_clipnorm", "clipvalue"];
        let mut given =
            FIELDS.into_iter().zip(self.clips()).filter_map(|(field, value)| value.map(|v| (field, v)));
        let Some((field, bound)) = given.next() else { return Ok(None) };
        if let Some((second, _)) = given.next() {
            let found = format!("both `{field}` and `{second}` are given");
            return Err(ClipError { field: second, found, help: "only one of the three can hold" });
        }
        if !(bound.is_finite() && bound > 0.0) {
            return Err(ClipError {
                field,
                found: format!("`{field}` is {bound}"),
                help: "it must be above 0",
            });
        }
        Ok(Some(match field {
            "clipnorm" => Clip::Norm(bound),
            "global_clipnorm" => Clip::GlobalNorm(bound),
            _ => Clip::Value(bound),
        }))
    }
}
