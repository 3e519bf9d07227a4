//! The run folder: what a run writes to disk, and how it is read back.
//!
//! A [`Folder`] is locked by one trainer at a time. Its [`Recorder`] writes every [`Event`](crate::protocol::Event) on a
//! thread of its own, to `metrics.jsonl` for other tools and to `frames.bin` for this one; a [`Reader`] returns the
//! events; [`checkpoint`] saves and loads weights. Others see what is recorded through its [`Hub`], and from other processes through the
//! [`control`] socket; [`owner`] tells who trains a run, and how it ended. Sees the protocol and plain data, never the trainer, a layer or a screen.
//!
//! Bytes on disk per optimizer step: 67 in `frames.bin` and about 170 in `metrics.jsonl`. A watched step adds
//! `4·T + 26` bytes per recurrent layer and direction for the gradient over `T` time steps, and a byte per token and
//! unit of every quantity of every probe; probes are thinned to stay within a budget.

pub mod checkpoint;
mod checksum;
pub mod control;
mod divergence;
mod error;
mod folder;
mod frames;
pub mod gradient_reach;
mod hub;
mod lost_lines;
mod metrics;
mod metrics_line;
mod outline;
pub mod owner;
mod place;
pub mod race;
mod reader;
mod record_file;
mod recorder;
mod resolve;
mod resume_point;
mod run_state;
mod tail;
pub mod timestamp;

pub use checksum::{Checksum, check_run_files};
pub use divergence::{DivergenceReport, FailedBatch, Numbers, RecentStep};
pub use error::RunError;
pub use folder::{Folder, INDEX, OUTPUT, check_empty, check_empty_except, create_run_dir, read_json};
pub use frames::FrameStream;
pub(crate) use frames::bytes;
pub use hub::{Hub, Prefix, Queue, Received, SubscribeError, Subscription, Summary};
pub use outline::{Outline, log_lines};
pub use reader::{Events, Position, Reader};
pub use recorder::Recorder;
pub use resolve::{LATEST, resolve};
pub use resume_point::ResumePoint;
pub use run_state::RunState;
pub use tail::Tail;
