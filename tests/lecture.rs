//! The lecture: every network trains and gives its numbers, the real program on a terminal and as text.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, where a failure is the answer")]

#[path = "lecture/screens.rs"]
mod screens;
#[allow(dead_code, reason = "each file of tests uses a part of it")]
#[path = "common/session.rs"]
mod session;
#[path = "lecture/story.rs"]
mod story;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use session::Session;
use unrolled::preset::{self, Overrides};
use unrolled::protocol::Event;
use unrolled::train::{Options, Outcome, Trainer};
use unrolled::ui::keymap::Action;
use unrolled::ui::lecture::{Language, LectureScreen, Network, PAGES, Request};

/// All networks in little time; their numbers are as many as those of the whole training.
const SMALL: [&str; 3] = ["data.train=256", "data.validation=64", "train.epochs=1"];

/// The events of a network of a page, trained in `folder`.
fn trained(network: &Network, folder: &Path) -> Vec<Event> {
    let set = network.set.iter().chain(&SMALL).map(|set| (*set).to_owned()).collect();
    let overrides = Overrides { set, ..Overrides::default() };
    let spec = preset::load(network.preset, &overrides).unwrap().spec;
    assert!(spec.watch.pace.is_some(), "{}: too fast to be watched", network.preset);
    let options = Options { folder: Some(folder.to_owned()), threads: 1, ..Options::default() };
    let trainer = Trainer::start(spec, options).unwrap();
    let events = trainer.events.iter().collect();
    assert_eq!(trainer.join(), Outcome::Finished);
    events
}

#[test]
fn every_number_of_every_page_is_measured_in_its_training() {
    let folder = tempfile::tempdir().unwrap();
    for number in 1..=PAGES.len() {
        let mut lectures = Language::ALL.map(|language| LectureScreen::new(language, number));
        for i in 0..PAGES[number - 1].networks.len() {
            let network = lectures[0].network().unwrap();
            let events = trained(network, &folder.path().join(format!("{number}-{i}")));
            for lecture in &mut lectures {
                let before = lecture.finding();
                let waits = ["not answered yet", "not over yet", "ещё не дала", "ещё идёт"];
                assert!(
                    waits.iter().any(|words| before.contains(words)),
                    "nothing is measured yet: {before}"
                );
                events.iter().for_each(|event| lecture.apply(event));
                let finding = lecture.finding();
                assert!(!waits.iter().any(|words| finding.contains(words)), "page {number}: {finding}");
                assert!(
                    !finding.contains("not been measured") && !finding.contains("не измерен"),
                    "{finding}"
                );
                let next = lecture.act(Action::Try);
                assert!(next.is_none() || next == Some(Request::Train));
            }
        }
    }
}

/// The program with these arguments, without a terminal.
fn run(folder: &Path, args: &[&str], locale: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unrolled"));
    command.args(args).current_dir(folder).stdin(Stdio::null());
    for name in ["LC_ALL", "LC_MESSAGES", "LC_CTYPE"] {
        command.env_remove(name);
    }
    command.env("LANG", locale).env("TMPDIR", folder).output().unwrap()
}

#[test]
fn pages_are_printed_in_the_language_of_the_locale_with_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let printed = |args: &[&str], locale: &str| {
        let output = run(folder.path(), args, locale);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let english = printed(&["lecture", "--text", "--page", "1"], "C.UTF-8");
    assert!(english.starts_with("1/10 Words without their order\n"), "{english}");
    // A network that sees no order is right for one of two twins.
    assert!(english.contains("difference 0.000.") && english.contains("50.0 %"), "{english}");
    let russian = printed(&["lecture", "--text", "--page", "1"], "ru_RU.UTF-8");
    assert!(russian.starts_with("1/10 Слова без порядка\n") && russian.contains("50.0 %"), "{russian}");
    let english = printed(&["lecture", "--text", "--page", "9", "--lang", "en"], "ru_RU.UTF-8");
    assert!(english.starts_with("9/10 Windows instead of memory"), "{english}");
    // Neither runs nor temporary files stay behind.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn without_a_terminal_or_its_letters_it_says_what_can_be_done() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |code: i32, args: &[&str], locale: &str| {
        let output = run(folder.path(), args, locale);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(
        fails(1, &["lecture"], "C.UTF-8"),
        "unrolled: no terminal that can show the lecture; `unrolled lecture --text` prints its pages\n"
    );
    let letters = fails(2, &["lecture", "--lang", "ru"], "C");
    assert!(letters.starts_with("unrolled: --lang ru needs a locale with UTF-8"), "{letters}");
    let number = fails(2, &["lecture", "--page", "11"], "C.UTF-8");
    assert!(number.contains("--page") && number.contains("1..=10"), "{number}");
}

#[test]
fn all_pages_are_turned_and_the_program_ends_with_nothing_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let mut command = portable_pty::CommandBuilder::new(env!("CARGO_BIN_EXE_unrolled"));
    command.args(["lecture", "--lang", "en"]);
    command.cwd(folder.path());
    command.env("TMPDIR", &temporary);
    let mut session = Session::open(command);
    for number in 1..=PAGES.len() {
        session.wait_for(&format!("Lecture {number}/10"));
        // The step has no place beside a long title.
        session.wait_for("● training");
        session.press(if number == 4 { "\x1b[6~" } else { "\x1b[C" });
    }
    // There is no page after the last; the first is one key away.
    session.press("\x1b[H");
    session.wait_for("Lecture 1/10");
    session.wait_for("this order");
    session.press(" p");
    session.wait_for("● paused");
    session.press("?");
    session.wait_for("Go to the next page of the lecture");
    session.press("\x1b");
    // The help may not have covered all of the page yet.
    session.wait_until("the page", |screen| {
        let contents = screen.contents();
        contents.contains("p go on") && !contents.contains("Keys and help")
    });
    session.press("f");
    session.press("p");
    session.wait_for("● finished");
    session.press("q");
    session.ends_restored(0, "");
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
    assert!(!folder.path().join("runs").exists());
}

#[test]
fn the_menu_opens_the_lecture_and_esc_returns_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::program(folder.path(), &[]);
    session.wait_for("Word order: a SimpleRNN distinguishes");
    session.press("L");
    session.wait_for("● training · step");
    session.press("\x1b");
    session.wait_for("Word order: a SimpleRNN distinguishes");
    session.press("q");
    session.ends_restored(0, "");
    assert!(!folder.path().join("runs").exists());
}

#[test]
fn a_signal_ends_the_lecture_with_a_restored_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::program(folder.path(), &["lecture", "--page", "7", "--lang", "ru"]);
    session.wait_for("Лекция 7/10 · Градиент затухает");
    session.wait_for("● обучение · шаг");
    session.signal(rustix::process::Signal::TERM);
    session.ends_restored(130, "");
}
