//! What all recurrent layers share: the way through time and back. A [`Cell`] knows one step; this knows the rest: all steps'
//! input projections as one product, the order of reading, masks, dropout, carried state, and the weight gradients as
//! products over all steps at once.
//!
//! ```text
//! forward    g_t = x_t·W + b (all t at once);   (h_t, c_t) = step(g_t, h_{t−1}, c_{t−1})
//! masked     h_t = h_{t−1}, c_t = c_{t−1}
//! backward   ∂L/∂h_t = ∂L/∂out_t + what came back through step t+1
//!            δ_t = ∂L/∂g_t;   ∂L/∂h_{t−1}, ∂L/∂c_{t−1} by the cell;   masked: ∂L/∂h_{t−1} = ∂L/∂h_t
//! weights    ∂L/∂W = Σ x_tᵀ·δ_t    ∂L/∂b = Σ δ_t    ∂L/∂U by the cell    ∂L/∂x_t = δ_t·Wᵀ
//! ```
//! `dropout` multiplies `x_t`, `recurrent_dropout` the `h_{t−1}` that meets `U`, each with one mask a sequence for all steps and
//! gates (Gal & Ghahramani 2016, tied weights; Keras draws one a gate when both are used). `stateful` begins with the state that
//! the last batch ended with, row by row; no gradient flows into it (truncated back-propagation through time), and training does
//! not shuffle.

mod settings;
mod unroll;
mod walk;

use std::fmt;
use std::ops::Range;

pub use settings::Settings;
pub(super) use settings::{default, recurrent_layer};
pub use unroll::{Held, Unroll};
pub(super) use walk::{Asks, Walk};

use super::cache::Cache;
use super::layer::{
    BackwardContext, Extent, ForwardContext, LayerOutput, MaskRule, Misfit, ParamSpec, Shape,
};
use super::{Activation, Block, Layer};
use crate::kernel::recurrent::{Back, Functions, Packed, Step};
use crate::kernel::{Function, Matrix};
use crate::protocol::Direction;

/// One step of a recurrent layer, forward and back. Rows are sequences.
pub trait Cell: fmt::Debug + Send + Sync {
    /// Keras's class name.
    fn class(&self) -> &'static str;

    /// What all recurrent layers have.
    fn settings(&self) -> Settings;

