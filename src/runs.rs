//! The runs of a folder: their summaries, sorted, filtered, grouped and compared, with notes and tags.
//!
//! ```text
//! runs/NAME/{spec.yaml, metrics.jsonl, frames.bin} ─ Summary ─┐
//!           notes.json ─ Marks ───────────────────────────────┼─▶ Run ─▶ Filter, Key (sort, group) ─▶ Table, CSV, JSON
//! runs/.index: the summaries of runs that have not changed ───┘
//! ```
//!
//! Reads run folders; writes nothing into them but `notes.json`.

mod card;
mod columns;
mod compare;
mod evaluations;
mod filter;
mod format;
mod group;
mod index;
mod key;
mod list;
mod marks;
mod progress;
mod ranking;
mod remove;
mod settings;
mod stamps;
mod summary;
mod table;

pub use card::{Card, Checkpoint};
pub use columns::columns;
pub use compare::{Comparison, Differing, differing_settings};
pub use evaluations::{Evaluated, evaluations};
pub use filter::{Filter, FilterError};
pub use format::{age, timestamp};
pub use group::{Group, Statistic, group, group_columns, group_notes};
pub use key::{Cell, Key, KeyError, sort};
pub use list::{Run, is_sweep, list, open};
pub use marks::{Marks, MarksError, Note};
pub use progress::Recorded;
pub use ranking::{RankError, beyond_best};
pub use remove::{RemoveError, remove};
pub use settings::Settings;
pub use summary::{Best, Summary, Values};
pub use table::{Column, Table};
