//! What all recurrent layers share: the loop over time steps, forward and backward. A [`Cell`] computes one step; this does the rest:
//! all steps' input projections as one product, the order of reading, masks, dropout, carried state, and the weight gradients as
//! products over many steps at once.
//!
//! ```text
//! forward    g_t = x_t·W + b (all t at once);   (h_t, c_t) = step(g_t, h_{t−1}, c_{t−1})
//! masked     h_t = h_{t−1}, c_t = c_{t−1}
//! backward   ∂L/∂h_t = upstream gradient + what step t+1 passed back
//!            δ_t = ∂L/∂g_t;   ∂L/∂h_{t−1}, ∂L/∂c_{t−1} by the cell;   masked: ∂L/∂h_{t−1} = ∂L/∂h_t
//! weights    ∂L/∂W = Σ x_tᵀ·δ_t    ∂L/∂b = Σ δ_t    ∂L/∂U by the cell    ∂L/∂x_t = δ_t·Wᵀ
//! ```
//! `dropout` multiplies `x_t`, `recurrent_dropout` the `h_{t−1}` that is multiplied by `U`, with masks that stay for all steps of a
//! sequence (Gal & Ghahramani 2016). As in Keras, all gates share one mask of the input, but with `recurrent_dropout` each gate has its
//! own, of state and input (see `by_gate`). `stateful` starts from the state that the
//! last batch ended with, row by row; no gradient flows into it (truncated back-propagation through time), and training does not shuffle.
//! Its output is 0 at masked steps before the first that it reads, as in Keras, though its state is the carried one.

mod bptt;
mod buffers;
mod by_gate;
mod cache;
mod carried_state;
#[cfg(test)]
mod cell_tests;
mod deltas;
mod input_gradient;
mod quantity;
mod settings;

use std::fmt;
use std::ops::Range;

pub(super) use bptt::{Bptt, UpstreamGrad};
pub use buffers::RecurrentBuffers;
use buffers::Scratch;
use cache::GateWindow;
pub use cache::RecurrentCache;
pub use carried_state::{CarriedState, CarriedStateError};
pub use deltas::Deltas;
pub use quantity::Quantity;
pub use settings::Settings;
pub(super) use settings::recurrent_layer;

use super::error::LayerConfigError;
use super::extent::{Extent, Passes};
use super::layer::{BackwardContext, ForwardContext, LayerOutput, MaskRule, Pass, Shape};
use super::params::ParamSpec;
use super::{Activation, Block, Layer};
use crate::kernel::recurrent::{BackwardStep, CellFunctions, ForwardStep, PackedMatrix};
use crate::kernel::{FastFunction, Function, Matrix};
use crate::protocol::Direction;

/// What a step forward has saved, of all sequences.
#[derive(Debug, Clone, Copy)]
pub struct SavedStep<'a> {
    /// Activated gates, `[batch, gates·units]`.
    pub gates: &'a [f32],
    /// What else the cell saved, `[batch, units]`.
    pub saved: &'a [f32],
    /// The arguments of the activation functions, where derivatives are computed from them; else empty.
    pub arguments: &'a [f32],
    /// Which sequences took the step. Empty: all.
    pub mask: &'a [bool],
}

/// One step of a recurrent layer, forward and back. Rows are sequences.
pub trait Cell: fmt::Debug + Send + Sync {
    /// Keras's class name.
    fn class(&self) -> &'static str;

    /// The settings that all recurrent layers share.
    fn settings(&self) -> Settings;

