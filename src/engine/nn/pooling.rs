//! What pooling layers share: their configuration and its window.

use super::window::Window;
use super::{LayerConfigError, Padding, Shape};

/// Makes the configuration of a pooling layer from its documentation and name.
macro_rules! pooling_layer {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Time steps of a window.
            #[serde(default = "crate::nn::pooling::default_pool_size")]
            pub pool_size: usize,
            /// Time steps from one window to the next; `pool_size` when absent.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub strides: Option<usize>,
            /// Padding at the ends: valid or same.
            #[serde(default)]
            pub padding: crate::nn::Padding,
        }

        impl Default for $name {
            fn default() -> Self {
                let pool_size = crate::nn::pooling::default_pool_size();
                Self { pool_size, strides: None, padding: crate::nn::Padding::Valid }
            }
        }

        impl $name {
            pub(super) fn window(&self) -> crate::nn::window::Window {
                let stride = self.strides.unwrap_or(self.pool_size);
                crate::nn::window::Window { taps: self.pool_size, stride, dilation: 1, padding: self.padding }
            }
        }
    };
}

pub(super) use pooling_layer;

pub(super) fn default_pool_size() -> usize {
    2
}

impl Window {
    /// A pool's configuration in a few words.
    pub fn detail(self) -> String {
        format!("{} wide, strides {}, {}", self.taps, self.stride, self.padding.name())
    }

    /// The output shape of a pool for `input`.
    ///
    /// # Errors
    /// When the window is impossible or longer than the sequence.
    pub fn pooled(self, input: Shape, who: &str) -> Result<Shape, LayerConfigError> {
        let (time, features) = input.sequence(who)?;
        LayerConfigError::positive("pool_size", self.taps)?;
        LayerConfigError::positive("strides", self.stride)?;
        if self.padding == Padding::Causal {
            let found = "`padding` is causal";
            return Err(LayerConfigError::of("padding", found, "a pool takes valid or same"));
        }
        Ok(Shape::Sequence { time: self.output(time, "pool_size")?, features })
    }
}
