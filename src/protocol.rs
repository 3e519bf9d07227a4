//! What the parts say to each other: [`Event`]s go up from a trainer, [`Command`]s go down to it.
//!
//! Plain serde types at the bottom of the program. They know no layer, no file and no screen, so that a live trainer,
//! a recorded run and a socket can stand in for one another.
//!
//! Events are emitted by count of steps, never by clock: the same spec and seed give the same events, but for the
//! fields that measure time (`seconds`, `sequences_per_s`).

mod command;
mod direction;
mod event;
mod findings;
mod instruments;
mod table;

pub use command::Command;
pub use direction::Direction;
pub use event::{
    Activations, EpochMetrics, Event, GradientProfile, Level, LogLine, ProbeFrame, RunInfo, RunStatus,
    Sample, Saved, StepMetrics, ValidationMetrics,
};
pub use findings::{ColumnFound, Coverage, Draft, Findings, Lengths};
pub use instruments::{Instruments, LayerHealth, ParamNorms, QuantityHealth};
pub use table::{ClassCount, DataFacts, LayerRow, ModelTable, ProbeText};
