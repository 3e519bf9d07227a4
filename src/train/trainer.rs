use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::control::{Clock, Control};
use super::cost::Cost;
use super::divergence::Divergence;
use super::error::TrainError;
use super::publisher::Publisher;
use super::session::Session;
use super::training_loop::{Progress, Saving, TrainingLoop, metric_names};
use crate::data::Batch;
use crate::metrics::{Metrics, VALIDATION};
use crate::optim::needs_validation;
use crate::preset::RunSpec;
use crate::protocol::{Command, Event, Level, RunStatus};
use crate::run::{self, Folder, Recorder};

/// The coverage of the training tokens below which pretrained vectors may be of another language or tokenization.
const FEW_KNOWN: f64 = 0.5;

/// Options of a run besides its spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The run folder; by default a new one under `runs/`.
    pub folder: Option<PathBuf>,
    /// The number of threads of a step.
    pub threads: usize,
    /// Whether there is a screen, and so the preset's pace applies.
    pub watched: bool,
    /// Notes to log first, such as those of the preset.
    pub notes: Vec<String>,
}

/// A running trainer on a thread of its own.
#[derive(Debug)]
pub struct Trainer {
    /// Its events. Unbounded, so that it never waits for the receiver; drain it or drop it.
    pub events: Receiver<Event>,
    /// Commands to it. When all senders are dropped it trains to its end.
    pub commands: Sender<Command>,
    thread: JoinHandle<Ended>,
}

/// The outcome of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Training has finished.
    Finished,
    /// Stopped by a command.
    Stopped,
    /// A loss, gradient or weight was not finite, or far too large.
    Diverged(String),
    /// Data or preset are invalid.
    Unusable(String),
    /// Any other error: disk, threads, a bug.
    Failed(String),
}

/// What is called at the end of a run.
pub type AtEnd = Box<dyn FnOnce(&Ended) + Send>;

/// A run that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// How it ended.
    pub outcome: Outcome,
    /// The metrics of the epoch whose weights were saved last: the best epoch, if its weights were restored.
    pub metrics: Option<Metrics>,
    /// What it reached.
    pub reached: Reached,
}

/// What a run has reached.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reached {
    /// The run folder; `None` if it ended before there was one.
    pub folder: Option<PathBuf>,
    /// Steps made.
    pub step: u64,
    /// The monitored metric.
    pub monitor: String,
    /// Its best value.
    pub best: Option<f64>,
}

impl Trainer {
    /// Starts training `spec`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(spec: RunSpec, options: Options) -> std::io::Result<Self> {
        Self::start_with(spec, options, Box::new(|_| ()))
    }

    /// As [`start`](Self::start); `at_end` is called on the trainer's thread once training has ended, on screen or not.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start_with(spec: RunSpec, options: Options, at_end: AtEnd) -> std::io::Result<Self> {
        let (watcher, events) = unbounded();
        let (commands, inbox) = unbounded();
        let thread = thread::Builder::new()
            .name("trainer".into())
            .spawn(move || {
                let ended = train_and_report(spec, &options, watcher, inbox);
                at_end(&ended);
                ended
            })
            .map_err(|error| std::io::Error::new(error.kind(), format!("cannot start a thread: {error}")))?;
        Ok(Self { events, commands, thread })
    }

    /// Waits for the end after dropping both channels: events do not accumulate, and a paused trainer without other senders
    /// continues.
    pub fn join(self) -> Outcome {
        self.join_ended().outcome
    }

    /// As [`join`](Self::join), with what the run has reached.
    pub fn join_ended(self) -> Ended {
        let Self { events, commands, thread } = self;
        drop((events, commands));
        thread.join().unwrap_or_else(|_| Ended {
            outcome: Outcome::Failed("the training thread exited unexpectedly".into()),
            metrics: None,
            reached: Reached::default(),
        })
    }
}

fn train_and_report(
    spec: RunSpec,
    options: &Options,
    watcher: Sender<Event>,
    commands: Receiver<Command>,
) -> Ended {
    let (mut publisher, mut reached) = (Publisher::new(watcher), Reached::default());
    // A panic becomes an event, so that the recording is complete.
    let control = Control::new(commands);
    let caught =
        catch_unwind(AssertUnwindSafe(|| train(spec, options, &mut publisher, control, &mut reached)));
    let mut result = caught.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        Err(TrainError::Failed(format!("a bug in the program: {}", text.unwrap_or_default())))
    });
    let metrics = result.as_mut().map_or(None, |(_, metrics)| metrics.take());
    let (status, outcome) = match result.map(|(status, _)| status) {
        Ok(status @ RunStatus::Finished) => (status, Outcome::Finished),
        Ok(status) => (status, Outcome::Stopped),
        Err(TrainError::Diverged(what)) => {
            (RunStatus::Diverged { what: what.clone() }, Outcome::Diverged(what))
        }
        Err(TrainError::Unusable(what)) => {
            (RunStatus::Failed { what: what.clone() }, Outcome::Unusable(what))
        }
        Err(TrainError::Failed(what)) => (RunStatus::Failed { what: what.clone() }, Outcome::Failed(what)),
    };
    let outcome = match publisher.finish(status) {
        RunStatus::Failed { what } if matches!(outcome, Outcome::Finished | Outcome::Stopped) => {
            Outcome::Failed(what)
        }
        _ => outcome,
    };
    Ended { outcome, metrics, reached }
}

