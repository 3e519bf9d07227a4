//! Runs that outlive their terminal: the control socket, `attach`, `send`, detaching, the owner of a run.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, where a failure is the answer")]

#[allow(dead_code, reason = "each file of tests uses a part of it")]
#[path = "common/session.rs"]
mod session;
#[path = "attach/viewers.rs"]
mod viewers;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use portable_pty::CommandBuilder;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use session::{LONG, Session, step};
use tempfile::TempDir;
use unrolled::protocol::Event;
use unrolled::run::control::Client;
use unrolled::run::{RunState, owner};

const PROGRAM: &str = env!("CARGO_BIN_EXE_unrolled");
/// A training that ends with the test only.
const ENDLESS: &[&str] = &["data.train=256", "data.validation=64", "train.epochs=1000000"];

/// A training without a terminal in the folder `run`; killed at the end of the test.
struct Training {
    folder: TempDir,
    child: Child,
}

impl Training {
    fn start(set: &[&str]) -> Self {
        Self::start_with(set, |_| {})
    }

    fn start_with(set: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command =
            program(folder.path(), &["train", "word-order", "--run", "run", "--headless", "--threads", "1"]);
        command.args(set.iter().flat_map(|set| ["--set", set])).stdout(Stdio::null()).stderr(Stdio::null());
        change(&mut command);
        let child = command.spawn().unwrap();
        let training = Self { folder, child };
        wait("the socket", || training.run().join("control.sock").exists());
        training
    }

