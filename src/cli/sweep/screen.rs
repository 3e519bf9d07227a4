//! The screen of a sweep: its folder is read again and again, and the trials are opened from it.

use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};

use crate::cli::dashboard::{end, shown};
use crate::cli::error::CliResult;
use crate::cli::screen_branches::ScreenBranches;
use crate::cli::signals::Signals;
use crate::cli::{ScreenArgs, attach, branch};
use crate::error::chain;
use crate::experiment::{
    Combination, Distribution, Sweep, SweepDefinition, SweepReader, TrialState, TrialStatus,
};
use crate::runs::Run;
use crate::ui::sweep::{
    self, AxisScale, SweepCombination, SweepData, SweepScreen, SweepSetting, SweepTrial, SweepUpdate,
};
use crate::ui::{self, ExitReason, InitialScreen, LaunchRequest, Launched};

/// How often the folder is read.
const READ_EVERY: Duration = Duration::from_secs(1);
/// The time of a reading times this is the least time between two: a folder that is slow to read is read less often.
const PATIENCE: u32 = 20;

/// The screen of the sweep in `folder`, which a thread keeps up to date.
///
/// # Errors
/// If the folder cannot be read.
pub(in crate::cli) fn open(folder: &Path) -> CliResult<SweepScreen> {
    open_screen(Sweep::open(folder)?)
}

fn open_screen(sweep: Sweep) -> CliResult<SweepScreen> {
    let reader = SweepReader::new(sweep)?;
    let data = data(&reader, SystemTime::now());
    let (to_screen, updates) = unbounded();
    let (is_open, ended) = bounded(0);
    let first = data.clone();
    thread::Builder::new().name("sweep".into()).spawn(move || follow(reader, first, &to_screen, &ended))?;
    Ok(SweepScreen::new(data, updates, is_open))
}

/// Shows the screen of `sweep` until it is left.
pub(super) fn show(sweep: Sweep, args: ScreenArgs) -> CliResult {
    let settings = args.settings()?;
    let screen = open_screen(sweep)?;
    let branches = ScreenBranches::default();
    let mut launch = |request: LaunchRequest<'_>| match request {
        LaunchRequest::Attach(run) => {
            attach::open(run).map(Launched::Link).map_err(|error| error.to_string())
        }
        LaunchRequest::Branch(_) => branches.launch(request),
        _ => Err(String::new()),
    };
    let signals = Signals::with_screen()?;
    let start = InitialScreen::Sweep(Box::new(screen));
    let outcome = shown(|| ui::run(start, Vec::new(), &mut launch, settings));
    match outcome {
        Ok(ExitReason::Branch) => branch::train_chosen(branches.take(), args),
        Ok(ExitReason::Detached) => Ok(ExitCode::SUCCESS),
        outcome => end(outcome, None, &signals),
    }
}

