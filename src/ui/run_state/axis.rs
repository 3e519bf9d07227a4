//! The three x axes of a curve: steps, epochs and time.

/// The unit of the x axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum XAxis {
    /// Optimizer updates.
    #[default]
    Step,
    /// Passes over the training data, with their fractions.
    Epoch,
    /// Seconds of training, pauses not counted.
    Time,
}

impl XAxis {
    /// The axis after this one.
    pub fn next(self) -> Self {
        match self {
            Self::Step => Self::Epoch,
            Self::Epoch => Self::Time,
            Self::Time => Self::Step,
        }
    }

    /// The axis's label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Epoch => "epoch",
            Self::Time => "time",
        }
    }
}

/// The position of a point on all three x axes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct XPosition {
    /// Optimizer updates so far.
    pub step: u64,
    /// Epochs so far, with their fraction.
    pub epoch: f64,
    /// Seconds of training so far.
    pub seconds: f64,
}

impl XPosition {
    /// The coordinate on `axis`.
    pub fn on(&self, axis: XAxis) -> f64 {
        match axis {
            XAxis::Step => self.step as f64,
            XAxis::Epoch => self.epoch,
            XAxis::Time => self.seconds,
        }
    }
}
