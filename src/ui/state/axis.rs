//! Where a point lies: the three x axes that every curve can be drawn over.

/// What the x axis of the curves counts.
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

    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Epoch => "epoch",
            Self::Time => "time",
        }
    }
}

/// A place on all three axes at once.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Place {
    /// Optimizer updates made.
    pub step: u64,
    /// Epochs gone, with their fraction.
    pub epoch: f64,
    /// Seconds of training gone.
    pub seconds: f64,
}

impl Place {
    /// The coordinate on `axis`.
    pub fn on(&self, axis: XAxis) -> f64 {
        match axis {
            XAxis::Step => self.step as f64,
            XAxis::Epoch => self.epoch,
            XAxis::Time => self.seconds,
        }
    }
}
