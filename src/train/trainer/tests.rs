use std::path::Path;

use super::*;
use crate::metrics::Confusion;
use crate::preset::{self, Overrides};
use crate::protocol::{
    Command, EpochMetrics, GradientProfile, Instruments, Level, LogLine, ProbeFrame, Saved, StepMetrics,
    ValidationMetrics,
};
use crate::run::checkpoint::{self, Which};

/// A small run of the word-order preset with the overrides `set`: its outcome and events.
fn trained(folder: &Path, set: &[&str]) -> (Outcome, Vec<Event>) {
    let small = ["data.train=200", "data.validation=60", "train.epochs=6", "model.1.units=4"];
    let set = small.iter().chain(set).map(|a| (*a).to_owned()).collect();
    let spec = preset::load("word-order", &Overrides { set, ..Overrides::default() }).unwrap().spec;
    let options =
        Options { folder: Some(folder.join("run")), threads: 1, watched: false, ..Options::default() };
    let trainer = Trainer::start(spec, options).unwrap();
    let events: Vec<Event> = trainer.events.iter().collect();
    (trainer.join(), events)
}

fn epochs(events: &[Event]) -> Vec<EpochMetrics> {
    events.iter().filter_map(|e| if let Event::Epoch(m) = e { Some((**m).clone()) } else { None }).collect()
}

fn steps(events: &[Event]) -> Vec<StepMetrics> {
    events.iter().filter_map(|e| if let Event::Step(m) = e { Some(*m) } else { None }).collect()
}

#[test]
fn of_several_outcomes_the_worst_counts_and_one_that_is_unusable_first() {
    let text = String::new;
    let ascending = [
        Outcome::Finished,
        Outcome::Diverged(text()),
        Outcome::Failed(text()),
        Outcome::Stopped,
        Outcome::Unusable(text()),
    ];
    for (i, better) in ascending.iter().enumerate() {
        for worse in &ascending[i..] {
            assert_eq!(better.clone().or_worse(worse.clone()), *worse);
            assert_eq!(worse.clone().or_worse(better.clone()), *worse);
        }
    }
    let (first, second) = (Outcome::Failed("first".into()), Outcome::Failed("second".into()));
    assert_eq!(first.clone().or_worse(second), first);
}

#[test]
fn early_stopping_ends_the_run_and_its_last_checkpoint_holds_the_best_weights() {
    let dir = tempfile::tempdir().unwrap();
    // No improvement is large enough: the first epoch remains the best.
    let stopping =
        "train.early_stopping={monitor: val_accuracy, patience: 2, min_delta: 1, restore_best_weights: true}";
    let (outcome, events) = trained(dir.path(), &[stopping]);
    assert_eq!((outcome, epochs(&events).len()), (Outcome::Finished, 3));
    let logged = |words: &str| {
        events.iter().any(|e| matches!(e, Event::Log(LogLine { text, .. }) if text.contains(words)))
    };
    assert!(logged("early stopping after epoch 3: val_accuracy was best in epoch 1"));
    assert!(logged("the weights are the best, of step 7: val_accuracy "));
    let run = dir.path().join("run");
    let read = |which| checkpoint::read(&run, which).unwrap();
    let (last, best) = (read(Which::Last), read(Which::Best));
    assert_eq!((last.model, best.step), (best.model, 7));
    // The latest stays, so that training can go on.
    assert_eq!((last.step, checkpoint::by_step(&run)[0].0), (7, 21));
}

/// A trainer that is paused before its first step, and then makes single ones.
fn stepwise(folder: &Path, set: &[&str]) -> Trainer {
    let small = ["data.train=200", "data.validation=60", "train.epochs=6", "model.1.units=4"];
    let set = small.iter().chain(set).map(|a| (*a).to_owned()).collect();
    let spec = preset::load("word-order", &Overrides { set, ..Overrides::default() }).unwrap().spec;
    let options =
        Options { folder: Some(folder.join("run")), threads: 1, watched: false, ..Options::default() };
    let trainer = Trainer::start(spec, options).unwrap();
    trainer.commands.send(Command::Pause).unwrap();
    until_paused(&trainer);
    trainer
}

