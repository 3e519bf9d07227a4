//! Several trainings as one: a preset trained once for every seed of a range, or once for every fold of a cross-validation.

mod runner;
mod summary;

pub use runner::{ExperimentError, MAX_SEEDS, Repeat, Trained, train_all};
