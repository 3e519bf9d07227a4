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

use std::fmt;

use ndarray::ArrayView2;

pub use settings::Settings;
pub(super) use settings::{default, recurrent_layer};
pub use unroll::{Held, Unroll};

use super::dense::affine;
use super::layer::{MaskRule, Misfit, ParamSpec, Pass, Shape, Tape};
use super::{Activation, Block, Layer, Observer, Signal, Unrolled, Weights};
use crate::kernel::recurrent::{Back, Functions, Packed, Projected, Step};
use crate::kernel::{Function, Matrix, add_columns};
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
    fn bias_ones(&self) -> std::ops::Range<usize> {
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

    /// Adds ∂L/∂U to `d_recurrent` `[units, gates·units]`, over all steps: `before` are the states that met `U`, in the order of the
    /// positions, and `delta` the rows of `back.delta` (or `back.delta_recurrent`) likewise.
    fn recurrent_gradient(&self, unroll: &Unroll, order: Order, d_recurrent: &mut [f32]);

    /// Adds to `d_recurrent` what one step, counted in the order of reading, contributes by itself to
    /// [`Cell::recurrent_gradient`]: all steps' contributions add up to it.
    fn step_gradient(&self, unroll: &Unroll, order: Order, step: usize, d_recurrent: &mut [f32]);
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
}

impl<C: Cell> Layer for C {
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

    fn directions(&self) -> &'static [Option<Direction>] {
        &[None]
    }

    fn forward(&self, pass: &Pass<'_>, weights: Weights<'_>, inputs: &[Signal<'_>], tape: &mut Tape) {
        let Tape { out, unrolls: [unroll, _], .. } = tape;
        let order = forward(self, pass, weights, inputs[0], unroll, None);
        let settings = self.settings();
        let (_, batch, units) = unroll.h.dim();
        if settings.return_sequences {
            out.reshape(order.time, batch, units);
            for step in 0..order.time {
                out.step_mut(step).copy_from_slice(unroll.h.step(order.position(step)));
            }
        } else {
            out.reshape(1, batch, units);
            out.data_mut().copy_from_slice(unroll.last(order));
        }
    }

    fn backward(
        &self,
        pass: &Pass<'_>,
        weights: Weights<'_>,
        inputs: &[Signal<'_>],
        tape: &mut Tape,
        d_out: &mut Block,
        grads: &mut [f32],
        d_in: Option<&mut [Block]>,
        observer: Option<&mut dyn Observer>,
    ) {
        let [unroll, _] = &mut tape.unrolls;
        let d_in = d_in.and_then(<[Block]>::first_mut);
        let asks = Asks { d_out, in_order_of_reading: true };
        backward(self, pass, weights, inputs[0], unroll, asks, grads, d_in, observer, None);
    }

    fn unrolls<'a>(&'a self, tape: &'a Tape) -> Vec<(Option<Direction>, &'a dyn Cell, &'a Unroll)> {
        vec![(None, self, &tape.unrolls[0])]
    }
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

/// Reads `x` `[time, batch, features]` into `unroll`. `backwards` overrides the cell's own `go_backwards`.
pub(super) fn forward(
    cell: &dyn Cell,
    pass: &Pass<'_>,
    weights: Weights<'_>,
    x: Signal<'_>,
    unroll: &mut Unroll,
    backwards: Option<bool>,
) -> Order {
    let settings = cell.settings();
    let (time, batch, features) = x.dim();
    let order = Order { time, backwards: backwards.unwrap_or(settings.go_backwards) };
    let (units, width) = (settings.units, settings.units * cell.gates().len());
    unroll.begin(cell, pass, (time, batch, features), order);
    let (bias, recurrent_bias) = biases(cell, weights, width);
    let rows = unroll.read(x);
    let (read, projections) = match rows {
        Some(rows) => {
            unroll.projected.reshape(1, rows.rows.rows(), width);
            (rows.rows, &mut unroll.projected)
        }
        None if unroll.x.data().is_empty() => (x.real(), &mut unroll.gates),
        None => (&unroll.x, &mut unroll.gates),
    };
    affine(projections.data_mut(), read.data(), weights.get(0), bias, features, width);
    cell.pack(Matrix::new(weights.get(1), units, width), &mut unroll.packs);
    for step in 0..time {
        let t = order.position(step);
        let before = step.checked_sub(1).map(|step| order.position(step));
        unroll.meet(before);
        let Unroll { gates, h, c, kept, met, state_h, state_c, packs, projected, .. } = unroll;
        let (h_before, h_now) = split(h, state_h, before, t);
        let (c_before, c_now) =
            if cell.has_cell_state() { split(c, state_c, before, t) } else { (&[][..], &mut [][..]) };
        let mask = pass.mask.map_or(&[][..], |mask| mask.step(t));
        if !mask.is_empty() && !mask.contains(&true) {
            // Nobody takes the step: the states are carried on.
            h_now.copy_from_slice(h_before);
            c_now.copy_from_slice(c_before);
            gates.part_mut(t).fill(0.0);
            continue;
        }
        cell.step(
            packs,
            Step {
                batch,
                units,
                projected: rows.map_or(Projected::InPlace, |rows| Projected::Rows {
                    table: projected.data(),
                    index: rows.step(t),
                }),
                recurrent_bias: recurrent_bias.unwrap_or_default(),
                gates: gates.part_mut(t),
                h_before,
                h_met: if met.data().is_empty() { h_before } else { met.data() },
                c_before,
                mask,
                h: h_now,
                c: c_now,
                kept: kept.part_mut(t),
            },
        );
    }
    if settings.stateful {
        unroll.carry(order);
    }
    order
}

/// What the layers above want of the output.
pub(super) struct Asks<'a> {
    /// ∂L/∂output: of every step, or of the last alone.
    pub d_out: &'a Block,
    /// Whether steps stand in the order of reading (as Keras gives them), or of the input.
    pub in_order_of_reading: bool,
}

