//! Arguments of layers that Keras has, through the public API: gradients of every activation, regularizer and dropout equal finite
//! differences of the loss, whatever is saved or recomputed; penalties and constraints are those of the whole batch.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, where a failure is the answer")]

use ndarray::{Array2, Array3, s};
use unrolled::kernel::{Elementwise, ThreadPool};
use unrolled::nn::{
    Activation, Bidirectional, Constraint, Conv1D, Dense, Embedding, Flatten, GRU, GlobalAveragePooling1D,
    Gradient, Input, LSTM, LayerNode, LayerSpec, Loss, LossSpec, Merge, Mode, Model, Params, RecurrentSpec,
    Regularizer, Score, Shape, Shard, SimpleRNN, TargetsView,
};
use unrolled::rng::Rng;

const TRAIN: Mode = Mode::Train { seed: 3, step: 5, first_row: 0 };
const VOCABULARY: usize = 7;

/// A network over padded ids behind an Embedding, its weights, and targets.
struct Net {
    model: Model,
    params: Params,
    ids: Array2<u32>,
    targets: Array2<f32>,
}

impl Net {
    fn new(embedding: LayerNode, layers: &[LayerNode], seed: u64) -> Self {
        let (batch, time) = (4, 5);
        let mut rng = Rng::new(seed, "test", 0);
        let ids = Array2::from_shape_fn((batch, time), |(row, t)| {
            if t + row > 5 { 0 } else { 1 + rng.below(VOCABULARY - 1) as u32 }
        });
        let all: Vec<LayerNode> = [&[embedding], layers].concat();
        let model =
            Model::build(&all, Shape::Ids { time, vocabulary: VOCABULARY }, Loss::MeanSquaredError).unwrap();
        let mut params = model.params();
        params.values_mut().iter_mut().for_each(|w| *w = (0.7 * rng.normal()) as f32);
        let Shape::Vector { features } = model.output() else { panic!("a vector") };
        let targets = Array2::from_shape_fn((batch, features), |_| rng.normal() as f32);
        Self { model, params, ids, targets }
    }

    /// The rows `rows` in a shard, run forward.
    fn shard(&self, rows: std::ops::Range<usize>, mode: Mode, budget: usize) -> Shard {
        let mut shard = Shard::new(&self.model, &self.params);
        shard.set_budget(budget);
        let targets = TargetsView::Real(self.targets.slice(s![rows.clone(), ..]));
        shard.load(Input::Ids(self.ids.slice(s![rows, ..])), targets);
        shard.forward(&self.model, &self.params, mode);
        shard
    }

    fn batch(&self) -> usize {
        self.ids.nrows()
    }

    fn whole(&self, score: Score) -> f64 {
        score.mean_loss() + score.activity_penalty() + self.params.regularization_loss()
    }

    fn loss(&self) -> f64 {
        self.whole(self.shard(0..self.batch(), TRAIN, usize::MAX).score(&self.model))
    }

    fn gradient(&self, budget: usize) -> Vec<f32> {
        let mut shard = self.shard(0..self.batch(), TRAIN, budget);
        let score = shard.backward(&self.model, &self.params, self.batch() as f64, None);
        let (loss, again) = (self.whole(score), self.loss());
        assert!((loss - again).abs() < 1e-6 * again.abs().max(1.0), "{loss} and {again}");
        self.sum(&[shard])
    }

    fn sum(&self, shards: &[Shard]) -> Vec<f32> {
        let mut gradient = Gradient::new(&self.model, &self.params);
        gradient.sum(&self.params, shards.iter(), &mut ThreadPool::new(1).unwrap());
        gradient.values().to_vec()
    }

