//! The program without a screen: its output, its files and its exit codes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

#[path = "cli/bench.rs"]
mod bench;
#[path = "cli/config.rs"]
mod config;
#[path = "cli/data.rs"]
mod data;
#[path = "cli/disk.rs"]
mod disk;
#[path = "cli/diverged.rs"]
mod diverged;
#[path = "cli/experiments.rs"]
mod experiments;
#[path = "cli/fine_tuning.rs"]
mod fine_tuning;
#[path = "cli/memory.rs"]
mod memory;
#[path = "common/messages.rs"]
mod messages;
#[path = "cli/new.rs"]
mod new;
#[path = "cli/notice.rs"]
mod notice;
#[path = "cli/own.rs"]
mod own;
#[path = "cli/race.rs"]
mod race;
#[path = "cli/records.rs"]
mod records;
#[path = "cli/sample.rs"]
mod sample;
#[path = "cli/sequences.rs"]
mod sequences;
#[path = "cli/series.rs"]
mod series;
#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/sweep.rs"]
mod sweep;
#[path = "cli/tables.rs"]
mod tables;
#[path = "cli/tags.rs"]
mod tags;
#[path = "cli/unsaved.rs"]
mod unsaved;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Once, mpsc};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXCPU, SIGXFSZ};
use tempfile::TempDir;
use unrolled::protocol::{Event, RunStatus};
use unrolled::run::checkpoint::{self, Which};
use unrolled::run::{Reader, RunError};
use unrolled::ui::terminal::is_ignored;

/// Far longer than anything takes; reached only by a test that fails.
const LONG: Duration = Duration::from_secs(120);

/// Eight steps an epoch, two epochs: trained in no time.
const SMALL: [&str; 3] = ["data.train=256", "data.validation=64", "train.epochs=2"];
/// Runs until it is stopped.
const ENDLESS: [&str; 3] = ["data.train=256", "data.validation=64", "train.epochs=1000000"];

fn unrolled(folder: &Path, args: &[&str]) -> Command {
    default_signals();
    let mut command = Command::new(env!("CARGO_BIN_EXE_unrolled"));
    command.args(args).current_dir(folder).stdin(Stdio::null());
    command
}

/// The output of a program with these bytes at its stdin. It may end before it reads them, with an error of its own.
fn fed(mut command: Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Closed at the end of the statement.
    let written = child.stdin.take().unwrap().write_all(input);
    assert!(written.is_ok() || written.is_err_and(|error| error.kind() == ErrorKind::BrokenPipe));
    child.wait_with_output().unwrap()
}

fn json_lines(bytes: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(bytes).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Children get signals that end them, also where these tests are run with the signals ignored, as by `nohup` or in the background of a
/// script: what is ignored stays ignored in a new program, what is handled is not. These tests go on ignoring them.
fn default_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGXCPU, SIGXFSZ];
        for signal in signals.into_iter().filter(|signal| is_ignored(*signal)) {
            signal_hook::flag::register(signal, Arc::new(false.into())).unwrap();
        }
    });
}

/// `train PRESET --run RUN`, with values set.
fn train(folder: &Path, preset: &str, run: &str, set: &[&str]) -> Command {
    let mut command = unrolled(folder, &["train", preset, "--run", run]);
    command.args(sets(set));
    command
}

fn sets<'a>(set: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    set.iter().flat_map(|set| ["--set", *set])
}

fn done(mut command: Command) -> Output {
    command.output().unwrap()
}

/// Runs until it exits with `code`; returns its output.
#[track_caller]
fn ends(command: Command, code: i32) -> (String, String) {
    let Output { status, stdout, stderr } = done(command);
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!(status.code(), Some(code), "{status}\n{stdout}\n{stderr}");
    (stdout, stderr)
}

