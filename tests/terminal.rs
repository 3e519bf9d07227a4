//! The terminal code in a pseudo-terminal: setup, drawing, and restoration after every kind of exit.
//!
//! The program under test is the real one for training; for scripted trainers it is this test binary, run again as the ignored
//! test `screen`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, where a failure is the answer")]

#[path = "terminal/bytes.rs"]
mod bytes;
#[path = "common/session.rs"]
mod session;
#[path = "terminal/sweep.rs"]
mod sweep;
#[path = "terminal/unread.rs"]
mod unread;

use std::io::Write;
use std::path::Path;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use portable_pty::CommandBuilder;
use session::{LONG, SIZE, Session, step};
use tempfile::TempDir;
use unrolled::preset::Entry;
use unrolled::protocol::{
    AppliedCommand, Command, CommandRequest, CommandSender, DataFacts, Event, ModelTable, RunStatus,
};
use unrolled::run::checkpoint::{self, Which};
use unrolled::run::control::Client;
use unrolled::run::{Reader, RunError};
use unrolled::ui::{self, ExitReason, InitialScreen, LaunchRequest, Launched, Link, TerminalOptions};

/// The training loss in the title of its chart.
fn loss(screen: &vt100::Screen) -> Option<f64> {
    let contents = screen.contents();
    let (_, title) = contents.split_once("3 Loss")?;
    let (_, number) = title.lines().next()?.split_once("train ")?;
    number.split_whitespace().next()?.parse().ok().filter(|loss: &f64| *loss > 0.0)
}

/// The recorded events of the run, which are complete.
fn recorded(run: &Path) -> Vec<Event> {
    let reader = Reader::open(run).unwrap();
    reader.events().unwrap().collect::<Result<_, RunError>>().unwrap()
}

/// The run stopped with a checkpoint of its very last step.
fn assert_saved(run: &Path) {
    let events = recorded(run);
    assert_eq!(events.last(), Some(&Event::Status(RunStatus::Stopped { saved: true })));
    let last = events.iter().filter_map(|e| if let Event::Step(m) = e { Some(m.step) } else { None }).max();
    assert_eq!(Some(checkpoint::read(run, Which::Last).unwrap().step), last);
}

