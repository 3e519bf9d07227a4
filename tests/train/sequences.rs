//! Training on one long text, on series and on tagged sentences.

use std::fmt::Write;

use super::*;
use unrolled::data::Vocabularies;
use unrolled::protocol::{ClassifiedText, EpochMetrics, Sample, ValidationExamples};
use unrolled::train::Resume;

/// A preset with `data` (its path within `folder`), layers and other settings.
fn written(folder: &TempDir, file: &str, content: &str, preset: &str, set: &[&str]) -> RunSpec {
    std::fs::write(folder.path().join(file), content).unwrap();
    let path = folder.path().join("preset.yaml");
    std::fs::write(&path, preset).unwrap();
    let set = set.iter().map(|s| (*s).to_owned()).collect();
    preset::load(path.to_str().unwrap(), &Overrides { set, ..Overrides::default() }).unwrap().spec
}

/// `aabb` repeated, in windows of three: only the state shows the position of the first step of a window.
fn language(folder: &TempDir, set: &[&str]) -> RunSpec {
    let preset = "title: t
data: {source: text, path: text.txt, validation: 0.2}
tokens: {level: character, vocabulary: 4, length: 3}
model:
  - {layer: Embedding, output_dim: 4}
  - {layer: LSTM, units: 8, return_sequences: true, stateful: true}
  - {layer: Dense, units: 4, activation: softmax}
train:
  loss: sparse_categorical_crossentropy
  optimizer: {name: Adam, learning_rate: 0.03}
  batch_size: 4
  epochs: 2
watch: {every: 50, probes: [aab], sample: {prime: aab, temperature: 0, length: 9}}
";
    written(folder, "text.txt", &"aabb".repeat(1000), preset, set)
}

fn epochs(events: &[Event]) -> Vec<&EpochMetrics> {
    events.iter().filter_map(|e| if let Event::Epoch(m) = e { Some(&**m) } else { None }).collect()
}

fn val_accuracy(events: &[Event]) -> f64 {
    let mut message = events.iter().rev();
    message.find_map(|e| if let Event::Epoch(m) = e { m.get("val_accuracy") } else { None }).unwrap()
}

fn samples(events: &[Event]) -> Vec<&Sample> {
    events.iter().filter_map(|e| if let Event::Sample(sample) = e { Some(sample) } else { None }).collect()
}

#[test]
fn a_carried_state_connects_windows_and_otherwise_each_starts_at_zero() {
    let folder = tempfile::tempdir().unwrap();
    let (carried, outcome, _run) = Run::start(language(&folder, &[])).outcome();
    assert_eq!(outcome, Outcome::Finished);
    assert!(val_accuracy(&carried) > 0.97, "{}", val_accuracy(&carried));
    let (blind, _, _run) = Run::start(language(&folder, &["model.1.stateful=false"])).outcome();
    // Half of the first steps are wrong: one in six.
    assert!((0.78..0.88).contains(&val_accuracy(&blind)), "{}", val_accuracy(&blind));
    // A language model has perplexity, but no confusion matrix.
    let [.., last] = epochs(&carried)[..] else { panic!("no epoch") };
    assert!(last.confusion.is_none());
    assert!(last.get("val_bits_per_token").unwrap() < 0.5, "{last:?}");
}