/// The lines of `metrics.jsonl`, each of them whole.
fn metrics(run: &Path) -> Vec<Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Makes the last checkpoint one of an earlier version, which has no checksums of the files of the run folder.
fn without_checksums(run: &Path) {
    let path = checkpoint::read(run, Which::Last).unwrap().path.join("DONE");
    let mut done: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    done.as_object_mut().unwrap().retain(|key, _| ["step", "files"].contains(&key.as_str()));
    fs::write(path, done.to_string()).unwrap();
}

/// The metrics without those that measure time.
fn timeless(run: &Path) -> Vec<Value> {
    let mut lines = metrics(run);
    for line in lines.iter_mut().filter_map(Value::as_object_mut) {
        line.retain(|name, _| name != "sequences_per_s" && name != "seconds");
    }
    lines
}

/// The file of the last checkpoint, byte for byte.
fn last(run: &Path, file: &str) -> Vec<u8> {
    fs::read(checkpoint::read(run, Which::Last).unwrap().path.join(file)).unwrap()
}

/// A running program, killed at the end of the test or after a timeout.
struct Running {
    child: Child,
    /// Dropped when nothing is waited for any more.
    _limit: mpsc::Sender<()>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        Self::of(command.stdout(Stdio::piped()).spawn().unwrap())
    }

    fn of(child: Child) -> Self {
        let (_limit, over) = mpsc::channel();
        let pid = Pid::from_child(&child);
        std::thread::spawn(move || {
            if over.recv_timeout(LONG) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        Self { child, _limit }
    }

    /// Waits for a line with `text`; the lines after it wait in the pipe.
    fn wait_for(&mut self, lines: &mut impl BufRead, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(
                lines.read_line(&mut line).unwrap(),
                0,
                "it ends without {text:?}: {:?}",
                self.child.wait()
            );
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + LONG;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the program does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The run has been saved at the very step that was recorded last.
fn saved_at_its_last_step(run: &Path) {
    let steps = metrics(run).iter().filter_map(|line| line["step"].as_u64()).max().unwrap();
    assert_eq!(checkpoint::read(run, Which::Last).unwrap().step, steps);
}

/// Where every write fails for want of space: Linux has such a device.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_for_output_is_reported_and_the_run_continues() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = train(folder.path(), "word-order", "run", &["train.epochs=1", "data.train=64"]);
    command.arg("--headless").stdout(fs::File::options().write(true).open("/dev/full").unwrap());
    let output = command.output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{message}");
    assert!(message.contains("cannot print: No space left"), "{message}");
    assert!(!metrics(&folder.path().join("run")).is_empty());
}

#[test]
fn a_headless_run_prints_plain_lines_and_leaves_a_complete_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (stdout, stderr) = ends(train(folder.path(), "word-order", "deep/run", &SMALL), 0);
    assert_eq!(stderr, "");
    assert!(stdout.chars().all(|c| c == '\n' || !c.is_control()), "{stdout:?}");
    for said in [
        "data   generated: word-order: 256 + 64 sequences",
        "epoch 1/2  step 2/8  loss 0.",
        "epoch 2/2  loss 0.",
        "val_loss 0.",
    ] {
        assert!(stdout.contains(said), "{said:?} is not in\n{stdout}");
    }
    let last = stdout.lines().last().unwrap();
    let weights =
        last.strip_prefix("finished: deep/run  weights ").and_then(|rest| rest.strip_suffix(" of step 16"));
    assert!(weights.is_some_and(|weights| weights.len() == 16), "{stdout}");

    let run = folder.path().join("deep/run");
    let lines = metrics(&run);
    assert_eq!(lines.len(), 2 * 8 + 2, "a line per step and epoch");
    let columns = |kind: &str| -> Vec<Vec<&str>> {
        let of_kind = lines.iter().filter(|line| line["kind"] == kind);
        of_kind.map(|line| line.as_object().unwrap().keys().map(String::as_str).collect()).collect()
    };
    let mut step =
        ["kind", "step", "epoch", "loss", "accuracy", "learning_rate", "grad_norm", "sequences_per_s"];
    let mut epoch = ["kind", "step", "epoch", "seconds", "loss", "accuracy"].to_vec();
    epoch.extend(["val_loss", "val_accuracy", "val_precision", "val_recall", "val_f1"]);
    step.sort_unstable();
    epoch.sort_unstable();
    assert_eq!((columns("step"), columns("epoch")), (vec![step.to_vec(); 16], vec![epoch; 2]));

    let reader = Reader::open(&run).unwrap();
    let events: Vec<Event> = reader.events().unwrap().collect::<Result<_, RunError>>().unwrap();
    assert!(matches!(events.first(), Some(Event::Prepared(info)) if info.folder == Path::new("deep/run")));
    assert_eq!(events.last(), Some(&Event::Status(RunStatus::Finished)));
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Step(_))).count(), 16);

    let json =
        |name: &str| -> Vec<String> { serde_json::from_slice(&fs::read(run.join(name)).unwrap()).unwrap() };
    assert_eq!(json("labels.json"), ["negative", "positive"]);
    let vocabulary = json("vocabulary.json");
    assert!(
        vocabulary.starts_with(&["".into(), "[UNK]".into()]) && vocabulary.contains(&"not".into()),
        "{vocabulary:?}"
    );
    assert_eq!(checkpoint::read(&run, Which::Last).unwrap().step, 16);
    assert!([8, 16].contains(&checkpoint::read(&run, Which::Best).unwrap().step));
}

