use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::ui::group::tests::record;
use crate::ui::menu::tests::THEME;

fn screen() -> RunsScreen {
    let dir = tempfile::tempdir().unwrap();
    let runs = [("lstm-1", 1.0), ("gru-1", 2.0), ("conv\x1b[2J", 0.5)];
    let mut all: Vec<Run> = runs.map(|(name, rate)| record(dir.path(), name, 8, 4, rate)).to_vec();
    let now = SystemTime::now();
    for (i, run) in all.iter_mut().enumerate() {
        run.started = now - std::time::Duration::from_secs(90 + 3600 * i as u64);
    }
    RunsScreen::of(all, None)
}

fn drawn(screen: &mut RunsScreen, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen.render(frame, frame.area(), &THEME)).unwrap();
    terminal.backend().to_string()
}

fn type_text(screen: &mut RunsScreen, text: &str) {
    screen.act(Action::Filter);
    for c in text.chars() {
        assert!(screen.type_key(&KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
    }
}

fn names(screen: &RunsScreen) -> Vec<&str> {
    screen.shown.iter().map(|i| &*screen.all[*i].name).collect()
}

#[test]
fn the_list_at_80_by_12_with_a_mark() {
    let mut screen = screen();
    screen.act(Action::Mark);
    insta::assert_snapshot!(drawn(&mut screen, 80, 12));
}

#[test]
fn a_filter_is_typed_and_one_that_cannot_be_read_leaves_the_rows() {
    let mut screen = screen();
    assert_eq!(names(&screen), ["lstm-1", "gru-1", "conv\x1b[2J"]);
    type_text(&mut screen, "gru val_loss<0.");
    assert_eq!(names(&screen), [""; 0]);
    type_text(&mut screen, "4");
    assert_eq!(names(&screen), ["gru-1"]);
    type_text(&mut screen, "x");
    assert_eq!(names(&screen), ["gru-1"]);
    assert!(drawn(&mut screen, 100, 12).contains("expected a number"));
    screen.act(Action::Back);
    assert_eq!(names(&screen).len(), 3);
    assert!(matches!(screen.act(Action::Back), Some(Request::Leave)));
}

#[test]
fn marked_runs_are_compared_or_the_marked_one_with_the_chosen_one() {
    let mut screen = screen();
    let compared = |request: Option<Request>| match request {
        Some(Request::Compare(runs)) => runs.iter().map(|run| run.name.to_string()).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert!(matches!(screen.act(Action::Compare), Some(Request::Refuse(_))));
    screen.act(Action::Mark);
    assert_eq!(compared(screen.act(Action::Compare)), ["lstm-1", "gru-1"]);
    screen.act(Action::Last);
    screen.act(Action::Mark);
    screen.act(Action::First);
    assert_eq!(compared(screen.act(Action::Compare)), ["lstm-1", "conv\x1b[2J"]);
    screen.act(Action::Sort);
    assert_eq!(names(&screen), ["conv\x1b[2J", "gru-1", "lstm-1"]);
    let Some(Request::Show(title, _)) = screen.act(Action::Explain) else { panic!("no card") };
    assert_eq!(title, "lstm-1");
}

fn keys(screen: &mut RunsScreen, text: &str) {
    for c in text.chars() {
        let code = if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) };
        assert!(screen.type_key(&KeyEvent::new(code, KeyModifiers::NONE)));
    }
}

#[test]
fn runs_are_tagged_noted_and_removed_and_new_ones_appear() {
    let dir = tempfile::tempdir().unwrap();
    for (name, rate) in [("a", 1.0), ("b", 2.0)] {
        record(dir.path(), name, 8, 4, rate);
    }
    let mut screen = RunsScreen::new(dir.path());
    screen.act(Action::Sort);
    screen.act(Action::First);
    assert_eq!(names(&screen), ["a", "b"]);
    screen.act(Action::Tag);
    assert!(drawn(&mut screen, 80, 12).contains("tags for a (-tag removes one): "));
    assert!(screen.is_typing() && !screen.is_asking());
    keys(&mut screen, "keep good\n");
    screen.act(Action::Tag);
    keys(&mut screen, "-good\n");
    screen.act(Action::Note);
    keys(&mut screen, "rate too high\n");
    let marks = &screen.chosen().unwrap().marks;
    assert_eq!((marks.tags.as_slice(), &*marks.notes[0].text), (&["keep".to_owned()][..], "rate too high"));
    screen.act(Action::Tag);
    keys(&mut screen, "a=b\n");
    assert!(drawn(&mut screen, 80, 12).contains("a filter reads"), "{}", drawn(&mut screen, 80, 12));
    // Another key than y keeps it.
    screen.act(Action::Remove);
    assert!(drawn(&mut screen, 80, 12).contains("Remove a with its checkpoints?"));
    assert!(screen.is_asking() && !screen.is_typing(), "text is no answer");
    keys(&mut screen, "n");
    assert!(dir.path().join("a").exists());
    screen.act(Action::Remove);
    keys(&mut screen, "y");
    assert!(!dir.path().join("a").exists());
    assert_eq!(names(&screen), ["b"]);
    // What another process does is seen by itself; the chosen run stays chosen.
    record(dir.path(), "0", 8, 4, 1.0);
    assert!(!screen.tick(Instant::now()));
    assert!(screen.tick(screen.next_tick().unwrap()));
    assert_eq!((names(&screen), &*screen.chosen().unwrap().name), (vec!["0", "b"], "b"));
}

#[test]
fn a_live_run_is_attached_to_and_not_removed() {
    let mut screen = screen();
    let words = [Action::Open, Action::Remove, Action::Compare].map(|action| screen.footer_word(action));
    assert_eq!(words, [None, None, Some("")]);
    screen.all[0].state = RunState::Live;
    let words = [Action::Open, Action::Remove].map(|action| screen.footer_word(action));
    assert_eq!(words, [Some("attach"), Some("")]);
    screen.act(Action::Remove);
    assert!(drawn(&mut screen, 80, 12).contains("is live; stop it first"));
    assert!(matches!(screen.act(Action::Open), Some(Request::Open(run)) if &*run.name == "lstm-1"));
}

#[test]
fn every_size_and_no_runs_are_survived() {
    for mut screen in
        [screen(), RunsScreen::of(Vec::new(), None), RunsScreen::of(Vec::new(), Some("no".into()))]
    {
        for action in [Action::Mark, Action::Open, Action::Last, Action::Sort, Action::PageDown] {
            screen.act(action);
        }
        for (width, height) in [(1, 1), (24, 6), (40, 8), (200, 50)] {
            drawn(&mut screen, width, height);
        }
    }
}
