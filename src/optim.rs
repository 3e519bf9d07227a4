//! Optimizers and gradient clipping, with Keras 3's formulas and defaults, over the flat weights of a model.

mod clip;
mod optimizer;
mod spec;

pub use clip::{Clip, global_norm};
pub use optimizer::Optimizer;
pub use spec::{Adam, ClipError, OptimizerSpec, RMSprop, SGD};
