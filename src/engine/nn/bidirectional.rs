use serde::{Deserialize, Serialize};

use super::cache::layer_cache;
use super::error::LayerConfigError;
use super::extent::Extent;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, MaskRule, Shape};
use super::params::ParamSpec;
use super::recurrent::{self, Bptt, Cell, RecurrentBuffers, UpstreamGrad};
use super::{Block, Mask, Observer, RecurrentSpec};
use crate::protocol::Direction::{self, Backward, Forward};

/// A recurrent layer that reads in both directions (Schuster & Paliwal 1997): two of the same kind with weights of their own.
///
/// ```text
/// concat  [→h ←h]    sum  →h + ←h    ave  (→h + ←h)/2    mul  →h ⊙ ←h
/// ```
/// With `return_sequences` the states of both halves are at the position where they were read; otherwise each half returns its last
/// state: the forward half after the last position, the backward half after the first. Masked positions of a sequence
/// give 0, as in Keras (`zero_output_for_mask`).
///
/// Source: `keras/src/layers/rnn/bidirectional.py`. `[batch, time, features] → [batch, 2·units]` (concat), or with time.
///
/// ```
/// use unrolled_engine::nn::{Bidirectional, LSTM, Layer, Merge, Shape};
/// let layer = Bidirectional { of: Box::new(LSTM { units: 16, ..LSTM::default() }.into()), merge_mode: Merge::Concat };
/// let out = layer.output(&[Shape::Sequence { time: 9, features: 5 }]);
/// assert_eq!(out, Ok(Shape::Vector { features: 32 }));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bidirectional {
    /// The layer of each direction.
    pub of: Box<RecurrentSpec>,
    /// How the two become one.
    #[serde(default)]
    pub merge_mode: Merge,
}

/// How the halves of a [`Bidirectional`] become one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Merge {
    /// Side by side.
    #[default]
    Concat,
    /// Added.
    Sum,
    /// Averaged.
    Ave,
    /// Multiplied.
    Mul,
}

impl Bidirectional {
    /// The cell of both halves.
    pub(super) fn cell(&self) -> &dyn Cell {
        self.of.cell()
    }
}

/// The directions of the halves, in the order of their weights.
const HALVES: [Direction; 2] = [Forward, Backward];

layer_cache! {
    /// The cache of a [`Bidirectional`].
    BidirectionalCache {
        /// Of the half that reads forwards.
        forward: RecurrentBuffers,
        /// Of the half that reads backwards.
        backward: RecurrentBuffers,
        /// The upstream gradient of one half.
        half_grad: Block,
        /// ∂L/∂input through the second half.
        second_input_grad: Block,
    }
}

impl Layer for Bidirectional {
    type Cache = BidirectionalCache;

