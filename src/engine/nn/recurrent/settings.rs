use crate::nn::{Constraint, Initializer, Regularizer};

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
    /// The regularizer of the output, within a `Bidirectional` of the output of each half.
    pub activity_regularizer: Option<Regularizer>,
    /// The constraint of `kernel`.
    pub kernel_constraint: Option<Constraint>,
    /// The constraint of `recurrent_kernel`.
    pub recurrent_constraint: Option<Constraint>,
    /// The constraint of `bias`.
    pub bias_constraint: Option<Constraint>,
    /// Whether the output is 0 where the mask leaves a step out.
    pub zero_output_for_mask: bool,
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
            /// The regularizer of the output, within a `Bidirectional` of the output of each half.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub activity_regularizer: Option<crate::nn::Regularizer>,
            /// The constraint of `kernel`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub kernel_constraint: Option<crate::nn::Constraint>,
            /// The constraint of `recurrent_kernel`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub recurrent_constraint: Option<crate::nn::Constraint>,
            /// The constraint of `bias`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub bias_constraint: Option<crate::nn::Constraint>,
            /// Whether the output is 0 where the mask leaves a step out; else it is that of the step before.
            #[serde(default)]
            pub zero_output_for_mask: bool,
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
                    activity_regularizer: None,
                    kernel_constraint: None,
                    recurrent_constraint: None,
                    bias_constraint: None,
                    zero_output_for_mask: false,
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
                    activity_regularizer: self.activity_regularizer,
                    kernel_constraint: self.kernel_constraint,
                    recurrent_constraint: self.recurrent_constraint,
                    bias_constraint: self.bias_constraint,
                    zero_output_for_mask: self.zero_output_for_mask,
                }
            }
        }
    };
}
pub(in crate::nn) use recurrent_layer;
