use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use crossbeam_channel::{Receiver, Sender, unbounded};
use serde::Serialize;

use super::control::{Clock, Control, Stop};
use super::outlet::Outlet;
use super::session::{Prepare, Session};
use super::step::Diverged;
use crate::data::{Batch, Dataset, in_order};
use crate::nn::Score;
use crate::preset::RunSpec;
use crate::protocol::{
    Command, EpochMetrics, Event, GradientProfile, Level, RunStatus, StepMetrics, half_life,
};
use crate::run::checkpoint::{self, Checkpoint, NamedTensor};
use crate::run::{Folder, Recorder, RunError};

/// How to run, beside what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The run folder; by default a new one under `runs/`.
    pub folder: Option<PathBuf>,
    /// Threads that share a step.
    pub threads: usize,
    /// Whether someone watches: then the preset's pace is kept.
    pub watched: bool,
    /// What to log first, e.g. notes of the preset.
    pub notes: Vec<String>,
}

/// A trainer at work on a thread of its own.
#[derive(Debug)]
pub struct Trainer {
    /// What it tells. Unbounded, so that it never waits for who listens; drain it or drop it.
    pub events: Receiver<Event>,
    /// What it is told. When all senders are gone it trains to its end.
    pub commands: Sender<Command>,
    thread: JoinHandle<Outcome>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs are done.
    Finished,
    /// Ended by command.
    Stopped,
    /// A loss or gradient was not finite.
    Diverged(String),
    /// Data or preset are not as they must be.
    Unusable(String),
    /// Anything else: disk, threads, a defect.
    Failed(String),
}

impl Trainer {
    /// Starts training `spec`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(spec: RunSpec, options: Options) -> std::io::Result<Self> {
        let (watcher, events) = unbounded();
        let (commands, inbox) = unbounded();
        let thread = thread::Builder::new()
            .name("trainer".into())
            .spawn(move || run(spec, &options, watcher, inbox))?;
        Ok(Self { events, commands, thread })
    }

    /// Waits for the end, as one who neither listens nor commands any more: events are not piled up for nobody, and a
    /// paused trainer that no other sender can reach goes on.
    pub fn join(self) -> Outcome {
        let Self { events, commands, thread } = self;
        drop((events, commands));
        let lost = || Outcome::Failed("the trainer's thread was lost".into());
        thread.join().unwrap_or_else(|_| lost())
    }
}

fn run(spec: RunSpec, options: &Options, watcher: Sender<Event>, commands: Receiver<Command>) -> Outcome {
    let mut outlet = Outlet::new(watcher);
    // A defect must not take the recording with it: the panic becomes an event like any other end.
    let caught = catch_unwind(AssertUnwindSafe(|| train(spec, options, &mut outlet, Control::new(commands))));
    let end = caught.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        Err(End::Failed(format!("a defect of the program: {}", text.unwrap_or_default())))
    });
    let (status, outcome) = match end {
        Ok(status @ RunStatus::Finished) => (status, Outcome::Finished),
        Ok(status) => (status, Outcome::Stopped),
        Err(End::Diverged(what)) => (RunStatus::Diverged { what: what.clone() }, Outcome::Diverged(what)),
        Err(End::Unusable(what)) => (RunStatus::Failed { what: what.clone() }, Outcome::Unusable(what)),
        Err(End::Failed(what)) => (RunStatus::Failed { what: what.clone() }, Outcome::Failed(what)),
    };
    outlet.finish(Event::Status(status));
    outcome
}

/// Why training ended before its time.
enum End {
    Diverged(String),
    Unusable(String),
    Failed(String),
}

impl From<Prepare> for End {
    fn from(e: Prepare) -> Self {
        match e {
            Prepare::Threads(_) => Self::Failed(e.to_string()),
            Prepare::Data(_) | Prepare::Task(_) => Self::Unusable(e.to_string()),
        }
    }
}

impl From<RunError> for End {
    fn from(e: RunError) -> Self {
        match e {
            RunError::Occupied(_) | RunError::Locked(_) => Self::Unusable(e.to_string()),
            _ => Self::Failed(e.to_string()),
        }
    }
}