/// The way back of [`forward`]; `half` says which half of a `Bidirectional` this is, and whether it reads backwards.
#[allow(clippy::too_many_arguments)] // as `Layer::backward`
pub(super) fn backward(
    cell: &dyn Cell,
    pass: &Pass<'_>,
    weights: Weights<'_>,
    x: Signal<'_>,
    unroll: &mut Unroll,
    asks: Asks<'_>,
    grads: &mut [f32],
    d_in: Option<&mut Block>,
    mut observer: Option<&mut dyn Observer>,
    half: Option<(Direction, bool)>,
) {
    let settings = cell.settings();
    let (time, batch, features) = x.dim();
    let (direction, order) = match half {
        Some((direction, backwards)) => (Some(direction), Order { time, backwards }),
        None => (None, Order { time, backwards: settings.go_backwards }),
    };
    let (units, width) = (settings.units, settings.units * cell.gates().len());
    cell.pack_back(Matrix::new(weights.get(1), units, width), &mut unroll.packs);
    unroll.begin_back(cell, width);
    for step in (0..time).rev() {
        let t = order.position(step);
        let before = step.checked_sub(1).map(|step| order.position(step));
        let after = Some(step + 1).filter(|after| *after < time).map(|after| order.position(after));
        unroll.meet(before);
        let Unroll {
            gates,
            h,
            c,
            kept,
            met,
            dropped_h,
            state_h,
            state_c,
            delta,
            delta_recurrent,
            dh,
            dc,
            carry,
            room,
            packs,
            ..
        } = unroll;
        let h_before = before.map_or(state_h.data(), |before| h.step(before));
        let c_before = match before {
            _ if !cell.has_cell_state() => &[],
            None => state_c.data(),
            Some(before) => c.step(before),
        };
        let (after_delta, delta) = split_after(delta, after, t);
        let (after_own, delta_recurrent) = match cell.has_recurrent_bias() {
            true => split_after(delta_recurrent, after, t),
            false => (&[][..], &mut [][..]),
        };
        let asked = match settings.return_sequences {
            true => asks.d_out.step(if asks.in_order_of_reading { step } else { t }),
            false if step + 1 == time => asks.d_out.data(),
            false => &[],
        };
        cell.back(
            packs,
            Back {
                batch,
                units,
                after: if cell.has_recurrent_bias() { after_own } else { after_delta },
                asked,
                gates: gates.part(t),
                h: h.step(t),
                kept: kept.part(t),
                h_before,
                h_met: if met.data().is_empty() { h_before } else { met.data() },
                dropped: dropped_h.data(),
                c_before,
                mask: pass.mask.map_or(&[][..], |mask| mask.step(t)),
                delta,
                delta_recurrent,
                dh: dh.data_mut(),
                carry: carry.data_mut(),
                dc: dc.data_mut(),
            },
            room,
        );
        if let Some(observer) = observer.as_deref_mut() {
            let square = |data| ArrayView2::from_shape((batch, units), data);
            if let (Ok(h), Ok(dh)) = (square(unroll.h.step(t)), square(unroll.dh.data())) {
                observer.unrolled(Unrolled { layer: pass.layer, direction, t, h, dh });
            }
        }
    }
    let (d_kernel, rest) = grads.split_at_mut(features * width);
    let (d_recurrent, d_bias) = rest.split_at_mut(units * width);
    cell.recurrent_gradient(unroll, order, d_recurrent);
    let (d_input, d_own) = d_bias.split_at_mut(if settings.use_bias { width } else { 0 });
    if settings.use_bias && cell.has_recurrent_bias() {
        add_columns(d_own, unroll.delta_recurrent.data());
    }
    unroll.input_gradient(x, weights.get(0), width, d_kernel, d_input, d_in);
}

fn biases<'a>(cell: &dyn Cell, weights: Weights<'a>, width: usize) -> (Option<&'a [f32]>, Option<&'a [f32]>) {
    if !cell.settings().use_bias {
        return (None, None);
    }
    let (input, own) = weights.get(2).split_at(width);
    (Some(input), cell.has_recurrent_bias().then_some(own))
}

/// The state before, `state` at the first step, to be read while that of position `t` is written.
fn split<'a>(
    block: &'a mut Block,
    state: &'a Block,
    before: Option<usize>,
    t: usize,
) -> (&'a [f32], &'a mut [f32]) {
    match before {
        Some(before) => block.pair_mut(before, t),
        None => (state.data(), block.step_mut(t)),
    }
}

/// The rows of position `after`, none after the last step, to be read while those of position `t` are written.
fn split_after(block: &mut Block, after: Option<usize>, t: usize) -> (&[f32], &mut [f32]) {
    match after {
        Some(after) => block.pair_mut(after, t),
        None => (&[], block.step_mut(t)),
    }
}