#[test]
fn the_default_run_folder_is_in_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = unrolled(folder.path(), &["train", "word-order-dense", "--headless"]);
    command.args(sets(&SMALL));
    ends(command, 0);
    let runs: Vec<_> = fs::read_dir(folder.path().join("runs")).unwrap().map(|run| run.unwrap()).collect();
    let [run] = runs.as_slice() else { panic!("{runs:?}") };
    assert!(run.file_name().to_str().unwrap().starts_with("word-order-dense-2"), "{run:?}");
    assert!(run.path().join("spec.yaml").exists());
}

#[test]
fn the_spec_of_a_run_trains_the_same_run_again() {
    let folder = tempfile::tempdir().unwrap();
    ends(train(folder.path(), "word-order", "one", &SMALL), 0);
    ends(train(folder.path(), "one/spec.yaml", "two", &[]), 0);
    let [one, two] = ["one", "two"].map(|run| folder.path().join(run));
    assert_eq!(timeless(&one), timeless(&two));
    assert_eq!(last(&one, "model.safetensors"), last(&two, "model.safetensors"));
    let spec = |run: &Path| fs::read_to_string(run.join("spec.yaml")).unwrap();
    assert_eq!(spec(&one), spec(&two));
}

#[test]
fn the_number_of_threads_changes_no_bit_and_the_seed_does() {
    let folder = tempfile::tempdir().unwrap();
    let weights = |name: &str, args: [&str; 2]| {
        let mut command = train(
            folder.path(),
            "word-order",
            name,
            &[&SMALL[..], &["data.train=512", "train.batch_size=128"]].concat(),
        );
        command.args(args);
        ends(command, 0);
        let run = folder.path().join(name);
        (last(&run, "model.safetensors"), last(&run, "optimizer.safetensors"), timeless(&run))
    };
    let one = weights("threads-1", ["--threads", "1"]);
    for threads in ["2", "3", "8"] {
        assert!(weights(&format!("threads-{threads}"), ["--threads", threads]) == one, "{threads} threads");
    }
    assert_ne!(weights("seed-2", ["--seed", "2"]).0, one.0);
}

#[test]
fn a_closed_stdout_does_not_end_training() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = train(folder.path(), "word-order", "run", &SMALL).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = [0];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(Running::of(child).code(), Some(0));
    assert_eq!(checkpoint::read(&folder.path().join("run"), Which::Last).unwrap().step, 16);
}