/// The events until training is paused.
fn until_paused(trainer: &Trainer) -> Vec<Event> {
    let is_paused = |event: &Event| *event == Event::Status(RunStatus::Paused);
    trainer.events.iter().take_while(|event| !is_paused(event)).collect()
}

fn single_step(trainer: &Trainer) -> Vec<Event> {
    trainer.commands.send(Command::SingleStep).unwrap();
    until_paused(trainer)
}

#[test]
fn the_best_weights_that_could_not_be_saved_are_saved_later() {
    let dir = tempfile::tempdir().unwrap();
    // Small steps: each of the first is better than the one before.
    let set = ["train.optimizer={name: SGD, learning_rate: 0.05}", "train.validate_every=1"];
    let trainer = stepwise(dir.path(), &set);
    let saved = |events: &[Event]| -> Vec<(u64, bool)> {
        let saved = |e: &Event| if let Event::Saved(s) = e { Some((s.step, s.best)) } else { None };
        events.iter().filter_map(saved).collect()
    };
    assert_eq!(saved(&single_step(&trainer)), [(1, true)]);
    let root = dir.path().join("run/checkpoints");
    let first = std::fs::read(root.join("best")).unwrap();
    std::fs::remove_file(root.join("best")).unwrap();
    std::fs::create_dir_all(root.join("best/in the way")).unwrap();
    let failed = |e: &&Event| matches!(e, Event::Log(LogLine { level: Level::Error, text }) if text.starts_with("no checkpoint"));
    let save_and_step = || {
        trainer.commands.send(Command::Save).unwrap();
        single_step(&trainer)
    };
    let events = single_step(&trainer);
    assert_eq!((saved(&events), events.iter().filter(failed).count()), (vec![], 1), "{events:?}");
    // Attempts that fail as well are no further lines; the last weights are saved all the same.
    let events = save_and_step();
    assert_eq!((saved(&events)[0], events.iter().filter(failed).count()), ((2, false), 0), "{events:?}");
    assert!(!root.join("step-2-3").exists(), "nothing is left of an attempt that failed");
    std::fs::remove_dir_all(root.join("best")).unwrap();
    std::fs::write(root.join("best"), first).unwrap();
    let events = save_and_step();
    assert_eq!(saved(&events)[..2], [(2, true), (3, false)], "{events:?}");
    let best = checkpoint::read(&dir.path().join("run"), Which::Best).unwrap();
    assert!(best.step >= 2);
    trainer.commands.send(Command::Stop).unwrap();
    assert_eq!(trainer.join(), Outcome::Stopped);
}

#[test]
fn a_run_whose_folder_is_gone_has_failed() {
    type Change = fn(&Path);
    let changes: [Change; 3] = [
        |run| std::fs::remove_dir_all(run).unwrap(),
        |run| std::fs::rename(run, run.with_file_name("renamed")).unwrap(),
        |run| {
            std::fs::remove_dir_all(run).unwrap();
            std::fs::create_dir(run).unwrap();
        },
    ];
    for (change, command) in
        changes.into_iter().flat_map(|change| [(change, Command::SaveAndStop), (change, Command::Resume)])
    {
        let dir = tempfile::tempdir().unwrap();
        let trainer = stepwise(dir.path(), &[]);
        single_step(&trainer);
        change(&dir.path().join("run"));
        trainer.commands.send(command).unwrap();
        let events: Vec<Event> = trainer.events.iter().collect();
        let Outcome::Failed(what) = trainer.join() else { panic!("{events:?}") };
        assert!(
            what.contains("could not be saved") && what.contains("removed, renamed or replaced"),
            "{what}"
        );
        assert_eq!(events.last(), Some(&Event::Status(RunStatus::Failed { what })));
    }
}

#[test]
fn a_checkpoint_that_is_removed_before_the_end_is_saved_again() {
    let dir = tempfile::tempdir().unwrap();
    let trainer = stepwise(dir.path(), &[]);
    trainer.commands.send(Command::Save).unwrap();
    single_step(&trainer);
    std::fs::remove_dir_all(dir.path().join("run/checkpoints")).unwrap();
    trainer.commands.send(Command::SaveAndStop).unwrap();
    assert_eq!(trainer.join(), Outcome::Stopped);
    assert_eq!(checkpoint::read(&dir.path().join("run"), Which::Last).unwrap().step, 1);
}

