//! Trained networks and records of trainings in the files of other programs.
//!
//! ```text
//! run: spec + checkpoint ─→ NetworkDescription ─→ writers of formats ─→ hdf5, zip
//! run: recording ─────────→ Event ─────────────→ tensorboard, csv_log
//! ```
//! Every writer of networks walks the one [`NetworkDescription`]; none of them knows checkpoints or presets.

mod csv_log;
pub mod hdf5;
mod network;
pub mod tensorboard;
pub mod zip;

pub use csv_log::csv_log;
pub use network::{DataInput, DescribedLayer, NamedWeights, NetworkDescription};
