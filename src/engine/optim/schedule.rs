use serde::{Deserialize, Serialize};

use super::config::{Bound, ConfigError};
use super::{Best, MonitorMode, default_monitor};
use crate::metrics::Metrics;

/// A learning-rate schedule, by steps or epochs.
///
/// With `lr₀` the optimizer's learning rate, `s` the number of previous updates and `e` of previous epochs:
///
/// ```text
/// constant      lr₀
/// step          lr₀·factor^⌊e/every⌋
/// exponential   lr₀·decay_rate^(s/decay_steps), the exponent rounded down if staircase
/// cosine        top·((1 − alpha)·½(1 + cos(π·p)) + alpha),  p = min((s − warmup_steps)/decay_steps, 1)
///               during warm-up, s < warmup_steps: lr₀ + (warmup_target − lr₀)·s/warmup_steps
///               top is warmup_target; without it lr₀, and there is no warm-up
/// plateau       times factor, down to min_lr, after patience epochs without an improvement of monitor by min_delta
/// ```
/// Sources: `keras/src/optimizers/schedules/learning_rate_schedule.py` (`ExponentialDecay`, `CosineDecay`; Loshchilov &
/// Hutter 2016), `keras/src/callbacks/reduce_lr_on_plateau.py`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Constant.
    #[default]
    Constant,
    /// Decay in steps of epochs.
    Step(StepDecay),
    /// Exponential decay.
    Exponential(ExponentialDecay),
    /// Cosine decay after an optional linear warm-up.
    Cosine(CosineDecay),
    /// Reduction when the monitored metric stops improving.
    Plateau(Plateau),
}

/// See [`Schedule`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepDecay {
    /// Epochs between two changes.
    pub every: usize,
    /// Factor of each change.
    #[serde(default = "tenth")]
    pub factor: f64,
}

/// See [`Schedule`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExponentialDecay {
    /// Steps for one factor of `decay_rate`.
    pub decay_steps: u64,
    /// Factor per `decay_steps`.
    pub decay_rate: f64,
    /// Whether the rate changes in discrete steps.
    #[serde(default)]
    pub staircase: bool,
}

/// See [`Schedule`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CosineDecay {
    /// Steps of the decay, without the warm-up.
    pub decay_steps: u64,
    /// Final rate as a fraction of the rate at the start of the decay.
    #[serde(default)]
    pub alpha: f64,
    /// The rate at the end of the warm-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup_target: Option<f64>,
    /// Steps of the warm-up.
    #[serde(default)]
    pub warmup_steps: u64,
}

/// See [`Schedule`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plateau {
    /// The monitored metric, e.g. `val_f1`; by default `val_loss`, or `loss` without validation data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor: Option<String>,
    /// Whether a lower or a higher value is better.
    #[serde(skip_serializing_if = "MonitorMode::is_auto")]
    pub mode: MonitorMode,
    /// Factor of each change.
    pub factor: f64,
    /// Epochs without improvement before a reduction; validation between epochs does not count.
    pub patience: usize,
    /// Minimum change that counts as an improvement.
    pub min_delta: f64,
    /// Epochs after a reduction that are not counted.
    pub cooldown: usize,
    /// Minimum rate.
    pub min_lr: f64,
}

fn tenth() -> f64 {
    0.1
}

impl Default for Plateau {
    fn default() -> Self {
        Self {
            monitor: None,
            mode: MonitorMode::Auto,
            factor: 0.1,
            patience: 10,
            min_delta: 1e-4,
            cooldown: 0,
            min_lr: 0.0,
        }
    }
}

impl Schedule {
    /// The names allowed in a preset.
    pub const NAMES: &'static [&'static str] = &["constant", "step", "exponential", "cosine", "plateau"];

    /// Parses the configuration of the schedule `name`; `None` if there is no such schedule.
    ///
    /// # Errors
    /// The deserializer's error for an invalid configuration.
    pub fn read<'de, D: serde::Deserializer<'de>>(name: &str, config: D) -> Option<Result<Self, D::Error>> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        Some(match name {
            "constant" => Nothing::deserialize(config).map(|Nothing {}| Self::Constant),
            "step" => StepDecay::deserialize(config).map(Self::Step),
            "exponential" => ExponentialDecay::deserialize(config).map(Self::Exponential),
            "cosine" => CosineDecay::deserialize(config).map(Self::Cosine),
            "plateau" => Plateau::deserialize(config).map(Self::Plateau),
            _ => return None,
        })
    }

    /// Returns the name of the monitored metric, if the preset sets it.
    pub fn monitor(&self) -> Option<&str> {
        if let Self::Plateau(plateau) = self { plateau.monitor.as_deref() } else { None }
    }

    /// Validates every number.
    ///
    /// # Errors
    /// The first value that gives no valid learning rate.
    pub fn check(&self) -> Result<(), ConfigError> {
        match self {
            Self::Constant => Ok(()),
            Self::Step(StepDecay { every, factor }) => {
                Bound::Positive.check("every", *every as f64)?;
                Bound::Positive.check("factor", *factor)
            }
            Self::Exponential(ExponentialDecay { decay_steps, decay_rate, .. }) => {
                Bound::Positive.check("decay_steps", *decay_steps as f64)?;
                Bound::Positive.check("decay_rate", *decay_rate)
            }
            Self::Cosine(CosineDecay { decay_steps, alpha, warmup_target, .. }) => {
                Bound::Positive.check("decay_steps", *decay_steps as f64)?;
                Bound::NotNegative.check("alpha", *alpha)?;
                warmup_target.map_or(Ok(()), |target| Bound::Positive.check("warmup_target", target))
            }
            Self::Plateau(Plateau { factor, min_delta, min_lr, .. }) => {
                Bound::Fraction.check("factor", *factor)?;
                Bound::NotNegative.check("min_delta", *min_delta)?;
                Bound::NotNegative.check("min_lr", *min_lr)
            }
        }
    }
}

