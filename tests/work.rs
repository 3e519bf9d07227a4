//! The cost of a training step in allocations, multiplications and bytes, which does not depend on the load of the machine.
//!
//! One test after another: the allocator counts for the whole process.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, where a failure is the answer")]

#[path = "work/dashboard.rs"]
mod dashboard;
#[allow(dead_code, reason = "other tests make recordings")]
#[path = "common/recordings.rs"]
mod recordings;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use unrolled::bench::{Workload, workloads};
use unrolled::data::{Batch, Dataset, Inputs, Targets};
use unrolled::kernel::{CountingAllocator, WorkCount, allocation_count, work_count};
use unrolled::nn::{
    Activation, ActivationLayer, Add, AdditiveAttention, Attention, Average, AveragePooling1D,
    BatchNormalization, Bidirectional, Concatenate, Constraint, Conv1D, Dense, Dropout, Embedding, Flatten,
    GRU, GaussianNoise, GlobalAveragePooling1D, GlobalMaxPooling1D, Gradient, GradientNorms, Input, LSTM,
    LayerNode, LayerNormalization, LayerSpec, Loss, Masking, MaxPooling1D, Maximum, Merge, Mode, Model,
    MultiHeadAttention, Multiply, Observer, Padding, Params, Passes, Permute, RecurrentSpec, Regularizer,
    RepeatVector, Reshape, ScoreMode, Shape, Shard, ShardSize, SimpleRNN, SpatialDropout1D, TargetsView,
    TimeDistributed, UpSampling1D, ZeroPadding1D,
};
use unrolled::optim::{Adagrad, Adam, Clip, Nadam, OptimizerSpec, RMSprop, SGD};
use unrolled::step::Stepper;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Small variants of the workloads of `unrolled bench`, and a long one.
const SMALL: &str = r#"{ "workloads": {
    "rnn":  {"task": "binary", "vocab": 300, "embed": 10, "batch": 40, "length": 30, "stack": [{"simple_rnn": 8}]},
    "deep": {"task": "binary", "vocab": 300, "embed": 10, "batch": 40, "length": 30, "stack": [{"simple_rnn": 16}, {"simple_rnn": 8}]},
    "lstm": {"task": "binary", "vocab": 300, "embed": 10, "batch": 40, "length": 30, "stack": [{"lstm": 12}]},
    "gru":  {"task": "binary", "vocab": 300, "embed": 10, "batch": 40, "length": 30, "stack": [{"gru": 12}]},
    "both": {"task": "binary", "vocab": 300, "embed": 10, "batch": 32, "length": 30, "stack": [{"bilstm": 9}, {"bilstm": 9}]},
    "lm":   {"task": "lm",     "vocab": 65,  "embed": 16, "batch": 32, "length": 40, "stack": [{"lstm": 24}, {"lstm": 24}]},
    "conv": {"task": "binary", "vocab": 300, "embed": 10, "batch": 40, "length": 60, "stack": [{"conv1d": 32, "kernel": 5}]},
    "bag":  {"task": "binary", "vocab": 300, "embed": 50, "batch": 40, "length": 60, "stack": [{"mean_pool_dense": 16}]},
    "long": {"task": "binary", "vocab": 300, "embed": 16, "batch": 16, "length": 2000, "stack": [{"gru": 32}]}
}}"#;

/// Ten times the steps of the longest that `unrolled bench` measures.
const LONGEST: &str = r#"{ "workloads": {
    "longest": {"task": "binary", "vocab": 1000, "embed": 16, "batch": 16, "length": 20000, "stack": [{"gru": 64}]}
}}"#;

fn read(text: &str) -> Vec<Workload> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    workloads(Some(file.path()), &[]).unwrap()
}

fn stepper(workload: &Workload, threads: usize) -> Stepper {
    let adam = OptimizerSpec::Adam(Adam::default());
    Stepper::new(workload.model().unwrap(), &adam, None, 0, threads).unwrap()
}

