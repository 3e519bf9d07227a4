//! What the dashboard knows: a pure fold of events, and what a person has chosen to look at.

pub mod axis;
mod choice;
mod errors;
mod pace;
pub mod series;
pub mod smoothing;

use std::collections::{BTreeMap, VecDeque};

use crate::metrics::Metrics;
use crate::protocol::{
    Activations, Direction, EpochMetrics, Event, GradientProfile, Instruments, LayerHealth, Level, LogLine,
    ParamNorms, ProbeFrame, RunInfo, RunStatus, Saved, StepMetrics, ValidationMetrics,
};
use axis::Place;
pub use choice::{Choice, Norm, Panel};
pub use errors::ForecastErrors;
use pace::Pace;
use series::Series;

/// Log lines that are kept.
const LOG_LINES: usize = 500;

/// A recurrent layer, and which half of it if it reads in both directions.
pub type Recurrent = (usize, Option<Direction>);

/// The state of the dashboard: the same events and actions always give the same screen.
#[derive(Debug, Default)]
pub struct Dashboard {
    info: Option<Box<RunInfo>>,
    status: Option<RunStatus>,
    latest: Option<StepMetrics>,
    saved: Option<Saved>,
    loss: Curves,
    accuracy: Curves,
    grad_norm: Curves,
    errors: Option<ForecastErrors>,
    gradients: BTreeMap<Recurrent, Profiles>,
    health: BTreeMap<Recurrent, LayerHealth>,
    params: Vec<ParamNorms>,
    probes: BTreeMap<usize, ProbeFrame>,
    log: VecDeque<LogLine>,
    warning: Option<LogLine>,
    pace: Pace,
    choice: Choice,
    above_menu: bool,
}

/// One metric on training and on validation data.
#[derive(Debug, Default)]
pub struct Curves {
    /// A point a step.
    pub train: Series,
    /// A point an epoch, and where validation is made between epochs one each time.
    pub validation: Series,
}

/// The gradient norms per unrolled step of one recurrent layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Profiles {
    /// The run's first, to compare with.
    pub first: GradientProfile,
    /// The latest.
    pub latest: GradientProfile,
}

impl Dashboard {
    /// Before any event.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same over a menu to go back to.
    pub fn above_a_menu(self) -> Self {
        Self { above_menu: true, ..self }
    }

