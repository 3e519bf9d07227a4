//! What commands ask for: the tokens that drive a unit, and neighbours of embeddings.

use unrolled::protocol::{Command, EmbeddingNeighbours, Event, LayerUnit, RunStatus, UnitResponse};
use unrolled::run::Reader;

use super::{Outcome, Run, spec};

fn responses(events: &[Event]) -> Vec<&UnitResponse> {
    let of = |event: &'_ Event| matches!(event, Event::UnitResponse(_));
    let all = events.iter().filter(|event| of(event));
    all.filter_map(|event| if let Event::UnitResponse(of) = event { Some(&**of) } else { None }).collect()
}

fn neighbours(events: &[Event]) -> Vec<&EmbeddingNeighbours> {
    events
        .iter()
        .filter_map(|event| if let Event::Neighbours(of) = event { Some(&**of) } else { None })
        .collect()
}

/// The events of a run to whose trainer these commands are sent while it is paused before its first step.
fn asked(commands: Vec<Command>) -> (Vec<Event>, tempfile::TempDir) {
    let run = Run::start(spec(&[]));
    run.tell(Command::Pause);
    run.next_status(&RunStatus::Paused);
    commands.into_iter().for_each(|command| run.tell(command));
    run.tell(Command::Resume);
    let (events, outcome, folder) = run.outcome();
    assert_eq!(outcome, Outcome::Finished);
    (events, folder)
}

fn weights(events: &[Event]) -> Vec<String> {
    let saved =
        |event: &Event| if let Event::Saved(saved) = event { Some(saved.weights.clone()) } else { None };
    events.iter().filter_map(saved).collect()
}

#[test]
fn a_chosen_unit_is_measured_at_once_and_after_each_validation_and_changes_no_weight() {
    let unit = LayerUnit { layer: 1, direction: None, quantity: "h".into(), unit: 3 };
    let missing = LayerUnit { unit: 999, ..unit.clone() };
    let (events, folder) = asked(vec![
        Command::WatchUnit { unit: Some(unit.clone()) },
        Command::WatchUnit { unit: Some(missing) },
    ]);
    let found = responses(&events);
    // Four steps an epoch, two epochs; how many were made before the pause took effect is a matter of time.
    let steps: Vec<u64> = found.iter().map(|response| response.step).collect();
    assert_eq!(steps[steps.len() - 1], 8, "{steps:?}");
    assert!(found.len() >= 2 && steps.is_sorted(), "{steps:?}");
    assert!(found.iter().all(|response| response.unit == unit && response.sequences == 64));
    let warned = |event: &Event| matches!(event, Event::Log(line) if line.text == "no unit is watched: layer 1 has no unit 999: its units are 0 to 23");
    assert!(events.iter().any(warned));
    // They are recorded as they were sent.
    let recorded: Vec<Event> =
        Reader::open(&folder.path().join("run")).unwrap().events().unwrap().map(Result::unwrap).collect();
    assert_eq!(responses(&recorded), found);
    let (plain, _) = asked(Vec::new());
    assert!(responses(&plain).is_empty());
    assert_eq!(weights(&events).last(), weights(&plain).last());
    // No longer watched, it is no longer measured.
    let unit = Some(unit);
    let (events, _) = asked(vec![Command::WatchUnit { unit }, Command::WatchUnit { unit: None }]);
    assert_eq!(responses(&events).len(), 1);
}

#[test]
fn neighbours_of_a_word_are_found_at_once_and_after_each_validation() {
    let word = |word: &str| Command::ShowNeighbours { word: Some(word.into()) };
    let (events, _) = asked(vec![Command::ShowNeighbours { word: None }, word("goood"), word("Good")]);
    let found = neighbours(&events);
    assert!(found.len() >= 4, "{found:?}");
    assert_eq!((found[0].words.len(), found[0].layer), (EmbeddingNeighbours::WORDS, 0));
    assert!(found[0].words.iter().all(|of| of.neighbours.len() == EmbeddingNeighbours::FEW));
    assert!(found[1].words.is_empty());
    assert_eq!(found[1].spellings[0], "good");
    // A word is read as the network reads it: in lower case.
    let last = found[found.len() - 1];
    assert_eq!((last.step, last.words[0].word.as_str()), (8, "good"));
    let near = &last.words[0].neighbours;
    assert_eq!(near.len(), EmbeddingNeighbours::MOST);
    assert!(near.iter().all(|(word, cosine)| word != "good" && cosine.abs() <= 1.0 + 1e-5));
    assert!(near.is_sorted_by(|a, b| a.1 >= b.1));
}

#[test]
fn neighbours_that_nobody_asked_for_are_found_once_after_the_last_epoch_alone() {
    let (events, folder) = asked(Vec::new());
    let [last] = neighbours(&events)[..] else { panic!("{:?}", neighbours(&events)) };
    assert_eq!((last.step, last.word.as_deref(), last.words.len()), (8, None, EmbeddingNeighbours::WORDS));
    let recorded: Vec<Event> =
        Reader::open(&folder.path().join("run")).unwrap().events().unwrap().map(Result::unwrap).collect();
    assert_eq!(neighbours(&recorded), [last], "a replay has them too");
    // Asked for, they are those of the word.
    let (events, _) = asked(vec![Command::ShowNeighbours { word: Some("good".into()) }]);
    assert!(neighbours(&events).iter().all(|found| found.word.is_some()));
    let end = run_that_is_stopped();
    assert!(neighbours(&end).is_empty(), "a stopped run can go on");
}

/// The events of a run that is stopped before its last epoch has ended.
fn run_that_is_stopped() -> Vec<Event> {
    let run = Run::start(spec(&[]));
    run.tell(Command::Pause);
    run.next_status(&RunStatus::Paused);
    run.tell(Command::Stop);
    run.outcome().0
}
