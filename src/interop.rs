//! In and out: networks in the files of other programs.
//!
//! ```text
//! run: spec + checkpoint ─→ NetworkDescription ─→ keras: config.json + weights ─→ hdf5, zip
//! KerasFile: graph + weights ─→ RunSpec, ImportedNetwork ─→ run folder at step 0
//! ```
//! Every writer walks the one [`NetworkDescription`]; none of them knows checkpoints.

pub mod hdf5;
mod imported;
pub mod keras;
mod network;
pub mod zip;

pub use imported::ImportedNetwork;
pub use network::{DataInput, DescribedLayer, NamedWeights, NetworkDescription};
