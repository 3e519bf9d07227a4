//! One training step: a batch is split into shards, which threads process; their gradients are summed in order, and the optimizer updates
//! the weights.

mod batch;
mod failed;
mod shard_worker;
mod shared_buffers;
mod update_norms;

use std::ops::Range;

use ndarray::ArrayView2;

use crate::data::Batch;
use crate::kernel::ThreadPool;
use crate::kernel::profile::{Part, scope};
use crate::metrics::Confusion;
use crate::nn::{
    BatchSums, CarriedState, CarriedStateError, Gradient, GradientNorms, Model, Param, Params,
    RecurrentTrace, Score,
};
use crate::optim::{Clip, Optimizer, OptimizerSpec};
use crate::protocol::ParamNorms;

use shared_buffers::SharedBuffers;
use update_norms::UpdateNorms;

pub use batch::{network_input, network_targets};
pub use failed::DivergedError;
pub use shard_worker::ShardWorker;

/// The minimum number of sequences of a shard, if there are two such shards: fewer would make the matrix products too thin.
const SHARD_ROWS: usize = 16;
/// The minimum number of sequences of a shard of a smaller batch, and of a network with [`WIDE`] recurrent layers.
const FEW_ROWS: usize = 8;
/// The maximum number of shards of a batch.
const SHARDS: usize = 8;
/// The same of a network with [`WIDE`] recurrent layers.
const WIDE_SHARDS: usize = 16;
/// Sizes of recurrent kernels, in numbers, with which steps of 8 sequences take half as long as those of 16, so that more processors than 8
/// can take part. With smaller ones a step has a large part that does not depend on the sequences, and shards have distinct tokens in common;
/// larger ones exceed a second-level cache of 1 MiB, and every shard reads them from memory.
const WIDE: Range<usize> = 1 << 14..1 << 18;
/// The maximum size of the gradient of one shard, in bytes, with which a batch is split into more shards: all of them are summed.
const SMALL_GRADIENT: usize = 4 << 20;
/// Bytes of cached gates of a batch above which recurrent layers recompute them in the backward pass (gradient checkpointing): see
/// [`Model::recurrent_bytes`].
const BUDGET: usize = 192 << 20;

/// How a batch is split into shards.
#[derive(Debug, Clone, Copy)]
pub struct Split {
    /// The number of shards.
    pub shards: usize,
    /// The number of sequences of each but perhaps the last.
    pub rows: usize,
    /// The budget of each: see [`Shard::set_budget`](crate::nn::Shard::set_budget).
    pub budget: usize,
}

impl Split {
    /// The split of a batch of `sequences` for `model`.
    pub fn of(model: &Model, sequences: usize) -> Self {
        let is_wide = WIDE.contains(&model.recurrent_kernel());
        let (least, most) = if is_wide && model.shard_gradient_bytes() <= SMALL_GRADIENT {
            (FEW_ROWS, WIDE_SHARDS)
        } else {
            (SHARD_ROWS, SHARDS)
        };
        let least = least.min(sequences.div_ceil(2).max(FEW_ROWS));
        let rows = sequences.div_ceil(most).max(least);
        let shards = sequences.div_ceil(rows);
        Self { shards, rows: rows.min(sequences), budget: BUDGET / shards.max(1) }
    }
}

/// Computes training steps: forward pass, backward pass and update of one batch, on several threads with the same bits as on one.
#[derive(Debug)]
pub struct Stepper {
    model: Model,
    params: Params,
    seed: u64,
    optimizer: Optimizer,
    clip: Option<Clip>,
    pool: ThreadPool,
    work: Vec<ShardWorker>,
    /// The shards of evaluation if layers carry a state: those of training retain theirs.
    evaluation_work: Vec<ShardWorker>,
    /// Shards that the last batch did not need.
    spare: Vec<ShardWorker>,
    buffers: SharedBuffers,
    gradient: Gradient,
    norms: GradientNorms,
    update_norms: UpdateNorms,
    /// What shards exchange within a step.
    sums: BatchSums,
    /// The norm of the whole gradient after clipping, of the last monitored step, where it was clipped.
    clipped_norm: Option<f64>,
    /// Scratch memory of weight constraints.
    constraint_norms: Vec<f64>,
}

