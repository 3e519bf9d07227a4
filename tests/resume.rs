//! Stop anywhere and resume is the same as never stopped: weights, metrics and recording, to the bit.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

#[path = "resume/batch_size.rs"]
mod batch_size;
#[path = "resume/branch.rs"]
mod branch;
#[path = "resume/damaged.rs"]
mod damaged;
#[path = "resume/killed.rs"]
mod killed;
#[path = "resume/refused.rs"]
mod refused;
#[path = "resume/samples.rs"]
mod samples;
#[path = "resume/undone.rs"]
mod undone;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;
use unrolled::preset::{self, Overrides, RunSpec};
use unrolled::protocol::{Command, Event, RunStatus};
use unrolled::run::checkpoint::{self, LoadedCheckpoint, Which};
use unrolled::run::{Folder, Reader, Recorder};
use unrolled::train::{Options, Outcome, Resume, Trainer};

/// A spec of its own for every kind of layer, data, schedule and stopper.
fn spec_of(preset: &str, set: &[&str]) -> RunSpec {
    let set = set.iter().map(|s| (*s).to_owned()).collect();
    preset::load(preset, &Overrides { set, ..Overrides::default() }).unwrap().spec
}

/// Small word order: eight steps an epoch, three epochs.
fn word_order(set: &[&str]) -> RunSpec {
    let small =
        ["data.train=60", "data.validation=20", "train.batch_size=8", "train.epochs=3", "watch.every=3"];
    spec_of("word-order", &[&small, set].concat())
}

/// Starts or resumes the run in `folder`, and stops it after so many steps.
fn start(spec: &RunSpec, folder: &Path, stop: Option<u64>) -> Trainer {
    let resume = folder.join("spec.yaml").exists().then(Resume::default);
    let script = stop.map(|step| (step, Command::SaveAndStop.by("test"))).into_iter().collect();
    let options =
        Options { folder: Some(folder.to_owned()), threads: 1, resume, script, ..Options::default() };
    Trainer::start(spec.clone(), options).unwrap()
}

/// Trains to the end with a stop after each of `stops` steps.
fn trained(spec: &RunSpec, stops: &[u64]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("run");
    for stop in stops {
        let outcome = start(spec, &folder, Some(*stop)).join();
        assert!(matches!(outcome, Outcome::Stopped | Outcome::Finished), "{outcome:?}");
    }
    assert_eq!(start(spec, &folder, None).join(), Outcome::Finished);
    dir
}

/// What must be the same: the checkpoints, the metrics and the events, without what measures time.
#[derive(Debug, PartialEq)]
struct Facts {
    last: (u64, LoadedTensors),
    best: Option<(u64, LoadedTensors)>,
    metrics: Vec<Value>,
    events: Vec<String>,
}

type LoadedTensors = (Vec<checkpoint::Tensor>, Vec<checkpoint::Tensor>, Vec<checkpoint::Tensor>);

fn loaded(folder: &Path, which: Which) -> (u64, LoadedTensors) {
    let LoadedCheckpoint { step, model, optimizer, carried, .. } = checkpoint::read(folder, which).unwrap();
    (step, (model, optimizer, carried))
}

fn metrics(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    let line = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        let object = line.as_object_mut().unwrap();
        object.remove("seconds");
        object.remove("sequences_per_s");
        line
    };
    text.lines().map(line).collect()
}

/// The events apart from those about stopping and time.
fn events(folder: &Path) -> Vec<String> {
    let reader = Reader::open(folder).unwrap();
    let mut all = Vec::new();
    for event in reader.events().unwrap() {
        let event = match event.unwrap() {
            Event::Status(_)
            | Event::Saved(_)
            | Event::Log(_)
            | Event::Prepared(_)
            | Event::Resumed(_)
            | Event::Undone(_) => continue,
            Event::Command(command) if !command.request.command.is_setting() => continue,
            Event::Step(mut metrics) => {
                (metrics.sequences_per_s, metrics.seconds) = (0.0, 0.0);
                Event::Step(metrics)
            }
            Event::Epoch(mut metrics) => {
                metrics.seconds = 0.0;
                Event::Epoch(metrics)
            }
            Event::Validation(mut metrics) => {
                metrics.seconds = 0.0;
                Event::Validation(metrics)
            }
            event => event,
        };
        all.push(format!("{event:?}"));
    }
    all
}

