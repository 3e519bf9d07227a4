//! The screen of a sweep in a terminal: trials are opened and left again, and nothing is sent while nothing changes.

use std::fs;
use std::process::{Child, Command as Process, Stdio};

use serde_json::Value;

use super::*;

/// A sweep in `folder/s` over four rates, each trained for `epochs` epochs of eight steps, one after another.
fn sweep(folder: &Path, epochs: &str, pace: &str) -> Process {
    let mut command = Process::new(env!("CARGO_BIN_EXE_unrolled"));
    command.args(["sweep", "word-order", "--run", "s", "--jobs", "1", "--threads", "1"]);
    command.args(["--grid", "train.optimizer.learning_rate=0.001,0.003,0.01,0.03"]);
    let epochs = format!("train.epochs={epochs}");
    let pace = format!("watch.pace={pace}");
    for set in ["data.train=256", "data.validation=64", &epochs, &pace] {
        command.args(["--set", set]);
    }
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A training in the background, which is killed when it is no longer needed.
struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn status(folder: &Path) -> Session {
    let mut session = Session::program(folder, &["sweep", "status", "s"]);
    session.wait_for("4 trials:");
    session
}

/// The chosen trial.
fn chosen(screen: &vt100::Screen) -> String {
    let contents = screen.contents();
    let row = contents.split_once('▸').map_or("", |(_, row)| row);
    row.chars().skip_while(|c| !c.is_ascii_digit()).take(4).collect()
}

/// From the dashboard back to the sweep: Esc closes a warning first, if there is one.
fn back(session: &mut Session) {
    let is_back = |session: &Session| session.screen.screen().contents().contains("1 running");
    let begin = Instant::now();
    while !is_back(session) {
        assert!(begin.elapsed() < LONG, "{}", session.screen.screen().contents());
        session.press("\x1b");
        let pressed = Instant::now();
        while !is_back(session) && pressed.elapsed() < LONG / 8 {
            if let Ok(chunk) = session.output.recv_timeout(Duration::from_millis(100)) {
                session.screen.process(&chunk);
            }
        }
    }
}

#[test]
fn a_trial_is_opened_with_enter_and_esc_comes_back_to_the_same_row() {
    let folder = folder();
    assert!(sweep(folder.path(), "2", "null").status().unwrap().success());
    let mut session = status(folder.path());
    session.wait_for("4 finished");
    // By their numbers, the second one.
    session.press("s");
    session.wait_for("trial ▼");
    session.press("\x1b[H");
    session.wait_until("the first row", |screen| chosen(screen) == "0000");
    session.press("\x1b[B");
    session.wait_until("the second row", |screen| chosen(screen) == "0001");
    session.press("\r");
    session.wait_for("Space play");
    session.wait_until("the last step", |screen| step(screen) == 16);
    session.press("\x1b");
    session.wait_until("the same row", |screen| chosen(screen) == "0001");
    session.press("i");
    session.wait_for("s/trials/0001");
    session.press("\x1b");
    session.wait_until("the box is closed", |screen| !screen.contents().contains("s/trials/0001"));
    session.press("q");
    session.ends_restored(0, "");
}

#[test]
fn a_trial_in_training_is_attached_to_and_goes_on_when_it_is_left() {
    let folder = folder();
    let mut training = Background(sweep(folder.path(), "100000", "50").spawn().unwrap());
    while !folder.path().join("s/trials/0000/frames.bin").exists() {
        sleep(Duration::from_millis(20));
    }
    let mut session = status(folder.path());
    session.wait_for("1 running");
    session.wait_until("the first row", |screen| chosen(screen) == "0000");
    session.press("\r");
    session.wait_until("steps", |screen| step(screen) >= 1);
    let seen = session.step();
    session.wait_until("steps go on", |screen| step(screen) > seen);
    back(&mut session);
    assert!(training.0.try_wait().unwrap().is_none(), "the training goes on");
    // As if another host that shares the folder trained it: there is no socket, and its recording is followed.
    let run = folder.path().join("s/trials/0000");
    let mut owner: Value = serde_json::from_slice(&fs::read(run.join("owner.json")).unwrap()).unwrap();
    owner["host"] = "node7".into();
    fs::write(run.join("owner.json"), owner.to_string()).unwrap();
    fs::remove_file(run.join("control.sock")).unwrap();
    session.press("\r");
    session.wait_until("steps", |screen| step(screen) > seen);
    let seen = session.step();
    session.wait_until("steps go on", |screen| step(screen) > seen);
    back(&mut session);
    // Its process dies: the screen says so by itself.
    training.0.kill().unwrap();
    training.0.wait().unwrap();
    session.wait_for("1 interrupted");
    session.wait_for("nothing at work");
    session.press("q");
    session.ends_restored(0, "");
}

#[test]
fn a_quiet_sweep_sends_nothing_and_a_pipe_has_the_table() {
    let folder = folder();
    assert!(sweep(folder.path(), "1", "null").status().unwrap().success());
    let mut session = status(folder.path());
    session.wait_for("q quit");
    // What is on its way.
    while session.output.recv_timeout(Duration::from_millis(1500)).is_ok() {}
    let sent = session.output.recv_timeout(Duration::from_secs(4));
    assert!(sent.is_err(), "{sent:?}");
    session.press("q");
    session.ends_restored(0, "");
    let mut printed = Process::new(env!("CARGO_BIN_EXE_unrolled"));
    let printed = printed.args(["sweep", "status", "s"]).current_dir(folder.path()).output().unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert!(printed.starts_with("4 trials: 4 finished") && printed.contains("best: s/trials/"), "{printed}");
    let mut session = Session::program(folder.path(), &["sweep", "status", "s", "--plain"]);
    session.wait_for("best: s/trials/");
    assert!(!session.has_switched_screens);
}