fn ids_of(batch: &Batch) -> &ndarray::Array2<u32> {
    let Inputs::Tokens(ids) = &batch.inputs else { panic!("ids") };
    ids
}

/// Locked by the running test: the allocator counts for the whole process.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Each small workload with some batches of it.
fn each_workload(check: impl Fn(&Workload, &[Batch])) {
    let _alone = alone();
    for workload in read(SMALL) {
        let batches = workload.batches(&workload.data());
        check(&workload, &batches[..if workload.name == "long" { 1 } else { 4 }]);
    }
}

#[test]
fn training_allocates_nothing() {
    each_workload(nothing_is_allocated);
}

#[test]
fn activations_take_the_bytes_of_the_formula() {
    each_workload(the_formula_gives_the_size_of_buffers);
}

#[test]
fn recomputed_gates_give_the_same_gradient() {
    each_workload(|workload, batches| gates_recomputed_give_the_same_gradient(workload, &batches[0]));
}

/// After every batch has been seen, a step allocates nothing, on any number of threads.
fn nothing_is_allocated(workload: &Workload, batches: &[Batch]) {
    for threads in [1, 2, 3] {
        let mut stepper = stepper(workload, threads);
        // The assignment of shards to threads is random, and each thread has packing buffers, which must have reached their final size.
        for batch in batches.iter().cycle().take(if threads == 1 { 2 } else { 20 } * batches.len()) {
            stepper.step(batch, false).unwrap();
        }
        let calls = fewest_calls(|| batches.iter().for_each(|batch| once(&mut stepper, batch)));
        assert_eq!(calls, 0, "{} on {threads} threads", workload.name);
    }
}

/// Likewise with dropout, a carried state and an optimizer of several moments.
#[test]
fn layers_that_drop_or_carry_allocate_nothing() {
    let _alone = alone();
    let lstm = LSTM {
        units: 9,
        stateful: true,
        dropout: 0.2,
        recurrent_dropout: 0.2,
        return_sequences: false,
        ..LSTM::default()
    };
    let (model, batch) = masked(vec![lstm.into()]);
    let rmsprop = OptimizerSpec::RMSprop(RMSprop { momentum: 0.5, ..RMSprop::default() });
    assert_eq!(calls_of_a_step(model, &rmsprop, None, &batch), 0);
}

/// A layer that names the `inputs` that it reads.
fn reading(inputs: &[usize], layer: LayerSpec) -> LayerNode {
    LayerNode { inputs: inputs.iter().map(|i| (*i).into()).collect(), ..layer.into() }
}

