use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::ui::compare::tests::record;
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
    let Some(Request::Show(title, _)) = screen.act(Action::Open) else { panic!("no card") };
    assert_eq!(title, "lstm-1");
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
