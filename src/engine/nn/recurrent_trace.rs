//! Measurements of a recurrent layer after a watched step, from its [`RecurrentBuffers`]. Nothing is measured, saved or
//! paid for on steps that are not watched.

mod outer;
mod saturation;
mod spectral;

use std::ops::Range;

use outer::OuterSum;
use spectral::spectral_radius;

use super::model::Tokens;
use super::recurrent::{Cell, Order, RecurrentBuffers};
use super::{Ids, Mask, Model, Params, Shard};
use crate::kernel::{ThreadPool, l2_norm};
use crate::protocol::{Direction, LayerHealth, QuantityHealth};

/// Up to so many units a spectral radius takes almost no time.
const FREE_UNITS: usize = 32;
/// Above so many units it is not measured at all: `O(units³)`.
const MOST_UNITS: usize = 512;

/// Parts into which time is cut for threads to share.
const CHUNKS: usize = 16;

/// States and gradients at every step of one recurrent layer, or one direction of it, over all shards of a batch.
#[derive(Debug)]
pub struct RecurrentTrace<'a> {
    /// The layer's number.
    pub layer: usize,
    /// Which half of a `Bidirectional`.
    pub direction: Option<Direction>,
    cell: &'a dyn Cell,
    /// Of every shard, in order: buffers and mask.
    parts: Vec<(&'a RecurrentBuffers, Option<&'a Mask>)>,
    /// Of every shard the ids for which the steps stand, where they do.
    ids: Vec<&'a Ids>,
    /// Which ids those of each step are.
    tokens: Option<Tokens>,
}

impl Model {
    /// The traces of all recurrent layers, in the order of layers and directions, after [`Shard::backward`] of all `shards`
    /// of a batch. Sums over shards are always in their order.
    pub fn recurrent_traces<'a>(
        &'a self,
        shards: impl Iterator<Item = &'a Shard>,
    ) -> Vec<RecurrentTrace<'a>> {
        let mut traces: Vec<RecurrentTrace<'a>> = Vec::new();
        for shard in shards {
            for (i, (layer, direction, cell, buffers)) in
                shard.recurrent_buffers(self).into_iter().enumerate()
            {
                if traces.len() == i {
                    let tokens = self.tokens_read_by(layer);
                    let (parts, ids) = (Vec::new(), Vec::new());
                    traces.push(RecurrentTrace { layer, direction, cell, parts, ids, tokens });
                }
                let Some(trace) = traces.get_mut(i) else { continue };
                trace.parts.push((buffers, shard.layer_mask(self, layer)));
                trace.ids.extend(trace.tokens.and_then(|tokens| shard.ids(tokens.channel)));
            }
        }
        traces
    }
}

impl Tokens {
    /// Adds to `rows`, for each sequence of a shard, whether one of the ids for which position `t` stands is not 0; for all where it stands
    /// for none.
    fn add_data(self, t: usize, ids: &Ids, rows: &mut Vec<bool>) {
        let steps = self.field.steps(t, ids.time());
        let (first, more) = (steps.start, steps.start + 1..steps.end);
        let begin = rows.len();
        match steps.is_empty() {
            true => rows.resize(begin + ids.batch(), true),
            false => rows.extend(ids.step(first).iter().map(|id| *id != 0)),
        }
        for step in more {
            rows[begin..].iter_mut().zip(ids.step(step)).for_each(|(is_data, id)| *is_data |= *id != 0);
        }
    }
}