    /// The gates that the columns of `kernel` feed, `units` each, in Keras's order.
    fn gates(&self) -> &'static [&'static str];

    /// The function that gives each of [`Cell::gates`] its values.
    fn activations(&self) -> Vec<Activation>;

    /// Which of [`Cell::gates`] proposes the new state; its activation bounds the hidden state as well.
    fn candidate_gate(&self) -> usize;

    /// The activations in words, for the model table.
    fn detail(&self) -> String;

    /// Whether there is a cell state beside the hidden one.
    fn has_cell_state(&self) -> bool {
        false
    }

    /// Whether it saves `units` numbers a step besides gates and states.
    fn saves(&self) -> bool {
        true
    }

    /// How many arguments of activation functions it saves, `units` numbers a step each: 0 where derivatives are computed from values.
    fn arguments(&self) -> usize {
        0
    }

    /// How many of its gates multiply the state itself by their columns of `U`.
    fn state_gates(&self) -> usize {
        self.gates().len()
    }

    /// With `zero_output_for_mask`, sets the outputs of steps that the mask leaves out to 0, or their gradients, in the order of reading; of
    /// the last step alone where only its output is returned.
    fn zero_masked(&self, pass: &Pass<'_>, order: Order, values: &mut Block) {
        let Some(mask) = pass.mask.filter(|_| self.settings().zero_output_for_mask) else { return };
        let (steps, _, units) = values.dim();
        for step in 0..steps {
            let taken = mask.step(order.position(order.time - steps + step));
            for (row, taken) in values.step_mut(step).chunks_exact_mut(units.max(1)).zip(taken) {
                if !taken {
                    row.fill(0.0);
                }
            }
        }
    }

    /// Whether the recurrent product has a bias of its own: then `bias` is `[2, gates·units]`.
    fn has_recurrent_bias(&self) -> bool {
        false
    }

    /// Columns of the bias that are initialized with 1.
    fn bias_ones(&self) -> Range<usize> {
        0..0
    }

    /// Checks the settings that are this cell's own.
    ///
    /// # Errors
    /// When a field does not fit, with what would fit.
    fn check(&self) -> Result<(), LayerConfigError> {
        Ok(())
    }

    /// Packs `U` for [`Cell::step_forward`]: for its first product, and for the second where there is one.
    fn pack_forward(&self, recurrent: Matrix<'_>, packed: &mut [PackedMatrix; 2]);

    /// The same for [`Cell::step_backward`].
    fn pack_backward(&self, recurrent: Matrix<'_>, packed: &mut [PackedMatrix; 2]);

    /// One step forward of all sequences, from input projections to activated gates, states, and what else the cell saves.
    fn step_forward(&self, packed: &[PackedMatrix; 2], step: ForwardStep<'_>);

    /// One step backward of all sequences: δ, ∂L/∂h of the step, and what [`BackwardStep`] passes on to the step before.
    fn step_backward(&self, packed: &[PackedMatrix; 2], step: BackwardStep<'_>, scratch: &mut Block);

    /// Adds to `dc`, the part of ∂L/∂c_t that comes from step t+1, the part that comes from h_t, whose gradient is `dh`: `[batch, units]`
    /// all. Of cells with a cell state.
    fn add_cell_state_gradient<'a>(&self, _step: SavedStep<'a>, _dh: &[f32], _dc: &mut [f32]) {}

    /// ∂L/∂(recurrent product), where h_{t−1} is a factor of all of it.
    fn product_delta<'a>(&self, buffers: &'a RecurrentBuffers) -> Option<&'a Block> {
        let Deltas { input, recurrent, .. } = &buffers.deltas;
        Some(if self.has_recurrent_bias() { recurrent } else { input })
    }

    /// Adds to `sum` `[units, gates·units]` the part of ∂L/∂U that comes from `steps`, counted in the order of reading. Unless the cell
    /// overrides it, h_{t−1} is a factor of all its products.
    fn recurrent_gradient(
        &self,
        buffers: &RecurrentBuffers,
        order: Order,
        steps: Range<usize>,
        scratch: &mut [Block; 2],
        sum: &mut [f32],
    ) {
        if let Some(delta) = self.product_delta(buffers) {
            buffers.add_recurrent_gradient(order, steps, delta, &mut scratch[0], sum);
        }
    }
}

/// The functions of `activation` and `recurrent_activation`; [`Cell::check`] has refused softmax.
pub(super) fn functions(state: Activation, gate: Activation) -> CellFunctions {
    let of = |f: Activation| f.function().unwrap_or(Function::Fast(FastFunction::Linear));
    CellFunctions::new(of(state), of(gate))
}

/// The order in which positions are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Positions.
    pub time: usize,
    /// From the last to the first.
    pub backwards: bool,
}

impl Order {
    /// That of a layer, or of one `direction` of a `Bidirectional`.
    pub(super) fn of(cell: &dyn Cell, direction: Option<Direction>, time: usize) -> Self {
        let own = cell.settings().go_backwards;
        Self { time, backwards: direction.map_or(own, |direction| direction == Direction::Backward) }
    }

