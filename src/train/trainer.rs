use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
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
use crate::protocol::{CommandRequest, CommandSender, Event, Level, RunStatus};
use crate::run::control::Server;
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
    pub commands: CommandSender,
    thread: JoinHandle<(Outcome, Option<Metrics>)>,
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

impl Trainer {
    /// Starts training `spec`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(spec: RunSpec, options: Options) -> std::io::Result<Self> {
        let (watcher, events) = unbounded();
        let (commands, inbox) = unbounded();
        let folder = Arc::new(OnceLock::new());
        let created = Arc::clone(&folder);
        let thread = thread::Builder::new()
            .name("trainer".into())
            .spawn(move || train_and_report(spec, &options, watcher, inbox, &created))
            .map_err(|error| std::io::Error::new(error.kind(), format!("cannot start a thread: {error}")))?;
        Ok(Self { events, commands: CommandSender::new("program", commands), thread, folder })
    }

    /// The run folder, which is known once it is created, also after the end of training.
    pub fn folder(&self) -> RunFolder {
        Arc::clone(&self.folder)
    }

    /// Waits for the end after dropping both channels: events do not accumulate, and a paused trainer without other senders
    /// continues.
    pub fn join(self) -> Outcome {
        self.join_with_metrics().0
    }

    /// As [`join`](Self::join), with the metrics of the epoch whose weights were saved last: the best epoch, if its weights were restored.
    pub fn join_with_metrics(self) -> (Outcome, Option<Metrics>) {
        let Self { events, commands, thread, .. } = self;
        drop((events, commands));
        let lost = || (Outcome::Failed("the training thread exited unexpectedly".into()), None);
        thread.join().unwrap_or_else(|_| lost())
    }
}

fn train_and_report(
    spec: RunSpec,
    options: &Options,
    watcher: Sender<Event>,
    commands: Receiver<CommandRequest>,
    created: &OnceLock<PathBuf>,
) -> (Outcome, Option<Metrics>) {
    let mut publisher = Publisher::new(watcher);
    // A panic becomes an event, so that the recording is complete.
    let caught = catch_unwind(AssertUnwindSafe(|| {
        train(spec, options, &mut publisher, Control::new(commands), created)
    }));
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
    (outcome, metrics)
}

fn train(
    spec: RunSpec,
    options: &Options,
    publisher: &mut Publisher,
    mut control: Control,
    created: &OnceLock<PathBuf>,
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
    publisher.own(folder.owner());
    created.get_or_init(|| folder.path().to_owned());
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
    let recorder = Recorder::start(&folder, session.spec.watch.budget.saturating_mul(1 << 20))?;
    let name = folder.path().file_name().unwrap_or_default().to_string_lossy();
    let server = Server::start(folder.path(), &name, recorder.hub().clone(), control.remote());
    publisher.record_to(recorder);
    publisher.publish(Event::Prepared(Box::new(session.info(folder.path()))));
    match server {
        Ok(server) => publisher.serve(server),
        Err(error) => {
            publisher.log(Level::Warning, format!("the run cannot be controlled from elsewhere: {error}"))
        }
    }
    options
        .notes
        .iter()
        .chain(folder.notes())
        .chain(&session.notes)
        .for_each(|note| publisher.log(Level::Warning, note));
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
        changes: Vec::new(),
        batch: Batch::default(),
        cost: Cost::default(),
        cost_logged: false,
    };
    let status = training.run();
    training.log_changes();
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
