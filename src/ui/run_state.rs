//! The state of a run: a pure fold of its events. What the user chose to see is [`ViewState`](super::view_state::ViewState).

pub mod axis;
mod backups;
mod curves;
pub mod epoch_steps;
mod eta;
mod forecast_errors;
mod gradient_history;
mod heat_scale;
mod history;
mod monitored;
mod pictures;
pub mod series;
pub mod smoothing;
mod thinned;
mod unit_history;
mod weight_history;

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::metrics::Metrics;
use crate::protocol::{
    Command, Direction, EpochMetrics, Event, GradientProfile, LayerHealth, Level, LogLine, ParamNorms,
    ProbeFrame, Resumed, RunInfo, RunStatus, Saved, StepMetrics, TokenInfluence, ValidationMetrics,
    WeightDistributions,
};
use axis::XPosition;
use backups::Backups;
pub use curves::Curves;
use epoch_steps::EpochSteps;
use eta::Eta;
pub use forecast_errors::ForecastErrors;
pub use gradient_history::{GradientHistory, GradientRow, HalfLife};
pub use heat_scale::HeatScale;
pub use history::{EpochConfusion, History};
pub use monitored::Monitored;
pub use pictures::Pictures;
pub use unit_history::UnitHistory;
use weight_history::WeightHistory;

/// Maximum number of log lines in memory.
pub(super) const LOG_LINES: usize = 500;

/// Maximum number of alerts that are marked.
const MOST_MARKS: usize = 1000;
/// The letter where training went on from a checkpoint.
pub const SEAM: char = 'R';
/// The letter where a branch left its parent.
pub const BRANCH: char = 'B';
/// The letter where a command has changed the training: learning rate, clipping, dropout or batch size.
pub const CHANGE: char = 'C';
/// The letter where a change was undone.
pub const UNDONE: char = 'U';
/// The mark of the end of the best epoch.
pub const BEST: char = '✓';
/// The letter where early stopping has ended the training.
pub const EARLY_STOPPING: char = 'E';

/// The number of a recurrent layer, and which half of it if it is bidirectional.
pub type RecurrentLayer = (usize, Option<Direction>);

/// The state of a run: the same events always give the same state.
#[derive(Debug, Clone, Default)]
pub struct RunState {
    info: Option<Box<RunInfo>>,
    status: Option<RunStatus>,
    latest: Option<StepMetrics>,
    saved: Option<Saved>,
    loss: Curves,
    accuracy: Curves,
    grad_norm: Curves,
    errors: Option<ForecastErrors>,
    monitored: Option<Monitored>,
    pictures: Pictures,
    gradients: BTreeMap<RecurrentLayer, GradientHistory>,
    weights: WeightHistory,
    /// The pictures of an earlier step, while one is looked at.
    earlier: Option<Box<Pictures>>,
    log: VecDeque<LogLine>,
    warning: Option<LogLine>,
    warnings: u64,
    marks: Vec<(XPosition, char)>,
    branched: Option<(PathBuf, u64)>,
    /// Whether it has changed since.
    has_left: bool,
    eta: Eta,
    /// Whether it is one of several trainings of the same preset.
    is_one_of_several: bool,
    /// Whether it is shown together with other runs.
    is_in_group: bool,
    history: History,
    backups: Backups,
    epoch_steps: EpochSteps,
}

/// The gradient norms per unrolled step of one recurrent layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Profiles {
    /// The first of the run, for comparison.
    pub first: GradientProfile,
    /// The latest.
    pub latest: GradientProfile,
}

impl RunState {
    /// The state before any event.
    pub fn new() -> Self {
        Self::default()
    }

    /// The state of one of several trainings of the same preset, before any event.
    pub fn one_of_several() -> Self {
        Self { is_one_of_several: true, is_in_group: true, ..Self::default() }
    }

    /// Whether it is one of several trainings of the same preset.
    pub fn is_one_of_several(&self) -> bool {
        self.is_one_of_several
    }

    /// The state of a run that is shown together with others, before any event.
    pub fn in_group() -> Self {
        Self { is_in_group: true, ..Self::default() }
    }

    /// Whether it is shown together with other runs.
    pub fn is_in_group(&self) -> bool {
        self.is_in_group
    }

