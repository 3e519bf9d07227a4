//! Training: a [`Session`] is a spec made real, a step is one batch through it, and the [`Trainer`] runs it on a thread of its
//! own, speaking by [`Event`](crate::protocol::Event) and spoken to by [`Command`](crate::protocol::Command).
//!
//! The trainer owns the model; nothing of it is shared behind a lock. What it emits depends on the count of steps alone,
//! never on a clock or on who listens.

mod change;
mod control;
mod cost;
mod course;
mod evaluation;
mod outlet;
mod probes;
mod session;
mod step;
mod trainer;
mod vectors;
mod watch;
mod work;

pub use session::{Prepare, Session};
pub use step::{Diverged, Stepper, Taken};
pub use trainer::{Options, Outcome, Trainer};
pub use watch::Watch;
