//! Tensors as a safetensors file: little-endian `f32`, in alphabetical order of their names, without metadata.

use std::borrow::Cow;

use safetensors::{Dtype, SafeTensors, View};
use sha2::{Digest, Sha256};

use crate::sort::SmallSort as _;

/// A tensor to save.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor<'a> {
    /// The name, unique in its file: `1.recurrent_kernel`.
    pub name: String,
    /// The shape; empty for a scalar.
    pub shape: Vec<usize>,
    /// The values, row-major: as many as the product of the shape.
    pub data: &'a [f32],
}

/// A tensor as read from disk.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// The name.
    pub name: String,
    /// The shape.
    pub shape: Vec<usize>,
    /// The values, row-major.
    pub data: Vec<f32>,
}

impl View for &NamedTensor<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.data.iter().flat_map(|x| x.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        self.data.len() * 4
    }
}

/// The first 64 bits of the SHA-256 of all names, shapes and values (little-endian) in alphabetical order, as 16 hexadecimal digits.
pub(super) fn fingerprint(tensors: &[NamedTensor<'_>]) -> String {
    let mut sorted: Vec<_> = tensors.iter().collect();
    sorted.small_sort_by(|a, b| a.name.cmp(&b.name));
    let (mut hash, mut bytes) = (Sha256::new(), Vec::new());
    for tensor in sorted {
        hash.update(tensor.name.as_bytes());
        hash.update([0]);
        tensor.shape.iter().for_each(|n| hash.update((*n as u64).to_le_bytes()));
        for part in tensor.data.chunks(16 * 1024) {
            bytes.clear();
            bytes.extend(part.iter().flat_map(|value| value.to_le_bytes()));
            hash.update(&bytes);
        }
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the bytes of the file: a function of names, shapes and values, independent of their order.
///
/// # Errors
/// A message for a duplicate name and for values that do not fit their shape.
pub(super) fn encode(tensors: &[NamedTensor<'_>]) -> Result<Vec<u8>, String> {
    for (i, tensor) in tensors.iter().enumerate() {
        let size = tensor.shape.iter().try_fold(1_usize, |size, n| size.checked_mul(*n));
        if size != Some(tensor.data.len()) {
            return Err(format!(
                "`{}` has {} values, which does not match its shape {:?}",
                tensor.name,
                tensor.data.len(),
                tensor.shape
            ));
        }
        if tensors.iter().take(i).any(|other| other.name == tensor.name) {
            return Err(format!("two tensors have the name `{}`", tensor.name));
        }
    }
    safetensors::serialize(tensors.iter().map(|tensor| (&tensor.name, tensor)), None)
        .map_err(|error| error.to_string())
}

/// Returns the tensors of a file, sorted by name.
///
/// # Errors
/// A message if it is not a safetensors file of `f32`.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Tensor>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let mut tensors = Vec::with_capacity(file.len());
    for (name, view) in file.iter() {
        if view.dtype() != Dtype::F32 {
            return Err(format!("`{name}` is {:?}; only F32 is supported", view.dtype()));
        }
        let data = view.data().as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
        tensors.push(Tensor { name: name.to_owned(), shape: view.shape().to_vec(), data });
    }
    tensors.small_sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tensors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tensor<'a>(name: &str, shape: &[usize], data: &'a [f32]) -> NamedTensor<'a> {
        NamedTensor { name: name.into(), shape: shape.to_vec(), data }
    }

    #[test]
    fn the_bytes_do_not_depend_on_the_order_and_values_come_back_bit_for_bit() {
        let odd = [f32::NAN, -0.0, f32::MIN_POSITIVE / 2.0, f32::INFINITY, 1.0, 2.0];
        let (a, b) = (tensor("0.kernel", &[2, 3], &odd), tensor("0.bias", &[], &[7.0]));
        let bytes = encode(&[a.clone(), b.clone()]).unwrap();
        assert_eq!(bytes, encode(&[b, a]).unwrap());
        let back = decode(&bytes).unwrap();
        assert_eq!((back[0].name.as_str(), back[0].shape.as_slice()), ("0.bias", [].as_slice()));
        assert_eq!(back[1].shape, [2, 3]);
        assert!(back[1].data.iter().zip(odd).all(|(x, y)| x.to_bits() == y.to_bits()));
    }

    #[test]
    fn equal_weights_have_equal_fingerprints_and_others_do_not() {
        let (values, mut other) = ([1.0, 2.0, 3.0, 0.0], [1.0, 2.0, 3.0, 0.0]);
        let all = |values| [tensor("b", &[2, 2], values), tensor("a", &[], &[7.0])];
        let [b, a] = all(&values);
        let print = fingerprint(&[b.clone(), a.clone()]);
        assert_eq!((print.len(), &print), (16, &fingerprint(&[a, b.clone()])));
        other[3] = -0.0;
        assert_ne!(fingerprint(&all(&other)), print);
        assert_ne!(fingerprint(&[NamedTensor { shape: vec![4], ..b.clone() }]), fingerprint(&[b]));
    }

    #[test]
    fn invalid_tensors_are_rejected_by_name() {
        let message = encode(&[tensor("1.kernel", &[2, 2], &[1.0; 3])]).unwrap_err();
        assert_eq!(message, "`1.kernel` has 3 values, which does not match its shape [2, 2]");
        assert!(encode(&[tensor("x", &[usize::MAX, 2], &[])]).is_err());
        let message = encode(&[tensor("x", &[1], &[1.0]), tensor("x", &[1], &[2.0])]).unwrap_err();
        assert_eq!(message, "two tensors have the name `x`");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn no_header_panics_or_reads_beyond_the_data(
            dtype in prop_oneof![Just("F32"), Just("F16"), Just("BOOL"), Just("?")],
            shape in proptest::collection::vec(prop_oneof![0_u64..5, any::<u64>()], 0..4),
            begin in prop_oneof![Just(0), any::<u64>()], end in prop_oneof![0_u64..50, any::<u64>()],
            data in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let header = serde_json::json!({"a": {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}});
            let header = header.to_string().into_bytes();
            let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
            bytes.extend(header);
            bytes.extend(&data);
            if let Ok(tensors) = decode(&bytes) {
                prop_assert_eq!(tensors.iter().map(|t| 4 * t.data.len()).sum::<usize>(), data.len());
            }
        }

        #[test]
        fn a_truncated_or_flipped_file_does_not_panic(cut in 0_usize..120, bit in 0_usize..960) {
            let whole = encode(&[tensor("0.kernel", &[2, 2], &[1.0, 2.0, 3.0, 4.0])]).unwrap();
            prop_assert!(decode(whole.get(..cut.min(whole.len() - 1)).unwrap()).is_err());
            let mut flipped = whole.clone();
            let bit = bit % (8 * whole.len());
            flipped[bit / 8] ^= 1 << (bit % 8);
            prop_assert_ne!(decode(&flipped).ok(), decode(&whole).ok());
        }
    }
}