/// This binary again, as a program with a menu of `preset` alone.
fn with_preset(preset: &str) -> Session {
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--exact", "screen", "--ignored", "--nocapture"]);
    command.env("SCREEN_PRESET", preset);
    Session::open(command)
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The program in the pseudo-terminal: not a test by itself.
#[test]
#[ignore = "run by the other tests of this file in a terminal of its own"]
fn screen() {
    let Ok(preset) = std::env::var("SCREEN_PRESET") else { return };
    let entry = Entry {
        group: "Played".into(),
        name: preset,
        title: "A trainer that is played".into(),
        about: "It finishes at once, trains until it is stopped, or panics.".into(),
        model: ModelTable::default(),
        reads: Vec::new(),
        data: DataFacts::default(),
        settings: Vec::new(),
        missing: None,
    };
    let settings = TerminalOptions::default().settings(|name| std::env::var(name).ok()).unwrap();
    let outcome = ui::run(InitialScreen::Menu(None), vec![entry], &mut play, settings).unwrap();
    // `println!` would panic on a closed terminal.
    let _ = writeln!(std::io::stdout(), "ended by {outcome:?}");
    std::process::exit(match outcome {
        ExitReason::Quit | ExitReason::Branch => 0,
        ExitReason::LeftTraining => 10,
        ExitReason::HungUp => 11,
        ExitReason::Detached => 12,
        ExitReason::Signal(_) => 130,
    });
}

fn play(request: LaunchRequest<'_>) -> Result<Launched, String> {
    let LaunchRequest::Train(preset, _) = request else { return Err("it trains presets".into()) };
    let (tell, events) = crossbeam_channel::unbounded();
    let (commands, asked) = crossbeam_channel::unbounded();
    assert_ne!(preset, "panics", "the screen itself fails");
    let preset = preset.to_owned();
    spawn(move || {
        let status = |status| tell.send(Event::Status(status)).unwrap();
        status(RunStatus::Training);
        match preset.as_str() {
            "finishes" => status(RunStatus::Finished),
            "fails" => panic!("the trainer fails"),
            _ => {
                let last = asked
                    .iter()
                    .map(|asked: CommandRequest| asked.command)
                    .find(|c| matches!(c, Command::SaveAndStop | Command::Stop));
                status(RunStatus::Stopped { saved: last == Some(Command::SaveAndStop) });
            }
        }
    });
    Ok(Launched::Link(Link { events, commands: CommandSender::new("screen", commands) }))
}

#[test]
fn a_run_from_the_menu_to_its_end_restores_the_terminal() {
    let mut session = with_preset("finishes");
    session.wait_for("A trainer that is played");
    assert!(session.screen.screen().alternate_screen() && session.screen.screen().bracketed_paste());
    session.press("\r");
    session.wait_for("finished");
    session.press("q");
    session.ends_restored(0, "ended by Quit");
}

#[test]
fn save_and_stop_ends_when_the_trainer_has_stopped() {
    let mut session = with_preset("trains");
    session.wait_for("A trainer that is played");
    session.press("\r");
    session.wait_for("training");
    session.press("\x03");
    session.wait_for("Save and stop");
    session.answer("2");
    session.wait_for("stopped");
    session.press("q");
    session.ends_restored(0, "ended by Quit");
}

#[test]
fn a_panic_of_the_screen_is_reported_on_a_restored_terminal() {
    let mut session = with_preset("panics");
    session.wait_for("A trainer that is played");
    session.press("\r");
    session.ends_restored(101, "the screen itself fails");
}

#[test]
fn a_panic_of_the_trainer_does_not_disturb_the_screen_and_is_reported_at_the_end() {
    let mut session = with_preset("fails");
    session.wait_for("A trainer that is played");
    session.press("\r");
    session.wait_for("failed");
    assert!(session.screen.screen().alternate_screen());
    session.press("q");
    session.ends_restored(0, "the trainer fails");
}

#[test]
fn sigterm_ends_with_a_restored_terminal() {
    let mut session = with_preset("trains");
    session.wait_for("A trainer that is played");
    session.signal(rustix::process::Signal::TERM);
    session.ends_restored(130, "ended by Signal(15)");
}

#[test]
fn ctrl_z_does_not_stop_a_program_that_no_shell_could_continue() {
    let mut session = with_preset("trains");
    session.wait_for("A trainer that is played");
    session.press("\x1a?");
    session.wait_for("This help.");
    session.press("qq");
    session.ends_restored(0, "ended by Quit");
}

#[test]
fn a_dead_terminal_ends_the_screen_and_not_the_program() {
    let mut session = with_preset("trains");
    session.wait_for("A trainer that is played");
    assert_eq!(session.hang_up(), 11);
}

#[test]
fn the_menu_the_dashboard_full_speed_the_end() {
    let folder = folder();
    let mut session = Session::program(folder.path(), &[]);
    session.wait_for("Word order: a SimpleRNN distinguishes");
    session.press("\r");
    for shown in ["training", "word-order", "3 Loss", "4 Accuracy", "1 Gradient", "2 Hidden"] {
        session.wait_for(shown);
    }
    session.wait_until("a live loss", |screen| step(screen) >= 3 && loss(screen).is_some());
    session.press("f");
    session.wait_for("finished");
    assert_eq!(session.step(), 1_500);
    session.press("q");
    session.ends_restored(0, "");
    let runs: Vec<_> = std::fs::read_dir(folder.path().join("runs")).unwrap().collect();
    let [Ok(run)] = runs.as_slice() else { panic!("{runs:?}") };
    assert_eq!(recorded(&run.path()).last(), Some(&Event::Status(RunStatus::Finished)));
    assert_eq!(checkpoint::read(&run.path(), Which::Last).unwrap().step, 1_500);
}

#[test]
fn several_seeds_are_trained_one_after_another_on_the_dashboard() {
    let folder = folder();
    let args = ["train", "word-order", "--seeds", "1..2", "--run", "all", "--set", "data.train=320"];
    let mut session = Session::program(folder.path(), &[&args[..], &["--set", "train.epochs=2"]].concat());
    session.wait_for("1 of 2");
    session.press("f");
    session.wait_for("2 of 2");
    session.press("f");
    session.wait_until("the end", |screen| screen.contents().contains("finished") && step(screen) == 20);
    // The first seed has ended, and stays to be compared with in the tab of all runs.
    session.press("T");
    session.wait_for("seed-1");
    session.wait_for("± ");
    session.press("q");
    session.ends_restored(0, "mean ");
    for run in ["all/seed-1", "all/seed-2"] {
        assert_eq!(recorded(&folder.path().join(run)).last(), Some(&Event::Status(RunStatus::Finished)));
    }
}

#[test]
fn stopping_one_of_several_trainings_ends_them_all() {
    let folder = folder();
    let args = ["train", "word-order", "--seeds", "1..3", "--run", "all", "--set", "train.epochs=100000"];
    let mut session = Session::program(folder.path(), &args);
    session.wait_until("a step", |screen| step(screen) >= 1);
    session.press("q");
    session.wait_for("Save and stop");
    session.answer("2");
    session.wait_for("stopped; a checkpoint of this step is saved");
    session.press("q");
    session.ends_restored(0, "none of 3 trainings finished");
    assert_saved(&folder.path().join("all/seed-1"));
    assert!(!folder.path().join("all/seed-2").exists());
}

#[test]
fn space_pauses_n_makes_a_step_and_leaving_opens_a_dialog() {
    let folder = folder();
    let mut session = Session::training(folder.path(), &["train.epochs=100000"]);
    // The screen is read while it is drawn: how far the training is, it says itself.
    let mut client = Client::connect(&folder.path().join("run")).unwrap();
    let mut paused_at = |beyond: u64| {
        let deadline = Instant::now() + LONG;
        loop {
            let status = client.status().unwrap();
            let step = status["step"].as_u64().unwrap_or(0);
            if status["state"] == "paused" && step > beyond {
                return step;
            }
            assert!(Instant::now() < deadline, "it does not pause after step {beyond}: {status}");
            sleep(Duration::from_millis(5));
        }
    };
    session.press(" ");
    session.wait_for("paused");
    let held = paused_at(0);
    session.wait_until("the last step", |screen| step(screen) == held);
    for made in 1..=3 {
        session.press("n");
        assert_eq!(paused_at(held + made - 1), held + made);
        session.wait_until("one more step", |screen| {
            step(screen) == held + made && screen.contents().contains("paused")
        });
    }
    session.press(" ");
    session.wait_until("steps again", |screen| step(screen) > held + 5);
    session.press("q");
    session.wait_for("Save and stop");
    session.answer("\x1b");
    session.wait_until("the dashboard", |screen| !screen.contents().contains("Save and stop"));
    let cancelled = session.step();
    session.wait_until("steps still", |screen| step(screen) > cancelled);
    session.press("q");
    session.wait_for("Save and stop");
    session.answer("2");
    session.wait_for("stopped");
    session.press("q");
    session.ends_restored(0, "");
    assert_saved(&folder.path().join("run"));
}

#[test]
fn sigterm_on_the_dashboard_saves_and_restores_the_terminal() {
    let folder = folder();
    let session = Session::training(folder.path(), &["train.epochs=100000"]);
    session.signal(rustix::process::Signal::TERM);
    session.ends_restored(130, "");
    assert_saved(&folder.path().join("run"));
}

#[test]
fn a_run_whose_terminal_closes_continues_to_its_end_paused_or_not() {
    for paused in [false, true] {
        let folder = folder();
        // At this pace it would exceed the timeout.
        let mut session = Session::training(folder.path(), &["train.epochs=3", "watch.pace=0.5"]);
        if paused {
            session.press(" ");
            session.wait_for("paused");
        }
        assert_eq!(session.hang_up(), 0);
        let run = folder.path().join("run");
        assert_eq!(recorded(&run).last(), Some(&Event::Status(RunStatus::Finished)));
        assert_eq!(checkpoint::read(&run, Which::Last).unwrap().step, 24);
    }
}

#[test]
fn a_run_continues_in_plain_lines_after_leaving_the_screen() {
    let folder = folder();
    let mut session = Session::training(folder.path(), &["train.epochs=3", "watch.pace=0.5"]);
    session.press("q");
    session.wait_for("Continue without screen");
    session.answer("1");
    session.wait_for("finished");
    session.ends_restored(0, "epoch 3");
}

#[test]
fn no_terminal_size_makes_the_dashboard_panic() {
    let folder = folder();
    let mut session = Session::training(folder.path(), &["train.epochs=100000"]);
    for (rows, cols) in
        [(1, 1), (1, 200), (24, 1), (5, 40), (10, 39), (60, 250), (u16::MAX, u16::MAX), (2, 2)]
    {
        session.resize(rows, cols);
        let drawn = session.output.recv_timeout(LONG).unwrap();
        session.screen.process(&drawn);
    }
    session.screen.process(b"\x1b[2J");
    session.resize(SIZE.rows, SIZE.cols);
    for shown in ["3 Loss", "2 Hidden", "training"] {
        session.wait_for(shown);
    }
    session.press("q");
    session.wait_for("Save and stop");
    session.answer("3");
    session.wait_for("stopped");
    session.press("q");
    session.ends_restored(0, "");
}

#[test]
fn a_preset_without_its_data_shows_instructions() {
    let folder = folder();
    let mut session = Session::program(folder.path(), &[]);
    session.wait_for("word-order");
    session.press("/lecture-rnn8");
    session.wait_for("Presets (2 of ");
    // Keys in one read are pasted text.
    session.answer("\r");
    session.wait_for("Enter gets them");
    session.answer("\r");
    session.wait_for("Esc back");
    for said in ["fetch imdb", "choose a file or folder", "unrolled data fetch imdb", "--data PATH"] {
        session.wait_for(said);
    }
    session.press("\x1b");
    // At once, the next key would be one with Alt.
    session.wait_until("the menu", |screen| !screen.contents().contains("Esc back"));
    session.press("q");
    session.ends_restored(0, "");
    assert!(!folder.path().join("runs").exists());

    let mut session = Session::program(folder.path(), &["train", "lecture-rnn8"]);
    session.wait_for("failed");
    session.wait_for("not found");
    session.press("q");
    session.ends_restored(2, "unrolled data fetch imdb");
}

#[test]
fn other_signals_save_and_restore_the_terminal_as_well() {
    use rustix::process::Signal;
    for signal in [Signal::QUIT, Signal::ALARM, Signal::XCPU] {
        let folder = folder();
        let session = Session::training(folder.path(), &["train.epochs=100000"]);
        session.signal(signal);
        session.ends_restored(130, "");
        assert_saved(&folder.path().join("run"));
    }
}

#[test]
fn a_signal_ends_the_program_during_a_long_step_after_the_screen() {
    // A step takes many seconds, and as long would an orthogonal matrix of this size.
    let set = ["model.1.units=2048", "tokens.length=4000", "data.train=16", "data.validation=8"];
    let more = ["train.batch_size=8", "watch.probes=0", "model.1.recurrent_initializer=glorot_uniform"];
    let set = set.into_iter().chain(more);
    let args: Vec<&str> = ["train", "word-order", "--threads", "1", "--run", "run"]
        .into_iter()
        .chain(set.flat_map(|set| ["--set", set]))
        .collect();
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let folder = folder();
        let mut session = Session::program(folder.path(), &args);
        session.wait_for("training");
        session.press("q");
        session.wait_for("Save and stop");
        session.answer("3");
        session.wait_for("q quits at once");
        session.press("q");
        session.wait_until("the screen before", |screen| !screen.alternate_screen());
        session.signal(signal);
        session.ends_restored(130, "");
    }
}

