//! Batch normalization: gradients, statistics of the whole batch whatever its shards and threads, moving averages, inference.

use unrolled::data::{Batch, Dataset, Inputs, Targets};
use unrolled::optim::{OptimizerSpec, SGD};
use unrolled::step::Stepper;

use super::*;

#[test]
fn it_has_correct_gradients_in_training_and_inference() {
    let layers = [
        BatchNormalization::default(),
        BatchNormalization { scale: false, ..BatchNormalization::default() },
        BatchNormalization { center: false, ..BatchNormalization::default() },
        BatchNormalization { scale: false, center: false, ..BatchNormalization::default() },
    ];
    for layer in layers {
        slopes(apart(3, 6, 4, 1), layer.clone(), TRAIN);
        slopes(apart(3, 6, 4, 1), layer.clone(), Mode::Evaluate);
        slopes(padded(4, 6, 1, true), layer.clone(), TRAIN);
        let mean = GlobalAveragePooling1D {};
        let two = vec![layer.clone().into(), mean.into(), layer.clone().into()];
        Net::new(padded(4, 6, 1, false), two, 1).unwrap().check_gradients(TRAIN);
        // Statistics that are not trained are those of inference.
        let frozen = LayerNode { trainable: false, ..layer.into() };
        let net = Net::new(apart(3, 6, 4, 1), vec![frozen], 1).unwrap();
        assert_eq!(net.output(TRAIN), net.output(Mode::Evaluate));
    }
}

/// 70 sequences, which training cuts into several shards; two normalizations, one before any other layer.
fn stepper(threads: usize) -> (Stepper, Batch) {
    let layers: Vec<LayerNode> = vec![
        BatchNormalization { momentum: 0.5, ..BatchNormalization::default() }.into(),
        GRU { units: 5, return_sequences: true, ..GRU::default() }.into(),
        BatchNormalization::default().into(),
        Flatten {}.into(),
        Dense::default().into(),
    ];
    let model =
        Model::build(&layers, Shape::Sequence { time: 4, features: 3 }, Loss::MeanSquaredError).unwrap();
    let inputs = Inputs::Real(Array3::from_shape_fn((70, 4, 3), |(row, t, f)| {
        ((row * 12 + t * 3 + f) as f32 * 0.37).sin() * 3.0 + f as f32
    }));
    let targets = Targets::Real(Array2::from_shape_fn((70, 1), |(row, _)| (row as f32).cos()));
    let mut batch = Batch::default();
    batch.fill(&Dataset { inputs, targets }, 0..70);
    let sgd = OptimizerSpec::SGD(SGD::default());
    (Stepper::new(model, &sgd, None, 1, threads).unwrap(), batch)
}

#[test]
fn weights_and_moving_averages_are_the_same_bits_with_any_number_of_threads() {
    let mut bits = Vec::new();
    for threads in [1, 2, 3] {
        let (mut stepper, batch) = stepper(threads);
        for step in 0..4 {
            stepper.step(&batch, step % 2 == 0).unwrap();
        }
        let weights = stepper.params().values().iter().map(|w| w.to_bits()).collect::<Vec<_>>();
        bits.push((weights, stepper.evaluate(&batch, None)));
    }
    assert!(bits.iter().all(|other| *other == bits[0]));
}

#[test]
fn moving_averages_approach_the_moments_of_the_whole_batch() {
    let (mut stepper, batch) = stepper(2);
    let Inputs::Real(x) = &batch.inputs else { panic!("numbers") };
    let of = |stepper: &Stepper, name: &str| {
        let param = stepper.params().table().iter().find(|param| param.name == name).unwrap().clone();
        assert!(!param.trainable);
        stepper.params().values()[param.range].to_vec()
    };
    stepper.step(&batch, false).unwrap();
    for f in 0..3 {
        let feature = x.index_axis(Axis(2), f).mapv(f64::from);
        let (mean, variance) = (feature.mean().unwrap(), feature.var(0.0));
        let (moved, moved_variance) =
            (of(&stepper, "0.moving_mean")[f], of(&stepper, "0.moving_variance")[f]);
        assert!((f64::from(moved) - 0.5 * mean).abs() < 1e-6, "{moved} for half of {mean}");
        assert!((f64::from(moved_variance) - 0.5 - 0.5 * variance).abs() < 1e-6, "{moved_variance}");
    }
    let before = of(&stepper, "2.moving_mean");
    stepper.evaluate(&batch, None);
    assert_eq!(of(&stepper, "2.moving_mean"), before, "inference moves nothing");
}

#[test]
fn a_batch_of_padding_alone_stays_finite() {
    let ids = Array2::zeros((3, 4));
    let net = Net::new(Data::Ids(ids), vec![BatchNormalization::default().into()], 1).unwrap();
    assert!(net.output(TRAIN).iter().all(|x| x.is_finite()));
    assert!(net.gradient(TRAIN).iter().all(|x| x.is_finite()));
}
