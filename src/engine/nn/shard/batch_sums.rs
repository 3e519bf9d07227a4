//! The sums over the whole batch of layers that need them, such as `BatchNormalization`: of this shard, and of all.

use super::Shard;
use crate::nn::{BatchSums, Model, Params};

impl Shard {
    /// Adds to `total` what this shard has summed for layer `i`, which waits for the sums of all shards: after a segment of the forward
    /// pass that ends before it, or of the backward pass that begins with it (`backward`).
    pub fn add_sums(&mut self, model: &Model, i: usize, backward: bool, total: &mut BatchSums) {
        if let Some((own, _)) = self.sums_mut(model, i, backward) {
            total.add(own);
        }
    }

    /// Sets the sums of all shards for layer `i`.
    pub fn set_sums(&mut self, model: &Model, i: usize, backward: bool, total: &BatchSums) {
        if let Some((_, batch)) = self.sums_mut(model, i, backward) {
            batch.clone_from(total);
        }
    }

    /// The sums of this shard and of the whole batch for layer `i`.
    fn sums_mut(
        &mut self,
        model: &Model,
        i: usize,
        backward: bool,
    ) -> Option<(&mut BatchSums, &mut BatchSums)> {
        let (_, cache) = model.nodes.get(i)?.spec.batch_normalization(self.buffers.caches.get_mut(i)?)?;
        Some(if backward {
            (&mut cache.gradients, &mut cache.batch_gradients)
        } else {
            (&mut cache.moments, &mut cache.batch_moments)
        })
    }

    /// Of a batch of one shard the sums are its own.
    pub(super) fn share_own_sums(&mut self, model: &Model, i: usize) {
        for backward in [false, true] {
            if let Some((own, batch)) = self.sums_mut(model, i, backward) {
                batch.clone_from(own);
            }
        }
    }

    /// Moves the moving averages of batch normalizations in `params`, after a training step that this shard has taken part in.
    pub fn move_averages(&mut self, model: &Model, params: &mut Params) {
        for i in model.synchronized.iter().copied() {
            let node = &model.nodes[i];
            let Some((layer, cache)) = node.spec.batch_normalization(&mut self.buffers.caches[i]) else {
                continue;
            };
            if let Some([mean, variance]) = params.pair_mut(i, layer.moving()) {
                layer.move_averages(cache, node.mask.is_some(), mean, variance);
            }
        }
    }
}
