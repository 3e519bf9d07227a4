//! Trainings with several seeds or folds, one after another, on the dashboard or as plain lines.
//!
//! ```text
//! thread "trainings": train_all ── each Trainer ── events ──▶ one channel ──▶ dashboard (or lines)
//!                                      ▲────────── commands ── relay ◀──────── dashboard, signals
//! ```

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::dashboard::{Display, shown};
use super::error::{CliError, CliResult};
use super::follow::{code, follow, is_stopped_by_user};
use super::signals::{SENDER, Signals};
use super::sweep::{self, CoreArgs, NewArgs};
use super::train_args::TrainArgs;
use super::{ScreenArgs, exit, print_error};
use crate::escape::foreign;
use crate::experiment::{ExperimentError, GridSetting, Repeat, RepeatOptions, Trained, train_all};
use crate::protocol::{Command, CommandRequest, CommandSender, Event};
use crate::run::{RunState, owner};
use crate::runs;
use crate::train::{Outcome, Trainer};
use crate::ui::earlier_runs::{EarlierRuns, EndedTraining};
use crate::ui::{self, InitialScreen, Link, ScreenSettings, plain};

/// Events that wait for the screen, at most.
const WAITING: usize = 4096;

/// The trainings' end: how, and the lines of the summary.
type Ended = Result<(Outcome, Vec<String>), ExperimentError>;

/// Trains the preset of `args` once for every seed or fold.
pub(super) fn train(args: &TrainArgs, repeat: &Repeat, screen: ScreenArgs) -> CliResult {
    check_records(args)?;
    let options = RepeatOptions {
        root: args.run.clone(),
        threads: args.threads.count(),
        goes_on: args.resume_or_start,
        watched: false,
        is_ending: Arc::default(),
    };
    let ended = match Display::new(args.headless, screen)? {
        Display::Dashboard(settings) => on_screen(args, repeat, options, settings)?,
        Display::Lines | Display::Background => {
            let mut is_stopped = false;
            let is_ending = Arc::clone(&options.is_ending);
            let mut follow = |trainer| {
                follow(trainer).map(|ended| {
                    is_stopped = is_stopped_by_user(&ended);
                    // A signal also where the training could not be saved.
                    is_ending.store(ended.reached.stopped_by.is_some(), Ordering::Relaxed);
                    (ended.outcome, ended.metrics)
                })
            };
            let ended = train_all(args.preset(), repeat, &args.overrides(), options, &mut follow);
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
        cores: CoreArgs { threads: args.threads.limit(), jobs: None },
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
    ended: Ended,
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

/// The training at hand, and whether those to come are to be made.
#[derive(Default)]
struct Current {
    commands: Option<CommandSender>,
    /// The command that has ended the trainings, and its sender.
    end: Option<CommandRequest>,
    /// Whether nobody watches any more: trainings run at full speed.
    is_unwatched: bool,
}

/// Sends commands to whichever training is at hand.
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
            if let Some(commands) = &current.commands {
                // A training that has ended ignores it.
                let _ = commands.named(by).send(command);
            }
        });
    }

    /// From here on commands go to `trainer`, which first gets those that all trainings get.
    fn set(&self, trainer: &Trainer) {
        self.with(|current| {
            let unwatched = current.is_unwatched.then(|| Command::FullSpeed.by("screen"));
            for CommandRequest { by, command } in unwatched.into_iter().chain(current.end.clone()) {
                let _ = trainer.commands.named(by).send(command);
            }
            current.commands = Some(trainer.commands.clone());
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

/// Shows a training until it ends: passes its events on.
fn pass_on(
    trainer: Trainer,
    relay: &Relay,
    events: &Sender<Event>,
    begun: &Sender<()>,
    is_ending: &AtomicBool,
) -> io::Result<Trained> {
    relay.set(&trainer);
    let _ = begun.try_send(());
    let mut is_shown = true;
    for event in &trainer.events {
        is_shown = is_shown && events.send(event).is_ok();
    }
    let ended = trainer.join_ended();
    is_ending.store(ended.reached.stopped_by.is_some(), Ordering::Relaxed);
    Ok((ended.outcome, ended.metrics))
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
        let (relay, is_ending) = (relay.clone(), Arc::clone(&options.is_ending));
        thread::Builder::new().name("trainings".into()).spawn(move || {
            let mut follow = |trainer| pass_on(trainer, &relay, &to_screen, &begin, &is_ending);
            train_all(&preset, &repeat, &overrides, options, &mut follow)
        })?
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
