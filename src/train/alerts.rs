//! The conditions that a preset is warned of, found in the events of training: the same events give the same alerts.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::number::{count, counted, metric, percent};
use crate::preset::AlertSpec;
use crate::protocol::{
    Alert, AlertKind, Direction, EpochMetrics, Event, GradientProfile, Instruments, StepMetrics,
};

/// The weight of a step in the moving average of the loss.
const WEIGHT: f64 = 0.02;
/// Steps before the average means anything, and after an alert before the next.
const STEPS: u64 = 50;

/// The number of a recurrent layer, and which half of it.
type RecurrentLayer = (usize, Option<Direction>);

/// What is watched, and what has been seen of it so far.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Alerts {
    #[serde(skip)]
    spec: AlertSpec,
    /// The moving average of the loss, and how many steps it has.
    average: (f64, u64),
    /// The step of the last spike.
    spike: Option<u64>,
    /// Layers whose condition holds: an alert says that it has begun.
    dead: BTreeSet<RecurrentLayer>,
    short: BTreeSet<RecurrentLayer>,
    /// The epoch with the lowest `val_loss`.
    best: Option<BestEpoch>,
    /// The last step, with its epoch.
    at: (u64, usize),
}

/// The epoch with the lowest `val_loss`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct BestEpoch {
    val_loss: f64,
    loss: f64,
    /// Epochs since.
    since: usize,
    /// Whether there was an alert since.
    said: bool,
}

impl Alerts {
    /// `None` where nothing is watched.
    pub fn new(spec: &AlertSpec) -> Option<Self> {
        (!spec.is_empty()).then(|| Self {
            spec: spec.clone(),
            average: (0.0, 0),
            spike: None,
            dead: BTreeSet::new(),
            short: BTreeSet::new(),
            best: None,
            at: (0, 1),
        })
    }

    /// Goes on after what had been seen before.
    pub fn resume(&mut self, before: Option<Self>) {
        let spec = std::mem::take(&mut self.spec);
        *self = Self { spec, ..before.unwrap_or_else(|| self.clone()) };
    }

