//! The formulas of [`Loss`](super::Loss), for one row of the output: values and derivatives side by side.

use super::loss::UNSEEN_LOSS;
use super::{Loss, LossSpec, Score};
use crate::kernel;

/// Keras's `epsilon()`.
const EPSILON: f64 = 1e-7;

impl LossSpec {
    /// The target of a label that is `y`, 0 or 1, after smoothing.
    fn smoothed(&self, y: f32) -> f32 {
        let s = self.label_smoothing as f32;
        y * (1.0 - s) + 0.5 * s
    }

    /// The targets of the class itself and of each other one, of `classes`, after smoothing.
    fn smoothed_classes(&self, classes: usize) -> (f64, f64) {
        let others = self.label_smoothing / classes as f64;
        (1.0 - self.label_smoothing + others, others)
    }

    /// Loss of logits `z` for `class`; [`UNSEEN_LOSS`] for one that the network has not.
    pub(super) fn class_loss(&self, z: &[f32], class: usize) -> f64 {
        // One sigmoid decides between two classes.
        if class >= z.len().max(2) {
            return UNSEEN_LOSS;
        }
        if self.loss.is_binary() {
            return self.binary_loss(z[0], self.smoothed(class as f32));
        }
        if self.loss == Loss::CategoricalFocalCrossentropy {
            let log_sum = log_sum(z);
            return self.focal_terms(z, class, log_sum).map(|(_, _, loss)| loss).sum();
        }
        log_sum(z) - self.expected_logit(z, class)
    }

    /// `Σ t·z`.
    fn expected_logit(&self, z: &[f32], class: usize) -> f64 {
        let own = f64::from(z.get(class).copied().unwrap_or(f32::NAN));
        if self.label_smoothing == 0.0 {
            return own;
        }
        let (_, others) = self.smoothed_classes(z.len());
        let all = z.iter().map(|z| f64::from(*z)).sum::<f64>();
        (1.0 - self.label_smoothing) * own + others * all
    }

    /// [`LossSpec::class_loss`]; `d` holds the logits as well and becomes `scale · ∂L/∂z`.
    pub(super) fn class_loss_and_gradient(&self, z: &[f32], class: usize, d: &mut [f32], scale: f32) -> f64 {
        if self.loss.is_binary() {
            self.binary_gradient(z, d, |_| self.smoothed(class as f32), scale);
            return self.class_loss(z, class);
        }
        if self.loss == Loss::CategoricalFocalCrossentropy {
            let log_sum = log_sum(z);
            let (mut sum, mut loss) = (0.0, 0.0);
            for (p, u, term) in self.focal_terms(z, class, log_sum) {
                sum += u;
                loss += term;
                debug_assert!(p >= 0.0 || p.is_nan());
            }
            for (d, (p, u, _)) in d.iter_mut().zip(self.focal_terms(z, class, log_sum)) {
                *d = (u - p * sum) as f32 * scale;
            }
            return loss;
        }
        let log_sum = kernel::softmax_with_log_sum(d);
        if self.label_smoothing == 0.0 {
            if let Some(own) = d.get_mut(class) {
                *own -= 1.0;
            }
        } else {
            let (own, others) = self.smoothed_classes(d.len());
            let target = |i| if i == class { own } else { others } as f32;
            d.iter_mut().enumerate().for_each(|(i, d)| *d -= target(i));
        }
        d.iter_mut().for_each(|d| *d *= scale);
        log_sum - self.expected_logit(z, class)
    }

    /// Of every class: p, `u = p·∂L/∂p` and its term of the categorical focal loss.
    fn focal_terms(&self, z: &[f32], class: usize, log_sum: f64) -> impl Iterator<Item = (f64, f64, f64)> {
        let (own, others) = self.smoothed_classes(z.len());
        z.iter().enumerate().map(move |(i, z)| {
            let log_p = f64::from(*z) - log_sum;
            let (p, rest) = (log_p.exp(), -log_p.exp_m1());
            let t = self.alpha * if i == class { own } else { others };
            let slope = self.gamma * p * power(rest, self.gamma - 1.0) * log_p - power(rest, self.gamma);
            (p, t * slope, -t * power(rest, self.gamma) * log_p)
        })
    }

