//! Optimizers, gradient clipping, learning-rate schedules and early stopping, with Keras 3's formulas and defaults.
//!
//! Optimizers update the flat weights of a model. Each file contains one optimizer: its configuration and its formula.

#[macro_use]
mod config;
mod adagrad;
mod adam;
mod clip;
mod early_stopping;
mod monitor;
mod nadam;
mod optimizer;
mod rmsprop;
mod rule;
mod schedule;
mod sgd;
mod spec;

pub use adagrad::Adagrad;
pub use adam::{Adam, AdamW};
pub use clip::{Clip, Limit};
pub use config::ConfigError;
pub use early_stopping::{EarlyStopping, Stopper, Verdict};
pub use monitor::{Best, MonitorMode, default_monitor, needs_validation};
pub use nadam::Nadam;
pub use optimizer::Optimizer;
pub use rmsprop::RMSprop;
pub use rule::UpdateSquares;
pub use schedule::{CosineDecay, ExponentialDecay, LearningRate, Plateau, Schedule, StepDecay};
pub use sgd::SGD;
pub use spec::OptimizerSpec;
