//! Another batch size from the next epoch on.

use unrolled::protocol::{Command, Event, Level, LogLine};

use super::undone::{recorded, scripted};
use super::{DATA, MODELS, assert_same, streamed, trained, word_order};

const TWELVE: Command = Command::SetBatchSize { batch_size: 12 };

/// The steps of each epoch.
fn steps(events: &[Event]) -> Vec<usize> {
    let mut epochs = vec![0; 3];
    events.iter().filter_map(|e| if let Event::Step(m) = e { Some(m.epoch) } else { None }).for_each(
        |epoch| {
            epochs[epoch - 1] += 1;
        },
    );
    epochs
}

#[test]
fn it_applies_from_the_next_epoch_on_and_goes_on_to_the_bit() {
    let files = tempfile::tempdir().unwrap();
    let memory = word_order(&["train.validate_every=3"]);
    let from_disk = streamed(files.path(), DATA[2].unwrap(), &[]);
    for (spec, whole_epoch, smaller) in [(memory, 8, 5), (from_disk, 10, 7)] {
        let whole = scripted(&spec, &[&[(3, TWELVE)]]);
        assert_eq!(steps(&recorded(&whole)), [whole_epoch, smaller, smaller]);
        // Within the epoch of the command, at its end, and in the next one.
        for stop in [4, whole_epoch as u64, whole_epoch as u64 + 2] {
            let scripts: [&[_]; 2] = [&[(3, TWELVE), (stop, Command::SaveAndStop)], &[]];
            let resumed = scripted(&spec, &scripts);
            assert_same(&resumed, &whole);
            // The facts of the run are those of its preset; what the command has changed is an event.
            let facts = recorded(&resumed).into_iter().filter_map(|event| match event {
                Event::Prepared(info) => Some((info.steps_per_epoch, info.batch_size)),
                _ => None,
            });
            let facts: Vec<_> = facts.collect();
            assert!(!facts.is_empty());
            assert!(facts.iter().all(|facts| *facts == (whole_epoch, spec.train.batch_size)), "{facts:?}");
        }
        let undone = scripted(&spec, &[&[(3, TWELVE), (whole_epoch as u64 + 2, Command::Undo)]]);
        assert_same(&undone, &trained(&spec, &[]));
        // Before the first step of an epoch it applies to this one.
        let at_once = scripted(&spec, &[&[(whole_epoch as u64, TWELVE)]]);
        assert_eq!(steps(&recorded(&at_once)), [whole_epoch, smaller, smaller]);
    }
}

#[test]
fn where_it_cannot_change_a_warning_says_why() {
    let warned = |set: &[&str], batch_size: usize| {
        let spec = word_order(set);
        let dir = scripted(&spec, &[&[(1, Command::SetBatchSize { batch_size })]]);
        let events = recorded(&dir);
        assert!(!events.iter().any(|event| matches!(event, Event::Command(_))));
        let text = |event| match event {
            Event::Log(LogLine { level: Level::Warning, text }) => Some(text),
            _ => None,
        };
        events.into_iter().find_map(text).unwrap()
    };
    let stateful = warned(&[&format!("model={}", MODELS[1])], 4);
    assert!(stateful.starts_with("the batch size is not changed to 4: a layer is stateful"), "{stateful}");
    let large = warned(&[], 61);
    assert_eq!(large, "the batch size is not changed to 61: there are 60 sequences, and a batch has no more");
}
