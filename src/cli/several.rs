//! Trainings with several seeds or folds: one after another on the dashboard; as plain lines, small ones several at a time.
//!
//! ```text
//! thread "trainings": train_all ── each Trainer ── events ──▶ one channel ──▶ dashboard (or lines)
//!                                      ▲────────── commands ── relay ◀──────── dashboard, signals
//! ```

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::{io, thread};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::dashboard::{Display, shown};
use super::error::{CliError, CliResult};
use super::follow::{code, follow, is_stopped_by_user, requeue};
use super::signals::{SENDER, Signals};
use super::sweep::{self, CoreArgs, NewArgs};
use super::train_args::TrainArgs;
use super::{ScreenArgs, exit, print_error};
use crate::escape::foreign;
use crate::experiment::{
    ExperimentError, GridSetting, Repeat, RepeatOptions, RepeatWatcher, Trained, train_all,
};
use crate::number;
use crate::preset::RunSpec;
use crate::protocol::{Command, CommandRequest, CommandSender, Event, Level, LogLine};
use crate::run::{RunState, owner};
use crate::runs;
use crate::train::{Ended, Outcome, Trainer};
use crate::ui::earlier_runs::{EarlierRuns, EndedTraining};
use crate::ui::{self, InitialScreen, Link, ScreenSettings, plain};

/// Events that wait for the screen, at most.
const WAITING: usize = 4096;

/// The trainings' end: how, and the lines of the summary.
type Summary = Result<(Outcome, Vec<String>), ExperimentError>;

/// Trains the preset of `args` once for every seed or fold.
pub(super) fn train(args: &TrainArgs, repeat: &Repeat, screen: ScreenArgs) -> CliResult {
    check_records(args)?;
    let options = RepeatOptions { root: args.run.clone(), goes_on: args.resume_or_start, watched: false };
    let ended = match Display::new(args.headless, screen)? {
        Display::Dashboard(_) if args.jobs.is_some_and(|jobs| jobs > 1) => {
            return Err(CliError::usage(
                "--jobs N trains several at a time without the screen, which shows one; add --headless",
            ));
        }
        Display::Dashboard(settings) => on_screen(args, repeat, options, settings)?,
        Display::Lines | Display::Background => {
            let lines =
                Lines { args, is_stopped: false.into(), is_ending: false.into(), together: OnceLock::new() };
            let ended = train_all(args.preset(), repeat, &args.overrides(), options, &lines);
            // Once for the job, when all of its trainings are saved: it ends them.
            if let Some(together) = lines.together.get()
                && let Some(folder) = together.stopped.get()
            {
                requeue(&together.signals, folder, &Outcome::Stopped);
            }
            let is_stopped = lines.is_stopped.into_inner();
            Finished { ended, is_stopped, is_quiet: false, is_interrupted: false }
        }
    };
    finish(args, ended)
}

/// Trains the preset of `args` with fractions of its data, each with every seed or fold: a sweep.
pub(super) fn train_fractions(args: &TrainArgs, fractions: &GridSetting, screen: ScreenArgs) -> CliResult {
    check_records(args)?;
    let TrainArgs { set, data, run, seed, seeds, folds, .. } = args;
    let sweep = NewArgs {
        preset: Some(args.preset().to_owned()),
        fractions: Some(fractions.clone()),
        seeds: seeds.clone(),
        folds: *folds,
        set: set.clone(),
        data: data.clone(),
        seed: *seed,
        run: run.clone(),
        goes_on: args.resume_or_start,
        cores: CoreArgs { threads: args.threads.limit(), jobs: args.jobs },
        ..NewArgs::default()
    };
    let code = sweep::create(&sweep, screen)?;
    args.notice.ring(&format!("{}: all trainings have ended", args.preset()));
    Ok(code)
}

/// Checks that no record of one training is asked for.
fn check_records(args: &TrainArgs) -> CliResult<()> {
    let Some(option) = args.records.option() else { return Ok(()) };
    Err(CliError::usage(format!(
        "{option} records one training, and --seeds, --folds and --fractions make several; \
         `unrolled export RUN {option} …` writes the record of each"
    )))
}