fn facts(dir: &TempDir) -> Facts {
    let folder = dir.path().join("run");
    let has_best = checkpoint::exists(&folder, Which::Best);
    Facts {
        last: loaded(&folder, Which::Last),
        best: has_best.then(|| loaded(&folder, Which::Best)),
        metrics: metrics(&folder),
        events: events(&folder),
    }
}

/// Asserts that a run that was stopped is that which was not, and says at what it differs first.
fn assert_same(stopped: &TempDir, whole: &TempDir) {
    let (stopped, whole) = (facts(stopped), facts(whole));
    for (a, b) in stopped.metrics.iter().zip(&whole.metrics) {
        assert_eq!(a, b);
    }
    for (a, b) in stopped.events.iter().zip(&whole.events) {
        assert_eq!(a, b);
    }
    assert_eq!((stopped.metrics.len(), stopped.events.len()), (whole.metrics.len(), whole.events.len()));
    let names = |loaded: &(u64, LoadedTensors), whole: &(u64, LoadedTensors)| {
        let of = |(step, (model, optimizer, carried)): &(u64, LoadedTensors)| {
            let tensors = [model, optimizer, carried].into_iter().flatten();
            (*step, tensors.map(|t| (t.name.clone(), t.clone())).collect::<Vec<_>>())
        };
        let ((step, all), (other, others)) = (of(loaded), of(whole));
        let differ = all.iter().zip(&others).filter(|(a, b)| a != b).map(|(a, _)| a.0.clone());
        format!(
            "step {step} for {other}: {} tensors for {}: {:?}",
            all.len(),
            others.len(),
            differ.collect::<Vec<_>>()
        )
    };
    assert!(stopped.last == whole.last, "last: {}", names(&stopped.last, &whole.last));
    let best = stopped.best.as_ref().zip(whole.best.as_ref());
    assert!(stopped.best == whole.best, "best: {:?}", best.map(|(a, b)| names(a, b)));
}

const SCHEDULES: [&str; 5] = [
    "constant",
    "{name: step, every: 1, factor: 0.5}",
    "{name: exponential, decay_steps: 5, decay_rate: 0.8}",
    "{name: cosine, decay_steps: 20, warmup_target: 0.01, warmup_steps: 4}",
    "{name: plateau, factor: 0.5, patience: 1, min_delta: 0.5, cooldown: 1}",
];
const STOPPERS: [&str; 4] = [
    "null",
    "{patience: 1}",
    "{patience: 1, min_delta: 0.5, restore_best_weights: true}",
    "{monitor: val_accuracy, patience: 2, restore_best_weights: true}",
];
const OPTIMIZERS: [&str; 8] = [
    "{name: SGD, learning_rate: 0.05}",
    "{name: SGD, learning_rate: 0.05, momentum: 0.9, nesterov: true}",
    "{name: RMSprop, momentum: 0.5, centered: true}",
    "{name: Adagrad, learning_rate: 0.05}",
    "{name: Adam, amsgrad: true, global_clipnorm: 0.5}",
    "{name: AdamW, learning_rate: 0.01}",
    "{name: Nadam, clipvalue: 0.1}",
    "{name: Adam, learning_rate: 0.02, clipnorm: 0.1}",
];
/// Networks with dropout of every kind, states, averages, and a convolution.
const MODELS: [&str; 4] = [
    "[{layer: Embedding, output_dim: 4, mask_zero: true}, {layer: Dropout, rate: 0.3}, {layer: SimpleRNN, units: 3}, {layer: Dense, units: 1, activation: sigmoid}]",
    "[{layer: Embedding, output_dim: 4}, {layer: LSTM, units: 3, stateful: true, dropout: 0.2, recurrent_dropout: 0.2}, {layer: Dense, units: 1, activation: sigmoid}]",
    "[{layer: Embedding, output_dim: 4}, {layer: Bidirectional, of: {layer: GRU, units: 3}}, {layer: BatchNormalization}, {layer: Dense, units: 1, activation: sigmoid}]",
    "[{layer: Embedding, output_dim: 4}, {layer: SpatialDropout1D, rate: 0.2}, {layer: Conv1D, filters: 4, kernel_size: 3}, {layer: GlobalMaxPooling1D}, {layer: GaussianNoise, stddev: 0.1}, {layer: Dense, units: 1, activation: sigmoid}]",
];