#[test]
fn a_closed_stdout_is_not_an_error_for_lists_and_pages() {
    for args in [&["presets"][..], &["presets", "word-order"], &["man"], &["completions", "bash"]] {
        let mut child =
            unrolled(Path::new("."), args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let Output { status, stderr, .. } = child.wait_with_output().unwrap();
        assert_eq!((status.code(), stderr), (Some(0), Vec::new()), "{args:?}");
    }
}

#[test]
fn sigterm_and_sigint_save_and_end() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = tempfile::tempdir().unwrap();
        let mut running = Running::start(train(folder.path(), "word-order", "run", &ENDLESS));
        let mut lines = BufReader::new(running.child.stdout.take().unwrap());
        running.wait_for(&mut lines, "loss");
        running.signal(signal);
        running.wait_for(&mut lines, "stopped, saved");
        assert_eq!(running.code(), Some(130));
        saved_at_its_last_step(&folder.path().join("run"));
    }
}

#[test]
fn sighup_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(train(folder.path(), "word-order", "run", &ENDLESS));
    let mut lines = BufReader::new(running.child.stdout.take().unwrap());
    running.wait_for(&mut lines, "loss");
    running.signal(Signal::HUP);
    running.wait_for(&mut lines, "epoch 3/");
    running.signal(Signal::TERM);
    running.wait_for(&mut lines, "stopped, saved");
    assert_eq!(running.code(), Some(130));
}

/// The program with `signal` ignored from the start, as `nohup` and shells do, its lines in a file.
fn ignoring(signal: &str, folder: &TempDir) -> Running {
    let log = File::create(folder.path().join("log")).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("trap '' {signal}; exec \"$0\" \"$@\"")]);
    let train = train(folder.path(), "word-order", "run", &ENDLESS);
    command.arg(train.get_program()).args(train.get_args()).current_dir(folder.path());
    Running::of(command.stdin(Stdio::null()).stdout(log).spawn().unwrap())
}

fn wait_for_epoch(epoch: u64, folder: &TempDir) {
    let deadline = Instant::now() + LONG;
    let said = format!("epoch {epoch}/1000000  loss");
    while !fs::read_to_string(folder.path().join("log")).unwrap().contains(&said) {
        assert!(Instant::now() < deadline, "epoch {epoch} never ends");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn signals_that_were_ignored_from_the_start_stay_ignored() {
    for (name, signal) in [("HUP", Signal::HUP), ("INT", Signal::INT)] {
        let folder = tempfile::tempdir().unwrap();
        let mut running = ignoring(name, &folder);
        wait_for_epoch(1, &folder);
        running.signal(signal);
        let epoch = epochs_so_far(&folder) + 2;
        wait_for_epoch(epoch, &folder);
        running.signal(Signal::TERM);
        assert_eq!(running.code(), Some(130));
        let log = fs::read_to_string(folder.path().join("log")).unwrap();
        assert!(
            log.chars().all(|c| c == '\n' || !c.is_control())
                && log.lines().last().unwrap().starts_with("stopped, saved  weights "),
            "{log:?}"
        );
        saved_at_its_last_step(&folder.path().join("run"));
    }
}

/// The last epoch that the log tells of.
fn epochs_so_far(folder: &TempDir) -> u64 {
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    let ends = log.lines().filter_map(|line| line.strip_prefix("epoch ")?.split_once("/1000000  loss"));
    ends.filter_map(|(epoch, _)| epoch.parse().ok()).max().unwrap()
}

#[test]
fn a_diverged_run_is_reported_and_leaves_finite_weights() {
    let folder = tempfile::tempdir().unwrap();
    let set = [&SMALL[..], &["train.optimizer={name: SGD, learning_rate: 1e38}"]].concat();
    let (stdout, stderr) = ends(train(folder.path(), "word-order", "run", &set), 3);
    assert!(
        stdout.contains("diverged: step ") && stdout.contains("the learning rate may be too high"),
        "{stdout}"
    );
    assert_eq!(stderr, "");
    let run = folder.path().join("run");
    saved_at_its_last_step(&run);
    let weights = checkpoint::read(&run, Which::Last).unwrap().model;
    assert!(weights.iter().all(|tensor| tensor.data.iter().all(|x| x.is_finite())));
}

#[test]
fn usage_errors_exit_with_2_and_a_message_on_stderr() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("broken.yaml"), "title: x\ntrain: {epochs: 2\n").unwrap();
    let cases: [(&[&str], &str); 8] = [
        (&["trian"], "'train'"),
        (&["train"], "<PRESET>"),
        (&["train", "word-order", "--threads", "0"], "1..=256"),
        (&["train", "word-order", "--seed", "x"], "--seed <N>"),
        (
            &["train", "word-ordre"],
            "unrolled: word-ordre: unknown preset `word-ordre`; did you mean `word-order`?",
        ),
        (&["presets", "lecture-rnn"], "did you mean `lecture-rnn8`?"),
        (&["train", "broken.yaml"], "unrolled: broken.yaml:3:1: this is no YAML: "),
        (
            &["train", "word-order", "--set", "model.1.units=0"],
            "unrolled: --set model.1.units=0: model.1.units: ",
        ),
    ];
    for (args, said) in cases {
        let (stdout, stderr) = ends(unrolled(folder.path(), args), 2);
        assert_eq!(stdout, "", "{args:?}");
        assert!(stderr.contains(said), "{args:?}\n{stderr}");
    }
    assert!(!folder.path().join("runs").exists(), "nothing was begun");
}