/// A schedule with its state: the learning rate of every step, as scheduled and as scaled by the user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearningRate {
    #[serde(skip)]
    schedule: Schedule,
    /// `lr₀`; with `Plateau` the reduced rate.
    initial: f64,
    /// The product of all factors set by the user.
    scale: f64,
    best: Best,
    wait: usize,
    cooldown: usize,
}

impl LearningRate {
    /// Creates the state before the first step, with `initial` as `lr₀`.
    pub fn new(schedule: &Schedule, initial: f64, has_validation: bool) -> Self {
        let monitor = schedule.monitor().unwrap_or(default_monitor(has_validation));
        let (mode, min_delta) = match schedule {
            Schedule::Plateau(plateau) => (plateau.mode, plateau.min_delta),
            _ => (MonitorMode::Auto, 0.0),
        };
        let best = Best::new(monitor, mode, min_delta);
        Self { schedule: schedule.clone(), initial, scale: 1.0, best, wait: 0, cooldown: 0 }
    }

    /// Sets the schedule, which a saved state lacks: it is that of the spec.
    pub fn set_schedule(&mut self, schedule: &Schedule) {
        self.schedule = schedule.clone();
    }

    /// Returns the rate of the update number `step`, from 0, in epoch number `epoch`, from 1.
    pub fn at(&self, step: u64, epoch: usize) -> f64 {
        self.scale * self.scheduled(step as f64, epoch.saturating_sub(1))
    }

    fn scheduled(&self, step: f64, epochs: usize) -> f64 {
        match &self.schedule {
            Schedule::Constant | Schedule::Plateau(_) => self.initial,
            Schedule::Step(StepDecay { every, factor }) => {
                self.initial * factor.powf((epochs / (*every).max(1)) as f64)
            }
            Schedule::Exponential(ExponentialDecay { decay_steps, decay_rate, staircase }) => {
                let exponent = step / *decay_steps as f64;
                self.initial * decay_rate.powf(if *staircase { exponent.floor() } else { exponent })
            }
            Schedule::Cosine(CosineDecay { decay_steps, alpha, warmup_target, warmup_steps }) => {
                let (top, warmup) = match warmup_target {
                    Some(target) => (*target, *warmup_steps as f64),
                    None => (self.initial, 0.0),
                };
                if step < warmup {
                    return self.initial + (top - self.initial) * (step / warmup);
                }
                let done = ((step - warmup) / *decay_steps as f64).min(1.0);
                let cosine = 0.5 * (1.0 + (std::f64::consts::PI * done).cos());
                top * ((1.0 - alpha) * cosine + alpha)
            }
        }
    }

    /// Multiplies the scheduled rate by `factor` from now on, in addition to earlier factors. Returns false, and changes nothing, if the
    /// rate would not be finite and above 0.
    pub fn scale(&mut self, factor: f64) -> bool {
        let scale = self.scale * factor;
        let sound = scale.is_normal() && scale > 0.0 && (scale * self.initial).is_finite();
        if sound {
            self.scale = scale;
        }
        sound
    }

