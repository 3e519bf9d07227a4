//! Training on streamed texts.

use super::*;

/// Rows whose class depends on one word, and a preset for them.
fn spec_in(folder: &TempDir, set: &[&str]) -> RunSpec {
    let row = |n: usize| {
        let (word, label) = if n.is_multiple_of(2) { ("good", "yes") } else { ("bad", "no") };
        format!("so {word} it was, {word} n{n},{label}\n").replacen(", ", " ", 1)
    };
    let path = folder.path().join("a.csv");
    if !path.exists() {
        std::fs::write(&path, "text,label\n".to_owned() + &(0..400).map(row).collect::<String>()).unwrap();
    }
    let preset = "title: t
data: {source: csv, path: a.csv, stream: {buffer: 50}}
tokens: {vocabulary: 30, length: 6}
model:
  - {layer: Embedding, output_dim: 4, mask_zero: true}
  - {layer: GRU, units: 4, dropout: 0.2}
  - {layer: Dense, units: 1, activation: sigmoid}
train: {loss: binary_crossentropy, optimizer: {name: Adam, learning_rate: 0.02}, batch_size: 16, epochs: 3}
watch: {every: 10, probes: 2}
";
    let path = folder.path().join("preset.yaml");
    std::fs::write(&path, preset).unwrap();
    // On the command line a path is relative to the current folder.
    let set = set.iter().map(|s| s.replace("FOLDER", folder.path().to_str().unwrap())).collect();
    preset::load(path.to_str().unwrap(), &Overrides { set, ..Overrides::default() }).unwrap().spec
}

fn trained(spec: RunSpec, threads: usize) -> (Vec<Event>, checkpoint::LoadedCheckpoint, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let options = Options { folder: Some(run.clone()), threads, watched: false, ..Options::default() };
    let trainer = Trainer::start(spec, options).unwrap();
    let events = trainer.events.iter().collect();
    assert_eq!(trainer.join(), Outcome::Finished);
    (events, checkpoint::read(&run, Which::Last).unwrap(), folder)
}

fn last_epoch(events: &[Event]) -> unrolled::protocol::EpochMetrics {
    events
        .iter()
        .rev()
        .find_map(|e| if let Event::Epoch(m) = e { Some((**m).clone()) } else { None })
        .unwrap()
}

#[test]
fn the_number_of_threads_changes_no_bit_and_neither_does_validation_between_epochs() {
    let data = tempfile::tempdir().unwrap();
    for set in
        [&["data.validation=0.2"][..], &["data.validation={path: FOLDER/a.csv}", "model.1.stateful=true"]]
    {
        let (_, alone, _run) = trained(spec_in(&data, set), 1);
        let (_, three, _run) = trained(spec_in(&data, set), 3);
        let (_, often, _run) = trained(spec_in(&data, &[set, &["train.validate_every=4"]].concat()), 2);
        assert_eq!((&alone.model, &alone.optimizer), (&three.model, &three.optimizer));
        assert_eq!((&alone.model, &alone.optimizer), (&often.model, &often.optimizer));
    }
}

#[test]
fn a_streamed_run_has_the_results_of_one_in_memory() {
    let data = tempfile::tempdir().unwrap();
    let set = |stream| [stream, "data.validation={path: FOLDER/a.csv}"];
    let (events, _, _run) = trained(spec_in(&data, &set("data.stream=true")), 2);
    let (held, _, _run) = trained(spec_in(&data, &set("data.stream=false")), 2);
    let (info, other) = (prepared(&events), prepared(&held));
    assert_eq!((&info.data, info.steps_per_epoch), (&other.data, other.steps_per_epoch));
    assert_eq!(info.probes, other.probes);
    let (one, two) = (last_epoch(&events), last_epoch(&held));
    assert_eq!((one.step, one.get("val_accuracy")), (75, Some(1.0)));
    assert!((one.get("val_loss").unwrap() - two.get("val_loss").unwrap()).abs() < 0.05, "{one:?} {two:?}");
}

#[test]
fn a_changed_file_ends_the_run_after_saving() {
    let data = tempfile::tempdir().unwrap();
    let run = Run::start(spec_in(&data, &["train.epochs=100000"]));
    run.next(|event| matches!(event, Event::Saved(_)).then_some(()));
    std::fs::write(data.path().join("a.csv"), "text,label\nnot,no\n").unwrap();
    let (events, outcome, folder) = run.outcome();
    let Outcome::Unusable(message) = outcome else { panic!("{outcome:?}") };
    assert!(message.contains("a.csv: found other data than in the first pass"), "{message}");
    let last = events.iter().rev().find_map(step).map(|metrics| metrics.step);
    let saved = saved_step(&folder.path().join("run"));
    assert!(saved >= 25 && last.is_none_or(|last| last == saved), "{last:?} {saved}");
}

#[test]
fn stopping_a_streamed_run_does_not_wait_for_the_file() {
    let data = tempfile::tempdir().unwrap();
    let run = Run::start(spec_in(&data, &["train.epochs=100000", "data.stream={buffer: 5}"]));
    run.next_step();
    run.tell(Command::SaveAndStop);
    assert_eq!(run.outcome().1, Outcome::Stopped);
}