#[test]
fn samples_are_generated_after_every_epoch_and_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let spec = language(&folder, &["watch.sample.every=100"]);
    let steps = Session::prepare(spec.clone(), 1, &mut |_| {}).unwrap().train.batches() as u64;
    let (events, _, run) = Run::start(spec).outcome();
    let samples = samples(&events);
    let is_due =
        |step: &u64| [1, 10].contains(step) || step.is_multiple_of(100) || step.is_multiple_of(steps);
    let due: Vec<u64> = (1..=2 * steps).filter(is_due).collect();
    assert_eq!(samples.iter().map(|sample| sample.step).collect::<Vec<_>>(), due);
    let last = samples.last().unwrap();
    assert_eq!((last.prime.as_str(), last.text.as_str(), last.epoch), ("aab", "baabbaabb", 2));
    // They are recorded.
    let reader = Reader::open(&run.path().join("run")).unwrap();
    let recorded: Vec<Event> = reader.events().unwrap().collect::<Result<_, RunError>>().unwrap();
    assert_eq!(self::samples(&recorded), samples);
    let lines = std::fs::read_to_string(run.path().join("run/metrics.jsonl")).unwrap();
    assert!(lines.contains(r#"{"kind":"sample","step":"#) && lines.contains(r#""text":"baabbaabb"}"#));
}

#[test]
fn errors_of_a_series_are_in_its_units_with_those_of_baselines() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "month,sold\n".to_owned();
    (0..120).for_each(|n| {
        let season = 1.0 + 0.3 * (std::f64::consts::TAU * f64::from(n) / 12.0).sin();
        writeln!(text, "{},{}", n, 1000.0 * 1.01_f64.powi(n) * season).unwrap();
    });
    let preset = "title: t
data: {source: series, path: sold.csv, values: [sold], window: 12, log: true, difference: true, season: 12, validation: 0.3}
model: [{layer: LSTM, units: 16}, {layer: Dense, units: 1}]
train: {loss: mean_squared_error, optimizer: {name: Adam, learning_rate: 0.01}, batch_size: 8, epochs: 20}
";
    let (events, outcome, _run) = Run::start(written(&folder, "sold.csv", &text, preset, &[])).outcome();
    assert_eq!(outcome, Outcome::Finished);
    let [.., last] = epochs(&events)[..] else { panic!("no epoch") };
    let message = |name: &str| last.get(name).unwrap();
    // Growth by 1 % a month: the same month of the year before is about 12 % too low.
    assert!((200.0..400.0).contains(&message("val_rmse_seasonal")), "{last:?}");
    assert!(message("val_rmse") < message("val_rmse_seasonal") / 2.0, "{last:?}");
    assert!(message("val_rmse") < message("val_rmse_last") / 2.0, "{last:?}");
    assert!(message("val_mae") <= message("val_rmse"));
}

#[test]
fn padding_is_excluded_from_all_metrics_of_tagged_sentences() {
    let folder = tempfile::tempdir().unwrap();
    let sentences = "the D\ndog N\nbarks V\n\ndogs N\nrun V\n\n".repeat(40);
    std::fs::write(folder.path().join("test.txt"), "the D\ndog N\nbarks V\n\ndogs N\nrun V\n").unwrap();
    let preset = "title: t
data: {source: tags, path: tags.txt, validation: {path: test.txt}}
tokens:
  length: 7
  channels: [{level: word, vocabulary: 50}, {name: last letter, level: ending, letters: 1, vocabulary: 9}]
model:
  - {layer: Embedding, inputs: [last letter], output_dim: 2, mask_zero: true}
  - {layer: Embedding, inputs: [word], output_dim: 8, mask_zero: true}
  - {layer: Concatenate, inputs: [0, 1]}
  - {layer: Bidirectional, of: {layer: GRU, units: 8, return_sequences: true}}
  - {layer: Dense, units: 3, activation: softmax}
train: {loss: sparse_categorical_crossentropy, optimizer: {name: Adam, learning_rate: 0.02}, batch_size: 8, epochs: 6}
watch: {probes: [the dog runs]}
";
    let spec = written(&folder, "tags.txt", &sentences, preset, &[]);
    let (events, outcome, run) = Run::start(spec.clone()).outcome();
    assert_eq!(outcome, Outcome::Finished);
    let [.., last] = epochs(&events)[..] else { panic!("no epoch") };
    let matrix = last.confusion.as_ref().unwrap();
    assert_eq!(matrix.counts, [1, 0, 0, 0, 2, 0, 0, 0, 2], "five words, all right");
    let info = prepared(&events);
    assert_eq!(info.probes[0].tokens, ["the", "dog", "runs"]);
    assert_eq!(
        info.data.classes.iter().map(|class| class.label.as_str()).collect::<Vec<_>>(),
        ["D", "N", "V"]
    );
    let run = run.path().join("run");
    let again = preset::load(run.join("spec.yaml").to_str().unwrap(), &Overrides::default()).unwrap();
    assert_eq!(again.spec, spec);
    let file = std::fs::read(run.join("vocabulary.json")).unwrap();
    let vocabularies: Vocabularies = serde_json::from_slice(&file).unwrap();
    let letters = Vec::from(vocabularies.of("last letter").unwrap().clone());
    assert_eq!(letters[2..], ["s", "n", "g", "e"]);
    assert_eq!(vocabularies.first().word(2), "the");
}

