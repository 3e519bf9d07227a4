use std::collections::VecDeque;

use ndarray::Axis;
use serde::{Deserialize, Serialize};

use super::session::Session;
use crate::data::{Batches, Targets};
use crate::nn::Loss;
use crate::number::{count, metric};
use crate::protocol::{Level, LogLine};
use crate::run::RecentStep;

/// How many times the loss of a predictor that knows nothing counts as divergence.
const FACTOR: f64 = 2.0;
/// How many times that loss is absurd, even of a single batch.
const ABSURD: f64 = 1e4;
/// Steps in a row for which the loss must be so high; of a run with fewer, all but the first, if these are more than the fewest: the loss of
/// the first steps of a good training may be high.
const STEPS: u64 = 10;
/// The share of a run, and the most steps, for which it must be so high at the end of a run that has diverged: a spike of a few steps at the
/// end of a long one is none.
const SHARE: u64 = 10;
const MOST_STEPS: u64 = 100;
const FEWEST_STEPS: u64 = 4;
/// The last steps that are remembered.
const RECENT: usize = 32;
/// The size of a weight that is absurd, unless the initial weights are as large.
const LARGEST_WEIGHT: f32 = 1e9;

/// Detects divergence while the loss is finite: for some steps it is far above that of a predictor that knows nothing, which is
///
/// ```text
/// ln K for K classes, ln 2 for each of several labels; times the largest class weight
/// the variance of the training targets for the squared error, else their mean absolute deviation
/// ```
///
/// or that of the untrained network, if that is more (up to ten times as much).
#[derive(Debug, Clone)]
pub(super) struct Divergence {
    /// The loss of a predictor that knows nothing, if it is known.
    uninformed: Option<f64>,
    /// The weight above which weights are absurd.
    largest_weight: f32,
    /// Steps in a row that count.
    steps: u64,
    history: LossHistory,
}

/// The losses so far, as far as divergence depends on them, and the last steps.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct LossHistory {
    /// The loss of the untrained network.
    untrained: Option<f64>,
    /// How many of the last steps were above, and how many below the threshold.
    above: u64,
    below: u64,
    /// The last steps, up to [`RECENT`].
    #[serde(default)]
    recent: VecDeque<RecentStep>,
    /// The first step above the threshold, while the loss stays there.
    since: Option<u64>,
}

impl Divergence {
    pub fn new(session: &Session) -> Self {
        let largest = largest(session.stepper.params().values());
        Self {
            uninformed: uninformed(session).filter(|loss| loss.is_finite() && *loss > 0.0),
            largest_weight: LARGEST_WEIGHT * largest.max(1.0),
            steps: STEPS,
            history: LossHistory::default(),
        }
    }

    /// The losses so far.
    pub fn history(&self) -> LossHistory {
        self.history.clone()
    }

    /// Goes on after the losses of `history`.
    pub fn resume(&mut self, history: LossHistory) {
        self.history = history;
    }

    /// Takes a step; returns a line for the log when training begins to diverge or recovers, by the loss without the regularization
    /// penalty.
    pub fn step(&mut self, made: RecentStep) -> Option<LogLine> {
        let (step, loss) = (made.step, made.loss - made.penalty);
        self.history.untrained.get_or_insert(loss);
        if self.history.recent.len() == RECENT {
            self.history.recent.pop_front();
        }
        self.history.recent.push_back(made);
        let threshold = FACTOR * self.reference()?.0;
        match loss > threshold {
            true => (self.history.above, self.history.below) = (self.history.above + 1, 0),
            false => (self.history.above, self.history.below) = (0, self.history.below + 1),
        }
        if self.history.since.is_none() && self.history.above == self.steps {
            let since = (step + 1).saturating_sub(self.history.above);
            self.history.since = Some(since);
            let text = format!(
                "training diverges: since step {} the loss is above {}, twice that of {}, and now {}; \
                 the learning rate may be too high; the last checkpoint is not replaced until the loss falls",
                count(since),
                metric(threshold),
                self.of(),
                metric(loss)
            );
            return Some(LogLine { level: Level::Warning, text });
        }
        if self.history.since.is_some() && self.history.below == self.steps {
            self.history.since = None;
            let text = format!("the loss is no longer that of a diverging training: {}", metric(loss));
            return Some(LogLine { level: Level::Info, text });
        }
        None
    }

    /// The weights are other ones from here on, which were good.
    pub fn restored(&mut self) {
        (self.history.since, self.history.above, self.history.below) = (None, 0, 0);
        self.history.recent.clear();
    }

    /// Whether the loss has been too high for some steps.
    pub fn is_diverging(&self) -> bool {
        // The first step is that of the untrained network.
        let (step, _) = self.last();
        self.history.since.is_some()
            || self.history.above > FEWEST_STEPS
                && self.history.above >= self.steps.min(step.saturating_sub(1))
    }