    fn run(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    fn connect(&self) -> UnixStream {
        UnixStream::connect(self.run().join("control.sock")).unwrap()
    }

    fn status(&self) -> Value {
        Client::connect(&self.run()).unwrap().status().unwrap()
    }

    fn step(&self) -> u64 {
        self.status()["step"].as_u64().unwrap_or(0)
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn unrolled(&self, args: &[&str]) -> Output {
        program(self.folder.path(), args).output().unwrap()
    }

    fn exit_code(&mut self) -> i32 {
        let mut code = None;
        wait("the end of the training", || {
            code = self.child.try_wait().unwrap().map(|status| status.code().unwrap_or(-1));
            code.is_some()
        });
        code.unwrap()
    }

    /// The sender and the name of each recorded command.
    fn commands(&self) -> Vec<(String, String)> {
        let reader = unrolled::run::Reader::open(&self.run()).unwrap();
        let commands = reader.events().unwrap().filter_map(|event| match event.unwrap() {
            Event::Command(applied) => Some(applied.request),
            _ => None,
        });
        let name = |request| serde_json::to_value(request).unwrap()["command"].as_str().unwrap().to_owned();
        commands.map(|request| (request.by.clone(), name(request))).collect()
    }

    fn lines(&self) -> Vec<Value> {
        let lines = fs::read_to_string(self.run().join("metrics.jsonl")).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Training {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).stdin(Stdio::null()).env("LC_ALL", "C.UTF-8");
    for name in ["SLURM_JOB_ID", "SLURM_CPUS_PER_TASK"] {
        command.env_remove(name);
    }
    command
}

fn wait(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !reached() {
        assert!(Instant::now() < deadline, "{what} never comes");
        sleep(Duration::from_millis(10));
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Reads a line of a socket.
fn answer(lines: &mut BufReader<UnixStream>) -> Value {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
}

#[test]
fn two_screens_control_a_run_while_a_third_client_sends_garbage() {
    let mut training = Training::start(ENDLESS);
    let (ends, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let flood = {
        let (socket, ends, sent) =
            (training.run().join("control.sock"), Arc::clone(&ends), Arc::clone(&sent));
        spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                let Ok(mut stream) = UnixStream::connect(&socket) else { continue };
                let garbage: &[&[u8]] =
                    &[b"{\"command\":\"stop", b"\n\x1b[2J\n", &[0xff; 70_000], b"[]\n{}\n"];
                while garbage.iter().all(|garbage| stream.write_all(garbage).is_ok()) {
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
    };
    let mut screens = [(); 2].map(|()| Session::program(training.folder.path(), &["attach", "run"]));
    for screen in &mut screens {
        screen.wait_until("steps", |screen| step(screen) >= 1);
        screen.wait_for("3 Loss");
    }
    let [one, other] = &mut screens;
    one.press(" ");
    one.wait_for("paused");
    other.wait_for("paused");
    let paused = training.step();
    other.press(",");
    wait("the change of the rate", || {
        training.lines().iter().any(|line| line["command"] == "scale_learning_rate")
    });
    let changed = training.lines().into_iter().find(|line| line["command"] == "scale_learning_rate").unwrap();
    assert_eq!(changed["step"], paused);
    assert!(changed["by"].as_str().is_some_and(|by| by.contains("@pts/")), "{changed}");
    other.press(" ");
    one.wait_until("steps again", |screen| step(screen) > paused);
    // One leaves; the run goes on.
    one.press("q");
    assert_eq!(one.exit_code(), 0);
    one.wait_for("detached, training continues");
    let left = training.step();
    wait("steps", || training.step() > left);
    other.press("X");
    other.wait_for("Save and stop");
    other.answer("2");
    other.wait_for("stopped");
    // Its user has stopped it, as on its own screen.
    assert_eq!(training.exit_code(), 0);
    ends.store(true, Ordering::Relaxed);
    flood.join().unwrap();
    assert!(sent.load(Ordering::Relaxed) > 0);
    assert!(training.commands().iter().all(|(_, command)| command != "stop"));
    let [one, other] = screens;
    one.ends_restored(0, "");
    // It stays with the end of the run.
    let mut other = other;
    other.press("q");
    other.ends_restored(0, "");
    assert_eq!(owner::state(&training.run()).unwrap(), RunState::Stopped);
    assert!(!training.run().join("control.sock").exists());
}

#[test]
fn a_client_that_does_not_read_costs_little_memory_and_gets_everything_when_it_does() {
    let small = [
        "data.train=64",
        "data.validation=8",
        "train.epochs=1000000",
        "train.batch_size=1",
        "model.1.units=1",
    ];
    let training = Training::start(&small);
    let mut stalled = training.connect();
    stalled.write_all(b"{\"request\":\"frames\"}\n").unwrap();
    // More than the queue of a client takes.
    wait("steps", || training.step() > 5_000);
    let status = fs::read_to_string(format!("/proc/{}/status", training.child.id())).unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    let before: u64 = resident.trim().trim_end_matches(" kB").trim().parse().unwrap();
    let from = training.step();
    let deadline = Instant::now() + LONG;
    while training.step() < from + 60_000 && Instant::now() < deadline {
        sleep(Duration::from_millis(100));
    }
    Client::connect(&training.run())
        .unwrap()
        .command(&unrolled::protocol::Command::Pause.by("test"))
        .unwrap();
    let last = training.step();
    let status = fs::read_to_string(format!("/proc/{}/status", training.child.id())).unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    let after: u64 = resident.trim().trim_end_matches(" kB").trim().parse().unwrap();
    assert!(after < before + 24 * 1024, "{before} kB, then {after} kB");
    let mut lines = BufReader::new(stalled);
    assert_eq!(answer(&mut lines)["unrolled"], 1);
    let header = answer(&mut lines);
    assert_eq!(header["frames"], 1);
    let mut frames = unrolled::run::FrameStream::new(lines).unwrap();
    let mut next = 1;
    while next <= last {
        if let Some(Event::Step(metrics)) = frames.next_event().unwrap() {
            assert_eq!(metrics.step, next);
            next += 1;
        }
    }
    println!("{last} steps, {before} kB, then {after} kB");
}

#[test]
fn events_are_numbered_and_go_on_where_a_client_left_off() {
    let mut training = Training::start(&["data.train=256", "data.validation=64", "train.epochs=20"]);
    // All connect while it trains: it lasts a fraction of a second.
    let streams = [0, 30, 0].map(|since| {
        let mut stream = training.connect();
        writeln!(stream, "{}", json!({"request": "events", "since": since})).unwrap();
        stream
    });
    let [first, rest, mut to_the_end] = streams.map(BufReader::new);
    let read = |mut lines: BufReader<_>, count: usize| {
        answer(&mut lines);
        assert_eq!(answer(&mut lines)["events"], 1);
        (0..count).map(|_| answer(&mut lines)).collect::<Vec<_>>()
    };
    let first = read(first, 30);
    assert_eq!(first[0]["event"], "prepared");
    assert!(first.iter().enumerate().all(|(i, event)| event["seq"] == i as u64 + 1), "{first:?}");
    let rest = read(rest, 5);
    assert_eq!(rest[0]["seq"], 31);
    // Those to come, up to the last.
    let mut all = String::new();
    to_the_end.read_to_string(&mut all).unwrap();
    let all: Vec<Value> = all.lines().skip(2).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(all.last().unwrap()["state"], "finished");
    assert_eq!(all[..30], first);
    let steps = all.iter().filter(|event| event["event"] == "step").count();
    assert_eq!(steps, 160);
    assert_eq!(training.exit_code(), 0);
}

#[test]
fn a_run_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    let training = Training::start(ENDLESS);
    let as_nobody = || {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", PROGRAM, "send", "run", "pause"]);
        command.current_dir(training.folder.path()).output().unwrap()
    };
    fs::set_permissions(training.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let refused = as_nobody();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(text(&refused.stderr).contains("does not answer"), "{refused:?}");
    // Whatever the permissions of the socket are.
    fs::set_permissions(training.run().join("control.sock"), fs::Permissions::from_mode(0o777)).unwrap();
    let refused = as_nobody();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(text(&refused.stderr).contains("this run belongs to another user"), "{refused:?}");
    assert_eq!(training.status()["state"], "training");
}

#[test]
fn a_second_process_is_refused_with_who_trains_the_run() {
    let training = Training::start(ENDLESS);
    let second = training.unrolled(&["train", "word-order", "--run", "run", "--headless"]);
    assert_eq!(second.status.code(), Some(2));
    let message = text(&second.stderr);
    let who = format!("process {} on {}, since 20", training.child.id(), owner::host());
    assert!(message.contains(&who) && message.contains("unrolled attach run"), "{message}");
}

#[test]
fn commands_are_sent_and_their_effect_or_reason_is_printed() {
    let mut training = Training::start(ENDLESS);
    let send = |args: &[&str]| {
        let output = training.unrolled(&[&["send", "run"], args].concat());
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    wait("steps", || training.step() > 3);
    assert!(send(&["pause"]).1.starts_with("paused at step "));
    let (_, status, _) = send(&["status", "--json"]);
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!((&status["state"], &status["steps_per_epoch"]), (&json!("paused"), &json!(8)));
    let step = status["step"].as_u64().unwrap();
    send(&["step"]);
    wait("a step", || training.step() == step + 1);
    for (args, command, done) in [
        (&["lr", "0.5x"][..], "scale_learning_rate", "learning rate 0.002 → 0.001 from step "),
        (&["lr", "5e-4"], "set_learning_rate", "learning rate 0.001 → 0.0005 from step "),
        (&["clip", "1.0"], "set_clipnorm", "gradients are clipped to a norm of 1 from step "),
        (&["vary", "1", "replace", "4", "very"], "vary_probe", "example 3 is added\n"),
        (&["vary", "2", "reverse"], "vary_probe", "example 4 is added\n"),
        (&["unit", "1:7"], "watch_unit", "unit 7 of layer 1 is watched\n"),
        (&["neighbours", "good"], "show_neighbours", "neighbours of \"good\" are shown\n"),
        (&["neighbours", "zzz"], "show_neighbours", "\"zzz\" is not in the vocabulary"),
        (&["save"], "save", "paused at step "),
        (&["undo"], "undo", "undone by "),
    ] {
        let (code, out, err) = send(args);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        assert!(out.starts_with(done) && out.contains("paused at step "), "{out}");
        let is_event = !matches!(command, "undo");
        wait(command, || !is_event || training.commands().iter().any(|(_, name)| name == command));
    }
    assert_eq!(training.status()["state"], "paused");
    // What this network does not have.
    let (code, _, reason) = send(&["patience", "3"]);
    assert!(code == Some(1) && reason.contains("no train.early_stopping"), "{reason}");
    for (args, why) in [
        (&["unit", "1:7", "--quantity", "z"][..], "no unit is watched"),
        (&["vary", "9", "reverse"], "there is no example 9"),
    ] {
        let (code, out, reason) = send(args);
        assert!(code == Some(1) && out.is_empty() && reason.contains(why), "{args:?}: {reason}");
    }
    for wrong in [&["lr", "half"][..], &["dropout", "1.5"], &["stopp"]] {
        assert_eq!(send(wrong).0, Some(2), "{wrong:?}");
    }
    assert!(send(&["stop"]).1.starts_with("stopping at step"), "{:?}", send(&["status"]));
    assert_eq!(training.exit_code(), 0);
    // A refusal answers who has sent the command; the run itself has nothing to warn of.
    let reader = unrolled::run::Reader::open(&training.run()).unwrap();
    let lines = reader.events().unwrap().filter_map(|event| match event.unwrap() {
        Event::Log(line) => Some(line.text),
        _ => None,
    });
    let lines: Vec<String> = lines.collect();
    assert!(lines.iter().any(|line| line.starts_with("learning rate 0.001 from step")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("no train.early_stopping")), "{lines:?}");
    let (code, _, reason) = {
        let output = training.unrolled(&["send", "run", "pause"]);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    assert!(code == Some(1) && reason.contains("run was stopped; `unrolled resume run` goes on"), "{reason}");
}

#[test]
fn a_run_that_is_not_live_is_said_to_be_so() {
    let mut training = Training::start(ENDLESS);
    training.signal(Signal::KILL);
    training.exit_code();
    assert_eq!(owner::state(&training.run()).unwrap(), RunState::Crashed);
    let output = training.unrolled(&["attach", "run"]);
    assert!(text(&output.stderr).contains("killed; `unrolled resume run`"), "{output:?}");
    let mut training = Training::start(&["data.train=256", "data.validation=64", "train.epochs=3"]);
    assert_eq!(training.exit_code(), 0);
    let output = training.unrolled(&["attach", "run"]);
    assert!(text(&output.stderr).contains("has finished; `unrolled replay run`"), "{output:?}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_screen_whose_run_is_killed_says_so() {
    let training = Training::start(ENDLESS);
    let mut screen = Session::program(training.folder.path(), &["attach", "run"]);
    screen.wait_until("steps", |screen| step(screen) >= 1);
    training.signal(Signal::KILL);
    screen.wait_for("failed");
    screen.wait_for("was killed");
    screen.press("q");
    screen.ends_restored(0, "");
}

#[test]
fn a_run_of_another_host_is_watched_and_the_line_for_control_is_printed() {
    let training = Training::start(ENDLESS);
    let path = training.run().join("owner.json");
    let mut owner: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    owner["host"] = json!("node7");
    owner["slurm"] = json!({"job": "42"});
    fs::write(&path, owner.to_string()).unwrap();
    // A socket of another host refuses connections.
    fs::remove_file(training.run().join("control.sock")).unwrap();
    let mut screen = Session::program(training.folder.path(), &["attach", "run"]);
    screen.wait_until("steps", |screen| step(screen) >= 1);
    let shown = step(screen.screen.screen());
    screen.wait_until("more steps", |screen| step(screen) > shown);
    screen.press("q");
    screen.ends_restored(0, "srun --jobid=42 --overlap --pty unrolled attach");
}

#[test]
fn lines_follow_where_there_is_no_terminal() {
    let training = Training::start(&["data.train=256", "data.validation=64", "train.epochs=300"]);
    let output = training.unrolled(&["attach", "run"]);
    let lines = text(&output.stdout);
    assert!(lines.contains("epoch 1 ") || lines.contains("epoch 1/"), "{lines}");
    assert!(lines.contains("finished"), "{lines}");
}

/// An interactive shell in a terminal, which knows `unrolled`.
fn shell(folder: &Path) -> Session {
    let mut command = CommandBuilder::new("bash");
    command.args(["--norc", "--noprofile", "-i"]);
    command.cwd(folder);
    let path =
        format!("{}:{}", Path::new(PROGRAM).parent().unwrap().display(), std::env::var("PATH").unwrap());
    command.env("PATH", path);
    command.env("PS1", "$ ");
    let mut session = Session::open(command);
    session.wait_for("$ ");
    session
}

const TRAIN: &str = "unrolled train word-order --run run --set data.train=256 --set data.validation=64 \
                     --set train.epochs=1000000 --set watch.pace=200";

#[test]
fn a_training_in_the_background_leaves_the_terminal_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = shell(folder.path());
    session.press(&format!("{TRAIN} &\r"));
    session.wait_for("`unrolled attach run` shows it");
    assert!(!session.screen.screen().alternate_screen());
    let mut client = Client::connect(&folder.path().join("run")).unwrap();
    wait("steps", || client.status().unwrap()["step"].as_u64() > Some(10));
    session.press("unrolled send latest stop || unrolled send run stop\r");
    session.wait_for("stopped");
    session.press("exit\r");
    session.exit_code();
}

#[test]
fn a_training_that_is_paused_stays_paused_when_it_is_detached() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = shell(folder.path());
    session.press(&format!("{TRAIN} --threads 1\r"));
    session.wait_until("steps", |screen| step(screen) >= 3);
    session.press(" ");
    session.wait_for("paused");
    session.press("d");
    session.wait_for("training is paused in process ");
    let run = folder.path().join("run");
    let mut client = Client::connect(&run).unwrap();
    wait("the pause", || client.status().unwrap()["state"] == "paused");
    let held = client.status().unwrap()["step"].as_u64().unwrap();
    let output = fs::read_to_string(run.join("output.log")).unwrap();
    assert!(output.contains("slowed down to 200 steps a second"), "{output}");
    session.press("exit\r");
    session.exit_code();
    let mut screen = Session::program(folder.path(), &["attach", "run"]);
    screen.wait_until("the pause", |screen| screen.contents().contains("paused") && step(screen) == held);
    assert_eq!(client.status().unwrap()["step"].as_u64(), Some(held));
    screen.press(" ");
    screen.wait_until("steps again", |screen| step(screen) > held);
    // The pace is the least time of a step, late steps made up for.
    let (first, begin) = (client.status().unwrap()["step"].as_u64().unwrap(), Instant::now());
    sleep(Duration::from_secs(1));
    let made = client.status().unwrap()["step"].as_u64().unwrap() - first;
    assert!(made as f64 <= 200.0 * begin.elapsed().as_secs_f64() + 40.0, "{made} steps");
    screen.press("X");
    screen.wait_for("Save and stop");
    screen.answer("2");
    screen.wait_for("stopped");
    wait("the end", || owner::state(&run).unwrap() == RunState::Stopped);
}

#[test]
fn what_cannot_be_resumed_is_said_on_the_screen_that_was_there_before() {
    let training = Training::start(ENDLESS);
    let mut session = shell(training.folder.path());
    session.press("unrolled resume run; echo code $?\r");
    session.wait_for("code 2");
    let contents = session.screen.screen().contents();
    assert!(contents.contains("is in use by another trainer"), "{contents}");
    assert!(!session.has_switched_screens, "{contents}");
    drop(training);
    session.press("exit\r");
    session.exit_code();
}

#[test]
fn ctrl_z_and_bg_go_on_training_and_fg_shows_the_screen_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = shell(folder.path());
    session.press(&format!("{TRAIN}\r"));
    session.wait_until("steps", |screen| step(screen) >= 1);
    session.press("\x1a");
    session.wait_for("Stopped");
    session.press("bg\r");
    session.wait_for("&");
    let mut client = Client::connect(&folder.path().join("run")).unwrap();
    let stopped = client.status().unwrap()["step"].as_u64().unwrap();
    wait("steps in the background", || client.status().unwrap()["step"].as_u64().unwrap() > stopped + 100);
    assert!(!session.screen.screen().alternate_screen());
    session.press("fg\r");
    session.wait_until("the screen", |screen| screen.alternate_screen() && step(screen) > stopped + 100);
    session.press("q");
    session.wait_for("Save and stop");
    session.answer("2");
    session.wait_for("stopped");
    session.press("q");
    session.wait_until("the shell", |screen| !screen.alternate_screen());
    session.press("exit\r");
    session.exit_code();
}

#[test]
fn a_detached_training_answers_when_the_prompt_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let set = ENDLESS.iter().flat_map(|set| ["--set", *set]);
    let args: Vec<&str> =
        ["train", "word-order", "--detach", "--threads", "1"].into_iter().chain(set).collect();
    let output = program(folder.path(), &args).output().unwrap();
    let line = text(&output.stdout);
    assert!(
        line.contains("training continues in process ") && line.contains("unrolled attach runs/word-order-"),
        "{output:?}"
    );
    let run = fs::read_dir(folder.path().join("runs")).unwrap().next().unwrap().unwrap().path();
    let owner = owner::Owner::read(&run).unwrap();
    let pid = Pid::from_raw(i32::try_from(owner.pid).unwrap()).unwrap();
    // Its session is its own: no terminal ends it.
    assert_eq!(rustix::process::getsid(Some(pid)).unwrap(), pid);
    let output = program(folder.path(), &["send", "latest", "stop"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    wait("the end", || owner::state(&run).unwrap() == RunState::Stopped);
    assert!(fs::read_to_string(run.join("output.log")).unwrap().contains("epoch 1"));
    // What is wrong is said here.
    let output = program(folder.path(), &["train", "word-order", "--detach", "--set", "model.1.units=0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn sigusr1_saves_and_asks_slurm_to_start_the_job_again_but_not_forever() {
    let bin = tempfile::tempdir().unwrap();
    let scontrol = bin.path().join("scontrol");
    fs::write(&scontrol, format!("#!/bin/sh\necho \"$@\" >> {}/calls\n", bin.path().display())).unwrap();
    fs::set_permissions(&scontrol, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.path().display(), std::env::var("PATH").unwrap());
    let calls = || fs::read_to_string(bin.path().join("calls")).unwrap_or_default();
    let mut training = Training::start_with(ENDLESS, |command| {
        command.env("PATH", &path).env("SLURM_JOB_ID", "7");
        command.env("SLURM_ARRAY_JOB_ID", "7").env("SLURM_ARRAY_TASK_ID", "3");
    });
    wait("steps", || training.step() > 3);
    training.signal(Signal::USR1);
    assert_eq!(training.exit_code(), 130);
    assert_eq!(calls(), "requeue 7_3\n");
    let owner = owner::Owner::read(&training.run()).unwrap();
    assert_eq!((owner.state, owner.requeued.unwrap().count), (RunState::Stopped, 1));
    assert_eq!(owner.slurm.unwrap().task(), "7_3");
    // Without Slurm it ends as after SIGTERM.
    let mut training = Training::start(ENDLESS);
    wait("steps", || training.step() > 3);
    training.signal(Signal::USR1);
    assert_eq!(training.exit_code(), 130);
    assert_eq!(calls(), "requeue 7_3\n");
}

#[test]
fn a_job_that_makes_no_step_is_started_again_five_times_at_most() {
    let bin = tempfile::tempdir().unwrap();
    let scontrol = bin.path().join("scontrol");
    fs::write(&scontrol, format!("#!/bin/sh\necho \"$@\" >> {}/calls\n", bin.path().display())).unwrap();
    fs::set_permissions(&scontrol, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.path().display(), std::env::var("PATH").unwrap());
    let mut training = Training::start(ENDLESS);
    wait("steps", || training.step() > 3);
    training.signal(Signal::TERM);
    assert_eq!(training.exit_code(), 130);
    // Each time it is ended before its first step.
    for count in 1..=6 {
        let mut command = program(training.folder.path(), &["resume", "run", "--headless", "--paused"]);
        command.env("PATH", &path).env("SLURM_JOB_ID", "7").stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let is_paused = || {
            let status = Client::connect(&training.run()).and_then(|mut client| client.status());
            status.is_ok_and(|status| status["state"] == "paused")
        };
        wait("the pause", is_paused);
        kill_process(Pid::from_child(&child), Signal::USR1).unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
        let refused = "the job is not requeued: it made no step since it was started 6 times";
        assert_eq!(said.contains(refused), count == 6, "{count}: {said}");
        assert_eq!(owner::Owner::read(&training.run()).unwrap().requeued.unwrap().count, count);
    }
    assert_eq!(fs::read_to_string(bin.path().join("calls")).unwrap(), "requeue 7\n".repeat(5));
}

#[test]
fn the_script_of_the_help_page_lowers_the_rate_saves_and_stops() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3");
        return;
    }
    let page = unrolled::help::CONTROL.text;
    let script = page.split("```sh\n").find(|block| block.starts_with("#!/bin/sh")).unwrap();
    let script = script.split("```").next().unwrap();
    // A rate at which nothing is learnt.
    let set = ["train.optimizer.learning_rate=1e-30"];
    let mut training = Training::start(&[ENDLESS, &set].concat());
    fs::write(training.folder.path().join("plateau.sh"), script).unwrap();
    let output =
        Command::new("sh").args(["plateau.sh", "run"]).current_dir(training.folder.path()).output().unwrap();
    assert_eq!(training.exit_code(), 0, "{output:?}");
    let (by, names): (Vec<_>, Vec<_>) = training.commands().into_iter().unzip();
    assert_eq!(names, ["scale_learning_rate", "scale_learning_rate", "save_and_stop"]);
    assert!(by.iter().all(|by| by == "plateau.sh"));
}

#[test]
fn d_gives_the_prompt_back_and_training_goes_on_in_a_session_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = shell(folder.path());
    session.press(&format!("{TRAIN} --threads 1\r"));
    session.wait_until("steps", |screen| step(screen) >= 3);
    session.press("d");
    session.wait_for("training continues in process ");
    session.wait_for("`unrolled attach run` shows it");
    assert!(!session.screen.screen().alternate_screen());
    let run = folder.path().join("run");
    let mut client = Client::connect(&run).unwrap();
    let at = client.status().unwrap()["step"].as_u64().unwrap();
    wait("steps", || client.status().unwrap()["step"].as_u64() > Some(at + 100));
    // The terminal closes; it goes on, and another one shows it, with all of its history.
    session.press("exit\r");
    session.exit_code();
    let mut screen = Session::program(folder.path(), &["attach", "run"]);
    screen.wait_until("steps", |screen| step(screen) > at + 100);
    screen.press("X");
    screen.wait_for("Save and stop");
    screen.answer("2");
    screen.wait_for("stopped");
    wait("the end", || owner::state(&run).unwrap() == RunState::Stopped);
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let lines = metrics.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let steps: Vec<u64> =
        lines.filter(|line| line["kind"] == "step").map(|line| line["step"].as_u64().unwrap()).collect();
    assert!(steps.iter().enumerate().all(|(i, step)| *step == i as u64 + 1), "steps are missing or twice");
}