/// Networks of every kind of layer that reads numbers.
fn stacks() -> Vec<Vec<LayerNode>> {
    let sequences = || LSTM { units: 6, return_sequences: true, ..LSTM::default() };
    let last = || GRU { units: 5, ..GRU::default() };
    let conv = |padding| Conv1D { filters: 4, kernel_size: 3, padding, ..Conv1D::default() };
    let heads =
        |dropout| MultiHeadAttention { num_heads: 2, key_dim: 3, dropout, ..MultiHeadAttention::default() };
    let mut stacks: Vec<Vec<LayerNode>> = vec![
        vec![sequences().into(), Attention::default().into(), GlobalAveragePooling1D {}.into()],
        vec![
            Attention { use_scale: true, score_mode: ScoreMode::Concat, dropout: 0.2 }.into(),
            LayerNormalization::default().into(),
            last().into(),
        ],
        vec![AdditiveAttention { dropout: 0.2, ..Default::default() }.into(), GlobalMaxPooling1D {}.into()],
        vec![heads(0.0).into(), heads(0.2).into(), LayerNormalization::default().into(), last().into()],
        vec![
            sequences().into(),
            sequences().into(),
            LayerNode { inputs: vec![1.into(), 2.into()], ..Attention::default().into() },
            GlobalAveragePooling1D {}.into(),
        ],
        vec![
            conv(Padding::Same).into(),
            MaxPooling1D::default().into(),
            SpatialDropout1D { rate: 0.2 }.into(),
            conv(Padding::Valid).into(),
            AveragePooling1D::default().into(),
            Dropout { rate: 0.2 }.into(),
            Flatten {}.into(),
        ],
        vec![last().into(), RepeatVector { n: 4 }.into(), GRU { reset_after: false, ..last() }.into()],
        vec![
            BatchNormalization::default().into(),
            TimeDistributed { of: Box::new(Dense { units: 4, ..Dense::default() }.into()) }.into(),
            GaussianNoise { stddev: 0.2 }.into(),
            reading(&[2, 3], Add {}.into()),
            reading(&[3, 4], Average {}.into()),
            reading(&[4, 5], Multiply {}.into()),
            reading(&[5, 6], Maximum {}.into()),
            ZeroPadding1D::default().into(),
            UpSampling1D::default().into(),
            Permute { dims: vec![2, 1] }.into(),
            Reshape { target_shape: vec![-1, 8] }.into(),
            ActivationLayer { activation: Activation::Tanh }.into(),
            BatchNormalization::default().into(),
            last().into(),
        ],
        vec![
            Masking::default().into(),
            SimpleRNN { units: 5, return_sequences: true, ..SimpleRNN::default() }.into(),
            last().into(),
        ],
    ];
    for merge_mode in [Merge::Concat, Merge::Sum, Merge::Ave, Merge::Mul] {
        let both = |of: RecurrentSpec| Bidirectional { of: Box::new(of), merge_mode };
        stacks.push(vec![both(sequences().into()).into(), both(last().into()).into()]);
    }
    stacks
}

/// Likewise with every kind of layer that reads numbers.
#[test]
fn other_layers_allocate_nothing() {
    let _alone = alone();
    let adam = OptimizerSpec::Adam(Adam::default());
    for stack in stacks() {
        let names: Vec<_> = stack.iter().map(|layer| layer.spec.layer().class()).collect();
        let (model, batch) = masked(stack);
        assert_eq!(calls_of_a_step(model, &adam, None, &batch), 0, "{names:?}");
    }
}

/// Networks with activations whose arguments are saved, penalties of outputs, constraints and a dropout mask for each gate.
fn stacks_with_arguments() -> [Vec<LayerNode>; 3] {
    let activation = |name: &str| serde_yaml::from_str::<Activation>(name).unwrap();
    let constraint = |text: &str| serde_yaml::from_str::<Constraint>(text).ok();
    let activity_regularizer = Some(Regularizer { l1: 0.01, l2: 0.01 });
    let lstm = LSTM {
        units: 6,
        activation: activation("gelu"),
        recurrent_activation: activation("hard_silu"),
        return_sequences: true,
        zero_output_for_mask: true,
        dropout: 0.2,
        recurrent_dropout: 0.2,
        recurrent_constraint: constraint("unit_norm"),
        ..LSTM::default()
    };
    let gru = GRU { units: 5, recurrent_dropout: 0.2, activity_regularizer, ..GRU::default() };
    let before = GRU { reset_after: false, activation: activation("mish"), ..gru.clone() };
    let both = Bidirectional { of: Box::new(before.into()), merge_mode: Merge::Mul };
    let dense = Dense { units: 4, activation: activation("silu"), ..Dense::default() };
    let rows = Dense { units: 4, activation: activation("sparsemax"), ..Dense::default() };
    [
        vec![lstm.into(), LayerNode { activity_regularizer, ..gru.into() }],
        vec![both.into(), LayerNode { activity_regularizer, ..dense.clone().into() }],
        vec![
            dense.into(),
            rows.into(),
            Conv1D { filters: 3, kernel_size: 2, activation: activation("tanh_shrink"), ..Conv1D::default() }
                .into(),
            GlobalMaxPooling1D {}.into(),
        ],
    ]
}