    /// The input position that is read at `step`, counted in the order of reading.
    pub fn position(self, step: usize) -> usize {
        if self.backwards { self.time - 1 - step } else { step }
    }

    /// The input positions that are read at `steps`.
    pub fn positions(self, steps: Range<usize>) -> Range<usize> {
        if self.backwards { self.time - steps.end..self.time - steps.start } else { steps }
    }
}

impl<C: Cell> Layer for C {
    type Cache = RecurrentBuffers;

    fn class(&self) -> &'static str {
        Cell::class(self)
    }

    fn detail(&self) -> String {
        detail(self)
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        output(self, inputs)
    }

    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        params(self, inputs, "")
    }

    fn mask(&self) -> MaskRule {
        if self.settings().return_sequences { MaskRule::Keep } else { MaskRule::Drop }
    }

    fn reads_rows(&self) -> bool {
        true
    }

    fn recurrent_numbers(&self) -> usize {
        numbers(self)
    }

    fn cache_numbers(&self, extent: &Extent) -> usize {
        cache_numbers(self, extent)
    }

    fn directions(&self) -> &'static [Option<Direction>] {
        &[None]
    }

    fn forward(&self, ctx: ForwardContext<'_>, buffers: &mut RecurrentBuffers, output: &mut LayerOutput) {
        let bptt = Bptt::new(self, ctx.pass, ctx.weights, ctx.inputs[0], None);
        bptt.forward(buffers);
        let (order, cache, out) = (bptt.order(), &buffers.cache, &mut output.values);
        let (_, batch, units) = cache.h.dim();
        if self.settings().return_sequences {
            out.reshape(order.time, batch, units);
            for step in 0..order.time {
                out.step_mut(step).copy_from_slice(cache.h.step(order.position(step)));
            }
        } else {
            out.reshape(1, batch, units);
            out.data_mut().copy_from_slice(cache.last_h(order));
        }
        clear_unread(self, ctx.pass, order, out);
        self.zero_masked(ctx.pass, order, out);
    }

    fn backward(&self, ctx: BackwardContext<'_>, buffers: &mut RecurrentBuffers) {
        let input_grad = ctx.input_grads.and_then(<[Block]>::first_mut);
        let bptt = Bptt::new(self, ctx.pass, ctx.weights, ctx.inputs[0], None);
        clear_unread(self, ctx.pass, bptt.order(), ctx.upstream_grad);
        self.zero_masked(ctx.pass, bptt.order(), ctx.upstream_grad);
        let upstream = UpstreamGrad { values: ctx.upstream_grad, in_reading_order: true };
        bptt.backward(buffers, upstream, ctx.param_grads, input_grad, ctx.observer);
    }
}

/// Sets to 0, in an output in the order of reading or in its gradient, what a stateful layer gives before it has read a step: Keras repeats the
/// output of the step before at a masked one, and 0 where there is none, whatever state was carried on. (Without a carried state it is 0 anyway.)
pub(super) fn clear_unread(cell: &dyn Cell, pass: &Pass<'_>, order: Order, out: &mut Block) {
    let Some(mask) = pass.mask.filter(|_| cell.settings().stateful) else { return };
    let (steps, batch, units) = out.dim();
    let sequences = cell.settings().return_sequences;
    for row in 0..batch {
        let first = (0..order.time).find(|step| mask.step(order.position(*step))[row]);
        let unread = match first {
            Some(first) => {
                if sequences {
                    first
                } else {
                    0
                }
            }
            None => steps,
        };
        (0..unread).for_each(|t| out.step_mut(t)[row * units..][..units].fill(0.0));
    }
}

/// Numbers saved of every step of a sequence that can be recomputed: see [`Model::recurrent_bytes`](super::Model::recurrent_bytes).
pub(super) fn numbers(cell: &dyn Cell) -> usize {
    cell.settings().units * (cell.gates().len() + usize::from(cell.saves()) + cell.arguments())
}

