use std::collections::BTreeMap;

use super::*;
use crate::preset::{self, Overrides};

fn session(preset: &str, set: &[&str]) -> Session {
    let set = set.iter().map(|a| (*a).to_owned()).collect();
    let spec = preset::load(preset, &Overrides { set, ..Overrides::default() }).unwrap().spec;
    Session::prepare(spec, 1, &mut |_| {}).unwrap()
}

fn unit(layer: usize, direction: Option<Direction>, quantity: &str, unit: usize) -> LayerUnit {
    LayerUnit { layer, direction, quantity: quantity.into(), unit }
}

const SIMPLE: &str = "model=[{layer: Embedding, output_dim: 3, mask_zero: true}, {layer: SimpleRNN, units: 2}, {layer: Dense, units: 1, activation: sigmoid}]";
const BOTH: &str = "model=[{layer: Embedding, output_dim: 3, mask_zero: true}, {layer: Bidirectional, of: {layer: SimpleRNN, units: 2}}, {layer: Dense, units: 1, activation: sigmoid}]";

/// By token the count, the mean of `unit` of a SimpleRNN after it and the mean change, computed step by step from the weights:
/// `h_t = tanh(x·W + h_{t−1}·U + b)`. `first` is the place of `W` among the tensors of layer 1.
fn directly(
    session: &Session,
    first: usize,
    unit: usize,
    is_backward: bool,
) -> BTreeMap<String, (u64, f64, f64)> {
    let params = session.stepper.params();
    let embeddings = params.of(0).get(0);
    let [kernel, recurrent, bias] = [0, 1, 2].map(|i| params.of(1).get(first + i));
    let vocabulary = session.vocabularies.as_ref().unwrap().first();
    let Some(Batches::InMemory { data, .. }) = &session.validation else { panic!("in memory") };
    let ids = data.inputs.tokens().unwrap();
    let mut sums: BTreeMap<String, (u64, f64, f64)> = BTreeMap::new();
    for row in ids.rows().into_iter().take(UnitResponse::SEQUENCES) {
        let mut read: Vec<u32> = row.iter().copied().filter(|id| *id != Vocabulary::PADDING).collect();
        if is_backward {
            read.reverse();
        }
        let mut h = [0.0_f64; 2];
        for id in read {
            let x = &embeddings[3 * id as usize..][..3];
            let before = h[unit];
            let next = |j: usize| {
                let input: f64 = (0..3).map(|i| f64::from(x[i]) * f64::from(kernel[2 * i + j])).sum();
                let state: f64 = (0..2).map(|i| h[i] * f64::from(recurrent[2 * i + j])).sum();
                (input + state + f64::from(bias[j])).tanh()
            };
            h = [next(0), next(1)];
            let (count, value, change) = sums.entry(vocabulary.word(id).to_owned()).or_default();
            *count += 1;
            *value += h[unit];
            *change += h[unit] - before;
        }
    }
    sums.values_mut().for_each(|(count, value, change)| {
        *value /= *count as f64;
        *change /= *count as f64;
    });
    sums
}

#[test]
fn the_responses_to_tokens_are_those_computed_step_by_step() {
    let backward = Some(Direction::Backward);
    for (model, first, direction) in
        [(SIMPLE, 0, None), (BOTH, 0, Some(Direction::Forward)), (BOTH, 3, backward)]
    {
        let mut session = session("word-order", &[model, "data.validation=60"]);
        let response = unit_response(&mut session, &unit(1, direction, "h", 1), 7).unwrap();
        let expected = directly(&session, first, 1, direction == backward);
        assert_eq!((response.step, response.sequences, response.is_validation), (7, 60, true));
        assert_eq!(response.steps, expected.values().map(|(count, ..)| count).sum::<u64>());
        let mean: f64 = expected.values().map(|(count, value, _)| *count as f64 * value).sum();
        assert!((f64::from(response.mean) - mean / response.steps as f64).abs() < 1e-5);
        let mut ranked: Vec<(&String, &(u64, f64, f64))> =
            expected.iter().filter(|(_, (count, ..))| *count >= response.least_count).collect();
        ranked.sort_by(|a, b| b.1.2.total_cmp(&a.1.2));
        assert!(response.rising.len() > 2 && response.falling.len() > 2, "{response:?}");
        let falling = ranked.iter().rev();
        for (list, ranked) in
            [(&response.rising, ranked.iter().collect::<Vec<_>>()), (&response.falling, falling.collect())]
        {
            assert!(list.len() <= UnitResponse::MOST);
            for (found, (token, (.., change))) in list.iter().zip(ranked) {
                assert!((f64::from(found.change) - change).abs() < 1e-5, "{found:?} {token} {change}");
                let (count_of, value_of, _) = &expected[&found.token];
                assert_eq!(found.count, *count_of);
                assert!((f64::from(found.mean) - value_of).abs() < 1e-5);
            }
        }
    }
}

#[test]
fn what_is_read_is_bounded_in_sequences_and_in_steps() {
    let mut many = session("word-order", &[SIMPLE, "data.validation=1000"]);
    let response = unit_response(&mut many, &unit(1, None, "h", 0), 0).unwrap();
    assert_eq!(response.sequences, UnitResponse::SEQUENCES);
    let mut long = session("word-order", &[SIMPLE, "data.validation=300", "tokens.length=512"]);
    let response = unit_response(&mut long, &unit(1, None, "h", 0), 0).unwrap();
    assert_eq!(response.sequences, UnitResponse::STEPS / 512);
    // Without validation data it reads training data.
    let mut none = session("word-order", &[SIMPLE, "data.validation=0", "data.train=40"]);
    let response = unit_response(&mut none, &unit(1, None, "h", 0), 0).unwrap();
    assert_eq!((response.is_validation, response.sequences), (false, 40));
}