/// Likewise with activations whose arguments are saved, penalties of outputs, constraints and a dropout mask for each gate.
#[test]
fn arguments_of_layers_allocate_nothing() {
    let _alone = alone();
    let adam = OptimizerSpec::Adam(Adam::default());
    for stack in stacks_with_arguments() {
        let names: Vec<_> = stack.iter().map(|layer| layer.spec.layer().class()).collect();
        let (model, batch) = masked(stack);
        assert_eq!(calls_of_a_step(model, &adam, None, &batch), 0, "{names:?}");
    }
}

/// Likewise with every kind of clipping, and with every optimizer.
#[test]
fn clips_and_other_optimizers_allocate_nothing() {
    let _alone = alone();
    let clips = [Clip::Norm(1e-3), Clip::GlobalNorm(1e-3), Clip::Value(1e-4)].map(Some);
    let optimizers = [
        OptimizerSpec::SGD(SGD { momentum: 0.9, nesterov: true, ..SGD::default() }),
        OptimizerSpec::RMSprop(RMSprop { momentum: 0.5, ..RMSprop::default() }),
        OptimizerSpec::Adagrad(Adagrad::default()),
        OptimizerSpec::Nadam(Nadam::default()),
        OptimizerSpec::Adam(Adam::default()),
    ];
    for (optimizer, clip) in optimizers.iter().zip(clips.into_iter().cycle()) {
        let (model, batch) = masked(vec![LSTM { units: 9, ..LSTM::default() }.into()]);
        assert_eq!(calls_of_a_step(model, optimizer, clip, &batch), 0, "{optimizer:?} {clip:?}");
    }
}

/// The allocations of a step after a few others.
fn calls_of_a_step(model: Model, optimizer: &OptimizerSpec, clip: Option<Clip>, batch: &Batch) -> u64 {
    let mut stepper = Stepper::new(model, optimizer, clip, 0, 1).unwrap();
    (0..4).for_each(|_| once(&mut stepper, batch));
    fewest_calls(|| once(&mut stepper, batch))
}

/// Likewise with words in two channels, the batch filled anew each time.
#[test]
fn several_channels_allocate_nothing() {
    let _alone = alone();
    let channels = ["word", "ending"].map(|name| (name.to_owned(), Shape::Ids { time: 12, vocabulary: 9 }));
    let embedding = |name: &str| LayerNode {
        inputs: vec![name.into()],
        ..Embedding { output_dim: 4, mask_zero: true, ..Embedding::default() }.into()
    };
    let layers = [
        embedding("word"),
        embedding("ending"),
        LayerNode { inputs: vec![0.into(), 1.into()], ..Concatenate {}.into() },
        LSTM { units: 5, ..LSTM::default() }.into(),
        Dense { activation: Activation::Sigmoid, ..Dense::default() }.into(),
    ];
    let model = Model::of_channels(&layers, &channels, Loss::BinaryCrossentropy).unwrap();
    let ids = ndarray::Array3::from_shape_fn((16, 2, 12), |(row, channel, t)| {
        if t > 4 + row % 8 { 0 } else { 1 + ((row + channel + t) % 8) as u32 }
    });
    let targets = Targets::Classes((0..16).map(|row| row % 2).collect());
    let data = Dataset { inputs: Inputs::Channels(ids), targets };
    let adam = OptimizerSpec::Adam(Adam::default());
    let (mut stepper, mut batch) = (Stepper::new(model, &adam, None, 0, 1).unwrap(), Batch::default());
    let mut step = || {
        batch.fill(&data, 0..16);
        once(&mut stepper, &batch);
    };
    (0..4).for_each(|_| step());
    assert_eq!(fewest_calls(step), 0);
}

