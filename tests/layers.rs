//! Layers and random stacks of them, through the public API: gradients equal finite differences of the loss for any shape;
//! dropout, masks and ties agree with a second, plain implementation; and errors name the field.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, where a failure is the answer")]

#[path = "layers/batch_normalization.rs"]
mod batch_normalization;
#[path = "layers/graph.rs"]
mod graph;

use ndarray::{Array1, Array2, Array3, Axis, s};
use proptest::prelude::*;
use unrolled::kernel::ThreadPool;
use unrolled::metrics::Confusion;
use unrolled::nn::{
    Activation, ActivationLayer, Add, AdditiveAttention, Attention, Average, AveragePooling1D,
    BatchNormalization, Bidirectional, BuildError, Concatenate, Conv1D, Dense, Dropout, Embedding, Ends,
    Flatten, GRU, GaussianNoise, GlobalAveragePooling1D, GlobalMaxPooling1D, Gradient, Initializer, Input,
    InputRef, LSTM, LayerNode, LayerNormalization, LayerSpec, Loss, Masking, MaxPooling1D, Maximum, Merge,
    Mode, Model, MultiHeadAttention, Multiply, Padding, Params, Permute, RecurrentSpec, Regularizer,
    RepeatVector, Reshape, ScoreMode, Shape, Shard, SimpleRNN, SpatialDropout1D, TargetsView,
    TimeDistributed, UpSampling1D, ZeroPadding1D,
};
use unrolled::rng::Rng;

const TRAIN: Mode = Mode::Train { seed: 3, step: 5, first_row: 0 };

/// The input of a network.
#[derive(Clone)]
enum Data {
    Ids(Array2<u32>),
    /// `[batch, channel, time]`, two channels.
    Channels(Array3<u32>),
    Real(Array3<f32>),
}

impl Data {
    fn batch(&self) -> usize {
        match self {
            Self::Ids(ids) => ids.nrows(),
            Self::Channels(ids) => ids.len_of(Axis(0)),
            Self::Real(x) => x.len_of(Axis(0)),
        }
    }

    fn channels(&self) -> Vec<(String, Shape)> {
        let ids = |time| Shape::Ids { time, vocabulary: VOCABULARY };
        match self {
            Self::Ids(all) => vec![(String::new(), ids(all.ncols()))],
            Self::Channels(all) => {
                ["word", "ending"].map(|name| (name.to_owned(), ids(all.len_of(Axis(2))))).to_vec()
            }
            Self::Real(x) => {
                let shape = Shape::Sequence { time: x.len_of(Axis(1)), features: x.len_of(Axis(2)) };
                vec![(String::new(), shape)]
            }
        }
    }
}

const VOCABULARY: usize = 9;

/// Numbers that differ from each other, so that a small change affects no maximum.
fn apart(batch: usize, time: usize, features: usize, seed: u64) -> Data {
    let count = batch * time * features;
    let mut values: Vec<f32> =
        (0..count).map(|i| (i as f32 - count as f32 / 2.0) * 2.2 / count as f32).collect();
    Rng::new(seed, "test", 0).shuffle(&mut values);
    Data::Real(Array3::from_shape_vec((batch, time, features), values).unwrap())
}

/// Ids, the first sequences padded after or before their words, the last not at all.
fn padded(batch: usize, time: usize, seed: u64, before: bool) -> Data {
    let mut rng = Rng::new(seed, "test", 1);
    let mut ids = Array2::from_shape_fn((batch, time), |_| 1 + rng.below(VOCABULARY - 1) as u32);
    for mut row in ids.rows_mut().into_iter().take(batch - 1) {
        let words = 1 + rng.below(time - 1);
        if before { row.slice_mut(s![..time - words]).fill(0) } else { row.slice_mut(s![words..]).fill(0) }
    }
    Data::Ids(ids)
}

/// A network with a vector as output, its weights, and targets.
struct Net {
    model: Model,
    params: Params,
    data: Data,
    targets: Array2<f32>,
}

impl Net {
    /// `layers` between the input layer (a `Dense` with the identity, an Embedding with a mask, or one for each channel) and
    /// a `Flatten`.
    fn new(data: Data, layers: Vec<LayerNode>, seed: u64) -> Result<Self, BuildError> {
        let embedding = Embedding { output_dim: 4, mask_zero: true, ..Embedding::default() };
        let mut all: Vec<LayerNode> = match &data {
            Data::Ids(_) => vec![embedding.into()],
            Data::Channels(_) => {
                let ending = Embedding { output_dim: 3, ..embedding.clone() };
                let inputs = |inputs: &[InputRef]| inputs.to_vec();
                vec![
                    LayerNode { inputs: inputs(&["word".into()]), ..embedding.into() },
                    LayerNode { inputs: inputs(&["ending".into()]), ..ending.into() },
                    LayerNode { inputs: inputs(&[0.into(), 1.into()]), ..Concatenate {}.into() },
                ]
            }
            Data::Real(x) => vec![Dense { units: x.len_of(Axis(2)), ..Dense::default() }.into()],
        };
        all.extend(layers);
        all.push(Flatten {}.into());
        let model = Model::of_channels(&all, &data.channels(), Loss::MeanSquaredError)?;
        let mut params = model.params();
        let mut rng = Rng::new(seed, "test", 2);
        params.values_mut().iter_mut().for_each(|w| *w = (0.6 * rng.normal()) as f32);
        // No variance is below 0.
        for param in params.table().to_vec().into_iter().filter(|param| !param.trainable) {
            params.values_mut()[param.range].iter_mut().for_each(|w| *w = w.abs());
        }
        if let Data::Real(x) = &data {
            let features = x.len_of(Axis(2));
            for (i, w) in params.values_mut()[..features * (features + 1)].iter_mut().enumerate() {
                *w = f32::from(u8::from(i % (features + 1) == 0 && i < features * features));
            }
        }
        let Shape::Vector { features } = model.output() else { panic!("a Flatten gives vectors") };
        let targets = Array2::from_shape_fn((data.batch(), features), |_| rng.normal() as f32);
        Ok(Self { model, params, data, targets })
    }

    /// The rows `rows` in a shard, run forward.
    fn shard(&self, rows: std::ops::Range<usize>, mode: Mode) -> Shard {
        let mut shard = Shard::new(&self.model, &self.params);
        let targets = self.targets.slice(s![rows.clone(), ..]);
        match &self.data {
            Data::Ids(ids) => shard.load(Input::Ids(ids.slice(s![rows, ..])), TargetsView::Real(targets)),
            Data::Channels(ids) => {
                shard.load(Input::Channels(ids.slice(s![rows, .., ..])), TargetsView::Real(targets));
            }
            Data::Real(x) => shard.load(Input::Real(x.slice(s![rows, .., ..])), TargetsView::Real(targets)),
        }
        shard.forward(&self.model, &self.params, mode);
        shard
    }

