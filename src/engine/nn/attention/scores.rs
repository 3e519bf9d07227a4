use super::heads::{Head, Scratch};
use crate::kernel::{self, Matrix, matmul};
use crate::nn::Block;

/// How a query and a key are compared.
#[derive(Debug, Clone, Copy)]
pub(in crate::nn) enum Scores<'a> {
    /// `c·Σ q·k`.
    Dot {
        /// `c`; 1 when absent.
        scale: Option<f32>,
    },
    /// `w·Σ tanh(c·(q + k))`.
    Concat {
        /// `c`; 1 when absent.
        scale: Option<f32>,
        /// `w`.
        weight: f32,
    },
    /// `Σ c ⊙ tanh(q + k)`.
    Additive {
        /// `c`, a number for every feature; 1 when absent.
        scale: Option<&'a [f32]>,
    },
}

/// The three tensors of a backward pass: ∂L/∂query, ∂L/∂key, and ∂L/∂parameters in their order.
#[derive(Debug)]
pub(in crate::nn) struct Gradients<'a> {
    /// `[query time, batch, features]`; added to.
    pub query: &'a mut Block,
    /// `[key time, batch, features]`; added to.
    pub key: &'a mut Block,
    /// Added to.
    pub params: &'a mut [f32],
}

impl Scores<'_> {
    /// Writes the scores of every pair of steps of one sequence, `[query time, key time]`.
    pub fn fill(self, scores: &mut [f32], query: &Block, key: &Block, head: Head, pairs: &mut Block) {
        let (queries, keys) = (query.dim().0, key.dim().0);
        if let Self::Dot { scale } = self {
            matmul(scores, head.of(query), head.of(key).t(), false);
            if let Some(scale) = scale {
                scores.iter_mut().for_each(|score| *score *= scale);
            }
            return;
        }
        for (i, scores) in scores.chunks_exact_mut(keys).enumerate().take(queries) {
            self.pair(query, key, head, i, pairs);
            for (score, a) in scores.iter_mut().zip(pairs.data().chunks_exact(head.width)) {
                *score = match self {
                    Self::Additive { scale: Some(scale) } => a.iter().zip(scale).map(|(a, c)| a * c).sum(),
                    Self::Concat { weight, .. } => weight * a.iter().sum::<f32>(),
                    _ => a.iter().sum(),
                };
            }
        }
    }

    /// The `i`-th query combined with every key, `[key time, features]`: `tanh(q + k)` or `tanh(c·(q + k))`.
    fn pair(self, query: &Block, key: &Block, head: Head, i: usize, pairs: &mut Block) {
        let keys = key.dim().0;
        pairs.reshape(1, keys, head.width);
        let inner = if let Self::Concat { scale: Some(scale), .. } = self { scale } else { 1.0 };
        let q = head.step(query, i);
        for (j, pair) in pairs.data_mut().chunks_exact_mut(head.width).enumerate() {
            let both = q.iter().zip(head.step(key, j));
            pair.iter_mut().zip(both).for_each(|(pair, (q, k))| *pair = inner * (q + k));
        }
        kernel::tanh(pairs.data_mut());
    }

    /// Adds to ∂L/∂query, ∂L/∂key and ∂L/∂parameters, from ∂L/∂scores in `scratch.d_scores`.
    pub fn backward(
        self,
        query: &Block,
        key: &Block,
        head: Head,
        grads: &mut Gradients<'_>,
        scratch: &mut Scratch,
    ) {
        match self {
            Self::Dot { scale } => dot_backward(scale, query, key, head, grads, scratch),
            _ => self.pairs_backward(query, key, head, grads, scratch),
        }
    }

    /// The backward of both additive scores, query by query.
    fn pairs_backward(
        self,
        query: &Block,
        key: &Block,
        head: Head,
        grads: &mut Gradients<'_>,
        scratch: &mut Scratch,
    ) {
        let (queries, keys) = (query.dim().0, key.dim().0);
        for i in 0..queries {
            self.pair(query, key, head, i, &mut scratch.rows);
            for j in 0..keys {
                // A key out of reach took no part.
                let g = scratch.d_scores.data()[i * keys + j];
                if g == 0.0 {
                    continue;
                }
                let a = &mut scratch.rows.data_mut()[j * head.width..][..head.width];
                self.pair_backward(g, a, (head.step(query, i), head.step(key, j)), grads.params);
                let (d_query, d_key) = (head.step_mut(grads.query, i), head.step_mut(grads.key, j));
                for ((d_query, d_key), d) in d_query.iter_mut().zip(d_key).zip(&*a) {
                    *d_query += d;
                    *d_key += d;
                }
            }
        }
    }

    /// With `a` the tanh of one pair and `g` ∂L/∂score, turns `a` into ∂L/∂(q + k), and adds ∂L/∂parameters.
    fn pair_backward(self, g: f32, a: &mut [f32], (q, k): (&[f32], &[f32]), d_params: &mut [f32]) {
        match self {
            Self::Additive { scale: Some(scale) } => {
                for ((a, c), d_c) in a.iter_mut().zip(scale).zip(d_params) {
                    *d_c += g * *a;
                    *a = g * c * (1.0 - *a * *a);
                }
            }
            Self::Concat { scale, weight } => {
                let outer = scale.unwrap_or(1.0) * weight;
                let (mut sum, mut inner) = (0.0, 0.0);
                for (a, (q, k)) in a.iter_mut().zip(q.iter().zip(k)) {
                    let slope = 1.0 - *a * *a;
                    sum += *a;
                    inner += slope * (q + k);
                    *a = g * outer * slope;
                }
                match d_params {
                    [d_scale, d_weight] => {
                        *d_scale += g * weight * inner;
                        *d_weight += g * sum;
                    }
                    [d_weight, ..] => *d_weight += g * sum,
                    [] => {}
                }
            }
            Self::Additive { scale: None } | Self::Dot { .. } => {
                a.iter_mut().for_each(|a| *a = g * (1.0 - *a * *a));
            }
        }
    }
}

/// `∂L/∂q = c·δ·k`, `∂L/∂k = c·δᵀ·q`, `∂L/∂c = Σ q ⊙ (δ·k)`, with `δ` ∂L/∂scores.
fn dot_backward(
    scale: Option<f32>,
    query: &Block,
    key: &Block,
    head: Head,
    grads: &mut Gradients<'_>,
    scratch: &mut Scratch,
) {
    let (queries, keys) = (query.dim().0, key.dim().0);
    let c = scale.unwrap_or(1.0);
    let Scratch { d_scores, rows, .. } = scratch;
    let delta = Matrix::new(d_scores.data(), queries, keys);
    rows.reshape(1, queries, head.width);
    matmul(rows.data_mut(), delta, head.of(key), false);
    head.add(grads.query, rows.data(), c);
    if let (Some(_), Some(d_c)) = (scale, grads.params.first_mut()) {
        for (t, row) in rows.data().chunks_exact(head.width).enumerate() {
            *d_c += head.step(query, t).iter().zip(row).map(|(q, x)| q * x).sum::<f32>();
        }
    }
    rows.reshape(1, keys, head.width);
    matmul(rows.data_mut(), delta.t(), head.of(query), false);
    head.add(grads.key, rows.data(), c);
}