    /// Loss of the logit `z` for the target `y`, from 0 to 1.
    fn binary_loss(&self, z: f32, y: f32) -> f64 {
        let cross_entropy = binary_crossentropy(z, y);
        if self.loss != Loss::BinaryFocalCrossentropy {
            return cross_entropy;
        }
        let (wrong, _) = wrong_share(z, y);
        self.balance(y) * power(wrong, self.gamma) * cross_entropy
    }

    /// `d` holds the logits `z` as well and becomes `scale · ∂L/∂z` for targets `y`, from 0 to 1, of each.
    fn binary_gradient(&self, z: &[f32], d: &mut [f32], y: impl Fn(usize) -> f32, scale: f32) {
        kernel::sigmoid(d);
        for (i, (d, z)) in d.iter_mut().zip(z).enumerate() {
            let y = y(i);
            if self.loss != Loss::BinaryFocalCrossentropy {
                *d = (*d - y) * scale;
                continue;
            }
            let (wrong, slope) = wrong_share(*z, y);
            let focus = power(wrong, self.gamma) * (f64::from(*d) - f64::from(y));
            let sharper = binary_crossentropy(*z, y) * self.gamma * power(wrong, self.gamma - 1.0) * slope;
            *d = (self.balance(y) * (focus + sharper)) as f32 * scale;
        }
    }

    /// The weight of a label with the target `y`.
    fn balance(&self, y: f32) -> f64 {
        let y = f64::from(y);
        if self.apply_class_balancing { y * self.alpha + (1.0 - y) * (1.0 - self.alpha) } else { 1.0 }
    }

    /// Adds the mean loss of logits `z` for labels `y` (0 or 1 each) and the share that is right to `score`; `d` holds the logits as
    /// well and becomes `scale · ∂L/∂z`.
    pub(super) fn multi_label_loss(
        &self,
        z: &[f32],
        y: &[f32],
        scale: f32,
        score: &mut Score,
        d: Option<&mut [f32]>,
    ) {
        let n = z.len() as f64;
        for (z, y) in z.iter().zip(y) {
            score.loss += self.binary_loss(*z, self.smoothed(*y)) / n;
            score.correct += f64::from(u8::from((*z > 0.0) == (*y > 0.5))) / n;
        }
        if let Some(d) = d {
            self.binary_gradient(z, d, |i| self.smoothed(y[i]), 1.0);
            d.iter_mut().for_each(|d| *d = *d * scale / n as f32);
        }
    }

    /// Adds the mean loss of the numbers `a` for `y`; `d` contains `a` as well and becomes `scale · ∂L/∂a`.
    pub(super) fn regression_loss(
        &self,
        a: &[f32],
        y: &[f32],
        scale: f32,
        score: &mut Score,
        d: Option<&mut [f32]>,
    ) {
        let n = a.len() as f64;
        for (a, y) in a.iter().zip(y) {
            let (a, y) = (f64::from(*a), f64::from(*y));
            let e = a - y;
            score.absolute_error += e.abs() / n;
            score.squared_error += e * e / n;
            score.loss += self.number_loss(a, y) / n;
        }
        for (d, y) in d.into_iter().flatten().zip(y) {
            *d = self.number_slope(*d, *y) * scale / n as f32;
        }
    }

    /// Loss of the number `a` for `y`.
    fn number_loss(&self, a: f64, y: f64) -> f64 {
        let (e, delta) = (a - y, self.delta);
        match self.loss {
            Loss::MeanAbsoluteError => e.abs(),
            Loss::Huber if e.abs() <= delta => 0.5 * e * e,
            Loss::Huber => delta * e.abs() - 0.5 * delta * delta,
            // ln cosh e, without overflow.
            Loss::LogCosh => e.abs() + (-2.0 * e.abs()).exp().ln_1p() - std::f64::consts::LN_2,
            Loss::Poisson => a - y * (a + EPSILON).ln(),
            Loss::MeanAbsolutePercentageError => 100.0 * e.abs() / y.abs().max(EPSILON),
            Loss::MeanSquaredLogarithmicError => log_error(a, y).powi(2),
            _ => e * e,
        }
    }

