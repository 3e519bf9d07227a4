//! The engine of `unrolled`: arithmetic, layers, optimizers, training steps, data, and the messages of a training. A package of its own, so
//! that it is optimized for speed and all the rest for size, and is not compiled again when a screen changes.
//!
//! The map of all modules is in `src/lib.rs` of `unrolled`.

pub mod data;
pub mod escape;
pub mod kernel;
pub mod memory;
pub mod metrics;
pub mod nn;
pub mod number;
pub mod optim;
pub mod protocol;
pub mod rng;
pub mod sort;
pub mod step;

#[cfg(test)]
#[path = "../../tests/common/messages.rs"]
mod messages;
