use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

use crate::kernel::recurrent::PackedMatrix;

/// Identifies the values of weights: whoever has seen a revision has seen the same numbers, as every change makes a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision(u64);

impl Revision {
    /// One that nothing has had before.
    pub(super) fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

/// A kernel in the layouts that steps read, forward and backward: see [`kernel::recurrent`](crate::kernel::recurrent). Backward, that of an
/// input projection is read segment by segment.
///
/// The first thread that needs a layout packs the weights; all others, with other shards of the batch, read the same memory. They are packed
/// again only when the weights have changed: where a network reads one step at a time, that would take longer than the step.
#[derive(Debug, Default)]
pub struct PackedWeights {
    forward: Layout,
    backward: Layout,
}

/// One of the layouts.
#[derive(Debug, Default)]
struct Layout {
    packing: RwLock<Packing>,
    /// Of the thread that packs: others wait for it here, and never ask to write what someone reads, which would make them wait until that
    /// pass ends, and further readers with them.
    packer: Mutex<()>,
}

/// Weights as they lie in a layout.
#[derive(Debug, Default)]
struct Packing {
    /// For the first product of a step, and for the second where there is one.
    matrices: [PackedMatrix; 2],
    /// Of the weights in `matrices`; `None` while there are none.
    revision: Option<Revision>,
}

/// Weights of the current revision, packed: for the first product of a step, and for the second where there is one. They stay while this
/// exists.
#[derive(Debug)]
pub(super) struct CurrentPacking<'a>(RwLockReadGuard<'a, Packing>);

impl Deref for CurrentPacking<'_> {
    type Target = [PackedMatrix; 2];

    fn deref(&self) -> &[PackedMatrix; 2] {
        &self.0.matrices
    }
}

impl Clone for PackedWeights {
    /// Nothing is packed yet: weights are copied to be changed.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PackedWeights {
    /// The weights of `revision` for steps forward, which `pack` packs if nobody has yet.
    pub(super) fn forward(
        &self,
        revision: Revision,
        pack: impl FnOnce(&mut [PackedMatrix; 2]),
    ) -> CurrentPacking<'_> {
        self.forward.current(revision, pack)
    }

    /// The same for steps backward.
    pub(super) fn backward(
        &self,
        revision: Revision,
        pack: impl FnOnce(&mut [PackedMatrix; 2]),
    ) -> CurrentPacking<'_> {
        self.backward.current(revision, pack)
    }
}

impl Layout {
    fn current(&self, revision: Revision, pack: impl FnOnce(&mut [PackedMatrix; 2])) -> CurrentPacking<'_> {
        // Poisoned is what a panic left half packed; its revision is set last.
        let read = || self.packing.read().unwrap_or_else(PoisonError::into_inner);
        let packing = read();
        if packing.revision == Some(revision) {
            return CurrentPacking(packing);
        }
        drop(packing);
        let _packer = self.packer.lock().unwrap_or_else(PoisonError::into_inner);
        if read().revision != Some(revision) {
            let mut packing = self.packing.write().unwrap_or_else(PoisonError::into_inner);
            packing.revision = None;
            pack(&mut packing.matrices);
            packing.revision = Some(revision);
        }
        CurrentPacking(read())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::kernel::Matrix;
    use crate::nn::{Cell, LSTM, Loss, Model, Params, Shape, SimpleRNN};

    fn params(cell: &LSTM) -> Params {
        let shape = Shape::Sequence { time: 2, features: 3 };
        Model::build(&[cell.clone().into()], shape, Loss::MeanSquaredError).unwrap().params()
    }

    #[test]
    fn weights_are_packed_when_they_have_changed() {
        let cell = LSTM { units: 4, ..LSTM::default() };
        let mut params = params(&cell);
        let packs = |params: &Params| {
            let (weights, mut count) = (params.of(0), [0; 2]);
            let kernel = Matrix::new(weights.get(1), 4, 16);
            weights.packed(1).forward(weights.revision(), |packed| {
                cell.pack_forward(kernel, packed);
                count[0] += 1;
            });
            weights.packed(1).backward(weights.revision(), |packed| {
                cell.pack_backward(kernel, packed);
                count[1] += 1;
            });
            count
        };
        assert_eq!(packs(&params), [1, 1]);
        assert_eq!(packs(&params), [0, 0]);
        let copy = params.clone();
        assert_eq!((packs(&copy), packs(&copy)), ([1, 1], [0, 0]), "a copy packs its own");
        let changes: [fn(&mut Params); 5] = [
            |params| params.initialize(1),
            |params| params.values_mut().fill(0.5),
            |params| params.trainable_mut().fill(0.25),
            |params| params.constrain(&mut Vec::new()),
            |params| params.pair_mut(0, 1).unwrap()[0].fill(0.125),
        ];
        for change in changes {
            change(&mut params);
            assert_eq!(packs(&params), [1, 1]);
            assert_eq!(packs(&params), [0, 0]);
        }
    }

    #[test]
    fn bytes_are_those_of_recurrent_kernels_and_of_kernels_whose_input_has_a_gradient() {
        let shape = Shape::Sequence { time: 2, features: 3 };
        let bytes = |units: &[usize]| {
            let layer = |(i, width): (usize, &usize)| {
                let return_sequences = i + 1 < units.len();
                SimpleRNN { units: *width, return_sequences, ..SimpleRNN::default() }.into()
            };
            let layers = units.iter().enumerate().map(layer).collect::<Vec<_>>();
            Model::build(&layers, shape, Loss::MeanSquaredError).unwrap().packed_bytes()
        };
        // 24 units in two vectors of 16, 10 in one, 6 in half a one.
        assert_eq!(bytes(&[24]), 4 * 2 * 24 * 32);
        assert_eq!(bytes(&[24, 10, 6]), 4 * (2 * 24 * 32 + 10 * (2 * 16 + 32) + 6 * (2 * 8 + 16)));
    }

    #[test]
    fn threads_share_what_one_of_them_has_packed() {
        let cell = LSTM { units: 40, ..LSTM::default() };
        let mut params = params(&cell);
        for round in 0..20 {
            params.initialize(round);
            let (count, start, weights) = (AtomicUsize::new(0), Barrier::new(4), params.of(0));
            let read = || {
                start.wait();
                let packed = weights.packed(1).forward(weights.revision(), |packed| {
                    count.fetch_add(1, Ordering::Relaxed);
                    cell.pack_forward(Matrix::new(weights.get(1), 40, 160), packed);
                });
                &raw const packed[0] as usize
            };
            let places = std::thread::scope(|scope| {
                let threads = [(); 4].map(|()| scope.spawn(read));
                threads.map(|thread| thread.join().unwrap())
            });
            assert_eq!(places, [places[0]; 4]);
            assert_eq!(count.into_inner(), 1, "round {round}");
        }
    }
}