    /// Why training that ends now has diverged, if it has: for long, the loss was too high. A run of few steps is judged by all of them, unless
    /// it is `stopped` early.
    pub fn verdict(&self, weights: &[f32], stopped: bool) -> Option<String> {
        if let Some(why) = self.absurd(weights) {
            return Some(why);
        }
        let ((step, loss), of) = (self.last(), self.of());
        let since = self.history.since.unwrap_or((step + 1).saturating_sub(self.history.above));
        let is_long = match self.history.since {
            Some(since) => (step + 1).saturating_sub(since) >= self.long(step),
            // Of a run of few steps.
            None => !stopped && self.is_diverging(),
        };
        is_long.then(|| {
            format!(
                "the loss is {}, far above that of {of}, since step {}: the learning rate may be too high",
                metric(loss),
                count(since)
            )
        })
    }

    /// For how many of its last steps the loss of a run of `steps` must have been too high.
    fn long(&self, steps: u64) -> u64 {
        (steps / SHARE).clamp(self.steps, MOST_STEPS.max(self.steps))
    }

    /// Why the weights are no use to anybody, if they are not.
    pub fn absurd(&self, weights: &[f32]) -> Option<String> {
        let largest = largest(weights);
        if largest > self.largest_weight {
            return Some(format!(
                "the weights have grown to {}: the learning rate may be too high",
                metric(f64::from(largest))
            ));
        }
        let ((step, loss), (reference, _)) = (self.last(), self.reference()?);
        (loss > ABSURD * reference).then(|| {
            let (loss, of) = (metric(loss), self.of());
            format!(
                "step {}: the loss is {loss}, far above that of {of}: the learning rate may be too high",
                count(step)
            )
        })
    }

    /// The last steps, the earliest first.
    pub fn recent(&self) -> impl Iterator<Item = RecentStep> + '_ {
        self.history.recent.iter().copied()
    }

    /// The last step, and its loss without the penalty.
    fn last(&self) -> (u64, f64) {
        self.history.recent.back().map_or((0, 0.0), |last| (last.step, last.loss - last.penalty))
    }

    /// The loss that a multiple of is divergence, and whether it is that of the untrained network; `None` if neither is known.
    fn reference(&self) -> Option<(f64, bool)> {
        match (self.uninformed, self.history.untrained) {
            (Some(known), Some(first)) if first > known => Some((first.min(10.0 * known), true)),
            (Some(known), _) => Some((known, false)),
            (None, _) => None,
        }
    }

    /// [`reference`](Self::reference) in words.
    fn of(&self) -> String {
        match self.reference() {
            Some((loss, true)) => format!("the untrained network ({})", metric(loss)),
            Some((loss, false)) => format!("a predictor that knows nothing ({})", metric(loss)),
            None => String::new(),
        }
    }
}

fn largest(weights: &[f32]) -> f32 {
    weights.iter().fold(0.0, |largest, weight| weight.abs().max(largest))
}

