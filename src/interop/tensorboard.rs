//! Event files as TensorBoard reads them, from the events of a run.
//!
//! ```text
//! Event ─ Exporter ─→ summaries of one tag and step ─ Message (protobuf) ─ EventFile (TFRecord) ─→ DIR/train, DIR/validation
//! ```
//! Names of scalars are those of Keras's `TensorBoard` callback: `batch_loss` by step, `epoch_loss` by epoch (from 0), in `train` and
//! `validation`, and `evaluation_loss_vs_iterations` by step.

mod event_file;
mod exporter;
mod picture;
mod summary;

pub use event_file::{Written, written};
pub use exporter::{Exporter, Hyperparameter};

/// An error of writing event files.
#[derive(Debug, thiserror::Error)]
pub enum TensorBoardError {
    /// A file or folder cannot be written.
    #[error("cannot write {path}")]
    Io {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A picture cannot be encoded.
    #[error("cannot encode a picture as PNG")]
    Picture(#[from] png::EncodingError),
}
