//! What all kinds of attention share after the scores: softmax under a mask, dropout, and the weighted sum of values.

use crate::kernel::{self, Matrix, matmul};
use crate::nn::cache::layer_cache;
use crate::nn::dropout::{drops, fill};
use crate::nn::{Block, Mask, Pass};
use crate::rng::Rng;

/// Some neighbouring features of one sequence at all time steps, `[time, width]`: a head of it.
#[derive(Debug, Clone, Copy)]
pub(in crate::nn) struct Head {
    /// The sequence.
    pub row: usize,
    /// Its first feature.
    pub first: usize,
    /// How many features.
    pub width: usize,
}

impl Head {
    /// Where it lies in `block`.
    pub fn of(self, block: &Block) -> Matrix<'_> {
        let (time, batch, features) = block.dim();
        let from = self.row * features + self.first;
        Matrix::strided(&block.data()[from..], time, self.width, batch * features)
    }

    /// Its numbers at time step `t`.
    pub fn step(self, block: &Block, t: usize) -> &[f32] {
        let features = block.dim().2;
        &block.step(t)[self.row * features + self.first..][..self.width]
    }

    /// Its numbers at time step `t`.
    pub fn step_mut(self, block: &mut Block, t: usize) -> &mut [f32] {
        let features = block.dim().2;
        &mut block.step_mut(t)[self.row * features + self.first..][..self.width]
    }

    /// Adds `scale` times `rows`, `[time, width]`, to its place in `block`.
    pub fn add(self, block: &mut Block, rows: &[f32], scale: f32) {
        for (t, from) in rows.chunks_exact(self.width).enumerate() {
            self.step_mut(block, t).iter_mut().zip(from).for_each(|(to, from)| *to += scale * from);
        }
    }
}

/// The weights of a query all of whose keys are masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::nn) enum FullyMasked {
    /// The mean of the values by scores that are all lowered by 10⁹, as Keras's `Attention` lowers those of masked keys: beside
    /// that number an `f32` has steps of 64, so that it is the plain mean unless scores are large. Gradients still flow.
    Lowered,
    /// The plain mean of the values: Keras's `dot_product_attention` sets all its scores to one number.
    Mean,
    /// Nothing: Keras's `Softmax` layer sets its weights to 0.
    Nothing,
}

/// Which queries may attend to which keys.
#[derive(Debug, Clone, Copy)]
pub(in crate::nn) struct AttentionMask<'a> {
    /// Queries that may attend; all without a mask.
    pub queries: Option<&'a Mask>,
    /// Keys that may be attended to; all without a mask.
    pub keys: Option<&'a Mask>,
    /// The weights of queries all of whose keys are masked.
    pub fully_masked: FullyMasked,
}

impl AttentionMask<'_> {
    fn holds(mask: Option<&Mask>, row: usize, t: usize) -> bool {
        mask.is_none_or(|mask| mask.step(t)[row])
    }

    /// Whether the `query`-th step of a sequence reaches a key among `keys`.
    fn any(self, row: usize, query: usize, keys: usize) -> bool {
        Self::holds(self.queries, row, query) && (0..keys).any(|key| Self::holds(self.keys, row, key))
    }

    /// Turns the `scores` of one sequence, `[query time, keys]`, into weights that sum to 1 over the keys in reach.
    pub fn softmax(self, row: usize, scores: &mut [f32], keys: usize) {
        for (query, scores) in scores.chunks_exact_mut(keys).enumerate() {
            let some = self.any(row, query, keys);
            match self.fully_masked {
                FullyMasked::Mean if !some => scores.fill(1.0 / keys as f32),
                FullyMasked::Nothing if !some => scores.fill(0.0),
                FullyMasked::Lowered if !some => {
                    scores.iter_mut().for_each(|score| *score -= 1e9);
                    weigh(scores, |_| true);
                }
                _ => weigh(scores, |key| Self::holds(self.keys, row, key)),
            }
        }
    }

    /// Turns ∂L/∂weights of one sequence, in `d`, into ∂L/∂scores: `p ⊙ (d − Σ p·d)`; 0 where the weights do not depend on the scores, as all keys are masked.
    fn softmax_backward(self, row: usize, d: &mut [f32], weights: &[f32], keys: usize) {
        for (query, (d, p)) in d.chunks_exact_mut(keys).zip(weights.chunks_exact(keys)).enumerate() {
            if self.fully_masked == FullyMasked::Mean && !self.any(row, query, keys) {
                d.fill(0.0);
                continue;
            }
            let along: f32 = d.iter().zip(p).map(|(d, p)| d * p).sum();
            d.iter_mut().zip(p).for_each(|(d, p)| *d = p * (*d - along));
        }
    }
}

