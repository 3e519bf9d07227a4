//! The run folder: what a run leaves on disk, and how it is read again.
//!
//! A [`Folder`] belongs to one trainer at a time. Its [`Recorder`] writes every [`Event`](crate::protocol::Event) on a
//! thread of its own, to `metrics.jsonl` for other tools and to `frames.bin` for ours; a [`Reader`] gives the events
//! back; [`checkpoint`] keeps the weights. Sees the protocol and plain data, never the trainer, a layer or a screen.
//!
//! Bytes on disk per optimizer step: 67 in `frames.bin` and about 170 in `metrics.jsonl`. A watched step adds
//! `4·T + 26` bytes per recurrent layer and direction for the gradient over `T` time steps, and a byte per token and
//! unit of every quantity of every probe, the last kept under a budget.

pub mod checkpoint;
mod error;
mod find;
mod folder;
mod frames;
mod metrics;
mod output;
mod reader;
mod recorder;
pub mod stamp;

pub use error::RunError;
pub use find::find;
pub use folder::{Folder, named, read_json};
pub use reader::{Events, Reader};
pub use recorder::Recorder;
