use serde::{Deserialize, Serialize};

use super::{Activation, Block, Misfit, Shape, Targets};
use crate::kernel;

/// What training makes small, by Keras's name.
///
/// A loss works on *logits*: the model takes the last layer's sigmoid off and hands it to the loss, which is the same function
/// and exact where a rounded probability of 0 or 1 would not be (Keras does so as well: `from_logits`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// ```text
    /// L = −y·ln p − (1−y)·ln(1−p),  p = σ(z)        = max(z,0) − z·y + ln(1 + e^{−|z|})
    /// ∂L/∂z = p − y
    /// ```
    /// Source: `keras/src/losses/losses.py`, `binary_crossentropy`.
    BinaryCrossentropy,
}

/// Sums over sequences, so that shards add up; means are for whoever knows the count.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Score {
    /// Sum of the losses.
    pub loss: f64,
    /// How many were right.
    pub correct: f64,
    /// How many there were.
    pub count: f64,
}

impl Score {
    /// Adds the sums of others.
    pub fn add(&mut self, other: Self) {
        self.loss += other.loss;
        self.correct += other.correct;
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
}

impl Loss {
    /// Keras's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::BinaryCrossentropy => "binary_crossentropy",
        }
    }

    /// The activation that the last layer must have; the loss takes it over.
    pub(super) fn link(self) -> Activation {
        match self {
            Self::BinaryCrossentropy => Activation::Sigmoid,
        }
    }

    /// Checks the model's output.
    ///
    /// # Errors
    /// When the loss cannot judge it, with what it could.
    pub(super) fn fits(self, output: Shape, activation: Option<Activation>) -> Result<(), Misfit> {
        match (self, output) {
            (Self::BinaryCrossentropy, Shape::Vector { features: 1 }) => {}
            (Self::BinaryCrossentropy, _) => {
                let shape = output
                    .keras()
                    .iter()
                    .map(|n| n.map_or("None".into(), |n| n.to_string()))
                    .collect::<Vec<_>>();
                let found = format!(
                    "binary_crossentropy judges one number a sequence, (None, 1), but the model's output is ({})",
                    shape.join(", ")
                );
                return Err(Misfit::new(found, "end with `{layer: Dense, units: 1, activation: sigmoid}`"));
            }
        }
        if activation == Some(self.link()) {
            return Ok(());
        }
        let found = format!(
            "{} judges probabilities, but the last layer's activation is {}",
            self.name(),
            activation.map_or("none", Activation::name)
        );
        Err(Misfit::of("activation", found, format!("it must be {}", self.link().name())))
    }

    /// Adds up the loss of `logits` `[1, batch, 1]`; with `d`, writes `scale · ∂ΣL/∂z` there (`scale` is 1 ÷ the whole batch).
    pub(super) fn score(self, logits: &Block, targets: &Targets, scale: f32, d: Option<&mut Block>) -> Score {
        let Targets::Classes(classes) = targets;
        let mut score = Score::default();
        for (z, class) in logits.data().iter().zip(classes) {
            let (z, y) = (f64::from(*z), f64::from(*class));
            score.loss += z.max(0.0) - z * y + (-z.abs()).exp().ln_1p();
            score.correct += f64::from(u8::from((z > 0.0) == (y > 0.5)));
            score.count += 1.0;
        }
        if let Some(d) = d {
            let (time, batch, features) = logits.dim();
            d.reshape(time, batch, features);
            d.data_mut().copy_from_slice(logits.data());
            kernel::sigmoid(d.data_mut());
            d.data_mut().iter_mut().zip(classes).for_each(|(p, class)| *p = (*p - *class as f32) * scale);
        }
        score
    }
}
