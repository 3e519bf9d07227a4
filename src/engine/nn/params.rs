use std::ops::{Index, Range};

use super::error::LayerConfigError;
use super::packed_weights::{PackedWeights, Revision};
use super::{Constraint, Initializer, Regularizer};
use crate::kernel::AlignedVec;
use crate::rng::Rng;

/// One weight tensor: its name and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// `1.recurrent_kernel`: the layer's number and Keras's name.
    pub name: String,
    /// In Keras's layout, e.g. `[features, units]`.
    pub shape: Vec<usize>,
    /// Its place among all weights.
    pub range: Range<usize>,
    /// Its regularizer.
    pub regularizer: Option<Regularizer>,
    /// Its constraint, which holds after every step.
    pub constraint: Option<Constraint>,
    /// Whether it is trained.
    pub trainable: bool,
    initializer: Initializer,
    ones: Range<usize>,
}

/// A parameter of a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamSpec {
    /// Keras's name: `recurrent_kernel`; of a part of a layer `fwd.kernel`.
    pub name: String,
    /// In Keras's layout, e.g. `[features, units]`.
    pub shape: Vec<usize>,
    /// Its initializer.
    pub initializer: Initializer,
    /// Its regularizer.
    pub regularizer: Option<Regularizer>,
    /// Its constraint.
    pub constraint: Option<Constraint>,
    /// Numbers that are initialized with 1 instead.
    pub ones: Range<usize>,
    /// Whether the optimizer trains it, where the layer is trained at all.
    pub trainable: bool,
}

impl ParamSpec {
    /// A parameter without a regularizer and a constraint.
    pub fn new(name: &str, shape: &[usize], initializer: Initializer) -> Self {
        Self {
            name: name.into(),
            shape: shape.to_vec(),
            initializer,
            regularizer: None,
            constraint: None,
            ones: 0..0,
            trainable: true,
        }
    }

    /// The same with some numbers initialized with 1.
    #[must_use]
    pub fn with_ones(self, ones: Range<usize>) -> Self {
        Self { ones, ..self }
    }

    /// The same without training: statistics, say, that the forward pass of training moves.
    #[must_use]
    pub fn frozen(self) -> Self {
        Self { trainable: false, ..self }
    }

    /// Checks initializer, regularizer and constraint: Keras calls the fields after the parameter, `recurrent_initializer` and
    /// `bias_regularizer`.
    ///
    /// # Errors
    /// For an initializer or a constraint that does not fit the shape, and for invalid numbers.
    pub(super) fn check(&self) -> Result<(), LayerConfigError> {
        let name = self.name.rsplit('.').next().unwrap_or_default();
        let stem = if name == "recurrent_kernel" { "recurrent" } else { name };
        self.initializer.fits(&format!("{stem}_initializer"), self.shape.len())?;
        Regularizer::check(self.regularizer, &format!("{stem}_regularizer"))?;
        Constraint::check(self.constraint, &format!("{stem}_constraint"), self.shape.len())
    }

    /// The same with a constraint.
    #[must_use]
    pub fn with_constraint(self, constraint: Option<Constraint>) -> Self {
        Self { constraint, ..self }
    }

    /// The same with a regularizer.
    #[must_use]
    pub fn with_regularizer(self, regularizer: Option<Regularizer>) -> Self {
        Self { regularizer, ..self }
    }
}

/// All weights of a model in one flat vector: what optimizers, clipping and checkpoints work on. Trainable ones come first.
#[derive(Debug, Clone)]
pub struct Params {
    values: AlignedVec,
    /// Of `values`.
    revision: Revision,
    /// How many of them learn.
    trainable: usize,
    table: Vec<Param>,
    /// The part of `table` that belongs to each layer.
    layers: Vec<Range<usize>>,
    /// Of each tensor of `table`; only recurrent kernels are packed.
    packed: Vec<PackedWeights>,
}

impl PartialEq for Params {
    /// Whether tensors and numbers are equal, whatever their revision.
    fn eq(&self, other: &Self) -> bool {
        let Self { values, revision: _, trainable, table, layers, packed: _ } = self;
        (values, trainable, table, layers) == (&other.values, &other.trainable, &other.table, &other.layers)
    }
}

impl Params {
    /// The weights of layers, each with its tensors and whether it is trained; all zero.
    pub(super) fn new(layers: impl Iterator<Item = (Vec<ParamSpec>, bool)>) -> Self {
        let (mut table, mut ranges) = (Vec::new(), Vec::new());
        let (mut learning, mut frozen) = (0, 0);
        for (i, (tensors, trainable)) in layers.enumerate() {
            let first = table.len();
            for spec in tensors {
                let ParamSpec { name, shape, initializer, regularizer, constraint, ones, trainable: learns } =
                    spec;
                let trainable = trainable && learns;
                let len = if trainable { &mut learning } else { &mut frozen };
                let size = shape.iter().product::<usize>();
                table.push(Param {
                    name: format!("{i}.{name}"),
                    shape,
                    range: *len..*len + size,
                    regularizer,
                    constraint,
                    trainable,
                    initializer,
                    ones,
                });
                *len += size;
            }
            ranges.push(first..table.len());
        }
        for param in table.iter_mut().filter(|param: &&mut Param| !param.trainable) {
            param.range = param.range.start + learning..param.range.end + learning;
        }
        let values = AlignedVec::filled(learning + frozen, 0.0);
        let packed = table.iter().map(|_| PackedWeights::default()).collect();
        Self { values, revision: Revision::next(), trainable: learning, table, layers: ranges, packed }
    }