impl RecurrentTrace<'_> {
    /// Which positions are padding in most sequences: masked, or, where no mask says so, all ids for which they stand are 0. Empty where
    /// none is.
    pub fn padding(&self) -> Vec<bool> {
        let Some((first, _)) = self.parts.first() else { return Vec::new() };
        let sequences: usize = self.parts.iter().map(|(buffers, _)| buffers.cache.h.dim().1).sum();
        let mut rows = Vec::new();
        let mut count = |t| -> usize {
            let masked = self.parts.iter().filter_map(|(_, mask)| *mask);
            let masked = masked.map(|mask| mask.step(t).iter().filter(|is_data| !**is_data).count()).sum();
            if masked > 0 { masked } else { self.unmarked_padding(t, &mut rows) }
        };
        let padding: Vec<bool> = (0..first.cache.h.dim().0).map(|t| 2 * count(t) > sequences).collect();
        if padding.contains(&true) { padding } else { Vec::new() }
    }

    /// The number of sequences of which all ids for which position `t` stands are 0; `rows` is scratch memory.
    fn unmarked_padding(&self, t: usize, rows: &mut Vec<bool>) -> usize {
        let Some(tokens) = self.tokens else { return 0 };
        rows.clear();
        self.ids.iter().for_each(|ids| tokens.add_data(t, ids, rows));
        rows.iter().filter(|is_data| !**is_data).count()
    }

    /// Which rows `[position, sequence]` of a shard are data, of some ranges of positions: by its mask, or, where there is none, those that
    /// stand for an id other than 0. `None` if nothing says which.
    fn data_rows(&self, shard: usize, positions: &[Range<usize>]) -> Option<Vec<bool>> {
        let (_, mask) = self.parts.get(shard)?;
        let mut rows = Vec::new();
        let positions = positions.iter().cloned().flatten();
        match mask {
            Some(mask) => positions.for_each(|t| rows.extend_from_slice(mask.step(t))),
            None => {
                let (tokens, ids) = self.tokens.zip(self.ids.get(shard))?;
                positions.for_each(|t| tokens.add_data(t, ids, &mut rows));
            }
        }
        Some(rows)
    }

    /// `‖∂L/∂U_t‖_F` for every input position: see [`GradientProfile::kernel_norm`](crate::protocol::GradientProfile::kernel_norm).
    /// Empty where the step was not watched, or gates were recomputed in the backward pass.
    pub fn kernel_norms(&self, team: &mut ThreadPool) -> Vec<f32> {
        let Some(order) = self.order() else { return Vec::new() };
        let mut norms = vec![0.0; order.time];
        let chunk = order.time.div_ceil(CHUNKS).max(1);
        team.for_each(norms.chunks_mut(chunk).enumerate(), |(i, norms)| {
            let steps = i * chunk..i * chunk + norms.len();
            if !self.norms_of_few(order, steps.clone(), norms) {
                let mut norms = norms.iter_mut();
                self.contributions(order, steps, |contribution| {
                    norms.by_ref().take(1).for_each(|norm| *norm = l2_norm(contribution) as f32);
                });
            }
        });
        if order.backwards {
            norms.reverse();
        }
        norms
    }

    /// The order of reading, if δ of all steps is there.
    fn order(&self) -> Option<Order> {
        let (first, _) = self.parts.first()?;
        let complete = self.parts.iter().all(|(buffers, _)| buffers.deltas.window.complete);
        complete.then(|| Order::of(self.cell, self.direction, first.cache.h.dim().0))
    }

    /// The norms of `steps` where sequences are so few that `∂L/∂U_t` itself need not be made: whether they are.
    fn norms_of_few(&self, order: Order, steps: Range<usize>, norms: &mut [f32]) -> bool {
        let (units, width) =
            (self.cell.settings().units, self.cell.settings().units * self.cell.gates().len());
        let rows: usize = self.parts.iter().map(|(buffers, _)| buffers.cache.h.dim().1).sum();
        if !OuterSum::pays(rows, units, width) {
            return false;
        }
        let mut outer = OuterSum::default();
        for (step, norm) in steps.zip(norms) {
            let (mut states, mut deltas) = outer.rows(rows, units, width);
            for (buffers, _) in &self.parts {
                if buffers.cache.recurrent_masks() > 1 {
                    return false;
                }
                let Some(delta) = self.cell.product_delta(buffers) else { return false };
                let delta = buffers.deltas.step(delta, order.position(step));
                let (row, rest) = std::mem::take(&mut states).split_at_mut(buffers.cache.h.dim().1 * units);
                buffers.cache.copy_h_dropped(order, step, row);
                let (to, deltas_left) = std::mem::take(&mut deltas).split_at_mut(delta.len());
                to.copy_from_slice(delta);
                (states, deltas) = (rest, deltas_left);
            }
            *norm = outer.norm(rows) as f32;
        }
        true
    }

    /// Hands `∂L/∂U_t` `[units, gates·units]` of the whole batch to `each`, step after step of `steps`, in the order of reading.
    fn contributions(&self, order: Order, steps: Range<usize>, mut each: impl FnMut(&[f32])) {
        let units = self.cell.settings().units;
        let mut sum = vec![0.0; units * units * self.cell.gates().len()];
        let mut scratch = Default::default();
        for step in steps {
            sum.fill(0.0);
            for (buffers, _) in &self.parts {
                self.cell.recurrent_gradient(buffers, order, step..step + 1, &mut scratch, &mut sum);
            }
            each(&sum);
        }
    }

    /// Saturated values and dead units of the batch, and the spectral radii of `params`: always of layers of up to 32 units; with
    /// `all_radii` of those up to 512, so that they need not be paid for on every watched step.
    pub fn health(&self, params: &Params, all_radii: bool, team: &mut ThreadPool) -> LayerHealth {
        let cell = self.cell;
        let (units, names) = (cell.settings().units, cell.gates());
        let radii = match units <= if all_radii { MOST_UNITS } else { FREE_UNITS } {
            true => self.spectral_radii(params, team),
            false => vec![None; names.len()],
        };
        let radius = |quantity: &str| {
            let gate = names.iter().position(|name| *name == quantity)?;
            radii.get(gate).copied().flatten()
        };
        let shards: Vec<_> = self.parts.iter().map(|(buffers, _)| *buffers).collect();
        let tallies = saturation::tallies(cell, &shards, |shard, steps| self.data_rows(shard, steps), team);
        let quantities = tallies.into_iter().map(|(name, tally)| QuantityHealth {
            quantity: name.into(),
            left: tally.left(),
            right: tally.right(),
            dead: tally.dead(),
            spectral_radius: radius(name),
        });
        LayerHealth {
            layer: self.layer,
            direction: self.direction,
            proposal: names.get(cell.candidate_gate()).copied().unwrap_or_default().into(),
            quantities: quantities.collect(),
        }
    }

    /// Of each gate's block of the recurrent kernel.
    fn spectral_radii(&self, params: &Params, team: &mut ThreadPool) -> Vec<Option<f32>> {
        let (units, gates) = (self.cell.settings().units, self.cell.gates().len());
        let weights = params.of(self.layer);
        // A half of a `Bidirectional` has its tensors behind those of the other.
        let first = if self.direction == Some(Direction::Backward) { weights.len() / 2 } else { 0 };
        let recurrent = weights.get(first + 1);
        let block = |gate: usize| {
            let rows = recurrent.chunks_exact(gates * units);
            rows.flat_map(|row| &row[gate * units..(gate + 1) * units]).copied().collect()
        };
        let mut radii = vec![None; gates];
        let all = radii.iter_mut().enumerate();
        team.for_each(all, |(gate, radius)| *radius = Some(spectral_radius(block(gate), units)));
        radii
    }
}

#[cfg(test)]
mod tests;