/// The examples of all validations.
fn examples(events: &[Event]) -> Vec<&ValidationExamples> {
    events
        .iter()
        .filter_map(|e| if let Event::Examples(examples) = e { Some(&**examples) } else { None })
        .collect()
}

#[test]
fn every_validation_of_a_series_has_its_forecasts_in_the_units_of_the_series() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String =
        (0..60).map(|n| format!("{}-{:02},{}\n", 2000 + n / 12, n % 12 + 1, 1000 + 10 * (n % 6))).collect();
    let preset = "title: t
data: {source: series, path: series.csv, date: month, values: [sold], window: 6, horizon: 3, validation: 0.2, season: 6}
model: [{layer: GRU, units: 4}, {layer: Dense, units: 3}]
train: {loss: mean_squared_error, batch_size: 8, epochs: 3}
";
    let spec = written(&folder, "series.csv", &format!("month,sold\n{rows}"), preset, &[]);
    let (events, outcome, _folder) = Run::start(spec).outcome();
    assert_eq!(outcome, Outcome::Finished);
    let series = prepared(&events).data.series.as_deref().unwrap();
    // Twelve rows are held out; the last two have no whole horizon.
    assert_eq!((series.variable.as_str(), series.starts.len(), series.horizon), ("sold", 10, 3));
    assert_eq!((series.before + series.starts[0], series.season), (48, Some(6)));
    assert_eq!(series.dates[series.starts[0]], "2004-01");
    assert_eq!(series.values[series.starts[0] + 1], Some(1010.0));
    let examples = examples(&events);
    assert_eq!(examples.iter().map(|of| of.epoch).collect::<Vec<_>>(), [1, 2, 3]);
    for of in &examples {
        assert_eq!(of.forecasts.len(), 30);
        assert!(of.forecasts.iter().all(|x| x.is_some_and(|x| (500.0..1500.0).contains(&x))), "{of:?}");
    }
    // They are those whose error is reported.
    let last =
        events.iter().rev().find_map(|e| if let Event::Epoch(m) = e { m.get("val_rmse") } else { None });
    let squares = series.starts.iter().enumerate().flat_map(|(window, start)| {
        let forecasts = &examples[2].forecasts;
        (0..3).map(move |h| {
            (f64::from(forecasts[3 * window + h].unwrap()) - series.values[start + h].unwrap()).powi(2)
        })
    });
    let rmse = (squares.sum::<f64>() / 30.0).sqrt();
    assert!((rmse - last.unwrap()).abs() < 1e-2, "{rmse} {last:?}");
}