/// The fewest allocations that `work` makes of several times: the test's own harness may allocate meanwhile, on a thread of its own,
/// for longer than small work takes.
fn fewest_calls(mut work: impl FnMut()) -> u64 {
    let mut fewest = u64::MAX;
    for _ in 0..100 {
        let before = allocation_count().unwrap();
        work();
        fewest = fewest.min((allocation_count().unwrap() - before).calls);
        if fewest == 0 {
            break;
        }
    }
    fewest
}

fn once(stepper: &mut Stepper, batch: &Batch) {
    stepper.step(batch, false).unwrap();
}

/// Monitoring does not change the weights by a bit, also where a segment of time ends and where padding is shared.
#[test]
fn monitoring_changes_no_bit() {
    let _alone = alone();
    let weights = |watch: bool| {
        let (model, batch) = masked(vec![LSTM { units: 300, ..LSTM::default() }.into()]);
        let adam = OptimizerSpec::Adam(Adam::default());
        let mut stepper = Stepper::new(model, &adam, None, 0, 1).unwrap();
        for _ in 0..2 {
            stepper.step(&batch, watch).unwrap();
        }
        stepper.params().values().iter().map(|w| w.to_bits()).collect::<Vec<_>>()
    };
    assert!(weights(false) == weights(true));
}

/// A masked network of an Embedding, `layers` and a Dense, and sequences of several lengths, all padded before and after.
fn masked(layers: Vec<LayerNode>) -> (Model, Batch) {
    masked_of(50, layers)
}

/// Likewise with sequences of `time` steps.
fn masked_of(time: usize, layers: Vec<LayerNode>) -> (Model, Batch) {
    let embedding = Embedding { output_dim: 6, mask_zero: true, ..Embedding::default() };
    let dense = Dense { activation: Activation::Sigmoid, ..Dense::default() };
    let layers: Vec<LayerNode> = [embedding.into()].into_iter().chain(layers).chain([dense.into()]).collect();
    let model = Model::build(&layers, Shape::Ids { time, vocabulary: 9 }, Loss::BinaryCrossentropy).unwrap();
    let ids = ndarray::Array2::from_shape_fn((16, time), |(row, t)| {
        if t < 5 + row % 4 || t > time - 5 { 0 } else { 1 + ((row + t) % 8) as u32 }
    });
    let targets = Targets::Classes((0..16).map(|row| row % 2).collect());
    let mut batch = Batch::default();
    batch.fill(&Dataset { inputs: Inputs::Tokens(ids), targets }, 0..16);
    (model, batch)
}

/// Likewise for every kind of layer, in evaluation, in training and where it is watched, with and without memory for gates.
#[test]
fn every_kind_of_layer_takes_the_bytes_of_the_formula() {
    let _alone = alone();
    let pair = |first: LayerSpec, second: LayerSpec| vec![first.into(), second.into()];
    let recurrent = |units| LSTM { units, return_sequences: true, dropout: 0.2, ..LSTM::default() };
    let more = [
        pair(
            SimpleRNN { units: 9, ..SimpleRNN::default() }.into(),
            Dense { units: 3, ..Dense::default() }.into(),
        ),
        pair(
            Conv1D { filters: 24, kernel_size: 3, ..Conv1D::default() }.into(),
            GRU { units: 5, ..GRU::default() }.into(),
        ),
        pair(
            recurrent(12).into(),
            LSTM { recurrent_dropout: 0.3, return_sequences: false, ..recurrent(8) }.into(),
        ),
        pair(
            Dropout { rate: 0.3 }.into(),
            GRU { units: 9, recurrent_dropout: 0.2, dropout: 0.1, ..GRU::default() }.into(),
        ),
    ];
    for stack in stacks().into_iter().chain(stacks_with_arguments()).chain(more) {
        let names: Vec<_> = stack.iter().map(|layer| layer.spec.layer().class()).collect();
        let (model, batch) = masked_of(300, stack);
        let params = params(&model);
        let distinct = ids_of(&batch).iter().collect::<BTreeSet<_>>().len();
        let rows = ids_of(&batch).nrows();
        for passes in [Passes::Evaluate, Passes::Train, Passes::Watch] {
            for budget in [usize::MAX, 0] {
                let mut shard = Shard::new(&model, &params);
                shard.set_budget(budget);
                // Gradients are passed from layer to layer in buffers that change places.
                (0..4).for_each(|_| pass(&model, &params, &batch, &mut shard, passes));
                let recompute = budget == 0 && model.recurrent_bytes(ids_of(&batch).len()) > 0;
                let size = ShardSize { rows, distinct, recompute, passes };
                let expected = model.activation_bytes(&size) as f64;
                let held = shard.activation_bytes() as f64;
                // The formula omits a few numbers a sequence.
                let (low, high) = (held / expected, held / (expected + 1024.0 * rows as f64));
                assert!(
                    (0.9..=1.1).contains(&low) || low > 1.1 && high <= 1.0,
                    "{names:?}, {passes:?}, budget {budget}: {held} bytes held, {expected} by the formula"
                );
            }
        }
    }
}

