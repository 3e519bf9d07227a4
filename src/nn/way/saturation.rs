use crate::nn::recurrent::{Cell, Held, Unroll};
use crate::nn::{Activation, Mask};

/// The values of one quantity of a recurrent layer, counted. What left, right and dead mean stands with
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

/// `h` and every gate of a recurrent layer, over all `parts` of a batch.
pub(super) fn tallies(cell: &dyn Cell, parts: &[(&Unroll, Option<&Mask>)]) -> Vec<(&'static str, Tally)> {
    let (names, activations) = (cell.gates(), cell.activations());
    let bounds = |quantity: &str| {
        let gate = names.iter().position(|name| *name == quantity).unwrap_or(cell.proposal());
        activations.get(gate).map_or(flat_ends(Activation::Linear), |activation| flat_ends(*activation))
    };
    let units = cell.settings().units;
    let mut all: Vec<(&'static str, Tally)> = Vec::new();
    for (unroll, mask) in parts {
        for held in
            Held::all(cell, unroll).into_iter().filter(|held| held.name == "h" || names.contains(&held.name))
        {
            let at = all.iter().position(|(name, _)| *name == held.name).unwrap_or(all.len());
            if at == all.len() {
                all.push((held.name, Tally::new(bounds(held.name), units)));
            }
            all[at].1.add(held, *mask);
        }
    }
    all
}

/// Where the ends of an activation begin at which it is flat.
fn flat_ends(activation: Activation) -> (f32, f32) {
    match activation {
        Activation::Sigmoid => (0.1, 0.9),
        Activation::Tanh => (-0.95, 0.95),
        Activation::HardSigmoid => (f32::MIN_POSITIVE, 1.0 - f32::EPSILON),
        Activation::Relu => (f32::MIN_POSITIVE, f32::INFINITY),
        Activation::Linear | Activation::Softmax => (f32::NEG_INFINITY, f32::INFINITY),
    }
}

impl Tally {
    fn new(bounds: (f32, f32), units: usize) -> Self {
        let (least, greatest) = (vec![f32::INFINITY; units], vec![f32::NEG_INFINITY; units]);
        Self { bounds, count: 0, left: 0, right: 0, least, greatest }
    }

    /// Counts all rows and positions that are not masked.
    fn add(&mut self, held: Held<'_>, mask: Option<&Mask>) {
        let (low, high) = self.bounds;
        let (time, batch) = held.dim();
        for t in 0..time {
            let read = mask.map(|mask| mask.step(t));
            for row in (0..batch).filter(|row| read.is_none_or(|read| read[*row])) {
                let (mut left, mut right) = (0_u32, 0_u32);
                let seen = self.least.iter_mut().zip(&mut self.greatest);
                for (x, (least, greatest)) in held.row(t, row).iter().zip(seen) {
                    left += u32::from(*x < low);
                    right += u32::from(*x > high);
                    *least = if *x < *least { *x } else { *least };
                    *greatest = if *x > *greatest { *x } else { *greatest };
                }
                self.count += held.units() as u64;
                self.left += u64::from(left);
                self.right += u64::from(right);
            }
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
