use super::{Order, RecurrentCache};
use crate::nn::Block;

/// The states that a stateful layer, or one direction of it, carries from one batch to the next. Empty before the first batch, and
/// always for layers that are not stateful.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CarriedState {
    /// The hidden state of every sequence, `[1, batch, units]`.
    pub h: Block,
    /// The cell state; zeros for cells without one.
    pub c: Block,
}

impl CarriedState {
    /// Whether there is no state to begin with.
    pub fn is_empty(&self) -> bool {
        self.h.data().is_empty()
    }

    /// The next batch begins at zero.
    pub fn clear(&mut self) {
        self.h.reshape(0, 0, 0);
        self.c.reshape(0, 0, 0);
    }

    /// Takes over the last states of a batch.
    pub(super) fn store(&mut self, cache: &RecurrentCache, order: Order) {
        let (_, batch, units) = cache.h.dim();
        let last = order.position(order.time - 1);
        for (state, states) in [(&mut self.h, &cache.h), (&mut self.c, &cache.c)] {
            state.zeroed(1, batch, units);
            let states = states.part(last);
            state.data_mut()[..states.len()].copy_from_slice(states);
        }
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.h.bytes() + self.c.bytes()
    }
}
