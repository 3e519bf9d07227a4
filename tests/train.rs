//! The trainer's public interface: order of events, commands, and independence of its receivers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

#[path = "train/diverged.rs"]
mod diverged;
#[path = "train/fingerprints.rs"]
mod fingerprints;
#[path = "train/frozen.rs"]
mod frozen;
#[path = "train/interrupted.rs"]
mod interrupted;
#[path = "train/labels.rs"]
mod labels;
#[path = "train/measured.rs"]
mod measured;
#[path = "common/messages.rs"]
mod messages;
#[path = "train/vectors.rs"]
mod pretrained;
#[path = "train/requested.rs"]
mod requested;
#[path = "train/sequences.rs"]
mod sequences;
#[path = "train/streamed.rs"]
mod streamed;

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use unrolled::data::{Batch, Batches, DataSpec, TargetForm};
use unrolled::nn::Score;
use unrolled::preset::{self, Overrides, RunSpec};
use unrolled::protocol::{Command, EpochMetrics, Event, Level, ProbeFrame, RunInfo, RunStatus, StepMetrics};
use unrolled::run::checkpoint::{self, Which};
use unrolled::run::{Reader, RunError};
use unrolled::train::{Options, Outcome, Session, Trainer};

/// Far longer than anything takes; reached only by a test that fails.
const LONG: Duration = Duration::from_secs(60);

/// Four steps an epoch, two epochs.
fn spec(set: &[&str]) -> RunSpec {
    let small = ["data.train=128", "data.validation=64", "train.epochs=2", "watch.every=2"];
    let set = small.iter().chain(set).map(|s| (*s).to_owned()).collect();
    preset::load("word-order", &Overrides { set, ..Overrides::default() }).unwrap().spec
}

/// A trainer in a folder of its own.
struct Run {
    folder: TempDir,
    trainer: Trainer,
}

impl Run {
    fn start(spec: RunSpec) -> Self {
        Self::start_as(spec, false)
    }

    /// With or without a screen.
    fn start_as(spec: RunSpec, watched: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let run = Some(folder.path().join("run"));
        let options = Options { folder: run, threads: 2, watched, ..Options::default() };
        Self { trainer: Trainer::start(spec, options).unwrap(), folder }
    }

    fn tell(&self, command: Command) {
        self.trainer.commands.send(command).unwrap();
    }

    /// All events to the end, and how it ended.
    fn outcome(self) -> (Vec<Event>, Outcome, TempDir) {
        let events = self.trainer.events.iter().collect();
        (events, self.trainer.join(), self.folder)
    }