    /// Its derivative by `a`.
    fn number_slope(&self, a: f32, y: f32) -> f32 {
        let e = a - y;
        let (exact_a, exact_y) = (f64::from(a), f64::from(y));
        match self.loss {
            Loss::MeanAbsoluteError if e == 0.0 => 0.0,
            Loss::MeanAbsoluteError => e.signum(),
            Loss::Huber => e.clamp(-self.delta as f32, self.delta as f32),
            Loss::LogCosh => (exact_a - exact_y).tanh() as f32,
            Loss::Poisson => (1.0 - exact_y / (exact_a + EPSILON)) as f32,
            Loss::MeanAbsolutePercentageError if e == 0.0 => 0.0,
            Loss::MeanAbsolutePercentageError => {
                (100.0 * f64::from(e.signum()) / exact_y.abs().max(EPSILON)) as f32
            }
            Loss::MeanSquaredLogarithmicError if exact_a <= EPSILON => 0.0,
            Loss::MeanSquaredLogarithmicError => (2.0 * log_error(exact_a, exact_y) / (exact_a + 1.0)) as f32,
            _ => 2.0 * e,
        }
    }
}

/// `ln(max(a, ε) + 1) − ln(max(y, ε) + 1)`.
fn log_error(a: f64, y: f64) -> f64 {
    // Not `max`, which would hide NaN.
    let above = |x: f64| if x < EPSILON { EPSILON } else { x };
    above(a).ln_1p() - above(y).ln_1p()
}

/// `ln Σeᶻ`.
fn log_sum(z: &[f32]) -> f64 {
    let greatest = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = z.iter().map(|z| f64::from(z - greatest).exp()).sum();
    sum.ln() + f64::from(greatest)
}

/// `xᵉ` for a share `x`, finite for negative exponents as well.
fn power(x: f64, exponent: f64) -> f64 {
    if exponent < 0.0 { x.max(1e-12).powf(exponent) } else { x.powf(exponent) }
}

/// `max(z,0) − z·y + ln(1 + e^{−|z|})`.
fn binary_crossentropy(z: f32, y: f32) -> f64 {
    let (z, y) = (f64::from(z), f64::from(y));
    z.max(0.0) - z * y + (-z.abs()).exp().ln_1p()
}

