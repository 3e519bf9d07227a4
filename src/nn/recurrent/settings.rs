use crate::nn::{Initializer, Regularizer};

/// The settings that all recurrent layers share, by Keras's names.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Size of the hidden state.
    pub units: usize,
    /// Whether there are biases.
    pub use_bias: bool,
    /// Whether the output is the state after every step, or after the last only.
    pub return_sequences: bool,
    /// Whether to read from the last position to the first.
    pub go_backwards: bool,
    /// Whether a batch starts from the last states of the batch before it.
    pub stateful: bool,
    /// Share of the inputs that is dropped while learning.
    pub dropout: f64,
    /// Share of the hidden state that is dropped before the product with `U`.
    pub recurrent_dropout: f64,
    /// The initializer of `kernel`.
    pub kernel_initializer: Initializer,
    /// The initializer of `recurrent_kernel`.
    pub recurrent_initializer: Initializer,
    /// The initializer of `bias`.
    pub bias_initializer: Initializer,
    /// The regularizer of `kernel`.
    pub kernel_regularizer: Option<Regularizer>,
    /// The regularizer of `recurrent_kernel`.
    pub recurrent_regularizer: Option<Regularizer>,
    /// The regularizer of `bias`.
    pub bias_regularizer: Option<Regularizer>,
}

/// Defines a recurrent layer: its own fields, each with the name and the call of its default, and those of [`Settings`] with
/// Keras's defaults.
macro_rules! recurrent_layer {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty = $default:literal $call:expr),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Size of the hidden state.
            pub units: usize,
            $($(#[$field_doc])* #[serde(default = $default)] pub $field: $ty,)*
            /// Whether there are biases.
            #[serde(default = "crate::nn::defaults::yes")]
            pub use_bias: bool,
            /// Whether the output is the state after every step, or after the last only.
            #[serde(default)]
            pub return_sequences: bool,
            /// Whether to read from the last position to the first.
            #[serde(default)]
            pub go_backwards: bool,
            /// Whether a batch starts from the last states of the batch before it.
            #[serde(default)]
            pub stateful: bool,
            /// Changes nothing: the states are no input of another layer.
            #[serde(default)]
            pub return_state: bool,
            /// Share of the inputs that is dropped while learning.
            #[serde(default)]
            pub dropout: f64,
            /// Share of the hidden state that is dropped before the product with `U`, while learning.
            #[serde(default)]
            pub recurrent_dropout: f64,
            /// The initializer of `kernel`.
            #[serde(default = "crate::nn::defaults::glorot_uniform")]
            pub kernel_initializer: crate::nn::Initializer,
            /// The initializer of `recurrent_kernel`.
            #[serde(default = "crate::nn::defaults::orthogonal")]
            pub recurrent_initializer: crate::nn::Initializer,
            /// The initializer of `bias`.
            #[serde(default = "crate::nn::defaults::zeros")]
            pub bias_initializer: crate::nn::Initializer,
            /// The regularizer of `kernel`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub kernel_regularizer: Option<crate::nn::Regularizer>,
            /// The regularizer of `recurrent_kernel`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub recurrent_regularizer: Option<crate::nn::Regularizer>,
            /// The regularizer of `bias`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub bias_regularizer: Option<crate::nn::Regularizer>,
        }

        impl Default for $name {
            fn default() -> Self {
                use crate::nn::defaults;
                Self {
                    units: 1,
                    $($field: $call,)*
                    use_bias: true,
                    return_sequences: false,
                    return_state: false,
                    go_backwards: false,
                    stateful: false,
                    dropout: 0.0,
                    recurrent_dropout: 0.0,
                    kernel_initializer: defaults::glorot_uniform(),
                    recurrent_initializer: defaults::orthogonal(),
                    bias_initializer: defaults::zeros(),
                    kernel_regularizer: None,
                    recurrent_regularizer: None,
                    bias_regularizer: None,
                }
            }
        }

        impl $name {
            fn common(&self) -> crate::nn::recurrent::Settings {
                crate::nn::recurrent::Settings {
                    units: self.units,
                    use_bias: self.use_bias,
                    return_sequences: self.return_sequences,
                    go_backwards: self.go_backwards,
                    stateful: self.stateful,
                    dropout: self.dropout,
                    recurrent_dropout: self.recurrent_dropout,
                    kernel_initializer: self.kernel_initializer,
                    recurrent_initializer: self.recurrent_initializer,
                    bias_initializer: self.bias_initializer,
                    kernel_regularizer: self.kernel_regularizer,
                    recurrent_regularizer: self.recurrent_regularizer,
                    bias_regularizer: self.bias_regularizer,
                }
            }
        }
    };
}
pub(in crate::nn) use recurrent_layer;
