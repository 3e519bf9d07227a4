//! What a training will cost: its memory by calculation, the time of a step by measurement.

use std::time::{Duration, Instant};

use ndarray::{Array2, Array3};

use super::zipf::Zipf;
use crate::data::{Batch, Dataset, InputForm, Inputs, TargetForm, Targets};
use crate::nn::{Model, Shape};
use crate::preset::RunSpec;
use crate::rng::Rng;
use crate::step::Stepper;
use crate::train::memory_needed;

/// For how long steps are measured.
const TIME: Duration = Duration::from_millis(400);
/// The most steps that are measured.
const MOST: usize = 50;
/// The exponent of the frequencies of tokens: somewhat like words of a language.
const EXPONENT: f64 = 1.2;

/// What a training costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Bytes of weights, batches and generated data.
    pub bytes: u64,
    /// Seconds of a step: the median of those that were measured.
    pub step: f64,
    /// The number of steps that were measured.
    pub measured: usize,
    /// Steps of an epoch; `None` if the number of sequences is not known before they are read.
    pub steps: Option<usize>,
}

/// Trains `spec` on random data for less than half a second, after a first step that is not counted.
///
/// # Errors
/// In words why it cannot be trained: too little memory, no threads, a loss that is not finite.
pub fn estimate(spec: &RunSpec, threads: usize) -> Result<Cost, String> {
    let model = spec.model().map_err(|error| error.to_string())?;
    let bytes = memory_needed(spec, &model, threads).map_err(|error| error.to_string())?;
    let clip = spec.train.optimizer.clip().map_err(|error| error.to_string())?;
    let (train, _) = spec.data.source().sizes();
    let steps = (train > 0).then(|| train.div_ceil(spec.train.batch_size));
    let sequences = spec.train.batch_size;
    let data = random_data(spec, &model, sequences);
    let mut batch = Batch::default();
    batch.fill(&data, 0..sequences);
    let stepper = Stepper::new(model, &spec.train.optimizer, clip, spec.train.seed, threads);
    let mut stepper = stepper.map_err(|error| error.to_string())?;
    stepper.step(&batch, false).map_err(|error| error.to_string())?;
    let (begin, mut seconds) = (Instant::now(), Vec::new());
    while seconds.is_empty() || seconds.len() < MOST && begin.elapsed() < TIME {
        let step = Instant::now();
        stepper.step(&batch, false).map_err(|error| error.to_string())?;
        seconds.push(step.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let step = seconds.get(seconds.len() / 2).copied().unwrap_or_default();
    Ok(Cost { bytes, step, measured: seconds.len(), steps })
}

/// Random sequences of the shapes of `spec`.
fn random_data(spec: &RunSpec, model: &Model, sequences: usize) -> Dataset {
    let mut rng = Rng::new(0, "bench", 0);
    let form = spec.form();
    let inputs = match (form.inputs, &spec.tokens) {
        (InputForm::Tokens { time, .. }, Some(tokens)) if !tokens.channels.is_empty() => {
            let least = tokens.sizes().into_iter().map(|(_, size)| size).min().unwrap_or(1);
            let (shape, zipf) = ((sequences, tokens.channels.len(), time), Zipf::new(EXPONENT, least));
            Inputs::Channels(Array3::from_shape_simple_fn(shape, || zipf.draw(&mut rng)))
        }
        (InputForm::Tokens { time, vocabulary, .. }, _) => {
            let zipf = Zipf::new(EXPONENT, vocabulary);
            Inputs::Tokens(Array2::from_shape_simple_fn((sequences, time), || zipf.draw(&mut rng)))
        }
        (InputForm::Real { time, features }, _) => {
            let shape = (sequences, time, features);
            Inputs::Real(Array3::from_shape_simple_fn(shape, || rng.below(2000) as f32 / 1000.0 - 1.0))
        }
    };
    let outputs = match model.output() {
        Shape::Sequence { features, .. } | Shape::Vector { features } => features,
        Shape::Ids { .. } => 1,
    };
    let classes = outputs.max(2);
    let targets = match form.targets {
        TargetForm::Classes(_) => {
            Targets::Classes((0..sequences).map(|_| rng.below(classes) as u32).collect())
        }
        TargetForm::Steps(_) | TargetForm::Next => {
            let shape = (sequences, form.time());
            Targets::Steps(Array2::from_shape_simple_fn(shape, || rng.below(classes) as u32))
        }
        TargetForm::Labels(_) => {
            Targets::Labels(Array2::from_shape_simple_fn((sequences, outputs), || rng.below(2) as f32))
        }
        TargetForm::Real(outputs) => {
            Targets::Real(Array2::from_shape_simple_fn((sequences, outputs), || {
                rng.below(2000) as f32 / 1000.0 - 1.0
            }))
        }
    };
    Dataset { inputs, targets }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::{Overrides, load, names};

    #[test]
    fn every_preset_is_measured() {
        for name in names() {
            let set = vec!["train.batch_size=2".to_owned()];
            let spec = load(name, &Overrides { set, ..Overrides::default() }).unwrap().spec;
            let cost = estimate(&spec, 1).unwrap();
            assert!(cost.step > 0.0 && cost.measured > 0 && cost.bytes > 0, "{name}: {cost:?}");
            assert_eq!(cost.steps.is_some(), spec.data.source().sizes().0 > 0, "{name}");
        }
    }

    #[test]
    fn steps_are_those_of_an_epoch() {
        let spec = load("word-order", &Overrides::default()).unwrap().spec;
        assert_eq!(estimate(&spec, 1).unwrap().steps, Some(125));
    }
}