    /// Compares the gradient along several directions of every tensor with the slope of the loss; gates saved for one segment only give
    /// the same gradient.
    fn check(&mut self, name: &str) {
        const STEPS: [f64; 3] = [3e-3, 1e-3, 2e-4];
        let gradient = self.gradient(usize::MAX);
        assert_eq!(self.gradient(0), gradient, "{name}: recomputed");
        let whole = norm(&gradient);
        let mut rng = Rng::new(9, "test", 3);
        for param in self.params.table().to_vec() {
            for _ in 0..2 {
                let direction: Vec<f64> = param.range.clone().map(|_| rng.normal()).collect();
                let length = direction.iter().map(|d| d * d).sum::<f64>().sqrt();
                let before = self.params.values().to_vec();
                let mut at = |step: f64| {
                    let weights = self.params.values_mut()[param.range.clone()].iter_mut();
                    for ((w, from), d) in weights.zip(&before[param.range.clone()]).zip(&direction) {
                        *w = (f64::from(*from) + step * d / length) as f32;
                    }
                    self.loss()
                };
                // A long step may cross a kink; a short one has the rounding of f32.
                let slopes = STEPS.map(|step| (at(step) - at(-step)) / (2.0 * step));
                self.params.values_mut().copy_from_slice(&before);
                let ours = &gradient[param.range.clone()];
                let along: f64 = ours.iter().zip(&direction).map(|(g, d)| f64::from(*g) * d / length).sum();
                let allowed = 3e-3 * norm(ours) + 1e-3 * whole + 5e-4;
                let fits = slopes.iter().any(|slope| (slope - along).abs() < allowed);
                assert!(fits, "{name}, {}: {along} for slopes of {slopes:?}", param.name);
            }
        }
    }
}

fn norm(values: &[f32]) -> f64 {
    values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()
}

fn words() -> Embedding {
    Embedding { output_dim: 3, mask_zero: true, ..Embedding::default() }
}

/// Every activation, with other parameters than the defaults where there are some.
fn activations() -> Vec<Activation> {
    let with = [
        "{name: gelu, approximate: true}",
        "{name: elu, alpha: 0.5}",
        "{name: relu, negative_slope: 0.1, max_value: 1.5}",
        "{name: threshold, threshold: -5, default_value: 0}",
    ];
    let names = Activation::NAMES.iter().filter(|name| **name != "threshold");
    // Steps of finite differences may cross their jumps.
    let names = names.filter(|name| **name != "hard_shrink");
    names.copied().chain(with).map(|text| serde_yaml::from_str(text).unwrap()).collect()
}

#[test]
fn every_activation_of_dense_and_convolution_has_correct_gradients() {
    for activation in activations() {
        let layers = [
            Dense { units: 4, activation, ..Dense::default() }.into(),
            Conv1D { filters: 3, kernel_size: 2, activation, ..Conv1D::default() }.into(),
            Flatten {}.into(),
        ];
        Net::new(words().into(), &layers, 1).check(activation.name());
    }
}

fn cells(activation: Activation, recurrent_activation: Activation) -> [(LayerSpec, RecurrentSpec); 4] {
    let rnn = SimpleRNN { units: 3, activation, ..SimpleRNN::default() };
    let lstm = LSTM { units: 3, activation, recurrent_activation, ..LSTM::default() };
    let gru = GRU { units: 3, activation, recurrent_activation, ..GRU::default() };
    let before = GRU { reset_after: false, ..gru.clone() };
    [
        (rnn.clone().into(), rnn.into()),
        (lstm.clone().into(), lstm.into()),
        (gru.clone().into(), gru.into()),
        (before.clone().into(), before.into()),
    ]
}

#[test]
fn every_activation_of_recurrent_layers_has_correct_gradients() {
    let of_numbers = |f: &Activation| !["softmax", "log_softmax", "sparsemax"].contains(&f.name());
    for f in activations().into_iter().filter(of_numbers) {
        let sigmoid = Activation::Sigmoid;
        for (activation, recurrent_activation) in [(f, sigmoid), (Activation::Tanh, f)] {
            for (cell, _) in cells(activation, recurrent_activation) {
                let name =
                    format!("{} {} {}", cell.layer().class(), activation.name(), recurrent_activation.name());
                let mut net = Net::new(words().into(), &[cell.into()], 4);
                // Small states: an exponential of an exponential soon overflows.
                let scale = if f.name() == "exponential" { 0.2 } else { 0.5 };
                net.params.values_mut().iter_mut().for_each(|w| *w *= scale);
                net.check(&name);
            }
        }
    }
}

