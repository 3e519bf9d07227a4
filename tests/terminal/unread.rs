//! A terminal that nobody reads: the training goes on at full speed, in bounded memory, and nothing is missing when it is read again.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command as Process, Stdio};
use std::time::Instant;

use super::session::Unread;
use super::*;
use unrolled::run::control::Client;
use unrolled::run::{RunState, owner};

/// Word order in `folder/run`, without a pace.
const TRAIN: [&str; 9] = [
    "train",
    "word-order",
    "--run",
    "run",
    "--threads",
    "1",
    "--set",
    "watch.pace=null",
    "--set=data.validation=64",
];

fn wait(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !reached() {
        assert!(Instant::now() < deadline, "{what} never comes");
        sleep(Duration::from_millis(100));
    }
}

/// The resident memory of a process in kB, where the system tells.
fn resident(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").trim().parse().ok()
}

/// Columns of the chart of the loss that its axis takes.
const AXIS: u16 = 7;

/// The columns of the chart of the loss in which its curve is drawn, and all of them.
fn columns(screen: &vt100::Screen) -> (usize, usize) {
    let width = SIZE.cols / 2 - 2;
    let is_curve = |row: u16, col: u16| {
        let cell = screen.cell(row, col).map(|cell| cell.contents()).unwrap_or_default();
        cell.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c))
    };
    // Below the status and the title of the panel, above its axis; beside the frame.
    let drawn = (1..=width).filter(|col| (3..SIZE.rows / 2 - 1).any(|row| is_curve(row, *col)));
    (drawn.count(), usize::from(width - AXIS))
}

#[test]
fn a_training_ends_though_nobody_reads_its_terminal_and_nothing_is_missing_when_it_is_read() {
    let folder = folder();
    // At a pace at which it writes more frames than a terminal takes that is not read.
    let set = ["--set=data.train=256", "--set=train.epochs=30", "--set=watch.every=4", "--set=watch.pace=80"];
    let unread = Unread::program(folder.path(), &[&TRAIN[..], &set].concat());
    let run = folder.path().join("run");
    let status = || Client::connect(&run).and_then(|mut client| client.status()).ok();
    let step = || status().and_then(|status| status["step"].as_u64());
    wait("steps", || step() > Some(60));
    let early = resident(unread.process());
    wait("the end of the training", || owner::state(&run).is_ok_and(|state| state == RunState::Finished));
    let late = resident(unread.process());
    if let (Some(early), Some(late)) = (early, late) {
        assert!(late < early + 32 * 1024, "{early} kB, then {late} kB");
    }
    assert_eq!(recorded(&run).iter().filter(|event| matches!(event, Event::Step(_))).count(), 240);
    let mut session = unread.read();
    session.wait_for("finished");
    session.wait_until("the last step", |screen| session::step(screen) == 240);
    session.wait_until("the whole curve", |screen| {
        let (drawn, all) = columns(screen);
        drawn * 10 > all * 8
    });
    session.press("q");
    session.ends_restored(0, "");
}

/// Trainings of the program that `UNROLLED_PROGRAM` names.
fn program() -> PathBuf {
    std::env::var_os("UNROLLED_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_unrolled").into(), PathBuf::from)
}

/// A training that is paused but for the seconds in which it is measured.
struct Measured {
    run: PathBuf,
    client: Client,
    process: u32,
    steps: u64,
    memory: Vec<u64>,
}

impl Measured {
    fn new(run: PathBuf, process: u32) -> Self {
        wait("the socket", || Client::connect(&run).is_ok());
        let client = Client::connect(&run).unwrap();
        let mut measured = Self { run, client, process, steps: 0, memory: Vec::new() };
        measured.train(Duration::from_secs(2));
        (measured.steps, measured.memory) = (0, Vec::new());
        measured
    }

    fn step(&mut self) -> u64 {
        self.client.status().unwrap()["step"].as_u64().unwrap_or(0)
    }

    fn send(&mut self, command: Command) {
        self.client.command(&command.by("test")).unwrap();
    }

    /// Trains for a time, and pauses.
    fn train(&mut self, time: Duration) {
        let before = self.step();
        self.send(Command::Resume);
        sleep(time);
        self.send(Command::Pause);
        wait("the pause", || self.client.status().unwrap()["state"] == "paused");
        self.steps += self.step() - before;
        self.memory.extend(resident(self.process));
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `cargo test --release --test terminal -- --ignored unread --nocapture`
#[test]
#[ignore = "takes ten minutes, or UNREAD_SECONDS"]
#[allow(clippy::print_stdout, reason = "it reports a measurement")]
fn an_unread_terminal_takes_less_than_two_percent_of_the_time_of_a_training_without_one() {
    let seconds = std::env::var("UNREAD_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(600);
    let (one, other) = (folder(), folder());
    let set = ["--set=data.train=2000", "--set=train.epochs=1000000"];
    let args = [&TRAIN[..], &set].concat();
    let mut command = CommandBuilder::new(program());
    command.args(&args);
    command.cwd(one.path());
    let unread = Unread::open(command);
    // In a session of its own, as the other: a system may share its processors among sessions.
    let child = Process::new("setsid")
        .arg(program())
        .args(&args)
        .arg("--headless")
        .current_dir(other.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let headless = Killed(child);
    let mut shown = Measured::new(one.path().join("run"), unread.process());
    let mut plain = Measured::new(other.path().join("run"), headless.0.id());
    // Blocks close in time see the same load of the machine; each is first equally often.
    let (block, begin) = (Duration::from_secs(5), Instant::now());
    let (mut rounds, mut ratios) = (0_u32, Vec::new());
    while begin.elapsed() < Duration::from_secs(seconds) {
        let before = (shown.steps, plain.steps);
        match rounds % 2 {
            0 => [&mut shown, &mut plain].map(|training| training.train(block)),
            _ => [&mut plain, &mut shown].map(|training| training.train(block)),
        };
        rounds += 1;
        ratios.push((shown.steps - before.0) as f64 / (plain.steps - before.1) as f64);
    }
    ratios.sort_by(f64::total_cmp);
    let slower = 100.0 * (1.0 - shown.steps as f64 / plain.steps as f64);
    let median = 100.0 * (1.0 - ratios[ratios.len() / 2]);
    println!(
        "{rounds} rounds of {} s: {} steps on an unread terminal, {} without: {slower:.2} % slower (median of rounds {median:.2} %)",
        block.as_secs(),
        shown.steps,
        plain.steps
    );
    let memory = |training: &Measured| (training.memory.first().copied(), training.memory.last().copied());
    println!("resident kB at first and at last: unread {:?}, without {:?}", memory(&shown), memory(&plain));
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load of the machine: {}", load.trim());
    assert!(median < 2.0, "{median:.2} %");
    shown.send(Command::Stop);
    let run = shown.run.clone();
    wait("the end", || owner::state(&run).is_ok_and(|state| state == RunState::Stopped));
    drop(unread);
}
