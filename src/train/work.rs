use crate::data::Batch;
use crate::infer::{network_input, network_targets};
use crate::nn::{GradientNorms, Mode, Model, Observer, Params, Score, Shard};
use crate::protocol::Confusion;

/// A shard with what is done with it: on one thread at a time, on any.
#[derive(Debug)]
pub(super) struct Work {
    pub shard: Shard,
    /// The place in the batch of its first sequence.
    pub first_row: usize,
    /// How many sequences it takes.
    pub rows: usize,
    /// Rows that its loss counts.
    pub weight: f64,
    pub norms: GradientNorms,
    pub score: Score,
    /// Of the last judged batch, if it was asked for.
    pub confusion: Confusion,
}

impl Work {
    pub fn new(model: &Model, params: &Params) -> Self {
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

    /// Takes its sequences from `batch`.
    pub fn load(&mut self, batch: &Batch, model: &Model) {
        let part = self.first_row..self.first_row + self.rows;
        let input = network_input(&batch.inputs);
        self.shard.load(input.part(part.clone()), network_targets(&batch.targets, part));
        self.weight = self.shard.weight(model);
    }

    /// Forward, loss, backward, after `step` updates; `weight` is the whole batch's, and `watch` sums the gradient norm per unrolled
    /// step.
    pub fn learn(&mut self, model: &Model, params: &Params, seed: u64, step: u64, weight: f64, watch: bool) {
        self.shard.forward(model, params, Mode::Train { seed, step, first_row: self.first_row });
        self.norms.clear();
        let observer = watch.then_some(&mut self.norms as &mut dyn Observer);
        self.score = self.shard.backward(model, params, weight, observer);
    }

    /// Forward and loss; `confuse` counts classes too.
    pub fn judge(&mut self, model: &Model, params: &Params, confuse: bool) {
        self.shard.forward(model, params, Mode::Evaluate);
        self.score = self.shard.score(model);
        if confuse {
            self.confusion = Confusion::new(model.classes().unwrap_or(0));
            self.shard.confuse(model, &mut self.confusion);
        }
    }
}
