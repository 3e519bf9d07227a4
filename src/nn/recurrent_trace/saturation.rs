use std::borrow::Cow;

use crate::kernel::{ThreadPool, count_outside};
use crate::nn::Activation;
use crate::nn::recurrent::{Cell, Quantity, RecurrentBuffers};

/// Positions at most that are counted, spread over time: shares of so many are off by a few hundredths at most.
pub(super) const MOST_STEPS: usize = 512;

/// The values of one quantity of a recurrent layer, counted. Left, right and dead are defined at
/// [`QuantityHealth`](crate::protocol::QuantityHealth).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tally {
    /// Values below the first are left-saturated, above the second right-saturated.
    bounds: (f32, f32),
    count: u64,
    left: u64,
    right: u64,
    /// Of each unit.
    least: Vec<f32>,
    greatest: Vec<f32>,
}

/// The buffers of a shard, and which rows `[time, sequence]` of them are data, if not all.
pub(super) type Part<'a> = (&'a RecurrentBuffers, Option<Cow<'a, [bool]>>);

/// `h` and every gate of a recurrent layer, over all `parts` of a batch.
pub(super) fn tallies(
    cell: &dyn Cell,
    parts: &[Part<'_>],
    team: &mut ThreadPool,
) -> Vec<(&'static str, Tally)> {
    let mut all: Vec<Vec<(&'static str, Tally)>> = parts.iter().map(|_| Vec::new()).collect();
    team.run(&mut all, |i, tallies| *tallies = tallies_of(cell, &parts[i]));
    let mut all = all.into_iter();
    let mut sums = all.next().unwrap_or_default();
    for tallies in all {
        for (name, tally) in tallies {
            match sums.iter_mut().find(|(other, _)| *other == name) {
                Some((_, sum)) => sum.merge(&tally),
                None => sums.push((name, tally)),
            }
        }
    }
    sums
}

/// Those of one shard.
fn tallies_of(cell: &dyn Cell, (buffers, data): &Part<'_>) -> Vec<(&'static str, Tally)> {
    let (names, activations) = (cell.gates(), cell.activations());
    let bounds = |quantity: &str| {
        let gate = names.iter().position(|name| *name == quantity).unwrap_or(cell.candidate_gate());
        activations.get(gate).map_or(flat_ends(Activation::Linear), |activation| flat_ends(*activation))
    };
    let quantities = Quantity::all(cell, buffers).into_iter();
    let counted = quantities.filter(|quantity| quantity.name == "h" || names.contains(&quantity.name));
    counted
        .map(|quantity| {
            let mut tally = Tally::new(bounds(quantity.name), cell.settings().units);
            tally.add(quantity, data.as_deref());
            (quantity.name, tally)
        })
        .collect()
}

/// Which of `every` positions is counted in the `i`-th stretch of so many: another from stretch to stretch (multiplicative hashing,
/// Knuth, TAOCP 6.4), so that no period of the data is sampled at the same phase each time.
fn turn(i: usize, every: usize) -> usize {
    ((i as u32).wrapping_mul(0x9E37_79B9) >> 16) as usize % every
}

/// The bounds beyond which an activation is flat.
fn flat_ends(activation: Activation) -> (f32, f32) {
    match activation {
        Activation::Sigmoid => (0.1, 0.9),
        Activation::Tanh => (-0.95, 0.95),
        Activation::HardSigmoid => (f32::MIN_POSITIVE, 1.0 - f32::EPSILON),
        Activation::Relu => (f32::MIN_POSITIVE, f32::INFINITY),
        Activation::Elementwise(f) => f.flat_ends(),
        Activation::Linear | Activation::Softmax | Activation::LogSoftmax | Activation::Sparsemax => {
            (f32::NEG_INFINITY, f32::INFINITY)
        }
    }
}

impl Tally {
    fn new(bounds: (f32, f32), units: usize) -> Self {
        let (least, greatest) = (vec![f32::INFINITY; units], vec![f32::NEG_INFINITY; units]);
        Self { bounds, count: 0, left: 0, right: 0, least, greatest }
    }

    /// Adds the counts of another shard.
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.left += other.left;
        self.right += other.right;
        self.least.iter_mut().zip(&other.least).for_each(|(a, b)| *a = a.min(*b));
        self.greatest.iter_mut().zip(&other.greatest).for_each(|(a, b)| *a = a.max(*b));
    }

    /// Counts all rows that are `data`, at every position or, of a long sequence, at [`MOST_STEPS`] of them at most.
    fn add(&mut self, quantity: Quantity<'_>, data: Option<&[bool]>) {
        let (time, batch) = quantity.dim();
        let every = time.div_ceil(MOST_STEPS).max(1);
        // All positions are counted in one go, some one by one.
        let (stretch, length) = if every == 1 { (time.max(1), time) } else { (every, 1) };
        for (i, first) in (0..time).step_by(stretch).enumerate() {
            let t = (first + turn(i, every)).min(time - length);
            let taken = data.map_or(&[][..], |data| &data[t * batch..(t + length) * batch]);
            let values = quantity.rows(t..t + length);
            let (left, right) =
                count_outside(values, taken, self.bounds, &mut self.least, &mut self.greatest);
            let rows =
                if data.is_some() { taken.iter().filter(|taken| **taken).count() } else { length * batch };
            self.count += (rows * quantity.units()) as u64;
            self.left += left;
            self.right += right;
        }
    }

    /// Share of the values that are left-saturated.
    pub fn left(&self) -> f32 {
        share(self.left, self.count)
    }

    /// Share of the values that are right-saturated.
    pub fn right(&self) -> f32 {
        share(self.right, self.count)
    }

    /// Share of the units whose value never changed.
    pub fn dead(&self) -> f32 {
        let dead =
            self.least.iter().zip(&self.greatest).filter(|(least, greatest)| least == greatest).count();
        share(dead as u64, self.least.len() as u64)
    }
}

fn share(part: u64, of: u64) -> f32 {
    if of == 0 { 0.0 } else { (part as f64 / of as f64) as f32 }
}
