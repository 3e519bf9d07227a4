use serde::{Deserialize, Serialize};

use super::{Activation, Block, LayerConfigError, Mask, Shape, TargetRows};
use crate::kernel;

/// The loss, by Keras's name. A new one is a variant here, whose formulas the compiler then asks for; `help/layers.md` lists it, and
/// one with classes also needs `preset/target_check.rs`. Source: `keras/src/losses/losses.py`.
///
/// Cross-entropies work on *logits*: the model takes the last layer's sigmoid or softmax off and hands it to the loss, which is the
/// same function and exact where a rounded probability of 0 or 1 would not be (Keras does so as well: `from_logits`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// ```text
    /// L = −y·ln p − (1−y)·ln(1−p),  p = σ(z)        = max(z,0) − z·y + ln(1 + e^{−|z|})
    /// ∂L/∂z = p − y
    /// ```
    /// Of several labels at once, each by itself, the mean over the labels; accuracy is then the share of the labels that were predicted
    /// (Keras's `binary_accuracy`).
    BinaryCrossentropy,
    /// ```text
    /// L = −ln p_y,  p = softmax(z)                  = ln Σeᶻ − z_y
    /// ∂L/∂z = p − [y]
    /// ```
    SparseCategoricalCrossentropy,
    /// `L = mean (a − y)²` over the outputs; `∂L/∂a = 2(a − y)/n`.
    MeanSquaredError,
    /// `L = mean |a − y|` over the outputs; `∂L/∂a = sign(a − y)/n`.
    MeanAbsoluteError,
    /// `L = mean ½(a − y)²` where `|a − y| ≤ 1`, else `|a − y| − ½` (Huber 1964); `∂L/∂a = clamp(a − y, ±1)/n`.
    Huber,
}

/// The output that [`Loss::BinaryCrossentropy`] fits, and a layer that has it.
const ONE_NUMBER: &str = "one number a sequence, (None, 1)";
const ONE_SIGMOID: &str = "end with `{layer: Dense, units: 1, activation: sigmoid}`";

/// The loss of a class that only the data to evaluate on have: −ln 10⁻⁷, the greatest of Keras's cross-entropy of probabilities, which it
/// clips at its `epsilon` (`keras/src/backend/config.py`).
pub const UNSEEN_LOSS: f64 = 16.118_095_650_958_32;

/// Sums over the rows that the loss counts (sequences, or unmasked steps), so that shards add up; the caller divides by the count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Score {
    /// Sum of the losses.
    pub loss: f64,
    /// Correctly predicted rows, if there are classes; of several labels at once the sum of the correct shares.
    pub correct: f64,
    /// Sum of the mean absolute errors, where there are numbers.
    #[serde(rename = "absolute")]
    pub absolute_error: f64,
    /// Sum of the mean squared errors, where there are numbers.
    #[serde(rename = "squared")]
    pub squared_error: f64,
    /// Rows that were counted.
    pub count: f64,
}

impl Score {
    /// Adds the sums of others.
    pub fn add(&mut self, other: Self) {
        self.loss += other.loss;
        self.correct += other.correct;
        self.absolute_error += other.absolute_error;
        self.squared_error += other.squared_error;
        self.count += other.count;
    }

    /// Mean loss; NaN over nothing.
    pub fn mean_loss(&self) -> f64 {
        self.loss / self.count
    }

    /// Share that was right; NaN over nothing.
    pub fn accuracy(&self) -> f64 {
        self.correct / self.count
    }

    /// Mean absolute error.
    pub fn mae(&self) -> f64 {
        self.absolute_error / self.count
    }

    /// Root of the mean squared error.
    pub fn rmse(&self) -> f64 {
        (self.squared_error / self.count).sqrt()
    }
}

