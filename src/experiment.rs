//! Several trainings as one: a preset trained once for every seed of a range or every fold of a cross-validation; a training again, as a proof
//! or on another course; several networks side by side.

mod branch;
mod edited;
mod edited_spec;
mod error;
mod fine_tuning;
mod fixed;
mod history;
mod phases;
mod race;
mod resume;
mod runner;
mod spec_files;
mod start;
mod summary;
mod sweep;
mod verify;

pub use branch::{branch_phases, changed, check_changes, copy_to_branch};
pub use edited::check_preset;
pub use edited_spec::EditedSpec;
pub use error::{ExperimentError, check_trained};
pub use fine_tuning::{FineTuning, plan_fine_tuning};
pub use history::{History, Phase};
pub use phases::{PhaseOptions, PhaseTraining, train_phases};
pub use race::{AtRaceEnd, Budget, BuiltinRace, Plan, RACES, Race, RaceEnd, RaceOptions};
pub use resume::{ResumePlan, plan_resume};
pub use runner::{MAX_SEEDS, Repeat, RepeatOptions, RepeatWatcher, train_all};
pub use start::Trained;
pub use sweep::{
    Amount, Combination, CurvePoint, Distribution, EndState, FittedCurve, GridSetting, Halving,
    LearningCurve, MAX_TRIALS, PowerLaw, RandomSetting, SeedAndFold, SlurmOptions, Sweep, SweepDefinition,
    SweepEnd, SweepOptions, SweepReader, SweepStatus, SweepWatcher, Trial, TrialResult, TrialState,
    TrialStatus,
};
pub use verify::{Verification, verify};
