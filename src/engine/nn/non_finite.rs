//! Where the first number that is not finite arises in a training step that has failed, found in what the step has left in memory.

use super::observe::{GradientNorms, NonFiniteStep};
use super::{Gradient, Model, Param, Params, Shard};
use crate::protocol::{NonFinite, Phase};

/// A training step that has failed: network, weights, and of every shard the first row in the batch, its buffers, and what was observed
/// in its backward pass.
#[derive(Debug)]
pub struct NonFiniteSearch<'a> {
    /// The network.
    pub model: &'a Model,
    /// Its weights.
    pub params: &'a Params,
    /// The shards.
    pub shards: Vec<(usize, &'a Shard, &'a GradientNorms)>,
}

impl NonFiniteSearch<'_> {
    /// The first weight that is not finite.
    pub fn weights(&self) -> Option<NonFinite> {
        self.params.table().iter().find_map(|param| in_tensor(param, self.params.values(), Phase::Weights))
    }

    /// The first number of the data or of the forward pass, of all shards.
    pub fn forward(&self) -> Option<NonFinite> {
        let found = self.shards.iter().filter_map(|(first_row, shard, _)| {
            let (order, what) = shard.non_finite_forward(self.model)?;
            Some((order, moved(what, *first_row)))
        });
        Some(self.named(found.min_by_key(|(order, _)| *order)?.1))
    }

    /// The first number of the backward pass: of each layer, from the last to the first, the gradient of its output, then of its states,
    /// step by step, then of its weights, which are in `gradient`.
    pub fn backward(&self, gradient: &Gradient) -> Option<NonFinite> {
        let layers = (0..self.model.nodes.len()).rev();
        let states =
            self.shards.iter().filter_map(|(first_row, _, norms)| Some((*first_row, norms.non_finite()?)));
        let states = states.min_by_key(|(_, step)| step.order);
        let of_layer = |layer: usize| {
            let output = self.shards.iter().filter_map(|(first_row, shard, _)| {
                let (order, what) = shard.non_finite_gradient(self.model, layer)?;
                Some((order, moved(what, *first_row)))
            });
            let output = output.min_by_key(|(order, _)| *order).map(|(_, what)| what);
            let state = || {
                states.filter(|(_, step)| step.layer == layer).map(|(row, step)| state_gradient(row, step))
            };
            let weights = || {
                let learning = self.params.tensors(layer).map(|tensor| &self.params.table()[tensor]);
                let mut learning = learning.filter(|param| param.trainable);
                let what = learning.find_map(|param| in_tensor(param, gradient.values(), Phase::Backward))?;
                Some(NonFinite { tensor: format!("d_{}", what.tensor), layer: Some(layer), ..what })
            };
            output.or_else(state).or_else(weights)
        };
        layers.filter_map(of_layer).next().map(|what| self.named(what))
    }

    /// With the class of its layer.
    fn named(&self, what: NonFinite) -> NonFinite {
        let row = what.layer.and_then(|layer| self.model.table().layers.get(layer));
        NonFinite { class: row.map(|row| row.class.clone()), ..what }
    }
}

/// Of a row of the batch instead of a shard.
fn moved(what: NonFinite, first_row: usize) -> NonFinite {
    NonFinite { row: what.row.map(|row| row + first_row), ..what }
}

fn state_gradient(first_row: usize, step: NonFiniteStep) -> NonFinite {
    NonFinite {
        layer: Some(step.layer),
        direction: step.direction,
        time_step: Some(step.t),
        row: Some(first_row + step.row),
        unit: Some(step.unit),
        ..NonFinite::new(Phase::Backward, "d_h", step.value)
    }
}

/// The first number of the tensor `param` in `values`, laid out as [`Params::values`].
fn in_tensor(param: &Param, values: &[f32], phase: Phase) -> Option<NonFinite> {
    let values = values.get(param.range.clone())?;
    let mut place = values.iter().position(|x| !x.is_finite())?;
    let value = values[place];
    let mut index: Vec<usize> = param
        .shape
        .iter()
        .rev()
        .map(|size| {
            let at = place % size;
            place /= size;
            at
        })
        .collect();
    index.reverse();
    Some(NonFinite { index: Some(index), ..NonFinite::new(phase, &*param.name, value) })
}