/// The result of a step, measured on its batch before the update.
#[derive(Debug, Clone, Copy)]
pub struct StepResult {
    /// Loss and accuracy, summed over the batch.
    pub score: Score,
    /// The regularization penalty, to be added to the mean loss.
    pub penalty: f64,
    /// L2 norm of the gradient before clipping.
    pub grad_norm: f64,
}

impl Stepper {
    /// Creates a network with weights initialized from `seed`.
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
            pool: ThreadPool::new(threads)?,
            optimizer: Optimizer::new(optimizer, params.trainable().len()),
            params,
            clip,
            seed,
            model,
            work: Vec::new(),
            evaluation_work: Vec::new(),
            spare: Vec::new(),
            buffers: SharedBuffers::default(),
            gradient,
            norms: GradientNorms::default(),
            update_norms: UpdateNorms::default(),
            sums: BatchSums::default(),
            clipped_norm: None,
            constraint_norms: Vec::new(),
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

    /// Clips gradients so from the next step on.
    pub fn set_clip(&mut self, clip: Option<Clip>) {
        self.clip = clip;
    }

    /// Sets the rate of all `Dropout` and `SpatialDropout1D` layers; returns their number.
    pub fn set_dropout(&mut self, rate: f64) -> usize {
        self.model.set_dropout(rate)
    }

    /// Sets the rates of dropout to those of `model`, which has the same layers.
    pub fn restore_dropout(&mut self, model: Model) {
        self.model.restore_dropout(model);
    }

    /// The number of threads of a step.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// The results of the last monitored step, valid until the next batch: the network and its weights, the gradient norms per
    /// unrolled step, and the traces of the recurrent layers; and the thread pool to evaluate them.
    pub fn watched(&mut self) -> (&Model, &Params, &GradientNorms, Vec<RecurrentTrace<'_>>, &mut ThreadPool) {
        let traces = self.model.recurrent_traces(self.work.iter().map(|work| &work.shard));
        (&self.model, &self.params, &self.norms, traces, &mut self.pool)
    }

    /// The network, its weights, and the thread pool to evaluate them.
    pub fn evaluated(&mut self) -> (&Model, &Params, &mut ThreadPool) {
        (&self.model, &self.params, &mut self.pool)
    }

    /// The norms of every weight tensor, its gradient and its update in the last monitored step.
    pub fn param_norms(&self) -> &[ParamNorms] {
        self.update_norms.norms()
    }

    /// The norm of the whole gradient after clipping in the last monitored step, if it is clipped.
    pub fn clipped_norm(&self) -> Option<f64> {
        self.clipped_norm
    }

    /// The number of shards of the last batch: as many threads can take part in its forward and backward pass.
    pub fn shards(&self) -> usize {
        self.work.len()
    }

    /// Bytes of the activations and gradients of a batch, as allocated for the batches so far: see [`Shard::activation_bytes`](crate::nn::Shard::activation_bytes).
    pub fn activation_bytes(&self) -> usize {
        let all = self.work.iter().chain(&self.evaluation_work).chain(&self.spare);
        all.map(|work| work.shard.activation_bytes()).sum::<usize>() + self.buffers.bytes()
    }

    /// Bytes of the activations and gradients of the largest shard: what passes between a value's computation and its use in the backward pass.
    pub fn shard_bytes(&self) -> usize {
        let largest = self.work.iter().map(|work| work.shard.activation_bytes()).max();
        largest.unwrap_or(0).max(self.buffers.largest())
    }

