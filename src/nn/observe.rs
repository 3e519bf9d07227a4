use ndarray::ArrayView2;

use crate::kernel::l2_norm;
use crate::protocol::Direction;

/// Receives every unrolled step of every recurrent layer during `backward`, on watched steps.
pub trait Observer: Send {
    /// One time step of one layer, all sequences of the shard.
    fn unrolled(&mut self, step: Unrolled<'_>);
}

/// One time step of a recurrent layer, of one shard.
#[derive(Debug, Clone, Copy)]
pub struct Unrolled<'a> {
    /// The layer's number.
    pub layer: usize,
    /// Which half of a `Bidirectional`.
    pub direction: Option<Direction>,
    /// The input position, from 0, also with `go_backwards`.
    pub t: usize,
    /// The hidden state after reading position `t`: `[batch, units]`.
    pub h: ArrayView2<'a, f32>,
    /// ∂L/∂h, total: through every later step as well: `[batch, units]`.
    pub dh: ArrayView2<'a, f32>,
}

/// Sums `‖∂L/∂h_t‖²` per layer, direction and step; shards add up.
#[derive(Debug, Default)]
pub struct GradientNorms {
    profiles: Vec<(usize, Option<Direction>, Vec<f64>)>,
    /// Steps so far.
    steps: usize,
    /// The first of them with a number that is not finite.
    non_finite: Option<NonFiniteStep>,
}

/// A number in ∂L/∂h of an unrolled step that is not finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct NonFiniteStep {
    /// How many unrolled steps came before.
    pub order: usize,
    pub layer: usize,
    pub direction: Option<Direction>,
    /// The input position.
    pub t: usize,
    /// The row of the shard.
    pub row: usize,
    pub unit: usize,
    pub value: f32,
}

impl GradientNorms {
    /// Resets all sums; memory is reused.
    pub fn clear(&mut self) {
        self.profiles.iter_mut().for_each(|(_, _, squares)| squares.fill(0.0));
        (self.steps, self.non_finite) = (0, None);
    }

    /// The first number of ∂L/∂h that was not finite.
    pub(super) fn non_finite(&self) -> Option<NonFiniteStep> {
        self.non_finite
    }

    /// Adds the sums of another shard.
    pub fn merge(&mut self, other: &Self) {
        for (layer, direction, squares) in &other.profiles {
            let sums = self.profile(*layer, *direction, squares.len());
            sums.iter_mut().zip(squares).for_each(|(sum, s)| *sum += s);
        }
    }

    /// `hnorm` of every recurrent layer: layer, direction, one norm per input position.
    pub fn hnorms(&self) -> impl Iterator<Item = (usize, Option<Direction>, Vec<f32>)> + '_ {
        let norm = |squares: &[f64]| squares.iter().map(|s| s.sqrt() as f32).collect();
        self.profiles.iter().map(move |(layer, direction, squares)| (*layer, *direction, norm(squares)))
    }

    fn profile(&mut self, layer: usize, direction: Option<Direction>, steps: usize) -> &mut Vec<f64> {
        let at = match self.profiles.iter().position(|(l, d, _)| (*l, *d) == (layer, direction)) {
            Some(at) => at,
            None => {
                let at = self.profiles.partition_point(|(l, d, _)| (*l, *d) < (layer, direction));
                self.profiles.insert(at, (layer, direction, Vec::new()));
                at
            }
        };
        let squares = &mut self.profiles[at].2;
        if squares.len() < steps {
            squares.resize(steps, 0.0);
        }
        squares
    }
}

impl Observer for GradientNorms {
    fn unrolled(&mut self, step: Unrolled<'_>) {
        let squares = match step.dh.as_slice() {
            Some(dh) => l2_norm(dh).powi(2),
            None => step.dh.iter().map(|d| f64::from(*d) * f64::from(*d)).sum(),
        };
        self.profile(step.layer, step.direction, step.t + 1)[step.t] += squares;
        if !squares.is_finite() && self.non_finite.is_none() {
            let Unrolled { layer, direction, t, dh, .. } = step;
            let found = dh.indexed_iter().find(|(_, d)| !d.is_finite());
            self.non_finite = found.map(|((row, unit), value)| NonFiniteStep {
                order: self.steps,
                layer,
                direction,
                t,
                row,
                unit,
                value: *value,
            });
        }
        self.steps += 1;
    }
}