/// `1 − q` with `q = y·p + (1 − y)·(1 − p)`, and its derivative by `z`, `(1 − 2y)·p·(1 − p)`.
fn wrong_share(z: f32, y: f32) -> (f64, f64) {
    let (z, y) = (f64::from(z), f64::from(y));
    let (p, rest) = (1.0 / (1.0 + (-z).exp()), 1.0 / (1.0 + z.exp()));
    (y * rest + (1.0 - y) * p, (1.0 - 2.0 * y) * p * rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> LossSpec {
        let spec: LossSpec = serde_yaml::from_str(text).unwrap();
        spec.check().unwrap();
        spec
    }

    /// The slope of `loss` by each of `z`, in steps that `f32` can take.
    fn slopes(z: &[f32], loss: impl Fn(&[f32]) -> f64) -> Vec<f64> {
        let slope = |i: usize| {
            let at = |step: f32| {
                let mut z = z.to_vec();
                z[i] += step;
                (f64::from(z[i]), loss(&z))
            };
            let ((up, above), (down, below)) = (at(1e-3), at(-1e-3));
            (above - below) / (up - down)
        };
        (0..z.len()).map(slope).collect()
    }

    #[test]
    fn derivatives_of_losses_of_classes_are_slopes() {
        let losses = [
            "sparse_categorical_crossentropy",
            "{name: categorical_crossentropy, label_smoothing: 0.2}",
            "categorical_focal_crossentropy",
            "{name: categorical_focal_crossentropy, gamma: 0.5, alpha: 0.7, label_smoothing: 0.1}",
            "{name: categorical_focal_crossentropy, gamma: 0}",
            "kl_divergence",
            "{name: binary_crossentropy, label_smoothing: 0.3}",
            "binary_focal_crossentropy",
            "{name: binary_focal_crossentropy, gamma: 3, alpha: 0.7, apply_class_balancing: true, label_smoothing: 0.1}",
            "{name: binary_focal_crossentropy, gamma: 0.5}",
        ];
        for text in losses {
            let loss = spec(text);
            let z: &[f32] = if loss.loss.is_binary() { &[0.7] } else { &[0.3, -1.2, 2.0, 0.1] };
            for class in 0..2 {
                let mut d = z.to_vec();
                let value = loss.class_loss_and_gradient(z, class, &mut d, 0.5);
                assert!((value - loss.class_loss(z, class)).abs() < 1e-6, "{text}");
                for (d, slope) in d.iter().zip(slopes(z, |z| loss.class_loss(z, class))) {
                    assert!(
                        (f64::from(*d) - 0.5 * slope).abs() < 1e-4,
                        "{text} {class}: {d} for 0.5·{slope}"
                    );
                }
            }
        }
    }

    #[test]
    fn derivatives_of_losses_of_labels_are_slopes() {
        let (z, y) = ([0.7f32, -2.0, 0.2], [1.0f32, 0.0, 0.0]);
        for text in ["{name: binary_crossentropy, label_smoothing: 0.3}", "binary_focal_crossentropy"] {
            let loss = spec(text);
            let value = |z: &[f32]| {
                let mut score = Score::default();
                loss.multi_label_loss(z, &y, 1.0, &mut score, None);
                score.loss
            };
            let mut d = z;
            loss.multi_label_loss(&z, &y, 1.0, &mut Score::default(), Some(&mut d));
            for (d, slope) in d.iter().zip(slopes(&z, value)) {
                assert!((f64::from(*d) - slope).abs() < 1e-4, "{text}: {d} for {slope}");
            }
        }
    }

    #[test]
    fn derivatives_of_losses_of_numbers_are_slopes() {
        let (a, y) = ([0.7f32, 2.5, 1.2], [1.1f32, 0.4, 3.0]);
        let losses = [
            "mse",
            "mae",
            "huber",
            "{name: huber, delta: 0.5}",
            "log_cosh",
            "poisson",
            "mape",
            "mean_squared_logarithmic_error",
        ];
        for text in losses {
            let loss = spec(text);
            let value = |a: &[f32]| {
                let mut score = Score::default();
                loss.regression_loss(a, &y, 1.0, &mut score, None);
                score.loss
            };
            let mut d = a;
            loss.regression_loss(&a, &y, 1.0, &mut Score::default(), Some(&mut d));
            for (d, slope) in d.iter().zip(slopes(&a, value)) {
                assert!(
                    (f64::from(*d) - slope).abs() < 2e-3 * slope.abs().max(1.0),
                    "{text}: {d} for {slope}"
                );
            }
        }
    }

    #[test]
    fn extreme_logits_give_finite_focal_losses() {
        for gamma in ["0.5", "2"] {
            for name in ["binary_focal_crossentropy", "categorical_focal_crossentropy"] {
                let loss = spec(&format!("{{name: {name}, gamma: {gamma}}}"));
                let all: &[&[f32]] = if loss.loss.is_binary() {
                    &[&[60.0], &[-60.0]]
                } else {
                    &[&[60.0, -60.0], &[-60.0, 60.0]]
                };
                for z in all {
                    let mut d = z.to_vec();
                    let value = loss.class_loss_and_gradient(z, 1, &mut d, 1.0);
                    assert!(
                        value.is_finite() && d.iter().all(|d| d.is_finite()),
                        "{name} {gamma} {z:?}: {value} {d:?}"
                    );
                }
            }
        }
    }
}