/// Where the training data come from: in memory, or streamed through a shuffle buffer of so many rows, validated by a share of the rows
/// or a file of its own.
const DATA: [Option<(usize, &str)>; 4] =
    [None, Some((1, "0.2")), Some((20, "{path: FOLDER/table.csv}")), Some((1_000, "0.2"))];

/// A training on rows of a file, eight steps or more an epoch, which are read anew in every epoch: as data larger than memory are.
fn streamed(folder: &Path, (buffer, validation): (usize, &str), set: &[&str]) -> RunSpec {
    let row = |n: usize| format!("{} it was n{n}{},{}\n", ["bad", "good"][n % 2], " so".repeat(n % 5), n % 2);
    let rows: String = (0..75).map(row).collect();
    fs::write(folder.join("table.csv"), "text,label\n".to_owned() + &rows).unwrap();
    let preset = format!(
        "data: {{source: csv, path: table.csv, stream: {{buffer: {buffer}}}, validation: {}}}
tokens: {{vocabulary: 40, length: 6}}
model: [{{layer: Embedding, output_dim: 4}}, {{layer: GRU, units: 4}}, {{layer: Dense, units: 1, activation: sigmoid}}]
train: {{loss: binary_crossentropy, batch_size: 8, epochs: 3}}
watch: {{every: 3, probes: 2}}
",
        validation.replace("FOLDER", folder.to_str().unwrap())
    );
    let path = folder.join("streamed.yaml");
    fs::write(&path, preset).unwrap();
    spec_of(path.to_str().unwrap(), set)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_schedule_stopper_optimizer_network_and_place(
        schedule in prop::sample::select(&SCHEDULES[..]), stopper in prop::sample::select(&STOPPERS[..]),
        optimizer in prop::sample::select(&OPTIMIZERS[..]), model in prop::sample::select(&MODELS[..]),
        validate_every in prop::option::of(1_u64..6), stops in prop::collection::vec(0_u64..25, 1..4),
        every_steps in prop::option::of(1_u64..7), data in prop::sample::select(&DATA[..]),
    ) {
        let mut set = vec![
            format!("train.schedule={schedule}"),
            format!("train.early_stopping={stopper}"),
            format!("train.optimizer={optimizer}"),
            format!("model={model}"),
        ];
        set.extend(validate_every.map(|every| format!("train.validate_every={every}")));
        set.extend(every_steps.map(|every| format!("train.checkpoint={{every_steps: {every}, keep: 2}}")));
        let set: Vec<&str> = set.iter().map(String::as_str).collect();
        let files = tempfile::tempdir().unwrap();
        let spec = data.map_or_else(|| word_order(&set), |data| streamed(files.path(), data, &set));
        assert_same(&trained(&spec, &stops), &trained(&spec, &[]));
    }
}

#[test]
fn streamed_data_are_read_on_from_any_step_with_any_network() {
    for (i, data) in DATA.into_iter().flatten().enumerate() {
        for model in MODELS {
            let files = tempfile::tempdir().unwrap();
            let set = [&format!("model={model}"), "train.validate_every=3", "train.checkpoint.every_steps=4"];
            let spec = streamed(files.path(), data, &set);
            let whole = trained(&spec, &[]);
            assert!(events(&run_folder(&whole)).len() > 30);
            for stops in [vec![3 + i as u64, 9], vec![1, 8, 20]] {
                assert_same(&trained(&spec, &stops), &whole);
            }
        }
    }
}

