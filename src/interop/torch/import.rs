//! State dicts of PyTorch in files of safetensors.

mod claims;

use std::collections::{BTreeMap, BTreeSet};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::layout::{Content, TorchTensor};
use super::name_map::NameMap;
use crate::interop::hdf5::half;
use crate::interop::{DescribedLayer, NetworkDescription};
use claims::{Claim, Claims, claims};

/// A file of safetensors with a state dict.
#[derive(Debug)]
pub struct TorchFile {
    bytes: Vec<u8>,
}

/// Why a state dict cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TorchImportError {
    /// It is no file of safetensors.
    #[error("this is no file of safetensors: {0}")]
    Format(String),
    /// It is what `torch.save` writes: a pickle, which can run code.
    #[error(
        "this is a pickle of PyTorch, which is not read, as it can contain code; in Python: \
         safetensors.torch.save_file(torch.load(FILE, weights_only=True), \"model.safetensors\")"
    )]
    Pickle,
    /// Tensors are missing, surplus, or of another shape.
    #[error("{}", .0.join("; "))]
    Tensors(Vec<String>),
}

/// A tensor of the file that no layer has and that means nothing: it counts the batches of a BatchNorm.
const COUNTER: &str = "num_batches_tracked";

impl TorchFile {
    /// Whether the bytes are a file that PyTorch's users have: safetensors, or what `torch.save` writes.
    pub fn is_one(bytes: &[u8]) -> bool {
        is_safetensors(bytes) || is_pickle(bytes)
    }

    /// Opens a file.
    ///
    /// # Errors
    /// If it is none of safetensors.
    pub fn open(bytes: Vec<u8>) -> Result<Self, TorchImportError> {
        if is_pickle(&bytes) {
            return Err(TorchImportError::Pickle);
        }
        SafeTensors::deserialize(&bytes).map_err(|error| TorchImportError::Format(error.to_string()))?;
        Ok(Self { bytes })
    }

    /// The weights of a network, in its order and layout; `map` says which tensors they are where names and shapes alone do not.
    ///
    /// # Errors
    /// [`TorchImportError::Tensors`] with all that is missing, surplus or of another shape.
    pub fn weights(
        &self,
        network: &NetworkDescription<'_>,
        map: &NameMap,
    ) -> Result<Vec<Vec<Vec<f32>>>, TorchImportError> {
        let file = SafeTensors::deserialize(&self.bytes);
        let file = file.map_err(|error| TorchImportError::Format(error.to_string()))?;
        let tensors: BTreeMap<&str, TensorView<'_>> = file.iter().collect();
        let shapes = tensors.iter().map(|(name, view)| (*name, view.shape())).collect();
        let Claims { layers: claims, undecided, mut faults } = claims(network, &shapes, map);
        let mut all = Vec::new();
        let mut used: BTreeSet<&str> = undecided.iter().map(String::as_str).collect();
        for (i, (layer, claim)) in network.layers.iter().zip(&claims).enumerate() {
            let Some(claim) = claim else {
                all.push(Vec::new());
                continue;
            };
            used.extend(claim.tensors.iter().flat_map(|(_, names)| names.iter().map(String::as_str)));
            match values(layer, claim, &tensors) {
                Ok(values) => all.push(values),
                Err(more) => {
                    faults.extend(more.into_iter().map(|what| format!("{}: {what}", title(i, layer))))
                }
            }
        }
        for (name, shape) in &shapes {
            if !used.contains(name) && !name.ends_with(COUNTER) {
                faults.push(format!("`{name}` {shape:?} of the file belongs to no layer"));
            }
        }
        if faults.is_empty() { Ok(all) } else { Err(TorchImportError::Tensors(faults)) }
    }
}

/// A layer as messages call it.
fn title(i: usize, layer: &DescribedLayer<'_>) -> String {
    format!("layer {i} ({})", layer.node.title())
}

fn is_safetensors(bytes: &[u8]) -> bool {
    let length = bytes.first_chunk().map(|eight| u64::from_le_bytes(*eight));
    let fits = length.and_then(|length| usize::try_from(length).ok());
    fits.is_some_and(|length| length <= bytes.len()) && bytes.get(8) == Some(&b'{')
}

/// A pickle, or an archive with one. The length of a header may begin like a pickle.
fn is_pickle(bytes: &[u8]) -> bool {
    if is_safetensors(bytes) {
        return false;
    }
    let start = &bytes[..bytes.len().min(256)];
    let is_archive = start.starts_with(b"PK\x03\x04") && start.windows(8).any(|name| name == b"data.pkl");
    is_archive || start.starts_with(b"\x80\x02") || start.starts_with(b"\x80\x04")
}

/// The weights of a layer from the tensors that it has claimed.
fn values(
    layer: &DescribedLayer<'_>,
    claim: &Claim,
    tensors: &BTreeMap<&str, TensorView<'_>>,
) -> Result<Vec<Vec<f32>>, Vec<String>> {
    let mut values: Vec<Vec<f32>> = layer.weights.iter().map(|w| vec![0.0; w.values.len()]).collect();
    let mut faults = Vec::new();
    for (TorchTensor { shape, content, .. }, names) in &claim.tensors {
        for (k, name) in names.iter().enumerate() {
            let Some(tensor) = tensors.get(name.as_str()) else {
                faults.push(format!("the file has no `{name}` {shape:?}"));
                continue;
            };
            if tensor.shape() != shape {
                faults
                    .push(format!("`{name}` has the shape {:?} in the file, not {shape:?}", tensor.shape()));
                continue;
            }
            let numbers = match numbers(tensor) {
                Ok(numbers) => numbers,
                Err(what) => {
                    faults.push(format!("`{name}` {what}"));
                    continue;
                }
            };
            match content {
                Content::Weights(pieces) => {
                    let mut given = numbers.into_iter();
                    for piece in pieces {
                        let weight = &mut values[piece.weight];
                        for (place, value) in piece.places().zip(&mut given) {
                            weight[place] = if k == 0 { value } else { weight[place] + value };
                        }
                    }
                }
                Content::Summand(piece) => {
                    let weight = &mut values[piece.weight];
                    piece.places().zip(numbers).for_each(|(place, value)| weight[place] += value);
                }
                Content::Constant(wanted) => {
                    if numbers.iter().any(|value| value != wanted) {
                        faults.push(format!(
                            "`{name}` is not {wanted} throughout, and the layer has no such weight (`scale`, `center`)"
                        ));
                    }
                }
            }
        }
    }
    if faults.is_empty() { Ok(values) } else { Err(faults) }
}

/// The numbers of a tensor.
fn numbers(tensor: &TensorView<'_>) -> Result<Vec<f32>, String> {
    let data = tensor.data();
    let numbers: Vec<f32> = match tensor.dtype() {
        Dtype::F32 => data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        Dtype::F64 => data.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32).collect(),
        Dtype::F16 => data.as_chunks().0.iter().map(|bytes| half(u16::from_le_bytes(*bytes))).collect(),
        Dtype::BF16 => {
            let bits = data.as_chunks().0.iter().map(|bytes| u32::from(u16::from_le_bytes(*bytes)) << 16);
            bits.map(f32::from_bits).collect()
        }
        other => return Err(format!("is of type {other:?}; F16, BF16, F32 and F64 can be imported")),
    };
    match numbers.iter().all(|number| number.is_finite()) {
        true => Ok(numbers),
        false => Err("has numbers that are not finite".into()),
    }
}
