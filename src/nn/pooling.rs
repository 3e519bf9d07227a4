//! The window that pools over time share.

use super::window::Window;
use super::{LayerConfigError, Padding, Shape};

/// The window of a pool, `strides` by default as far as it is wide.
pub(super) fn pool(pool_size: usize, strides: Option<usize>, padding: Padding) -> Window {
    Window { taps: pool_size, stride: strides.unwrap_or(pool_size), dilation: 1, padding }
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