#[test]
fn language_models_with_samples_and_carried_states_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text.txt");
    fs::write(&text, "to be, or not to be: that is the question. ".repeat(40)).unwrap();
    let spec = spec_of(
        "shakespeare-lstm",
        &[
            &format!("data.path={}", text.display()),
            "train.epochs=3",
            "train.batch_size=4",
            "tokens.length=12",
            "model=[{layer: Embedding, output_dim: 4}, {layer: LSTM, units: 6, return_sequences: true, stateful: true}, {layer: Dropout, rate: 0.2}, {layer: Dense, units: classes, activation: softmax}]",
            "watch={every: 4, sample: {prime: to, length: 8, every: 5}}",
        ],
    );
    let whole = trained(&spec, &[]);
    let steps = loaded(&whole.path().join("run"), Which::Last).0;
    assert!(steps > 20, "{steps}");
    assert!(events(&whole.path().join("run")).iter().any(|event| event.starts_with("Sample")));
    for stops in [vec![1], vec![5, 6], vec![steps / 3], vec![steps / 3 + 1, steps - 1]] {
        assert_same(&trained(&spec, &stops), &whole);
    }
}

#[test]
fn thinned_probes_are_those_of_a_run_that_was_never_stopped() {
    // Two megabytes of probes with a budget of one.
    let spec =
        word_order(&["train.epochs=12", "watch={every: 1, budget: 1, probes: 20}", "model.1.units=64"]);
    let whole = trained(&spec, &[]);
    let probes =
        |dir: &TempDir| events(&dir.path().join("run")).iter().filter(|e| e.starts_with("Probe(")).count();
    assert!((20..20 * 80).contains(&probes(&whole)), "{} probes", probes(&whole));
    for stops in [vec![10], vec![40, 41], vec![70, 80]] {
        assert_same(&trained(&spec, &stops), &whole);
    }
}

#[test]
fn stopping_while_validating_validates_again() {
    let spec = word_order(&["train.validate_every=3", "data.validation=600"]);
    let whole = trained(&spec, &[]);
    for place in [1, 2, 3, 4] {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("run");
        let trainer = start(&spec, &folder, None);
        let validating = trainer.events.iter().filter(|event| *event == Event::Status(RunStatus::Validating));
        assert!(validating.take(place).count() == place);
        trainer.commands.send(Command::SaveAndStop).unwrap();
        assert!(matches!(trainer.join(), Outcome::Stopped | Outcome::Finished));
        if !is_finished(&spec, &folder) {
            assert_eq!(start(&spec, &folder, None).join(), Outcome::Finished);
        }
        assert_same(&dir, &whole);
    }
}

fn is_finished(spec: &RunSpec, folder: &Path) -> bool {
    let latest = checkpoint::by_step(folder).into_iter().next();
    latest.is_some_and(|(_, path)| unrolled::train::Progress::at(&path, spec).unwrap().is_complete)
}

