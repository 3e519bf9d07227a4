use std::fs;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tempfile::TempDir;

use super::*;
use crate::ui::findings::tests::draft;
use crate::ui::menu::tests::THEME;

/// Far longer than anything takes; reached only by a test that fails.
const LONG: Duration = Duration::from_secs(30);

const OWN: CustomDataHooks = CustomDataHooks {
    inspect: |path| match path.extension() {
        Some(end) if end == "csv" => Ok(draft()),
        Some(end) if end == "odd" => {
            Ok(Draft { preset: Err("no column looks like a label".into()), ..draft() })
        }
        Some(end) if end == "worse" => panic!("a defect"),
        _ => Err(format!("{}: found a pipe\x1b", path.display())),
    },
    write_preset: |draft| Ok(format!("{}.yaml", draft.name)),
};

/// A browser that has read a folder with these files; a name that ends in a slash is a folder.
fn open(names: &[&str]) -> (Browser, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let path = folder.path().join(name);
        if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::write(path, vec![b'x'; name.len() * 100]).unwrap();
        }
    }
    let mut browser = Browser::new(OWN, folder.path().to_owned());
    hear(&mut browser);
    (browser, folder)
}

/// Takes one answer.
fn hear(browser: &mut Browser) {
    let answer = browser.results().recv_timeout(LONG).unwrap();
    browser.take_result(answer);
}

fn names(browser: &Browser) -> Vec<&str> {
    browser.shown.iter().map(|at| browser.rows()[*at].name.as_str()).collect()
}

fn chosen(browser: &Browser) -> &str {
    &browser.chosen().unwrap().name
}

fn press(browser: &mut Browser, keys: &str) {
    for c in keys.chars() {
        let code = match c {
            '\n' => KeyCode::Enter,
            '\x1b' => KeyCode::Esc,
            c => KeyCode::Char(c),
        };
        assert!(browser.type_key(&KeyEvent::new(code, KeyModifiers::NONE)));
    }
}

fn screen(browser: &mut Browser, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| browser.render(frame, frame.area(), &THEME)).unwrap();
    terminal.backend().to_string()
}

#[test]
fn folders_come_first_and_hidden_files_when_asked_for() {
    let (mut browser, _folder) = open(&["b.csv", "A.txt", ".git/", "zoo/", "Ants/", ".rc"]);
    assert_eq!(names(&browser), ["..", "Ants", "zoo", "A.txt", "b.csv"]);
    browser.act(Action::ToggleHidden);
    assert_eq!(names(&browser), ["..", ".git", "Ants", "zoo", ".rc", "A.txt", "b.csv"]);
    browser.act(Action::Last);
    browser.act(Action::ToggleHidden);
    assert_eq!(chosen(&browser), "b.csv");
}

#[test]
fn one_goes_down_into_a_folder_and_up_to_where_one_was() {
    let (mut browser, folder) = open(&["a/", "b/c/", "d.csv"]);
    browser.act(Action::Down);
    browser.act(Action::Down);
    assert_eq!(browser.act(Action::Open), None);
    assert!(screen(&mut browser, 80, 20).contains("reading…"));
    hear(&mut browser);
    assert_eq!((names(&browser), browser.folder.clone()), (vec!["..", "c"], folder.path().join("b")));
    browser.act(Action::Parent);
    hear(&mut browser);
    assert_eq!((chosen(&browser), browser.folder.as_path()), ("b", folder.path()));
    browser.act(Action::Open);
    hear(&mut browser);
    browser.act(Action::Open);
    hear(&mut browser);
    assert_eq!((chosen(&browser), browser.folder.as_path()), ("b", folder.path()), "by the row ..");
    assert_eq!(browser.act(Action::Back), Some(Request::Leave));
}

#[test]
fn the_filter_narrows_and_escape_clears_it_first() {
    let (mut browser, _folder) = open(&["reviews.csv", "reviews-test.csv", "notes.txt"]);
    browser.act(Action::Filter);
    press(&mut browser, "Rev test");
    assert_eq!((names(&browser), browser.filter.typing()), (vec!["reviews-test.csv"], true));
    assert!(screen(&mut browser, 80, 20).contains("/Rev test"));
    press(&mut browser, "\n");
    assert_eq!((chosen(&browser), browser.filter.typing()), ("reviews-test.csv", false));
    assert_eq!(browser.act(Action::Back), None);
    assert_eq!(names(&browser).len(), 4);
    browser.act(Action::Filter);
    browser.paste("zebra\n");
    assert!(screen(&mut browser, 80, 20).contains("No matching files"));
    assert_eq!(browser.act(Action::Open), None);
}