/// Numbers that one direction saves: see [`Model::activation_bytes`](super::Model::activation_bytes).
pub(super) fn cache_numbers(cell: &dyn Cell, extent: &Extent) -> usize {
    let Extent { time, features, rows, recompute, passes, .. } = *extent;
    let (settings, gates) = (cell.settings(), cell.gates().len());
    let (units, drops) = (settings.units, settings.dropout > 0.0 && passes.trains());
    let (width, states) = (units * gates, units * (1 + usize::from(cell.has_cell_state())));
    // Inputs in rows are spread over all positions where some of them are dropped.
    let distinct = extent.distinct.filter(|_| !drops);
    let segment = bptt::segment(time, rows, width);
    // The gate of a cell with one is its state: only projections of positions are saved apart.
    let recomputes = gates > 1 || distinct.is_none();
    let segmented = recompute && recomputes;
    let positions = if segmented { segment } else { time };
    let saved = units * (usize::from(cell.saves()) + cell.arguments());
    let saved = saved + if recomputes { width } else { 0 };
    let deltas = if passes == Passes::Watch && !segmented { time } else { segment };
    let deltas = deltas * width * if cell.has_recurrent_bias() { 2 } else { 1 };
    let masks = if settings.recurrent_dropout > 0.0 { gates } else { 1 };
    // The input spread or thinned, and ∂L/∂ of it before it is gathered again.
    let copies = match extent.distinct {
        Some(_) => 2,
        None => usize::from(masks == 1),
    };
    // With a mask for each gate, of one gate at a time its input, its products and ∂L/∂ of them.
    let by_gate = if masks > 1 { positions * (features + units) + segment * features } else { 0 };
    let dropped = if drops { rows * (features * (copies * time + masks) + by_gate) } else { 0 };
    let dropped_states = if settings.recurrent_dropout > 0.0 { rows * units * (segment + masks) } else { 0 };
    rows * (time * states + positions * saved)
        + width * distinct.unwrap_or(0)
        + extent.in_training(rows * deltas + width * distinct.unwrap_or(0) + dropped + dropped_states)
}

pub(super) fn detail(cell: &dyn Cell) -> String {
    let settings = cell.settings();
    let flags = [
        (settings.return_sequences, "return_sequences"),
        (settings.go_backwards, "go_backwards"),
        (settings.stateful, "stateful"),
        (settings.dropout > 0.0 || settings.recurrent_dropout > 0.0, "dropout"),
    ];
    let flags = flags.iter().filter(|(on, _)| *on).map(|(_, name)| format!(", {name}"));
    cell.detail() + &flags.collect::<String>()
}

pub(super) fn output(cell: &dyn Cell, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
    let settings = cell.settings();
    let (time, _) = inputs[0].sequence(cell.class())?;
    let features = LayerConfigError::positive("units", settings.units)?;
    for (field, rate) in [("dropout", settings.dropout), ("recurrent_dropout", settings.recurrent_dropout)] {
        if !(0.0..1.0).contains(&rate) {
            return Err(LayerConfigError::of(
                field,
                format!("`{field}` is {rate}"),
                "it must be at least 0 and below 1",
            ));
        }
    }
    cell.check()?;
    Ok(if settings.return_sequences {
        Shape::Sequence { time, features }
    } else {
        Shape::Vector { features }
    })
}

/// `kernel`, `recurrent_kernel` and `bias`, named behind `prefix`.
pub(super) fn params(cell: &dyn Cell, inputs: &[Shape], prefix: &str) -> Vec<ParamSpec> {
    let settings = cell.settings();
    let features = inputs[0].features("").unwrap_or(0);
    // A product that overflows is more than any model may have.
    let (units, width) = (settings.units, settings.units.saturating_mul(cell.gates().len()));
    let named = |name: &str| format!("{prefix}{name}");
    let mut all = vec![
        ParamSpec::new(&named("kernel"), &[features, width], settings.kernel_initializer)
            .with_regularizer(settings.kernel_regularizer)
            .with_constraint(settings.kernel_constraint),
        ParamSpec::new(&named("recurrent_kernel"), &[units, width], settings.recurrent_initializer)
            .with_regularizer(settings.recurrent_regularizer)
            .with_constraint(settings.recurrent_constraint),
    ];
    if settings.use_bias {
        let shape = if cell.has_recurrent_bias() { vec![2, width] } else { vec![width] };
        let bias = ParamSpec::new(&named("bias"), &shape, settings.bias_initializer);
        let bias = bias.with_regularizer(settings.bias_regularizer).with_ones(cell.bias_ones());
        all.push(bias.with_constraint(settings.bias_constraint));
    }
    all
}