#[test]
fn samples_come_from_the_first_steps_on_and_their_beginning_and_temperature_change_on_command() {
    let folder = tempfile::tempdir().unwrap();
    let spec = language(&folder, &["train.epochs=1"]);
    let script =
        vec![(20, Command::SetSample { prime: Some("bb".into()), temperature: Some(1.5) }.by("test"))];
    let run = tempfile::tempdir().unwrap();
    let options = Options { folder: Some(run.path().join("run")), threads: 1, script, ..Options::default() };
    let trainer = Trainer::start(spec, options).unwrap();
    let events: Vec<Event> = trainer.events.iter().collect();
    assert_eq!(trainer.join(), Outcome::Finished);
    let samples = samples(&events);
    let early: Vec<u64> = samples.iter().map(|sample| sample.step).take(4).collect();
    assert_eq!(early, [1, 10, 21, 100]);
    assert_eq!((samples[1].prime.as_str(), samples[1].temperature), ("aab", 0.0));
    assert_eq!((samples[2].prime.as_str(), samples[2].temperature), ("bb", 1.5));
    for sample in &samples {
        // Two letters, the most probable first; at temperature 0 it is what comes first.
        let (first, p) = &sample.candidates[0];
        let sum: f32 = sample.candidates.iter().map(|(_, p)| p).sum();
        assert!(sample.candidates.len() == 2 && (sum - 1.0).abs() < 1e-5 && *p >= 0.5, "{sample:?}");
        assert!(sample.temperature > 0.0 || sample.text.starts_with(first.as_str()), "{sample:?}");
    }
}

#[test]
fn another_beginning_of_samples_is_taken_over_without_another_sample() {
    let folder = tempfile::tempdir().unwrap();
    let spec = language(&folder, &["train.epochs=1", "watch.sample.every=50"]);
    let change = Command::SetSample { prime: Some("bb".into()), temperature: Some(1.5) };
    let recorded = |stop: Option<u64>| {
        let dir = tempfile::tempdir().unwrap();
        let run = Some(dir.path().join("run"));
        let mut script = vec![(20, change.clone().by("test"))];
        script.extend(stop.map(|step| (step, Command::SaveAndStop.by("test"))));
        let options = Options { folder: run.clone(), threads: 1, script, ..Options::default() };
        Trainer::start(spec.clone(), options).unwrap().join();
        if stop.is_some() {
            let resume = Some(Resume { before: None, changes: Vec::new() });
            let options = Options { folder: run, threads: 1, resume, ..Options::default() };
            assert_eq!(Trainer::start(spec.clone(), options).unwrap().join(), Outcome::Finished);
        }
        let reader = Reader::open(&dir.path().join("run")).unwrap();
        let events: Vec<Event> = reader.events().unwrap().map(Result::unwrap).collect();
        samples(&events).into_iter().cloned().collect::<Vec<Sample>>()
    };
    let whole = recorded(None);
    assert!(whole.iter().any(|sample| sample.step == 21 && sample.prime == "bb"));
    for stop in [20, 21, 30] {
        assert_eq!(recorded(Some(stop)), whole, "{stop}");
    }
}

#[test]
fn a_validation_has_texts_of_the_cells_of_its_confusion_matrix() {
    let (events, outcome, _folder) = Run::start(spec(&["data.validation=100"])).outcome();
    assert_eq!(outcome, Outcome::Finished);
    let examples = examples(&events);
    assert!(!examples.is_empty());
    let confusions =
        events.iter().filter_map(|e| if let Event::Epoch(m) = e { m.confusion.clone() } else { None });
    let most_of = |is_right| if is_right { ClassifiedText::MOST_RIGHT } else { ClassifiedText::MOST_WRONG };
    for (of, confusion) in examples.iter().zip(confusions) {
        assert!(!of.texts.is_empty() && of.words.is_empty() && of.forecasts.is_empty());
        for actual in 0..2 {
            for predicted in 0..2 {
                let texts =
                    of.texts.iter().filter(|text| (text.actual, text.predicted) == (actual, predicted));
                let most = confusion.count(actual, predicted).min(most_of(actual == predicted) as u64);
                assert_eq!(texts.count() as u64, most);
            }
        }
        assert!(of.texts.iter().all(|text| text.text.split(' ').count() > 2), "{:?}", of.texts);
    }
}