    /// Folds one event into the state.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Prepared(info) => self.info = Some(info.clone()),
            Event::Status(status) => self.set_status(status),
            Event::Step(metrics) => self.step(metrics),
            Event::Validation(metrics) => self.between_epochs(metrics),
            Event::Epoch(metrics) => self.epoch(metrics),
            Event::Gradient(_) | Event::Instruments(_) | Event::Weights(_) | Event::Probe(_) => {
                self.pictures.apply(event);
                self.remember(event);
            }
            Event::Saved(saved) => {
                self.set_saved(saved);
                self.eta.busy();
            }
            Event::Sample(sample) => {
                let text = format!("step {}: {}{}", sample.step, sample.prime, sample.text);
                self.log_line(&LogLine { level: Level::Info, text });
                self.history.sampled(sample);
                self.eta.busy();
            }
            Event::Examples(examples) => self.history.validated(examples),
            Event::UnitResponse(response) => self.history.responded(response),
            Event::Neighbours(near) => self.history.found_neighbours(near),
            Event::Log(line) => self.log_line(line),
            // A line of the log says what it has changed.
            Event::Command(applied) => {
                if applied.request.command.changes_training() {
                    self.back_up(applied.step);
                }
                let changes_training = applied.request.command.changes_training();
                if changes_training && !matches!(applied.request.command, Command::SetPatience { .. }) {
                    self.mark(applied.step, applied.epoch, CHANGE);
                }
                self.info.iter_mut().for_each(|info| info.apply(&applied.request.command));
                self.epoch_steps.command(applied, self.info.as_deref());
            }
            Event::Resumed(resumed) => self.resumed(resumed),
            Event::Undone(undone) => self.undo(undone),
            Event::ProbeAdded(probe) => {
                if let Some(info) = &mut self.info {
                    info.probes.push(probe.clone());
                }
            }
            Event::Alert(alert) => self.mark(alert.step, alert.epoch, alert.kind.letter()),
        }
    }

    fn set_status(&mut self, status: &RunStatus) {
        // Only early stopping finishes a training before its last epoch.
        let last = self.latest.filter(|_| *status == RunStatus::Finished);
        let is_early = last.zip(self.info.as_deref()).filter(|(last, info)| last.epoch < info.epochs);
        if let Some((last, _)) = is_early {
            self.mark(last.step, last.epoch, EARLY_STOPPING);
        }
        self.status = Some(status.clone());
    }

    /// Adds a picture to the history of those before it.
    fn remember(&mut self, event: &Event) {
        match event {
            Event::Gradient(profile) => {
                self.gradients.entry((profile.layer, profile.direction)).or_default().add(profile);
            }
            Event::Weights(read) => self.weights.add(read),
            _ => {}
        }
    }

    fn set_saved(&mut self, saved: &Saved) {
        if saved.best {
            for (layer, history) in &mut self.gradients {
                if let Some(profiles) = self.pictures.gradients.get(layer) {
                    history.set_best(&profiles.latest);
                }
            }
        }
        self.saved = Some(saved.clone());
    }

    /// Marks that training went on from a checkpoint.
    fn resumed(&mut self, resumed: &Resumed) {
        let from = if resumed.parent.is_some() { "branched" } else { "resumed" };
        let changes = if resumed.changes.is_empty() {
            String::new()
        } else {
            format!(", with {}", resumed.changes.join(" "))
        };
        if !resumed.changes.is_empty() || resumed.parent.is_some() {
            // Training goes back to no other settings.
            self.backups = Backups::default();
        }
        let text = format!("{from} after step {}{changes}", resumed.step);
        self.log_line(&LogLine { level: Level::Info, text });
        // Without a checkpoint there, a branch trains the steps before its change again, and goes on with the change.
        let is_change = !resumed.changes.is_empty();
        let letter = match (&resumed.parent, &mut self.branched) {
            (Some(parent), branched) => {
                *branched = Some((parent.clone(), resumed.step));
                self.has_left = is_change;
                BRANCH
            }
            (None, Some((_, step))) if is_change && !self.has_left => {
                (*step, self.has_left) = (resumed.step, true);
                // The mark of the checkpoint before it: the steps between are those of the parent.
                self.marks.retain(|(_, letter)| *letter != BRANCH);
                BRANCH
            }
            _ => SEAM,
        };
        if resumed.step > 0 {
            self.mark(resumed.step, resumed.epoch, letter);
        }
    }

    /// The folder of the run that this one was branched from, and the last step that both have.
    pub fn branched(&self) -> Option<(&Path, u64)> {
        self.branched.as_ref().map(|(parent, step)| (parent.as_path(), *step))
    }

    /// Marks a step on the charts with a letter; a line of the log says what it means.
    fn mark(&mut self, step: u64, epoch: usize, letter: char) {
        let epoch = self.epochs_at(step, epoch);
        let seconds = self.latest.map_or(0.0, |latest| latest.seconds);
        let at = XPosition { step, epoch, seconds };
        // A mark a step of the chart is all that can be seen.
        if self.marks.len() < MOST_MARKS {
            self.marks.push((at, letter));
        }
    }

    /// The alerts and seams to be marked on the charts, each with its letter.
    pub fn marks(&self) -> &[(XPosition, char)] {
        &self.marks
    }

    fn step(&mut self, metrics: &StepMetrics) {
        let epoch = self.epochs_at(metrics.step, metrics.epoch);
        let seconds = if metrics.seconds.is_finite() { metrics.seconds } else { 0.0 };
        let position = XPosition { step: metrics.step, epoch, seconds };
        self.loss.train.push(position, metrics.loss);
        if let Some(accuracy) = metrics.accuracy {
            self.accuracy.train.push(position, accuracy);
        }
        self.grad_norm.train.push(position, metrics.grad_norm);
        self.eta.step(metrics);
        self.latest = Some(*metrics);
    }

    fn epoch(&mut self, metrics: &EpochMetrics) {
        if let Some(info) = &self.info {
            self.eta.epoch(metrics.seconds, self.epoch_steps.per_epoch(info));
        }
        self.epoch_steps.epoch(metrics.step, metrics.epoch);
        let at = (metrics.step, metrics.epoch as f64);
        let position = self.position(at);
        self.history.epoch(metrics);
        ForecastErrors::fold(&mut self.errors, &metrics.metrics, position);
        if let Some(monitor) = self.info.as_ref().and_then(|info| info.monitor.as_ref()) {
            Monitored::fold(&mut self.monitored, monitor, metrics, position);
        }
        self.validated(at, &metrics.metrics);
    }

    fn between_epochs(&mut self, metrics: &ValidationMetrics) {
        let epochs = self.epochs_at(metrics.step, metrics.epoch);
        self.validated((metrics.step, epochs), &metrics.metrics);
    }

    /// Epochs, with their fraction, after `step`, which belongs to the `epoch`-th.
    fn epochs_at(&self, step: u64, epoch: usize) -> f64 {
        let epochs = self.info.as_ref().and_then(|info| self.epoch_steps.epochs_at(step, info));
        epochs.unwrap_or(epoch as f64)
    }

    /// Adds a point to the curves of the validation data, at a step and a number of epochs.
    fn validated(&mut self, at: (u64, f64), metrics: &Metrics) {
        self.eta.busy();
        let position = self.position(at);
        if let Some(loss) = metrics.get("val_loss") {
            self.loss.validation.push(position, loss);
        }
        if let Some(accuracy) = metrics.get("val_accuracy") {
            self.accuracy.validation.push(position, accuracy);
        }
    }

    /// The position of a step and a number of epochs.
    fn position(&self, (step, epoch): (u64, f64)) -> XPosition {
        XPosition { step, epoch, seconds: self.latest.map_or(0.0, |latest| latest.seconds) }
    }

    fn log_line(&mut self, line: &LogLine) {
        if line.level != Level::Info {
            self.warning = Some(line.clone());
            self.warnings += 1;
        }
        self.log.push_back(line.clone());
        if self.log.len() > LOG_LINES {
            self.log.pop_front();
        }
    }

    /// What the trainer is doing, once known.
    pub fn status(&self) -> Option<&RunStatus> {
        self.status.as_ref()
    }

    /// The run's description, once it is prepared.
    pub fn info(&self) -> Option<&RunInfo> {
        self.info.as_deref()
    }

    /// The latest step's scalars.
    pub fn latest(&self) -> Option<&StepMetrics> {
        self.latest.as_ref()
    }

    /// The latest checkpoint.
    pub fn saved(&self) -> Option<&Saved> {
        self.saved.as_ref()
    }

    /// Loss over the run.
    pub fn loss(&self) -> &Curves {
        &self.loss
    }

    /// Accuracy over the run; empty where the task has no classes.
    pub fn accuracy(&self) -> &Curves {
        &self.accuracy
    }

    /// L2 norm of the whole gradient over the run.
    pub fn grad_norm(&self) -> &Curves {
        &self.grad_norm
    }

    /// Forecast errors in the units of the series, after its first epoch.
    pub fn forecast_errors(&self) -> Option<&ForecastErrors> {
        self.errors.as_ref()
    }

    /// The metric that decides which epoch is the best, after its first epoch.
    pub fn monitored(&self) -> Option<&Monitored> {
        self.monitored.as_ref()
    }

    /// The latest log lines, oldest first.
    pub fn log(&self) -> impl DoubleEndedIterator<Item = &LogLine> {
        self.log.iter()
    }

    /// The latest warning or error.
    pub fn warning(&self) -> Option<&LogLine> {
        self.warning.as_ref()
    }

    /// Number of warnings and errors so far.
    pub fn warnings(&self) -> u64 {
        self.warnings
    }

    /// Whether the run has ended.
    pub fn is_over(&self) -> bool {
        self.status.as_ref().is_some_and(RunStatus::is_over)
    }

    /// Number of steps of the whole run.
    pub fn total_steps(&self) -> Option<u64> {
        let info = self.info.as_ref()?;
        Some(self.epoch_steps.total(info)).filter(|total| *total > 0)
    }

    /// The number of sequences of a batch, with the change that a command has made for the next epoch.
    pub fn batch_size(&self) -> Option<usize> {
        self.epoch_steps.batch_size.or(self.info.as_ref().map(|info| info.batch_size))
    }

    /// Estimated seconds until the last epoch ends, pauses excluded.
    pub fn remaining(&self) -> Option<f64> {
        self.eta.remaining(self.total_steps()?)
    }

    /// The recurrent layers and directions of the model.
    pub fn recurrent_layers(&self) -> impl Iterator<Item = RecurrentLayer> {
        self.info.iter().flat_map(|info| info.model.recurrent())
    }

    /// The layers whose activations are shown: the recurrent ones and directions, or else the convolutions.
    pub fn shown_layers(&self) -> impl Iterator<Item = RecurrentLayer> {
        let is_recurrent = self.recurrent_layers().next().is_some();
        let layers = self.info.iter().flat_map(|info| info.model.layers.iter().enumerate());
        let convolutions = layers.filter(move |(_, row)| !is_recurrent && row.class == "Conv1D");
        self.recurrent_layers().chain(convolutions.map(|(layer, _)| (layer, None)))
    }

    /// The gradient through time of a recurrent layer over training.
    pub fn gradient_history(&self, layer: RecurrentLayer) -> Option<&GradientHistory> {
        self.gradients.get(&layer)
    }

    /// The distributions of the weights over training, the latest last.
    pub fn weight_history(&self) -> &[Arc<WeightDistributions>] {
        self.weights.rows()
    }

    /// The norm of the whole gradient after clipping at a monitored step, if it is clipped.
    pub fn clipped_norm(&self) -> Option<f64> {
        self.pictures().clipped_norm
    }

    /// Shows the pictures of an earlier step instead of the latest; with `None` the latest again.
    pub fn look_back(&mut self, earlier: Option<Pictures>) {
        self.earlier = earlier.map(|mut earlier| {
            earlier.compare_with_first_of(&self.pictures);
            Box::new(earlier)
        });
    }

    /// The step of the pictures, where it is an earlier one.
    pub fn looks_back_to(&self) -> Option<u64> {
        self.earlier.as_ref()?.step()
    }

    /// The pictures to be shown.
    fn pictures(&self) -> &Pictures {
        self.earlier.as_deref().unwrap_or(&self.pictures)
    }

    /// The gradient profiles of a recurrent layer.
    pub fn profiles(&self, layer: RecurrentLayer) -> Option<&Profiles> {
        self.pictures().gradients.get(&layer)
    }

    /// Saturation and spectral radii of a recurrent layer; of large layers the radii measured last.
    pub fn health(&self, layer: RecurrentLayer) -> Option<&LayerHealth> {
        self.pictures().health.get(&layer)
    }

    /// The norms of all weight tensors at a monitored step.
    pub fn param_norms(&self) -> &[ParamNorms] {
        &self.pictures().params
    }

    /// Samples, confusion matrices and examples of validations so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What each token of a probe contributes to its prediction, and the step after which it was measured.
    pub fn influence(&self, probe: usize) -> Option<(u64, &TokenInfluence)> {
        self.pictures().influences.get(&probe).map(|(step, influence)| (*step, influence))
    }

    /// The scale of the heat maps of a quantity of a layer, the same for all probes.
    pub fn heat_scale(&self, layer: RecurrentLayer, quantity: &str) -> f32 {
        let scales = self.pictures().scales.get(&layer);
        scales.and_then(|scales| scales.get(quantity)).map_or(1.0, HeatScale::value)
    }

    /// A frame of a probe.
    pub fn probe(&self, index: usize) -> Option<&ProbeFrame> {
        self.pictures().probes.get(&index)
    }
}