    /// What the columns of `kernel` feed, `units` each, in Keras's order.
    fn gates(&self) -> &'static [&'static str];

    /// The function that gives each of [`Cell::gates`] its values.
    fn activations(&self) -> Vec<Activation>;

    /// Which of [`Cell::gates`] proposes the new state; its activation bounds the hidden state as well.
    fn proposal(&self) -> usize;

    /// The activations in words, for the model table.
    fn detail(&self) -> String;

    /// Whether there is a cell state beside the hidden one.
    fn has_cell_state(&self) -> bool {
        false
    }

    /// Whether it remembers `units` numbers a step besides.
    fn keeps(&self) -> bool {
        true
    }

    /// Whether the recurrent product has a bias of its own: then `bias` is `[2, gates·units]`.
    fn has_recurrent_bias(&self) -> bool {
        false
    }

    /// Columns of the bias that begin at 1.
    fn bias_ones(&self) -> Range<usize> {
        0..0
    }

    /// Refuses what this cell cannot do.
    ///
    /// # Errors
    /// With the field and what would fit.
    fn check(&self) -> Result<(), Misfit> {
        Ok(())
    }

    /// Readies `U` for [`Cell::step`].
    fn pack(&self, recurrent: Matrix<'_>, packs: &mut Packs);

    /// Readies `U` for [`Cell::back`].
    fn pack_back(&self, recurrent: Matrix<'_>, packs: &mut Packs);

    /// Turns input projections into activated gates, and writes `step.h` and what else the cell keeps.
    fn step(&self, packs: &Packs, step: Step<'_>);

    /// Writes ∂L/∂h of the step, `back.delta` = ∂L/∂(input projection), and what [`Back`] says for the step before.
    fn back(&self, packs: &Packs, back: Back<'_>, room: &mut Block);

    /// ∂L/∂(recurrent product), where the state is what all of it met.
    fn product_delta<'a>(&self, unroll: &'a Unroll) -> Option<&'a Block> {
        Some(if self.has_recurrent_bias() { &unroll.delta_recurrent } else { &unroll.delta })
    }

    /// Adds to `d_recurrent` `[units, gates·units]` what `steps`, counted in the order of reading, contribute to ∂L/∂U: all steps'
    /// contributions add up to it.
    /// Unless the cell does otherwise, all its gates met the state.
    fn recurrent_gradient(
        &self,
        unroll: &Unroll,
        order: Order,
        steps: Range<usize>,
        room: &mut [Block; 2],
        d_recurrent: &mut [f32],
    ) {
        if let Some(delta) = self.product_delta(unroll) {
            unroll.add_recurrent_gradient(order, steps, delta, &mut room[0], d_recurrent);
        }
    }
}

/// Recurrent weights in the order in which the steps read them, packed once a pass: see [`kernel::recurrent`](crate::kernel::recurrent).
#[derive(Debug, Default)]
pub struct Packs {
    /// What the step's first product meets, and its second where there is one.
    pub ahead: [Packed; 2],
    /// The same on the way back.
    pub back: [Packed; 2],
}

impl Packs {
    /// Bytes that they have room for.
    fn bytes(&self) -> usize {
        self.ahead.iter().chain(&self.back).map(Packed::bytes).sum()
    }
}

/// The arithmetic of `activation` and `recurrent_activation`; [`Cell::check`] has refused what is of a row.
pub(super) fn functions(state: Activation, gate: Activation) -> Functions {
    let of = |f: Activation| f.function().unwrap_or(Function::Linear);
    Functions { state: of(state), gate: of(gate) }
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

impl Cache for Unroll {
    fn bytes(&self) -> usize {
        Unroll::bytes(self)
    }
}

impl<C: Cell> Layer for C {
    type Cache = Unroll;

    fn class(&self) -> &'static str {
        Cell::class(self)
    }

    fn detail(&self) -> String {
        detail(self)
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Misfit> {
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

    fn room(&self, extent: &Extent) -> usize {
        room(self, extent)
    }

    fn directions(&self) -> &'static [Option<Direction>] {
        &[None]
    }

    fn forward(&self, ctx: ForwardContext<'_>, unroll: &mut Unroll, output: &mut LayerOutput) {
        let walk = Walk::new(self, ctx.pass, ctx.weights, ctx.inputs[0], None);
        walk.forward(unroll);
        let (order, out) = (walk.order(), &mut output.values);
        let (_, batch, units) = unroll.h.dim();
        if self.settings().return_sequences {
            out.reshape(order.time, batch, units);
            for step in 0..order.time {
                out.step_mut(step).copy_from_slice(unroll.h.step(order.position(step)));
            }
        } else {
            out.reshape(1, batch, units);
            out.data_mut().copy_from_slice(unroll.last(order));
        }
    }

    fn backward(&self, ctx: BackwardContext<'_>, unroll: &mut Unroll) {
        let BackwardContext {
            pass, weights, inputs, upstream_grad, param_grads, input_grads, observer, ..
        } = ctx;
        let input_grad = input_grads.and_then(<[Block]>::first_mut);
        let asks = Asks { d_out: upstream_grad, in_order_of_reading: true };
        Walk::new(self, pass, weights, inputs[0], None).backward(
            unroll,
            &asks,
            param_grads,
            input_grad,
            observer,
        );
    }
}

/// Numbers kept of every step of a sequence that could be made again: see [`Model::recurrent_bytes`](super::Model::recurrent_bytes).
pub(super) fn numbers(cell: &dyn Cell) -> usize {
    cell.settings().units * (cell.gates().len() + usize::from(cell.keeps()))
}

/// Numbers that one way through time remembers: see [`Model::activation_bytes`](super::Model::activation_bytes).
pub(super) fn room(cell: &dyn Cell, extent: &Extent) -> usize {
    let Extent { time, features, rows, distinct, recompute } = *extent;
    let (units, gates) = (cell.settings().units, cell.gates().len());
    let (width, states) = (units * gates, units * (1 + usize::from(cell.has_cell_state())));
    let segment = walk::segment(time, rows, width);
    let frees = gates > 1 || distinct.is_none();
    let held = if recompute && frees { segment } else { time };
    // Gates of a cell with one are its state: only projections of positions stand apart.
    let gates = if gates > 1 || distinct.is_none() { width } else { 0 };
    let kept = if cell.keeps() { units } else { 0 };
    let deltas = segment * width * if cell.has_recurrent_bias() { 2 } else { 1 };
    let dropped = if cell.settings().dropout > 0.0 { 2 * time * rows * features } else { 0 };
    rows * (time * states + held * (gates + kept) + deltas)
        + 2 * width * distinct.unwrap_or(0)
        + 2 * units * width
        + dropped
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

pub(super) fn output(cell: &dyn Cell, inputs: &[Shape]) -> Result<Shape, Misfit> {
    let settings = cell.settings();
    let (time, _) = inputs[0].sequence(cell.class())?;
    let features = Misfit::positive("units", settings.units)?;
    for (field, rate) in [("dropout", settings.dropout), ("recurrent_dropout", settings.recurrent_dropout)] {
        if !(0.0..1.0).contains(&rate) {
            return Err(Misfit::of(
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
    // What overflows has more parameters than any model may have.
    let (units, width) = (settings.units, settings.units.saturating_mul(cell.gates().len()));
    let named = |name: &str| format!("{prefix}{name}");
    let mut all = vec![
        ParamSpec::new(&named("kernel"), &[features, width], settings.kernel_initializer)
            .with_penalty(settings.kernel_regularizer),
        ParamSpec::new(&named("recurrent_kernel"), &[units, width], settings.recurrent_initializer)
            .with_penalty(settings.recurrent_regularizer),
    ];
    if settings.use_bias {
        let shape = if cell.has_recurrent_bias() { vec![2, width] } else { vec![width] };
        let bias = ParamSpec::new(&named("bias"), &shape, settings.bias_initializer);
        all.push(bias.with_penalty(settings.bias_regularizer).with_ones(cell.bias_ones()));
    }
    all
}
