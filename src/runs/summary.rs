use std::path::Path;
use std::sync::Arc;

use super::progress::{Monitored, Progress};
use super::settings::Settings;
use crate::durable;
use crate::metrics::{Metrics, Task, VALIDATION};
use crate::number;
use crate::preset;
use crate::protocol::RunStatus;
use crate::run::owner::Owner;
use crate::run::{Outline, RunState};

/// The maximum number of settings of a run that are listed.
const MAX_SETTINGS: usize = 1000;
/// The maximum length of a `spec.yaml`, as of a preset.
const MAX_SPEC: u64 = 4 << 20;

/// Values by name, in order.
pub type Values = Vec<(Arc<str>, f64)>;

/// The evaluation of a run that was best by the monitored metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Best {
    /// Of the monitored metric.
    pub value: f64,
    /// The number of updates before it.
    pub step: u64,
    /// From 1.
    pub epoch: u64,
    /// All metrics of this evaluation.
    pub metrics: Values,
}

/// A run in short: what its files say, without its notes and whether it is live.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// When it was started as `owner.json` says, in nanoseconds since 1970; 0 if that is unknown.
    pub started: u64,
    /// What its recording ends with; `None` if nothing ends it.
    pub ended: Option<RunState>,
    /// Whether the recording was read to its end, so that `ended` is known.
    pub is_complete: bool,
    /// The message of the end: why it diverged or failed.
    pub reason: Arc<str>,
    /// Why files cannot be read; empty if all can.
    pub damage: Arc<str>,
    /// The preset's name.
    pub preset: Arc<str>,
    /// `binary`, `language`, …; empty if unknown.
    pub task: Arc<str>,
    /// Keras's names of the layers: `Embedding, Bidirectional(LSTM), Dense`.
    pub layers: Arc<str>,
    /// The number of parameters.
    pub params: u64,
    /// Optimizer steps made.
    pub steps: u64,
    /// Epochs that have ended.
    pub epochs: u64,
    /// Epochs to train.
    pub planned: u64,
    /// Seconds of training, without pauses.
    pub seconds: f64,
    /// The metric by which the best evaluation is chosen.
    pub monitor: Arc<str>,
    /// Whether more of it is better.
    pub higher_is_better: bool,
    /// The best evaluation.
    pub best: Option<Best>,
    /// The metrics of the last epoch.
    pub last: Values,
    /// The settings.
    pub settings: Settings,
}

impl Summary {
    /// Reads the run in the folder `run`, the whole recording of an unfinished one only if `all`. What cannot be read is its
    /// [`damage`](Self::damage).
    pub fn read(run: &Path, all: bool) -> Self {
        let started = Owner::read(run).and_then(|owner| owner.created()).unwrap_or(0);
        let mut summary = Self { started, ..Self::default() };
        let mut damage = Vec::new();
        match read_spec(run) {
            Ok(settings) => {
                summary.layers = layers(&settings).into();
                let shared = |(key, value): (String, String)| (key.into(), value.into());
                summary.settings = settings.into_iter().take(MAX_SETTINGS).map(shared).collect();
            }
            Err(error) => damage.push(error),
        }
        summary.preset = summary.setting("name").unwrap_or_default().into();
        summary.planned = summary.setting("train.epochs").and_then(|n| n.parse().ok()).unwrap_or(0);
        let monitor = summary.setting("train.early_stopping.monitor").map(str::to_owned);
        let higher_is_better = match summary.setting("train.early_stopping.mode") {
            Some("max") => Some(true),
            Some("min") => Some(false),
            _ => None,
        };
        match Outline::read(run, all) {
            Ok(outline) => summary.take_outline(&outline),
            Err(error) => {
                summary.is_complete = all;
                damage.push(crate::error::chain(&error));
            }
        }
        let path = run.join("metrics.jsonl");
        let seconds = summary.seconds;
        match Progress::read(&path, Monitored { metric: monitor.as_deref(), higher_is_better }) {
            Ok(progress) => {
                damage.extend(summary.cut(&progress));
                summary.take_progress(progress);
            }
            Err(error) => damage.push(format!("cannot read {}: {error}", path.display())),
        }
        if seconds > 0.0 {
            summary.seconds = seconds;
        }
        summary.damage = damage.join("; ").into();
        summary
    }

