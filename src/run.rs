//! The run folder: what a run writes to disk, and how it is read back.
//!
//! A [`Folder`] is locked by one trainer at a time. Its [`Recorder`] writes every [`Event`](crate::protocol::Event) on a
//! thread of its own, to `metrics.jsonl` for other tools and to `frames.bin` for this one; a [`Reader`] returns the
//! events; [`checkpoint`] saves and loads weights. Sees the protocol and plain data, never the trainer, a layer or a screen.
//!
//! Bytes on disk per optimizer step: 67 in `frames.bin` and about 170 in `metrics.jsonl`. A watched step adds
//! `4·T + 26` bytes per recurrent layer and direction for the gradient over `T` time steps, and a byte per token and
//! unit of every quantity of every probe; probes are thinned to stay within a budget.

pub mod checkpoint;
mod checksum;
mod error;
mod folder;
mod frames;
mod metrics;
mod reader;
mod record_file;
mod recorder;
mod resolve;
pub mod timestamp;

pub use checksum::{Checksum, check_run_files};
pub use error::RunError;
pub use folder::{Folder, check_empty, check_empty_except, create_run_dir, is_locked, read_json};
pub use reader::{Events, Position, Reader};
pub use recorder::Recorder;
pub use resolve::resolve;