/// How the trainings have ended for the user.
struct Finished {
    ended: Summary,
    /// By a command of the user.
    is_stopped: bool,
    /// Whether there is no terminal to print on.
    is_quiet: bool,
    is_interrupted: bool,
}

fn finish(args: &TrainArgs, Finished { ended, is_stopped, is_quiet, is_interrupted }: Finished) -> CliResult {
    let (outcome, summary) = ended?;
    if !is_quiet {
        let mut out = io::stdout().lock();
        for line in summary {
            // Stdout may be closed; the runs are saved.
            let _ = writeln!(out, "{}", foreign(&line));
        }
        args.notice.ring(&format!("{}: all trainings have ended", args.preset()));
    }
    Ok(match outcome {
        Outcome::Stopped if is_interrupted => ExitCode::from(exit::INTERRUPTED),
        // Stopping on the screen is a success.
        Outcome::Stopped if is_stopped => ExitCode::SUCCESS,
        outcome => code(&outcome),
    })
}

/// Trainings without a screen.
struct Lines<'a> {
    args: &'a TrainArgs,
    /// Whether a command, and no signal, has stopped one.
    is_stopped: AtomicBool,
    is_ending: AtomicBool,
    /// Where several are made at a time.
    together: OnceLock<Together>,
}

/// Trainings of which several are made at a time: each has one line, when it has ended.
struct Together {
    relay: Relay,
    signals: Signals,
    left: usize,
    ended: AtomicUsize,
    /// The folder of the first training that was stopped.
    stopped: OnceLock<Arc<OnceLock<PathBuf>>>,
}

impl RepeatWatcher for Lines<'_> {
    fn jobs(&self, spec: &RunSpec, left: usize) -> io::Result<(usize, usize)> {
        let cores = CoreArgs { jobs: self.args.jobs, threads: self.args.threads.limit() };
        let (jobs, threads, note) = match self.args.jobs {
            Some(1) => (1, self.args.threads.count(), String::new()),
            _ => sweep::choose_jobs(spec, left, cores),
        };
        if jobs < 2 {
            return Ok((1, self.args.threads.count()));
        }
        say(&note);
        let (relay, (sender, requests)) = (Relay::default(), unbounded());
        forward(requests, &relay)?;
        let signals = Signals::without_screen(CommandSender::new(SENDER, sender))?;
        let (ended, stopped) = (0.into(), OnceLock::new());
        let _ = self.together.set(Together { relay, signals, left, ended, stopped });
        Ok((jobs, threads))
    }

    fn follow(&self, name: &str, trainer: Trainer) -> io::Result<Trained> {
        let ended = match self.together.get() {
            None => follow(trainer)?,
            Some(together) => together.follow(name, trainer),
        };
        if is_stopped_by_user(&ended) {
            self.is_stopped.store(true, Ordering::Relaxed);
        }
        // A signal also where the training could not be saved.
        if ended.reached.stopped_by.is_some() {
            self.is_ending.store(true, Ordering::Relaxed);
        }
        Ok((ended.outcome, ended.metrics))
    }

    fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
        if let Some(together) = self.together.get() {
            together.relay.end(Command::SaveAndStop, SENDER);
        }
    }

    fn is_ending(&self) -> bool {
        let has_end = |together: &Together| together.relay.with(|current| current.end.is_some());
        self.is_ending.load(Ordering::Relaxed) || self.together.get().is_some_and(has_end)
    }
}

impl Together {
    /// Waits for the end of a training, and prints its line.
    fn follow(&self, name: &str, trainer: Trainer) -> Ended {
        self.relay.set(&trainer);
        let folder = trainer.folder();
        for event in &trainer.events {
            if let Event::Log(LogLine { level: Level::Warning, text }) = event {
                say(&format!("{name}: warning: {text}"));
            }
        }
        let ended = trainer.join_ended();
        if ended.outcome == Outcome::Stopped {
            let _ = self.stopped.set(folder);
        }
        let count = 1 + self.ended.fetch_add(1, Ordering::Relaxed);
        let end = match &ended.outcome {
            Outcome::Finished => {
                let metrics: Vec<(&str, f64)> =
                    ended.metrics.iter().flat_map(|metrics| metrics.iter()).collect();
                // Those of the validation data, if there are any.
                let has_validation = metrics.iter().any(|(name, _)| name.starts_with("val_"));
                let shown = metrics.iter().filter(|(name, _)| name.starts_with("val_") || !has_validation);
                let shown = shown.map(|(name, value)| format!("{name} {}", number::named(name, *value)));
                shown.collect::<Vec<_>>().join("  ")
            }
            Outcome::Stopped => "stopped".to_owned(),
            Outcome::Diverged(what) => format!("diverged: {what}"),
            Outcome::Failed(what) | Outcome::Unusable(what) => {
                print_error(&format_args!("{name}: {what}"));
                "failed".to_owned()
            }
        };
        let count = format!("[{count}/{}]", self.left);
        say(format!("{count:>9} {name}  {end}").trim_end());
        ended
    }
}