#[test]
fn a_file_is_looked_at_and_trained_on() {
    let (mut browser, _folder) = open(&["reviews.csv"]);
    browser.act(Action::Last);
    browser.act(Action::Open);
    assert_eq!(browser.context(), Context::Inspection);
    assert!(screen(&mut browser, 80, 20).contains("inspecting…"));
    assert_eq!(browser.act(Action::Open), None, "there is nothing to train yet");
    hear(&mut browser);
    insta::assert_snapshot!(screen(&mut browser, 80, 23));
    assert_eq!(browser.act(Action::Open), Some(Request::Train(Box::new(draft()))));
    browser.act(Action::Last);
    assert!(screen(&mut browser, 80, 23).contains("4,321 distinct words"));
    browser.act(Action::Back);
    assert_eq!((browser.context(), chosen(&browser)), (Context::Browser, "reviews.csv"));
}

#[test]
fn what_cannot_be_trained_on_is_told_and_an_answer_that_nobody_waits_for_is_void() {
    let (mut browser, _folder) = open(&["a.odd", "b.pipe", "c.worse"]);
    browser.act(Action::Down);
    browser.act(Action::Inspect);
    hear(&mut browser);
    assert_eq!(browser.act(Action::Open), Some(Request::ShowMessage("no column looks like a label".into())));
    browser.act(Action::Parent);
    browser.act(Action::Down);
    browser.act(Action::Open);
    hear(&mut browser);
    let seen = screen(&mut browser, 80, 20);
    assert!(seen.contains("found a pipe␛"), "{seen}");
    browser.act(Action::Back);
    browser.act(Action::Last);
    browser.act(Action::Open);
    browser.act(Action::Back);
    hear(&mut browser);
    assert_eq!(browser.context(), Context::Browser);
    browser.act(Action::Open);
    hear(&mut browser);
    assert!(screen(&mut browser, 80, 20).contains("internal error"));
}

#[test]
fn a_folder_that_cannot_be_read_is_told_with_the_way_out() {
    let (mut browser, folder) = open(&["gone/"]);
    fs::remove_dir(folder.path().join("gone")).unwrap();
    browser.act(Action::Last);
    browser.act(Action::Open);
    hear(&mut browser);
    assert!(screen(&mut browser, 80, 20).contains("← goes up"));
    browser.act(Action::Parent);
    hear(&mut browser);
    assert_eq!(names(&browser), [".."]);
}

#[test]
fn thousands_of_files_with_names_of_any_kind_fit_any_screen() {
    let long = "long".repeat(50);
    let many: Vec<String> = (0..3_000).map(|n| format!("file-{n:04}.csv")).collect();
    let odd = ["a\x1b[2J\nb.csv", "映画の評価.csv", "rtl\u{202e}.csv", &long];
    let all: Vec<&str> = many.iter().map(String::as_str).chain(odd).collect();
    let (mut browser, _folder) = open(&all);
    assert!(screen(&mut browser, 80, 23).contains("(3,005)"));
    browser.act(Action::Last);
    let seen = screen(&mut browser, 80, 23);
    assert!(seen.contains("映") && seen.contains("longlong") && seen.contains('…'), "{seen}");
    assert!(!seen.contains(['\x1b', '\u{202e}']), "{seen}");
    browser.act(Action::PageUp);
    assert_eq!(chosen(&browser), "file-2983.csv");
    for (width, height) in (1..40).flat_map(|width| (1..12).map(move |height| (width, height))) {
        screen(&mut browser, width, height);
    }
    browser.act(Action::First);
    browser.act(Action::Down);
    browser.act(Action::Open);
    hear(&mut browser);
    for (width, height) in (1..100).map(|width| (width, 1 + width % 30)) {
        screen(&mut browser, width, height);
    }
}