#[test]
fn a_loss_that_is_finite_and_absurd_is_divergence_and_the_last_good_weights_stay() {
    let warned = |e: &&Event| matches!(e, Event::Log(LogLine { level: Level::Warning, text }) if text.starts_with("training diverges"));
    for rate in ["1e24", "1e10", "30"] {
        let dir = tempfile::tempdir().unwrap();
        let set =
            [&format!("train.optimizer={{name: Adam, learning_rate: {rate}}}"), "train.validate_every=3"];
        let (outcome, events) = trained(dir.path(), &set);
        let Outcome::Diverged(what) = outcome else { panic!("{rate}: {outcome:?}") };
        assert!(what.contains("learning rate"), "{what}");
        assert_eq!(events.iter().filter(warned).count(), 1, "{rate}");
        assert!(matches!(events.last(), Some(Event::Status(RunStatus::Diverged { .. }))));
    }
    // Good weights first, then absurd ones: by a rate that rises.
    let dir = tempfile::tempdir().unwrap();
    let trainer = stepwise(dir.path(), &["train.validate_every=3"]);
    let events: Vec<Event> = (0..3).flat_map(|_| single_step(&trainer)).collect();
    assert!(events.iter().any(|e| matches!(e, Event::Saved(Saved { step: 3, .. }))), "{events:?}");
    trainer.commands.send(Command::ScaleLearningRate { factor: 1e27 }).unwrap();
    trainer.commands.send(Command::Resume).unwrap();
    let events: Vec<Event> = trainer.events.iter().collect();
    assert!(matches!(trainer.join(), Outcome::Diverged(_)));
    assert_eq!(checkpoint::read(&dir.path().join("run"), Which::Last).unwrap().step, 3, "{events:?}");
    // A normal training is none.
    let dir = tempfile::tempdir().unwrap();
    let (outcome, events) = trained(dir.path(), &[]);
    assert_eq!((outcome, events.iter().filter(warned).count()), (Outcome::Finished, 0));
}

fn between(events: &[Event]) -> Vec<ValidationMetrics> {
    events.iter().filter_map(|e| if let Event::Validation(m) = e { Some(m.clone()) } else { None }).collect()
}

#[test]
fn validation_between_epochs_changes_no_bit_and_counts_in_no_patience() {
    let stopping =
        "train.early_stopping={monitor: val_accuracy, patience: 2, min_delta: 1, restore_best_weights: true}";
    for model in [&[][..], &["model.1.stateful=true", "model.1.dropout=0.2"]] {
        let story = |every: &[&str]| {
            let dir = tempfile::tempdir().unwrap();
            let set = [model, &[stopping, "train.schedule={name: plateau, patience: 1}"], every].concat();
            let (outcome, events) = trained(dir.path(), &set);
            assert_eq!(outcome, Outcome::Finished);
            let last = checkpoint::read(&dir.path().join("run"), Which::Last).unwrap();
            let timeless = |m: EpochMetrics| EpochMetrics { seconds: 0.0, ..m };
            let epochs: Vec<_> = epochs(&events).into_iter().map(timeless).collect();
            (last.model, last.optimizer, epochs, between(&events))
        };
        let (plain, often) = (story(&[]), story(&["train.validate_every=2"]));
        assert_eq!((&plain.0, &plain.1, &plain.2), (&often.0, &often.1, &often.2));
        assert!(plain.3.is_empty());
        // Seven steps an epoch, three epochs: never after an epoch's last.
        let places: Vec<_> = often.3.iter().map(|m| (m.step, m.epoch)).collect();
        let expected = [(2, 1), (4, 1), (6, 1), (8, 2), (10, 2), (12, 2), (16, 3), (18, 3), (20, 3)];
        assert_eq!(places, expected);
        assert!(
            often.3.iter().all(|m| m.get("val_loss").unwrap().is_finite() && m.get("val_accuracy").is_some())
        );
    }
}