/// Prints a line; stdout may be closed.
fn say(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{}", foreign(line));
}

/// Trainings on the dashboard, one after another.
struct OnScreen {
    threads: usize,
    relay: Relay,
    events: Sender<Event>,
    begun: Sender<()>,
    is_ending: AtomicBool,
}

impl RepeatWatcher for OnScreen {
    fn jobs(&self, _: &RunSpec, _: usize) -> io::Result<(usize, usize)> {
        Ok((1, self.threads))
    }

    /// Shows a training until it ends: passes its events on.
    fn follow(&self, _: &str, trainer: Trainer) -> io::Result<Trained> {
        self.relay.set(&trainer);
        let _ = self.begun.try_send(());
        let mut is_shown = true;
        for event in &trainer.events {
            is_shown = is_shown && self.events.send(event).is_ok();
        }
        let ended = trainer.join_ended();
        if ended.reached.stopped_by.is_some() {
            self.is_ending.store(true, Ordering::Relaxed);
        }
        Ok((ended.outcome, ended.metrics))
    }

    fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Relaxed)
    }
}

/// The trainings that have begun, and whether those to come are to be made.
#[derive(Default)]
struct Current {
    /// Of all that have begun; those that have ended ignore commands.
    commands: Vec<CommandSender>,
    /// The command that has ended the trainings, and its sender.
    end: Option<CommandRequest>,
    /// Whether nobody watches any more: trainings run at full speed.
    is_unwatched: bool,
}

/// Sends commands to whichever trainings are at hand.
#[derive(Clone, Default)]
struct Relay(Arc<Mutex<Current>>);

