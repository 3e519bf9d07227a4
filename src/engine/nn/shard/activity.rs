//! Penalties of the outputs of layers (`activity_regularizer`): their values and gradients.

use super::Shard;
use crate::nn::{Model, Score};

impl Shard {
    /// Adds the activity penalties after [`Shard::forward`] to `score`.
    pub(super) fn with_activity(&self, model: &Model, score: Score) -> Score {
        let mut score = score;
        if !model.has_activity() {
            return score;
        }
        score.sequences += self.sequences() as f64;
        for (i, node) in model.nodes.iter().enumerate() {
            score.activity += node.spec.activity_loss(&self.buffers.caches[i], self.layer_mask(model, i));
            let Some(regularizer) = node.activity else { continue };
            let output = &self.buffers.outputs[i].values;
            score.activity += match model.is_linked(i) {
                false => regularizer.loss(output.data()),
                true => regularizer.loss(self.buffers.activated[0].data()),
            };
        }
        score
    }

    /// Adds `∂R(output)/∂output` of layer `i`, divided by the sequences of the batch, to ∂L/∂output: of the output after its activation,
    /// which may be the loss's.
    pub(super) fn add_activity_gradient(&mut self, model: &Model, i: usize) {
        let Some(regularizer) = model.nodes[i].activity else { return };
        let regularizer = regularizer.scaled(1.0 / self.whole_batch() as f64);
        let (output, upstream_grad) = (&self.buffers.outputs[i].values, &mut self.buffers.upstream_grads[i]);
        if !model.is_linked(i) {
            return regularizer.add_gradient(output.data(), upstream_grad.data_mut());
        }
        let [activated, grad] = &mut self.buffers.activated;
        let (time, batch, width) = activated.dim();
        grad.zeroed(time, batch, width);
        regularizer.add_gradient(activated.data(), grad.data_mut());
        if let Some(link) = model.loss.required_activation() {
            link.chain(grad.data_mut(), activated.data(), &[], width);
        }
        upstream_grad.data_mut().iter_mut().zip(grad.data()).for_each(|(sum, d)| *sum += d);
    }
}
