use ndarray::ArrayView2;

use super::{Mask, Shape};

/// A view of the targets of some sequences, batch first.
#[derive(Debug, Clone, Copy)]
pub enum TargetsView<'a> {
    /// No targets: prediction only.
    None,
    /// One class a sequence.
    Classes(&'a [u32]),
    /// A class at every time step: `[batch, time]`.
    Steps(ArrayView2<'a, u32>),
    /// Numbers a sequence: `[batch, outputs]`.
    Real(ArrayView2<'a, f32>),
}

/// The target of every row of the model's output, time step after time step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TargetRows {
    /// One a row, for classes.
    pub(super) classes: Vec<u32>,
    /// As many a row as the output has features, for numbers.
    pub(super) real: Vec<f32>,
}

impl TargetRows {
    pub(super) fn load(&mut self, answers: TargetsView<'_>) {
        self.classes.clear();
        self.real.clear();
        match answers {
            TargetsView::None => {}
            TargetsView::Classes(classes) => self.classes.extend_from_slice(classes),
            // Columns are time steps: column after column is time-major.
            TargetsView::Steps(table) => self.classes.extend(table.columns().into_iter().flatten()),
            TargetsView::Real(table) => self.real.extend(table.rows().into_iter().flatten()),
        }
    }

    /// How many rows of `output` the loss counts: sequences, or the unmasked steps of all sequences.
    pub(super) fn weight(&self, output: Shape, mask: Option<&Mask>) -> f64 {
        match (output, mask) {
            (Shape::Sequence { .. }, Some(mask)) => mask.count() as f64,
            _ if self.real.is_empty() => self.classes.len() as f64,
            (_, _) => output.features("").map_or(0.0, |f| (self.real.len() / f.max(1)) as f64),
        }
    }
}