#[test]
fn a_paste_without_its_end_or_without_marks_is_no_command() {
    let folder = folder();
    let mut session = Session::training(folder.path(), &["train.epochs=100000"]);
    session.press("quick, brown fox. Sad news,\rn");
    sleep(Duration::from_millis(200));
    session.press("\x1b[200~abc q");
    sleep(Duration::from_millis(300));
    session.press(" ");
    session.wait_for("paused");
    assert!(!session.screen.screen().contents().contains("Save and stop"));
    session.press("q");
    session.wait_for("Save and stop");
    // The dialog takes no answer yet.
    session.press("1");
    session.answer("2");
    session.wait_for("stopped");
    session.press("q");
    session.ends_restored(0, "");
    assert_saved(&folder.path().join("run"));
    let rates = recorded(&folder.path().join("run"));
    assert!(!rates.iter().any(|event| matches!(
        event,
        Event::Command(AppliedCommand {
            request: CommandRequest { command: Command::ScaleLearningRate { .. }, .. },
            ..
        })
    )));
}

#[test]
fn changes_of_the_learning_rate_are_recorded_and_said_to_be_missing_from_the_spec() {
    let folder = folder();
    let mut session = Session::training(folder.path(), &["train.epochs=100000"]);
    session.press(",");
    session.wait_until("a few steps", |screen| step(screen) > 20);
    session.press("q");
    session.wait_for("Save and stop");
    session.answer("2");
    session.wait_for("stopped");
    session.press("q");
    session.ends_restored(0, "");
    let run = folder.path().join("run");
    let spec = std::fs::read_to_string(run.join("spec.yaml")).unwrap();
    assert!(spec.starts_with("# This file alone does not reproduce the run"), "{spec}");
    assert!(spec.contains(r#""command":"scale_learning_rate","factor":0.5"#), "{spec}");
    let metrics = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    assert!(
        metrics.lines().any(|line| line.contains("\"command\":\"scale_learning_rate\",\"factor\":0.5")),
        "{metrics}"
    );
    let says = |event: &Event| matches!(event, Event::Log(line) if line.text.contains("spec.yaml alone does not reproduce"));
    assert!(recorded(&run).iter().any(says));
}
