//! The first number of a failed step that is not finite, where it is known from the weights.

use ndarray::{Array2, Array3};

use unrolled::data::{Batch, Dataset, Inputs, Targets};
use unrolled::nn::{
    Activation, BatchNormalization, Bidirectional, Conv1D, Dense, Embedding, GlobalMaxPooling1D, LSTM,
    LayerNode, Loss, Merge, Model, RecurrentSpec, Shape, SimpleRNN,
};
use unrolled::optim::{OptimizerSpec, SGD};
use unrolled::protocol::{Direction, NonFinite, Phase};
use unrolled::step::Stepper;

/// Huge, and finite by itself.
const HUGE: f32 = 1e10;
/// Time steps of the sequences.
const TIME: usize = 6;
/// Sequences of a batch: three shards.
const ROWS: usize = 40;

fn rnn(units: usize) -> SimpleRNN {
    SimpleRNN { units, activation: Activation::Relu, return_sequences: true, ..SimpleRNN::default() }
}

fn dense() -> Dense {
    Dense { units: 1, ..Dense::default() }
}

/// A network of numbers for which the weights of `set` are given by name, and all others are 0.
fn stepper(layers: &[LayerNode], input: Shape, loss: Loss, set: &[(&str, &[f32])]) -> Stepper {
    let model = Model::build(layers, input, loss).unwrap();
    let mut stepper = Stepper::new(model, &OptimizerSpec::SGD(SGD::default()), None, 1, 2).unwrap();
    let params = stepper.params();
    let mut weights = vec![0.0; params.values().len()];
    for (name, values) in set {
        let param = params.table().iter().find(|param| param.name == *name).unwrap();
        weights[param.range.clone()].copy_from_slice(values);
    }
    stepper.set_weights(&weights);
    stepper
}

/// Numbers that are `value` at one time step of one row, and else 0; targets that are 0.
fn impulse((row, t): (usize, usize), value: f32) -> Batch {
    let mut numbers = Array3::zeros((ROWS, TIME, 1));
    numbers[(row, t, 0)] = value;
    batch(Inputs::Real(numbers))
}

fn batch(inputs: Inputs) -> Batch {
    let mut batch = Batch::default();
    batch.fill(&Dataset { inputs, targets: Targets::Real(Array2::zeros((ROWS, 1))) }, 0..ROWS);
    batch
}

/// What the step finds; the weights stay as they are.
fn found(mut stepper: Stepper, batch: &Batch) -> NonFinite {
    let before = stepper.params().values().to_vec();
    let error = stepper.step(batch, false).unwrap_err();
    let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(stepper.params().values()), bits(&before));
    let first = *error.non_finite.clone().unwrap();
    assert!(error.to_string().contains(&format!("is not finite; first, {first}: ")), "{error}");
    first
}

const NUMBERS: Shape = Shape::Sequence { time: TIME, features: 1 };

fn at(layer: usize, class: &str, tensor: &str, t: Option<usize>, (row, unit): (usize, usize)) -> NonFinite {
    NonFinite {
        layer: Some(layer),
        class: Some(class.into()),
        time_step: t,
        row: Some(row),
        unit: Some(unit),
        ..NonFinite::new(Phase::Forward, tensor, f32::INFINITY)
    }
}

#[test]
fn a_state_that_overflows_is_found_with_layer_time_step_row_and_unit() {
    // 1, 1e10, 1e20, 1e30, and then too much: only unit 1 reads anything.
    let grows: [(&str, &[f32]); 2] =
        [("0.kernel", &[0.0, 1.0]), ("0.recurrent_kernel", &[0.0, 0.0, 0.0, HUGE])];
    let last = SimpleRNN { return_sequences: false, ..rnn(2) };
    let build =
        |first: SimpleRNN| stepper(&[first.into(), dense().into()], NUMBERS, Loss::MeanSquaredError, &grows);
    for row in [2, 33] {
        let first = found(build(last.clone()), &impulse((row, 1), 1.0));
        assert_eq!(first, at(0, "SimpleRNN", "h", Some(5), (row, 1)));
    }
    let backwards = SimpleRNN { go_backwards: true, ..last.clone() };
    assert_eq!(found(build(backwards), &impulse((7, 4), 1.0)), at(0, "SimpleRNN", "h", Some(0), (7, 1)));
    // Of two rows the one whose state overflows at an earlier step.
    let Inputs::Real(mut numbers) = impulse((1, 1), 1.0).inputs else { unreachable!() };
    numbers[(39, 0, 0)] = 1.0;
    assert_eq!(found(build(last), &batch(Inputs::Real(numbers))), at(0, "SimpleRNN", "h", Some(4), (39, 1)));
}

