//! Distributions of weights: counts exactly, pictures of kernels quantised.

use super::bytes::{PayloadReader, put_f32, put_str, put_uint};
use super::quantised::{put_quantised, take_quantised};
use crate::protocol::{KernelPicture, WeightDistribution, WeightDistributions};

pub(super) fn put(out: &mut Vec<u8>, weights: &WeightDistributions) {
    put_uint(out, weights.tensors.len() as u64);
    for tensor in &weights.tensors {
        put_str(out, &tensor.name);
        put_uint(out, tensor.shape.len() as u64);
        tensor.shape.iter().for_each(|size| put_uint(out, *size as u64));
        [tensor.limit, tensor.mean, tensor.deviation].iter().for_each(|x| put_f32(out, *x));
        put_uint(out, tensor.bins.len() as u64);
        tensor.bins.iter().for_each(|count| put_uint(out, *count));
        // No picture has no columns.
        put_uint(out, tensor.picture.as_ref().map_or(0, |picture| picture.columns as u64));
        tensor.picture.iter().for_each(|picture| put_quantised(out, &picture.values));
    }
}

pub(super) fn take(take: &mut PayloadReader<'_>, step: u64) -> Option<WeightDistributions> {
    let mut tensors = Vec::new();
    for _ in 0..take.count()? {
        tensors.push(take_tensor(take)?);
    }
    Some(WeightDistributions { step, tensors })
}

fn take_tensor(take: &mut PayloadReader<'_>) -> Option<WeightDistribution> {
    let mut tensor = WeightDistribution { name: take.str()?.to_owned(), ..WeightDistribution::default() };
    for _ in 0..take.count()? {
        tensor.shape.push(take.count()?);
    }
    (tensor.limit, tensor.mean, tensor.deviation) = (take.f32()?, take.f32()?, take.f32()?);
    for _ in 0..take.count()? {
        tensor.bins.push(take.uint()?);
    }
    tensor.picture = match take.count()? {
        0 => None,
        columns => Some(KernelPicture { columns, values: take_quantised(take)? }),
    };
    Some(tensor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_are_restored_and_a_truncated_payload_is_rejected() {
        let kernel = WeightDistribution {
            name: "1.recurrent_kernel".into(),
            shape: vec![2, 2],
            limit: 1.27,
            bins: vec![1, 0, 300],
            mean: 0.25,
            deviation: 0.5,
            picture: Some(KernelPicture { columns: 2, values: vec![1.27, -0.64, 0.0, 0.01] }),
        };
        let bias = WeightDistribution { name: "1.bias".into(), picture: None, ..kernel.clone() };
        let weights = WeightDistributions { step: 41, tensors: vec![kernel, bias] };
        let mut payload = Vec::new();
        put(&mut payload, &weights);
        assert_eq!(take(&mut PayloadReader(&payload), 41), Some(weights));
        assert!((0..payload.len()).all(|n| take(&mut PayloadReader(&payload[..n]), 41).is_none()));
    }
}