fn train(
    spec: RunSpec,
    options: &Options,
    outlet: &mut Outlet,
    mut control: Control,
) -> Result<RunStatus, End> {
    let session = Session::prepare(spec, options.threads, &mut |what| {
        outlet.emit(Event::Status(RunStatus::Preparing { what }));
    })?;
    control.poll();
    if control.stop.is_some() {
        return Ok(RunStatus::Stopped { saved: false });
    }
    let folder = match &options.folder {
        Some(path) => Folder::create(path)?,
        None => Folder::create_named(std::path::Path::new("runs"), &session.spec.name, SystemTime::now())?,
    };
    folder.write_spec(&session.spec.to_yaml().map_err(End::Failed)?)?;
    folder.write_json("vocabulary.json", &session.vocabulary)?;
    folder.write_json("labels.json", &session.labels)?;
    outlet.record_to(Recorder::start(&folder, session.spec.watch.budget.saturating_mul(1 << 20))?);
    outlet.emit(Event::Prepared(Box::new(session.info(folder.path()))));
    options.notes.iter().for_each(|note| outlet.log(Level::Warning, note));
    if let Some(pace) = session.spec.watch.pace.filter(|_| options.watched) {
        control.keep_pace(pace);
        outlet.log(
            Level::Info,
            format!("slowed down to {pace} steps a second, to be watched; f for full speed"),
        );
    }
    let mut run =
        Run { session, folder, outlet, control, clock: Clock::start(), progress: Progress::default() };
    run.epochs()
}

/// Where a run stands: with the weights and the optimizer's moments all that it goes on from.
#[derive(Debug, Clone, Default, Serialize)]
struct Progress {
    /// Updates made.
    step: u64,
    /// The epoch at hand, from 1.
    epoch: usize,
    /// Batches of it that are done.
    batch: usize,
    learning_rate: f64,
    /// Sums over the epoch so far.
    loss: f64,
    correct: f64,
    count: f64,
    /// The best monitored loss so far.
    best: Option<f64>,
    /// Seconds of training.
    seconds: f64,
}

struct Run<'a> {
    session: Session,
    folder: Folder,
    outlet: &'a mut Outlet,
    control: Control,
    clock: Clock,
    progress: Progress,
}

