use serde::{Deserialize, Serialize};

/// Sums over the rows that the loss counts (sequences, or unmasked steps), so that shards add up; the caller divides by the count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
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
    /// Sum of the activity penalties of the sequences, where layers have any.
    #[serde(skip)]
    pub activity: f64,
    /// The sequences of that sum.
    #[serde(skip)]
    pub sequences: f64,
}

impl Score {
    /// Adds the sums of others.
    pub fn add(&mut self, other: Self) {
        self.loss += other.loss;
        self.correct += other.correct;
        self.absolute_error += other.absolute_error;
        self.squared_error += other.squared_error;
        self.count += other.count;
        self.activity += other.activity;
        self.sequences += other.sequences;
    }

    /// The mean activity penalty of a sequence, a part of the loss beside [`Score::mean_loss`].
    pub fn activity_penalty(&self) -> f64 {
        if self.sequences > 0.0 { self.activity / self.sequences } else { 0.0 }
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
