use super::series::Series;

/// One metric on training and on validation data.
#[derive(Debug, Clone, Default)]
pub struct Curves {
    /// One point per step.
    pub train: Series,
    /// One point per validation: after every epoch, and between epochs where the preset says so.
    pub validation: Series,
}

impl Curves {
    /// The curve of the training data, or that of the validation data if there is no other.
    pub fn train_or_validation(&self) -> &Series {
        if self.train.is_empty() { &self.validation } else { &self.train }
    }
}
