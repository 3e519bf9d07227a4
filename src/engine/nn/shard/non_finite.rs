use super::Shard;
use crate::nn::model::Node;
use crate::nn::recurrent::{Order, Quantity};
use crate::nn::{Block, IndexedRows, Model};
use crate::protocol::{NonFinite, Phase};

/// A number that is not finite, and its place in the order in which a shard computes: smaller is earlier.
pub(in crate::nn) type Ordered = ([usize; 3], NonFinite);

impl Shard {
    /// The first number of the last forward pass that is not finite, the data first.
    pub(in crate::nn) fn non_finite_forward(&self, model: &Model) -> Option<Ordered> {
        if self.is_real
            && let Some(at) = Place::first(&self.real)
        {
            return Some(([0, at.time_step, 0], at.of(Phase::Input, "input", &self.real)));
        }
        (0..model.nodes.len())
            .find_map(|i| self.non_finite_states(model, i).or_else(|| self.non_finite_output(model, i)))
    }

    /// The first number of the gates and states of layer `i`, if it is recurrent.
    fn non_finite_states(&self, model: &Model, i: usize) -> Option<Ordered> {
        let directions = model.nodes[i].spec.recurrent(&self.buffers.caches[i]);
        directions.into_iter().enumerate().find_map(|(place, (direction, cell, buffers))| {
            let quantities = Quantity::in_order(cell, buffers);
            let (time, batch) = quantities.last()?.dim();
            let order = Order::of(cell, direction, time);
            let found = |step: usize| {
                let t = order.position(step);
                quantities.iter().enumerate().find_map(|(number, quantity)| {
                    let unit_of = |row| quantity.row(t, row).iter().position(|x| !x.is_finite());
                    let (row, unit) = (0..batch).find_map(|row| Some((row, unit_of(row)?)))?;
                    let value = quantity.row(t, row)[unit];
                    let what = NonFinite {
                        layer: Some(i),
                        direction,
                        time_step: Some(t),
                        row: Some(row),
                        unit: Some(unit),
                        ..NonFinite::new(Phase::Forward, quantity.name, value)
                    };
                    Some(([3 * i + 1 + place, step, number], what))
                })
            };
            (0..time).find_map(found)
        })
    }

    /// The first number of the output of layer `i`.
    fn non_finite_output(&self, model: &Model, i: usize) -> Option<Ordered> {
        let (Node { to_rows, .. }, output) = (&model.nodes[i], &self.buffers.outputs[i]);
        let mut spread = Block::default();
        let values = match to_rows {
            true => {
                Place::first(&output.values)?;
                IndexedRows::new(&output.values, &output.lookup).spread(&mut spread);
                &spread
            }
            false => &output.values,
        };
        let at = Place::first(values)?;
        let what = NonFinite { layer: Some(i), ..at.of(Phase::Forward, "output", values) };
        Some(([3 * i + 3, at.time_step, 0], what))
    }

    /// The first number of ∂L/∂output of layer `i` in the order of the backward pass: from the last time step to the first.
    pub(in crate::nn) fn non_finite_gradient(&self, model: &Model, i: usize) -> Option<Ordered> {
        let block = &self.buffers.upstream_grads[i];
        let at = Place::last(block)?;
        let mut what = NonFinite { layer: Some(i), ..at.of(Phase::Backward, "d_output", block) };
        if model.nodes[i].to_rows {
            // Its rows are distinct vectors, which several sequences may read.
            (what.time_step, what.row) = (None, None);
        }
        Some(([0, block.dim().0 - at.time_step, 0], what))
    }
}

/// A place in a [`Block`].
struct Place {
    time_step: usize,
    row: usize,
    unit: usize,
    value: f32,
}

impl Place {
    /// The first number that is not finite.
    fn first(block: &Block) -> Option<Self> {
        Self::at(block, block.data().iter().position(|x| !x.is_finite())?)
    }

    /// The first number of the last time step with one that is not finite.
    fn last(block: &Block) -> Option<Self> {
        let (_, batch, features) = block.dim();
        let t = block.data().iter().rposition(|x| !x.is_finite())? / (batch * features).max(1);
        let within = block.step(t).iter().position(|x| !x.is_finite())?;
        Self::at(block, t * batch * features + within)
    }

    fn at(block: &Block, index: usize) -> Option<Self> {
        let ((_, batch, features), value) = (block.dim(), *block.data().get(index)?);
        let row = index / features;
        Some(Self { time_step: row / batch, row: row % batch, unit: index % features, value })
    }

    /// As a number of `tensor`, which is `block`; a block of one time step is a vector a sequence.
    fn of(&self, phase: Phase, tensor: &str, block: &Block) -> NonFinite {
        NonFinite {
            time_step: Some(self.time_step).filter(|_| block.dim().0 > 1),
            row: Some(self.row),
            unit: Some(self.unit),
            ..NonFinite::new(phase, tensor, self.value)
        }
    }
}
