//! Layers that merge several inputs, and those that change the shape of a sequence: gradients, masks as Keras passes them, errors.

use super::*;

fn reading(inputs: &[usize], layer: impl Into<LayerNode>) -> LayerNode {
    LayerNode { inputs: inputs.iter().map(|i| InputRef::Layer(*i)).collect(), ..layer.into() }
}

fn dense(inputs: &[usize], units: usize) -> LayerNode {
    reading(inputs, Dense { units, activation: Activation::Tanh, ..Dense::default() })
}

/// The last of `inputs` has no mask: a convolution ends it.
fn without_mask(inputs: &[usize], filters: usize) -> LayerNode {
    reading(inputs, Conv1D { filters, kernel_size: 2, padding: Padding::Same, ..Conv1D::default() })
}

fn merges() -> [LayerSpec; 5] {
    [Add {}.into(), Multiply {}.into(), Average {}.into(), Maximum {}.into(), Concatenate {}.into()]
}

#[test]
fn layers_that_change_a_sequence_have_correct_gradients() {
    let layers: [LayerSpec; 10] = [
        ZeroPadding1D { padding: Ends(2, 1) }.into(),
        UpSampling1D { size: 3 }.into(),
        Permute { dims: vec![2, 1] }.into(),
        Permute { dims: vec![1, 2] }.into(),
        Reshape { target_shape: vec![-1, 8] }.into(),
        Reshape { target_shape: vec![24] }.into(),
        ActivationLayer { activation: Activation::Tanh }.into(),
        ActivationLayer { activation: Activation::Softmax }.into(),
        GaussianNoise { stddev: 0.5 }.into(),
        TimeDistributed { of: Box::new(Dense { units: 3, ..Dense::default() }.into()) }.into(),
    ];
    for layer in layers {
        slopes(apart(3, 6, 4, 1), layer, TRAIN);
    }
    let normalized = TimeDistributed { of: Box::new(LayerNormalization::default().into()) };
    slopes(apart(3, 6, 4, 1), normalized, TRAIN);
}

#[test]
fn merges_have_correct_gradients_with_masks_and_broadcasting() {
    for merge in merges() {
        let class = merge.layer().class();
        let pair = vec![dense(&[0], 3), dense(&[0], 3), reading(&[1, 2], merge.clone())];
        Net::new(padded(3, 6, 1, true), pair, 1).unwrap().check_gradients(TRAIN);
        let three =
            vec![dense(&[0], 3), without_mask(&[0], 3), dense(&[1], 3), reading(&[1, 2, 3], merge.clone())];
        Net::new(padded(3, 6, 1, false), three, 1).unwrap().check_gradients(TRAIN);
        // A vector, and one feature, count for every step and feature.
        let last = reading(&[0], GRU { units: 3, ..GRU::default() });
        let broadcast = vec![dense(&[0], 3), last, dense(&[0], 1), reading(&[1, 2, 3], merge)];
        let net = Net::new(padded(3, 6, 1, false), broadcast, 1);
        match net {
            Ok(mut net) => net.check_gradients(TRAIN),
            Err(error) => assert_eq!(class, "Concatenate", "{error}"),
        }
    }
}

/// The mask of a network that ends with `merge` of a masked and another input, as its mean shows it: padding counts or not.
#[test]
fn a_merge_is_masked_only_where_all_its_inputs_are() {
    for merge in merges() {
        let class = merge.layer().class();
        let masked = |other: LayerNode| {
            let layers = vec![dense(&[0], 3), other, reading(&[1, 2], merge.clone())];
            Net::new(padded(3, 6, 1, false), [layers, vec![GlobalAveragePooling1D {}.into()]].concat(), 1)
                .unwrap()
                .model
                .is_masked(4)
        };
        assert!(masked(dense(&[0], 3)), "{class}");
        assert!(!masked(without_mask(&[0], 3)), "{class}");
    }
}

/// A sequence beside itself one step later: each is masked elsewhere, and a step is data where it is in any of them.
#[test]
fn different_masks_are_joined() {
    let (a, b, c) = (0.5, 2.0, 3.0);
    let cases: [(LayerSpec, f32); 3] = [
        // A masked step counts as 1.
        (Multiply {}.into(), (a + a * b + b + c) / 4.0),
        (Maximum {}.into(), (a + b + b + c) / 4.0),
        (Add {}.into(), (a + (a + b) + b + c) / 4.0),
    ];
    for (merge, expected) in cases {
        let class = merge.layer().class();
        let later = Conv1D {
            filters: 1,
            kernel_size: 2,
            padding: Padding::Causal,
            use_bias: false,
            ..Conv1D::default()
        };
        let layers: Vec<LayerNode> = vec![
            Masking::default().into(),
            later.into(),
            Masking::default().into(),
            reading(&[0, 2], merge),
            GlobalAveragePooling1D {}.into(),
        ];
        let shape = Shape::Sequence { time: 5, features: 1 };
        let model = Model::build(&layers, shape, Loss::MeanSquaredError).unwrap();
        let mut params = model.params();
        params.values_mut().copy_from_slice(&[1.0, 0.0]);
        let x = Array3::from_shape_vec((1, 5, 1), vec![a, b, 0.0, 0.0, c]).unwrap();
        let mut shard = Shard::new(&model, &params);
        shard.load(Input::Real(x.view()), TargetsView::None);
        shard.forward(&model, &params, Mode::Evaluate);
        assert_eq!(shard.output(&model)[[0, 0, 0]], expected, "{class}");
        let error = Model::build(&layers[..4], shape, Loss::SparseCategoricalCrossentropy).unwrap_err();
        assert!(error.to_string().starts_with("layer 2: the loss counts"), "{error}");
    }
}

