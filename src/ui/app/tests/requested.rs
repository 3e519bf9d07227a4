//! What the screen asks the trainer for by itself.

use super::*;
use crate::protocol::{Activations, LayerRow, LayerUnit, ProbeFrame, ProbeText};
use crate::run::{Folder, Recorder};

/// A run of a network with an Embedding and an LSTM, with one example.
fn of_words(folder: &std::path::Path) -> Event {
    let Event::Prepared(mut info) = prepared(folder) else { panic!("not a run") };
    let layer = |class: &str, directions: &[Option<_>]| LayerRow {
        class: class.into(),
        directions: directions.to_vec(),
        ..LayerRow::default()
    };
    info.model.layers = vec![layer("Embedding", &[]), layer("LSTM", &[None])];
    info.data.vocabulary = 100;
    let tokens = ["not", "bad"].map(str::to_owned).into();
    info.probes = vec![ProbeText {
        text: "not bad".into(),
        tokens,
        first_step: 0,
        truth: None,
        targets: Vec::new(),
        variant: None,
    }];
    Event::Prepared(info)
}

fn frame(step: u64) -> Event {
    let of = |quantity: &str| Activations {
        layer: 1,
        quantity: quantity.into(),
        units: 2,
        values: vec![0.1, 0.2, 0.9, -0.3],
        ..Activations::default()
    };
    let activations = ["h", "c"].map(of).into();
    Event::Probe(Box::new(ProbeFrame { step, activations, ..ProbeFrame::default() }))
}

#[test]
fn the_tokens_of_the_chosen_unit_are_asked_for_once_and_no_longer_when_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let asked = while_training(|app| {
        app.fold(&of_words(folder.path()));
        app.fold(&frame(1));
        // Overview, gradients, states; the map in full screen; the unit of the largest value.
        type_keys(app, "tt1\n\n");
        app.fold(&frame(2));
        app.fold(&frame(3));
        type_keys(app, "g");
        app.input(key(KeyCode::Right));
        type_keys(app, "\x1b\x1b");
    });
    let unit = |quantity: &str, unit| Command::WatchUnit {
        unit: Some(LayerUnit { layer: 1, direction: None, quantity: quantity.into(), unit }),
    };
    let expected = [unit("h", 0), unit("c", 0), unit("c", 1), Command::WatchUnit { unit: None }];
    assert_eq!(asked, expected);
}

#[test]
fn neighbours_are_asked_for_when_their_tab_is_opened_and_of_a_word_that_is_typed() {
    let folder = tempfile::tempdir().unwrap();
    let asked = while_training(|app| {
        app.fold(&of_words(folder.path()));
        let weights =
            |app: &App<'_>| app.run.as_ref().is_some_and(|run| run.dashboard.view.tab == Tab::Weights);
        while !weights(app) {
            type_keys(app, "t");
        }
        app.fold(&step(1));
        type_keys(app, "3agood\n");
        // Without a word the most frequent ones again.
        type_keys(app, "a");
        assert!(screen(app, 80, 24).contains("Enter shows it"));
        type_keys(app, "\n");
    });
    let near = |word: Option<&str>| Command::ShowNeighbours { word: word.map(str::to_owned) };
    assert_eq!(asked, [near(None), near(Some("good")), near(None)]);
}

#[test]
fn a_run_that_is_over_is_asked_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let asked = while_training(|app| {
        app.fold(&of_words(folder.path()));
        app.fold(&frame(1));
        app.fold(&Event::Status(RunStatus::Finished));
        type_keys(app, "tt1\n\n\x1b\x1bttt3a");
        assert!(screen(app, 80, 24).contains("found by a run in training"), "{}", screen(app, 80, 24));
    });
    assert_eq!(asked, []);
}

#[test]
fn the_activity_of_a_unit_over_training_is_read_from_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::start(&Folder::create(folder.path()).unwrap(), 64 << 20).unwrap();
    let mut events = vec![of_words(folder.path())];
    events.extend((1..=40).flat_map(|n| [step(n), frame(n)]));
    for event in &events {
        recorder.record(event.clone()).unwrap();
    }
    let (_, recorded) = recorder.complete();
    recorded.unwrap();
    while_training(|app| {
        // Of the 40 frames the screen has seen the last one alone.
        app.fold(&of_words(folder.path()));
        app.fold(&frame(40));
        type_keys(app, "tt1\n\n");
        let history = app.run.as_ref().and_then(|run| run.dashboard.unit_history.as_ref()).unwrap();
        let course = history.course((1, None), "h", 0);
        assert!(course.len() > 10, "{course:?}");
        assert!(course[0].0 < 5 && course[course.len() - 1].0 == 40, "{course:?}");
        // The mean of |0.1| and |0.9|; a recording is quantised.
        assert!(course.iter().all(|(_, mean)| (mean - 0.5).abs() < 0.01), "{course:?}");
        // A later frame is added to it.
        app.fold(&frame(41));
        let history = app.run.as_ref().and_then(|run| run.dashboard.unit_history.as_ref()).unwrap();
        assert_eq!(history.course((1, None), "h", 0).last().map(|(step, _)| *step), Some(41));
    });
}
