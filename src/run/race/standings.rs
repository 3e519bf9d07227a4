//! The standings of a race: the fold of its events.

use crate::metrics::{Metrics, VALIDATION, higher_is_better};
use crate::protocol::{Event, RaceEvent, RunStatus};
use crate::run::gradient_reach::GradientReach;
use crate::sort::SmallSort as _;

/// Metrics that a task is judged by, the first that it has.
const JUDGED: [&str; 6] = ["perplexity", "entity_f1", "accuracy", "rmse", "mae", "loss"];

/// A metric by which networks are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedMetric {
    /// Its name.
    pub name: String,
    /// Whether more of it is better.
    pub higher_is_better: bool,
}

impl JudgedMetric {
    /// The main metric of the validation data, or without any of the training data.
    fn of(metrics: &Metrics) -> Option<Self> {
        let names =
            [VALIDATION, ""].into_iter().flat_map(|prefix| JUDGED.map(|name| format!("{prefix}{name}")));
        let name = names.into_iter().find(|name| metrics.get(name).is_some())?;
        Some(Self { higher_is_better: higher_is_better(&name), name })
    }
}

/// A network in a race.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// The number of parameters; 0 before it is prepared.
    pub params: usize,
    /// Epochs that have ended with the current seed, and those to train.
    pub epochs: (usize, usize),
    /// Steps made with the current seed, and those to make.
    pub steps: (u64, u64),
    /// The status of its training with the current seed.
    pub status: Option<RunStatus>,
    /// The judged metric of the best evaluation with the current seed.
    pub value: Option<f64>,
    /// What it has used with the current seed: tokens, or time steps, and seconds.
    pub usage: (u64, f64),
    /// The judged metric with each seed that has ended; `None` if its training diverged or failed.
    pub values: Vec<Option<f64>>,
    /// What it used with all seeds that have ended.
    pub total: (u64, f64),
    /// How far back its gradient has reached with any seed.
    pub reach: GradientReach,
    /// The monitored metric by which its best evaluation is chosen, and its best value.
    monitor: Option<JudgedMetric>,
    best: Option<f64>,
}

impl Standing {
    /// Whether its training with the current seed has ended.
    pub fn is_over(&self) -> bool {
        self.status.as_ref().is_some_and(RunStatus::is_over)
    }

    /// The values with the seeds that have ended, and that of the current one.
    pub fn all_values(&self) -> impl Iterator<Item = f64> {
        let current = self.value.filter(|_| !self.is_over());
        self.values.iter().copied().flatten().chain(current)
    }

    /// The mean of all values.
    pub fn mean(&self) -> Option<f64> {
        let (count, sum) = self.all_values().fold((0, 0.0), |(count, sum), value| (count + 1, sum + value));
        (count > 0).then(|| sum / f64::from(count))
    }

    fn evaluated(&mut self, metrics: &Metrics, judged: &JudgedMetric) {
        let default = if metrics.get("val_loss").is_some() { "val_loss" } else { "loss" };
        let by =
            self.monitor.clone().unwrap_or(JudgedMetric { name: default.into(), higher_is_better: false });
        let Some(value) = metrics.get(&by.name).filter(|value| !value.is_nan()) else { return };
        let improves = |best: f64| if by.higher_is_better { value > best } else { value < best };
        if self.best.is_none_or(improves) {
            self.best = Some(value);
            self.value = metrics.get(&judged.name);
        }
    }
}

/// The standings of a race.
#[derive(Debug, Clone, PartialEq)]
pub struct Standings {
    /// The name of the race.
    pub name: String,
    /// The seeds in their order.
    pub seeds: Vec<u64>,
    /// How many seeds have begun.
    pub begun: usize,
    /// The networks in the order in which they were named.
    pub networks: Vec<Standing>,
    /// The metric by which they are compared; `None` before the first evaluation.
    pub judged: Option<JudgedMetric>,
    /// The network that made the latest step.
    pub current: Option<usize>,
    /// Lines on what the folder contained before.
    pub notes: Vec<String>,
    /// Whether all trainings are paused.
    pub is_paused: bool,
    /// Whether the race is ended before its end.
    pub is_stopping: bool,
}