#[test]
fn merges_and_shapes_that_do_not_fit_are_errors_with_sizes() {
    let sequences = |merge: LayerSpec| vec![dense(&[0], 3), dense(&[0], 2), reading(&[1, 2], merge)];
    for merge in [LayerSpec::from(Add {}), Multiply {}.into(), Average {}.into(), Maximum {}.into()] {
        let class = merge.layer().class();
        let error = Net::new(apart(2, 6, 3, 1), sequences(merge.clone()), 1).err().unwrap().to_string();
        let found = format!("layer 3: {class} reads [6, 3] and [6, 2]; all its inputs must have");
        assert!(error.starts_with(&found), "{error}");
        let error = Net::new(apart(2, 6, 3, 1), vec![merge.into()], 1).err().unwrap().to_string();
        assert!(error.contains("it has 1 inputs; it reads 2 to 8"), "{error}");
    }
    let cases: [(LayerSpec, &str); 8] = [
        (Reshape { target_shape: vec![5, -1] }.into(), "18 numbers reach it"),
        (Reshape { target_shape: vec![-1, -1] }.into(), "one may be -1"),
        (Reshape { target_shape: vec![2, 3, 3] }.into(), "one size, or time steps and features"),
        (Reshape { target_shape: vec![0] }.into(), "18 numbers reach it"),
        (Permute { dims: vec![1] }.into(), "[2, 1] swaps them"),
        (UpSampling1D { size: 0 }.into(), "at least 1"),
        (GaussianNoise { stddev: 1.5 }.into(), "from 0 to 1"),
        (BatchNormalization { momentum: 1.5, ..BatchNormalization::default() }.into(), "from 0 to 1"),
    ];
    for (layer, help) in cases {
        let error = Net::new(apart(2, 6, 3, 1), vec![layer.into()], 1).err().unwrap();
        assert!(error.error.help.contains(help), "{error}");
        assert!(error.error.field.is_some(), "{error}");
    }
}

#[test]
fn the_activation_of_the_loss_may_be_a_layer_of_its_own() {
    let softmax = ActivationLayer { activation: Activation::Softmax };
    let dense = Dense { units: 3, ..Dense::default() };
    let shape = Shape::Sequence { time: 6, features: 4 };
    let build = |layers: &[LayerNode]| Model::build(layers, shape, Loss::SparseCategoricalCrossentropy);
    assert!(build(&[dense.clone().into(), softmax.into()]).is_ok());
    let last = Dense { activation: Activation::Softmax, ..dense };
    assert!(build(&[TimeDistributed { of: Box::new(last.into()) }.into()]).is_ok());
}

#[test]
fn noise_is_added_in_training_only_and_has_its_deviation() {
    let net = Net::new(apart(20, 30, 8, 1), vec![GaussianNoise { stddev: 0.5 }.into()], 1).unwrap();
    let (quiet, noisy) = (net.output(Mode::Evaluate), net.output(TRAIN));
    let still = Net::new(apart(20, 30, 8, 1), vec![GaussianNoise { stddev: 0.0 }.into()], 1).unwrap();
    assert_eq!(quiet, still.output(TRAIN));
    let noise: Vec<f64> = noisy.iter().zip(&quiet).map(|(a, b)| f64::from(a - b)).collect();
    let mean = noise.iter().sum::<f64>() / noise.len() as f64;
    let deviation = (noise.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / noise.len() as f64).sqrt();
    assert!(mean.abs() < 0.03 && (deviation - 0.5).abs() < 0.02, "{mean} {deviation}");
    assert_eq!(noisy, net.output(TRAIN), "the same numbers for the same seed and step");
}

/// Where Keras has NaN, and where it has no mask because attention took it off the tensor that both read.
#[test]
fn what_is_not_as_in_keras() {
    let ids = ndarray::array![[3, 1, 0], [0, 0, 0]];
    let mean = Net::new(Data::Ids(ids), vec![GlobalAveragePooling1D {}.into()], 1).unwrap();
    assert!(mean.output(TRAIN).index_axis(Axis(0), 0).iter().any(|x| *x != 0.0));
    assert!(mean.output(TRAIN).index_axis(Axis(0), 1).iter().all(|x| *x == 0.0));
    assert!(mean.gradient(TRAIN).iter().all(|g| g.is_finite()));
    let attention = MultiHeadAttention { num_heads: 1, key_dim: 2, ..MultiHeadAttention::default() };
    let layers = vec![attention.into(), reading(&[0, 1], Add {}), GlobalAveragePooling1D {}.into()];
    assert!(Net::new(padded(3, 6, 1, false), layers, 1).unwrap().model.is_masked(3));
}