/// `Model::activation_bytes` is the size of the buffers of a shard, to 10 %.
fn the_formula_gives_the_size_of_buffers(workload: &Workload, batches: &[Batch]) {
    let model = workload.model().unwrap();
    let params = params(&model);
    for budget in [usize::MAX, 0] {
        let mut shard = Shard::new(&model, &params);
        shard.set_budget(budget);
        // Gradients are passed from layer to layer in two alternating buffers.
        (0..2).for_each(|_| learn(&model, &params, &batches[0], &mut shard));
        let ids = ids_of(&batches[0]);
        let distinct = ids.iter().collect::<BTreeSet<_>>().len();
        let recompute = budget == 0 && model.recurrent_bytes(ids.len()) > 0;
        let size = ShardSize { rows: ids.nrows(), distinct, recompute, passes: Passes::Train };
        let expected = model.activation_bytes(&size) as f64;
        let held = shard.activation_bytes() as f64;
        // The formula omits a few numbers a sequence.
        let ratio = held / (expected + 1024.0 * ids.nrows() as f64);
        let low = held / expected;
        assert!(
            ratio <= 1.1 && low >= 0.9,
            "{}, budget {budget}: {held} bytes held, {expected} by the formula",
            workload.name
        );
    }
}

/// Without memory for gates, they are recomputed in the backward pass (gradient checkpointing): the same bits, for less memory.
fn gates_recomputed_give_the_same_gradient(workload: &Workload, batch: &Batch) {
    let model = workload.model().unwrap();
    let params = params(&model);
    let mut results = [usize::MAX, 0].map(|budget| {
        let mut shard = Shard::new(&model, &params);
        shard.set_budget(budget);
        learn(&model, &params, batch, &mut shard);
        let mut gradient = Gradient::new(&model, &params);
        let mut team = unrolled::kernel::ThreadPool::new(1).unwrap();
        gradient.sum(&params, std::iter::once(&shard), &mut team);
        let bits: Vec<u32> = gradient.values().iter().map(|g| g.to_bits()).collect();
        (bits, shard.activation_bytes())
    });
    let [(whole, held), (again, less)] = &mut results;
    assert!(whole.iter().any(|bits| bits << 1 != 0), "{}: a gradient", workload.name);
    assert!(whole == again, "{}: another gradient", workload.name);
    if workload.name.starts_with("long") {
        assert!(*less * 2 < *held, "{less} bytes instead of {held}");
    }
}