    fn class(&self) -> &'static str {
        "Bidirectional"
    }

    fn detail(&self) -> String {
        let cell = self.cell();
        let cell = format!("{}, {}", cell.class(), recurrent::detail(cell));
        match self.merge_mode {
            Merge::Concat => cell,
            Merge::Sum => cell + ", sum",
            Merge::Ave => cell + ", ave",
            Merge::Mul => cell + ", mul",
        }
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        let cell = self.cell();
        if cell.settings().go_backwards {
            let found = "the layer within reads backwards already";
            return Err(LayerConfigError::of(
                "of",
                found,
                "leave `go_backwards` out: one half reads forwards, one backwards",
            ));
        }
        let twice = |n: usize| if self.merge_mode == Merge::Concat { n.saturating_mul(2) } else { n };
        Ok(match recurrent::output(cell, inputs)? {
            Shape::Sequence { time, features } => Shape::Sequence { time, features: twice(features) },
            Shape::Vector { features } => Shape::Vector { features: twice(features) },
            ids => ids,
        })
    }

    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        let cell = self.cell();
        ["fwd.", "bwd."].iter().flat_map(|prefix| recurrent::params(cell, inputs, prefix)).collect()
    }

    fn mask(&self) -> MaskRule {
        let sequences = self.cell().settings().return_sequences;
        if sequences { MaskRule::Keep } else { MaskRule::Drop }
    }

    fn reads_rows(&self) -> bool {
        true
    }

    fn recurrent_numbers(&self) -> usize {
        2 * recurrent::numbers(self.cell())
    }

    fn cache_numbers(&self, extent: &Extent) -> usize {
        let cell = self.cell();
        let settings = cell.settings();
        // The upstream gradient of one half, and ∂L/∂input of the other.
        let half = extent.rows * settings.units * if settings.return_sequences { extent.time } else { 1 };
        let second = extent.features * extent.distinct.unwrap_or(extent.rows * extent.time);
        2 * recurrent::cache_numbers(cell, extent) + extent.in_training(half + second)
    }

    fn directions(&self) -> &'static [Option<Direction>] {
        &[Some(Forward), Some(Backward)]
    }

    fn forward(&self, ctx: ForwardContext<'_>, cache: &mut Self::Cache, output: &mut LayerOutput) {
        let cell = self.cell();
        let half = ctx.weights.len() / 2;
        let halves = HALVES.into_iter().zip([&mut cache.forward, &mut cache.backward]);
        for (i, (direction, buffers)) in halves.enumerate() {
            let weights = ctx.weights.part(i * half..(i + 1) * half);
            Bptt::new(cell, ctx.pass, weights, ctx.inputs[0], Some(direction)).forward(buffers);
        }
        let (out, fwd, bwd) = (&mut output.values, &cache.forward.cache, &cache.backward.cache);
        let (time, batch, n) = fwd.h.dim();
        let width = if self.merge_mode == Merge::Concat { n.saturating_mul(2) } else { n };
        let sequences = cell.settings().return_sequences;
        let mask = ctx.pass.mask.filter(|_| sequences || cell.settings().stateful);
        out.reshape(if sequences { time } else { 1 }, batch, width);
        for t in 0..out.dim().0 {
            let (f, b) = if sequences {
                (fwd.h.step(t), bwd.h.step(t))
            } else {
                (fwd.h.step(time - 1), bwd.h.step(0))
            };
            let rows = out.step_mut(t).chunks_exact_mut(width).zip(f.chunks_exact(n).zip(b.chunks_exact(n)));
            for (row, (out, (f, b))) in rows.enumerate() {
                if mask.is_some_and(|mask| !gives(mask, sequences, t, row)) {
                    out.fill(0.0);
                    continue;
                }
                match self.merge_mode {
                    Merge::Concat => {
                        out[..n].copy_from_slice(f);
                        out[n..].copy_from_slice(b);
                    }
                    Merge::Sum => combine(out, f, b, |f, b| f + b),
                    Merge::Ave => combine(out, f, b, |f, b| (f + b) / 2.0),
                    Merge::Mul => combine(out, f, b, |f, b| f * b),
                }
            }
        }
    }

    fn backward(&self, ctx: BackwardContext<'_>, cache: &mut Self::Cache) {
        let BackwardContext {
            pass,
            weights,
            inputs,
            upstream_grad,
            param_grads,
            mut input_grads,
            mut observer,
            ..
        } = ctx;
        let cell = self.cell();
        let (x, half) = (inputs[0], weights.len() / 2);
        let BidirectionalCache { forward, backward, half_grad, second_input_grad } = cache;
        let (first_grads, second_grads) = param_grads.split_at_mut(weights.part(0..half).size());
        let settings = cell.settings();
        let mask = pass.mask.filter(|_| settings.return_sequences || settings.stateful);
        for (i, param_grads) in [first_grads, second_grads].into_iter().enumerate() {
            let (buffers, other) =
                if i == 0 { (&mut *forward, &*backward) } else { (&mut *backward, &*forward) };
            self.half_gradient(half_grad, upstream_grad, i, other, mask);
            if let Some(regularizer) = cell.settings().activity_regularizer {
                let regularizer = regularizer.scaled(1.0 / pass.batch as f64);
                let rows = self.output_rows(i, buffers, mask);
                rows.for_each(|(row, h)| regularizer.add_gradient(h, half_grad.row_mut(row)));
            }
            let weights = weights.part(i * half..(i + 1) * half);
            let input_grad = match (&mut input_grads, i) {
                (Some(input_grads), 0) => input_grads.first_mut(),
                (Some(_), _) => Some(&mut *second_input_grad),
                (None, _) => None,
            };
            let upstream = UpstreamGrad { values: half_grad, in_reading_order: false };
            let observer = observer.as_mut().map(|o| &mut **o as &mut dyn Observer);
            let bptt = Bptt::new(cell, pass, weights, x, Some(HALVES[i]));
            bptt.backward(buffers, upstream, param_grads, input_grad, observer);
        }
        if let Some([input_grad, ..]) = input_grads {
            let sums = input_grad.data_mut().iter_mut();
            sums.zip(second_input_grad.data()).for_each(|(sum, second)| *sum += second);
        }
    }
}