/// Reads the sweep again and again until the screen has `ended`; sends it when it has changed from what was `sent`.
fn follow(mut reader: SweepReader, sent: SweepData, to_screen: &Sender<SweepUpdate>, ended: &Receiver<()>) {
    let mut sent = Ok(sent);
    loop {
        let begin = Instant::now();
        let update = match reader.read() {
            // Time does not go on either.
            Ok(false) if reader.hosts().is_empty() && sent.is_ok() => None,
            Ok(_) => Some(Ok(data(&reader, SystemTime::now()))),
            Err(error) => Some(Err(chain(&error))),
        };
        if let Some(update) = update.filter(|update| *update != sent) {
            if to_screen.send(update.clone()).is_err() {
                return;
            }
            sent = update;
        }
        let wait = READ_EVERY.max(begin.elapsed() * PATIENCE);
        if ended.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// The sweep as the screen shows it.
fn data(reader: &SweepReader, now: SystemTime) -> SweepData {
    let (sweep, status) = (reader.sweep(), reader.status());
    let keys: Vec<String> = keys(sweep);
    let trials: Vec<SweepTrial> = status
        .trials
        .iter()
        .map(|trial| self::trial(sweep, &keys, trial, reader.run(&trial.trial)))
        .collect();
    let setting = |(at, key): (usize, &String)| {
        let values = trials.iter().filter_map(|trial| trial.settings.get(at)).map(String::as_str);
        SweepSetting {
            key: key.clone(),
            is_repeat: !sweep.definition.keys().contains(&key.as_str()),
            scale: scale(&sweep.definition, key).unwrap_or_else(|| AxisScale::of(values)),
        }
    };
    let combination = |found: &Combination| SweepCombination {
        number: found.number,
        trials: found.trials.clone(),
        finished: found.finished,
        statistic: found.statistic,
        interval: found.interval,
    };
    let is_at_work = !reader.hosts().is_empty();
    let until = if is_at_work { Some(now) } else { reader.changed() };
    let elapsed = reader.began().zip(until).and_then(|(began, until)| until.duration_since(began).ok());
    SweepData {
        folder: sweep.folder.clone(),
        name: sweep.folder.display().to_string(),
        metric: status.metric.clone(),
        higher_is_better: status.higher_is_better,
        settings: keys.iter().enumerate().map(setting).collect(),
        combinations: status.combinations.iter().map(combination).collect(),
        importance: status.importance.clone(),
        best: status.best().map(|best| best.trial.trial),
        hosts: reader.hosts().to_vec(),
        elapsed: elapsed.map(|elapsed| elapsed.as_secs() as f64),
        trials,
    }
}

/// The settings in which trials differ, in the order in which they first appear.
fn keys(sweep: &Sweep) -> Vec<String> {
    let first = sweep.trials.first();
    first.iter().flat_map(|trial| trial.settings()).map(|(key, _)| key.to_owned()).collect()
}

/// The scale of a setting that is drawn.
fn scale(definition: &SweepDefinition, key: &str) -> Option<AxisScale> {
    let over = definition.over.iter().find(|over| over.key == key)?;
    match over.distribution {
        Distribution::LogUniform(..) => Some(AxisScale::Log),
        Distribution::Uniform(..) | Distribution::Integer(..) => Some(AxisScale::Linear),
        Distribution::Choice(_) => None,
    }
}

fn trial(sweep: &Sweep, keys: &[String], status: &TrialStatus, run: Option<&Run>) -> SweepTrial {
    let value_of = |key: &String| {
        let own = status.trial.settings().find(|(own, _)| own == key);
        own.map_or(String::new(), |(_, value)| value)
    };
    let summary = run.map(|run| &run.summary);
    let best =
        summary.and_then(|summary| summary.best.as_ref()).filter(|best| Some(best.value) == status.value);
    let planned = summary.map_or(0, |summary| summary.planned);
    SweepTrial {
        name: status.trial.name(),
        folder: sweep.run_folder(&status.trial),
        settings: keys.iter().map(value_of).collect(),
        state: state(status.state),
        reason: status.reason.clone(),
        value: status.value,
        best_epoch: best.map(|best| best.epoch),
        metrics: status.metrics.clone(),
        epochs: status.epochs,
        planned,
        steps: status.steps,
        progress: summary.and_then(|summary| {
            // The end of an epoch with an evaluation tells how many steps one has.
            let best = summary.best.as_ref().filter(|best| best.epoch > 0 && summary.epochs > 0)?;
            let steps = best.step as f64 / best.epoch as f64 * planned as f64;
            (steps > 0.0).then(|| (status.steps as f64 / steps).min(1.0))
        }),
        seconds: status.seconds,
    }
}

fn state(state: TrialState) -> sweep::TrialState {
    match state {
        TrialState::Finished => sweep::TrialState::Finished,
        TrialState::Running => sweep::TrialState::Running,
        TrialState::Interrupted => sweep::TrialState::Interrupted,
        TrialState::Waiting => sweep::TrialState::Waiting,
        TrialState::Stopped => sweep::TrialState::Stopped,
        TrialState::Diverged => sweep::TrialState::Diverged,
        TrialState::Failed => sweep::TrialState::Failed,
    }
}