impl Loss {
    /// Keras's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::BinaryCrossentropy => "binary_crossentropy",
            Self::SparseCategoricalCrossentropy => "sparse_categorical_crossentropy",
            Self::MeanSquaredError => "mean_squared_error",
            Self::MeanAbsoluteError => "mean_absolute_error",
            Self::Huber => "huber",
        }
    }

    /// Whether the targets are classes; else they are numbers.
    pub fn has_classes(self) -> bool {
        self.required_activation().is_some()
    }

    /// Whether outputs of so many numbers are several labels at once.
    pub(super) fn has_labels(self, width: usize) -> bool {
        self == Self::BinaryCrossentropy && width > 1
    }

    /// The activation that the last layer must have, which the loss applies itself; numbers take any.
    pub(super) fn required_activation(self) -> Option<Activation> {
        match self {
            Self::BinaryCrossentropy => Some(Activation::Sigmoid),
            Self::SparseCategoricalCrossentropy => Some(Activation::Softmax),
            Self::MeanSquaredError | Self::MeanAbsoluteError | Self::Huber => None,
        }
    }

    /// Checks the model's output.
    ///
    /// # Errors
    /// When the loss does not fit, with what would fit.
    pub(super) fn fits(self, output: Shape, activation: Option<Activation>) -> Result<(), LayerConfigError> {
        let shape = || {
            let sizes =
                output.keras().iter().map(|n| n.map_or("None".into(), |n| n.to_string())).collect::<Vec<_>>();
            format!("({})", sizes.join(", "))
        };
        let refuse = |expected: &str, help: &str| {
            let found = format!("{} expects {expected}, but the model's output is {}", self.name(), shape());
            Err(LayerConfigError::new(found, help))
        };
        match (self, output) {
            (Self::BinaryCrossentropy, Shape::Vector { features: 1 }) => {}
            // Several labels at once.
            (Self::BinaryCrossentropy, Shape::Vector { .. }) if activation.is_some() => {}
            (Self::BinaryCrossentropy, _) => return refuse(ONE_NUMBER, ONE_SIGMOID),
            (
                Self::SparseCategoricalCrossentropy,
                Shape::Vector { features } | Shape::Sequence { features, .. },
            ) if features > 1 => {}
            (Self::SparseCategoricalCrossentropy, _) => {
                return refuse(
                    "a probability for each of several classes",
                    "end with `{layer: Dense, units: CLASSES, activation: softmax}`",
                );
            }
            (Self::MeanSquaredError | Self::MeanAbsoluteError | Self::Huber, Shape::Vector { .. }) => {}
            (Self::MeanSquaredError | Self::MeanAbsoluteError | Self::Huber, _) => {
                return refuse(
                    "numbers a sequence, (None, n)",
                    "end with `{layer: Dense, units: 1}` after a single vector",
                );
            }
        }
        match self.required_activation() {
            Some(required) if activation != Some(required) => {
                let has = activation.map_or("none", Activation::name);
                let found = format!(
                    "{} expects probabilities, but the last layer's activation is {has}",
                    self.name()
                );
                Err(LayerConfigError::of("activation", found, format!("it must be {}", required.name())))
            }
            _ => Ok(()),
        }
    }

    /// Adds up the loss of the rows of `out` that `mask` lets count; with `d`, writes `scale · ∂ΣL/∂out` there, `scale` being 1 ÷ the
    /// rows of the whole batch. `weights` are those of the classes, 1 where there are none.
    pub(super) fn score(
        self,
        out: &Block,
        targets: &TargetRows,
        mask: Option<&Mask>,
        weights: &[f32],
        scale: f32,
        d: Option<&mut Block>,
    ) -> Score {
        let (time, batch, width) = out.dim();
        let mut score = Score::default();
        let mut d = d;
        if let Some(d) = d.as_deref_mut() {
            d.reshape(time, batch, width);
            d.data_mut().copy_from_slice(out.data());
        }
        for (row, z) in out.data().chunks_exact(width.max(1)).enumerate() {
            let d = d.as_deref_mut().map(|d| &mut d.data_mut()[row * width..(row + 1) * width]);
            if mask.is_some_and(|mask| !mask.data()[row]) {
                d.into_iter().for_each(|d| d.fill(0.0));
                continue;
            }
            score.count += 1.0;
            if self.has_labels(width) {
                let Some(y) = targets.real.get(row * width..(row + 1) * width) else { continue };
                multi_label_loss(z, y, scale, &mut score, d);
            } else if self.has_classes() {
                let Some(class) = targets.classes.get(row).map(|c| *c as usize) else { continue };
                let weight = weights.get(class).copied().unwrap_or(1.0);
                let loss = match d {
                    Some(d) => self.class_loss_and_gradient(z, class, d, weight * scale),
                    None => self.class_loss(z, class),
                };
                score.loss += f64::from(weight) * loss;
                score.correct += f64::from(u8::from(self.predicted(z) == class));
            } else {
                let Some(y) = targets.real.get(row * width..(row + 1) * width) else { continue };
                self.regression_loss(z, y, scale, &mut score, d);
            }
        }
        score
    }

    /// The predicted class of logits `z`: the first of the greatest, as Keras's argmax; of one logit, 1 above 0.
    pub(super) fn predicted(self, z: &[f32]) -> usize {
        if self == Self::BinaryCrossentropy {
            return usize::from(z.first().is_some_and(|z| *z > 0.0));
        }
        let greatest = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        z.iter().position(|z| *z == greatest).unwrap_or(0)
    }

    /// Loss of logits `z` for `class`; [`UNSEEN_LOSS`] for one that the network has not.
    fn class_loss(self, z: &[f32], class: usize) -> f64 {
        let Some(own) = z.get(class).copied().filter(|_| self != Self::BinaryCrossentropy) else {
            let known = self == Self::BinaryCrossentropy && class < 2;
            return if known { binary_crossentropy(z[0], class as f32) } else { UNSEEN_LOSS };
        };
        let greatest = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = z.iter().map(|z| f64::from(z - greatest).exp()).sum();
        sum.ln() + f64::from(greatest) - f64::from(own)
    }

    /// [`Loss::class_loss`]; `d` holds the logits as well and becomes `scale · ∂L/∂z`.
    fn class_loss_and_gradient(self, z: &[f32], class: usize, d: &mut [f32], scale: f32) -> f64 {
        if self == Self::BinaryCrossentropy {
            kernel::sigmoid(d);
            d[0] = (d[0] - class as f32) * scale;
            return self.class_loss(z, class);
        }
        let log_sum = kernel::softmax_with_log_sum(d);
        if let Some(own) = d.get_mut(class) {
            *own -= 1.0;
        }
        d.iter_mut().for_each(|d| *d *= scale);
        log_sum - f64::from(z.get(class).copied().unwrap_or(f32::NAN))
    }

    /// Adds the mean loss of the numbers `a` for `y`; `d` contains `a` as well and becomes `scale · ∂L/∂a`.
    fn regression_loss(self, a: &[f32], y: &[f32], scale: f32, score: &mut Score, d: Option<&mut [f32]>) {
        let n = a.len() as f64;
        for (a, y) in a.iter().zip(y) {
            let e = f64::from(*a) - f64::from(*y);
            score.absolute_error += e.abs() / n;
            score.squared_error += e * e / n;
            score.loss += match self {
                Self::MeanAbsoluteError => e.abs(),
                Self::Huber if e.abs() <= 1.0 => 0.5 * e * e,
                Self::Huber => e.abs() - 0.5,
                Self::MeanSquaredError | Self::BinaryCrossentropy | Self::SparseCategoricalCrossentropy => {
                    e * e
                }
            } / n;
        }
        for (d, y) in d.into_iter().flatten().zip(y) {
            let e = *d - y;
            let slope = match self {
                Self::MeanAbsoluteError if e == 0.0 => 0.0,
                Self::MeanAbsoluteError => e.signum(),
                Self::Huber => e.clamp(-1.0, 1.0),
                Self::MeanSquaredError | Self::BinaryCrossentropy | Self::SparseCategoricalCrossentropy => {
                    2.0 * e
                }
            };
            *d = slope * scale / n as f32;
        }
    }
}

/// `max(z,0) − z·y + ln(1 + e^{−|z|})`.
fn binary_crossentropy(z: f32, y: f32) -> f64 {
    let (z, y) = (f64::from(z), f64::from(y));
    z.max(0.0) - z * y + (-z.abs()).exp().ln_1p()
}

/// Adds the mean loss of logits `z` for labels `y` (0 or 1 each) and the share that is right to `score`; `d` holds the logits as well and
/// becomes `scale · ∂L/∂z`.
fn multi_label_loss(z: &[f32], y: &[f32], scale: f32, score: &mut Score, d: Option<&mut [f32]>) {
    let n = z.len() as f64;
    for (z, y) in z.iter().zip(y) {
        score.loss += binary_crossentropy(*z, *y) / n;
        score.correct += f64::from(u8::from((*z > 0.0) == (*y > 0.5))) / n;
    }
    if let Some(d) = d {
        kernel::sigmoid(d);
        d.iter_mut().zip(y).for_each(|(d, y)| *d = (*d - y) * scale / n as f32);
    }
}