#[test]
fn every_validation_of_a_stateful_model_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let still = "train.optimizer={name: SGD, learning_rate: 1e-30}";
    let set = [still, "model.1.stateful=true", "train.validate_every=1", "train.epochs=1"];
    let (_, events) = trained(dir.path(), &set);
    let losses: Vec<f64> = between(&events).iter().map(|m| m.get("val_loss").unwrap()).collect();
    assert_eq!(losses, [epochs(&events)[0].get("val_loss").unwrap(); 6]);
}

#[test]
fn the_best_checkpoint_may_lie_between_epochs_where_validation_is_monitored() {
    // The weights get worse from the first update on: the earliest are the best.
    let worse = "train.optimizer={name: SGD, learning_rate: 50}";
    let bests = |set: &[&str]| -> Vec<u64> {
        let dir = tempfile::tempdir().unwrap();
        let (_, events) =
            trained(dir.path(), &[&[worse, "train.validate_every=1", "train.epochs=1"], set].concat());
        let best = checkpoint::read(&dir.path().join("run"), Which::Best).unwrap();
        let saved = events.iter().filter_map(|e| match e {
            Event::Saved(Saved { best: true, step, .. }) => Some(*step),
            _ => None,
        });
        let saved: Vec<u64> = saved.collect();
        assert_eq!(saved.last(), Some(&best.step));
        saved
    };
    assert!(bests(&[])[0] == 1);
    assert_eq!(bests(&["train.early_stopping={monitor: loss, patience: 9}"]), [7]);
}

#[test]
fn without_validation_data_there_is_nothing_between_epochs_and_a_warning_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (outcome, events) = trained(dir.path(), &["data.validation=0", "train.validate_every=2"]);
    assert_eq!((outcome, between(&events).len()), (Outcome::Finished, 0));
    let warned = |e: &&Event| matches!(e, Event::Log(LogLine { level: Level::Warning, text }) if text.contains("validate_every"));
    assert_eq!(events.iter().filter(warned).count(), 1);
}

#[test]
fn the_reported_loss_counts_the_size_of_the_weights_and_validation_does_not_count_class_weights() {
    let first = |set: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        let (outcome, events) = trained(dir.path(), &[&["train.epochs=1"], set].concat());
        assert_eq!(outcome, Outcome::Finished);
        (steps(&events)[0], epochs(&events)[0].clone())
    };
    // With almost no training, so that only the counts differ.
    let still = "train.optimizer={name: SGD, learning_rate: 1e-30}";
    let (plain, plain_epoch) = first(&[still]);
    let constant = "model.2.kernel_initializer={name: constant, value: 0.5}";
    let (dense, dense_epoch) = first(&[still, constant]);
    let (heavy, heavy_epoch) = first(&[still, constant, "model.2.kernel_regularizer={l1: 0.5, l2: 2}"]);
    // Four weights of 0.5: 0.5·4·0.5 + 2·4·0.25.
    assert!((heavy.loss - dense.loss - 3.0).abs() < 1e-6);
    for name in ["loss", "val_loss"] {
        let more = heavy_epoch.get(name).unwrap() - dense_epoch.get(name).unwrap();
        assert!((more - 3.0).abs() < 1e-6, "{name}");
    }
    let (double, double_epoch) = first(&[still, "train.class_weight={negative: 2, positive: 2}"]);
    assert!((double.loss - 2.0 * plain.loss).abs() < 1e-6);
    assert_eq!(
        (double.accuracy, double_epoch.get("val_loss")),
        (plain.accuracy, plain_epoch.get("val_loss"))
    );
}

#[test]
fn a_schedule_sets_the_rate_of_every_step() {
    let dir = tempfile::tempdir().unwrap();
    let schedule = "train.schedule={name: step, every: 1, factor: 0.5}";
    let (_, events) = trained(dir.path(), &["train.epochs=2", schedule]);
    let rates: Vec<f64> = steps(&events).iter().map(|m| m.learning_rate).collect();
    assert_eq!(rates, [[0.002; 7], [0.001; 7]].concat());
}

