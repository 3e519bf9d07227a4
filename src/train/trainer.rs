use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::control::Control;
use super::error::TrainError;
use super::options::Options;
use super::publisher::Publisher;
use super::restore::check_data;
use super::session::Session;
use super::training_loop::{TrainingLoop, metric_names, write_files};
use crate::metrics::{Metrics, VALIDATION};
use crate::optim::needs_validation;
use crate::preset::RunSpec;
use crate::protocol::{CommandRequest, CommandSender, Event, Level, RunStatus};
use crate::run::control::Server;
use crate::run::{self, Folder, Recorder, checkpoint};

/// A running trainer on a thread of its own.
#[derive(Debug)]
pub struct Trainer {
    /// Its events. Unbounded, so that it never waits for the receiver; drain it or drop it.
    pub events: Receiver<Event>,
    /// Commands to it. When all senders are dropped it trains to its end.
    pub commands: CommandSender,
    /// Receives once data and checkpoint are read and fit; disconnected if training ends before.
    pub ready: Receiver<()>,
    thread: JoinHandle<Ended>,
    folder: RunFolder,
}

/// The folder of a run in preparation.
pub type RunFolder = Arc<OnceLock<PathBuf>>;

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

impl Outcome {
    /// The one of two trainings' that counts for both. One that is unusable comes first, as it ends the others; then one that was stopped.
    #[must_use]
    pub fn or_worse(self, other: Self) -> Self {
        let rank = |outcome: &Self| match outcome {
            Self::Finished => 0,
            Self::Diverged(_) => 1,
            Self::Failed(_) => 2,
            Self::Stopped => 3,
            Self::Unusable(_) => 4,
        };
        if rank(&other) > rank(&self) { other } else { self }
    }
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
    /// The sender of the command that stopped it, if one did.
    pub stopped_by: Option<String>,
    /// Whether it was paused when it was stopped.
    pub is_paused: bool,
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
        let folder = Arc::new(OnceLock::new());
        let created = Arc::clone(&folder);
        let (is_ready, ready) = bounded(1);
        let thread = thread::Builder::new()
            .name("trainer".into())
            .spawn(move || {
                let ended = train_and_report(spec, &options, watcher, inbox, (&created, is_ready));
                at_end(&ended);
                ended
            })
            .map_err(|error| std::io::Error::new(error.kind(), format!("cannot start a thread: {error}")))?;
        Ok(Self { events, commands: CommandSender::new("program", commands), ready, thread, folder })
    }

    /// The run folder, which is known once it is created, also after the end of training.
    pub fn folder(&self) -> RunFolder {
        Arc::clone(&self.folder)
    }

    /// Waits for the end after dropping both channels: events do not accumulate, and a paused trainer without other senders
    /// continues.
    pub fn join(self) -> Outcome {
        self.join_ended().outcome
    }

    /// As [`join`](Self::join), with what the run has reached.
    pub fn join_ended(self) -> Ended {
        let Self { events, commands, thread, .. } = self;
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
    commands: Receiver<CommandRequest>,
    (created, is_ready): (&OnceLock<PathBuf>, Sender<()>),
) -> Ended {
    let (mut publisher, mut reached) = (Publisher::new(watcher), Reached::default());
    // A panic becomes an event, so that the recording is complete.
    let control = Control::new(commands);
    let caught = catch_unwind(AssertUnwindSafe(|| {
        train(spec, options, &mut publisher, control, (created, &is_ready, &mut reached))
    }));
    drop(is_ready);
    reached.folder = created.get().cloned();
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
    (created, is_ready, reached): (&OnceLock<PathBuf>, &Sender<()>, &mut Reached),
) -> Result<(RunStatus, Option<Metrics>), TrainError> {
    // Before data are read, which may take long.
    let mut folder = match (&options.folder, &options.resume) {
        (Some(path), Some(_)) => Some(Folder::reopen(path)?),
        (Some(path), None) => run::check_empty(path).map(|()| None)?,
        (None, _) => None,
    };
    if let Some(folder) = &folder {
        own(folder, publisher, created);
    }
    let mut progress = |what| publisher.publish(Event::Status(RunStatus::Preparing { what }));
    let mut stop = || {
        control.poll();
        control.stop.is_some()
    };
    let resumed = folder.as_ref().map(Folder::path).filter(|path| !checkpoint::by_step(path).is_empty());
    let prepared = Session::prepare_unless(spec, resumed, options.threads, &mut progress, &mut stop);
    reached.stopped_by.clone_from(&control.stopped_by);
    let session = match prepared {
        Err(_) if control.stop.is_some() => return Ok((RunStatus::Stopped { saved: false }, None)),
        prepared => prepared?,
    };
    check_monitors(&session)?;
    control.poll();
    if control.stop.is_some() {
        reached.stopped_by.clone_from(&control.stopped_by);
        return Ok((RunStatus::Stopped { saved: false }, None));
    }
    options
        .data_of
        .as_deref()
        .map_or(Ok(()), |run| check_data(&session, run))
        .map_err(TrainError::Unusable)?;
    let mut training = match folder.take() {
        Some(folder) => TrainingLoop::resume(session, folder, publisher, control, options)?,
        None => {
            let folder = match &options.folder {
                Some(path) => Folder::create(path)?,
                None => {
                    Folder::create_named(std::path::Path::new("runs"), &session.spec.name, SystemTime::now())?
                }
            };
            own(&folder, publisher, created);
            write_files(&session, &folder, &session.spec.to_yaml().map_err(TrainError::Failed)?)?;
            let budget = session.spec.watch.budget.saturating_mul(1 << 20);
            publisher.record_to(Recorder::start(&folder, budget)?);
            let mut training = TrainingLoop::new(session, folder, publisher, control);
            training.branch(options)?;
            training
        }
    };
    // Nobody may wait for it.
    let _ = is_ready.try_send(());
    training.script = options.script.iter().cloned().collect();
    training.turn.clone_from(&options.turn);
    if let Some(turn) = &training.turn {
        turn.prepared(training.session.tokens(training.session.spec.train.batch_size), training.used());
    }
    training.publish_facts(options);
    serve(&mut training);
    let status = training.run();
    (reached.step, reached.best) = (training.state.step, training.state.best.value);
    reached.monitor = training.state.best.monitor().to_owned();
    (reached.stopped_by, reached.is_paused) =
        (training.control.stopped_by.clone(), training.control.is_paused());
    training.log_changes();
    let status = status?;
    training.log_cost();
    Ok((status, training.final_metrics))
}

/// This process owns the run in `folder` from here on.
fn own(folder: &Folder, publisher: &mut Publisher, created: &OnceLock<PathBuf>) {
    publisher.own(folder.owner());
    created.get_or_init(|| folder.path().to_owned());
}

/// Serves the control socket of the run.
fn serve(training: &mut TrainingLoop<'_>) {
    let TrainingLoop { folder, publisher, control, .. } = training;
    folder.notes().iter().for_each(|note| publisher.log(Level::Warning, note));
    let Some(hub) = publisher.hub() else { return };
    let name = folder.path().file_name().unwrap_or_default().to_string_lossy();
    match Server::start(folder.path(), &name, hub, control.remote()) {
        Ok(server) => publisher.serve(server),
        Err(error) => {
            publisher.log(Level::Warning, format!("the run cannot be controlled from elsewhere: {error}"))
        }
    }
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