    /// The alerts that `event` gives rise to.
    pub fn of(&mut self, event: &Event) -> Vec<Alert> {
        match event {
            Event::Step(metrics) => self.step(metrics).into_iter().collect(),
            Event::Instruments(read) => self.instruments(read),
            Event::Gradient(profile) => self.gradient(profile).into_iter().collect(),
            Event::Epoch(metrics) => self.epoch(metrics).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn alert(&self, kind: AlertKind, text: String) -> Alert {
        let (step, epoch) = self.at;
        Alert { step, epoch, kind, text }
    }

    fn step(&mut self, metrics: &StepMetrics) -> Option<Alert> {
        self.at = (metrics.step, metrics.epoch);
        let (factor, loss) = (self.spec.loss_spike?, metrics.loss);
        let (average, steps) = self.average;
        let is_spike = steps >= STEPS && loss > factor * average;
        // A spike moves the average no more than a loss that is just none.
        let counted = if steps >= STEPS { loss.min(factor * average) } else { loss };
        let weight = WEIGHT.max(1.0 / (steps + 1) as f64);
        self.average = (average + weight * (counted - average), steps + 1);
        let is_new = self.spike.is_none_or(|last| metrics.step > last + STEPS);
        if !(is_spike && is_new) {
            return None;
        }
        self.spike = Some(metrics.step);
        let text = format!(
            "step {}: the loss is {}, more than {factor} times the average of the steps before, {}",
            count(metrics.step),
            metric(loss),
            metric(average)
        );
        Some(self.alert(AlertKind::LossSpike, text))
    }

    fn instruments(&mut self, read: &Instruments) -> Vec<Alert> {
        let Some(least) = self.spec.dead_units else { return Vec::new() };
        let mut alerts = Vec::new();
        for layer in &read.layers {
            let (place, dead) = ((layer.layer, layer.direction), f64::from(layer.dead()));
            let begins = dead >= least && self.dead.insert(place);
            if dead < least {
                self.dead.remove(&place);
            }
            if begins {
                let text = format!(
                    "step {}: {} of the units of {} are dead: they are the same in every sequence at every step",
                    count(read.step),
                    percent(dead),
                    title(place)
                );
                alerts.push(self.alert(AlertKind::DeadUnits, text));
            }
        }
        alerts
    }

    fn gradient(&mut self, profile: &GradientProfile) -> Option<Alert> {
        let (least, place) = (self.spec.half_life?, (profile.layer, profile.direction));
        // Negative where the gradient grows on its way back.
        let short = profile.half_life.map(f64::from).filter(|steps| (0.0..least).contains(steps));
        let Some(steps) = short else {
            self.short.remove(&place);
            return None;
        };
        if !self.short.insert(place) {
            return None;
        }
        let text = format!(
            "step {}: the gradient of {} is halved every {} steps back in time, fewer than {least}",
            count(profile.step),
            title(place),
            metric(steps)
        );
        Some(self.alert(AlertKind::HalfLife, text))
    }

    fn epoch(&mut self, metrics: &EpochMetrics) -> Option<Alert> {
        let patience = self.spec.overfitting?;
        let value =
            |name: &str| metrics.metrics.iter().find(|(other, _)| *other == name).map(|(_, value)| value);
        let (validation, loss) = (value("val_loss")?, value("loss")?);
        self.at = (metrics.step, metrics.epoch);
        let best = match self.best {
            Some(best) if validation >= best.val_loss => BestEpoch { since: best.since + 1, ..best },
            _ => BestEpoch { val_loss: validation, loss, since: 0, said: false },
        };
        let overfits = best.since >= patience && loss < best.loss;
        self.best = Some(BestEpoch { said: best.said || overfits, ..best });
        // Once, until there is a better epoch.
        if !overfits || best.said {
            return None;
        }
        let text = format!(
            "epoch {}: val_loss is {} and was {} {} ago, while loss has fallen from {} to {}: the network overfits",
            metrics.epoch,
            metric(validation),
            metric(best.val_loss),
            counted(best.since, "epoch"),
            metric(best.loss),
            metric(loss)
        );
        Some(self.alert(AlertKind::Overfitting, text))
    }
}

fn title((layer, direction): RecurrentLayer) -> String {
    let half = match direction {
        None => "",
        Some(Direction::Forward) => ", forwards",
        Some(Direction::Backward) => ", backwards",
    };
    format!("layer {layer}{half}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;
    use crate::protocol::{LayerHealth, QuantityHealth};

    fn step(step: u64, loss: f64) -> Event {
        Event::Step(StepMetrics {
            step,
            epoch: 1,
            loss,
            accuracy: None,
            learning_rate: 0.1,
            grad_norm: 1.0,
            sequences_per_s: 1.0,
            seconds: 1.0,
        })
    }

    fn epoch(epoch: usize, loss: f64, validation: f64) -> Event {
        let metrics: Metrics = [("loss", loss), ("val_loss", validation)].into();
        let step = epoch as u64 * 10;
        Event::Epoch(Box::new(EpochMetrics { epoch, step, metrics, confusion: None, seconds: 1.0 }))
    }

    fn kinds(alerts: &mut Alerts, events: &[Event]) -> Vec<(u64, AlertKind)> {
        events.iter().flat_map(|event| alerts.of(event)).map(|alert| (alert.step, alert.kind)).collect()
    }

    #[test]
    fn nothing_is_watched_without_a_setting() {
        assert!(Alerts::new(&AlertSpec::default()).is_none());
    }

    #[test]
    fn a_loss_far_above_the_average_is_a_spike_once() {
        let mut alerts = Alerts::new(&AlertSpec { loss_spike: Some(3.0), ..AlertSpec::default() }).unwrap();
        // The first steps have no average yet.
        let losses = |n: u64| if n == 10 || n == 100 || n == 101 || n == 160 { 9.0 } else { 1.0 };
        let events: Vec<Event> = (1..=200).map(|n| step(n, losses(n))).collect();
        assert_eq!(kinds(&mut alerts, &events), [(100, AlertKind::LossSpike), (160, AlertKind::LossSpike)]);
    }

    #[test]
    fn dead_units_and_short_half_lives_are_said_when_they_begin() {
        let spec = AlertSpec { dead_units: Some(0.5), half_life: Some(4.0), ..AlertSpec::default() };
        let mut alerts = Alerts::new(&spec).unwrap();
        let read = |dead| {
            let quantity =
                QuantityHealth { quantity: "h".into(), left: 0.0, right: 0.0, dead, spectral_radius: None };
            let layer =
                LayerHealth { layer: 1, direction: None, proposal: "h".into(), quantities: vec![quantity] };
            Event::Instruments(Box::new(Instruments {
                step: 1,
                layers: vec![layer],
                params: Vec::new(),
                ..Instruments::default()
            }))
        };
        let gradient = |half_life| {
            let (hnorm, kernel_norm) = (Vec::new(), Vec::new());
            Event::Gradient(GradientProfile {
                step: 1,
                layer: 1,
                direction: None,
                hnorm,
                kernel_norm,
                half_life,
                ..GradientProfile::default()
            })
        };
        let events = [
            step(1, 1.0),
            read(0.4),
            read(0.6),
            read(0.7),
            read(0.1),
            read(0.5),
            gradient(Some(9.0)),
            gradient(Some(-1.0)),
            gradient(Some(2.0)),
            gradient(Some(1.0)),
            gradient(None),
            gradient(Some(3.0)),
        ];
        let (dead, short) = ((1, AlertKind::DeadUnits), (1, AlertKind::HalfLife));
        assert_eq!(kinds(&mut alerts, &events), [dead, dead, short, short]);
    }

    #[test]
    fn a_validation_loss_that_no_longer_falls_is_overfitting_once() {
        let mut alerts = Alerts::new(&AlertSpec { overfitting: Some(2), ..AlertSpec::default() }).unwrap();
        let falls = [
            epoch(1, 0.9, 0.9),
            epoch(2, 0.5, 0.6),
            epoch(3, 0.4, 0.7),
            epoch(4, 0.3, 0.7),
            epoch(5, 0.2, 0.8),
        ];
        let found: Vec<Alert> = falls.iter().flat_map(|event| alerts.of(event)).collect();
        assert_eq!(found.len(), 1);
        assert!(
            found[0].text.starts_with("epoch 4: val_loss is 0.7000 and was 0.6000 2 epochs ago"),
            "{found:?}"
        );
        // Without progress in training it is something else.
        let mut alerts = Alerts::new(&AlertSpec { overfitting: Some(2), ..AlertSpec::default() }).unwrap();
        let stands = [epoch(1, 0.5, 0.6), epoch(2, 0.5, 0.7), epoch(3, 0.5, 0.7), epoch(4, 0.5, 0.7)];
        assert_eq!(kinds(&mut alerts, &stands), []);
    }
}
