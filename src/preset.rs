//! Presets: parsing a file to a resolved and validated [`RunSpec`], and the catalog of the built-in presets.
//!
//! ```text
//! text ─ yaml ─→ tree ← --set, --data, --seed      (document.rs: as written)
//!                  └─ read.rs ─→ RunSpec            (spec.rs: resolved; checked against the network's shapes)
//! ```
//! Only this module uses the YAML crate.

mod alerts;
mod builtin;
mod catalog;
mod checkpoint_spec;
mod document;
mod edited;
mod error;
mod from_spec;
mod read;
mod settings;
mod spec;
mod target_check;
mod units;
mod yaml;
mod yaml_position;

pub use alerts::AlertSpec;
pub use builtin::{Answer, answer_to, names, text};
pub use catalog::{Entry, entries};
pub use checkpoint_spec::CheckpointSpec;
pub use document::Overrides;
pub use edited::{EditedLayer, EditedPreset, LAYER_KINDS, OPTIMIZERS};
pub use error::{PresetError, in_plain_words, unknown};
pub use from_spec::FromSpec;
pub use read::{Resolved, load, load_run, minimal, parse, reload};
/// A tree of YAML.
pub use serde_yaml::Value;
pub use settings::{Difference, Settings, differences, settings};
pub use spec::{Probes, RunSpec, SampleSpec, TrainSpec, WatchSpec};
pub use target_check::{TargetError, check as check_fit};
pub use yaml::{from_yaml, load_tree, to_yaml};
