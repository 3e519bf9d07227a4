use std::ops::Range;

use crate::kernel::{ThreadPool, count_outside};
use crate::nn::Activation;
use crate::nn::recurrent::{Cell, Quantity, RecurrentBuffers};

/// Rows, a sequence at a position each, that are enough: shares of so many are off by a few hundredths at most.
const ROWS: usize = 1 << 12;
/// Positions at most that are counted.
pub(super) const MOST_STEPS: usize = 512;
/// Positions that are counted of a batch of many sequences as well, if there are as many.
const FEW_STEPS: usize = 32;

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

/// `h` and every gate of a recurrent layer, over all `shards` of a batch. `data` says which rows of some positions of a shard are data, if
/// not all.
pub(super) fn tallies(
    cell: &dyn Cell,
    shards: &[&RecurrentBuffers],
    data: impl Fn(usize, &[Range<usize>]) -> Option<Vec<bool>> + Sync,
    team: &mut ThreadPool,
) -> Vec<(&'static str, Tally)> {
    let (time, sequences) = shards.iter().fold((0, 0), |(_, sequences), buffers| {
        let (time, batch, _) = buffers.cache.h.dim();
        (time, sequences + batch)
    });
    let positions = counted(time, sequences);
    let mut all: Vec<Vec<(&'static str, Tally)>> = shards.iter().map(|_| Vec::new()).collect();
    team.run(&mut all, |shard, tallies| {
        *tallies = tallies_of(cell, shards[shard], &positions, data(shard, &positions).as_deref());
    });
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

/// The positions that are counted, of `time`, in a batch of so many `sequences`: all of them in one go, or some one by one.
fn counted(time: usize, sequences: usize) -> Vec<Range<usize>> {
    let most = (ROWS / sequences.max(1)).clamp(FEW_STEPS, MOST_STEPS);
    let every = time.div_ceil(most).max(1);
    if every == 1 {
        return std::iter::once(0..time).collect();
    }
    let position = |(i, first): (usize, usize)| (first + turn(i, every)).min(time - 1);
    (0..time).step_by(every).enumerate().map(position).map(|t| t..t + 1).collect()
}

/// Those of one shard.
fn tallies_of(
    cell: &dyn Cell,
    buffers: &RecurrentBuffers,
    positions: &[Range<usize>],
    data: Option<&[bool]>,
) -> Vec<(&'static str, Tally)> {
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
            tally.add(quantity, positions, data);
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

    /// Counts the rows of `positions`, one range after the other; with `data` only those of them that are.
    fn add(&mut self, quantity: Quantity<'_>, positions: &[Range<usize>], data: Option<&[bool]>) {
        let (_, batch) = quantity.dim();
        let mut left = data;
        for steps in positions {
            let rows = steps.len() * batch;
            let taken = left.as_mut().and_then(|left| left.split_off(..rows)).unwrap_or_default();
            let values = quantity.rows(steps.clone());
            let (left, right) =
                count_outside(values, taken, self.bounds, &mut self.least, &mut self.greatest);
            let rows = if data.is_some() { taken.iter().filter(|taken| **taken).count() } else { rows };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_counted_by_the_number_of_sequences_and_each_once() {
        let count = |time, sequences| counted(time, sequences).into_iter().flatten().count();
        assert_eq!([(7, 4000), (32, 128), (200, 16)].map(|(time, n)| count(time, n)), [7, 32, 200]);
        assert_eq!((counted(200, 16).len(), counted(200, 16).first()), (1, Some(&(0..200))));
        // One of seven, of eight, of two.
        assert_eq!([(200, 128), (2000, 16), (200, 32)].map(|(time, n)| count(time, n)), [29, 250, 100]);
        assert_eq!((counted(0, 3).first(), count(0, 0)), (Some(&(0..0)), 0));
        let steps: Vec<usize> = counted(201, 128).into_iter().flatten().collect();
        assert!(
            steps.windows(2).all(|pair| pair[0] < pair[1]) && steps.iter().all(|t| *t < 201),
            "{steps:?}"
        );
    }
}
