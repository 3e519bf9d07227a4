//! Two hosts that share a folder: two network namespaces with host names of their own on this machine.
//!
//! ```sh
//! cargo test --release --test hosts -- --ignored
//! ```
//! Where they cannot be made, since this is not root or `ip` and `unshare` are missing, the test says so and passes.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use unrolled::run::checkpoint::{self, Which};

/// Far longer than anything takes; reached only by a test that fails.
const LONG: Duration = Duration::from_secs(600);
const TRIALS: usize = 6;

/// A host: a network namespace, removed at the end, and a name.
struct Host {
    namespace: String,
    name: &'static str,
}

impl Host {
    /// `None` where there can be none.
    fn new(name: &'static str) -> Option<Self> {
        let namespace = format!("unrolled-{}-{name}", std::process::id());
        let run = |program: &str, args: &[&str]| {
            let output = Command::new(program).args(args).output();
            output.is_ok_and(|output| output.status.success())
        };
        let is_made = run("ip", &["netns", "add", &namespace]) && {
            let host = Self { namespace, name };
            let said = host.command("hostname").output().unwrap();
            if String::from_utf8_lossy(&said.stdout).trim() == name {
                return Some(host);
            }
            false
        };
        if !is_made {
            eprintln!("skipped: hosts need root, and the programs ip and unshare");
        }
        None
    }

    /// A command of the shell on this host, in the place of the shell.
    fn command(&self, line: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, "unshare", "--uts", "sh", "-c"]);
        command.arg(format!("hostname {} && exec {line}", self.name)).stdin(Stdio::null());
        command
    }

    /// A process that trains the sweep in `dir`, one trial at a time.
    fn trains(&self, dir: &Path) -> Child {
        let program = env!("CARGO_BIN_EXE_unrolled");
        let mut command = self.command(&format!("{program} sweep run shared --jobs 1 --threads 1"));
        command.current_dir(dir).stdout(Stdio::null()).spawn().unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", &self.namespace]).status();
    }
}

fn unrolled(dir: &Path, args: &[&str]) -> String {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_unrolled")).args(args).current_dir(dir).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// The table of a sweep without the times.
fn table(dir: &Path, sweep: &str) -> Vec<Value> {
    let lines = unrolled(dir, &["sweep", "status", sweep, "--json"]);
    let parse = |line: &str| {
        let mut trial: Value = serde_json::from_str(line).unwrap();
        trial.as_object_mut().unwrap().retain(|key, _| key != "seconds" && key != "run");
        trial
    };
    lines.lines().map(parse).collect()
}

/// The host and the number of the trial of each claim, in the order of their names.
fn claims(dir: &Path) -> Vec<(String, String)> {
    // Not there before the first process.
    let entries =
        fs::read_dir(dir.join("shared/state")).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut claims: Vec<PathBuf> =
        entries.filter(|path| path.to_string_lossy().contains(".claim-")).collect();
    claims.sort();
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    claims.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

fn wait<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(begin.elapsed() < LONG, "{what}");
        sleep(Duration::from_millis(20));
    }
}

fn weights(dir: &Path, sweep: &str, trial: usize) -> Vec<u8> {
    let run = dir.join(sweep).join(format!("trials/{trial:04}"));
    fs::read(checkpoint::read(&run, Which::Last).unwrap().path.join("model.safetensors")).unwrap()
}

#[test]
#[ignore = "makes network namespaces, and waits for a heartbeat to stop"]
fn a_host_that_dies_is_noticed_by_its_heartbeat_and_its_trial_is_taken_over_once() {
    let (Some(one), Some(other)) = (Host::new("node-a"), Host::new("node-b")) else { return };
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let grid = ["--grid", "model.1.units=2,3,4", "--seeds", "1..2", "--set", "data.train=2000"];
    let more = ["--set", "data.validation=100", "--set", "train.epochs=60"];
    let sweep = |run: &str, last: &[&str]| {
        unrolled(dir, &[&["sweep", "word-order", "--run", run][..], &grid, &more, last].concat())
    };
    sweep("whole", &["--jobs", "2", "--threads", "1"]);
    // The folder alone.
    sweep("shared", &["--slurm", "", "--print"]);
    let mut dying = one.trains(dir);
    let mut living = other.trains(dir);
    // Both train, and the one that dies has saved something of its trial.
    let victim = wait("both hosts train", || {
        let claims = claims(dir);
        let of = |host: &str| claims.iter().rev().find(|(_, owner)| owner.starts_with(host)).cloned();
        let ((claim, _), _) = (of("node-a-")?, of("node-b-")?);
        let trial = claim.split('.').next()?.to_owned();
        let has_ended = dir.join(format!("shared/state/{trial}.end.json")).exists();
        let has_saved = checkpoint::read(&dir.join("shared/trials").join(&trial), Which::Last).is_ok();
        (has_saved && !has_ended).then_some(trial)
    });
    dying.kill().unwrap();
    dying.wait().unwrap();
    let killed = Instant::now();
    wait("the trial is taken over", || {
        dir.join(format!("shared/state/{victim}.claim-2")).exists().then_some(())
    });
    let noticed = killed.elapsed();
    // The last beat was at most ten seconds before, and thirty seconds without one are death.
    assert!(noticed > Duration::from_secs(15), "{noticed:?}: not by the heartbeat");
    assert!(living.wait().unwrap().success());
    let twice: Vec<(String, String)> =
        claims(dir).into_iter().filter(|(claim, _)| !claim.ends_with(".claim-1")).collect();
    assert_eq!(twice.len(), 1, "one trial is taken over, once: {twice:?}");
    assert!(twice[0].0 == format!("{victim}.claim-2") && twice[0].1.starts_with("node-b-"), "{twice:?}");
    let (whole, shared) = (table(dir, "whole"), table(dir, "shared"));
    assert!(whole.len() == TRIALS && whole.iter().all(|trial| trial["state"] == "finished"), "{whole:?}");
    assert_eq!(shared, whole);
    for trial in 0..TRIALS {
        assert_eq!(weights(dir, "shared", trial), weights(dir, "whole", trial), "trial {trial}");
    }
    assert_eq!(fs::read_dir(dir.join("shared/workers")).unwrap().count(), 1, "that of the dead host");
}
