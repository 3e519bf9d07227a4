use std::ops::Range;

use super::{Cell, RecurrentBuffers};
use crate::kernel::Matrix;
use crate::nn::Block;

/// A quantity of a recurrent layer at every step: `h`, `c` or a gate, some columns of a block.
#[derive(Debug, Clone, Copy)]
pub struct Quantity<'a> {
    /// `h`, `c`, or a gate's name.
    pub name: &'static str,
    block: &'a Block,
    first: usize,
    units: usize,
}

impl<'a> Quantity<'a> {
    /// All that `cell` has saved: `h` first, then the cell state, then the gates, unless those are recomputed in the backward pass.
    pub fn all(cell: &dyn Cell, buffers: &'a RecurrentBuffers) -> Vec<Self> {
        let (units, cache) = (cell.settings().units, &buffers.cache);
        let mut all = vec![Self { name: "h", block: &cache.h, first: 0, units }];
        if cell.has_cell_state() {
            all.push(Self { name: "c", block: &cache.c, first: 0, units });
        }
        if let ([_, _, ..], false) = (cell.gates(), cache.window.segmented) {
            let gate = |(i, name): (usize, &&'static str)| Self {
                name,
                block: &cache.gates,
                first: i * units,
                units,
            };
            all.extend(cell.gates().iter().enumerate().map(gate));
        }
        all
    }

    /// [`all`](Self::all) in the order in which a step computes them: gates, `c`, `h`.
    pub(in crate::nn) fn in_order(cell: &dyn Cell, buffers: &'a RecurrentBuffers) -> Vec<Self> {
        let mut all = Self::all(cell, buffers);
        let states = 1 + usize::from(cell.has_cell_state());
        all.rotate_left(states);
        let first = all.len() - states;
        all[first..].reverse();
        all
    }

    /// Numbers a row.
    pub fn units(&self) -> usize {
        self.units
    }

    /// Time steps and sequences.
    pub fn dim(&self) -> (usize, usize) {
        let (time, batch, _) = self.block.dim();
        (time, batch)
    }

    /// The numbers of every sequence after reading each of `positions`, `[positions·batch, units]`.
    pub fn rows(&self, positions: Range<usize>) -> Matrix<'a> {
        let (_, batch, width) = self.block.dim();
        let rows = positions.len() * batch;
        let numbers = self.block.steps(positions);
        Matrix::strided(&numbers[self.first.min(numbers.len())..], rows, self.units, width)
    }

    /// The numbers of sequence `row` after reading position `t`.
    pub fn row(&self, t: usize, row: usize) -> &'a [f32] {
        let (_, _, width) = self.block.dim();
        &self.block.step(t)[row * width + self.first..][..self.units]
    }
}
