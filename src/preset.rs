//! Presets: a file as written → a [`RunSpec`], resolved and validated; and the catalogue of those that the program carries.
//!
//! ```text
//! text ─ yaml ─→ tree ← --set, --data, --seed      (document.rs: as written)
//!                  └─ read.rs ─→ RunSpec            (spec.rs: as resolved; checked against the network's shapes)
//! ```
//! The YAML crate is known to this module alone.

mod builtin;
mod catalog;
mod document;
mod error;
mod read;
mod spec;
mod target_check;
mod yaml_position;

pub use builtin::{names, text};
pub use catalog::{Entry, entries};
pub use document::Overrides;
pub use error::{PresetError, in_plain_words, unknown};
pub use read::{Resolved, load, load_run, minimal, parse};
/// A tree of YAML.
pub use serde_yaml::Value;
pub use spec::{Probes, RunSpec, SampleSpec, TrainSpec, WatchSpec};
pub use target_check::{TargetError, check as check_fit};