impl Bidirectional {
    /// The activity penalty of both halves, each of its own output, summed over the sequences of a shard.
    pub(super) fn activity_loss(&self, cache: &BidirectionalCache, mask: Option<&Mask>) -> f64 {
        let Some(regularizer) = self.cell().settings().activity_regularizer else { return 0.0 };
        let mask = mask.filter(|_| self.cell().settings().return_sequences);
        let halves = [&cache.forward, &cache.backward].into_iter().enumerate();
        let rows = halves.flat_map(|(i, buffers)| self.output_rows(i, buffers, mask));
        rows.map(|(_, h)| regularizer.loss(h)).sum()
    }

    /// The outputs of half `i`, each with its row in the block of outputs; without those that the mask leaves out, which are 0.
    fn output_rows<'a>(
        &self,
        i: usize,
        buffers: &'a RecurrentBuffers,
        mask: Option<&'a Mask>,
    ) -> impl Iterator<Item = (usize, &'a [f32])> {
        let h = &buffers.cache.h;
        let (time, _, units) = h.dim();
        let steps = match (self.cell().settings().return_sequences, i) {
            (true, _) => 0..time,
            (false, 0) => time - 1..time,
            (false, _) => 0..1,
        };
        let rows = h.steps(steps).chunks_exact(units.max(1)).enumerate();
        rows.filter(move |(row, _)| mask.is_none_or(|mask| mask.data()[*row]))
    }

    /// Writes the upstream gradient of half `i` to `half_grad`; `other` is the other half. Masked rows have output 0, whatever their
    /// state: their gradient is 0.
    fn half_gradient(
        &self,
        half_grad: &mut Block,
        upstream_grad: &Block,
        i: usize,
        other: &RecurrentBuffers,
        mask: Option<&Mask>,
    ) {
        let sequences = self.cell().settings().return_sequences;
        let (steps, batch, width) = upstream_grad.dim();
        let (time, _, n) = other.cache.h.dim();
        half_grad.reshape(steps, batch, n);
        for t in 0..steps {
            let at = match (sequences, i) {
                (true, _) => t,
                (false, 0) => 0,
                (false, _) => time - 1,
            };
            let rows =
                half_grad.step_mut(t).chunks_exact_mut(n).zip(upstream_grad.step(t).chunks_exact(width));
            for (row, ((half, d), other)) in rows.zip(other.cache.h.step(at).chunks_exact(n)).enumerate() {
                if mask.is_some_and(|mask| !gives(mask, sequences, t, row)) {
                    half.fill(0.0);
                    continue;
                }
                match self.merge_mode {
                    Merge::Concat => half.copy_from_slice(&d[i * n..(i + 1) * n]),
                    Merge::Sum => half.copy_from_slice(d),
                    Merge::Ave => combine(half, d, d, |d, _| d / 2.0),
                    Merge::Mul => combine(half, d, other, |d, other| d * other),
                }
            }
        }
    }
}

/// Whether the output for sequence `row` at `t` is other than 0: that of a masked step is 0, and, where there is one output a sequence and
/// states are carried on, that of a sequence of padding alone, as in Keras.
fn gives(mask: &Mask, sequences: bool, t: usize, row: usize) -> bool {
    if sequences { mask.step(t)[row] } else { (0..mask.time()).any(|t| mask.step(t)[row]) }
}

fn combine(out: &mut [f32], a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) {
    out.iter_mut().zip(a.iter().zip(b)).for_each(|(out, (a, b))| *out = f(*a, *b));
}