    /// Takes in what the trainer tells.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Prepared(info) => self.info = Some(info.clone()),
            Event::Status(status) => self.status = Some(status.clone()),
            Event::Step(metrics) => self.step(metrics),
            Event::Validation(metrics) => self.between_epochs(metrics),
            Event::Epoch(metrics) => self.epoch(metrics),
            Event::Gradient(profile) => self.gradient(profile),
            Event::Instruments(read) => self.instruments(read),
            Event::Probe(frame) => {
                self.probes.insert(frame.probe, (**frame).clone());
            }
            Event::Saved(saved) => self.saved = Some(saved.clone()),
            Event::Sample(sample) => {
                let text = format!("step {}: {}{}", sample.step, sample.prime, sample.text);
                self.line(&LogLine { level: Level::Info, text });
            }
            Event::Log(line) => self.line(line),
        }
    }

    fn step(&mut self, metrics: &StepMetrics) {
        let epoch = self.epochs_at(metrics.step, metrics.epoch);
        let seconds = if metrics.seconds.is_finite() { metrics.seconds } else { 0.0 };
        let place = Place { step: metrics.step, epoch, seconds };
        self.loss.train.push(place, metrics.loss);
        if let Some(accuracy) = metrics.accuracy {
            self.accuracy.train.push(place, accuracy);
        }
        self.grad_norm.train.push(place, metrics.grad_norm);
        self.pace.step(metrics);
        self.latest = Some(*metrics);
    }

    fn epoch(&mut self, metrics: &EpochMetrics) {
        if let Some(info) = &self.info {
            self.pace.epoch(metrics.seconds, info.steps_per_epoch);
        }
        let at = (metrics.step, metrics.epoch as f64);
        let place = self.place(at);
        ForecastErrors::fold(&mut self.errors, &metrics.metrics, place);
        self.validated(at, &metrics.metrics);
    }

    fn between_epochs(&mut self, metrics: &ValidationMetrics) {
        let epochs = self.epochs_at(metrics.step, metrics.epoch);
        self.validated((metrics.step, epochs), &metrics.metrics);
    }

    /// Epochs gone after `step`, which is one of the `epoch`-th.
    fn epochs_at(&self, step: u64, epoch: usize) -> f64 {
        match &self.info {
            Some(info) if info.steps_per_epoch > 0 => step as f64 / info.steps_per_epoch as f64,
            _ => epoch as f64,
        }
    }

    /// A point after a step, so many epochs gone, on the curves of the validation data.
    fn validated(&mut self, at: (u64, f64), metrics: &Metrics) {
        let place = self.place(at);
        if let Some(loss) = metrics.get("val_loss") {
            self.loss.validation.push(place, loss);
        }
        if let Some(accuracy) = metrics.get("val_accuracy") {
            self.accuracy.validation.push(place, accuracy);
        }
    }

    /// After a step, so many epochs gone.
    fn place(&self, (step, epoch): (u64, f64)) -> Place {
        Place { step, epoch, seconds: self.latest.map_or(0.0, |latest| latest.seconds) }
    }

    fn gradient(&mut self, profile: &GradientProfile) {
        self.gradients
            .entry((profile.layer, profile.direction))
            .and_modify(|profiles| profiles.latest.clone_from(profile))
            .or_insert_with(|| Profiles { first: profile.clone(), latest: profile.clone() });
    }

    fn instruments(&mut self, read: &Instruments) {
        for health in &read.layers {
            let mut health = health.clone();
            let layer = (health.layer, health.direction);
            if let Some(earlier) = self.health.get(&layer) {
                health.keep_radii(earlier);
            }
            self.health.insert(layer, health);
        }
        self.params.clone_from(&read.params);
    }

    fn line(&mut self, line: &LogLine) {
        if line.level != Level::Info {
            self.warning = Some(line.clone());
        }
        self.log.push_back(line.clone());
        if self.log.len() > LOG_LINES {
            self.log.pop_front();
        }
    }

    /// What the trainer is doing, once it has said so.
    pub fn status(&self) -> Option<&RunStatus> {
        self.status.as_ref()
    }

    /// What holds for the whole run, once it is prepared.
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

    /// Errors of forecasts in the units of the series, once an epoch has told of them.
    pub fn errors(&self) -> Option<&ForecastErrors> {
        self.errors.as_ref()
    }

    /// The log, oldest line first, bounded.
    pub fn log(&self) -> impl DoubleEndedIterator<Item = &LogLine> {
        self.log.iter()
    }

    /// The latest warning or error, until it is dismissed.
    pub fn warning(&self) -> Option<&LogLine> {
        self.warning.as_ref()
    }

    /// What is looked at.
    pub fn choice(&self) -> &Choice {
        &self.choice
    }

    /// Whether there is a menu to go back to.
    pub fn above_menu(&self) -> bool {
        self.above_menu
    }

    /// Steps that the whole run will have made.
    pub fn total_steps(&self) -> Option<u64> {
        let info = self.info.as_ref()?;
        Some((info.epochs as u64).saturating_mul(info.steps_per_epoch as u64)).filter(|total| *total > 0)
    }

    /// Seconds until the last epoch ends, pauses not counted.
    pub fn remaining(&self) -> Option<f64> {
        self.pace.remaining(self.total_steps()?)
    }

    /// The recurrent layer that is looked at.
    pub fn recurrent(&self) -> Option<Recurrent> {
        self.info.as_ref()?.model.recurrent().nth(self.choice.layer)
    }

    /// The gradient profiles of the layer that is looked at.
    pub fn profiles(&self) -> Option<&Profiles> {
        self.gradients.get(&self.recurrent()?)
    }

    /// Saturation and spectral radii of the layer that is looked at; of large layers the latest radii that were measured.
    pub fn health(&self) -> Option<&LayerHealth> {
        self.health.get(&self.recurrent()?)
    }

    /// The norms of all weight tensors on the latest watched step.
    pub fn param_norms(&self) -> &[ParamNorms] {
        &self.params
    }

    /// The latest frame of the probe that is looked at.
    pub fn probe(&self) -> Option<&ProbeFrame> {
        self.probes.get(&self.choice.probe)
    }

    /// What the layer that is looked at holds during that probe: the chosen quantity, or its hidden state if it has no such
    /// quantity.
    pub fn activations(&self) -> Option<&Activations> {
        self.quantities().find(|a| a.quantity == self.choice.quantity).or_else(|| self.quantities().next())
    }

    /// All quantities of that layer, the hidden state first.
    fn quantities(&self) -> impl Iterator<Item = &Activations> {
        let (layer, frame) = (self.recurrent(), self.probe());
        let held = frame.map_or(&[][..], |frame| &frame.activations);
        held.iter().filter(move |a| Some((a.layer, a.direction)) == layer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{LayerRow, ModelTable, QuantityHealth};
    use crate::ui::keymap::Action;

    fn info() -> RunInfo {
        let directions = vec![Some(Direction::Forward), Some(Direction::Backward)];
        let layers = vec![LayerRow::default(), LayerRow { directions, ..LayerRow::default() }];
        RunInfo {
            name: "story".into(),
            title: String::new(),
            about: String::new(),
            folder: "runs/story".into(),
            model: ModelTable { layers },
            data: Default::default(),
            probes: Vec::new(),
            epochs: 4,
            steps_per_epoch: 100,
            batch_size: 32,
            watch_every: 10,
            task: crate::metrics::Task::Binary,
            loss: "binary_crossentropy".into(),
            optimizer: "Adam".into(),
            seed: 1,
            threads: 1,
        }
    }

    fn step(step: u64) -> Event {
        Event::Step(StepMetrics {
            step,
            epoch: 1 + (step as usize - 1) / 100,
            loss: 1.0 / step as f64,
            accuracy: None,
            learning_rate: 0.001,
            grad_norm: 1.0,
            sequences_per_s: 640.0,
            seconds: step as f64 * 0.05,
        })
    }

    fn profile(direction: Direction, step: u64) -> Event {
        let direction = Some(direction);
        Event::Gradient(GradientProfile {
            step,
            layer: 1,
            direction,
            hnorm: vec![1.0],
            kernel_norm: vec![0.0],
            half_life: None,
        })
    }

    fn health(step: u64, spectral_radius: Option<f32>) -> Event {
        let h = QuantityHealth { quantity: "h".into(), left: 0.1, right: 0.2, dead: 0.0, spectral_radius };
        let direction = Some(Direction::Forward);
        let layer = LayerHealth { layer: 1, direction, proposal: "h".into(), quantities: vec![h] };
        Event::Instruments(Box::new(Instruments { step, layers: vec![layer], params: Vec::new() }))
    }

    fn probe(quantities: &[&str]) -> Event {
        let held = |direction, quantity: &&str| {
            let quantity = (*quantity).to_owned();
            Activations { layer: 1, direction: Some(direction), quantity, units: 1, values: vec![0.5] }
        };
        let both = [Direction::Forward, Direction::Backward];
        let activations = both.into_iter().flat_map(|d| quantities.iter().map(move |q| held(d, q))).collect();
        Event::Probe(Box::new(ProbeFrame { step: 1, probe: 0, prediction: Vec::new(), activations }))
    }

    #[test]
    fn quantities_go_round_and_stay_when_the_layer_changes() {
        let mut dash = Dashboard::new();
        assert!(!dash.act(Action::Quantity), "nothing to show yet");
        dash.apply(&Event::Prepared(Box::new(info())));
        dash.apply(&probe(&["h", "c", "i", "f"]));
        let shown = |dash: &Dashboard| dash.activations().map(|a| (a.quantity.clone(), a.direction));
        let mut seen = vec![shown(&dash)];
        for _ in 0..4 {
            assert!(dash.act(Action::Quantity));
            seen.push(shown(&dash));
        }
        let forward = |q: &str| Some((q.to_owned(), Some(Direction::Forward)));
        assert_eq!(seen, ["h", "c", "i", "f", "h"].map(forward));
        dash.act(Action::Quantity);
        dash.act(Action::NextLayer);
        assert_eq!(shown(&dash), Some(("c".into(), Some(Direction::Backward))));
        dash.apply(&probe(&["h"]));
        assert_eq!(shown(&dash).map(|(quantity, _)| quantity).as_deref(), Some("h"), "it has no cell state");
        assert!(!dash.act(Action::Quantity), "there is but one");
        assert!(dash.act(Action::Focus(3)) && dash.act(Action::Quantity));
        assert_eq!(dash.choice().norm, Norm::RecurrentKernel);
        assert!(dash.act(Action::Quantity));
        assert_eq!(dash.choice().norm, Norm::State);
    }

    #[test]
    fn a_spectral_radius_stays_until_the_next_is_measured() {
        let mut dash = Dashboard::new();
        dash.apply(&Event::Prepared(Box::new(info())));
        for (step, measured, shown) in [(1, Some(1.0), 1.0), (11, None, 1.0), (21, Some(1.5), 1.5)] {
            dash.apply(&health(step, measured));
            assert_eq!(dash.health().and_then(LayerHealth::spectral_radius), Some(shown));
        }
    }

    #[test]
    fn a_run_is_prepared_trains_pauses_and_ends() {
        let mut dash = Dashboard::new();
        assert!(dash.status().is_none() && dash.info().is_none());
        dash.apply(&Event::Status(RunStatus::Preparing { what: "reading".into() }));
        dash.apply(&Event::Prepared(Box::new(info())));
        dash.apply(&Event::Status(RunStatus::Training));
        (1..=100).for_each(|s| dash.apply(&step(s)));
        assert_eq!(dash.latest().map(|latest| latest.step), Some(100));
        assert!(dash.accuracy().train.is_empty(), "a task without classes has no accuracy");
        assert!((dash.remaining().unwrap() - 15.0).abs() < 1e-9, "300 steps at 50 ms");
        dash.apply(&Event::Status(RunStatus::Paused));
        assert!((dash.remaining().unwrap() - 15.0).abs() < 1e-9);
        dash.apply(&Event::Status(RunStatus::Finished));
        assert!(dash.status().is_some_and(RunStatus::is_over));
    }

    #[test]
    fn validation_lies_at_the_end_of_its_epoch_on_every_axis() {
        let mut dash = Dashboard::new();
        dash.apply(&Event::Prepared(Box::new(info())));
        (1..=100).for_each(|s| dash.apply(&step(s)));
        dash.apply(&Event::Epoch(Box::new(EpochMetrics {
            epoch: 1,
            step: 100,
            metrics: [("loss", 0.5), ("val_loss", 0.4)].into(),
            confusion: None,
            seconds: 6.0,
        })));
        let (at, summary) = dash.loss().validation.nearest(1).unwrap();
        assert_eq!((at.step, at.epoch, at.seconds, summary.mean()), (100, 1.0, 5.0, 0.4));
        assert_eq!(dash.loss().train.nearest(50).unwrap().0.epoch, 0.5);
        assert!(
            (dash.remaining().unwrap() - 18.0).abs() < 1e-9,
            "validation takes its time in the epochs to come"
        );
    }

    #[test]
    fn validation_between_epochs_lies_at_its_step() {
        let mut dash = Dashboard::new();
        dash.apply(&Event::Prepared(Box::new(info())));
        (1..=150).for_each(|s| dash.apply(&step(s)));
        let metrics = [("val_loss", 0.4), ("val_accuracy", 0.75)].into();
        dash.apply(&Event::Validation(ValidationMetrics { step: 150, epoch: 2, metrics, seconds: 1.0 }));
        let (at, summary) = dash.loss().validation.nearest(1).unwrap();
        assert_eq!((at.step, at.epoch, at.seconds, summary.mean()), (150, 1.5, 7.5, 0.4));
        assert_eq!(dash.accuracy().validation.nearest(1).map(|(_, s)| s.mean()), Some(0.75));
    }

    #[test]
    fn the_first_profile_stays_for_comparison_and_directions_are_apart() {
        let mut dash = Dashboard::new();
        dash.apply(&Event::Prepared(Box::new(info())));
        (1..=3).for_each(|s| dash.apply(&profile(Direction::Forward, s)));
        dash.apply(&profile(Direction::Backward, 9));
        let profiles = dash.profiles().unwrap();
        assert_eq!((profiles.first.step, profiles.latest.step), (1, 3));
        assert!(dash.act(Action::NextLayer));
        assert_eq!(dash.profiles().unwrap().latest.step, 9);
    }

    #[test]
    fn the_log_is_bounded_and_a_warning_stays_until_dismissed() {
        let mut dash = Dashboard::new();
        let line = |level, text: String| Event::Log(LogLine { level, text });
        dash.apply(&line(Level::Warning, "disk is slow".into()));
        (0..2 * LOG_LINES).for_each(|i| dash.apply(&line(Level::Info, i.to_string())));
        assert_eq!(dash.log().count(), LOG_LINES);
        assert_eq!(dash.log().next_back().map(|l| l.text.as_str()), Some("999"));
        assert_eq!(dash.warning().map(|l| l.text.as_str()), Some("disk is slow"));
        assert!(dash.act(Action::Back));
        assert!(dash.warning().is_none());
        assert!(!dash.act(Action::Back), "nothing is left to leave");
    }
}
