//! In and out: networks in the files of other programs.
//!
//! ```text
//! run: spec + checkpoint ─→ NetworkDescription ─→ writers of formats ─→ hdf5, zip
//! ```
//! Every writer walks the one [`NetworkDescription`]; none of them knows checkpoints or presets.

pub mod hdf5;
mod network;
pub mod zip;

pub use network::{DataInput, DescribedLayer, NamedWeights, NetworkDescription};
