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
    /// ∂L/∂c, total as well, of cells with a cell state: `[batch, units]`.
    pub dc: Option<ArrayView2<'a, f32>>,
}

/// The sums of squares of one recurrent layer, or one direction of it, by input position.
#[derive(Debug)]
struct Squares {
    layer: usize,
    direction: Option<Direction>,
    /// Of ∂L/∂h.
    h: Vec<f64>,
    /// Of ∂L/∂c; empty for cells without a cell state.
    c: Vec<f64>,
}

/// Sums `‖∂L/∂h_t‖²` and `‖∂L/∂c_t‖²` per layer, direction and step; shards add up.
#[derive(Debug, Default)]
pub struct GradientNorms {
    profiles: Vec<Squares>,
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
        for squares in &mut self.profiles {
            squares.h.fill(0.0);
            squares.c.fill(0.0);
        }
        (self.steps, self.non_finite) = (0, None);
    }

    /// The first number of ∂L/∂h that was not finite.
    pub(super) fn non_finite(&self) -> Option<NonFiniteStep> {
        self.non_finite
    }

    /// Adds the sums of another shard.
    pub fn merge(&mut self, other: &Self) {
        let add = |sums: &mut [f64], more: &[f64]| sums.iter_mut().zip(more).for_each(|(sum, s)| *sum += s);
        for Squares { layer, direction, h, c } in &other.profiles {
            let sums = self.profile(*layer, *direction, (h.len(), c.len()));
            add(&mut sums.h, h);
            add(&mut sums.c, c);
        }
    }

    /// `hnorm` and `cnorm` of every recurrent layer: layer, direction, and one norm of each per input position; none of c for cells without
    /// a cell state.
    pub fn norms(&self) -> impl Iterator<Item = (usize, Option<Direction>, [Vec<f32>; 2])> + '_ {
        let norm = |squares: &[f64]| squares.iter().map(|s| s.sqrt() as f32).collect();
        let norms = move |squares: &Squares| [norm(&squares.h), norm(&squares.c)];
        self.profiles.iter().map(move |squares| (squares.layer, squares.direction, norms(squares)))
    }

    /// `hnorm` alone.
    pub fn hnorms(&self) -> impl Iterator<Item = (usize, Option<Direction>, Vec<f32>)> + '_ {
        self.norms().map(|(layer, direction, [hnorm, _])| (layer, direction, hnorm))
    }

    /// The sums of a layer and direction, for so many positions of h and of c at least.
    fn profile(
        &mut self,
        layer: usize,
        direction: Option<Direction>,
        (h_steps, c_steps): (usize, usize),
    ) -> &mut Squares {
        let place = |squares: &Squares| (squares.layer, squares.direction);
        let at = match self.profiles.iter().position(|squares| place(squares) == (layer, direction)) {
            Some(at) => at,
            None => {
                let at = self.profiles.partition_point(|squares| place(squares) < (layer, direction));
                self.profiles.insert(at, Squares { layer, direction, h: Vec::new(), c: Vec::new() });
                at
            }
        };
        let squares = &mut self.profiles[at];
        squares.h.resize(squares.h.len().max(h_steps), 0.0);
        squares.c.resize(squares.c.len().max(c_steps), 0.0);
        squares
    }
}

impl Observer for GradientNorms {
    fn unrolled(&mut self, step: Unrolled<'_>) {
        let squares_of = |values: ArrayView2<'_, f32>| match values.as_slice() {
            Some(values) => l2_norm(values).powi(2),
            None => values.iter().map(|d| f64::from(*d) * f64::from(*d)).sum(),
        };
        let (squares, of_c) = (squares_of(step.dh), step.dc.map(squares_of));
        let steps = step.t + 1;
        let sums = self.profile(step.layer, step.direction, (steps, if of_c.is_some() { steps } else { 0 }));
        sums.h[step.t] += squares;
        sums.c.iter_mut().skip(step.t).take(1).zip(of_c).for_each(|(sum, squares)| *sum += squares);
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