    /// Trains on one batch.
    ///
    /// # Errors
    /// [`DivergedError`], found before the optimizer touches a weight.
    pub fn step(&mut self, batch: &Batch, watch: bool) -> Result<StepResult, DivergedError> {
        let _part = scope(Part::Other);
        self.shard_batch(batch.len());
        let (model, step) = (&self.model, self.optimizer.steps());
        {
            let _part = scope(Part::Load);
            self.pool.run(&mut self.work, |_, work| work.load(batch, model));
        }
        let weight = self.work.iter().map(|work| work.weight).sum();
        self.run_passes(step, weight, watch);
        let mut score = self.total();
        let penalty = self.params.regularization_loss() + score.activity_penalty();
        // It is part of the penalty from here on.
        (score.activity, score.sequences) = (0.0, 0.0);
        let grad_norm = self.gradient.norm();
        let measured = (score.mean_loss() + penalty, grad_norm);
        if !(score.loss + penalty).is_finite() {
            return Err(self.fail(Some("the loss".into()), (step, weight), measured));
        }
        if !grad_norm.is_finite() {
            return Err(self.fail(None, (step, weight), measured));
        }
        let mut squares = Default::default();
        if watch {
            let gradient = |tensor| self.gradient.norm_of(tensor);
            squares = self.update_norms.before(&self.params, gradient, &mut self.pool);
            let (gradient, params) = (&self.gradient, &self.params);
            let after = |clip: Clip| clip.clipped_norm(grad_norm, gradient.norms(params), gradient.values());
            self.clipped_norm = self.clip.map(after);
        }
        let _part = scope(Part::Optimizer);
        let limit = self.clip.map(|clip| clip.apply(self.gradient.tensors_mut(&self.params), grad_norm));
        let (weights, grads) = (self.params.trainable_mut(), self.gradient.values());
        let limit = limit.unwrap_or_default();
        self.optimizer.step_measured(weights, grads, limit, squares, &mut self.pool);
        if let Some(work) = self.work.first_mut() {
            work.shard.move_averages(&self.model, &mut self.params);
        }
        self.params.constrain(&mut self.constraint_norms);
        if watch {
            self.update_norms.after(&self.params, &mut self.pool);
        }
        Ok(StepResult { score, penalty, grad_norm })
    }

    /// Forward and backward pass of the batch that is loaded, after `step` updates, and the sum of its gradients; `weight` is that of
    /// all shards.
    fn run_passes(&mut self, step: u64, weight: f64, watch: bool) {
        let layers = scope(Part::Layers);
        if self.model.is_synchronized() {
            self.train_synchronized(step, weight, watch);
        } else {
            // Instruments read what every shard has computed.
            self.buffers.share(&mut self.work, &self.model, self.pool.threads(), !watch);
            let (model, params, seed, buffers) = (&self.model, &self.params, self.seed, &self.buffers);
            self.pool.run(&mut self.work, |_, work| {
                buffers.run(model, work, |work| work.train(model, params, seed, step, weight, watch));
            });
        }
        if watch {
            self.norms.clear();
            self.work.iter().for_each(|work| self.norms.merge(&work.norms));
        }
        drop(layers);
        let _part = scope(Part::GradientSum);
        self.gradient.sum(&self.params, self.work.iter().map(|work| &work.shard), &mut self.pool);
    }

    /// Trains the shards in segments, between which they exchange sums over the batch.
    fn train_synchronized(&mut self, step: u64, weight: f64, watch: bool) {
        let Self { model, params, seed, pool, work, sums, .. } = self;
        let mut exchange = |work: &mut [ShardWorker], layer: usize, backward: bool| {
            sums.clear();
            work.iter_mut().for_each(|work| work.shard.add_sums(model, layer, backward, sums));
            work.iter_mut().for_each(|work| work.shard.set_sums(model, layer, backward, sums));
        };
        for segment in model.segments() {
            pool.run(work, |_, work| work.forward(model, params, *seed, step, segment.clone()));
            exchange(work, segment.end, false);
        }
        pool.run(work, |_, work| work.begin_backward(model, weight));
        for segment in model.segments().rev() {
            pool.run(work, |_, work| work.backward(model, params, segment.clone(), watch));
            exchange(work, segment.start, true);
        }
    }

    /// The first tensor that is not finite, of those for which `has` returns true.
    fn not_finite(&self, values: &[f32], has: impl Fn(&Param) -> bool) -> Option<&str> {
        let finite = |range: Range<usize>| values[range].iter().all(|value| value.is_finite());
        let bad = self.params.table().iter().find(|param| has(param) && !finite(param.range.clone()));
        bad.map(|param| param.name.as_str())
    }