    /// The next event that `wanted` takes.
    fn next<T>(&self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        loop {
            let event = self.trainer.events.recv_timeout(LONG).expect("the trainer says nothing of it");
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    }

    fn next_status(&self, status: &RunStatus) {
        self.next(|event| matches!(event, Event::Status(s) if s == status).then_some(()));
    }

    /// The numbers of the steps before it pauses.
    fn steps_until_paused(&self) -> Vec<u64> {
        let mut steps = Vec::new();
        loop {
            match self.trainer.events.recv_timeout(LONG).expect("the trainer does not pause") {
                Event::Step(metrics) => steps.push(metrics.step),
                Event::Status(RunStatus::Paused) => return steps,
                _ => {}
            }
        }
    }

    fn next_step(&self) -> StepMetrics {
        self.next(step)
    }
}

fn step(event: &Event) -> Option<StepMetrics> {
    match event {
        Event::Step(metrics) => Some(*metrics),
        _ => None,
    }
}

fn prepared(events: &[Event]) -> &RunInfo {
    let mut all = events.iter().filter_map(|e| if let Event::Prepared(info) = e { Some(info) } else { None });
    let info = all.next().unwrap();
    assert!(all.next().is_none(), "prepared twice");
    info
}

fn saved_step(run: &Path) -> u64 {
    checkpoint::read(run, Which::Last).unwrap().step
}

#[test]
fn events_come_in_the_documented_order() {
    let (events, outcome, _folder) = Run::start(spec(&[])).outcome();
    assert_eq!(outcome, Outcome::Finished);
    assert_eq!(events.last(), Some(&Event::Status(RunStatus::Finished)));
    assert!(matches!(events.first(), Some(Event::Status(RunStatus::Preparing { .. }))));

    let info = prepared(&events);
    assert_eq!((info.steps_per_epoch, info.epochs, info.data.train, info.data.validation), (4, 2, 128, 64));
    let at = |wanted: &dyn Fn(&Event) -> bool| events.iter().position(wanted).unwrap();
    assert!(at(&|e| matches!(e, Event::Prepared(_))) < at(&|e| matches!(e, Event::Step(_))));
    let steps: Vec<(u64, usize)> = events.iter().filter_map(step).map(|m| (m.step, m.epoch)).collect();
    assert_eq!(steps, [(1, 1), (2, 1), (3, 1), (4, 1), (5, 2), (6, 2), (7, 2), (8, 2)]);
    for epoch in [1, 2] {
        let end = at(&|e| matches!(e, Event::Epoch(m) if m.epoch == epoch && m.step == 4 * epoch as u64));
        let last_of_it = at(&|e| matches!(e, Event::Step(m) if m.step == 4 * epoch as u64));
        let saved = at(&|e| matches!(e, Event::Saved(s) if s.step == 4 * epoch as u64));
        assert!(last_of_it < end && end < saved);
        let next = events.iter().position(|e| matches!(e, Event::Step(m) if m.epoch == epoch + 1));
        assert!(next.is_none_or(|next| end < next));
    }
    assert!(events.iter().all(|e| !matches!(e, Event::Log(line) if line.level != Level::Info)), "{events:?}");
}

/// A few steps of an embedded preset that makes its own data.
fn brief(name: &str, set: &[&str]) -> RunSpec {
    let small = ["data.train=64", "data.validation=32", "train.epochs=1", "watch.every=1"];
    let set = small.iter().chain(set).map(|s| (*s).to_owned()).collect();
    preset::load(name, &Overrides { set, ..Overrides::default() }).unwrap().spec
}

fn frames(events: &[Event]) -> Vec<&ProbeFrame> {
    events.iter().filter_map(|e| if let Event::Probe(frame) = e { Some(&**frame) } else { None }).collect()
}

#[test]
fn every_preset_of_generated_data_trains_and_has_probes() {
    let generated = |name: &&str| {
        matches!(preset::load(name, &Overrides::default()).unwrap().spec.data, DataSpec::Generated(_))
    };
    let names: Vec<&str> = preset::names().filter(generated).collect();
    assert!(names.len() >= 14, "{names:?}");
    for name in names {
        let spec = brief(name, &[]);
        let (targets, has_classes) = (spec.form().targets, spec.train.loss.has_classes());
        let (events, outcome, _folder) = Run::start(spec).outcome();
        assert_eq!(outcome, Outcome::Finished, "{name}");
        let steps: Vec<StepMetrics> = events.iter().filter_map(step).collect();
        assert!(!steps.is_empty() && steps.iter().all(|m| m.loss.is_finite()), "{name}");
        assert!(steps.iter().all(|m| m.accuracy.is_some() == has_classes), "{name}");
        let (info, frames) = (prepared(&events), frames(&events));
        assert_eq!(frames.len(), info.probes.len() * (steps.len() + 1), "{name}");
        assert!(!info.probes.is_empty(), "{name}");
        for frame in frames {
            let answers =
                if let TargetForm::Real(outputs) = targets { outputs } else { targets.labels().len() };
            assert_eq!(frame.prediction.len(), answers, "{name}");
            let sum: f32 = frame.prediction.iter().sum();
            assert!(!has_classes || (sum - 1.0).abs() < 1e-5, "{name}: probabilities add up to {sum}");
            let rows = info.probes[frame.probe].tokens.len();
            let of_tokens = frame.activations.iter().filter(|part| part.window.is_none());
            assert!(of_tokens.into_iter().all(|part| part.values.len() == rows * part.units), "{name}");
        }
        assert_eq!(info.data.classes.len(), targets.labels().len(), "{name}");
    }
}

#[test]
fn a_probe_of_the_data_has_its_truth() {
    let (events, ..) = Run::start(brief("adding-problem", &["watch.probes=3", "data.length=12"])).outcome();
    let probes = &prepared(&events).probes;
    assert_eq!(probes.len(), 3);
    assert_eq!(probes[1].text, "validation sequence 2");
    assert_eq!(probes[0].tokens, ["t=0", "", "", "", "", "t=5", "", "", "", "", "t=10", ""]);
    let sums: Vec<f64> = probes.iter().map(|probe| probe.truth.as_ref().unwrap().parse().unwrap()).collect();
    assert!(sums.iter().all(|sum| (0.0..2.0).contains(sum)) && sums[0] != sums[1], "{sums:?}");

    let (events, ..) = Run::start(brief("vanishing-lstm", &["data.validation=0", "data.gap=5"])).outcome();
    for probe in &prepared(&events).probes {
        assert!(probe.text.starts_with("training sequence "));
        assert_eq!(
            (probe.tokens.len(), probe.first_step, probe.truth.as_ref()),
            (6, 0, probe.tokens.first())
        );
    }
}

#[test]
fn sequences_of_the_data_have_a_prediction_after_each_token_where_the_network_has_one_output() {
    let (events, outcome, _folder) = Run::start(brief("vanishing-rnn", &[])).outcome();
    assert_eq!(outcome, Outcome::Finished);
    let length = prepared(&events).probes[0].tokens.len();
    assert!(length > 20);
    for frame in frames(&events) {
        assert_eq!(frame.by_token.len(), length);
        // After the last token it is the prediction for the whole.
        let last = &frame.by_token[length - 1].outputs[0];
        let likeliest = frame.prediction.iter().copied().fold(0.0, f32::max);
        assert!((last.1 - likeliest).abs() < 1e-6, "{last:?} {:?}", frame.prediction);
        assert!(frame.by_token.iter().all(|token| token.outputs.len() == 2));
    }
}

#[test]
fn the_prediction_of_a_probe_is_that_of_the_last_step_before_padding() {
    let first = |length: &str| {
        let (events, ..) = Run::start(brief("reber-grammar", &["watch.probes=[B T B]", length])).outcome();
        frames(&events)[0].prediction.clone()
    };
    assert_eq!(first("data.length=12"), first("data.length=30"));
    let longer = brief("reber-grammar", &["watch.probes=[B T B T]"]);
    assert_ne!(frames(&Run::start(longer).outcome().0)[0].prediction, first("data.length=24"));
}

#[test]
fn tasks_with_several_legal_classes_report_the_legal_share() {
    let set = ["data.train=640", "train.epochs=4"];
    let (events, ..) = Run::start(brief("reber-grammar", &set)).outcome();
    let accuracy =
        events.iter().filter_map(|e| if let Event::Epoch(m) = e { m.get("val_accuracy") } else { None });
    let metric = |e: &Event| match e {
        Event::Epoch(epoch) => epoch.get("val_legal"),
        _ => None,
    };
    let legal: Vec<f64> = events.iter().filter_map(metric).collect();
    assert_eq!(legal.len(), 4);
    assert!(legal.iter().zip(accuracy).all(|(legal, right)| *legal >= right && *legal <= 1.0), "{legal:?}");
    assert!(legal[3] > 0.85, "what is learnt of it: {legal:?}");
}

#[test]
fn metrics_of_an_epoch_are_means_over_its_sequences() {
    // 72 sequences: the last of three batches has eight.
    let (events, ..) = Run::start(spec(&["data.train=72", "train.epochs=1"])).outcome();
    let losses: Vec<f64> = events.iter().filter_map(step).map(|m| m.loss).collect();
    let mean = (losses[0] * 32.0 + losses[1] * 32.0 + losses[2] * 8.0) / 72.0;
    let epoch =
        events.iter().find_map(|e| if let Event::Epoch(m) = e { Some(m.clone()) } else { None }).unwrap();
    let loss = epoch.get("loss").unwrap();
    assert!((loss - mean).abs() < 1e-9, "{loss} {mean}");
    assert!(epoch.get("val_loss").is_some_and(f64::is_finite) && epoch.get("val_accuracy").is_some());
}

#[test]
fn only_monitored_steps_have_gradients_and_probes() {
    let (events, ..) = Run::start(spec(&["watch.every=3"])).outcome();
    let info = prepared(&events).clone();
    let gradients: Vec<(u64, usize, usize)> = events
        .iter()
        .filter_map(
            |e| if let Event::Gradient(g) = e { Some((g.step, g.layer, g.hnorm.len())) } else { None },
        )
        .collect();
    assert_eq!(
        gradients,
        [(1, 1, 16), (4, 1, 16), (7, 1, 16), (8, 1, 16)],
        "one profile of 16 time steps each, and the last"
    );
    let probes: Vec<_> =
        events.iter().filter_map(|e| if let Event::Probe(p) = e { Some(p.as_ref()) } else { None }).collect();
    assert_eq!(
        probes.iter().map(|p| (p.step, p.probe)).collect::<Vec<_>>(),
        [(0, 0), (0, 1), (1, 0), (1, 1), (4, 0), (4, 1), (7, 0), (7, 1), (8, 0), (8, 1)]
    );
    for probe in probes {
        let tokens = info.probes[probe.probe].tokens.len();
        let [h] = probe.activations.as_slice() else { panic!("{:?}", probe.activations) };
        assert_eq!((h.quantity.as_str(), h.layer, h.units, h.values.len()), ("h", 1, 24, 24 * tokens));
        assert!((probe.prediction.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{:?}", probe.prediction);
    }
}

fn profiled(events: &[Event]) -> Vec<u64> {
    events.iter().filter_map(|e| if let Event::Gradient(g) = e { Some(g.step) } else { None }).collect()
}

#[test]
fn with_a_pace_steps_are_monitored_as_often_as_the_screen_is_drawn() {
    // Two steps a frame of a fifteenth of a second.
    for (every, watched, profiles) in
        [("100", true, vec![1, 3, 5, 7, 8]), ("1", true, (1..=8).collect()), ("100", false, vec![1, 8])]
    {
        let spec = spec(&["watch.pace=30", &format!("watch.every={every}")]);
        let (events, ..) = Run::start_as(spec, watched).outcome();
        assert_eq!(profiled(&events), profiles, "every {every}, watched {watched}");
    }
}

#[test]
fn a_single_step_is_monitored() {
    let run = Run::start(spec(&["watch.every=100"]));
    for step in 1..=3 {
        run.tell(Command::SingleStep);
        let profile = |event: &Event| if let Event::Gradient(g) = event { Some(g.step) } else { None };
        assert_eq!(run.next(profile), step);
        run.next_status(&RunStatus::Paused);
    }
    run.tell(Command::Resume);
    assert_eq!(profiled(&run.outcome().0), [8], "the last step");
}

#[test]
fn pause_single_step_and_resume() {
    let run = Run::start(spec(&[]));
    run.tell(Command::Pause);
    let mut steps = run.steps_until_paused();
    for _ in 0..2 {
        run.tell(Command::SingleStep);
        let made = run.steps_until_paused();
        assert_eq!(made.len(), 1);
        steps.extend(made);
    }
    run.tell(Command::Resume);
    let (events, outcome, _folder) = run.outcome();
    assert_eq!(outcome, Outcome::Finished);
    steps.extend(events.iter().filter_map(step).map(|m| m.step));
    assert_eq!(steps, (1..=8).collect::<Vec<_>>());
}

#[test]
fn a_doubled_learning_rate_applies_to_the_next_step() {
    let run = Run::start(spec(&[]));
    run.tell(Command::SingleStep);
    assert_eq!(run.next_step().learning_rate, 0.002);
    run.next_status(&RunStatus::Paused);
    run.tell(Command::ScaleLearningRate { factor: 2.0 });
    run.tell(Command::SingleStep);
    assert_eq!(run.next_step().learning_rate, 0.004);
    run.tell(Command::Stop);
}

#[test]
fn commands_change_clipping_dropout_patience_and_probes_and_come_back_as_events() {
    let layers = "model=[{layer: Embedding, output_dim: 4, mask_zero: true}, {layer: Dropout, rate: 0.5}, {layer: LSTM, units: 4}, {layer: Dense, units: 1, activation: sigmoid}]";
    let run = Run::start(spec(&[layers, "train.early_stopping={patience: 3}"]));
    run.tell(Command::SingleStep);
    run.next_status(&RunStatus::Paused);
    for command in [
        Command::SetLearningRate { value: 0.25 },
        Command::SetClipnorm { global_clipnorm: Some(0.5) },
        Command::SetDropout { rate: 0.125 },
        Command::SetPatience { patience: 1 },
        Command::AddProbe { text: "not good".into() },
        // Out of range: ignored.
        Command::SetDropout { rate: 2.0 },
    ] {
        run.tell(command);
    }
    run.tell(Command::SaveAndStop);
    let (events, outcome, folder) = run.outcome();
    assert_eq!(outcome, Outcome::Stopped);
    let applied = events.iter().filter_map(|event| match event {
        Event::Command(applied) => Some(serde_json::to_string(applied).unwrap()),
        _ => None,
    });
    let at = r#"{"step":1,"epoch":1,"by":"program","command":"#;
    let expected = [
        r#""set_learning_rate","value":0.25,"learning_rate":0.25}"#,
        r#""set_clipnorm","global_clipnorm":0.5,"learning_rate":0.25}"#,
        r#""set_dropout","rate":0.125,"learning_rate":0.25}"#,
        r#""set_patience","patience":1,"learning_rate":0.25}"#,
        r#""add_probe","text":"not good","learning_rate":0.25}"#,
        r#""save_and_stop","learning_rate":0.25}"#,
    ];
    assert_eq!(applied.collect::<Vec<_>>(), expected.map(|end| format!("{at}{end}")));
    assert!(events.iter().any(|event| matches!(event, Event::ProbeAdded(probe) if probe.tokens.len() == 2)));
    // Those on which later weights depend are lines of the metrics, and comments of the spec.
    let metrics = std::fs::read_to_string(folder.path().join("run/metrics.jsonl")).unwrap();
    assert_eq!(metrics.lines().filter(|line| line.contains(r#""kind":"command""#)).count(), 4, "{metrics}");
    let spec = std::fs::read_to_string(folder.path().join("run/spec.yaml")).unwrap();
    assert_eq!(spec.lines().filter(|line| line.starts_with("#   after step 1: ")).count(), 4, "{spec}");
}

#[test]
fn stopping_leaves_the_last_checkpoint_and_saving_writes_one_of_the_current_step() {
    for (command, saved) in [(Command::Stop, None), (Command::SaveAndStop, Some(2))] {
        let run = Run::start(spec(&[]));
        for _ in 0..2 {
            run.tell(Command::SingleStep);
            run.next_step();
        }
        run.tell(command);
        let (events, outcome, folder) = run.outcome();
        assert_eq!(outcome, Outcome::Stopped);
        assert_eq!(events.last(), Some(&Event::Status(RunStatus::Stopped { saved: saved.is_some() })));
        let last = checkpoint::read(&folder.path().join("run"), Which::Last);
        assert_eq!(last.ok().map(|checkpoint| checkpoint.step), saved);
    }
}

#[test]
fn saving_does_not_end_the_run() {
    let run = Run::start(spec(&[]));
    run.tell(Command::SingleStep);
    run.next_status(&RunStatus::Paused);
    run.tell(Command::Save);
    let saved = run.next(|event| if let Event::Saved(saved) = event { Some(saved.clone()) } else { None });
    assert_eq!((saved.step, saved.best), (1, false));
    run.tell(Command::Resume);
    assert_eq!(run.outcome().1, Outcome::Finished);
}

#[test]
fn recorded_events_equal_sent_events() {
    let (message, _, folder) = Run::start(spec(&[])).outcome();
    let reader = Reader::open(&folder.path().join("run")).unwrap();
    let recorded: Vec<Event> = reader.events().unwrap().collect::<Result<_, RunError>>().unwrap();
    // Recording starts when the folder is created; activations of probes and pictures of kernels are quantised.
    let exact = |events: &[Event]| -> Vec<Event> {
        let from = events.iter().position(|e| matches!(e, Event::Prepared(_))).unwrap();
        let is_exact = |event: &&Event| !matches!(event, Event::Probe(_) | Event::Weights(_));
        events[from..].iter().filter(is_exact).cloned().collect()
    };
    assert_eq!(exact(&recorded), exact(&message));
}

#[test]
fn a_dropped_receiver_does_not_stop_training() {
    let gone = Run::start(spec(&[]));
    let Run { folder, trainer } = gone;
    let Trainer { events, .. } = &trainer;
    events.recv_timeout(LONG).unwrap();
    assert_eq!(trainer.join(), Outcome::Finished);
    assert_eq!(saved_step(&folder.path().join("run")), 8);
}

#[test]
fn a_paused_trainer_without_senders_runs_to_its_end() {
    let run = Run::start(spec(&[]));
    run.tell(Command::Pause);
    run.steps_until_paused();
    assert_eq!(run.trainer.join(), Outcome::Finished);
}

#[test]
fn a_stateful_model_reads_its_data_in_order_epoch_after_epoch() {
    let order = |set: &[&str]| {
        let mut session = Session::prepare(spec(set), 1, &mut |_| {}).unwrap();
        let Batches::InMemory { sampler, .. } = &mut session.train else { panic!("in memory") };
        [1, 2].map(|epoch| (0..4).flat_map(|b| sampler.batch(epoch, b).to_vec()).collect::<Vec<_>>())
    };
    let in_order: Vec<usize> = (0..128).collect();
    let of_both = "model.1={layer: Bidirectional, of: {layer: GRU, units: 2, stateful: true}}";
    for set in ["model.1.stateful=true", of_both] {
        assert_eq!(order(&[set]), [in_order.clone(), in_order.clone()], "{set}");
    }
    assert!(order(&[]).iter().all(|order| *order != in_order));
}

#[test]
fn validation_of_a_stateful_model_carries_states_between_batches() {
    let still = "train.optimizer={name: SGD, learning_rate: 1e-30}";
    let spec = spec(&["model.1.stateful=true", still, "train.epochs=1"]);
    let mut session = Session::prepare(spec.clone(), 1, &mut |_| {}).unwrap();
    let (mut batch, mut sum) = (Batch::default(), Score::default());
    for half in [0, 1] {
        session.validation.as_mut().unwrap().fill(0, half, &mut batch).unwrap();
        assert_eq!(batch.len(), 32);
        sum.add(session.stepper.evaluate(&batch, None));
    }
    let (events, _, _) = Run::start(spec).outcome();
    let message = events.iter().find_map(|e| if let Event::Epoch(m) = e { m.get("val_loss") } else { None });
    assert_eq!(message, Some(sum.mean_loss()));
    let words = "every epoch reads the data in order, unshuffled";
    assert!(events.iter().any(|e| matches!(e, Event::Log(line) if line.text.contains(words))));
}

#[test]
fn a_diverged_run_leaves_finite_weights() {
    let run = Run::start(spec(&["train.optimizer={name: SGD, learning_rate: 1e38}"]));
    let (events, outcome, folder) = run.outcome();
    let Outcome::Diverged(what) = outcome else { panic!("{outcome:?}") };
    assert!(what.contains("not finite") && what.contains("learning rate"), "{what}");
    assert_eq!(events.last(), Some(&Event::Status(RunStatus::Diverged { what })));
    let made = events.iter().filter_map(step).count() as u64;
    let saved = checkpoint::read(&folder.path().join("run"), Which::Last).unwrap();
    assert_eq!(saved.step, made, "the weights from before the step that failed");
    assert!(!saved.model.is_empty());
    assert!(saved.model.iter().all(|tensor| tensor.data.iter().all(|x| x.is_finite())));
}

#[test]
fn weights_that_overflowed_are_not_saved() {
    let run = Run::start(spec(&["train.optimizer={name: SGD, learning_rate: 1e300}"]));
    let (_, outcome, folder) = run.outcome();
    assert!(matches!(outcome, Outcome::Diverged(_)), "{outcome:?}");
    assert!(checkpoint::read(&folder.path().join("run"), Which::Last).is_err());
}

#[test]
fn a_run_whose_last_update_overflows_has_diverged() {
    let rate = "train.optimizer={name: SGD, learning_rate: 1e300}";
    let run = Run::start(spec(&[rate, "data.train=64", "train.batch_size=64", "train.epochs=1"]));
    let (events, outcome, folder) = run.outcome();
    assert_eq!(events.iter().filter_map(step).count(), 1);
    let Outcome::Diverged(what) = outcome else { panic!("{outcome:?}") };
    assert!(what.starts_with("step 1: 0.embeddings is not finite"), "{what}");
    assert!(checkpoint::read(&folder.path().join("run"), Which::Last).is_err());
}

#[test]
fn data_that_do_not_fit_the_task_are_an_error_before_a_folder_is_created() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("three.csv");
    std::fs::write(&data, "text,label\na,x\nb,y\nc,z\n").unwrap();
    let overrides = Overrides { data: Some(data), ..Overrides::default() };
    let run = Run::start(preset::load("lecture-rnn8", &overrides).unwrap().spec);
    let (events, outcome, folder) = run.outcome();
    let Outcome::Unusable(what) = outcome else { panic!("{outcome:?}") };
    messages::assert_messages("train_three_classes", [("lecture-rnn8 --data three.csv", &what)]);
    assert_eq!(events.last(), Some(&Event::Status(RunStatus::Failed { what })));
    assert!(!folder.path().join("run").exists());
}
