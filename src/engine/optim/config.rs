/// Defines an optimizer's configuration: its own fields with Keras's defaults, and the fields common to all optimizers.
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
            /// Decoupled weight decay, applied before each update: `w ← w − w·weight_decay·lr`.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub weight_decay: Option<f64>,
            /// Maximum L2 norm of each tensor's gradient.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub clipnorm: Option<f64>,
            /// Maximum L2 norm of all gradients together.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub global_clipnorm: Option<f64>,
            /// Maximum absolute value of each gradient element.
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

/// An invalid value in a configuration.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{found}; {help}")]
pub struct ConfigError {
    /// The invalid field.
    pub field: &'static str,
    /// The value found.
    pub found: String,
    /// The valid values.
    pub help: &'static str,
}

/// The valid range of a number in a configuration.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bound {
    /// Above 0.
    Positive,
    /// Above 0 as an `f32` too: a divisor where the gradient has always been 0.
    Divisor,
    /// 0 or more.
    NotNegative,
    /// From 0 to below 1: the decay rate of a running mean.
    Share,
    /// From 0 to 1.
    UnitInterval,
    /// Above 0 and below 1: a reduction factor.
    Fraction,
}

impl Bound {
    /// Returns an error if the `value` of `field` is out of range or not finite.
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