#[test]
fn the_layer_and_the_direction_are_those_in_which_it_begins() {
    let wrapped = SimpleRNN { return_sequences: false, ..rnn(1) };
    let both = Bidirectional { of: Box::new(RecurrentSpec::SimpleRNN(wrapped)), merge_mode: Merge::Concat };
    let layers: [LayerNode; 3] = [rnn(1).into(), both.into(), dense().into()];
    // The first layer passes the input on.
    let set: [(&str, &[f32]); 3] =
        [("0.kernel", &[1.0]), ("1.bwd.kernel", &[1.0]), ("1.bwd.recurrent_kernel", &[HUGE])];
    let first = found(stepper(&layers, NUMBERS, Loss::MeanSquaredError, &set), &impulse((3, 5), 1.0));
    let expected =
        NonFinite { direction: Some(Direction::Backward), ..at(1, "Bidirectional", "h", Some(1), (3, 0)) };
    assert_eq!(first, expected);
}

#[test]
fn of_an_lstm_the_gate_is_found_before_the_states() {
    let lstm = LSTM { units: 1, activation: Activation::Relu, ..LSTM::default() };
    let set: [(&str, &[f32]); 1] = [("0.kernel", &[0.0, 0.0, 1e30, 0.0])];
    let stepper = stepper(&[lstm.into(), dense().into()], NUMBERS, Loss::MeanSquaredError, &set);
    assert_eq!(found(stepper, &impulse((11, 3), HUGE)), at(0, "LSTM", "g", Some(3), (11, 0)));
}

