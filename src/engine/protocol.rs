//! The messages between the parts: [`Event`]s from a trainer, [`Command`]s to it.
//!
//! Plain serde types without dependencies on layers, files or screens, so that a live trainer, a recorded run and a socket are
//! interchangeable.
//!
//! Events are emitted by number of steps, not by time: the same spec and seed give the same events, except for the
//! fields that measure time (`seconds`, `sequences_per_s`).

mod alert;
mod command;
mod command_sender;
mod direction;
mod event;
mod examples;
mod findings;
mod instruments;
mod neighbours;
mod non_finite;
mod probe;
mod race;
mod table;
mod units;
mod weights;

pub use alert::{Alert, AlertKind};
pub use command::{AppliedCommand, Command, CommandError, CommandRequest};
pub use command_sender::CommandSender;
pub use direction::Direction;
pub use event::{
    Activations, ChangedSetting, EpochMetrics, Event, GradientProfile, Level, LogLine, Monitor,
    NOTHING_TO_UNDO, ProbeFrame, Resumed, RunInfo, RunStatus, Sample, Saved, StepMetrics, TokenPrediction,
    Undone, ValidationMetrics,
};
pub use examples::{ClassifiedText, EntityCount, SeriesExcerpt, ValidationExamples, WordErrors};
pub use findings::{ColumnFound, Coverage, Draft, Findings, Lengths};
pub use instruments::{Instruments, LayerHealth, ParamNorms, QuantityHealth};
pub use neighbours::{EmbeddingNeighbours, WordNeighbours};
pub use non_finite::{NonFinite, Phase};
pub use probe::{AttentionWeights, TokenInfluence, TokenWindow};
pub use race::RaceEvent;
pub use table::{ClassCount, DataFacts, LayerRow, ModelTable, ProbeChange, ProbeText, ProbeVariant};
pub use units::{LayerUnit, StepResponse, TokenResponse, UnitResponse};
pub use weights::{KernelPicture, WeightDistribution, WeightDistributions};
