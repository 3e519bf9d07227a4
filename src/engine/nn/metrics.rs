//! Metrics beside the loss.

use super::{Block, Loss, Mask, Model, Shape, TargetRows};
use crate::metrics::Confusion;

impl Model {
    /// The number of labels that the model predicts at once, each with a probability of its own; `None` for other tasks.
    pub fn labels(&self) -> Option<usize> {
        self.output.features("").ok().filter(|width| self.loss().has_labels(*width))
    }

    /// The number of classes; `None` for a model that predicts numbers, or several labels at once.
    pub fn classes(&self) -> Option<usize> {
        match (self.loss(), self.output) {
            _ if self.labels().is_some() => None,
            (loss, _) if loss.is_binary() => Some(2),
            (loss, output) if loss.has_classes() => output.features("").ok(),
            _ => None,
        }
    }

    /// Whether the model gives a probability for each token of its own vocabulary at every time step: a language model.
    pub fn is_next_token(&self) -> bool {
        let vocabulary = self.nodes.iter().flat_map(|node| &node.shapes).find_map(|shape| match shape {
            Shape::Ids { vocabulary, .. } => Some(*vocabulary),
            _ => None,
        });
        matches!(self.output, Shape::Sequence { .. }) && vocabulary.is_some() && self.classes() == vocabulary
    }
}

/// Counts each row of `out`, logits, that `mask` lets count under its true class and the class it is taken for.
pub(super) fn update_confusion(
    loss: Loss,
    out: &Block,
    targets: &TargetRows,
    mask: Option<&Mask>,
    confusion: &mut Confusion,
) {
    let (_, _, width) = out.dim();
    let rows = out.data().chunks_exact(width.max(1)).zip(&targets.classes).enumerate();
    for (row, (z, class)) in rows {
        if mask.is_some_and(|mask| !mask.data()[row]) {
            continue;
        }
        confusion.add(*class as usize, loss.predicted(z));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_under_what_they_are_taken_for_and_padding_is_not() {
        let mut out = Block::default();
        out.reshape(2, 2, 3);
        // Step 0: classes 2 and 0; step 1: class 1 (the first of equals) and padding.
        out.data_mut().copy_from_slice(&[0.0, 1.0, 2.0, 5.0, 1.0, 2.0, -1.0, 3.0, 3.0, 9.0, 0.0, 0.0]);
        let targets = TargetRows { classes: vec![2, 1, 1, 0], real: vec![] };
        let mut mask = Mask::default();
        mask.of_ids(&ids(&[[1, 1], [1, 0]]));
        let mut confusion = Confusion::new(3);
        update_confusion(Loss::SparseCategoricalCrossentropy, &out, &targets, Some(&mask), &mut confusion);
        assert_eq!(confusion.counts, [0, 0, 0, 1, 1, 0, 0, 0, 1]);
    }

    #[test]
    fn one_logit_tells_two_classes_apart() {
        let mut out = Block::default();
        out.reshape(1, 3, 1);
        out.data_mut().copy_from_slice(&[-0.1, 0.1, 0.0]);
        let targets = TargetRows { classes: vec![1, 1, 0], real: vec![] };
        let mut confusion = Confusion::new(2);
        update_confusion(Loss::BinaryCrossentropy, &out, &targets, None, &mut confusion);
        assert_eq!(confusion.counts, [1, 0, 1, 1]);
    }

    /// Ids `[time][batch]`.
    fn ids(steps: &[[u32; 2]]) -> crate::nn::Ids {
        let mut ids = crate::nn::Ids::default();
        let table = ndarray::Array2::from_shape_fn((2, steps.len()), |(b, t)| steps[t][b]);
        ids.from_batch_major(table.view());
        ids
    }
}