    /// Evaluates one batch; counts its classes in `confusion`.
    pub fn evaluate(&mut self, batch: &Batch, confusion: Option<&mut Confusion>) -> Score {
        let separate = self.model.is_stateful();
        if separate {
            std::mem::swap(&mut self.work, &mut self.evaluation_work);
        }
        self.shard_batch(batch.len());
        self.buffers.share(&mut self.work, &self.model, self.pool.threads(), true);
        let (model, params, buffers) = (&self.model, &self.params, &self.buffers);
        let count_classes = confusion.is_some();
        self.pool.run(&mut self.work, |_, work| {
            work.load(batch, model);
            buffers.run(model, work, |work| work.evaluate(model, params, count_classes));
        });
        if let Some(confusion) = confusion {
            self.work.iter().for_each(|work| confusion.merge(&work.confusion));
        }
        let total = self.total();
        if separate {
            std::mem::swap(&mut self.work, &mut self.evaluation_work);
        }
        total
    }

    /// The number of steps of the batch just evaluated whose predicted class is in `legal`: bit sets `[batch, time]`.
    pub fn legal(&self, legal: ArrayView2<'_, u32>) -> f64 {
        let count = |work: &ShardWorker| {
            let predicted = work.shard.predicted(&self.model);
            let allows = |((row, t), class): &((usize, usize), u32)| {
                legal
                    .get((work.first_row + row, *t))
                    .is_some_and(|legal| legal.checked_shr(*class).is_some_and(|bits| bits & 1 == 1))
            };
            predicted.indexed_iter().map(|(at, class)| (at, *class)).filter(allows).count()
        };
        let evaluated = if self.model.is_stateful() { &self.evaluation_work } else { &self.work };
        evaluated.iter().map(count).sum::<usize>() as f64
    }

    /// Passes the predicted classes of the batch just evaluated to `each`: the position of the sequence in the batch, and a class a step.
    pub fn each_predicted(&self, mut each: impl FnMut(usize, &[u32])) {
        let evaluated = if self.model.is_stateful() { &self.evaluation_work } else { &self.work };
        for work in evaluated {
            let predicted = work.shard.predicted(&self.model);
            for (row, classes) in predicted.outer_iter().enumerate() {
                each(work.first_row + row, &classes.iter().copied().collect::<Vec<u32>>());
            }
        }
    }

    /// Passes the outputs for the batch just evaluated to `each`: the position of the sequence in the batch, and its output, step after step.
    pub fn each_output(&self, mut each: impl FnMut(usize, &[f32])) {
        let evaluated = if self.model.is_stateful() { &self.evaluation_work } else { &self.work };
        for work in evaluated {
            let output = work.shard.output(&self.model);
            for (row, numbers) in output.outer_iter().enumerate() {
                each(work.first_row + row, &numbers.iter().copied().collect::<Vec<f32>>());
            }
        }
    }

    /// Sets the weights, laid out as [`Params::values`].
    pub fn set_weights(&mut self, weights: &[f32]) {
        self.params.values_mut().iter_mut().zip(weights).for_each(|(w, other)| *w = *other);
    }

    /// The states that layers carry to the next batch: for each shard its first row, its number of rows, and a state for each recurrent
    /// layer and direction. Empty unless a layer is stateful.
    pub fn carried(&self) -> Vec<(usize, usize, Vec<CarriedState>)> {
        let shards = if self.model.is_stateful() { self.work.as_slice() } else { &[] };
        let carried = |work: &ShardWorker| (work.first_row, work.rows, work.shard.carried_state(&self.model));
        let carried: Vec<_> = shards.iter().map(carried).collect();
        let is_empty = carried.iter().all(|(.., states)| states.iter().all(CarriedState::is_empty));
        if is_empty { Vec::new() } else { carried }
    }

    /// Workers with the states that [`carried`](Self::carried) has returned.
    ///
    /// # Errors
    /// If they are those of another network, or of a batch that was split differently.
    pub fn workers_with(
        &self,
        shards: Vec<(usize, usize, Vec<CarriedState>)>,
    ) -> Result<Vec<ShardWorker>, CarriedStateError> {
        let found = shards.iter().map(|(_, rows, _)| *rows).max().unwrap_or(0);
        let expected = Split::of(&self.model, shards.iter().map(|(_, rows, _)| rows).sum()).rows;
        if found != expected {
            return Err(CarriedStateError::Split { found, expected });
        }
        let worker = |(first_row, rows, states)| {
            let mut work = ShardWorker::new(&self.model, &self.params);
            (work.first_row, work.rows) = (first_row, rows);
            work.shard.set_carried_state(&self.model, states)?;
            Ok(work)
        };
        shards.into_iter().map(worker).collect()
    }