#[test]
fn every_epoch_tells_what_was_taken_for_what() {
    let dir = tempfile::tempdir().unwrap();
    let (_, events) = trained(dir.path(), &["train.epochs=2"]);
    let epochs = epochs(&events);
    assert_eq!(epochs.len(), 2);
    for epoch in epochs {
        let matrix = epoch.confusion.as_ref().unwrap();
        let right = matrix.count(0, 0) + matrix.count(1, 1);
        assert_eq!(matrix.total(), 60);
        assert_eq!(Some(right as f64 / 60.0), epoch.get("val_accuracy"));
        assert_eq!(epoch.get("val_f1"), Some(matrix.macro_average(Confusion::f1)));
    }
}

#[test]
fn what_will_never_be_measured_and_labels_that_are_not_there_are_refused() {
    for (set, words) in [
        (["data.validation=0", "train.early_stopping.monitor=val_loss"], "train.early_stopping.monitor"),
        (["data.validation=0", "train.schedule={name: plateau, monitor: val_accuracy}"], "monitor accuracy"),
        (["data.validation=0", "train.early_stopping.monitor=val_f1"], "val_f1 needs validation data"),
        (["train.epochs=1", "train.class_weight={neutral: 2}"], "train.class_weight.neutral"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (outcome, _) = trained(dir.path(), &set);
        assert!(matches!(&outcome, Outcome::Unusable(what) if what.contains(words)), "{outcome:?}");
        assert!(!dir.path().join("run").exists());
    }
}

#[test]
fn any_metric_of_the_task_can_be_monitored() {
    let dir = tempfile::tempdir().unwrap();
    let stopping = "train.early_stopping={monitor: val_f1, mode: max, patience: 2, min_delta: 1, restore_best_weights: true}";
    let schedule = "train.schedule={name: plateau, monitor: val_recall, patience: 1}";
    let (outcome, events) = trained(dir.path(), &[stopping, schedule]);
    assert_eq!((outcome, epochs(&events).len()), (Outcome::Finished, 3));
    let logged = |e: &Event| matches!(e, Event::Log(LogLine { text, .. }) if text.contains("val_f1 was best in epoch 1"));
    assert!(events.iter().any(logged));
}

#[test]
fn watched_steps_carry_the_instruments_and_others_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let set = ["data.train=200", "data.validation=0", "train.epochs=2", "watch.every=3", "model.1.units=33"];
    let overrides = Overrides { set: set.map(String::from).to_vec(), ..Overrides::default() };
    let spec = preset::load("word-order", &overrides).unwrap().spec;
    let folder = Some(dir.path().join("run"));
    let options = Options { folder, threads: 2, watched: false, ..Options::default() };
    let trainer = Trainer::start(spec, options).unwrap();
    let events: Vec<Event> = trainer.events.iter().collect();
    assert_eq!(trainer.join(), Outcome::Finished);
    let steps: Vec<u64> =
        events.iter().filter_map(|e| if let Event::Step(m) = e { Some(m.step) } else { None }).collect();
    // Every third, and the last.
    let is_watched = |step: &u64| (step - 1).is_multiple_of(3) || *step == 14;
    let watched: Vec<u64> = steps.iter().copied().filter(is_watched).collect();
    assert_eq!(steps.len(), 14, "seven batches an epoch");
    let read: Vec<&Instruments> =
        events.iter().filter_map(|e| if let Event::Instruments(i) = e { Some(&**i) } else { None }).collect();
    assert_eq!(read.iter().map(|i| i.step).collect::<Vec<_>>(), watched);
    for instruments in read {
        let [layer] = instruments.layers.as_slice() else { panic!("{instruments:?}") };
        assert_eq!((layer.layer, layer.proposal.as_str()), (1, "h"));
        let is_thorough = matches!(instruments.step, 1 | 14);
        assert_eq!(layer.spectral_radius().is_some(), is_thorough, "33 units: on every tenth, and the last");
        assert_eq!(instruments.params.len(), 6);
        assert!(instruments.params.iter().all(|p| p.gradient > 0.0 && p.update > 0.0), "{instruments:?}");
    }
    let profiles: Vec<&GradientProfile> =
        events.iter().filter_map(|e| if let Event::Gradient(p) = e { Some(p) } else { None }).collect();
    assert_eq!(profiles.iter().map(|p| p.step).collect::<Vec<_>>(), watched);
    for profile in profiles {
        assert_eq!((profile.kernel_norm.len(), profile.kernel_norm[0]), (profile.hnorm.len(), 0.0));
        assert!(profile.kernel_norm.last().is_some_and(|norm| *norm > 0.0));
    }
}

