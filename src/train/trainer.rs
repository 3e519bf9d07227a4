use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use crossbeam_channel::{Receiver, Sender, unbounded};
use serde::Serialize;

use super::control::{Clock, Control, Stop};
use super::evaluation::evaluation;
use super::outlet::Outlet;
use super::session::{Prepare, Session};
use super::step::Diverged;
use crate::data::{Batch, Dataset, in_order};
use crate::nn::{Score, Way};
use crate::number;
use crate::optim::{LearningRate, Monitor, Stopper};
use crate::preset::RunSpec;
use crate::protocol::{
    Command, Confusion, EpochMetrics, Event, GradientProfile, Instruments, Level, RunStatus, StepMetrics,
    half_life,
};
use crate::run::checkpoint::{self, Checkpoint, NamedTensor};
use crate::run::{Folder, Recorder, RunError};

/// Watched steps between two on which the spectral radii of large layers are measured.
const RADII_EVERY: u64 = 10;

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
    check_monitors(&session)?;
    control.poll();
    if control.stop.is_some() {
        return Ok(RunStatus::Stopped { saved: false });
    }
    let folder = match &options.folder {
        Some(path) => Folder::create(path)?,
        None => Folder::create_named(std::path::Path::new("runs"), &session.spec.name, SystemTime::now())?,
    };
    folder.write_spec(&session.spec.to_yaml().map_err(End::Failed)?)?;
    if let Some(vocabulary) = &session.vocabulary {
        folder.write_json("vocabulary.json", vocabulary)?;
    }
    if !session.labels.is_empty() {
        folder.write_json("labels.json", &session.labels)?;
    }
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
    let progress = Progress::new(&session);
    let mut run =
        Run { session, folder, outlet, control, clock: Clock::start(), progress, best_weights: None };
    run.epochs()
}

/// Refuses to monitor what will never be measured.
fn check_monitors(session: &Session) -> Result<(), End> {
    let train = &session.spec.train;
    let stopping = train.early_stopping.as_ref().and_then(|stopping| stopping.monitor);
    let all = [("early_stopping", stopping), ("schedule", train.schedule.monitor())];
    let blind = |monitor: Monitor| monitor.needs_validation() && session.validation.is_none();
    match all.iter().find_map(|(field, monitor)| monitor.filter(|m| blind(*m)).map(|m| (field, m))) {
        Some((field, monitor)) => Err(End::Unusable(format!(
            "train.{field}.monitor: {} needs validation data, and there are none; monitor {}",
            monitor.name(),
            if monitor.is_accuracy() { "accuracy" } else { "loss" }
        ))),
        None => Ok(()),
    }
}

/// Where a run stands: with the weights and the optimizer's moments all that it goes on from.
#[derive(Debug, Clone, Serialize)]
struct Progress {
    /// Updates made.
    step: u64,
    /// The epoch at hand, from 1.
    epoch: usize,
    /// Batches of it that are done.
    batch: usize,
    learning_rate: LearningRate,
    /// The monitored metric: the best epoch so far, and patience.
    stopper: Stopper,
    /// Sums over the epoch so far.
    sums: Sums,
    /// Seconds of training.
    seconds: f64,
}

impl Progress {
    fn new(session: &Session) -> Self {
        let (train, has_validation) = (&session.spec.train, session.validation.is_some());
        let initial = train.optimizer.learning_rate();
        Self {
            step: 0,
            epoch: 1,
            batch: 0,
            learning_rate: LearningRate::new(&train.schedule, initial, has_validation),
            stopper: Stopper::new(train.early_stopping.as_ref(), has_validation),
            sums: Sums::default(),
            seconds: 0.0,
        }
    }
}

/// Losses and what else is measured, summed over rows.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Sums {
    score: Score,
    /// What the size of the weights added to the loss, each row counted.
    penalty: f64,
}

impl Sums {
    fn add(&mut self, score: Score, penalty: f64) {
        self.score.add(score);
        self.penalty += penalty * score.count;
    }

    /// The mean loss as Keras reports it: of the data, and of the size of the weights.
    fn loss(&self) -> f64 {
        self.score.mean_loss() + self.penalty / self.score.count
    }
}