fn train(
    spec: RunSpec,
    options: &Options,
    publisher: &mut Publisher,
    mut control: Control,
    reached: &mut Reached,
) -> Result<(RunStatus, Option<Metrics>), TrainError> {
    // Before data are read, which may take long.
    options.folder.as_deref().map_or(Ok(()), run::check_empty)?;
    let mut progress = |what| publisher.publish(Event::Status(RunStatus::Preparing { what }));
    let mut stop = || {
        control.poll();
        control.stop.is_some()
    };
    let session = match Session::prepare_unless(spec, options.threads, &mut progress, &mut stop) {
        Err(_) if control.stop.is_some() => return Ok((RunStatus::Stopped { saved: false }, None)),
        prepared => prepared?,
    };
    check_monitors(&session)?;
    control.poll();
    if control.stop.is_some() {
        return Ok((RunStatus::Stopped { saved: false }, None));
    }
    let folder = match &options.folder {
        Some(path) => Folder::create(path)?,
        None => Folder::create_named(std::path::Path::new("runs"), &session.spec.name, SystemTime::now())?,
    };
    reached.folder = Some(folder.path().to_owned());
    folder.write_spec(&session.spec.to_yaml().map_err(TrainError::Failed)?)?;
    if let Some(vocabularies) = &session.vocabularies {
        folder.write_json("vocabulary.json", vocabularies)?;
    }
    if !session.labels.is_empty() {
        folder.write_json("labels.json", &session.labels)?;
    }
    if let Some(scale) = &session.scale {
        folder.write_json("scale.json", scale)?;
    }
    publisher.record_to(Recorder::start(&folder, session.spec.watch.budget.saturating_mul(1 << 20))?);
    publisher.warn_of(&session.spec.alerts);
    publisher.publish(Event::Prepared(Box::new(session.info(folder.path()))));
    options.notes.iter().chain(&session.notes).for_each(|note| publisher.log(Level::Warning, note));
    if session.spec.train.validate_every.is_some() && session.validation.is_none() {
        let text = "train.validate_every: there are no validation data";
        publisher.log(Level::Warning, text);
    }
    for coverage in &session.coverages {
        let level = if coverage.share() < FEW_KNOWN { Level::Warning } else { Level::Info };
        publisher.log(level, coverage.to_string());
    }
    if session.stepper.model().is_stateful() {
        publisher.log(Level::Info, "a layer is stateful: every epoch reads the data in order, unshuffled");
    }
    if let Some(pace) = session.spec.watch.pace.filter(|_| options.watched) {
        control.set_pace(pace);
        publisher.log(
            Level::Info,
            format!("slowed down to {pace} steps a second for the screen; press f for full speed"),
        );
    }
    let progress = Progress::new(&session);
    let mut training = TrainingLoop {
        saving: Saving::new(progress.best().clone()),
        divergence: Divergence::new(&session),
        session,
        folder,
        publisher,
        control,
        clock: Clock::start(),
        progress,
        kept: None,
        best_epoch: None,
        rate_changes: Vec::new(),
        batch: Batch::default(),
        cost: Cost::default(),
        cost_logged: false,
    };
    let status = training.run();
    (reached.step, reached.best) = (training.progress.step(), training.progress.best().value);
    reached.monitor = training.progress.best().monitor().to_owned();
    training.log_rate_changes();
    let status = status?;
    training.log_cost();
    Ok((status, training.kept))
}

/// Checks that the monitored metrics will be measured.
fn check_monitors(session: &Session) -> Result<(), TrainError> {
    let names = metric_names(session);
    let unknown = |(_, name): &(_, &str)| !names.iter().any(|other| other == name);
    let Some((field, name)) = session.spec.monitored().find(unknown) else { return Ok(()) };
    let place = format!("train.{field}.monitor");
    Err(TrainError::Unusable(match needs_validation(name) && session.validation.is_none() {
        true => {
            let instead = name.strip_prefix(VALIDATION).filter(|base| names.iter().any(|name| name == base));
            let instead = instead.unwrap_or("loss");
            format!("{place}: {name} needs validation data, but there are none; monitor {instead}")
        }
        false => format!("{place}: this run has no metric `{name}`; expected one of {}", names.join(", ")),
    }))
}

#[cfg(test)]
mod tests;