    fn output(&self, mode: Mode) -> Array3<f32> {
        self.shard(0..self.data.batch(), mode).output(&self.model)
    }

    /// The mean squared error, in f64 from the outputs on.
    fn loss(&self, mode: Mode) -> f64 {
        let output = self.output(mode);
        let squares = output.iter().zip(&self.targets).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
        squares.sum::<f64>() / self.targets.len() as f64
    }

    fn gradient(&self, mode: Mode) -> Vec<f32> {
        let mut shard = self.shard(0..self.data.batch(), mode);
        let weight = shard.weight(&self.model);
        let score = shard.backward(&self.model, &self.params, weight, None);
        let loss = self.loss(mode);
        assert!((score.mean_loss() - loss).abs() < 1e-5 * loss.max(1.0), "{} for {loss}", score.mean_loss());
        gradient(&self.model, &self.params, &shard)
    }

    /// Compares the gradient along several directions of every tensor with the slope of the loss, over a step and, where a maximum or a
    /// `relu` changes sides within it, over a quarter of it.
    fn check_gradients(&mut self, mode: Mode) {
        const STEP: f64 = 2e-3;
        let gradient = self.gradient(mode);
        let whole = norm(&gradient);
        let mut rng = Rng::new(9, "test", 3);
        for param in self.params.table().to_vec().into_iter().filter(|param| param.trainable) {
            for _ in 0..2 {
                let mut direction: Vec<f64> = param.range.clone().map(|_| rng.normal()).collect();
                let length = direction.iter().map(|d| d * d).sum::<f64>().sqrt();
                direction.iter_mut().for_each(|d| *d /= length);
                let before = self.params.values().to_vec();
                let mut at = |step: f64| {
                    let weights = self.params.values_mut()[param.range.clone()].iter_mut();
                    for ((w, from), d) in weights.zip(&before[param.range.clone()]).zip(&direction) {
                        *w = (f64::from(*from) + step * d) as f32;
                    }
                    self.loss(mode)
                };
                let slopes = [STEP, STEP / 4.0].map(|step| (at(step) - at(-step)) / (2.0 * step));
                self.params.values_mut().copy_from_slice(&before);
                let ours = &gradient[param.range.clone()];
                let along: f64 = ours.iter().zip(&direction).map(|(g, d)| f64::from(*g) * d).sum();
                let allowed = 2e-3 * norm(ours) + 2e-4 * whole + 1e-4;
                let is_slope = slopes.iter().any(|slope| (slope - along).abs() < allowed);
                assert!(is_slope, "{}: {along} for slopes of {slopes:?}", param.name);
            }
        }
    }
}

fn norm(values: &[f32]) -> f64 {
    values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()
}

fn slopes(data: Data, layer: impl Into<LayerSpec>, mode: Mode) {
    let layer: LayerSpec = layer.into();
    Net::new(data, vec![layer.into()], 1).unwrap().check_gradients(mode);
}