struct Run<'a> {
    session: Session,
    folder: Folder,
    outlet: &'a mut Outlet,
    control: Control,
    clock: Clock,
    progress: Progress,
    /// Those of the best epoch, where they are to be restored.
    best_weights: Option<Vec<f32>>,
}

impl Run<'_> {
    fn epochs(&mut self) -> Result<RunStatus, End> {
        self.outlet.emit(Event::Status(RunStatus::Training));
        self.probe();
        for epoch in 1..=self.session.spec.train.epochs {
            let begin = self.clock.elapsed();
            self.progress.epoch = epoch;
            self.progress.sums = Sums::default();
            for batch in 0..self.session.sampler.batches() {
                self.progress.batch = batch;
                if let Some(stop) = self.obey() {
                    return self.stop(stop);
                }
                self.step(batch)?;
            }
            self.progress.batch = self.session.sampler.batches();
            let validation = self.validate();
            if let Some(stop) = self.control.stop {
                return self.stop(stop);
            }
            let seconds = (self.clock.elapsed() - begin).as_secs_f64();
            if self.epoch_ended(validation, seconds) {
                break;
            }
            self.clock.begin_window();
        }
        self.restore_best();
        Ok(RunStatus::Finished)
    }

    /// Tells of the epoch, saves, and draws the conclusions; whether training should end here.
    fn epoch_ended(&mut self, validation: Option<(Sums, Option<Confusion>)>, seconds: f64) -> bool {
        let Progress { epoch, step, sums, .. } = self.progress;
        let (validation, confusion) = validation.map_or((None, None), |(sums, matrix)| (Some(sums), matrix));
        let model = self.session.stepper.model();
        let accuracy = |sums: &Sums| model.loss().has_classes().then(|| sums.score.accuracy());
        let metrics = EpochMetrics {
            epoch,
            step,
            loss: sums.loss(),
            accuracy: accuracy(&sums),
            val_loss: validation.as_ref().map(Sums::loss),
            val_accuracy: validation.as_ref().and_then(accuracy),
            seconds,
        };
        let validation = validation.map(|sums| sums.score);
        if let Some(more) = evaluation(model, (epoch, step), &sums.score, validation.as_ref(), confusion) {
            self.outlet.emit(Event::Evaluation(Box::new(more)));
        }
        self.outlet.emit(Event::Epoch(metrics));
        let verdict = self.progress.stopper.judge(&metrics);
        if self.progress.learning_rate.epoch_ended(&metrics) {
            let rate = self.progress.learning_rate.at(step, epoch + 1);
            let text = format!("no progress: learning rate {rate:.3e} from step {} on", step + 1);
            self.outlet.log(Level::Info, text);
        }
        let stopping = self.session.spec.train.early_stopping.clone();
        if verdict.best && stopping.as_ref().is_some_and(|stopping| stopping.restore_best_weights) {
            self.best_weights = Some(self.session.stepper.params().values().to_vec());
        }
        self.save(verdict.best);
        if verdict.stop {
            let patience = stopping.map_or(0, |stopping| stopping.patience);
            let (monitor, best) = self.progress.stopper.best();
            let text = format!(
                "early stopping after epoch {epoch}: {} was best in epoch {} with {}, and patience is {patience}",
                monitor.name(),
                self.progress.stopper.best_epoch(),
                best.map_or("no number".into(), number::metric),
            );
            self.outlet.log(Level::Info, text);
        }
        verdict.stop
    }

    /// Goes back to the weights of the best epoch, if that was asked for and it is not the last, and saves them.
    fn restore_best(&mut self) {
        let Some(best) = self.best_weights.take() else { return };
        if best == self.session.stepper.params().values() {
            return;
        }
        self.session.stepper.restore(&best);
        let epoch = self.progress.stopper.best_epoch();
        self.outlet.log(Level::Info, format!("the weights are those of the best epoch, {epoch}"));
        self.save(false);
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
        if factor != 1.0 && self.progress.learning_rate.scale(factor) {
            let Progress { step, epoch, .. } = self.progress;
            let rate = self.progress.learning_rate.at(step, epoch);
            self.outlet.log(Level::Info, format!("learning rate {rate:.3e} from step {} on", step + 1));
        }
        if std::mem::take(&mut self.control.save) {
            self.save(false);
        }
    }

    fn step(&mut self, batch: usize) -> Result<(), End> {
        let session = &mut self.session;
        let order = session.sampler.batch(self.progress.epoch as u64, batch);
        let mut rows = Batch::default();
        rows.fill(&session.train, order.iter().copied());
        let watch = self.progress.step.is_multiple_of(session.spec.watch.every as u64);
        let learning_rate = self.progress.learning_rate.at(self.progress.step, self.progress.epoch);
        session.stepper.optimizer_mut().learning_rate = learning_rate;
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
        self.progress.sums.add(taken.score, taken.penalty);
        let has_classes = session.stepper.model().loss().has_classes();
        let metrics = StepMetrics {
            step: self.progress.step,
            epoch: self.progress.epoch,
            loss: taken.score.mean_loss() + taken.penalty,
            accuracy: has_classes.then(|| taken.score.accuracy()),
            learning_rate,
            grad_norm: taken.grad_norm,
            sequences_per_s: self.clock.count(rows.len()),
            seconds: self.clock.elapsed().as_secs_f64(),
        };
        self.outlet.emit(Event::Step(metrics));
        if watch {
            self.profile(&rows);
            self.probe();
        }
        Ok(())
    }

    /// Tells the gradient norm per unrolled step, and what else the instruments say, of the step just made.
    fn profile(&mut self, batch: &Batch) {
        let (stepper, step) = (&self.session.stepper, self.progress.step);
        // A position is masked when it is padding in every sequence of the batch, and the layer is told.
        let padding = batch.padding();
        let ways = stepper.ways();
        for (layer, direction, hnorm) in stepper.norms().hnorms() {
            let masked = stepper.model().is_masked(layer).then_some(padding.as_slice());
            let half_life = half_life(&hnorm, masked);
            let way = ways.iter().find(|way| (way.layer, way.direction) == (layer, direction));
            let kernel_norm = way.map_or_else(Vec::new, Way::kernel_norms);
            let profile = GradientProfile { step, layer, direction, hnorm, kernel_norm, half_life };
            self.outlet.emit(Event::Gradient(profile));
        }
        let seldom = (self.session.spec.watch.every as u64).saturating_mul(RADII_EVERY);
        let all_radii = (step - 1).is_multiple_of(seldom);
        let layers = ways.iter().map(|way| way.health(stepper.params(), all_radii)).collect();
        let params = stepper.param_norms().to_vec();
        self.outlet.emit(Event::Instruments(Box::new(Instruments { step, layers, params })));
    }

    fn probe(&mut self) {
        let Session { probes, stepper, .. } = &mut self.session;
        for frame in probes.look(stepper.model(), stepper.params(), self.progress.step) {
            self.outlet.emit(Event::Probe(Box::new(frame)));
        }
    }

    /// Loss and accuracy on the validation data, and what was taken for what; `None` without any, or when told to stop
    /// meanwhile.
    fn validate(&mut self) -> Option<(Sums, Option<Confusion>)> {
        let validation: &Dataset = self.session.validation.as_ref()?;
        self.outlet.emit(Event::Status(RunStatus::Validating));
        let (mut rows, mut sums) = (Batch::default(), Sums::default());
        let stepper = &mut self.session.stepper;
        let penalty = stepper.params().penalty();
        let classes = stepper.model().classes().filter(|classes| *classes <= Confusion::MOST);
        let mut confusion = classes.map(Confusion::new);
        // Without gradients a batch can be larger.
        let size = self.session.spec.train.batch_size.max(256);
        for batch in 0..validation.len().div_ceil(size) {
            self.control.poll();
            if self.control.stop.is_some() {
                return None;
            }
            rows.fill(validation, in_order(batch, size, validation.len()));
            sums.add(stepper.judge(&rows, confusion.as_mut()), penalty);
        }
        self.outlet.emit(Event::Status(RunStatus::Training));
        Some((sums, confusion))
    }

    fn stop(&mut self, stop: Stop) -> Result<RunStatus, End> {
        Ok(RunStatus::Stopped { saved: stop == Stop::Save && self.save(false) })
    }

    /// Writes a checkpoint; whether it stands.
    fn save(&mut self, best: bool) -> bool {
        let stepper = &self.session.stepper;
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

#[cfg(test)]
mod tests;