    /// Draws every weight by its initializer; each tensor from a stream of its own.
    pub fn initialize(&mut self, seed: u64) {
        self.revision = Revision::next();
        for (i, param) in self.table.iter().enumerate() {
            let mut rng = Rng::new(seed, "weights", i as u64);
            let values = &mut self.values[param.range.clone()];
            param.initializer.fill(&param.shape, values, &mut rng);
            values[param.ones.clone()].fill(1.0);
        }
    }

    /// The tensors in the order of the layers.
    pub fn table(&self) -> &[Param] {
        &self.table
    }

    /// All weights; each tensor's lie at its [`Param::range`].
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The trainable weights: the first of [`Params::values`].
    pub fn trainable(&self) -> &[f32] {
        &self.values[..self.trainable]
    }

    /// The trainable weights.
    pub fn trainable_mut(&mut self) -> &mut [f32] {
        self.revision = Revision::next();
        &mut self.values[..self.trainable]
    }

    /// All weights; each tensor's lie at its [`Param::range`].
    pub fn values_mut(&mut self) -> &mut [f32] {
        self.revision = Revision::next();
        &mut self.values
    }

    /// The `tensor`-th tensor of layer `i` and the next, which lies behind it.
    pub(super) fn pair_mut(&mut self, i: usize, tensor: usize) -> Option<[&mut [f32]; 2]> {
        self.revision = Revision::next();
        let [first, second] = self.table[self.layers[i].clone()].get(tensor..tensor + 2)? else {
            return None;
        };
        let (low, high) = self.values.split_at_mut(second.range.start);
        Some([&mut low[first.range.clone()], high.get_mut(..second.range.len())?])
    }

    /// The regularization penalty of the trainable weights.
    pub fn regularization_loss(&self) -> f64 {
        let cost =
            |param: &Param| param.regularizer.map_or(0.0, |r| r.loss(&self.values[param.range.clone()]));
        self.table.iter().filter(|param| param.trainable).map(cost).sum()
    }

    /// Lets the constraints of the trainable weights hold; `norms` is scratch memory.
    pub fn constrain(&mut self, norms: &mut Vec<f64>) {
        self.revision = Revision::next();
        for param in self.table.iter().filter(|param| param.trainable) {
            if let Some(constraint) = param.constraint {
                constraint.apply(&mut self.values[param.range.clone()], &param.shape, norms);
            }
        }
    }

    /// The weights of layer `i`.
    pub fn of(&self, i: usize) -> Weights<'_> {
        let (Self { values, revision, .. }, tensors) = (self, self.layers[i].clone());
        let packed = &self.packed[tensors.clone()];
        Weights { values, revision: *revision, table: &self.table[tensors], packed }
    }

    /// The places in [`Params::table`] of the tensors of layer `i`.
    pub fn tensors(&self, i: usize) -> Range<usize> {
        self.layers[i].clone()
    }

    /// The place of those weights of layer `i` that learn; of a layer in which none does, of all.
    pub fn span(&self, i: usize) -> Range<usize> {
        let table = &self.table[self.layers[i].clone()];
        let learns = table.iter().any(|param| param.trainable);
        let mut together = table.iter().filter(|param| param.trainable == learns);
        let first = together.next();
        match (first, together.next_back().or(first)) {
            (Some(first), Some(last)) => first.range.start..last.range.end,
            _ => 0..0,
        }
    }
}

/// The weights of one layer: `weights[i]` is the `i`-th of [`Layer::params`](super::Layer::params).
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    values: &'a [f32],
    revision: Revision,
    table: &'a [Param],
    packed: &'a [PackedWeights],
}

impl<'a> Weights<'a> {
    /// The `i`-th tensor, as long as the model lives.
    pub fn get(self, i: usize) -> &'a [f32] {
        &self.values[self.table[i].range.clone()]
    }

    /// Identifies the values of all tensors of the model.
    pub fn revision(self) -> Revision {
        self.revision
    }

    /// The `i`-th tensor in the layouts that steps of recurrent layers read.
    pub(super) fn packed(self, i: usize) -> &'a PackedWeights {
        &self.packed[i]
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
        Self { table: &self.table[range.clone()], packed: &self.packed[range], ..self }
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