/// Memory grows with length by states and layers' outputs, but not by gates: ten times the longest sequence of `unrolled bench` fits
/// the stepper's budget, and recomputed gates give the same gradient there too.
#[test]
fn twenty_thousand_steps_fit_in_256_mib() {
    let _alone = alone();
    let workload = &read(LONGEST)[0];
    let data = workload.data();
    let mut batch = Batch::default();
    batch.fill(&data, 0..workload.sequences());
    let positions = ids_of(&batch).len();
    let model = workload.model().unwrap();
    assert!(model.recurrent_bytes(positions) > 256 << 20, "gates alone would take more");
    let mut stepper = stepper(workload, 1);
    (0..2).for_each(|_| once(&mut stepper, &batch));
    let held = stepper.activation_bytes();
    // One thread needs the buffers of one of the two shards at a time.
    assert!(held >= positions / 2 * 64 * size_of::<f32>(), "{held} bytes hold the states of a shard");
    assert!(held < 256 << 20, "{held} bytes");
    // As many sequences as the stepper puts in a shard of this batch.
    batch.fill(&data, 0..workload.sequences() / 2);
    gates_recomputed_give_the_same_gradient(workload, &batch);
}

fn params(model: &Model) -> Params {
    let mut params = model.params();
    params.initialize(1);
    params
}

fn learn(model: &Model, params: &Params, batch: &Batch, shard: &mut Shard) {
    pass(model, params, batch, shard, Passes::Train);
}

fn pass(model: &Model, params: &Params, batch: &Batch, shard: &mut Shard, passes: Passes) {
    let answers = match &batch.targets {
        Targets::Classes(classes) => TargetsView::Classes(classes),
        Targets::Steps(classes) => TargetsView::Steps(classes.view()),
        Targets::Real(numbers) | Targets::Labels(numbers) => TargetsView::Real(numbers.view()),
    };
    shard.load(Input::Ids(ids_of(batch).view()), answers);
    let weight = shard.weight(model);
    if passes == Passes::Evaluate {
        return shard.forward(model, params, Mode::Evaluate);
    }
    shard.forward(model, params, Mode::Train { seed: 1, step: 0, first_row: 0 });
    let mut norms = GradientNorms::default();
    shard.backward(
        model,
        params,
        weight,
        (passes == Passes::Watch).then_some(&mut norms as &mut dyn Observer),
    );
}

/// The work of one shard's step.
fn work(model: &Model, batch: &Batch) -> WorkCount {
    let params = params(model);
    let mut shard = Shard::new(model, &params);
    let before = work_count();
    learn(model, &params, batch, &mut shard);
    work_count() - before
}

fn named(name: &str) -> Workload {
    read(SMALL).into_iter().find(|workload| workload.name == name).unwrap()
}

/// `x·W`, `∂L/∂W` and `∂L/∂x` cost one row for each distinct id; only products with the state cost one for each position. The bytes
/// moved scale likewise: with fewer distinct ids they are fewer.
#[test]
fn distinct_ids_are_projected_once() {
    let _alone = alone();
    let workload = named("rnn");
    let model = workload.model().unwrap();
    let mut data = workload.data();
    let [all, some, few] = [300, 30, 3].map(|most| {
        let Inputs::Tokens(ids) = &mut data.inputs else { panic!("ids") };
        ids.mapv_inplace(|id| id % most);
        let batch = &workload.batches(&data)[0];
        let (b, t) = ids_of(batch).dim();
        let distinct = ids_of(batch).iter().collect::<BTreeSet<_>>().len();
        assert!(distinct * 4 < b * t, "a batch holds many ids more than once");
        let counted = work(&model, batch);
        assert_eq!(counted.multiply_adds, rnn_multiply_adds(b, t, distinct) as u64, "{distinct} ids");
        assert_eq!(counted.bytes, rnn_bytes(b, t, distinct) as u64, "{distinct} ids");
        // A call for each time step in each direction, and a few more.
        assert!(counted.calls <= 2 * t as u64 + 16, "{} calls", counted.calls);
        counted.bytes
    });
    assert!(all > some && some > few);
}

/// Numbers of a vector, and units, in `rnn`.
const RNN: (usize, usize) = (10, 8);

fn rnn_multiply_adds(b: usize, t: usize, distinct: usize) -> usize {
    let (features, units) = RNN;
    let projections = 3 * distinct * features * units;
    // Forward every step; back, and in ∂L/∂U, every step but the first.
    let states = b * units * units * (t + 2 * (t - 1));
    let dense = 3 * b * units;
    projections + states + dense
}