#[test]
fn of_numbers_the_steps_of_the_greatest_and_the_least_value_are_found() {
    let mut session = session("sine-forecast", &["data.train=50", "data.validation=30", "model.0.units=3"]);
    let response = unit_response(&mut session, &unit(0, None, "z", 2), 0).unwrap();
    assert!(response.rising.is_empty() && response.falling.is_empty());
    assert_eq!((response.sequences, response.highest.len()), (30, UnitResponse::MOST));
    let Some(Batches::InMemory { data, .. }) = &session.validation else { panic!("in memory") };
    let Inputs::Real(numbers) = &data.inputs else { panic!("numbers") };
    // Directly: a forward pass over one sequence at a time.
    let (model, params) = (session.stepper.model(), session.stepper.params());
    let mut best: Vec<(f32, usize, usize)> = Vec::new();
    for row in 0..30 {
        let mut shard = Shard::new(model, params);
        let one = numbers.slice_axis(Axis(0), ndarray::Slice::from(row..row + 1)).to_owned();
        shard.load(network_input(&Inputs::Real(one)), TargetsView::None);
        shard.forward(model, params, Mode::Evaluate);
        let buffers = shard.recurrent_buffers(model);
        let gate = Quantity::all(buffers[0].2, buffers[0].3).into_iter().find(|q| q.name == "z").unwrap();
        let steps = (0..gate.dim().0).map(|t| (gate.row(t, 0)[2], row, t));
        best.push(steps.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap());
    }
    best.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (found, (value, row, t)) in response.highest.iter().zip(best) {
        assert!((found.value - value).abs() < 1e-6);
        assert_eq!((found.sequence, found.step), (row, t));
        assert_eq!(found.inputs, [numbers[[row, t, 0]]]);
    }
    assert!(response.lowest[0].value <= response.lowest[1].value);
    assert!(response.lowest[0].value < response.highest[0].value);
}

#[test]
fn a_unit_that_is_not_there_is_an_error_that_says_what_is() {
    let mut session = session("word-order", &[SIMPLE, "data.validation=10"]);
    for (unit, words) in [
        (unit(0, None, "h", 0), "layer 0 is not a recurrent layer"),
        (unit(1, Some(Direction::Forward), "h", 0), "layer 1 is not a recurrent layer"),
        (unit(1, None, "c", 0), "layer 1 has no c"),
        (unit(1, None, "h", 2), "layer 1 has no unit 2: its units are 0 to 1"),
    ] {
        assert_eq!(unit_response(&mut session, &unit, 0).unwrap_err(), words);
    }
}

#[test]
fn the_windows_of_a_filter_are_those_computed_from_its_kernel() {
    const CONV: &str = "model=[{layer: Embedding, output_dim: 3}, {layer: Conv1D, filters: 2, kernel_size: 2, activation: tanh}, {layer: GlobalMaxPooling1D}, {layer: Dense, units: 1, activation: sigmoid}]";
    let mut session = session("word-order", &[CONV, "data.validation=60"]);
    let response = unit_response(&mut session, &unit(1, None, "tanh", 1), 7).unwrap();
    // Directly: tanh(Σ x·W + b) of every two neighbouring ids that are not both padding.
    let params = session.stepper.params();
    let (embeddings, kernel, bias) = (params.of(0).get(0), params.of(1).get(0), params.of(1).get(1));
    let vocabulary = session.vocabularies.as_ref().unwrap().first();
    let Some(Batches::InMemory { data, .. }) = &session.validation else { panic!("in memory") };
    let ids = data.inputs.tokens().unwrap();
    let mut sums: BTreeMap<String, (u64, f64)> = BTreeMap::new();
    for row in ids.rows() {
        for pair in row.to_vec().windows(2).filter(|pair| pair.iter().any(|id| *id != 0)) {
            let product = |k: usize, i: usize| {
                f64::from(embeddings[3 * pair[k] as usize + i]) * f64::from(kernel[(3 * k + i) * 2 + 1])
            };
            let sum: f64 = (0..2).flat_map(|k| (0..3).map(move |i| (k, i))).map(|(k, i)| product(k, i)).sum();
            let words: Vec<&str> =
                pair.iter().filter(|id| **id != 0).map(|id| vocabulary.word(*id)).collect();
            let (count, value) = sums.entry(words.join(" ")).or_default();
            *count += 1;
            *value += (sum + f64::from(bias[1])).tanh();
        }
    }
    assert_eq!(response.steps, sums.values().map(|(count, _)| count).sum::<u64>());
    let means = |sign: f64| {
        let all = sums.iter().filter(|(_, (count, _))| *count >= response.least_count);
        let mut all: Vec<f64> = all.map(|(_, (count, value))| sign * value / *count as f64).collect();
        all.sort_by(|a, b| b.total_cmp(a));
        all
    };
    for (list, sign) in [(&response.rising, 1.0), (&response.falling, -1.0)] {
        assert_eq!(list.len(), UnitResponse::MOST, "{response:?}");
        for (found, mean) in list.iter().zip(means(sign)) {
            let (count, value) = sums[&found.token];
            assert_eq!(found.count, count);
            assert!((f64::from(found.mean) - value / count as f64).abs() < 1e-5, "{found:?}");
            assert!(
                (sign * f64::from(found.mean) - mean).abs() < 1e-5,
                "the strongest first: {found:?} {mean}"
            );
        }
    }
    let wrong = |unit: LayerUnit, session: &mut Session| unit_response(session, &unit, 0).unwrap_err();
    assert_eq!(wrong(unit(1, None, "relu", 0), &mut session), "layer 1 has no relu");
    assert_eq!(wrong(unit(1, None, "tanh", 2), &mut session), "layer 1 has no unit 2: its units are 0 to 1");
}