/// Checks the gradients of a layer that `fits` its input, and that any other is an error.
fn check_gradients_if(fits: bool, data: Data, layer: LayerSpec, seed: u64) -> Result<(), TestCaseError> {
    let net = Net::new(data, vec![layer.into()], seed);
    prop_assert_eq!(net.is_ok(), fits);
    if let Ok(mut net) = net {
        net.check_gradients(TRAIN);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolutions_of_any_shape_have_correct_gradients(
        (batch, time, features, filters) in (1usize..4, 1usize..10, 1usize..5, 1usize..5),
        (kernel_size, strides, dilation_rate, padding) in (1usize..5, 1usize..4, 1usize..4, 0usize..3),
        use_bias: bool, seed in 0u64..1000,
    ) {
        let padding = [Padding::Valid, Padding::Same, Padding::Causal][padding];
        let dilation_rate = if strides > 1 { 1 } else { dilation_rate };
        let activation = unrolled::nn::Activation::Tanh;
        let layer = Conv1D {
            filters, kernel_size, strides, padding, dilation_rate, use_bias, activation, ..Conv1D::default()
        };
        let fits = padding != Padding::Valid || (kernel_size - 1) * dilation_rate < time;
        check_gradients_if(fits, apart(batch, time, features, seed), layer.into(), seed)?;
    }

    #[test]
    fn pools_of_any_shape_have_correct_gradients(
        (batch, time, features) in (1usize..4, 1usize..10, 1usize..5),
        (pool_size, strides, same) in (1usize..5, proptest::option::of(1usize..5), any::<bool>()),
        seed in 0u64..1000,
    ) {
        let padding = if same { Padding::Same } else { Padding::Valid };
        let pools: [LayerSpec; 2] =
            [MaxPooling1D { pool_size, strides, padding }.into(), AveragePooling1D { pool_size, strides, padding }.into()];
        for pool in pools {
            let fits = padding == Padding::Same || pool_size <= time;
            check_gradients_if(fits, apart(batch, time, features, seed), pool, seed)?;
        }
    }

    #[test]
    fn attention_over_masked_sequences_has_correct_gradients(
        (batch, time) in (1usize..4, 2usize..8), (num_heads, key_dim, value_dim) in (1usize..4, 1usize..4, 1usize..4),
        (use_scale, use_bias, before, concat) in any::<(bool, bool, bool, bool)>(),
        dropout in prop_oneof![Just(0.0), Just(0.4)], seed in 0u64..1000,
    ) {
        let score_mode = if concat { ScoreMode::Concat } else { ScoreMode::Dot };
        let layers: [LayerSpec; 3] = [
            Attention { use_scale, score_mode, dropout }.into(),
            AdditiveAttention { use_scale, dropout }.into(),
            MultiHeadAttention {
                num_heads, key_dim, value_dim: Some(value_dim), use_bias, dropout, ..MultiHeadAttention::default()
            }.into(),
        ];
        for layer in layers {
            Net::new(padded(batch, time, seed, before), vec![layer.into()], seed).unwrap().check_gradients(TRAIN);
        }
    }
}

#[test]
fn the_other_layers_have_correct_gradients() {
    slopes(apart(3, 6, 4, 1), GlobalMaxPooling1D {}, TRAIN);
    slopes(apart(3, 6, 4, 1), LayerNormalization::default(), TRAIN);
    slopes(apart(3, 6, 4, 1), LayerNormalization { scale: false, ..LayerNormalization::default() }, TRAIN);
    slopes(apart(3, 6, 4, 1), LayerNormalization { center: false, ..LayerNormalization::default() }, TRAIN);
    // In training the loss is a function of the weights too: the same numbers are dropped each time.
    slopes(apart(3, 6, 4, 1), Dropout { rate: 0.5 }, TRAIN);
    slopes(apart(3, 6, 4, 1), SpatialDropout1D { rate: 0.5 }, TRAIN);
    let repeat = vec![GlobalMaxPooling1D {}.into(), RepeatVector { n: 3 }.into()];
    Net::new(apart(3, 6, 4, 1), repeat, 1).unwrap().check_gradients(TRAIN);
}

/// Words padded at the end, and another channel of them.
fn in_channels(batch: usize, time: usize, seed: u64) -> Data {
    let Data::Ids(words) = padded(batch, time, seed, false) else { panic!("ids") };
    let endings = words.mapv(|id| if id == 0 { 0 } else { id * 5 % 8 + 1 });
    Data::Channels(ndarray::stack![Axis(1), words, endings])
}

#[test]
fn embeddings_of_several_channels_have_correct_gradients_and_share_a_mask() {
    let lstm = LSTM { units: 3, return_sequences: true, ..LSTM::default() };
    let both = Bidirectional { of: Box::new(lstm.into()), merge_mode: Merge::Concat };
    slopes(in_channels(3, 6, 4), both.clone(), TRAIN);
    let mut net = Net::new(in_channels(3, 6, 4), vec![both.into()], 1).unwrap();
    assert!(net.model.is_masked(3));
    for channel in [0, 1] {
        let before = net.output(Mode::Evaluate);
        let Data::Channels(ids) = &mut net.data else { panic!("channels") };
        ids.index_axis_mut(Axis(1), channel).mapv_inplace(|id| if id == 0 { 0 } else { id % 8 + 1 });
        assert_ne!(net.output(Mode::Evaluate), before, "channel {channel} is read");
    }
}

#[test]
fn the_error_of_a_missing_or_unknown_channel_lists_the_channels() {
    let channels = in_channels(1, 4, 1).channels();
    let build = |named: [&[InputRef]; 2], channels: &[(String, Shape)]| {
        let layers = named.map(|inputs| LayerNode {
            inputs: inputs.to_vec(),
            ..Embedding { output_dim: 2, ..Embedding::default() }.into()
        });
        let both = LayerNode { inputs: vec![0.into(), 1.into()], ..Concatenate {}.into() };
        let layers = [layers.to_vec(), vec![both, Flatten {}.into()]].concat();
        Model::of_channels(&layers, channels, Loss::MeanSquaredError).map(drop).map_err(|e| e.to_string())
    };
    let (word, ending): (InputRef, InputRef) = ("word".into(), "ending".into());
    let (word, ending) = (std::slice::from_ref(&word), std::slice::from_ref(&ending));
    assert_eq!(build([word, ending], &channels), Ok(()));
    for (named, message) in [
        (
            [&[][..], ending],
            "layer 0: the data have 2 channels, and the layer names none; add `inputs: [word]`; there are word, ending",
        ),
        (
            [word, &["endnig".into()][..]],
            "layer 1: `inputs` names `endnig`, but the data have no such channel; there are word, ending",
        ),
        ([word, word], "layer 4: no layer reads the channel `ending`"),
        ([word, &[3.into()][..]], "layer 1: `inputs` names layer 3"),
    ] {
        let error = build(named, &channels).unwrap_err();
        assert!(error.starts_with(message), "{error}");
    }
    let alone = &[(String::new(), channels[0].1)];
    let error = build([word, ending], alone).unwrap_err();
    assert!(error.contains("no such channel; layers are named by their numbers"), "{error}");
}

/// A decoder attends to an encoder: the query has another length, and no mask.
#[test]
fn a_query_of_its_own_attends_to_masked_values() {
    let layers: [LayerSpec; 3] = [
        Attention { use_scale: true, ..Attention::default() }.into(),
        AdditiveAttention::default().into(),
        MultiHeadAttention { num_heads: 2, key_dim: 3, ..MultiHeadAttention::default() }.into(),
    ];
    for spec in layers {
        let attention = LayerNode { inputs: vec![2.into(), 0.into()], ..spec.into() };
        let stack = vec![GlobalMaxPooling1D {}.into(), RepeatVector { n: 3 }.into(), attention];
        let mut net = Net::new(padded(3, 6, 4, false), stack, 2).unwrap();
        net.check_gradients(TRAIN);
        let Data::Ids(ids) = &net.data else { panic!("ids") };
        let shard = net.shard(0..3, Mode::Evaluate);
        for (layer, _, weights) in shard.attention(&net.model) {
            assert_eq!((layer, weights.dim()), (3, (3, 3, 6)));
            for ((row, _, key), weight) in weights.indexed_iter() {
                assert_eq!(
                    *weight == 0.0,
                    ids[[row, key]] == 0,
                    "weight {weight} for id {}",
                    ids[[row, key]]
                );
            }
        }
    }
}

#[test]
fn dropout_drops_its_share_and_preserves_the_expectation() {
    let ones = || Data::Real(Array3::ones((16, 50, 8)));
    let layers: [LayerSpec; 2] = [Dropout { rate: 0.3 }.into(), SpatialDropout1D { rate: 0.3 }.into()];
    for (layer, draws) in layers.into_iter().zip([16 * 50 * 8, 16 * 8]) {
        let net = Net::new(ones(), vec![layer.into()], 1).unwrap();
        let out = net.output(TRAIN);
        let dropped = out.iter().filter(|x| **x == 0.0).count() as f64 / out.len() as f64;
        // Four standard deviations of the share.
        let spread = 4.0 * (0.3 * 0.7 / f64::from(draws)).sqrt();
        assert!((dropped - 0.3).abs() < spread, "{dropped}");
        assert!(out.iter().all(|x| *x == 0.0 || (*x - 1.0 / 0.7).abs() < 1e-6));
        assert!(net.output(Mode::Evaluate).iter().all(|x| *x == 1.0));
        assert_eq!(out, net.output(TRAIN));
        assert_ne!(out, net.output(Mode::Train { seed: 3, step: 6, first_row: 0 }));
    }
}

#[test]
fn spatial_dropout_drops_whole_features() {
    let net = Net::new(Data::Real(Array3::ones((8, 5, 6))), vec![SpatialDropout1D { rate: 0.5 }.into()], 1)
        .unwrap();
    let out = net.output(TRAIN).into_shape_with_order((8, 5, 6)).unwrap();
    for sequence in out.outer_iter() {
        assert!(sequence.outer_iter().all(|step| step == sequence.row(0)));
    }
    assert!(out.iter().any(|x| *x == 0.0) && out.iter().any(|x| *x == 2.0));
}

#[test]
fn dropout_does_not_depend_on_the_shards_of_a_batch() {
    let (dropout, recurrent_dropout) = (0.4, 0.3);
    let lstm: RecurrentSpec = LSTM { units: 3, dropout, recurrent_dropout, ..LSTM::default() }.into();
    let layers: [LayerSpec; 8] = [
        SimpleRNN { units: 3, recurrent_dropout, ..SimpleRNN::default() }.into(),
        GRU { units: 3, dropout, recurrent_dropout, ..GRU::default() }.into(),
        Bidirectional { of: Box::new(lstm), merge_mode: Merge::Concat }.into(),
        Dropout { rate: 0.4 }.into(),
        SpatialDropout1D { rate: 0.4 }.into(),
        Attention { dropout: 0.4, ..Attention::default() }.into(),
        AdditiveAttention { dropout: 0.4, ..AdditiveAttention::default() }.into(),
        MultiHeadAttention { num_heads: 2, key_dim: 3, dropout: 0.4, ..MultiHeadAttention::default() }.into(),
    ];
    for layer in layers {
        let name = layer.layer().class();
        let net = Net::new(padded(7, 5, 1, true), vec![layer.into()], 1).unwrap();
        let whole = net.output(TRAIN);
        for cut in [1, 4] {
            for (rows, first_row) in [(0..cut, 0), (cut..7, cut)] {
                let part =
                    net.shard(rows.clone(), Mode::Train { seed: 3, step: 5, first_row }).output(&net.model);
                assert_eq!(part, whole.slice(s![rows, .., ..]), "{name} cut at {cut}");
            }
        }
        assert_ne!(whole, net.output(Mode::Evaluate), "{name} drops nothing");
    }
}

#[test]
fn the_greatest_steps_share_the_gradient_of_a_global_maximum() {
    // One sequence, one feature; the Dense before is the identity, so that ∂L/∂bias = Σ and ∂L/∂kernel = Σ x·∂L/∂x.
    let x = Array3::from_shape_vec((1, 4, 2), vec![3.0, 0.0, 1.0, 0.0, 3.0, 0.0, 3.0, -1.0]).unwrap();
    let marks = Array3::from_shape_vec((1, 4, 1), vec![1.0, 10.0, 100.0, 1000.0]).unwrap();
    // A third feature marks the steps: its weight is 0, and the gradient of the weight shows which steps get a gradient.
    let x = ndarray::concatenate![Axis(2), x, marks];
    let mut net = Net::new(Data::Real(x), vec![GlobalMaxPooling1D {}.into()], 1).unwrap();
    net.targets = Array2::from_shape_vec((1, 3), vec![2.0, -3.0, 1000.0]).unwrap();
    let gradient = net.gradient(TRAIN);
    // ∂L/∂max = 2·(max − target)/3: 2/3 for the first feature, 2 for the second.
    let kernel = Array2::from_shape_vec((3, 3), gradient[..9].to_vec()).unwrap();
    let by_marks = [2.0 / 3.0 * (1.0 + 100.0 + 1000.0) / 3.0, 2.0 * (1.0 + 10.0 + 100.0) / 3.0];
    for (feature, expected) in by_marks.into_iter().enumerate() {
        let found = kernel[[2, feature]];
        assert!((found - expected).abs() < 1e-3, "{found} for {expected}");
    }
}

#[test]
fn the_first_of_equal_steps_gets_the_gradient_of_a_pool() {
    let x =
        Array3::from_shape_vec((1, 5, 2), vec![1.0, 1.0, 3.0, 10.0, 3.0, 100.0, 3.0, 1e3, 0.0, 1e4]).unwrap();
    let pool = MaxPooling1D { pool_size: 2, strides: Some(1), padding: Padding::Valid };
    let mut net = Net::new(Data::Real(x), vec![pool.into()], 1).unwrap();
    // All maxima are 3 and the targets 2 below that many eighths: ∂L/∂max = 2·4/8 = 1 at each of the four.
    net.targets =
        Array2::from_shape_vec((1, 8), vec![-1.0, 10.0, -1.0, 100.0, -1.0, 1e3, -1.0, 1e4]).unwrap();
    let gradient = net.gradient(TRAIN);
    // TensorFlow gives the steps 0, 2, 1, 1, 0 parts; the marks of the second feature weigh them.
    assert_eq!(gradient[2], 2.0 * 10.0 + 100.0 + 1000.0);
}

/// Multi-head attention as its paper writes it, in f64, sequence by sequence and head by head.
fn plain_multi_head(
    x: &Array2<f64>,
    valid: &[bool],
    weights: &dyn Fn(&str) -> Vec<f64>,
    (heads, key_dim, value_dim): (usize, usize, usize),
) -> (Array2<f64>, Vec<Array2<f64>>) {
    let (time, features) = x.dim();
    let project = |name: &str, dim: usize, head: usize| {
        let kernel =
            Array3::from_shape_vec((features, heads, dim), weights(&format!("{name}.kernel"))).unwrap();
        let bias = Array2::from_shape_vec((heads, dim), weights(&format!("{name}.bias"))).unwrap();
        x.dot(&kernel.slice(s![.., head, ..])) + bias.row(head)
    };
    let kernel = weights("attention_output.kernel");
    let kernel = Array3::from_shape_vec((heads, value_dim, features), kernel).unwrap();
    let mut out = Array2::zeros((time, features)) + Array1::from(weights("attention_output.bias"));
    let mut all = Vec::new();
    for head in 0..heads {
        let (q, k) = (project("query", key_dim, head), project("key", key_dim, head));
        let scores = q.dot(&k.t()) / (key_dim as f64).sqrt();
        let mut p = Array2::zeros((time, time));
        for (i, j) in ndarray::indices((time, time)) {
            // A padding query attends to all steps equally.
            p[[i, j]] = match (valid[i], valid[j]) {
                (true, true) => scores[[i, j]].exp(),
                (true, false) => 0.0,
                (false, _) => 1.0,
            };
        }
        p.outer_iter_mut().for_each(|mut row| row /= row.sum());
        out = out + p.dot(&project("value", value_dim, head)).dot(&kernel.index_axis(Axis(0), head));
        all.push(p);
    }
    (out, all)
}

#[test]
fn several_heads_with_a_mask_agree_with_the_formula() {
    let (heads, key_dim, value_dim, time) = (3, 2, 4, 6);
    let layer = MultiHeadAttention {
        num_heads: heads,
        key_dim,
        value_dim: Some(value_dim),
        ..MultiHeadAttention::default()
    };
    let net = Net::new(padded(4, time, 7, true), vec![layer.into()], 5).unwrap();
    let values = |name: &str| {
        let param = net.params.table().iter().find(|p| p.name == name).unwrap();
        net.params.values()[param.range.clone()].iter().map(|w| f64::from(*w)).collect::<Vec<_>>()
    };
    let table = Array2::from_shape_vec((VOCABULARY, 4), values("0.embeddings")).unwrap();
    let Data::Ids(ids) = &net.data else { panic!("ids") };
    let shard = net.shard(0..4, Mode::Evaluate);
    let (out, attention) = (shard.output(&net.model), shard.attention(&net.model));
    assert_eq!(
        attention.iter().map(|(layer, head, _)| (*layer, *head)).collect::<Vec<_>>(),
        [(1, 0), (1, 1), (1, 2)]
    );
    for (row, ids) in ids.outer_iter().enumerate() {
        let x = table.select(Axis(0), &ids.iter().map(|id| *id as usize).collect::<Vec<_>>());
        let valid: Vec<bool> = ids.iter().map(|id| *id != 0).collect();
        let of_layer = |name: &str| values(&format!("1.{name}"));
        let (expected, weights) = plain_multi_head(&x, &valid, &of_layer, (heads, key_dim, value_dim));
        let near = |a: f32, b: f64| assert!((f64::from(a) - b).abs() < 2e-6, "row {row}: {a} for {b}");
        out.slice(s![row, 0, ..]).iter().zip(&expected).for_each(|(a, b)| near(*a, *b));
        for ((_, _, ours), expected) in attention.iter().zip(&weights) {
            ours.slice(s![row, .., ..]).iter().zip(expected).for_each(|(a, b)| near(*a, *b));
        }
    }
}

#[test]
fn the_output_at_masked_queries_is_zero_and_padding_changes_nothing() {
    for layer in [LayerSpec::from(Attention::default()), AdditiveAttention::default().into()] {
        let run = |ids: &[u32]| {
            let ids = Array2::from_shape_vec((1, ids.len()), ids.to_vec()).unwrap();
            let net = Net::new(Data::Ids(ids), vec![layer.clone().into()], 5).unwrap();
            net.output(Mode::Evaluate).into_raw_vec_and_offset().0
        };
        let (short, long) = (run(&[3, 1, 4]), run(&[3, 1, 4, 0, 0]));
        assert!(short.iter().zip(&long).all(|(a, b)| (a - b).abs() < 1e-6), "{short:?} {long:?}");
        assert!(long[12..].iter().all(|x| *x == 0.0));
        // All padding: zeros, no NaN.
        assert!(run(&[0, 0]).iter().all(|x| *x == 0.0));
    }
}

#[test]
fn nan_propagates_through_maximum_and_softmax() {
    let layers: [LayerSpec; 5] = [
        GlobalMaxPooling1D {}.into(),
        MaxPooling1D::default().into(),
        LayerNormalization::default().into(),
        Attention::default().into(),
        MultiHeadAttention { num_heads: 2, key_dim: 2, ..MultiHeadAttention::default() }.into(),
    ];
    for place in 0..4 {
        for layer in &layers {
            let mut x = Array3::ones((1, 4, 2));
            x[[0, place, 0]] = f32::NAN;
            let net = Net::new(Data::Real(x), vec![layer.clone().into()], 1).unwrap();
            let out = net.output(Mode::Evaluate);
            assert!(out.iter().any(|x| x.is_nan()), "{} at {place}", layer.layer().class());
        }
    }
}

#[test]
fn errors_of_invalid_layers_name_the_field_and_the_valid_values() {
    let conv = |kernel_size| Conv1D { filters: 2, kernel_size, ..Conv1D::default() };
    let heads = |num_heads| MultiHeadAttention { num_heads, key_dim: 3, ..MultiHeadAttention::default() };
    let (identity, penalty) = (Initializer::Identity { gain: 1.0 }, Regularizer { l1: 0.0, l2: -1.0 });
    let costly = SimpleRNN { recurrent_regularizer: Some(penalty), ..SimpleRNN::default() };
    let cases: [(LayerSpec, &str, &str); 23] = [
        (conv(7).into(), "kernel_size", "at most 6"),
        (Conv1D { dilation_rate: 3, ..conv(3) }.into(), "kernel_size", "at most 2"),
        (conv(0).into(), "kernel_size", "at least 1"),
        (Conv1D { filters: 0, ..conv(3) }.into(), "filters", "at least 1"),
        (Conv1D { strides: 0, ..conv(3) }.into(), "strides", "at least 1"),
        (Conv1D { dilation_rate: 0, ..conv(3) }.into(), "dilation_rate", "at least 1"),
        (Conv1D { strides: 2, dilation_rate: 2, ..conv(2) }.into(), "strides", "only one of them"),
        (MaxPooling1D { pool_size: 9, ..MaxPooling1D::default() }.into(), "pool_size", "at most 6"),
        (AveragePooling1D { pool_size: 0, ..AveragePooling1D::default() }.into(), "pool_size", "at least 1"),
        (
            AveragePooling1D { strides: Some(0), ..AveragePooling1D::default() }.into(),
            "strides",
            "at least 1",
        ),
        (
            MaxPooling1D { padding: Padding::Causal, ..MaxPooling1D::default() }.into(),
            "padding",
            "valid or same",
        ),
        (
            Conv1D { kernel_initializer: identity, ..conv(3) }.into(),
            "kernel_initializer",
            "glorot_uniform fits",
        ),
        (Conv1D { kernel_regularizer: Some(penalty), ..conv(3) }.into(), "kernel_regularizer", "0 or more"),
        (
            GRU { recurrent_initializer: Initializer::Constant { value: f64::NAN }, ..GRU::default() }.into(),
            "recurrent_initializer",
            "must be finite",
        ),
        (LSTM { bias_initializer: identity, ..LSTM::default() }.into(), "bias_initializer", "glorot_uniform"),
        (
            Bidirectional { of: Box::new(costly.into()), merge_mode: Merge::Sum }.into(),
            "recurrent_regularizer",
            "0 or more",
        ),
        (Dropout { rate: 1.0 }.into(), "rate", "below 1"),
        (SpatialDropout1D { rate: f64::NAN }.into(), "rate", "below 1"),
        (Attention { dropout: -0.1, ..Attention::default() }.into(), "dropout", "at least 0"),
        (heads(0).into(), "num_heads", "at least 1"),
        (MultiHeadAttention { value_dim: Some(0), ..heads(2) }.into(), "value_dim", "at least 1"),
        (LayerNormalization { epsilon: 0.0, ..LayerNormalization::default() }.into(), "epsilon", "above 0"),
        (LayerNormalization { epsilon: 1e-50, ..LayerNormalization::default() }.into(), "epsilon", "above 0"),
    ];
    for (layer, field, help) in cases {
        let class = layer.layer().class();
        let error = Net::new(apart(2, 6, 3, 1), vec![layer.into()], 1)
            .err()
            .unwrap_or_else(|| panic!("{class} stands"));
        assert_eq!((error.layer, error.error.field.as_deref()), (1, Some(field)), "{class}: {error}");
        assert!(error.error.help.contains(help), "{class}: {error}");
    }
    let vector = |layer: LayerSpec| vec![GlobalMaxPooling1D {}.into(), layer.into()];
    for layer in
        [conv(2).into(), MaxPooling1D::default().into(), Attention::default().into(), heads(2).into()]
    {
        let error = Net::new(apart(2, 6, 3, 1), vector(layer), 1).err().unwrap();
        assert!(error.to_string().contains("return_sequences: true"), "{error}");
    }
    let error = Net::new(apart(2, 6, 3, 1), vec![RepeatVector { n: 2 }.into()], 1).err().unwrap();
    assert!(error.to_string().contains("without `return_sequences`"), "{error}");
    let of_two = LayerNode { inputs: vec![1.into(), 0.into()], ..Attention::default().into() };
    let error = Net::new(apart(2, 6, 3, 1), vec![conv(2).into(), of_two], 1).err().unwrap();
    assert_eq!(error.error.field.as_deref(), Some("inputs"), "{error}");
}

#[test]
fn networks_that_do_not_fit_in_memory_are_errors_before_allocation() {
    let repeat = |n: usize| -> [LayerNode; 2] { [GlobalMaxPooling1D {}.into(), RepeatVector { n }.into()] };
    let after = |n, layer: LayerSpec| [&repeat(n)[..], &[layer.into()]].concat();
    let wide = Conv1D { filters: 100_000_000, kernel_size: 1, use_bias: false, ..Conv1D::default() };
    let heads = MultiHeadAttention { num_heads: 2, ..MultiHeadAttention::default() };
    for (layers, layer, found) in [
        (repeat(1_000_000_000_000).to_vec(), 2, "1,000,000,000,000 × 3 numbers"),
        (repeat(1 << 62).to_vec(), 2, "4,611,686,018,427,387,904 × 3 numbers"),
        (vec![wide.into()], 1, "6 × 100,000,000 numbers"),
        (after(100_000, Attention::default().into()), 3, "100,000 × 100,000 weights"),
        (after(20_000, heads.into()), 3, "2 × 20,000 × 20,000 weights"),
    ] {
        let error = Net::new(apart(2, 6, 3, 1), layers, 1).err().unwrap();
        let help = "of each sequence; 268,435,456 are possible";
        assert_eq!(error.to_string(), format!("layer {layer}: it makes {found} {help}"));
    }
    let input = Shape::Sequence { time: 6, features: 4 };
    let stand = |n| Model::build(&after(n, Flatten {}.into()), input, Loss::MeanSquaredError).is_ok();
    assert!(stand(1 << 26) && !stand((1 << 26) + 1));
}

#[test]
fn a_sequence_of_padding_alone_does_not_count() {
    let tag = Dense { units: 3, activation: Activation::Softmax, ..Dense::default() };
    let embedding = Embedding { output_dim: 4, mask_zero: true, ..Embedding::default() };
    let gru = GRU { units: 2, return_sequences: true, ..GRU::default() };
    let layers: [LayerNode; 3] = [embedding.into(), gru.into(), tag.into()];
    let shape = Shape::Ids { time: 1, vocabulary: VOCABULARY };
    let model = Model::build(&layers, shape, Loss::SparseCategoricalCrossentropy).unwrap();
    let mut params = model.params();
    params.initialize(1);
    let run = |ids: &[u32]| {
        let ids = Array2::from_shape_vec((ids.len(), 1), ids.to_vec()).unwrap();
        let classes = Array2::ones(ids.dim());
        let mut shard = Shard::new(&model, &params);
        shard.load(Input::Ids(ids.view()), TargetsView::Steps(classes.view()));
        shard.forward(&model, &params, TRAIN);
        let weight = shard.weight(&model);
        let mut confusion = Confusion::new(3);
        shard.update_confusion(&model, &mut confusion);
        let score = shard.backward(&model, &params, weight, None);
        let gradient = gradient(&model, &params, &shard);
        assert_eq!((score.count, confusion.counts.iter().sum::<u64>()), (weight, weight as u64));
        (score.loss, gradient)
    };
    assert_eq!(run(&[5, 0, 2]), run(&[5, 2]));
}

/// The gradient after the backward pass of a batch that is one shard.
fn gradient(model: &Model, params: &Params, shard: &Shard) -> Vec<f32> {
    let mut gradient = Gradient::new(model, params);
    gradient.sum(params, std::iter::once(shard), &mut ThreadPool::new(1).unwrap());
    gradient.values().to_vec()
}

/// A layer whose input and output are sequences of the same length, and which propagates a mask; chosen by `kind`.
fn sequence_layer(kind: usize, units: usize, backwards: bool, dropout: f64) -> LayerNode {
    let recurrent_dropout = dropout / 2.0;
    let rnn = SimpleRNN { units, return_sequences: true, dropout, recurrent_dropout, ..SimpleRNN::default() };
    let lstm = LSTM { units, return_sequences: true, dropout, recurrent_dropout, ..LSTM::default() };
    let gru = GRU { units, return_sequences: true, dropout, recurrent_dropout, ..GRU::default() };
    let both = |of: RecurrentSpec, merge_mode| Bidirectional { of: Box::new(of), merge_mode }.into();
    match kind % 9 {
        0 => SimpleRNN { go_backwards: backwards, ..rnn }.into(),
        1 => LSTM { go_backwards: backwards, ..lstm }.into(),
        2 => GRU { go_backwards: backwards, ..gru }.into(),
        3 => GRU { reset_after: false, ..gru }.into(),
        4 => both(lstm.into(), if backwards { Merge::Concat } else { Merge::Mul }),
        5 => both(gru.into(), if backwards { Merge::Sum } else { Merge::Ave }),
        6 => LayerNormalization::default().into(),
        7 => Dense { units, activation: Activation::Tanh, ..Dense::default() }.into(),
        _ => Dropout { rate: dropout }.into(),
    }
}

/// A layer from a sequence to a vector that supports a mask.
fn vector_layer(kind: usize, units: usize) -> LayerNode {
    match kind % 4 {
        0 => LSTM { units, ..LSTM::default() }.into(),
        1 => SimpleRNN { units, use_bias: false, ..SimpleRNN::default() }.into(),
        2 => {
            Bidirectional { of: Box::new(GRU { units, ..GRU::default() }.into()), merge_mode: Merge::Concat }
                .into()
        }
        _ => GlobalAveragePooling1D {}.into(),
    }
}

fn stack() -> impl Strategy<Value = (Vec<(usize, usize, bool)>, usize, u64)> {
    (prop::collection::vec((0usize..9, 1usize..5, any::<bool>()), 1..4), 0usize..4, any::<u64>())
}

fn built(layers: &[(usize, usize, bool)], end: usize, dropout: f64) -> Vec<LayerNode> {
    let mut all: Vec<LayerNode> =
        layers.iter().map(|(kind, units, back)| sequence_layer(*kind, *units, *back, dropout)).collect();
    all.push(vector_layer(end, 3));
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_stacks_have_the_declared_shape_and_correct_gradients((layers, end, seed) in stack(), before: bool) {
        // With masks and dropout (sampled once, so that the loss is a function of the weights).
        let mut net = Net::new(padded(3, 6, seed, before), built(&layers, end, 0.3), seed).unwrap();
        let (batch, width) = net.targets.dim();
        prop_assert_eq!(net.output(TRAIN).dim(), (batch, 1, width));
        net.check_gradients(TRAIN);
    }

    #[test]
    fn more_padding_does_not_change_the_output((layers, end, seed) in stack()) {
        // With `go_backwards` the output is in the order of reading, but the mask in that of the input, as in Keras.
        let layers: Vec<_> = layers.into_iter().map(|(kind, units, back)| (kind, units, back && kind % 9 > 2)).collect();
        let Data::Ids(short) = padded(3, 6, seed, false) else { panic!("ids") };
        let mut long = Array2::zeros((3, 11));
        long.slice_mut(s![.., ..6]).assign(&short);
        let answer = |data| Net::new(Data::Ids(data), built(&layers, end, 0.0), seed).unwrap().output(Mode::Evaluate);
        for (a, b) in answer(short).iter().zip(&answer(long)) {
            prop_assert!((a - b).abs() < 1e-5, "{a} and {b}");
        }
    }

    #[test]
    fn outputs_do_not_depend_on_the_order_of_a_batch_and_inference_has_no_dropout((layers, end, seed) in stack()) {
        let Data::Ids(ids) = padded(4, 6, seed, true) else { panic!("ids") };
        let turned = ids.slice(s![..;-1, ..]).to_owned();
        let of = |data: &Array2<u32>, dropout| {
            Net::new(Data::Ids(data.clone()), built(&layers, end, dropout), seed).unwrap().output(Mode::Evaluate)
        };
        let (straight, back) = (of(&ids, 0.0), of(&turned, 0.0));
        for (a, b) in straight.iter().zip(back.slice(s![..;-1, .., ..])) {
            prop_assert!((a - b).abs() < 1e-5, "{a} and {b}");
        }
        prop_assert_eq!(of(&ids, 0.5), straight);
    }
}

/// A linear layer with the identity: its output is the input after dropout.
#[test]
fn recurrent_layers_drop_the_same_inputs_at_every_step() {
    let layer = SimpleRNN {
        units: 6,
        activation: Activation::Linear,
        use_bias: false,
        return_sequences: true,
        dropout: 0.25,
        ..SimpleRNN::default()
    };
    let data = Data::Real(Array3::ones((40, 5, 6)));
    let mut net = Net::new(data, vec![layer.into()], 1).unwrap();
    let identity = |i: usize| f32::from(u8::from(i.is_multiple_of(7)));
    for param in net.params.table().to_vec() {
        let values = &mut net.params.values_mut()[param.range.clone()];
        match param.name.as_str() {
            "1.kernel" => values.iter_mut().enumerate().for_each(|(i, w)| *w = identity(i)),
            "1.recurrent_kernel" => values.fill(0.0),
            _ => {}
        }
    }
    let out = net.output(TRAIN).into_shape_with_order((40, 5, 6)).unwrap();
    let mut dropped = 0;
    for sequence in out.outer_iter() {
        for feature in sequence.columns() {
            assert!(feature.iter().all(|x| *x == feature[0]), "another mask at another step");
            assert!(feature[0] == 0.0 || (feature[0] - 4.0 / 3.0).abs() < 1e-6, "{}", feature[0]);
            dropped += usize::from(feature[0] == 0.0);
        }
    }
    assert!((30..90).contains(&dropped), "{dropped} of 240 for a quarter");
    assert!(net.output(Mode::Evaluate).iter().all(|x| *x == 1.0));
}

/// Truncated back-propagation through time: the state is carried from batch to batch, the gradient is not.
#[test]
fn a_stateful_layer_continues_from_the_last_batch() {
    let layers = |stateful| -> [LayerNode; 3] {
        [
            SimpleRNN { units: 3, stateful, ..SimpleRNN::default() }.into(),
            LSTM { units: 3, stateful, ..LSTM::default() }.into(),
            GRU { units: 3, stateful, ..GRU::default() }.into(),
        ]
    };
    for (stateful, fresh) in layers(true).into_iter().zip(layers(false)) {
        let Data::Real(whole) = apart(2, 8, 2, 4) else { panic!("numbers") };
        let halves = [whole.slice(s![.., ..4, ..]).to_owned(), whole.slice(s![.., 4.., ..]).to_owned()];
        let at_once = Net::new(Data::Real(whole), vec![fresh], 1).unwrap().output(TRAIN);
        let net = Net::new(Data::Real(halves[0].clone()), vec![stateful], 1).unwrap();
        let mut shard = Shard::new(&net.model, &net.params);
        let read = |x: &Array3<f32>, shard: &mut Shard| {
            shard.load(Input::Real(x.view()), TargetsView::Real(net.targets.view()));
            shard.forward(&net.model, &net.params, TRAIN);
            shard.output(&net.model)
        };
        let first = read(&halves[0], &mut shard);
        let second = read(&halves[1], &mut shard);
        for (a, b) in second.iter().zip(&at_once) {
            assert!((a - b).abs() < 1e-6, "{a} for {b}");
        }
        // The gradient of the second half is that with a constant initial state.
        let weight = shard.weight(&net.model);
        shard.backward(&net.model, &net.params, weight, None);
        let gradient = gradient(&net.model, &net.params, &shard);
        let mut rng = Rng::new(5, "test", 0);
        let direction: Vec<f32> = gradient.iter().map(|_| rng.normal() as f32).collect();
        let loss = |step: f32| {
            let mut pushed = net.params.clone();
            pushed.values_mut().iter_mut().zip(&direction).for_each(|(w, d)| *w += step * d);
            let mut shard = Shard::new(&net.model, &net.params);
            read(&halves[0], &mut shard);
            shard.load(Input::Real(halves[1].view()), TargetsView::Real(net.targets.view()));
            shard.forward(&net.model, &pushed, TRAIN);
            shard.score(&net.model).mean_loss()
        };
        let slope = (loss(1e-3) - loss(-1e-3)) / 2e-3;
        let along: f64 = gradient.iter().zip(&direction).map(|(g, d)| f64::from(g * d)).sum();
        assert!(
            (slope - along).abs() < 2e-3 * norm(&gradient) * norm(&direction),
            "{along} for a slope of {slope}"
        );
        shard.reset_states();
        assert_eq!(read(&halves[0], &mut shard), first, "forgotten");
    }
}

/// Sequences of numbers, the first ones padded at the end with `padding`, the last not at all; with their lengths.
fn short(batch: usize, time: usize, features: usize, padding: f32) -> (Array3<f32>, Vec<usize>) {
    let mut rng = Rng::new(8, "test", 0);
    let mut x = Array3::from_shape_fn((batch, time, features), |_| rng.normal() as f32);
    let lengths: Vec<usize> = (1..=batch).map(|i| time - (batch - i) * (time - 1) / batch).collect();
    for (mut row, length) in x.outer_iter_mut().zip(&lengths) {
        row.slice_mut(s![*length.., ..]).fill(padding);
    }
    (x, lengths)
}

#[test]
fn masked_numbers_are_skipped_by_every_layer_that_supports_a_mask() {
    let lstm = LSTM { units: 3, return_sequences: true, ..LSTM::default() };
    let both = |layer: RecurrentSpec| Bidirectional { of: Box::new(layer), merge_mode: Merge::Concat };
    let stacks: [Vec<LayerSpec>; 6] = [
        vec![SimpleRNN { units: 3, ..SimpleRNN::default() }.into()],
        vec![lstm.clone().into(), GRU { units: 2, ..GRU::default() }.into()],
        vec![both(GRU { units: 3, ..GRU::default() }.into()).into()],
        vec![both(lstm.clone().into()).into(), GlobalAveragePooling1D {}.into()],
        vec![lstm.into(), Attention::default().into(), GlobalAveragePooling1D {}.into()],
        vec![GlobalAveragePooling1D {}.into()],
    ];
    for padding in [0.0, -1.5] {
        let (x, lengths) = short(4, 9, 2, padding);
        for stack in &stacks {
            let masking = Masking { mask_value: padding };
            let layers: Vec<LayerNode> =
                [masking.into()].into_iter().chain(stack.iter().cloned().map(Into::into)).collect();
            let answers = |x: Array3<f32>| {
                let model = |time| {
                    Model::build(&layers, Shape::Sequence { time, features: 2 }, Loss::MeanSquaredError)
                };
                let model = model(x.len_of(Axis(1))).unwrap();
                let mut params = model.params();
                params.initialize(4);
                let mut shard = Shard::new(&model, &params);
                shard.load(Input::Real(x.view()), TargetsView::None);
                shard.forward(&model, &params, Mode::Evaluate);
                shard.output(&model)
            };
            let together = answers(x.clone());
            for (row, length) in lengths.iter().enumerate() {
                let alone = answers(x.slice(s![row..=row, ..*length, ..]).to_owned());
                for (a, b) in together.slice(s![row, .., ..]).iter().zip(&alone) {
                    assert!((a - b).abs() < 1e-6, "{}: {a} and {b}", stack[0].layer().class());
                }
            }
        }
    }
}

#[test]
fn masked_steps_have_no_gradient_and_others_do() {
    let (x, _) = short(4, 6, 2, 0.0);
    // Without a bias, 0 remains 0 for any kernel.
    let layers: Vec<LayerNode> = vec![
        Dense { units: 3, use_bias: false, ..Dense::default() }.into(),
        Masking::default().into(),
        LSTM { units: 3, return_sequences: true, ..LSTM::default() }.into(),
        Flatten {}.into(),
    ];
    let model =
        Model::build(&layers, Shape::Sequence { time: 6, features: 2 }, Loss::MeanSquaredError).unwrap();
    let mut params = model.params();
    let mut rng = Rng::new(1, "test", 2);
    params.values_mut().iter_mut().for_each(|w| *w = (0.6 * rng.normal()) as f32);
    let targets = Array2::from_shape_fn((4, 18), |_| rng.normal() as f32);
    let mut net = Net { model, params, data: Data::Real(x), targets };
    net.check_gradients(TRAIN);
}

#[test]
fn a_step_is_padding_only_when_all_its_numbers_are_the_mask_value() {
    let x = Array3::from_shape_vec((1, 3, 2), vec![7.0, 7.0, 7.0, 1.0, 7.0, 7.0]).unwrap();
    let layers: Vec<LayerNode> = vec![Masking { mask_value: 7.0 }.into(), Flatten {}.into()];
    let model =
        Model::build(&layers, Shape::Sequence { time: 3, features: 2 }, Loss::MeanSquaredError).unwrap();
    let params = model.params();
    let mut shard = Shard::new(&model, &params);
    shard.load(Input::Real(x.view()), TargetsView::None);
    shard.forward(&model, &params, Mode::Evaluate);
    assert_eq!(shard.output(&model).into_raw_vec_and_offset().0, [0.0, 0.0, 7.0, 1.0, 0.0, 0.0]);
}

#[test]
fn masking_needs_numbers_and_is_first_if_the_loss_is_per_step() {
    let numbers = Shape::Sequence { time: 4, features: 2 };
    let build = |layers: Vec<LayerNode>, input| {
        Model::build(&layers, input, Loss::SparseCategoricalCrossentropy).unwrap_err().to_string()
    };
    let steps: LayerNode = Dense { units: 3, activation: Activation::Softmax, ..Dense::default() }.into();
    let message =
        build(vec![Masking::default().into(), steps.clone()], Shape::Ids { time: 4, vocabulary: 9 });
    assert!(message.contains("layer 0: Masking reads numbers, but token ids"), "{message}");
    let late = vec![Dense::default().into(), Masking::default().into(), steps];
    let message = build(late, numbers);
    assert!(message.contains("layer 1") && message.contains("let it read the data"), "{message}");
}
