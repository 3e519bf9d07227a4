//! What monitored steps measure: attention, windows of convolutions, influence of tokens, clipping, distributions of weights.

use super::{Run, brief, frames, prepared};
use unrolled::protocol::{Event, Instruments, ProbeFrame, StepMetrics, WeightDistribution};

/// The last frame of each probe, after a short training.
fn last_frames(name: &str, set: &[&str]) -> (Vec<ProbeFrame>, Vec<Event>) {
    let (events, ..) = Run::start(brief(name, set)).outcome();
    let probes = prepared(&events).probes.len();
    let all = frames(&events);
    let last = all[all.len() - probes..].iter().map(|frame| (*frame).clone()).collect();
    (last, events)
}

#[test]
fn attention_is_over_the_tokens_of_a_probe_and_adds_up_to_one_with_its_padding() {
    // Sixteen steps: a text of sixteen tokens has no padding.
    let text = "watch.probes=[it is not good and it is not bad and it is not so good it]";
    let (last, events) = last_frames("word-order-attention", &[text, "tokens.length=16"]);
    let tokens = prepared(&events).probes[0].tokens.len();
    assert_eq!(tokens, 16);
    let [weights] = last[0].attention.as_slice() else { panic!("{:?}", last[0].attention) };
    assert_eq!((weights.layer, weights.head, weights.queries(), weights.keys), (2, 0, 16, 16));
    assert_eq!((weights.first_query, weights.first_key), (Some(0), Some(0)));
    for row in weights.values.chunks(16) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{row:?}");
    }
    let (last, events) = last_frames("word-order-attention", &["watch.probes=[not good]"]);
    let [weights] = last[0].attention.as_slice() else { panic!("{:?}", last[0].attention) };
    assert_eq!((prepared(&events).probes[0].tokens.len(), weights.queries(), weights.keys), (2, 2, 2));
    assert!(weights.values.iter().all(|weight| (0.0..1.0).contains(weight)), "{weights:?}");
    // Networks without attention have none.
    assert!(last_frames("word-order-dense", &[]).0.iter().all(|frame| frame.attention.is_empty()));
}

#[test]
fn a_convolution_has_a_row_for_every_window_that_reads_a_token() {
    let (last, events) = last_frames("word-order-conv1d", &["watch.probes=[it is not bad]"]);
    let [relu] = last[0].activations.as_slice() else { panic!("{:?}", last[0].activations) };
    let tokens = prepared(&events).probes[0].tokens.len();
    assert_eq!((relu.layer, relu.quantity.as_str(), relu.units, tokens), (1, "relu", 32, 4));
    // Twelve steps of padding before four words: the last four of the windows at steps 0 to 13 reach them.
    assert_eq!(relu.values.len(), 4 * 32);
    let window = relu.window.unwrap();
    assert_eq!((window.first, window.stride, window.span), (-2, 1, 3));
    assert_eq!((window.tokens(0, 4), window.tokens(3, 4)), (0..1, 1..4));
    assert!(relu.values.iter().all(|value| *value >= 0.0) && relu.values.iter().any(|value| *value > 0.0));
}

#[test]
fn occlusion_is_the_change_of_the_prediction_without_the_token() {
    // Padded at the front and not masked: a text without its first word is the text whose first word is padding.
    for (name, layer) in [("word-order", "no convolution"), ("word-order-conv1d", "no state")] {
        let (_, events) = last_frames(name, &["watch.probes=[not bad but good, bad but good]"]);
        // Not all monitored steps measure it: the last that has.
        let all = frames(&events);
        let at = all.iter().rposition(|frame| frame.probe == 0 && frame.influence.is_some()).unwrap();
        let last = &all[at..at + 2];
        assert_eq!((last[1].probe, last[1].step), (1, last[0].step));
        let influence = last[0].influence.as_ref().unwrap();
        assert_eq!(
            (influence.first, influence.occlusion.len(), influence.gradient_input.len()),
            (0, 4, 4),
            "{layer}"
        );
        let most = |p: &[f32]| if p[1] > p[0] { 1 } else { 0 };
        assert_eq!(influence.output, most(&last[0].prediction));
        let moved = last[0].prediction[influence.output] - last[1].prediction[influence.output];
        assert!((influence.occlusion[0] - moved).abs() < 1e-6, "{influence:?} for {moved}");
        assert!(influence.occlusion.iter().chain(&influence.gradient_input).any(|x| x.abs() > 1e-6));
    }
    // One output a step is no single output, and a series has no tokens.
    for name in ["reber-grammar", "sine-forecast"] {
        assert!(last_frames(name, &[]).0.iter().all(|frame| frame.influence.is_none()), "{name}");
    }
}

fn instruments(events: &[Event]) -> Vec<&Instruments> {
    events
        .iter()
        .filter_map(|e| if let Event::Instruments(read) = e { Some(&**read) } else { None })
        .collect()
}

#[test]
fn the_norm_after_clipping_is_that_of_the_bound() {
    let (events, ..) = Run::start(brief("word-order", &["train.optimizer.global_clipnorm=0.05"])).outcome();
    let steps = events.iter().filter_map(super::step).collect::<Vec<StepMetrics>>();
    let read = instruments(&events);
    assert_eq!(read.len(), steps.len());
    for (read, step) in read.iter().zip(&steps) {
        let after = read.clipped_norm.unwrap();
        assert!((after - step.grad_norm.min(0.05)).abs() < 1e-9, "{after} of {}", step.grad_norm);
    }
    let (events, ..) = Run::start(brief("vanishing-rnn", &[])).outcome();
    let spec = brief("vanishing-rnn", &[]);
    let clips = spec.train.optimizer.clip().unwrap().is_some();
    assert!(instruments(&events).iter().all(|read| read.clipped_norm.is_some() == clips));
}

#[test]
fn weights_and_cell_states_are_measured_with_the_profiles() {
    let (_, events) = last_frames("vanishing-lstm", &["data.gap=5"]);
    let mut lstm = 0;
    for event in &events {
        match event {
            Event::Gradient(profile) => {
                assert_eq!(profile.cnorm.len(), profile.hnorm.len());
                assert!(profile.cnorm.iter().any(|norm| *norm > 0.0));
                lstm += 1;
            }
            Event::Weights(read) => {
                let kernel = read.tensors.iter().find(|t| t.name.ends_with("recurrent_kernel")).unwrap();
                let count: u64 = kernel.bins.iter().sum();
                assert_eq!(count as usize, kernel.shape.iter().product::<usize>());
                assert_eq!(kernel.bins.len(), WeightDistribution::BINS);
                assert!(kernel.limit > 0.0 && kernel.picture.is_some());
            }
            _ => {}
        }
    }
    assert!(lstm > 0);
    let steps =
        |wanted: &dyn Fn(&Event) -> Option<u64>| events.iter().filter_map(wanted).collect::<Vec<u64>>();
    let weights = steps(&|e| if let Event::Weights(read) = e { Some(read.step) } else { None });
    let read = steps(&|e| if let Event::Instruments(read) = e { Some(read.step) } else { None });
    assert_eq!(weights, read, "a small network is measured at every monitored step");
}
