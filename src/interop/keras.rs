//! Keras 3: `.keras` archives and `.weights.h5` files.
//!
//! ```text
//! NAME.keras          ZIP, stored: metadata.json  config.json  model.weights.h5
//! config.json         the layers with their arguments: a Sequential where the network is a chain, else a Functional
//! model.weights.h5    layers/CLASS[_N]/…/vars/I, where N counts each class in Keras's order of layers
//! ```
//! Weights need no change: shapes and the order of gates are Keras's. Source: `keras/src/saving/saving_lib.py`, Keras 3.15.

mod channels;
mod config;
mod draft;
mod example;
mod graph;
mod hard_sigmoid;
mod import;
mod import_error;
mod layer_config;
mod layer_order;
mod objects;
mod ranks;
mod weights;

use super::NetworkDescription;
use super::zip::{self, ZipError};
pub(in crate::interop) use channels::channel_encoding;
pub use example::example;
pub(in crate::interop) use example::{NUMPY_ORDER, encoding, next_tokens, prompt};
pub use import::KerasFile;
pub use import_error::ImportError;

/// The version of Keras whose format is written.
pub const VERSION: &str = "3.15.1";

/// Why a network cannot be written for Keras.
#[derive(Debug, thiserror::Error)]
pub enum KerasError {
    /// A layer has something that Keras has not.
    #[error("layer {layer} ({title}): Keras {what}")]
    Layer {
        /// Its number.
        layer: usize,
        /// Its class and name.
        title: String,
        /// What Keras does not have, as the end of a sentence.
        what: String,
    },
    /// The archive cannot be written.
    #[error(transparent)]
    Zip(#[from] ZipError),
}

/// The bytes of the `.keras` file of a network: a function of the network and its weights alone.
///
/// # Errors
/// [`KerasError::Layer`] for what Keras does not have.
pub fn archive(network: &NetworkDescription<'_>) -> Result<Vec<u8>, KerasError> {
    // The date is that of the format, so that the same network gives the same bytes.
    let metadata = format!("{{\"keras_version\": \"{VERSION}\", \"date_saved\": \"1980-01-01@00:00:00\"}}");
    let config = config::model(network)?.to_string();
    let weights = weights(network)?;
    Ok(zip::write(&[
        ("metadata.json", metadata.as_bytes()),
        ("config.json", config.as_bytes()),
        ("model.weights.h5", &weights),
    ])?)
}

/// The bytes of the `.weights.h5` file of a network, for `model.load_weights` of the same network.
///
/// # Errors
/// As [`archive`].
pub fn weights(network: &NetworkDescription<'_>) -> Result<Vec<u8>, KerasError> {
    config::model(network)?;
    Ok(super::hdf5::write(&weights::tree(network)))
}

#[cfg(test)]
mod tests;
