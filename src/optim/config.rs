/// Makes an optimizer's configuration: its own fields with Keras's defaults, and those that all have.
macro_rules! optimizer {
    (
        $(#[$doc:meta])* $name:ident, weight_decay: $decay:expr;
        { $($(#[$field_doc:meta])* $field:ident: $ty:ty = $default:expr),* $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $ty,)*
            /// Before each update every weight shrinks by this share of it times the learning rate:
            /// `w ← w − w·weight_decay·lr`.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub weight_decay: Option<f64>,
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
                Self {
                    $($field: $default,)*
                    weight_decay: $decay,
                    clipnorm: None,
                    global_clipnorm: None,
                    clipvalue: None,
                }
            }
        }
    };
}

/// A value that a configuration cannot have.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{found}; {help}")]
pub struct ConfigError {
    /// The field to blame.
    pub field: &'static str,
    /// What is wrong.
    pub found: String,
    /// What would be right.
    pub help: &'static str,
}

/// What a number of a configuration must be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bound {
    /// Above 0.
    Positive,
    /// Above 0 as an `f32` too: what a weight's update divides by where there never was a gradient.
    Divisor,
    /// 0 or more.
    NotNegative,
    /// From 0 to below 1: the share of a running mean that stays.
    Share,
    /// From 0 to 1.
    UnitInterval,
    /// Above 0 and below 1: what makes smaller.
    Fraction,
}

impl Bound {
    /// Refuses a `value` of `field` beyond the bound, or not finite.
    pub fn check(self, field: &'static str, value: f64) -> Result<(), ConfigError> {
        let (holds, help) = match self {
            Self::Positive => (value > 0.0, "it must be above 0"),
            Self::Divisor => {
                (value as f32 > 0.0, "it must be above 0, also in single precision: 1e-45 or more")
            }
            Self::NotNegative => (value >= 0.0, "it must be 0 or more"),
            Self::Share => ((0.0..1.0).contains(&value), "it must be at least 0 and below 1"),
            Self::UnitInterval => ((0.0..=1.0).contains(&value), "it must be from 0 to 1"),
            Self::Fraction => (value > 0.0 && value < 1.0, "it must be above 0 and below 1"),
        };
        if holds && value.is_finite() {
            return Ok(());
        }
        Err(ConfigError { field, found: format!("`{field}` is {value}"), help })
    }
}
