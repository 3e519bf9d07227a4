//! Training: a [`Session`] is a spec made real, a [`Stepper`] makes one step of a batch, and the [`Trainer`] runs the training loop on a
//! thread of its own; it publishes [`Event`](crate::protocol::Event)s and takes [`Command`](crate::protocol::Command)s.
//!
//! The trainer owns the model; nothing is shared behind a lock. What it computes depends on the spec and the count of steps alone, never
//! on a clock or on who watches. A pace, which is applied only while someone watches, changes which steps are watched, and no weight.

mod control;
mod cost;
mod error;
mod probes;
mod publisher;
mod session;
mod shard_worker;
mod step;
mod trainer;
mod training_loop;
mod update_norms;
mod vectors;
mod watch;

pub use session::{PrepareError, Session};
pub use step::{DivergedError, StepResult, Stepper};
pub use trainer::{Options, Outcome, Trainer};
pub use watch::Watch;
