//! Stories of the data of a preset, and of its form.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::preset::Overrides;
use crate::ui::edit::Estimate;

/// A data set that comes as the test sends it.
static STREAM: std::sync::Mutex<Option<(Sender<FetchEvent>, Arc<AtomicBool>)>> = std::sync::Mutex::new(None);
/// Stories that fetch, one after the other.
static FETCHING: std::sync::Mutex<()> = std::sync::Mutex::new(());

const WITH_DATA: MenuHooks = MenuHooks {
    fetch: FetchHooks {
        find: |preset| {
            let offer = DatasetOffer { name: "imdb".into(), bytes: 84_125_825, terms: "none stated".into() };
            (preset == "imdb-lstm").then_some(offer)
        },
        start: |name, stop| {
            assert_eq!(name, "imdb");
            let (send, events) = unbounded();
            *STREAM.lock().unwrap() = Some((send, stop));
            Ok(events)
        },
    },
    estimate: |_, changes| {
        let step = if changes.set.is_empty() { 0.001 } else { 0.002 };
        Ok(Estimate { bytes: 3 << 20, step, measured: 50, steps: Some(125), batch: 32 })
    },
    save: |edited| Ok(format!("{}-edited.yaml", edited.name())),
    ..HOOKS
};

/// Runs a story in the menu; returns what was launched.
fn in_menu(story: impl FnOnce(&mut App<'_>)) -> Vec<(String, Overrides)> {
    let mut launched = Vec::new();
    let mut launch = |request: LaunchRequest<'_>| {
        let LaunchRequest::Train(name, changes) = request else { panic!("{request:?}") };
        launched.push((name.to_owned(), changes.clone()));
        Ok(Launched::Link(link().0))
    };
    let mut app = App::new(InitialScreen::Menu(Some(WITH_DATA)), entries(), &mut launch, THEME);
    story(&mut app);
    drop(app);
    launched
}

fn send(app: &mut App<'_>, event: FetchEvent) {
    STREAM.lock().unwrap().as_ref().unwrap().0.send(event).unwrap();
    let event = app.fetch_events().unwrap().recv_timeout(LONG).unwrap();
    app.take_fetch_event(Some(event));
}

#[test]
fn missing_data_are_fetched_with_a_bar_and_then_trained_on() {
    let _one = FETCHING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let launched = in_menu(|app| {
        type_keys(app, "/imdb-lstm\n\n");
        insta::assert_snapshot!("the_data_of_a_preset_are_offered", screen(app, 80, 24));
        type_keys(app, "f");
        assert!(screen(app, 80, 24).contains("connecting…"));
        send(app, FetchEvent::Note("https://example.org/aclImdb_v1.tar.gz".into()));
        send(app, FetchEvent::Received { bytes: 21_031_456, of: Some(84_125_825) });
        insta::assert_snapshot!("a_data_set_is_being_fetched", screen(app, 80, 24));
        // Keys that answer other questions do nothing now.
        type_keys(app, "d\nq");
        assert!(screen(app, 80, 24).contains("25 %"));
        send(app, FetchEvent::Done);
        assert!(screen(app, 80, 24).contains("The data are here."));
        type_keys(app, "\n");
    });
    assert_eq!(launched, [("imdb-lstm".to_owned(), Overrides::default())]);
}

#[test]
fn a_fetch_is_cancelled_and_an_error_is_shown() {
    let _one = FETCHING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let launched = in_menu(|app| {
        type_keys(app, "/imdb-lstm\n\nf");
        let stop = Arc::clone(&STREAM.lock().unwrap().as_ref().unwrap().1);
        type_keys(app, "\x1b");
        assert!(stop.load(Ordering::Relaxed));
        assert!(screen(app, 80, 24).contains("fetch imdb"), "the question is there again");
        type_keys(app, "f");
        send(app, FetchEvent::Failed("no route to host\nTo download it manually: curl".into()));
        let seen = screen(app, 80, 24);
        assert!(seen.contains("no route to host") && seen.contains("choose a file"), "{seen}");
        // What goes on in the background ends with the dialog.
        type_keys(app, "f");
        let stop = Arc::clone(&STREAM.lock().unwrap().as_ref().unwrap().1);
        type_keys(app, "\x1b\x1b");
        assert!(stop.load(Ordering::Relaxed) && app.fetch_events().is_none());
    });
    assert!(launched.is_empty());
}

#[test]
fn a_file_is_chosen_for_the_very_preset() {
    let launched = in_menu(|app| {
        type_keys(app, "/imdb-lstm\n\nd");
        let listing = app.results().unwrap().recv_timeout(LONG).unwrap();
        app.take_result(listing);
        let seen = screen(app, 100, 30);
        assert!(seen.contains("data for imdb-lstm: Enter takes a file"), "{seen}");
        type_keys(app, "/cargo.toml\n\n");
        assert!(screen(app, 80, 24).contains("○ starting"));
        // Data that cannot be read: another file can be chosen.
        app.fold(&Event::Status(RunStatus::Failed { what: "Cargo.toml: found no table".into() }));
        type_keys(app, "\x1b");
        assert!(screen(app, 80, 24).contains("data for imdb-lstm"));
        type_keys(app, "\n");
        app.fold(&Event::Status(RunStatus::Training));
        app.fold(&Event::Status(RunStatus::Finished));
        type_keys(app, "\x1b");
        assert!(screen(app, 80, 24).contains("▸ imdb-lstm"));
    });
    let data = Overrides { data: Some("Cargo.toml".into()), ..Overrides::default() };
    assert_eq!(launched, [("imdb-lstm".to_owned(), data.clone()), ("imdb-lstm".to_owned(), data)]);
}

#[test]
fn a_preset_is_edited_trained_saved_and_copied_with_its_changes() {
    let launched = in_menu(|app| {
        type_keys(app, "/word-order\ne");
        assert!(screen(app, 120, 40).contains("measuring…"));
        let estimate = app.estimates().unwrap().recv_timeout(LONG).unwrap();
        app.take_estimate(estimate);
        assert!(screen(app, 120, 40).contains("0.1 s an epoch"));
        type_keys(app, "48w");
        assert!(screen(app, 120, 40).contains("Saved as word-order-edited.yaml"));
        assert_eq!(app.take_clipboard(), None);
        type_keys(app, "c");
        let command = "unrolled train word-order --set model.1.units=48";
        assert_eq!(app.take_clipboard().as_deref(), Some(command));
        assert!(screen(app, 120, 40).contains(command));
        type_keys(app, "\n");
        assert!(screen(app, 80, 24).contains("○ starting"));
        app.fold(&Event::Status(RunStatus::Finished));
        // Back in the form, for the next change; and in the menu.
        type_keys(app, "\x1b");
        assert!(screen(app, 80, 24).contains("edit word-order"));
        type_keys(app, "\x1b");
        assert!(screen(app, 80, 24).contains("▸ word-order"));
        type_keys(app, "c");
        assert_eq!(app.take_clipboard().as_deref(), Some("unrolled train word-order"));
    });
    let set = vec!["model.1.units=48".to_owned()];
    assert_eq!(launched, [("word-order".to_owned(), Overrides { set, ..Overrides::default() })]);
}