impl Relay {
    fn with<T>(&self, act: impl FnOnce(&mut Current) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn send(&self, CommandRequest { by, command }: CommandRequest) {
        self.with(|current| {
            if matches!(command, Command::Stop | Command::SaveAndStop) {
                current.end = Some(command.clone().by(by.as_str()));
            }
            for commands in &current.commands {
                let _ = commands.named(by.as_str()).send(command.clone());
            }
        });
    }

    /// From here on commands go to `trainer` too, which first gets those that all trainings get.
    fn set(&self, trainer: &Trainer) {
        self.with(|current| {
            let unwatched = current.is_unwatched.then(|| Command::FullSpeed.by("screen"));
            for CommandRequest { by, command } in unwatched.into_iter().chain(current.end.clone()) {
                let _ = trainer.commands.named(by).send(command);
            }
            current.commands.push(trainer.commands.clone());
        });
    }

    fn end(&self, command: Command, by: &str) {
        self.send(command.by(by));
    }

    /// Ends pace and pause of this training and of those to come.
    fn unwatch(&self) {
        self.with(|current| current.is_unwatched = true);
        for command in [Command::FullSpeed, Command::Resume] {
            self.send(command.by("screen"));
        }
    }
}

fn on_screen(
    args: &TrainArgs,
    repeat: &Repeat,
    options: RepeatOptions,
    settings: ScreenSettings,
) -> CliResult<Finished> {
    let signals = Signals::with_screen()?;
    let options = RepeatOptions { watched: true, ..options };
    let (relay, (to_screen, events), (to_relay, requests)) =
        (Relay::default(), bounded(WAITING), unbounded());
    let ended_before = match (&options.root, options.goes_on) {
        (Some(root), true) => repeat.names().filter_map(|name| ended(root, &name)).collect(),
        _ => Vec::new(),
    };
    forward(requests, &relay)?;
    let (begin, begun) = bounded(1);
    let trainings = {
        let (preset, overrides, repeat) = (args.preset().to_owned(), args.overrides(), repeat.clone());
        let (threads, relay) = (args.threads.count(), relay.clone());
        let shown = OnScreen { threads, relay, events: to_screen, begun: begin, is_ending: false.into() };
        thread::Builder::new()
            .name("trainings".into())
            .spawn(move || train_all(&preset, &repeat, &overrides, options, &shown))?
    };
    let join = || trainings.join().map_err(|_| CliError::failed("the thread of the trainings was lost"));
    // What is wrong with preset or folder is printed on the terminal as it is.
    if begun.recv().is_err() {
        return Ok(Finished { ended: join()?, is_stopped: false, is_quiet: false, is_interrupted: false });
    }
    let link = Link { events: events.clone(), commands: CommandSender::new("screen", to_relay) };
    let start = InitialScreen::Several(link, EarlierRuns::new(repeat.count(), ended_before));
    let mut branch = |_: ui::LaunchRequest<'_>| {
        Err("several trainings: `unrolled branch RUN --at STEP` branches one of them afterwards".to_owned())
    };
    let reason = shown(|| ui::run(start, Vec::new(), &mut branch, settings));
    let is_interrupted = matches!(reason, Ok(ui::ExitReason::Signal(_)));
    let mut is_quiet = false;
    match reason {
        Err(error) => {
            relay.end(Command::SaveAndStop, "screen");
            drop(events);
            signals.ending(0);
            join()??;
            return Err(error);
        }
        Ok(ui::ExitReason::Signal(_)) => {
            relay.end(Command::SaveAndStop, SENDER);
            signals.ending(1);
        }
        Ok(ui::ExitReason::LeftTraining | ui::ExitReason::Detached) => {
            follow_signals(&signals, &relay)?;
            relay.unwatch();
            print_rest(&events)?;
        }
        Ok(ui::ExitReason::HungUp) => {
            follow_signals(&signals, &relay)?;
            relay.unwatch();
            is_quiet = true;
        }
        Ok(ui::ExitReason::Quit | ui::ExitReason::Branch) => {
            relay.end(Command::Stop, "screen");
            signals.ending(0);
        }
    }
    // The trainings no longer wait for a screen.
    drop(events);
    let ended = join()?;
    let is_stopped = relay.with(|current| current.end.as_ref().is_some_and(|end| end.by != SENDER));
    Ok(Finished { ended, is_stopped, is_quiet, is_interrupted })
}

/// The training `name` in the folder `root`, if it has ended and does not go on.
fn ended(root: &Path, name: &str) -> Option<EndedTraining> {
    let folder = root.join(name);
    let has_ended =
        folder.is_dir() && matches!(owner::state(&folder), Ok(RunState::Finished | RunState::Diverged));
    has_ended.then(|| {
        let run = runs::open(&folder, name);
        let best = run.summary.best.as_ref().and_then(|best| {
            let value = best.metrics.iter().find(|(name, _)| **name == *run.summary.monitor)?.1;
            Some((value, best.epoch as usize))
        });
        let state = (run.state != RunState::Finished).then(|| run.state.word());
        EndedTraining { name: name.to_owned(), best, state }
    })
}

/// From here on signals end the training at hand.
fn follow_signals(signals: &Signals, relay: &Relay) -> io::Result<()> {
    let (sender, requests) = unbounded();
    forward(requests, relay)?;
    signals.training(CommandSender::new(SENDER, sender));
    Ok(())
}

/// Forwards commands until the last sender is gone.
fn forward(requests: Receiver<CommandRequest>, relay: &Relay) -> io::Result<()> {
    let relay = relay.clone();
    let run = move || requests.iter().for_each(|request| relay.send(request));
    thread::Builder::new().name("commands".into()).spawn(run).map(|_| ())
}

/// Prints plain lines until the last training has ended.
fn print_rest(events: &Receiver<Event>) -> CliResult<()> {
    if let Some(error) = plain::print(events, io::stdout().lock())? {
        print_error(&format_args!("cannot print: {error}; the run folders have all metrics"));
    }
    Ok(())
}