/// `eˢ/Σeˢ` over the keys in reach, exactly 0 elsewhere. One at least is in reach.
fn weigh(scores: &mut [f32], reaches: impl Fn(usize) -> bool) {
    let within = scores.iter().enumerate().filter(|(key, _)| reaches(*key));
    let greatest = within.fold(f32::NEG_INFINITY, |max, (_, score)| max.max(*score));
    scores.iter_mut().for_each(|score| *score -= greatest);
    kernel::exp(scores);
    let mut sum = 0.0;
    for (key, weight) in scores.iter_mut().enumerate() {
        if reaches(key) { sum += *weight } else { *weight = 0.0 }
    }
    scores.iter_mut().for_each(|weight| *weight /= sum);
}

layer_cache! {
    /// Scratch buffers for one head at a time.
    Scratch {
        /// `[query time, key time]`: ∂L/∂weights, then ∂L/∂scores.
        d_scores: Block,
        /// `[query time, key time]`: the factors of dropout, then the weights after it.
        factors: Block,
        /// `[time, width]`, of the queries or the keys.
        rows: Block,
    }
}

/// The chance of a layer's dropout of attention weights for one sequence; none where nothing is dropped.
pub(in crate::nn) fn dropout_rng(pass: &Pass<'_>, rate: f64, row: usize) -> Option<Rng> {
    drops(pass, rate).then(|| pass.dropout_rng("attention dropout", row)).flatten()
}

/// Writes `drop(P)·V` to the place of `to` in `out`: `P` `[query time, key time]` in `weights`, `V` the head `of` in `values`.
pub(in crate::nn) fn combine(
    (out, to): (&mut Block, Head),
    weights: &[f32],
    (values, of): (&Block, Head),
    dropout: Option<(f64, &mut Rng)>,
    scratch: &mut Scratch,
) {
    let (queries, keys) = (out.dim().0, values.dim().0);
    let Scratch { factors, rows, .. } = scratch;
    let used = match dropout {
        None => weights,
        Some((rate, rng)) => {
            factors.reshape(1, queries, keys);
            fill(factors.data_mut(), rate, rng);
            factors.data_mut().iter_mut().zip(weights).for_each(|(factor, weight)| *factor *= weight);
            factors.data()
        }
    };
    rows.reshape(1, queries, of.width);
    matmul(rows.data_mut(), Matrix::new(used, queries, keys), of.of(values), false);
    for (t, from) in rows.data().chunks_exact(of.width).enumerate() {
        to.step_mut(out, t).copy_from_slice(from);
    }
}

/// The backward of [`combine`] and the softmax before it: adds `drop(P)ᵀ·δ` to the head's place in `d_values`, and leaves
/// ∂L/∂scores in `scratch.d_scores`. `δ` is the head `to` in `d_out`. `dropout` must draw what it drew before.
#[allow(clippy::too_many_arguments)] // two heads, their blocks, and what stands between them
pub(in crate::nn) fn combine_backward(
    (d_out, to): (&Block, Head),
    weights: &[f32],
    (values, of): (&Block, Head),
    d_values: &mut Block,
    reach: AttentionMask<'_>,
    dropout: Option<(f64, &mut Rng)>,
    scratch: &mut Scratch,
) {
    let (queries, keys) = (d_out.dim().0, values.dim().0);
    let Scratch { d_scores, factors, rows } = scratch;
    d_scores.reshape(1, queries, keys);
    matmul(d_scores.data_mut(), to.of(d_out), of.of(values).t(), false);
    let used = match dropout {
        None => weights,
        Some((rate, rng)) => {
            factors.reshape(1, queries, keys);
            fill(factors.data_mut(), rate, rng);
            let pairs = d_scores.data_mut().iter_mut().zip(factors.data_mut()).zip(weights);
            for ((d, factor), weight) in pairs {
                *d *= *factor;
                *factor *= weight;
            }
            factors.data()
        }
    };
    rows.reshape(1, keys, of.width);
    matmul(rows.data_mut(), Matrix::new(used, queries, keys).t(), to.of(d_out), false);
    of.add(d_values, rows.data(), 1.0);
    reach.softmax_backward(to.row, d_scores.data_mut(), weights, keys);
}
