//! How the distributions of the weights have changed over training.

use std::sync::Arc;

use super::thinned::Thinned;
use crate::protocol::WeightDistributions;

/// Rows at most: beyond that every second one is dropped.
const MOST_ROWS: usize = 64;

/// The distributions of all weight tensors over training, in bounded memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WeightHistory {
    rows: Thinned<Arc<WeightDistributions>, MOST_ROWS>,
}

impl WeightHistory {
    /// Adds the next distributions.
    pub fn add(&mut self, read: &WeightDistributions) {
        // Of earlier steps the pictures of kernels are not shown.
        if let Some(before) = self.rows.last_mut() {
            Arc::make_mut(before).tensors.iter_mut().for_each(|tensor| tensor.picture = None);
        }
        self.rows.push(Arc::new(read.clone()));
    }

    /// The distributions, evenly spread, the first and the latest among them.
    pub fn rows(&self) -> &[Arc<WeightDistributions>] {
        self.rows.items()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{KernelPicture, WeightDistribution};

    #[test]
    fn rows_are_bounded_and_the_latest_alone_has_pictures() {
        let mut history = WeightHistory::default();
        for step in 0..1000 {
            let picture = Some(KernelPicture { columns: 1, values: vec![1.0] });
            let tensor = WeightDistribution { picture, ..WeightDistribution::default() };
            history.add(&WeightDistributions { step, tensors: vec![tensor] });
            let rows = history.rows();
            assert!(rows.len() <= MOST_ROWS && rows[0].step == 0 && rows[rows.len() - 1].step == step);
            let with_picture = rows.iter().filter(|row| row.tensors[0].picture.is_some()).count();
            assert_eq!(with_picture, 1);
        }
    }
}
