//! Presets: a file as written → a [`RunSpec`], resolved and validated; and the catalogue of those that the program carries.
//!
//! ```text
//! text ─ yaml ─→ tree ← --set, --data, --seed      (document.rs: as written)
//!                  └─ read.rs ─→ RunSpec            (spec.rs: as resolved; checked against the network's shapes)
//! ```
//! The YAML crate is known to this module alone.

mod catalog;
mod document;
mod error;
mod fit;
mod place;
mod read;
mod spec;

pub use catalog::{Entry, entries, names, text};
pub use document::Overrides;
pub use error::{PresetError, in_plain_words, unknown};
pub use fit::{Unfit, check as check_fit};
pub use read::{Resolved, load, load_run};
pub use spec::{Probes, RunSpec, SampleSpec, TrainSpec, WatchSpec};
