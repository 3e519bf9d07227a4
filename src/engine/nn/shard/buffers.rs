//! The memory of a pass, which shards that one thread processes one after the other may share.

use super::Shard;
use crate::nn::layer::LayerOutput;
use crate::nn::model::Node;
use crate::nn::spec::LayerCache;
use crate::nn::{Block, Model};

/// Activations of a forward pass and the derivatives of the loss by them; not the gradients of parameters.
///
/// A shard has its own. In a step of which nothing but the gradient is read, threads lend theirs to one shard after the other
/// ([`Shard::swap_buffers`]): what passes from the forward to the backward pass then stays in the processor's cache from shard to shard.
#[derive(Debug)]
pub struct ShardBuffers {
    /// Of a layer whose activation the loss applies: its output after it, and ∂(activity penalty)/∂output.
    pub(super) activated: [Block; 2],
    /// The output of every layer.
    pub(super) outputs: Vec<LayerOutput>,
    /// The cache of every layer.
    pub(super) caches: Vec<LayerCache>,
    /// ∂L/∂output of every layer.
    pub(super) upstream_grads: Vec<Block>,
    /// Whether a layer has given its part of it yet.
    pub(super) has_grad: Vec<bool>,
    /// ∂L/∂input of every layer, before it is added to ∂L/∂output of the layers read.
    pub(super) input_grads: Vec<Vec<Block>>,
}

impl ShardBuffers {
    /// Empty ones for `model`.
    pub fn new(model: &Model) -> Self {
        let nodes = &model.nodes;
        let inputs = |node: &Node| node.from.iter().map(|_| Block::default()).collect();
        Self {
            activated: Default::default(),
            outputs: nodes.iter().map(|_| LayerOutput::default()).collect(),
            caches: nodes.iter().map(|node| node.spec.new_cache()).collect(),
            upstream_grads: nodes.iter().map(|_| Block::default()).collect(),
            has_grad: vec![false; nodes.len()],
            input_grads: nodes.iter().map(inputs).collect(),
        }
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        let blocks = self.upstream_grads.iter().chain(self.input_grads.iter().flatten());
        let outputs = self.outputs.iter().map(LayerOutput::bytes).sum::<usize>();
        let caches = self.caches.iter().map(LayerCache::bytes).sum::<usize>();
        blocks.map(Block::bytes).sum::<usize>() + outputs + caches
    }

    /// Takes from `other` what is read after a pass: the output of the model, and ∂L/∂rows of tables with their ids.
    fn take_results(&mut self, model: &Model, other: &mut Self) {
        let layers = model.nodes.iter().zip(&mut self.outputs).zip(&mut other.outputs);
        let grads = self.upstream_grads.iter_mut().zip(&mut other.upstream_grads);
        for (((node, mine), other), (grad, other_grad)) in layers.zip(grads) {
            if node.spec.layer().has_sparse_gradient() {
                std::mem::swap(&mut mine.lookup, &mut other.lookup);
                std::mem::swap(grad, other_grad);
            }
        }
        if let (Some(mine), Some(other)) = (self.outputs.last_mut(), other.outputs.last_mut()) {
            std::mem::swap(&mut mine.values, &mut other.values);
        }
    }
}

impl Shard {
    /// Exchanges its own buffers for others of the same model. States that layers carry are in them.
    pub fn swap_buffers(&mut self, buffers: &mut ShardBuffers) {
        std::mem::swap(&mut self.buffers, buffers);
    }

    /// Takes from `buffers`, with which it has made its passes, what is read afterwards: the [output](Shard::output), and what the gradient
    /// is summed from.
    pub fn take_results(&mut self, model: &Model, buffers: &mut ShardBuffers) {
        self.buffers.take_results(model, buffers);
    }
}
