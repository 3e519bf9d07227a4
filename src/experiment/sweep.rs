//! Sweeps: many trainings of one preset with other settings, seeds or parts of the data.
//!
//! ```text
//! SweepDefinition ─▶ trials (a function of it) ─▶ Scheduler: claims, comparisons ─▶ threads, each with one training at a time
//!      sweep.yaml         trials.jsonl             state/, on any number of hosts       trials/0007/, ordinary run folders
//! ```

mod definition;
mod folder;
mod halving;
mod importance;
mod learning_curve;
mod reader;
mod repeats;
mod run;
mod scheduler;
mod space;
mod state_files;
mod status;

pub use definition::{MAX_TRIALS, SlurmOptions, SweepDefinition, SweepNetwork, Trial, folder_name};
pub use folder::Sweep;
pub use halving::{Amount, Halving};
pub use learning_curve::{CurvePoint, FittedCurve, LearningCurve, PowerLaw, SeedAndFold};
pub use reader::SweepReader;
pub use repeats::{Claim, Repeats};
pub use run::{SweepEnd, SweepOptions, SweepWatcher};
pub use space::{Distribution, GridSetting, RandomSetting};
pub use state_files::{EndState, TrialResult};
pub use status::{Combination, SweepStatus, TrialState, TrialStatus};
