use ndarray::ArrayView2;

use super::change::Change;
use super::work::Work;
use crate::data::Batch;
use crate::kernel::Team;
use crate::nn::{Gradient, GradientNorms, Model, Param, Params, RecurrentTrace, Score};
use crate::optim::{Clip, Optimizer, OptimizerSpec};
use crate::protocol::{Confusion, ParamNorms};

/// Sequences of a shard at least, where there are two such shards: fewer would make the matrix products too thin.
const SHARD_ROWS: usize = 16;
/// Sequences of a shard at least, of a batch too small for that.
const FEW_ROWS: usize = 8;
/// Shards of a batch at most.
const SHARDS: usize = 8;
/// Bytes that recurrent layers may keep of a batch's steps before they make gates again on the way back: see
/// [`Model::recurrent_bytes`].
const BUDGET: usize = 192 << 20;

/// One batch through the network, forward, backward and update, on several threads with the same bits as on one.
#[derive(Debug)]
pub struct Stepper {
    model: Model,
    params: Params,
    seed: u64,
    optimizer: Optimizer,
    clip: Option<Clip>,
    team: Team,
    work: Vec<Work>,
    /// The shards of validation where layers carry a state: training's goes on where it was.
    judging: Vec<Work>,
    /// Shards beyond those that the last batch needed.
    spare: Vec<Work>,
    gradient: Gradient,
    norms: GradientNorms,
    change: Change,
}

/// What a step measured on its batch, before the update.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// Loss and accuracy, summed over the batch.
    pub score: Score,
    /// What the size of the weights adds to the mean loss.
    pub penalty: f64,
    /// L2 norm of the gradient before clipping.
    pub grad_norm: f64,
}

/// A loss, a gradient or a weight that is not finite.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "{what} is not finite: the learning rate may be too high, or gradients need clipping (global_clipnorm: 1.0)"
)]
pub struct Diverged {
    /// `the loss`, `the gradient of 1.recurrent_kernel`, or `1.recurrent_kernel` itself.
    pub what: String,
}