    /// Trains with the workers that [`workers_with`](Self::workers_with) has returned.
    pub fn set_workers(&mut self, workers: Vec<ShardWorker>) {
        self.work = workers;
    }

    /// Sets `rows` of `width` numbers each, with their indices, of the table that is the first tensor of `layer`.
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

    /// Resets the carried states of evaluation, not those of training.
    pub fn reset_evaluation_states(&mut self) {
        self.evaluation_work.iter_mut().for_each(|work| work.shard.reset_states());
    }

    /// Resets all carried states, before another stream.
    pub fn reset_states(&mut self) {
        let all = self.work.iter_mut().chain(&mut self.evaluation_work).chain(&mut self.spare);
        all.for_each(|work| work.shard.reset_states());
    }

    fn total(&self) -> Score {
        let mut total = Score::default();
        self.work.iter().for_each(|work| total.add(work.score));
        total
    }

    /// Splits a batch into shards, by its size and the network alone and never by the number of threads, so that sums are the same bits
    /// on any number.
    fn shard_batch(&mut self, sequences: usize) {
        let Split { shards, rows, budget } = Split::of(&self.model, sequences);
        while self.work.len() > shards {
            self.spare.extend(self.work.pop());
        }
        while self.work.len() < shards {
            let fresh = || ShardWorker::new(&self.model, &self.params);
            let mut work = self.spare.pop().unwrap_or_else(fresh);
            // Its carried state may be that of another stream.
            work.shard.reset_states();
            self.work.push(work);
        }
        for (i, work) in self.work.iter_mut().enumerate() {
            let first_row = i * rows;
            // A batch of another size is split differently: the state is that of other rows.
            if work.first_row != first_row {
                work.shard.reset_states();
            }
            (work.first_row, work.rows) = (first_row, rows.min(sequences - first_row));
            work.shard.set_budget(budget);
            work.shard.set_batch(sequences);
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3};

    use super::*;
    use crate::data::{Dataset, Inputs, Targets};
    use crate::nn::{Dense, LSTM, Loss, Shape, SimpleRNN};
    use crate::optim::SGD;

    fn stepper() -> Stepper {
        let rnn = SimpleRNN { units: 1, stateful: true, ..SimpleRNN::default() };
        let shape = Shape::Sequence { time: 2, features: 1 };
        let model = Model::build(&[rnn.into()], shape, Loss::MeanSquaredError).unwrap();
        Stepper::new(model, &OptimizerSpec::SGD(SGD::default()), None, 1, 1).unwrap()
    }

    #[test]
    fn clipping_is_not_proposed_where_it_is_set() {
        let message = |clip| {
            let mut stepper = Stepper { clip, ..stepper() };
            stepper.set_weights(&[f32::NAN; 3]);
            stepper.check().unwrap_err().to_string()
        };
        assert!(message(None).contains("need clipping"));
        let clipped = message(Some(Clip::GlobalNorm(1.0)));
        assert!(clipped.contains("although gradients are clipped") && !clipped.contains("need clipping"));
        assert!(message(Some(Clip::GlobalNorm(1e38))).contains("need clipping"));
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
        carried.evaluate(&batch(460), None);
        assert_eq!(carried.evaluate(&batch(432), None), fresh.evaluate(&batch(432), None));
        // The first 64 of 70 have: they are cut alike.
        let (mut carried, mut fresh) = (stepper(), stepper());
        carried.evaluate(&batch(70), None);
        assert_ne!(carried.evaluate(&batch(64), None), fresh.evaluate(&batch(64), None));
    }

    #[test]
    fn a_batch_is_split_by_its_size_and_the_size_of_the_recurrent_kernel() {
        // Units of a SimpleRNN, and the shards of batches of 8, 32, 128 and 500 sequences with the sequences of each.
        let expected: [(usize, [(usize, usize); 4]); 5] = [
            (8, [(1, 8), (2, 16), (8, 16), (8, 63)]),
            (127, [(1, 8), (2, 16), (8, 16), (8, 63)]),
            (128, [(1, 8), (4, 8), (16, 8), (16, 32)]),
            (511, [(1, 8), (4, 8), (16, 8), (16, 32)]),
            (512, [(1, 8), (2, 16), (8, 16), (8, 63)]),
        ];
        for (units, shards) in expected {
            let layers = [
                SimpleRNN { units: 4, return_sequences: true, ..SimpleRNN::default() }.into(),
                SimpleRNN { units, ..SimpleRNN::default() }.into(),
            ];
            let shape = Shape::Sequence { time: 3, features: 2 };
            let model = Model::build(&layers, shape, Loss::MeanSquaredError).unwrap();
            let split = [8, 32, 128, 500].map(|sequences| {
                let Split { shards, rows, .. } = Split::of(&model, sequences);
                (shards, rows)
            });
            assert_eq!(split, shards, "{units} units");
        }
        // The gradient of every shard has 8 MiB for the last layer.
        let large = [
            SimpleRNN { units: 200, ..SimpleRNN::default() }.into(),
            Dense { units: 10_000, ..Dense::default() }.into(),
        ];
        let shape = Shape::Sequence { time: 3, features: 2 };
        let model = Model::build(&large, shape, Loss::MeanSquaredError).unwrap();
        assert_eq!(Split::of(&model, 32).shards, 2);
    }

    #[test]
    fn carried_states_of_a_batch_that_was_split_differently_are_refused() {
        let layers = [LSTM { units: 64, stateful: true, ..LSTM::default() }.into()];
        let shape = Shape::Sequence { time: 3, features: 2 };
        let model = Model::build(&layers, shape, Loss::MeanSquaredError).unwrap();
        let stepper = Stepper::new(model, &OptimizerSpec::SGD(SGD::default()), None, 0, 1).unwrap();
        let shards = |rows: [usize; 2]| {
            let state = |rows| {
                let mut state = CarriedState::default();
                state.h.zeroed(1, rows, 64);
                state.c.zeroed(1, rows, 64);
                vec![state]
            };
            vec![(0, rows[0], state(rows[0])), (rows[0], rows[1], state(rows[1]))]
        };
        assert_eq!(stepper.workers_with(shards([8, 8])).unwrap().len(), 2);
        let error = stepper.workers_with(shards([16, 16])).unwrap_err();
        assert_eq!(error, CarriedStateError::Split { found: 16, expected: 8 });
    }

    #[test]
    fn a_step_that_is_not_watched_takes_the_memory_of_as_many_shards_as_there_are_threads() {
        let lstm = LSTM { units: 8, ..LSTM::default() };
        let shape = Shape::Sequence { time: 40, features: 2 };
        let model = Model::build(&[lstm.into()], shape, Loss::MeanSquaredError).unwrap();
        let inputs =
            Inputs::Real(Array3::from_shape_fn((128, 40, 2), |(row, t, _)| ((row + t) as f32).sin()));
        let mut batch = Batch::default();
        batch.fill(&Dataset { inputs, targets: Targets::Real(Array2::zeros((128, 8))) }, 0..128);
        let mut weights = Vec::new();
        for threads in [1, 2, 3] {
            let optimizer = OptimizerSpec::SGD(SGD::default());
            let mut stepper = Stepper::new(model.clone(), &optimizer, None, 1, threads).unwrap();
            stepper.step(&batch, false).unwrap();
            let (shared, shards) = (stepper.activation_bytes(), stepper.work.len());
            let most = stepper.buffers.largest() * threads;
            assert!(
                stepper.buffers.bytes() <= most && shared < most + shards * most / threads / 4,
                "{shared}"
            );
            // In turn: instruments read all shards, whose memory was shared before and is again afterwards.
            for watch in [true, false, true, false] {
                stepper.step(&batch, watch).unwrap();
                stepper.evaluate(&batch, None);
            }
            assert!(stepper.activation_bytes() > most / threads * shards);
            weights.push(stepper.params().values().to_vec());
        }
        assert!(weights.iter().all(|of_threads| of_threads == &weights[0]));
    }
}