    /// Records the metrics of an epoch; returns whether the rate is reduced (`Plateau`).
    pub fn epoch_ended(&mut self, metrics: &Metrics) -> bool {
        let Schedule::Plateau(plateau) = &self.schedule else { return false };
        if self.cooldown > 0 {
            self.cooldown -= 1;
            self.wait = 0;
        }
        if self.best.improves(metrics) {
            self.wait = 0;
        } else if self.cooldown == 0 {
            self.wait += 1;
            if self.wait >= plateau.patience && self.initial > plateau.min_lr {
                self.initial = (self.initial * plateau.factor).max(plateau.min_lr);
                (self.cooldown, self.wait) = (plateau.cooldown, 0);
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Cases {
        by_step: Vec<ByStep>,
        plateau: Vec<OnPlateau>,
    }

    #[derive(Deserialize)]
    struct ByStep {
        schedule: Schedule,
        learning_rate: f64,
        /// Step and learning rate.
        rates: Vec<(u64, f64)>,
    }

    #[derive(Deserialize)]
    struct OnPlateau {
        schedule: Schedule,
        learning_rate: f64,
        losses: Vec<f64>,
        /// Learning rate after each epoch.
        rates: Vec<f64>,
    }

    fn cases() -> Cases {
        serde_json::from_str(include_str!("../../../tests/keras/schedules.json")).unwrap()
    }

    /// Keras rounds the warm-up target to an f32.
    fn near(ours: f64, theirs: f64) -> bool {
        (ours - theirs).abs() <= 1e-7 * theirs.abs().max(1e-3)
    }

    fn ended(val_loss: f64) -> Metrics {
        [("val_loss", val_loss)].into()
    }

    #[test]
    fn exponential_and_cosine_rates_equal_keras() {
        let cases = cases().by_step;
        assert!(cases.len() >= 5);
        for ByStep { schedule, learning_rate, rates } in cases {
            let rate = LearningRate::new(&schedule, learning_rate, true);
            for (step, theirs) in rates {
                let ours = rate.at(step, 1);
                assert!(near(ours, theirs), "{schedule:?} at {step}: {ours} for {theirs}");
            }
        }
    }

    #[test]
    fn plateau_reduces_the_rate_when_keras_does() {
        let cases = cases().plateau;
        assert!(cases.len() >= 3);
        for OnPlateau { schedule, learning_rate, losses, rates } in cases {
            let mut rate = LearningRate::new(&schedule, learning_rate, true);
            let mut before = learning_rate;
            for (i, (loss, theirs)) in losses.iter().zip(rates).enumerate() {
                let down = rate.epoch_ended(&ended(*loss));
                let ours = rate.at(1000, i + 2);
                assert!(near(ours, theirs), "{schedule:?} after epoch {}: {ours} for {theirs}", i + 1);
                assert_eq!(down, ours < before);
                before = ours;
            }
        }
    }

    #[test]
    fn step_decay_counts_epochs_and_the_users_factor_multiplies() {
        let schedule = Schedule::Step(StepDecay { every: 2, factor: 0.5 });
        let mut rate = LearningRate::new(&schedule, 0.8, true);
        let rates = |rate: &LearningRate| (1..=5).map(|epoch| rate.at(7, epoch)).collect::<Vec<_>>();
        assert_eq!(rates(&rate), [0.8, 0.8, 0.4, 0.4, 0.2]);
        assert!(rate.scale(0.5) && rate.scale(0.5));
        assert_eq!(rates(&rate), [0.2, 0.2, 0.1, 0.1, 0.05]);
        for nonsense in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-320] {
            assert!(!rate.scale(nonsense));
        }
        assert_eq!(rate.at(0, 1), 0.2);
    }

    #[test]
    fn invalid_values_are_reported_with_their_field() {
        for (config, field) in [
            (r#"{"name":"step","every":0}"#, "every"),
            (r#"{"name":"step","every":1,"factor":0}"#, "factor"),
            (r#"{"name":"exponential","decay_steps":0,"decay_rate":0.9}"#, "decay_steps"),
            (r#"{"name":"exponential","decay_steps":5,"decay_rate":-1}"#, "decay_rate"),
            (r#"{"name":"cosine","decay_steps":5,"alpha":-0.1}"#, "alpha"),
            (r#"{"name":"cosine","decay_steps":5,"warmup_target":0}"#, "warmup_target"),
            (r#"{"name":"plateau","factor":1}"#, "factor"),
            (r#"{"name":"plateau","min_lr":-1}"#, "min_lr"),
        ] {
            let schedule: Schedule = serde_json::from_str(config).unwrap();
            assert_eq!(schedule.check().unwrap_err().field, field, "{config}");
        }
        let known: Vec<&str> = Schedule::NAMES.to_vec();
        let all = [
            Schedule::Constant,
            Schedule::Step(StepDecay { every: 1, factor: 0.5 }),
            Schedule::Exponential(ExponentialDecay { decay_steps: 1, decay_rate: 0.5, staircase: true }),
            Schedule::Cosine(CosineDecay {
                decay_steps: 1,
                alpha: 0.0,
                warmup_target: None,
                warmup_steps: 0,
            }),
            Schedule::Plateau(Plateau::default()),
        ];
        for (schedule, name) in all.iter().zip(known) {
            assert_eq!(schedule.check(), Ok(()));
            let mut written = serde_json::to_value(schedule).unwrap();
            assert_eq!(written.as_object_mut().unwrap().remove("name").unwrap(), name);
            assert_eq!(Schedule::read(name, written).unwrap().unwrap(), *schedule);
        }
    }
}