    fn take_outline(&mut self, outline: &Outline) {
        self.ended = outline.status.as_ref().and_then(RunState::of_status);
        self.is_complete = outline.is_complete;
        if let Some(RunStatus::Diverged { what } | RunStatus::Failed { what }) = &outline.status {
            self.reason = what.as_str().into();
        }
        if let Some(info) = &outline.info {
            self.params = info.model.params() as u64;
            self.task = task_name(info.task).into();
        }
        if let Some(latest) = &outline.latest {
            self.steps = latest.step;
            self.seconds = if latest.seconds.is_finite() { latest.seconds } else { 0.0 };
        }
    }

    /// Says that `metrics.jsonl` of a run that has ended is cut short, if it is: it ends within a line, or before the last step of the
    /// recording, and no line of kind `gap` says so.
    fn cut(&self, progress: &Progress) -> Option<String> {
        let has_gap = progress.recorded.last().is_some_and(|recorded| recorded.kind == "gap");
        let is_over = self.is_complete && self.ended.is_some_and(|state| state != RunState::Live);
        if !is_over || has_gap {
            return None;
        }
        let (last, steps) = (number::count(progress.steps), number::count(self.steps));
        match (progress.steps < self.steps, progress.is_torn) {
            (true, _) => Some(format!("metrics.jsonl is cut short: it ends at step {last} of {steps}")),
            (false, true) => Some("metrics.jsonl is cut short: its last line is not whole".to_owned()),
            (false, false) => None,
        }
    }

    fn take_progress(&mut self, progress: Progress) {
        self.steps = self.steps.max(progress.steps);
        self.epochs = progress.epochs as u64;
        self.seconds = progress.seconds;
        self.monitor = progress.monitor.into();
        self.higher_is_better = progress.higher_is_better;
        self.last = values(&progress.last);
        self.best = progress.best.map(|best| Best {
            value: best.value,
            step: best.step,
            epoch: best.epoch as u64,
            metrics: values(&best.metrics),
        });
    }

    /// The setting at `path`, as it was written.
    pub fn setting(&self, path: &str) -> Option<&str> {
        self.settings.get(path).map(|value| &**value)
    }

    /// The metric `name` of the best evaluation; of the training data that of its epoch, if it is an epoch's.
    pub fn metric(&self, name: &str) -> Option<f64> {
        find(&self.best.as_ref()?.metrics, name)
    }

    /// The metric `name` of the last epoch.
    pub fn last_metric(&self, name: &str) -> Option<f64> {
        find(&self.last, name)
    }

    /// The main metric of the task besides its loss, without `val_`: `accuracy`, `perplexity`, `rmse`.
    pub fn main_metric(&self) -> Option<&'static str> {
        let has = |name: &&&str| {
            let named =
                |(known, _): &(Arc<str>, f64)| known.strip_prefix(VALIDATION).unwrap_or(known) == **name;
            self.last.iter().any(named)
        };
        ["perplexity", "entity_f1", "accuracy", "rmse", "mae"].iter().find(has).copied()
    }
}

fn find(values: &Values, name: &str) -> Option<f64> {
    values.iter().find(|(known, _)| **known == *name).map(|(_, value)| *value)
}

fn values(metrics: &Metrics) -> Values {
    metrics.iter().map(|(name, value)| (name.into(), value)).collect()
}

fn read_spec(run: &Path) -> Result<preset::Settings, String> {
    let path = run.join("spec.yaml");
    let failed = |error: &dyn std::fmt::Display| format!("cannot read {}: {error}", path.display());
    let length = path.metadata().map_err(|error| failed(&error))?.len();
    if length > MAX_SPEC {
        return Err(failed(&"it has more than 4 MiB"));
    }
    let bytes = durable::read_regular(&path).map_err(|error| failed(&error))?;
    let text = String::from_utf8(bytes).map_err(|_| failed(&"it is not UTF-8"))?;
    preset::settings(&path.to_string_lossy(), &text).map_err(|error| error.to_string())
}

/// The names of the layers, with what wraps them.
fn layers(settings: &preset::Settings) -> String {
    let class = |path: &str| settings.iter().find(|(key, _)| key == path).map(|(_, value)| value.as_str());
    let mut layers = Vec::new();
    while let Some(name) = class(&format!("model.{}.layer", layers.len())) {
        layers.push(match class(&format!("model.{}.of.layer", layers.len())) {
            Some(inner) => format!("{name}({inner})"),
            None => name.to_owned(),
        });
    }
    layers.join(", ")
}

fn task_name(task: Task) -> &'static str {
    match task {
        Task::Binary => "binary",
        Task::Classes => "classes",
        Task::Labels => "labels",
        Task::Tags => "tags",
        Task::Language => "language",
        Task::Regression => "regression",
        Task::Forecast => "forecast",
    }
}