#[test]
fn the_error_of_missing_data_has_instructions_to_obtain_them() {
    let folder = tempfile::tempdir().unwrap();
    let (_, stderr) = ends(unrolled(folder.path(), &["train", "lecture-rnn8"]), 2);
    for said in [
        "unrolled: ",
        "/aclImdb/train: not found; unrolled data fetch imdb (80 MiB; the Large Movie Review Dataset",
        "ai.stanford.edu/~amaas",
        "--data PATH",
    ] {
        assert!(stderr.contains(said), "{said:?} is not in {stderr}");
    }
    assert_eq!(stderr.lines().count(), 1);
    assert!(!folder.path().join("runs").exists());
}

#[test]
fn an_existing_run_folder_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    ends(train(folder.path(), "word-order", "run", &SMALL), 0);
    let before = metrics(&folder.path().join("run"));
    let (_, stderr) = ends(train(folder.path(), "word-order", "run", &SMALL), 2);
    assert!(stderr.contains("run already contains a run; choose another folder with --run"), "{stderr}");
    assert_eq!(metrics(&folder.path().join("run")), before);
}

#[test]
fn a_folder_that_cannot_be_created_exits_with_1() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let (_, stderr) = ends(train(folder.path(), "word-order", "file/run", &SMALL), 1);
    assert!(stderr.starts_with("unrolled: cannot "), "{stderr}");
}

#[test]
fn presets_are_listed_and_a_printed_one_trains() {
    let folder = tempfile::tempdir().unwrap();
    let (list, _) = ends(unrolled(folder.path(), &["presets"]), 0);
    for name in unrolled::preset::names() {
        assert!(
            list.lines().any(|line| line.split_whitespace().next() == Some(name)),
            "{name} is not in\n{list}"
        );
    }
    let (yaml, _) = ends(unrolled(folder.path(), &["presets", "word-order"]), 0);
    fs::write(folder.path().join("mine.yaml"), yaml).unwrap();
    ends(train(folder.path(), "mine.yaml", "mine", &SMALL), 0);
}

#[test]
fn completions_and_the_manual_name_every_subcommand() {
    for page in [&["completions", "bash"][..], &["completions", "zsh"], &["completions", "fish"], &["man"]] {
        let (text, _) = ends(unrolled(Path::new("."), page), 0);
        for name in ["train", "presets", "sample", "completions", "man"] {
            assert!(text.contains(name), "{page:?} lacks {name}");
        }
    }
    let (help, _) = ends(unrolled(Path::new("."), &["-h"]), 0);
    assert!(help.contains("3 diverged") && help.contains("interrupted by a signal, saved"), "{help}");
}