fn rnn_bytes(b: usize, t: usize, distinct: usize) -> usize {
    let (features, units) = RNN;
    let product = |m, k, n| m * k + k * n + m * n;
    // x·W + b, ∂L/∂W and ∂L/∂x.
    let projections = product(distinct, features, units)
        + units
        + product(features, distinct, units)
        + product(distinct, units, features);
    let (u, state) = (units * units, b * units);
    // U, the state before and after, and for every sequence the index of its projection, and the distinct projections.
    let forward = t * (u + 2 * state + b + b.min(distinct) * units);
    // h, δ, ∂L/∂h and the carried state; Uᵀ and δ of the step after, unless there is none; and the upstream gradient of the last state from the Dense.
    let back = t * 4 * state + (t - 1) * (u + state) + state;
    // All steps at once: they are within one segment.
    let d_u = product(units, (t - 1) * b, units);
    let dense = product(b, units, 1) + 1 + product(units, b, 1) + product(b, 1, units);
    size_of::<f32>() * (projections + forward + back + d_u + dense)
}

/// Padding that all sequences of a shard share is not computed.
#[test]
fn steps_of_shared_padding_cost_nothing() {
    let _alone = alone();
    let embedding = Embedding { output_dim: 6, mask_zero: true, ..Embedding::default() };
    let gru = GRU { units: 5, ..GRU::default() };
    let dense = Dense { activation: Activation::Sigmoid, ..Default::default() };
    let model = |time| {
        let layers = [embedding.clone().into(), gru.clone().into(), dense.clone().into()];
        Model::build(&layers, Shape::Ids { time, vocabulary: 9 }, Loss::BinaryCrossentropy).unwrap()
    };
    let batch = |padding: usize| {
        let ids = ndarray::Array2::from_shape_fn((4, 7 + padding), |(row, t)| {
            if t < padding { 0 } else { 1 + ((row + t - padding) % 8) as u32 }
        });
        let targets = Targets::Classes(vec![0, 1, 0, 1]);
        let data = Dataset { inputs: Inputs::Tokens(ids), targets };
        let mut batch = Batch::default();
        batch.fill(&data, 0..4);
        batch
    };
    let (bare, padded) = (work(&model(7), &batch(0)), work(&model(47), &batch(40)));
    // The padding's own vector is looked up and projected as one more id, and the first word is multiplied with its initial state.
    let one_more = 3 * 6 * 15 + 4 * 5 * 15;
    assert_eq!(padded.multiply_adds, bare.multiply_adds + one_more);
    // One more row for each of its three products on either side, and one more step of ∂L/∂U on either side.
    let one_more = 3 * (6 + 15) + 4 * (5 + 15);
    assert_eq!(padded.bytes, bare.bytes + 4 * one_more);
    assert_eq!(padded.calls, bare.calls);
}

/// Below a maximum over time the gradient of a convolution is sparse.
#[test]
fn a_maximum_makes_the_gradient_sparse() {
    let _alone = alone();
    let workload = named("conv");
    let batch = &workload.batches(&workload.data())[0];
    let (b, t) = ids_of(batch).dim();
    let distinct = ids_of(batch).iter().collect::<BTreeSet<_>>().len();
    let (features, filters, taps) = (10, 32, 5);
    let forward = distinct * features * filters * taps;
    // One step a filter; a window that appears twice in a text shares its maximum.
    let back = 2 * b * filters * taps * features;
    let most = forward + back + back / 10 + 3 * b * filters;
    let counted = work(&workload.model().unwrap(), batch);
    assert!(counted.multiply_adds <= most as u64, "{} of {most}", counted.multiply_adds);
    assert!(
        most * 10 < 3 * b * (t - 4) * features * filters * taps,
        "less than a tenth of the dense arithmetic"
    );
}
