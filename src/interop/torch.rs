//! PyTorch: a generated module with its state dict, and state dicts of others.
//!
//! ```text
//! DIR/model.py            an nn.Module, of torch's own layers where they compute the same, else of layers that are written out
//! DIR/model.safetensors   its state dict: `lstm.weight_ih_l0`
//! DIR/example.py          encodes, predicts, and checks answers.json
//! ```
//! Kernels are transposed, the gates of a GRU are r, z, n there and z, r, h here, and torch has two biases where one would do: the second
//! is 0 when written, and added when read. Source: `torch/nn/modules/rnn.py`, PyTorch 2.15.

mod answers;
mod example;
mod functions;
mod identifiers;
mod import;
mod layers;
mod layout;
mod module;
mod name_map;
mod place;
mod recurrent;
mod recurrent_call;
mod snippet;
mod windows;

use std::borrow::Cow;
use std::collections::HashMap;

use safetensors::{Dtype, SafeTensorError, View};

use super::NetworkDescription;
pub use answers::{Answers, Preprocessing};
pub use example::example;
pub use import::{TorchFile, TorchImportError};
use layout::Content;
pub use name_map::{NameMap, NameMapError};

/// A network for PyTorch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TorchNetwork {
    /// `model.py`.
    pub module: String,
    /// `model.safetensors`: a function of the network and its weights alone.
    pub weights: Vec<u8>,
}

impl TorchNetwork {
    /// Writes a network.
    ///
    /// # Errors
    /// If the state dict cannot be written.
    pub fn of(network: &NetworkDescription<'_>) -> Result<Self, SafeTensorError> {
        let module = module::module(network);
        let mut tensors = Vec::new();
        for ((name, of_layer), layer) in module.tensors.iter().zip(&network.layers) {
            for tensor in of_layer {
                let size = tensor.shape.iter().product();
                let values = match &tensor.content {
                    Content::Weights(pieces) => {
                        let values = pieces.iter().flat_map(|piece| {
                            let values = layer.weights[piece.weight].values;
                            piece.places().map(move |place| values[place])
                        });
                        values.collect()
                    }
                    Content::Summand(_) => vec![0.0; size],
                    Content::Constant(value) => vec![*value; size],
                };
                let name = format!("{name}.{}", tensor.name);
                tensors.push((name, FloatTensor { shape: tensor.shape.clone(), values }));
            }
        }
        // PyTorch's own files say so.
        let format = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        let weights = safetensors::serialize(tensors, Some(format))?;
        Ok(Self { module: module.source, weights })
    }
}

/// A tensor of single precision.
struct FloatTensor {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl View for FloatTensor {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        self.values.len() * size_of::<f32>()
    }
}
