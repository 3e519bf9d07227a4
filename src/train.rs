//! Training: a [`Session`] has the data and the network of a spec, a [`Stepper`](crate::step::Stepper) computes one step of a batch, and the
//! [`Trainer`] runs the training loop on a thread of its own; it publishes [`Event`](crate::protocol::Event)s and receives
//! [`Command`](crate::protocol::Command)s.
//!
//! The trainer owns the model; nothing is shared behind a lock. The weights depend on the spec and the number of steps alone, never
//! on time or on monitoring. A pace, which is applied only with a screen, changes which steps are monitored, and no weight.

mod alerts;
mod control;
mod cost;
mod divergence;
mod error;
mod examples;
mod fingerprint;
mod initial_network;
mod memory;
mod neighbours;
mod options;
mod probes;
mod publisher;
mod restore;
mod session;
mod state;
mod trainer;
mod training_loop;
mod turns;
mod unit_response;
mod vectors;
mod watch;
mod weight_distributions;

pub use memory::{MemoryError, memory_needed};
pub use options::{Options, Resume};
pub use probes::Detail;
pub use restore::{Progress, kept_metrics, spec_at};
pub use session::{PrepareError, Session};
pub use trainer::{AtEnd, Ended, Outcome, Reached, RunFolder, Trainer};
pub use turns::{RACE, Turn, TurnLength, Turns, Usage};
pub use watch::Watch;