#[test]
fn gates_with_masks_of_their_own_have_correct_gradients() {
    let gelu = Activation::Elementwise(Elementwise::Gelu { approximate: false });
    for activation in [Activation::Tanh, gelu] {
        for (cell, within) in cells(activation, Activation::Sigmoid) {
            for (dropout, recurrent_dropout) in [(0.0, 0.4), (0.3, 0.4)] {
                let set = |value: serde_json::Value| {
                    let mut value = value;
                    value["dropout"] = dropout.into();
                    value["recurrent_dropout"] = recurrent_dropout.into();
                    value
                };
                let name = cell.layer().class();
                let mut config = set(serde_json::to_value(&cell).unwrap());
                config.as_object_mut().unwrap().remove("layer");
                let cell = LayerSpec::read(name, config).unwrap().unwrap();
                Net::new(words().into(), &[cell.into()], 2).check(name);
                let within: RecurrentSpec =
                    serde_json::from_value(set(serde_json::to_value(&within).unwrap())).unwrap();
                let both = Bidirectional { of: Box::new(within), merge_mode: Merge::Mul };
                Net::new(words().into(), &[both.into()], 2).check(name);
            }
        }
    }
}

fn penalty(l1: f64, l2: f64) -> Option<Regularizer> {
    Some(Regularizer { l1, l2 })
}

/// Networks with penalties of outputs: of an Embedding, of recurrent layers alone and within a `Bidirectional`, and of the last layer.
fn penalized() -> Vec<(LayerNode, Vec<LayerNode>)> {
    let activity_regularizer = penalty(0.0, 0.3);
    let node = |layer: LayerSpec| LayerNode { activity_regularizer, ..layer.into() };
    let gru =
        |sequences| GRU { units: 3, return_sequences: sequences, activity_regularizer, ..GRU::default() };
    let both = |sequences, merge_mode| Bidirectional { of: Box::new(gru(sequences).into()), merge_mode };
    let sequences = LSTM { units: 3, return_sequences: true, ..LSTM::default() };
    vec![
        (node(words().into()), vec![node(sequences.into()), GlobalAveragePooling1D {}.into()]),
        (words().into(), vec![both(true, Merge::Mul).into(), GlobalAveragePooling1D {}.into()]),
        (
            words().into(),
            vec![both(false, Merge::Ave).into(), node(Dense { units: 2, ..Dense::default() }.into())],
        ),
        (words().into(), vec![gru(false).into()]),
    ]
}

#[test]
fn penalties_of_weights_and_outputs_have_correct_gradients() {
    for (i, (embedding, layers)) in penalized().into_iter().enumerate() {
        Net::new(embedding, &layers, 3).check(&format!("activity {i}"));
    }
    let embedding = Embedding { embeddings_regularizer: penalty(0.05, 0.2), ..words() };
    let conv = Conv1D {
        filters: 3,
        kernel_size: 2,
        kernel_regularizer: penalty(0.0, 0.3),
        bias_regularizer: penalty(0.1, 0.1),
        ..Conv1D::default()
    };
    Net::new(embedding.into(), &[conv.into(), Flatten {}.into()], 3).check("weights");
}

#[test]
fn the_gradient_of_an_output_penalty_does_not_depend_on_the_shards() {
    for (embedding, layers) in penalized() {
        let net = Net::new(embedding, &layers, 3);
        let mut score = Score::default();
        let shards = [0..1, 1..4].map(|rows| {
            let mut shard = net.shard(rows.clone(), TRAIN, usize::MAX);
            shard.set_batch(4);
            score.add(shard.backward(&net.model, &net.params, 4.0, None));
            shard
        });
        assert!((net.whole(score) - net.loss()).abs() < 1e-6);
        for (a, b) in net.sum(&shards).iter().zip(net.gradient(usize::MAX)) {
            assert!((a - b).abs() < 1e-5, "{a} for {b}");
        }
    }
}

/// The last layer's penalty is of what Keras's layer puts out, after the activation that the loss applies here.
#[test]
fn a_penalty_of_probabilities_is_theirs() {
    let dense = Dense { units: 3, activation: Activation::Softmax, ..Dense::default() };
    let dense = LayerNode { activity_regularizer: penalty(0.0, 1.0), ..dense.into() };
    let layers = [words().into(), GlobalAveragePooling1D {}.into(), dense];
    let shape = Shape::Ids { time: 2, vocabulary: VOCABULARY };
    let model = Model::build(&layers, shape, Loss::SparseCategoricalCrossentropy).unwrap();
    let mut params = model.params();
    params.initialize(1);
    let mut shard = Shard::new(&model, &params);
    let ids = Array2::from_elem((2, 2), 1);
    shard.load(Input::Ids(ids.view()), TargetsView::Classes(&[0, 2]));
    shard.forward(&model, &params, TRAIN);
    let squares: f64 = shard.output(&model).iter().map(|p| f64::from(*p).powi(2)).sum();
    assert!((shard.score(&model).activity_penalty() - squares / 2.0).abs() < 1e-6);
}