impl Stepper {
    /// A fresh network with weights drawn from `seed`.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn new(
        model: Model,
        optimizer: &OptimizerSpec,
        clip: Option<Clip>,
        seed: u64,
        threads: usize,
    ) -> std::io::Result<Self> {
        let mut params = model.params();
        params.initialize(seed);
        let gradient = Gradient::new(&model, &params);
        Ok(Self {
            team: Team::new(threads)?,
            optimizer: Optimizer::new(optimizer, params.trainable().len()),
            params,
            clip,
            seed,
            model,
            work: Vec::new(),
            judging: Vec::new(),
            spare: Vec::new(),
            gradient,
            norms: GradientNorms::default(),
            change: Change::default(),
        })
    }

    /// The network.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Its weights.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The optimizer.
    pub fn optimizer(&self) -> &Optimizer {
        &self.optimizer
    }

    /// The optimizer, for its learning rate.
    pub fn optimizer_mut(&mut self) -> &mut Optimizer {
        &mut self.optimizer
    }

    /// Threads that share a step.
    pub fn threads(&self) -> usize {
        self.team.threads()
    }

    /// What the last watched step left, until the next batch, and who reads it: the network and its weights, the gradient norms per
    /// unrolled step, and the ways through time of the recurrent layers.
    pub fn watched(&mut self) -> (&Model, &Params, &GradientNorms, Vec<RecurrentTrace<'_>>, &mut Team) {
        let ways = self.model.recurrent_traces(self.work.iter().map(|work| &work.shard));
        (&self.model, &self.params, &self.norms, ways, &mut self.team)
    }

    /// The norms of every weight tensor, its gradient and its update on the last watched step.
    pub fn param_norms(&self) -> &[ParamNorms] {
        self.change.norms()
    }

    /// Bytes of memory for what the sequences of a batch become on their way through the network and back, as held for the batches
    /// so far: see [`Shard::activation_bytes`](crate::nn::Shard::activation_bytes).
    pub fn activation_bytes(&self) -> usize {
        let all = self.work.iter().chain(&self.judging).chain(&self.spare);
        all.map(|work| work.shard.activation_bytes()).sum()
    }

    /// Learns from one batch.
    ///
    /// # Errors
    /// [`Diverged`], found before the optimizer touches a weight.
    pub fn step(&mut self, batch: &Batch, watch: bool) -> Result<Taken, Diverged> {
        self.cut(batch.len());
        let (model, params, seed, step) = (&self.model, &self.params, self.seed, self.optimizer.steps());
        self.team.run(&mut self.work, |_, work| work.load(batch, model));
        let weight = self.work.iter().map(|work| work.weight).sum();
        self.team.run(&mut self.work, |_, work| work.learn(model, params, seed, step, weight, watch));
        let score = self.total();
        let penalty = self.params.regularization_loss();
        if watch {
            self.norms.clear();
            self.work.iter().for_each(|work| self.norms.merge(&work.norms));
        }
        self.gradient.sum(&self.params, self.work.iter().map(|work| &work.shard), &mut self.team);
        let grad_norm = self.gradient.norm();
        if !(score.loss + penalty).is_finite() {
            return Err(Diverged { what: "the loss".into() });
        }
        if !grad_norm.is_finite() {
            let bad = self.not_finite(self.gradient.values(), |param| param.trainable);
            let what =
                bad.map_or("the norm of the gradient".into(), |name| format!("the gradient of {name}"));
            return Err(Diverged { what });
        }
        if watch {
            let gradient = |tensor| self.gradient.norm_of(tensor);
            self.change.before(&self.params, gradient, &mut self.team);
        }
        let limit = self.clip.map(|clip| clip.apply(self.gradient.tensors_mut(&self.params), grad_norm));
        let (weights, grads) = (self.params.trainable_mut(), self.gradient.values());
        self.optimizer.step(weights, grads, limit.unwrap_or_default(), &mut self.team);
        if watch {
            self.change.after(&self.params, &mut self.team);
        }
        Ok(Taken { score, penalty, grad_norm })
    }

    /// Checks the weights, which an update can take beyond what an `f32` holds: [`Stepper::step`] finds it in the next loss only,
    /// and not at all where no further batch reads them.
    ///
    /// # Errors
    /// [`Diverged`] with the first tensor that is not finite.
    pub fn check(&self) -> Result<(), Diverged> {
        match self.not_finite(self.params.values(), |_| true) {
            Some(name) => Err(Diverged { what: name.into() }),
            None => Ok(()),
        }
    }

    /// The first tensor, of those that `has` says to be in `values`, that is not finite there.
    fn not_finite(&self, values: &[f32], has: impl Fn(&Param) -> bool) -> Option<&str> {
        let finite = |range: std::ops::Range<usize>| values[range].iter().all(|value| value.is_finite());
        let bad = self.params.table().iter().find(|param| has(param) && !finite(param.range.clone()));
        bad.map(|param| param.name.as_str())
    }

    /// Loss and accuracy over one batch, without learning; adds to `confusion` what was taken for what.
    pub fn judge(&mut self, batch: &Batch, confusion: Option<&mut Confusion>) -> Score {
        let apart = self.model.is_stateful();
        if apart {
            std::mem::swap(&mut self.work, &mut self.judging);
        }
        self.cut(batch.len());
        let (model, params, confuse) = (&self.model, &self.params, confusion.is_some());
        self.team.run(&mut self.work, |_, work| {
            work.load(batch, model);
            work.judge(model, params, confuse);
        });
        if let Some(confusion) = confusion {
            self.work.iter().for_each(|work| confusion.merge(&work.confusion));
        }
        let total = self.total();
        if apart {
            std::mem::swap(&mut self.work, &mut self.judging);
        }
        total
    }

    /// How many steps of the batch just judged got a class that `legal` allows: `[batch, time]`, a bit a class.
    pub fn legal(&self, legal: ArrayView2<'_, u32>) -> f64 {
        let count = |work: &Work| {
            let predicted = work.shard.predicted(&self.model);
            let allows = |((row, t), class): &((usize, usize), u32)| {
                legal
                    .get((work.first_row + row, *t))
                    .is_some_and(|legal| legal.checked_shr(*class).is_some_and(|bits| bits & 1 == 1))
            };
            predicted.indexed_iter().map(|(at, class)| (at, *class)).filter(allows).count()
        };
        let judged = if self.model.is_stateful() { &self.judging } else { &self.work };
        judged.iter().map(count).sum::<usize>() as f64
    }

    /// Hands the output of the batch just judged to `each`: the sequence's place in the batch, and what the network gave for it, step after
    /// step.
    pub fn outputs(&self, mut each: impl FnMut(usize, &[f32])) {
        let judged = if self.model.is_stateful() { &self.judging } else { &self.work };
        for work in judged {
            let output = work.shard.output(&self.model);
            for (row, numbers) in output.outer_iter().enumerate() {
                each(work.first_row + row, &numbers.iter().copied().collect::<Vec<f32>>());
            }
        }
    }

    /// Puts other weights in place, laid out as [`Params::values`]; as many as there are.
    pub fn restore(&mut self, weights: &[f32]) {
        self.params.values_mut().iter_mut().zip(weights).for_each(|(w, other)| *w = *other);
    }

    /// Puts `rows` of `width` numbers each, with their places, into the table that is the first tensor of `layer`.
    pub fn set_rows<'r>(
        &mut self,
        layer: usize,
        width: usize,
        rows: impl Iterator<Item = (usize, &'r [f32])>,
    ) {
        let span = self.params.span(layer);
        let Some(table) = self.params.values_mut().get_mut(span) else { return };
        for (place, row) in rows {
            let old = table.iter_mut().skip(place * width);
            old.zip(row).for_each(|(old, new)| *old = *new);
        }
    }

    /// Lets layers that carry a state begin anew where they judge; where they learn they go on as they were.
    pub fn judge_anew(&mut self) {
        self.judging.iter_mut().for_each(|work| work.shard.reset_states());
    }

    /// Lets layers that carry a state begin anew: another stream follows.
    pub fn forget(&mut self) {
        let all = self.work.iter_mut().chain(&mut self.judging).chain(&mut self.spare);
        all.for_each(|work| work.shard.reset_states());
    }

    fn total(&self) -> Score {
        let mut total = Score::default();
        self.work.iter().for_each(|work| total.add(work.score));
        total
    }

    /// Cuts a batch into shards: by its size alone, never by the number of threads, so that sums are always the same sums.
    fn cut(&mut self, sequences: usize) {
        let least = SHARD_ROWS.min(sequences.div_ceil(2).max(FEW_ROWS));
        let rows = sequences.div_ceil(SHARDS).max(least);
        let shards = sequences.div_ceil(rows);
        while self.work.len() > shards {
            self.spare.extend(self.work.pop());
        }
        while self.work.len() < shards {
            let fresh = || Work::new(&self.model, &self.params);
            let mut work = self.spare.pop().unwrap_or_else(fresh);
            // Whose state it carried may have been another stream's.
            work.shard.reset_states();
            self.work.push(work);
        }
        for (i, work) in self.work.iter_mut().enumerate() {
            let first_row = i * rows;
            // A batch of another size is cut elsewhere: the state is that of other rows.
            if work.first_row != first_row {
                work.shard.reset_states();
            }
            (work.first_row, work.rows) = (first_row, rows.min(sequences - first_row));
            work.shard.set_budget(BUDGET / shards);
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3};

    use super::*;
    use crate::data::{Dataset, Inputs, Targets};
    use crate::nn::{Loss, Shape, SimpleRNN};
    use crate::optim::SGD;

    fn stepper() -> Stepper {
        let rnn = SimpleRNN { units: 1, stateful: true, ..SimpleRNN::default() };
        let shape = Shape::Sequence { time: 2, features: 1 };
        let model = Model::build(&[rnn.into()], shape, Loss::MeanSquaredError).unwrap();
        Stepper::new(model, &OptimizerSpec::SGD(SGD::default()), None, 1, 1).unwrap()
    }

    #[test]
    fn a_smaller_batch_takes_over_no_state_of_another_row() {
        let inputs = Inputs::Real(Array3::from_shape_fn((460, 2, 1), |(row, ..)| (row as f32).sin()));
        let data = Dataset { inputs, targets: Targets::Real(Array2::zeros((460, 1))) };
        let batch = |sequences| {
            let mut batch = Batch::default();
            batch.fill(&data, 0..sequences);
            batch
        };
        // The eighth of 460 begins at 406 and of 432 at 378, and both have 54 rows: no row of 432 has a state of its own.
        let (mut carried, mut fresh) = (stepper(), stepper());
        carried.judge(&batch(460), None);
        assert_eq!(carried.judge(&batch(432), None), fresh.judge(&batch(432), None));
        // The first 64 of 70 have: they are cut alike.
        let (mut carried, mut fresh) = (stepper(), stepper());
        carried.judge(&batch(70), None);
        assert_ne!(carried.judge(&batch(64), None), fresh.judge(&batch(64), None));
    }
}
