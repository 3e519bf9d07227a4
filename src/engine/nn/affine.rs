//! The affine map `x·W + b` and its gradients, as the layers with a kernel share them.

use super::Block;
use crate::kernel::{Matrix, add_column_sums, matmul, matmul_bias};

/// `out = x·W + b` over all rows at once: `x` `[rows, features]`, `W` `[features, units]`.
pub(super) fn affine(
    out: &mut [f32],
    x: &[f32],
    w: &[f32],
    bias: Option<&[f32]>,
    features: usize,
    units: usize,
) {
    let (x, w) = (Matrix::new(x, out.len() / units, features), Matrix::new(w, features, units));
    match bias {
        Some(bias) => matmul_bias(out, x, w, bias),
        None => matmul(out, x, w, false),
    }
}

/// The backward of [`affine`]: adds ∂L/∂W = xᵀ·δ, and behind it ∂L/∂b = Σ δ where `grads` is long enough, to `grads`; writes
/// ∂L/∂x = δ·Wᵀ to `input_grad`.
pub(super) fn affine_backward(
    delta: &[f32],
    x: &Block,
    w: &[f32],
    grads: &mut [f32],
    units: usize,
    input_grad: Option<&mut Block>,
) {
    let (time, batch, features) = x.dim();
    let rows = time * batch;
    let (d_w, d_bias) = grads.split_at_mut(features * units);
    let delta = &delta[..rows * units];
    matmul(d_w, Matrix::new(x.data(), rows, features).t(), Matrix::new(delta, rows, units), true);
    if !d_bias.is_empty() {
        add_column_sums(&mut d_bias[..units], delta);
    }
    if let Some(input_grad) = input_grad {
        input_grad.reshape(time, batch, features);
        let w = Matrix::new(w, features, units);
        matmul(input_grad.data_mut(), Matrix::new(delta, rows, units), w.t(), false);
    }
}
