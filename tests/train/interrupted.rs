//! Commands while validating and with a pace.

use super::*;

/// Two steps an epoch, and a validation that takes far longer than a command takes to arrive.
fn slow_validation(set: &[&str]) -> RunSpec {
    spec(&[&["data.train=64", "data.validation=60000", "train.epochs=3"], set].concat())
}

fn epochs(events: &[Event]) -> Vec<EpochMetrics> {
    events.iter().filter_map(|e| if let Event::Epoch(m) = e { Some((**m).clone()) } else { None }).collect()
}

#[test]
fn a_stop_while_an_epoch_is_validated_ends_the_run_at_its_last_step() {
    for (command, saved) in [(Command::Stop, None), (Command::SaveAndStop, Some(2))] {
        let run = Run::start(slow_validation(&[]));
        run.next_status(&RunStatus::Validating);
        run.tell(command);
        let (events, outcome, folder) = run.outcome();
        assert_eq!(outcome, Outcome::Stopped);
        assert_eq!(events.last(), Some(&Event::Status(RunStatus::Stopped { saved: saved.is_some() })));
        assert!(epochs(&events).is_empty(), "what was validated in part is no result: {events:?}");
        let last = checkpoint::read(&folder.path().join("run"), Which::Last);
        assert_eq!(last.ok().map(|checkpoint| checkpoint.step), saved);
    }
}

#[test]
fn a_stop_while_validating_between_two_steps_ends_the_run_there() {
    let run = Run::start(slow_validation(&["train.validate_every=1"]));
    run.next_status(&RunStatus::Validating);
    run.tell(Command::SaveAndStop);
    let (events, outcome, folder) = run.outcome();
    assert_eq!(outcome, Outcome::Stopped);
    assert!(!events.iter().any(|event| matches!(event, Event::Validation(_) | Event::Step(_))), "{events:?}");
    assert_eq!(saved_step(&folder.path().join("run")), 1);
}

#[test]
fn saving_while_validating_does_not_end_the_run() {
    let run = Run::start(slow_validation(&["train.epochs=2"]));
    run.next_status(&RunStatus::Validating);
    run.tell(Command::Save);
    let (events, outcome, folder) = run.outcome();
    assert_eq!(outcome, Outcome::Finished);
    let saved = events.iter().filter(|event| matches!(event, Event::Saved(_))).count();
    assert_eq!((epochs(&events).len(), saved), (2, 3), "after both epochs, and as commanded");
    assert_eq!(saved_step(&folder.path().join("run")), 4);
}

/// At this pace eight steps take a quarter of an hour.
#[test]
fn a_pace_ends_when_all_senders_are_dropped() {
    let run = Run::start_as(spec(&["watch.pace=0.01"]), true);
    run.next_status(&RunStatus::Training);
    let Run { folder, trainer } = run;
    let Trainer { events, commands, .. } = trainer;
    drop(commands);
    let deadline = std::time::Instant::now() + LONG;
    while events.recv_deadline(deadline).expect("the trainer keeps the pace")
        != Event::Status(RunStatus::Finished)
    {}
    assert_eq!(saved_step(&folder.path().join("run")), 8);
}

#[test]
fn validation_between_steps_affects_neither_patience_nor_restored_weights() {
    let weights = |folder: &TempDir| {
        let tensors = checkpoint::read(&folder.path().join("run"), Which::Last).unwrap().model;
        tensors.into_iter().map(|tensor| tensor.data).collect::<Vec<_>>()
    };
    // No epoch is better than the first by so much.
    let stopping = "train.early_stopping={patience: 2, min_delta: 10, restore_best_weights: true}";
    let set = ["train.epochs=9", "train.validate_every=3", stopping];
    let (events, outcome, folder) = Run::start(spec(&set)).outcome();
    assert_eq!(outcome, Outcome::Finished);
    assert_eq!(epochs(&events).iter().map(|epoch| epoch.step).collect::<Vec<_>>(), [4, 8, 12]);
    let between =
        events.iter().filter_map(|e| if let Event::Validation(m) = e { Some(m.step) } else { None });
    // The twelfth step is an epoch's last.
    assert_eq!(between.collect::<Vec<_>>(), [3, 6, 9]);
    let (_, _, best) = Run::start(spec(&["train.epochs=1"])).outcome();
    assert!(weights(&folder) == weights(&best), "the weights of the first epoch");
}
