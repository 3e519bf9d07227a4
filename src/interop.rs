//! Trained networks and records of trainings in the files of other programs.
//!
//! ```text
//! run: spec + checkpoint ─→ NetworkDescription ─→ keras: config.json + weights ─→ hdf5, zip
//! run: spec + checkpoint ─→ NetworkDescription ─→ torch: model.py + state dict
//!                                              └─→ onnx: graph, with the weights ─→ protobuf
//! KerasFile: graph + weights ─→ RunSpec, ImportedNetwork ─→ run folder at step 0
//! TorchFile: weights + RunSpec ─→ ImportedNetwork
//! run: recording ─────────→ Event ─────────────→ tensorboard, csv_log
//! ```
//! Every writer of networks walks the one [`NetworkDescription`]; none of them knows checkpoints.

mod csv_log;
pub mod hdf5;
mod imported;
pub mod keras;
mod network;
pub mod onnx;
mod protobuf;
mod recurrent_layer;
pub mod tensorboard;
pub mod torch;
pub mod zip;

pub use csv_log::csv_log;
pub use imported::ImportedNetwork;
pub use network::{DataInput, DescribedLayer, NamedWeights, NetworkDescription};