#[test]
fn other_layers_have_the_time_step_of_their_output() {
    let embedding = Embedding { output_dim: 1, ..Embedding::default() };
    let conv: Conv1D = serde_json::from_str(r#"{"filters":2,"kernel_size":1}"#).unwrap();
    let layers: [LayerNode; 4] =
        [embedding.into(), conv.into(), GlobalMaxPooling1D {}.into(), dense().into()];
    // Token 3 alone is large.
    let set: [(&str, &[f32]); 2] = [("0.embeddings", &[0.0, 1.0, 1.0, 1e30]), ("1.kernel", &[1.0, HUGE])];
    let mut ids = Array2::ones((ROWS, TIME));
    ids[(25, 2)] = 3;
    let input = Shape::Ids { time: TIME, vocabulary: 4 };
    let first = found(stepper(&layers, input, Loss::MeanSquaredError, &set), &batch(Inputs::Tokens(ids)));
    assert_eq!(first, at(1, "Conv1D", "output", Some(2), (25, 1)));
}

#[test]
fn data_and_weights_that_are_not_finite_come_first() {
    let last = SimpleRNN { return_sequences: false, ..rnn(2) };
    let layers: [LayerNode; 2] = [last.into(), dense().into()];
    let build = |set: &[(&str, &[f32])]| stepper(&layers, NUMBERS, Loss::MeanSquaredError, set);
    let first = found(build(&[("0.kernel", &[1.0, 1.0])]), &impulse((38, 3), f32::NAN));
    let input = NonFinite {
        layer: None,
        class: None,
        phase: Phase::Input,
        value: "NaN".into(),
        ..at(0, "", "input", Some(3), (38, 0))
    };
    assert_eq!(first, input);
    let nan: [(&str, &[f32]); 1] = [("0.recurrent_kernel", &[0.0, 0.0, f32::NEG_INFINITY, 0.0])];
    let weight = NonFinite {
        index: Some(vec![1, 0]),
        ..NonFinite::new(Phase::Weights, "0.recurrent_kernel", f32::NEG_INFINITY)
    };
    assert_eq!(found(build(&nan), &impulse((0, 0), 1.0)), weight);
    assert_eq!(build(&nan).check().unwrap_err().non_finite.as_deref(), Some(&weight));
}

#[test]
fn a_gradient_that_overflows_is_found_while_the_forward_pass_is_finite() {
    // h grows from 1e-36 to 1e14 and the output is 100; ∂L/∂h grows from 1e-10 on the way back.
    let linear = SimpleRNN { units: 1, activation: Activation::Linear, ..SimpleRNN::default() };
    let set: [(&str, &[f32]); 3] =
        [("0.kernel", &[1e-18]), ("0.recurrent_kernel", &[HUGE]), ("1.kernel", &[1e-12])];
    let layers: [LayerNode; 2] = [linear.into(), dense().into()];
    let first = found(stepper(&layers, NUMBERS, Loss::MeanSquaredError, &set), &impulse((20, 0), 1e-18));
    let expected = NonFinite { phase: Phase::Backward, ..at(0, "SimpleRNN", "d_h", Some(0), (20, 0)) };
    assert_eq!(first, expected);
    // The product of a large input and a large ∂L/∂output.
    let set: [(&str, &[f32]); 1] = [("0.kernel", &[1e-20])];
    let vector = Shape::Sequence { time: 1, features: 1 };
    let layers: [LayerNode; 2] = [GlobalMaxPooling1D {}.into(), dense().into()];
    let set = [("1.kernel", set[0].1)];
    let stepper = stepper(&layers, vector, Loss::MeanSquaredError, &set);
    let mut numbers = Array3::zeros((ROWS, 1, 1));
    numbers[(9, 0, 0)] = 1e30;
    let first = found(stepper, &batch(Inputs::Real(numbers)));
    let index = Some(vec![0, 0]);
    let weight = NonFinite {
        row: None,
        unit: None,
        phase: Phase::Backward,
        index,
        ..at(1, "Dense", "d_1.kernel", None, (0, 0))
    };
    assert_eq!(first, weight);
}

#[test]
fn shards_that_exchange_sums_are_searched_as_well() {
    let linear = SimpleRNN { units: 1, activation: Activation::Linear, ..SimpleRNN::default() };
    let layers: [LayerNode; 3] = [linear.into(), BatchNormalization::default().into(), dense().into()];
    let set: [(&str, &[f32]); 4] =
        [("0.kernel", &[1e-18]), ("0.recurrent_kernel", &[HUGE]), ("1.gamma", &[1.0]), ("2.kernel", &[1e15])];
    let first = found(stepper(&layers, NUMBERS, Loss::MeanSquaredError, &set), &impulse((20, 0), 1e-18));
    assert_eq!(
        (first.phase, first.layer, first.tensor.as_str()),
        (Phase::Backward, Some(0), "d_h"),
        "{first}"
    );
    assert!(first.time_step.is_some_and(|t| t < 4), "{first}");
}

#[test]
fn stateful_layers_carry_what_they_carried_before_the_step_that_failed() {
    let stateful = SimpleRNN { stateful: true, return_sequences: false, ..rnn(1) };
    let layers: [LayerNode; 2] = [stateful.into(), dense().into()];
    let set: [(&str, &[f32]); 2] = [("0.kernel", &[1.0]), ("0.recurrent_kernel", &[1.0])];
    for value in [HUGE, 0.0] {
        let mut stepper = stepper(&layers, NUMBERS, Loss::MeanSquaredError, &set);
        stepper.step(&impulse((30, 5), value), false).unwrap();
        let carried = |stepper: &Stepper| format!("{:?}", stepper.carried());
        let (before, weights) = (carried(&stepper), stepper.params().values().to_vec());
        let huge: Vec<f32> = weights.iter().map(|x| if *x == 1.0 { 1e30 } else { *x }).collect();
        stepper.set_weights(&huge);
        let first = stepper.step(&impulse((30, 5), 1e20), false).unwrap_err().non_finite.unwrap();
        assert_eq!(first.time_step, Some(if value > 0.0 { 0 } else { 5 }));
        let after = carried(&stepper);
        assert_eq!(before, after);
        // And the next step is that of a training that did not fail.
        stepper.set_weights(&weights);
        let again = stepper.step(&impulse((3, 5), 1.0), false).unwrap();
        assert!(again.grad_norm.is_finite());
    }
}