impl Standings {
    /// The standings before the start. `networks` are names and monitored metrics; if all monitor the same, it is judged.
    pub fn new(name: String, seeds: Vec<u64>, networks: Vec<(String, Option<JudgedMetric>)>) -> Self {
        let first = networks.first().and_then(|(_, monitor)| monitor.clone());
        let judged = first.filter(|_| networks.windows(2).all(|pair| pair[0].1 == pair[1].1));
        let judged = judged.filter(|judged| !judged.name.ends_with("loss"));
        let networks =
            networks.into_iter().map(|(name, monitor)| Standing { name, monitor, ..Standing::default() });
        Self {
            name,
            seeds,
            begun: 0,
            networks: networks.collect(),
            judged,
            current: None,
            notes: Vec::new(),
            is_paused: false,
            is_stopping: false,
        }
    }

    /// The standings after the first `seeds` seeds, without the one that is being trained with.
    pub fn after(&self, seeds: usize) -> Self {
        let mut standings = self.clone();
        for network in &mut standings.networks {
            network.values.truncate(seeds);
            network.value = None;
        }
        standings
    }

    /// Folds an event.
    pub fn apply(&mut self, event: &RaceEvent) {
        match event {
            RaceEvent::Seed(_) => {
                self.begun += 1;
                for network in &mut self.networks {
                    let Standing { name, params, values, total, reach, monitor, .. } =
                        std::mem::take(network);
                    *network =
                        Standing { name, params, values, total, reach, monitor, ..Standing::default() };
                }
            }
            RaceEvent::Training { network, event } => self.trained(*network, event),
            RaceEvent::Usage(usage) => {
                for (network, usage) in self.networks.iter_mut().zip(usage) {
                    let (tokens, seconds) = std::mem::replace(&mut network.usage, *usage);
                    network.total.0 += usage.0.saturating_sub(tokens);
                    network.total.1 += usage.1 - seconds;
                }
            }
            RaceEvent::Note(note) => self.notes.push(note.clone()),
            RaceEvent::Paused(is_paused) => self.is_paused = *is_paused,
            RaceEvent::Stopping => self.is_stopping = true,
        }
    }

    fn trained(&mut self, number: usize, event: &Event) {
        let Some(network) = self.networks.get_mut(number) else { return };
        network.reach.apply(event);
        match event {
            Event::Prepared(info) => {
                network.params = info.model.params();
                network.epochs.1 = info.epochs;
                network.steps.1 = (info.epochs * info.steps_per_epoch) as u64;
            }
            Event::Step(step) => {
                network.steps.0 = step.step;
                self.current = Some(number);
            }
            Event::Validation(_) | Event::Epoch(_) => {
                let metrics = match event {
                    Event::Epoch(epoch) => {
                        network.epochs.0 = epoch.epoch;
                        &epoch.metrics
                    }
                    Event::Validation(validation) => &validation.metrics,
                    _ => return,
                };
                if self.judged.is_none() {
                    self.judged = JudgedMetric::of(metrics);
                }
                if let Some(judged) = &self.judged {
                    network.evaluated(metrics, judged);
                }
            }
            Event::Status(status) => {
                network.status = Some(status.clone());
                match status {
                    RunStatus::Finished => network.values.push(network.value),
                    // Stopped by the race, as its time was over.
                    RunStatus::Stopped { .. } if !self.is_stopping => network.values.push(network.value),
                    RunStatus::Stopped { .. } => network.value = None,
                    RunStatus::Diverged { .. } | RunStatus::Failed { .. } => network.values.push(None),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// The numbers of the networks, the best first: by the number of their values, then by their mean.
    pub fn order(&self) -> Vec<usize> {
        let higher = self.judged.as_ref().is_some_and(|judged| judged.higher_is_better);
        let key = |i: &usize| {
            let network = self.networks.get(*i);
            let failed = network.map_or(0, |network| network.values.iter().filter(|v| v.is_none()).count());
            let mean = network.and_then(Standing::mean).map(|mean| if higher { -mean } else { mean });
            (failed, mean.unwrap_or(f64::INFINITY))
        };
        let mut order: Vec<usize> = (0..self.networks.len()).collect();
        order.small_sort_by(|a, b| {
            let ((failed_a, a), (failed_b, b)) = (key(a), key(b));
            failed_a.cmp(&failed_b).then(a.total_cmp(&b))
        });
        order
    }
}
