//! Dropout with a mask for each gate, as Keras draws it where there is `recurrent_dropout` (`implementation` 1): the products of a gate are
//! made one by one.
//!
//! ```text
//! forward    g ← (x ⊙ mˣ_g)·W_g + b_g + (h_{t−1} ⊙ mʰ_g)·U_g            of every gate g, with its columns of W and U
//! backward   ∂L/∂W_g = Σ (x ⊙ mˣ_g)ᵀ·δ_g      ∂L/∂x = Σ_g mˣ_g ⊙ (δ_g·W_gᵀ)      U and h_{t−1} likewise
//! ```
//! Source: `keras/src/layers/rnn/{lstm,gru,dropout_rnn_cell}.py`.

use super::cache::scale;
use crate::kernel::{Matrix, matmul, matmul_bias};
use crate::nn::Block;
use crate::nn::cache::layer_cache;

layer_cache! {
    /// Scratch buffers for one gate at a time.
    GateScratch {
        /// Input or state after the dropout of one gate.
        dropped: Block,
        /// Products, `[gates, batch, units]` of states, `[1, rows, units]` of inputs.
        products: Block,
    }
}

/// The gates of a matrix of `units` columns a gate.
fn gate(matrix: Matrix<'_>, gate: usize, units: usize) -> Matrix<'_> {
    matrix.columns(gate * units..(gate + 1) * units)
}

/// `values ⊙ mask`, written to `dropped`; `values` are as many parts of the size of the mask as there are time steps.
fn drop_into(dropped: &mut Block, values: &[f32], mask: &[f32]) {
    dropped.reshape(1, 1, values.len());
    dropped.data_mut().copy_from_slice(values);
    dropped.data_mut().chunks_exact_mut(mask.len().max(1)).for_each(|step| scale(step, mask));
}

/// Writes the input projections `(x ⊙ m_g)·W_g + b_g` of all gates to `gates` `[rows, gates·units]`.
pub(super) fn project(
    gates: &mut [f32],
    x: &[f32],
    w: Matrix<'_>,
    bias: Option<&[f32]>,
    masks: &Block,
    scratch: &mut GateScratch,
) {
    let (features, width) = w.dim();
    let (rows, units) = (gates.len() / width, width / masks.dim().0);
    let GateScratch { dropped, products } = scratch;
    products.reshape(1, rows, units);
    for g in 0..masks.dim().0 {
        drop_into(dropped, x, masks.step(g));
        let (x, w) = (Matrix::new(dropped.data(), rows, features), gate(w, g, units));
        match bias {
            Some(bias) => matmul_bias(products.data_mut(), x, w, &bias[g * units..(g + 1) * units]),
            None => matmul(products.data_mut(), x, w, false),
        }
        for (to, from) in gates.chunks_exact_mut(width).zip(products.data().chunks_exact(units)) {
            to[g * units..(g + 1) * units].copy_from_slice(from);
        }
    }
}

/// Writes the products `(h ⊙ m_g)·U_g` of the first `count` gates to `scratch.products`, `[count, batch, units]`.
pub(super) fn multiply_state(
    h: &[f32],
    u: Matrix<'_>,
    masks: &Block,
    count: usize,
    scratch: &mut GateScratch,
) {
    let (units, _) = u.dim();
    let GateScratch { dropped, products } = scratch;
    let batch = h.len() / units;
    products.reshape(count, batch, units);
    for g in 0..count {
        drop_into(dropped, h, masks.step(g));
        matmul(products.step_mut(g), Matrix::new(dropped.data(), batch, units), gate(u, g, units), false);
    }
}

/// Adds `Σ (x ⊙ m_g)ᵀ·δ_g` to the columns of every gate of `sum` `[features, gates·units]`.
pub(super) fn add_products_by_gate(
    sum: &mut [f32],
    (x, features): (&[f32], usize),
    delta: Matrix<'_>,
    masks: &Block,
    scratch: &mut Block,
) {
    let (rows, width) = delta.dim();
    let units = width / masks.dim().0;
    // One buffer for both: the dropped input, and behind it the product.
    scratch.reshape(1, 1, x.len() + features * units);
    for g in 0..masks.dim().0 {
        let (dropped, product) = scratch.data_mut().split_at_mut(x.len());
        dropped.copy_from_slice(x);
        let mask = masks.step(g);
        dropped.chunks_exact_mut(mask.len().max(1)).for_each(|step| scale(step, mask));
        matmul(product, Matrix::new(dropped, rows, features).t(), gate(delta, g, units), false);
        for (sum, product) in sum.chunks_exact_mut(width).zip(product.chunks_exact(units)) {
            sum[g * units..].iter_mut().zip(product).for_each(|(sum, d)| *sum += d);
        }
    }
}

/// Adds `Σ_g m_g ⊙ (δ_g·W_gᵀ)` to `sum` `[rows, features]`, over as many gates as `delta` and `w` are given columns of.
pub(super) fn add_transposed_by_gate(
    sum: &mut [f32],
    delta: Matrix<'_>,
    w: Matrix<'_>,
    masks: &Block,
    scratch: &mut Block,
) {
    let (features, width) = w.dim();
    let (rows, _) = delta.dim();
    let units = width / masks.dim().0;
    add_transposed(sum, delta, w, (masks, masks.dim().0, units), (rows, features), scratch);
}

/// The same of the first `count` gates of `units` columns each.
pub(super) fn add_transposed(
    sum: &mut [f32],
    delta: Matrix<'_>,
    w: Matrix<'_>,
    (masks, count, units): (&Block, usize, usize),
    (rows, features): (usize, usize),
    scratch: &mut Block,
) {
    for g in 0..count {
        scratch.reshape(1, rows, features);
        matmul(scratch.data_mut(), gate(delta, g, units), gate(w, g, units).t(), false);
        let mask = masks.step(g);
        for (sum, part) in sum.chunks_exact_mut(mask.len()).zip(scratch.data().chunks_exact(mask.len())) {
            sum.iter_mut().zip(part).zip(mask).for_each(|((sum, d), factor)| *sum += factor * d);
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use crate::nn::recurrent::RecurrentCache;
    use crate::nn::{
        GRU, Input, LSTM, LayerSpec, Loss, Mode, Model, Params, Shape, Shard, SimpleRNN, TargetsView,
    };

    const MODE: Mode = Mode::Train { seed: 1, step: 2, first_row: 0 };
    const TIME: usize = 4;
    const FEATURES: usize = 2;

    fn run(layer: LayerSpec, batch: usize) -> (Model, Params, Shard, Array3<f32>) {
        let shape = Shape::Sequence { time: TIME, features: FEATURES };
        let model = Model::build(&[layer.into()], shape, Loss::MeanSquaredError).unwrap();
        let mut params = model.params();
        params.initialize(3);
        let x =
            Array3::from_shape_fn((batch, TIME, FEATURES), |(b, t, f)| ((b * 7 + t * 3 + f) as f32).sin());
        let mut shard = Shard::new(&model, &params);
        shard.load(Input::Real(x.view()), TargetsView::None);
        shard.forward(&model, &params, MODE);
        (model, params, shard, x)
    }

    fn cache<'a>(model: &'a Model, shard: &'a Shard) -> &'a RecurrentCache {
        &shard.recurrent_buffers(model)[0].3.cache
    }

    #[test]
    fn masks_are_drawn_as_in_keras_one_for_each_gate_where_states_are_dropped() {
        let (units, dropout, recurrent_dropout) = (3, 0.4, 0.3);
        let lstm = LSTM { units, dropout, recurrent_dropout, ..LSTM::default() };
        let gru = GRU { units, dropout, recurrent_dropout, ..GRU::default() };
        let rnn = SimpleRNN { units, dropout, recurrent_dropout, ..SimpleRNN::default() };
        let alone = LSTM { recurrent_dropout: 0.0, ..lstm.clone() };
        let cells: [(LayerSpec, usize, usize); 4] =
            [(lstm.into(), 4, 4), (gru.into(), 3, 3), (rnn.into(), 1, 1), (alone.into(), 1, 0)];
        for (layer, inputs, states) in cells {
            let (model, _, shard, _) = run(layer, 800);
            let cache = cache(&model, &shard);
            assert_eq!((cache.input_masks(), cache.recurrent_masks()), (inputs, states));
            for (masks, rate) in
                [(&cache.input_dropout, dropout), (&cache.recurrent_dropout, recurrent_dropout)]
            {
                let share = |zeros: usize, of: usize| zeros as f64 / of as f64;
                for mask in 0..masks.dim().0 {
                    let mask = masks.step(mask);
                    let zeros = mask.iter().filter(|factor| **factor == 0.0).count();
                    assert!((share(zeros, mask.len()) - rate).abs() < 0.06);
                    let scale = (1.0 / (1.0 - rate)) as f32;
                    assert!(mask.iter().all(|factor| *factor == 0.0 || *factor == scale));
                }
                // Two gates drop the same number as often as chance has it.
                for mask in 1..masks.dim().0 {
                    let both =
                        masks.step(0).iter().zip(masks.step(mask)).filter(|(a, b)| **a + **b == 0.0).count();
                    assert!((share(both, masks.step(0).len()) - rate * rate).abs() < 0.06);
                }
            }
        }
    }

    /// An LSTM in plain loops, with the masks that were drawn.
    #[test]
    fn an_lstm_with_masks_for_each_gate_agrees_with_its_formulas() {
        let (units, batch) = (3, 5);
        let lstm = LSTM { units, dropout: 0.4, recurrent_dropout: 0.3, ..LSTM::default() };
        let (model, params, shard, x) = run(lstm.into(), batch);
        let cache = cache(&model, &shard);
        let weights = params.of(0);
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        for b in 0..batch {
            let (mut h, mut c) = (vec![0.0; units], vec![0.0; units]);
            for t in 0..TIME {
                let sum = |gate: usize, unit: usize| {
                    let column = gate * units + unit;
                    let at = |matrix: &[f32], row: usize| f64::from(matrix[row * 4 * units + column]);
                    let inputs = (0..FEATURES).map(|f| {
                        let mask = cache.input_dropout.step(gate)[b * FEATURES + f];
                        f64::from(x[[b, t, f]] * mask) * at(&weights[0], f)
                    });
                    let states = (0..units).map(|k| {
                        let mask = cache.recurrent_dropout.step(gate)[b * units + k];
                        h[k] * f64::from(mask) * at(&weights[1], k)
                    });
                    inputs.chain(states).sum::<f64>() + f64::from(weights[2][column])
                };
                let next = |unit| {
                    let (i, f, o) = (sigmoid(sum(0, unit)), sigmoid(sum(1, unit)), sigmoid(sum(3, unit)));
                    let c: f64 = f * c[unit] + i * sum(2, unit).tanh();
                    (o * c.tanh(), c)
                };
                let states: Vec<(f64, f64)> = (0..units).map(next).collect();
                (h, c) = states.into_iter().unzip();
                for (found, expected) in cache.h.step(t)[b * units..].iter().zip(&h) {
                    assert!((f64::from(*found) - expected).abs() < 1e-5, "{found} for {expected}");
                }
            }
        }
    }
}
