use std::ops::Range;

use crate::data::Batch;
use crate::metrics::Confusion;
use crate::nn::{GradientNorms, Mode, Model, Observer, Params, Score, Shard};

use super::{network_input, network_targets};

/// A shard of a batch, and its results: processed by one thread at a time.
#[derive(Debug)]
pub struct ShardWorker {
    pub(super) shard: Shard,
    /// The position in the batch of its first sequence.
    pub(super) first_row: usize,
    /// The number of its sequences.
    pub(super) rows: usize,
    /// The number of rows in its loss.
    pub(super) weight: f64,
    pub(super) norms: GradientNorms,
    pub(super) score: Score,
    /// The confusion matrix of the last batch evaluated, if counted.
    pub(super) confusion: Confusion,
}

impl ShardWorker {
    pub(super) fn new(model: &Model, params: &Params) -> Self {
        Self {
            shard: Shard::new(model, params),
            first_row: 0,
            rows: 0,
            weight: 0.0,
            norms: GradientNorms::default(),
            score: Score::default(),
            confusion: Confusion::default(),
        }
    }

    /// Loads its sequences from `batch`.
    pub(super) fn load(&mut self, batch: &Batch, model: &Model) {
        let part = self.first_row..self.first_row + self.rows;
        let input = network_input(&batch.inputs);
        self.shard.load(input.part(part.clone()), network_targets(&batch.targets, part));
        self.weight = self.shard.weight(model);
    }

    /// Forward, loss and backward pass after `step` updates; `weight` is that of the whole batch, and `watch` sums the gradient norms per
    /// unrolled step.
    pub(super) fn train(
        &mut self,
        model: &Model,
        params: &Params,
        seed: u64,
        step: u64,
        weight: f64,
        watch: bool,
    ) {
        self.shard.forward(model, params, Mode::Train { seed, step, first_row: self.first_row });
        self.norms.clear();
        let observer = watch.then_some(&mut self.norms as &mut dyn Observer);
        self.score = self.shard.backward(model, params, weight, observer);
    }

    /// The part of [`ShardWorker::train`]'s forward pass between two exchanges of sums with the other shards.
    pub(super) fn forward(
        &mut self,
        model: &Model,
        params: &Params,
        seed: u64,
        step: u64,
        segment: Range<usize>,
    ) {
        let mode = Mode::Train { seed, step, first_row: self.first_row };
        self.shard.forward_segment(model, params, mode, segment);
    }

    /// The loss, after the forward pass of all segments.
    pub(super) fn begin_backward(&mut self, model: &Model, weight: f64) {
        self.norms.clear();
        self.score = self.shard.begin_backward(model, weight);
    }

    /// The part of [`ShardWorker::train`]'s backward pass between two exchanges.
    pub(super) fn backward(&mut self, model: &Model, params: &Params, segment: Range<usize>, watch: bool) {
        let observer = watch.then_some(&mut self.norms as &mut dyn Observer);
        self.shard.backward_segment(model, params, segment, observer);
    }

    /// Forward pass and loss; `count_classes` fills the confusion matrix.
    pub(super) fn evaluate(&mut self, model: &Model, params: &Params, count_classes: bool) {
        self.shard.forward(model, params, Mode::Evaluate);
        self.score = self.shard.score(model);
        if count_classes {
            self.confusion = Confusion::new(model.classes().unwrap_or(0));
            self.shard.update_confusion(model, &mut self.confusion);
        }
    }
}