/// The training loss of a predictor that knows nothing; `None` if it is not known.
fn uninformed(session: &Session) -> Option<f64> {
    let (model, train) = (session.stepper.model(), &session.spec.train);
    let loss = &train.loss;
    // At p = ½ or 1/K a focal loss is the cross-entropy times this.
    let focal = |p: f64, weight: f64| (1.0 - p).powf(loss.gamma) * weight;
    let factor = match loss.loss {
        Loss::BinaryFocalCrossentropy if loss.apply_class_balancing => {
            focal(0.5, loss.alpha.max(1.0 - loss.alpha))
        }
        Loss::BinaryFocalCrossentropy => focal(0.5, 1.0),
        Loss::CategoricalFocalCrossentropy => {
            focal(1.0 / model.classes().unwrap_or(2).max(2) as f64, loss.alpha)
        }
        // Relative to the targets, or of counts: no such bound.
        Loss::Poisson | Loss::MeanAbsolutePercentageError | Loss::MeanSquaredLogarithmicError => return None,
        _ => 1.0,
    };
    let weights = train.class_weights(&session.labels).unwrap_or_default();
    let weight = weights.into_iter().fold(1.0, f32::max);
    if let Some(classes) = model.classes() {
        return Some((classes.max(2) as f64).ln() * f64::from(weight) * factor);
    }
    if model.labels().is_some() {
        return Some(2_f64.ln() * f64::from(weight) * factor);
    }
    let Batches::InMemory { data, .. } = &session.train else { return None };
    let Targets::Real(targets) = &data.targets else { return None };
    let deviations = targets.axis_iter(Axis(1)).map(|column| {
        let n = column.len() as f64;
        let mean = column.iter().map(|y| f64::from(*y)).sum::<f64>() / n;
        let deviation = |y: &f32| match train.loss.loss {
            Loss::MeanSquaredError => (f64::from(*y) - mean).powi(2),
            _ => (f64::from(*y) - mean).abs(),
        };
        column.iter().map(deviation).sum::<f64>() / n
    });
    let columns = targets.len_of(Axis(1)).max(1) as f64;
    Some(deviations.sum::<f64>() / columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uninformed: f64, steps: u64) -> Divergence {
        Divergence {
            uninformed: Some(uninformed),
            largest_weight: LARGEST_WEIGHT,
            steps,
            history: LossHistory::default(),
        }
    }

    /// The steps at which there was a line of the log, and its level.
    fn lines(divergence: &mut Divergence, losses: &[f64]) -> Vec<(u64, Level)> {
        let steps = losses.iter().zip(divergence.last().0 + 1..);
        let made = |(loss, step): (&f64, u64)| {
            let made =
                RecentStep { step, loss: loss + 0.5, penalty: 0.5, grad_norm: 1.0, learning_rate: 0.1 };
            divergence.step(made).map(|line| (step, line.level))
        };
        steps.filter_map(made).collect()
    }

    #[test]
    fn the_last_steps_are_remembered_also_over_a_checkpoint() {
        let mut divergence = of(0.7, 10);
        lines(&mut divergence, &[0.5; 40]);
        let saved = serde_json::to_string(&divergence.history()).unwrap();
        let mut resumed = of(0.7, 10);
        resumed.resume(serde_json::from_str(&saved).unwrap());
        lines(&mut resumed, &[0.25]);
        let recent: Vec<RecentStep> = resumed.recent().collect();
        assert_eq!((recent.len(), recent[0].step, recent[RECENT - 1].step), (RECENT, 10, 41));
        assert_eq!((recent[0].loss, recent[RECENT - 1].loss), (1.0, 0.75));
    }

    #[test]
    fn a_loss_that_stays_too_high_is_divergence_until_it_falls() {
        let mut divergence = of(0.7, 3);
        assert_eq!(lines(&mut divergence, &[0.7, 0.6, 9.0, 1.0, 9.0, 9.0]), []);
        assert_eq!(lines(&mut divergence, &[9.0, 9.0, 9.0, 1e30]), [(7, Level::Warning)]);
        assert!(divergence.is_diverging());
        assert!(divergence.verdict(&[0.5], false).unwrap().contains("1.0e30"));
        assert_eq!(lines(&mut divergence, &[1.0, 1.0, 9.0, 1.0, 1.0, 1.0]), [(16, Level::Info)]);
        assert_eq!(divergence.verdict(&[0.5], false), None);
    }

    #[test]
    fn one_high_loss_is_no_divergence_unless_it_is_absurd() {
        let mut divergence = of(0.7, 10);
        lines(&mut divergence, &[0.7, 0.7, 100.0]);
        assert_eq!((divergence.is_diverging(), divergence.verdict(&[0.5], false)), (false, None));
        lines(&mut divergence, &[0.7, 0.7, 1e5]);
        assert!(divergence.verdict(&[0.5], false).unwrap().starts_with("step 6: the loss is 1.0e5"));
        divergence.restored();
        assert_eq!(divergence.verdict(&[0.5], false), None);
        assert!(divergence.verdict(&[0.5, -1e24], false).unwrap().contains("1.0e24"));
    }

    #[test]
    fn a_short_run_diverges_if_all_steps_after_the_first_do() {
        let mut divergence = of(0.7, 10);
        lines(&mut divergence, &[0.7, 5.0, 5.0]);
        assert_eq!(divergence.verdict(&[0.5], false), None, "two steps");
        lines(&mut divergence, &[5.0; 3]);
        assert!(divergence.verdict(&[0.5], false).is_some() && divergence.verdict(&[0.5], true).is_none());
        let mut divergence = of(0.7, 1);
        lines(&mut divergence, &[5.0]);
        assert!(!divergence.is_diverging(), "the untrained network");
    }

    #[test]
    fn a_spike_at_the_end_of_a_long_run_is_no_divergence() {
        // A tenth of a run, from ten to a hundred steps.
        for (good, short, long) in [(80, 9, 10), (980, 20, 110), (100_000, 99, 100)] {
            let mut divergence = of(0.7, STEPS);
            lines(&mut divergence, &vec![0.5; good]);
            lines(&mut divergence, &vec![9.0; short]);
            // Meanwhile no checkpoint replaces a good one.
            assert_eq!(divergence.is_diverging(), short >= 10);
            assert_eq!(divergence.verdict(&[0.5], false), None, "{good} steps");
            lines(&mut divergence, &vec![9.0; long - short]);
            for stopped in [false, true] {
                let verdict = divergence.verdict(&[0.5], stopped);
                assert!(verdict.is_some_and(|why| why.contains("the loss is 9.0000")), "{good} steps");
            }
        }
    }

    #[test]
    fn the_untrained_network_may_be_worse_than_one_that_knows_nothing() {
        let mut divergence = of(0.17, 2);
        assert_eq!(lines(&mut divergence, &[1.2, 1.2, 1.1, 0.9]), []);
        assert_eq!(lines(&mut divergence, &[2.5, 2.5]), [(6, Level::Warning)]);
        // But not by any amount.
        let mut divergence = of(0.17, 2);
        assert_eq!(lines(&mut divergence, &[1e9, 1e9]), [(2, Level::Warning)]);
    }
}