#[test]
fn commands_are_taken_over_and_a_changed_setting_applies_from_there_on() {
    let spec = word_order(&["train.early_stopping={patience: 3}"]);
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("run");
    let run = |stop: Option<u64>, resume: Option<Resume>, spec: &RunSpec| {
        let mut script = vec![
            (2, Command::SetClipnorm { global_clipnorm: Some(0.01) }.by("test")),
            (2, Command::ScaleLearningRate { factor: 0.5 }.by("test")),
        ];
        script.retain(|_| resume.is_none());
        script.extend(stop.map(|step| (step, Command::SaveAndStop.by("test"))));
        let folder = Some(folder.clone());
        let trainer = Trainer::start(
            spec.clone(),
            Options { folder, threads: 1, resume, script, ..Options::default() },
        );
        trainer.unwrap().join()
    };
    assert_eq!(run(Some(5), None, &spec), Outcome::Stopped);
    let after = word_order(&["train.early_stopping={patience: 3}", "train.epochs=4"]);
    let changes = vec!["train.epochs=4".to_owned()];
    let resume = Resume { before: Some(Box::new(spec)), changes };
    assert_eq!(run(None, Some(resume), &after), Outcome::Finished);
    let rate = |line: &Value| line["learning_rate"].as_f64().filter(|_| line["kind"] == "step");
    let rates: Vec<f64> = metrics(&folder).iter().filter_map(rate).collect();
    assert_eq!((rates.len(), rates[0] / 2.0), (32, rates[31]));
    assert!(folder.join("spec-until-5.yaml").exists());
    let seam =
        Reader::open(&folder).unwrap().events().unwrap().map(Result::unwrap).find_map(|event| match event {
            Event::Resumed(resumed) => Some(resumed),
            _ => None,
        });
    let seam = seam.unwrap();
    assert_eq!((seam.step, seam.epoch, seam.changes), (5, 1, vec!["train.epochs=4".to_owned()]));
    // The first checkpoints know the spec that was written later.
    let loaded = checkpoint::read(&folder, Which::Best).unwrap();
    unrolled::run::check_run_files(&folder, &loaded.run_files).unwrap();
}

#[test]
fn restored_weights_are_the_best_checkpoint_and_training_can_go_on_after_the_last_epoch() {
    let spec = word_order(&[
        "train.optimizer={name: SGD, learning_rate: 0.5}",
        "train.epochs=9",
        "train.early_stopping={patience: 1, restore_best_weights: true}",
    ]);
    let dir = trained(&spec, &[]);
    let folder = dir.path().join("run");
    let (last, best) = (loaded(&folder, Which::Last), loaded(&folder, Which::Best));
    assert_eq!(last, best);
    let latest = checkpoint::by_step(&folder)[0].0;
    assert!(latest > last.0, "the best epoch is the last: {latest}");
    assert!(is_finished(&spec, &folder));
}

#[test]
fn a_checkpoint_whose_event_was_not_recorded_is_one_to_resume_from_twice() {
    let spec = word_order(&[]);
    let whole = trained(&spec, &[]);
    let dir = tempfile::tempdir().unwrap();
    let folder = run_folder(&dir);
    assert_eq!(start(&spec, &folder, Some(8)).join(), Outcome::Stopped);
    // As if the process had been killed right after the checkpoint was complete.
    let reader = Reader::open(&folder).unwrap();
    let before =
        reader.events().unwrap().map(Result::unwrap).take_while(|event| !matches!(event, Event::Saved(_)));
    let before: Vec<Event> = before.collect();
    let other = Folder::create(&dir.path().join("other")).unwrap();
    let mut recorder = Recorder::start(&other, 1 << 20).unwrap();
    for event in before {
        recorder.record(event).unwrap();
    }
    recorder.finish().unwrap();
    fs::copy(other.path().join("frames.bin"), folder.join("frames.bin")).unwrap();
    // Then it goes on, and is killed before the next checkpoint: what it saves is taken away.
    assert_eq!(start(&spec, &folder, Some(11)).join(), Outcome::Stopped);
    fs::remove_dir_all(folder.join("checkpoints/step-11")).unwrap();
    assert_eq!(start(&spec, &folder, None).join(), Outcome::Finished);
    assert_same(&dir, &whole);
}

#[test]
fn a_screen_changes_no_metric() {
    let spec = word_order(&["watch.pace=2000"]);
    let dir = tempfile::tempdir().unwrap();
    let options = Options { folder: Some(run_folder(&dir)), threads: 1, watched: true, ..Options::default() };
    let trainer = Trainer::start(spec.clone(), options).unwrap();
    assert!(trainer.events.iter().any(|event| event == Event::Status(RunStatus::Finished)));
    assert_eq!(metrics(&run_folder(&dir)), metrics(&run_folder(&trained(&spec, &[]))));
}

fn run_folder(dir: &TempDir) -> PathBuf {
    dir.path().join("run")
}