#[test]
fn what_each_token_contributes_is_measured_at_every_fifth_monitored_step() {
    let dir = tempfile::tempdir().unwrap();
    let (outcome, events) = trained(dir.path(), &["watch.every=2"]);
    assert_eq!(outcome, Outcome::Finished);
    let frames = events.iter().filter_map(|e| if let Event::Probe(frame) = e { Some(frame) } else { None });
    let of_first = frames.filter(|frame| frame.probe == 0);
    let (with, without): (Vec<_>, Vec<_>) = of_first.partition(|frame| frame.influence.is_some());
    // 42 steps, of which 22 are monitored: the first and every tenth, and the last; and the untrained network.
    assert_eq!(with.iter().map(|frame| frame.step).collect::<Vec<_>>(), [0, 1, 11, 21, 31, 41, 42]);
    assert_eq!(without.len(), 16);
    assert!(
        with.iter().chain(&without).all(|frame| frame.by_token.len() > 5),
        "the answer after every token"
    );
}

#[test]
fn predictions_after_each_token_that_take_long_beside_a_step_are_made_less_often() {
    let dir = tempfile::tempdir().unwrap();
    let (outcome, events) = trained(dir.path(), &["watch.every=1", "train.batch_size=4", "train.epochs=1"]);
    assert_eq!(outcome, Outcome::Finished);
    let frames = events.iter().filter_map(|e| if let Event::Probe(frame) = e { Some(frame) } else { None });
    let of_first: Vec<&ProbeFrame> = frames.map(|frame| &**frame).filter(|frame| frame.probe == 0).collect();
    assert_eq!(of_first.len(), 51, "every step, and the untrained network");
    let (with, without): (Vec<&ProbeFrame>, Vec<&ProbeFrame>) =
        of_first.iter().copied().partition(|frame| !frame.by_token[0].outputs.is_empty());
    // Both texts have 11 tokens: 22 sequences forward are 22/12 of a step with four, 0.25 % of 734 steps: of fifteen times 50.
    let expected = [0, 1, 16, 31, 46, 50];
    assert_eq!(with.iter().map(|frame| frame.step).collect::<Vec<_>>(), expected, "and the last");
    for frame in of_first {
        let greatest = frame.prediction.iter().copied().fold(0.0, f32::max);
        let last = frame.by_token.last().and_then(|token| token.outputs.first());
        assert_eq!((frame.by_token.len(), last.map(|(_, value)| *value)), (11, Some(greatest)));
    }
    let is_last_alone =
        |frame: &ProbeFrame| frame.by_token[..10].iter().all(|token| token.outputs.is_empty());
    assert!(!without.is_empty() && without.iter().all(|frame| is_last_alone(frame)));
}

#[test]
fn what_watching_costs_is_told_as_soon_as_steps_can_be_compared_and_at_the_end() {
    let shares_of = |every: &str| {
        let dir = tempfile::tempdir().unwrap();
        let (outcome, events) = trained(dir.path(), &[every]);
        assert_eq!(outcome, Outcome::Finished);
        let lines = events.iter().filter_map(|e| match e {
            Event::Log(LogLine { level: Level::Info, text }) => text.strip_prefix("monitoring overhead: "),
            _ => None,
        });
        let share =
            |line: &str| line.strip_suffix(" % of the training time").unwrap().parse::<f64>().unwrap();
        lines.map(share).collect::<Vec<_>>()
    };
    let shares = shares_of("watch.every=2");
    assert_eq!(shares.len(), 2, "after an epoch, and at the end");
    assert!(shares.iter().all(|share| (0.0..=100.0).contains(share)), "{shares:?}");
    assert!(shares_of("watch.every=1").is_empty(), "there is no other step");
}
