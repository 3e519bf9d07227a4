use std::ops::{Index, Range};

use super::{Initializer, Layer, ParamSpec, Penalty, Shape};
use crate::rng::Rng;

/// One weight tensor: where it lies and what it is called.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// `1.recurrent_kernel`: the layer's number and Keras's name.
    pub name: String,
    /// In Keras's layout, e.g. `[features, units]`.
    pub shape: Vec<usize>,
    /// Its place among all weights.
    pub range: Range<usize>,
    /// What its size costs.
    pub penalty: Option<Penalty>,
    init: Initializer,
    ones: Range<usize>,
}

/// All weights of a model in one flat vector: what optimizers, clipping and checkpoints work on.
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    values: Vec<f32>,
    table: Vec<Param>,
    /// The part of `table` that belongs to each layer.
    layers: Vec<Range<usize>>,
}

impl Params {
    /// Room for the weights of `layers`, each with the shapes that it reads; all zero.
    pub(super) fn new<'a>(layers: impl Iterator<Item = (&'a dyn Layer, &'a [Shape])>) -> Self {
        let (mut table, mut ranges, mut len) = (Vec::new(), Vec::new(), 0);
        for (i, (layer, inputs)) in layers.enumerate() {
            let first = table.len();
            for ParamSpec { name, shape, init, penalty, ones } in layer.params(inputs) {
                let size = shape.iter().product::<usize>();
                table.push(Param {
                    name: format!("{i}.{name}"),
                    shape,
                    range: len..len + size,
                    penalty,
                    init,
                    ones,
                });
                len += size;
            }
            ranges.push(first..table.len());
        }
        Self { values: vec![0.0; len], table, layers: ranges }
    }

    /// Draws every weight by its initialiser; each tensor from a stream of its own.
    pub fn initialize(&mut self, seed: u64) {
        for (i, param) in self.table.iter().enumerate() {
            let mut rng = Rng::new(seed, "weights", i as u64);
            let values = &mut self.values[param.range.clone()];
            param.init.fill(&param.shape, values, &mut rng);
            values[param.ones.clone()].fill(1.0);
        }
    }

    /// The tensors in order.
    pub fn table(&self) -> &[Param] {
        &self.table
    }

    /// All weights, tensor after tensor.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// All weights, tensor after tensor.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// What the size of the weights adds to the loss.
    pub fn penalty(&self) -> f64 {
        let cost = |param: &Param| param.penalty.map_or(0.0, |p| p.cost(&self.values[param.range.clone()]));
        self.table.iter().map(cost).sum()
    }

    /// The weights of layer `i`.
    pub fn of(&self, i: usize) -> Weights<'_> {
        Weights { values: &self.values, table: &self.table[self.layers[i].clone()] }
    }

    /// The places in [`Params::table`] of the tensors of layer `i`.
    pub fn tensors(&self, i: usize) -> Range<usize> {
        self.layers[i].clone()
    }

    /// The place of all weights of layer `i` together.
    pub fn span(&self, i: usize) -> Range<usize> {
        let table = &self.table[self.layers[i].clone()];
        match (table.first(), table.last()) {
            (Some(first), Some(last)) => first.range.start..last.range.end,
            _ => 0..0,
        }
    }
}

/// The weights of one layer: `weights[i]` is the `i`-th of [`Layer::params`].
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    values: &'a [f32],
    table: &'a [Param],
}

impl<'a> Weights<'a> {
    /// The `i`-th tensor, as long as the model lives.
    pub fn get(self, i: usize) -> &'a [f32] {
        &self.values[self.table[i].range.clone()]
    }

    /// Number of tensors.
    pub fn len(self) -> usize {
        self.table.len()
    }

    /// Whether the layer has no weights.
    pub fn is_empty(self) -> bool {
        self.table.is_empty()
    }
}

impl<'a> Weights<'a> {
    /// The tensors `range` as weights of their own: those of a layer within a layer.
    #[must_use]
    pub fn part(self, range: Range<usize>) -> Self {
        Self { table: &self.table[range], ..self }
    }

    /// Numbers of all tensors together.
    pub fn size(self) -> usize {
        self.table.iter().map(|param| param.range.len()).sum()
    }
}

impl Index<usize> for Weights<'_> {
    type Output = [f32];
    fn index(&self, i: usize) -> &[f32] {
        self.get(i)
    }
}