#[test]
fn masked_outputs_are_zero_where_a_layer_asks_for_it() {
    let gru = GRU { units: 3, return_sequences: true, zero_output_for_mask: true, ..GRU::default() };
    let mut net = Net::new(words().into(), &[gru.clone().into(), Flatten {}.into()], 5);
    let out = net.shard(0..4, Mode::Evaluate, usize::MAX).output(&net.model);
    let out: Array3<f32> = out.into_shape_with_order((4, 5, 3)).unwrap();
    for ((row, t), id) in net.ids.indexed_iter() {
        assert_eq!(out.slice(s![row, t, ..]).iter().all(|h| *h == 0.0), *id == 0);
    }
    net.check("sequences");
    let last = GRU { return_sequences: false, ..gru };
    let mut net = Net::new(words().into(), &[last.into()], 5);
    let out = net.shard(0..4, Mode::Evaluate, usize::MAX).output(&net.model);
    // As in Keras: the last step of a padded sequence is masked, so its output is 0.
    assert!((0..4).all(|row| (net.ids[[row, 4]] == 0) == (out[[row, 0, 0]] == 0.0)));
    net.check("last");
}

#[test]
fn constraints_hold_after_a_step_for_tensors_that_learn() {
    let constraint: Constraint = serde_yaml::from_str("{name: unit_norm, axis: 1}").unwrap();
    let embedding = Embedding { embeddings_constraint: Some(constraint), ..words() };
    let dense = Dense {
        units: 2,
        kernel_constraint: Some(serde_yaml::from_str("non_neg").unwrap()),
        ..Dense::default()
    };
    let frozen = LayerNode { trainable: false, ..dense.clone().into() };
    let layers = [GlobalAveragePooling1D {}.into(), dense.into(), frozen];
    let mut net = Net::new(embedding.into(), &layers, 1);
    let before = net.params.clone();
    net.params.constrain(&mut Vec::new());
    for row in net.params.of(0).get(0).chunks_exact(3) {
        assert!((norm(row) - 1.0).abs() < 1e-5);
    }
    assert!(net.params.of(2)[0].iter().all(|w| *w >= 0.0) && before.of(2)[0].iter().any(|w| *w < 0.0));
    assert_eq!(&net.params.of(2)[1], &before.of(2)[1], "a bias without a constraint");
    assert_eq!(&net.params.of(3)[0], &before.of(3)[0], "a frozen kernel");
}

#[test]
fn a_loss_of_logits_is_that_of_probabilities_and_needs_no_activation() {
    let layers = |activation| -> [LayerNode; 3] {
        let dense = Dense { units: 3, activation, ..Dense::default() };
        [words().into(), GlobalAveragePooling1D {}.into(), dense.into()]
    };
    let shape = Shape::Ids { time: 2, vocabulary: VOCABULARY };
    let logits = LossSpec { from_logits: true, ..Loss::SparseCategoricalCrossentropy.into() };
    let score = |activation, loss: LossSpec| {
        let model = Model::build(&layers(activation), shape, loss).map_err(|e| e.to_string())?;
        let mut params = model.params();
        params.initialize(1);
        let mut shard = Shard::new(&model, &params);
        shard.load(Input::Ids(Array2::from_elem((2, 2), 1).view()), TargetsView::Classes(&[0, 2]));
        shard.forward(&model, &params, TRAIN);
        Ok::<_, String>((shard.score(&model).loss, shard.output(&model)))
    };
    let plain = score(Activation::Softmax, Loss::SparseCategoricalCrossentropy.into()).unwrap();
    assert_eq!(score(Activation::Linear, logits), Ok(plain));
    let error = score(Activation::Softmax, logits).unwrap_err();
    assert!(error.contains("from_logits"), "{error}");
    assert!(score(Activation::Linear, Loss::SparseCategoricalCrossentropy.into()).is_err());
}