impl Run<'_> {
    fn epochs(&mut self) -> Result<RunStatus, End> {
        self.outlet.emit(Event::Status(RunStatus::Training));
        self.probe();
        for epoch in 1..=self.session.spec.train.epochs {
            let begin = self.clock.elapsed();
            let mut score = Score::default();
            self.progress.epoch = epoch;
            for batch in 0..self.session.sampler.batches() {
                self.progress.batch = batch;
                if let Some(stop) = self.obey() {
                    return self.stop(stop);
                }
                score.add(self.step(batch)?);
                (self.progress.loss, self.progress.correct, self.progress.count) =
                    (score.loss, score.correct, score.count);
            }
            self.progress.batch = self.session.sampler.batches();
            let validation = self.validate();
            if let Some(stop) = self.control.stop {
                return self.stop(stop);
            }
            let metrics = EpochMetrics {
                epoch,
                step: self.progress.step,
                loss: score.mean_loss(),
                accuracy: Some(score.accuracy()),
                val_loss: validation.map(|v| v.mean_loss()),
                val_accuracy: validation.map(|v| v.accuracy()),
                seconds: (self.clock.elapsed() - begin).as_secs_f64(),
            };
            self.outlet.emit(Event::Epoch(metrics));
            let monitored = metrics.val_loss.unwrap_or(metrics.loss);
            let best = self.progress.best.is_none_or(|best| monitored < best);
            if best {
                self.progress.best = Some(monitored);
            }
            self.save(best);
            self.clock.begin_window();
        }
        Ok(RunStatus::Finished)
    }

    /// Takes commands, and waits while they ask for it.
    fn obey(&mut self) -> Option<Stop> {
        self.control.rest();
        self.control.poll();
        self.heed();
        if self.control.holds() && self.control.stop.is_none() {
            self.clock.pause();
            self.outlet.emit(Event::Status(RunStatus::Paused));
            loop {
                self.control.wait();
                self.heed();
                if self.control.stop.is_some() || !self.control.holds() {
                    break;
                }
            }
            self.clock.resume();
            self.outlet.emit(Event::Status(RunStatus::Training));
        }
        self.control.stop
    }

    /// Does what can be done at once.
    fn heed(&mut self) {
        let factor = std::mem::replace(&mut self.control.factor, 1.0);
        if factor != 1.0 {
            let optimizer = self.session.stepper.optimizer_mut();
            let rate = optimizer.learning_rate * factor;
            if rate.is_finite() && rate > 0.0 {
                optimizer.learning_rate = rate;
                self.outlet.log(
                    Level::Info,
                    format!("learning rate {rate:.3e} from step {} on", self.progress.step + 1),
                );
            }
        }
        if std::mem::take(&mut self.control.save) {
            self.save(false);
        }
    }

    fn step(&mut self, batch: usize) -> Result<Score, End> {
        let session = &mut self.session;
        let order = session.sampler.batch(self.progress.epoch as u64, batch);
        let mut rows = Batch::default();
        rows.fill(&session.train, order.iter().copied());
        let watch = self.progress.step.is_multiple_of(session.spec.watch.every as u64);
        let learning_rate = session.stepper.optimizer().learning_rate;
        let taken = session.stepper.step(&rows, watch);
        let taken = match taken {
            Ok(taken) => taken,
            Err(diverged @ Diverged { .. }) => {
                // What was learnt since the last checkpoint shows where it began to go wrong; but an update may have overflowed.
                if session.stepper.params().values().iter().all(|weight| weight.is_finite()) {
                    self.save(false);
                }
                return Err(End::Diverged(format!("step {}: {diverged}", self.progress.step + 1)));
            }
        };
        self.progress.step += 1;
        let metrics = StepMetrics {
            step: self.progress.step,
            epoch: self.progress.epoch,
            loss: taken.score.mean_loss(),
            accuracy: Some(taken.score.accuracy()),
            learning_rate,
            grad_norm: taken.grad_norm,
            sequences_per_s: self.clock.count(rows.classes.len()),
            seconds: self.clock.elapsed().as_secs_f64(),
        };
        self.outlet.emit(Event::Step(metrics));
        if watch {
            self.profile(&rows);
            self.probe();
        }
        Ok(taken.score)
    }

    /// Tells the gradient norm per unrolled step of the step just made.
    fn profile(&mut self, batch: &Batch) {
        let (stepper, step) = (&self.session.stepper, self.progress.step);
        // A position is masked when it is padding in every sequence of the batch, and the layer is told.
        let padding: Vec<bool> =
            batch.tokens.columns().into_iter().map(|ids| ids.iter().all(|id| *id == 0)).collect();
        for (layer, direction, hnorm) in stepper.norms().hnorms() {
            let masked = stepper.model().is_masked(layer).then_some(padding.as_slice());
            let half_life = half_life(&hnorm, masked);
            self.outlet.emit(Event::Gradient(GradientProfile { step, layer, direction, hnorm, half_life }));
        }
    }

    fn probe(&mut self) {
        let Session { probes, stepper, .. } = &mut self.session;
        for frame in probes.look(stepper.model(), stepper.params(), self.progress.step) {
            self.outlet.emit(Event::Probe(Box::new(frame)));
        }
    }

    /// Loss and accuracy on the validation data; `None` without any, or when told to stop meanwhile.
    fn validate(&mut self) -> Option<Score> {
        let validation: &Dataset = self.session.validation.as_ref()?;
        self.outlet.emit(Event::Status(RunStatus::Validating));
        let (mut rows, mut score) = (Batch::default(), Score::default());
        // Without gradients a batch can be larger.
        let size = self.session.spec.train.batch_size.max(256);
        for batch in 0..validation.len().div_ceil(size) {
            self.control.poll();
            if self.control.stop.is_some() {
                return None;
            }
            rows.fill(validation, in_order(batch, size, validation.len()));
            score.add(self.session.stepper.judge(&rows));
        }
        self.outlet.emit(Event::Status(RunStatus::Training));
        Some(score)
    }

    fn stop(&mut self, stop: Stop) -> Result<RunStatus, End> {
        Ok(RunStatus::Stopped { saved: stop == Stop::Save && self.save(false) })
    }

    /// Writes a checkpoint; whether it stands.
    fn save(&mut self, best: bool) -> bool {
        let stepper = &self.session.stepper;
        self.progress.learning_rate = stepper.optimizer().learning_rate;
        self.progress.seconds = self.clock.elapsed().as_secs_f64();
        let table = stepper.params().table();
        let tensor = |name: String, shape: &[usize], data| NamedTensor { name, shape: shape.to_vec(), data };
        let weights = stepper.params().values();
        let model =
            table.iter().map(|p| tensor(p.name.clone(), &p.shape, &weights[p.range.clone()])).collect();
        let slots = stepper.optimizer().slots();
        let optimizer = slots.flat_map(|(slot, values)| {
            table
                .iter()
                .map(move |p| tensor(format!("{}.{slot}", p.name), &p.shape, &values[p.range.clone()]))
        });
        let state = serde_json::to_value(&self.progress).unwrap_or_default();
        let checkpoint =
            Checkpoint { step: self.progress.step, model, optimizer: optimizer.collect(), state, best };
        match checkpoint::write(&self.folder, &checkpoint) {
            Ok(saved) => {
                self.outlet.emit(Event::Saved(saved));
                true
            }
            Err(e) => {
                self.outlet.log(Level::Error, format!("no checkpoint: {e}"));
                false
            }
        }
    }
}
