use crate::kernel::Matrix;
use crate::kernel::recurrent::PackedMatrix;
use crate::nn::{Revision, Weights};

use super::Cell;

/// Recurrent weights in the order in which the steps read them: see [`kernel::recurrent`](crate::kernel::recurrent). They are packed
/// again only when the weights have changed: where a network reads one step at a time, that would take longer than the step.
#[derive(Debug, Default)]
pub struct PackedWeights {
    /// For the first product of a step forward, and for the second where there is one.
    pub forward: [PackedMatrix; 2],
    /// The same for a step backward.
    pub backward: [PackedMatrix; 2],
    /// Of the weights in `forward` and in `backward`; `None` while there are none.
    revisions: [Option<Revision>; 2],
}

impl PackedWeights {
    /// Packs `recurrent`, which is one of `weights`, for the forward pass of `cell`.
    pub fn begin_forward(&mut self, cell: &dyn Cell, recurrent: Matrix<'_>, weights: Weights<'_>) {
        if self.revisions[0].replace(weights.revision()) != Some(weights.revision()) {
            cell.pack_forward(recurrent, self);
        }
    }

    /// The same for the backward pass.
    pub fn begin_backward(&mut self, cell: &dyn Cell, recurrent: Matrix<'_>, weights: Weights<'_>) {
        if self.revisions[1].replace(weights.revision()) != Some(weights.revision()) {
            cell.pack_backward(recurrent, self);
        }
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.forward.iter().chain(&self.backward).map(PackedMatrix::bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{LSTM, Loss, Model, Params, Shape};

    #[test]
    fn weights_are_packed_when_they_have_changed() {
        let cell = LSTM { units: 4, ..LSTM::default() };
        let shape = Shape::Sequence { time: 2, features: 3 };
        let mut params =
            Model::build(&[cell.clone().into()], shape, Loss::MeanSquaredError).unwrap().params();
        let mut packed = PackedWeights::default();
        let mut sizes_after_packing = |params: &Params| {
            (packed.forward, packed.backward) = Default::default();
            let weights = params.of(0);
            packed.begin_forward(&cell, Matrix::new(&weights[1], 4, 16), weights);
            let forward = packed.bytes();
            packed.begin_backward(&cell, Matrix::new(&weights[1], 4, 16), weights);
            (forward > 0, packed.bytes() > forward)
        };
        assert_eq!(sizes_after_packing(&params), (true, true));
        assert_eq!(sizes_after_packing(&params), (false, false));
        assert_eq!(sizes_after_packing(&params.clone()), (false, false));
        let changes: [fn(&mut Params); 4] = [
            |params| params.initialize(1),
            |params| params.values_mut().fill(0.5),
            |params| params.trainable_mut().fill(0.25),
            |params| params.constrain(&mut Vec::new()),
        ];
        for change in changes {
            change(&mut params);
            assert_eq!(sizes_after_packing(&params), (true, true));
        }
    }
}
