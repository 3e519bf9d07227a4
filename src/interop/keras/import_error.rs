use crate::interop::hdf5::Hdf5Error;
use crate::interop::zip::ZipError;

/// Why a file of Keras cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is no file of Keras.
    #[error("this is neither a .keras archive nor an HDF5 file (.h5, .weights.h5)")]
    Format,
    /// A part of the archive is missing.
    #[error("the archive has no `{0}`, which every .keras file has")]
    Member(&'static str),
    /// The configuration is invalid, or of a network that is not available.
    #[error("{0}")]
    Config(String),
    /// A layer does not fit its weights.
    #[error("layer {layer} ({title}): {what}")]
    Layer {
        /// Its number.
        layer: usize,
        /// Its class and name.
        title: String,
        /// What is wrong.
        what: String,
    },
    /// The weights cannot be read.
    #[error(transparent)]
    Hdf5(#[from] Hdf5Error),
    /// The archive cannot be read.
    #[error(transparent)]
    Zip(#[from] ZipError),
}
