use super::Cell;
use crate::nn::Block;

/// Why a [`CarriedState`] cannot be put back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CarriedStateError {
    /// There are more or fewer states than recurrent layers and directions.
    #[error("{found} carried states for a model of {expected} recurrent layers and directions")]
    Count {
        /// States handed over.
        found: usize,
        /// States that the model has.
        expected: usize,
    },
    /// The batch was split differently, by an earlier version of the program.
    #[error(
        "carried states of shards of {found} sequences, where a batch is split into shards of {expected}; train again"
    )]
    Split {
        /// Sequences of a shard whose states are handed over.
        found: usize,
        /// Sequences of a shard of such a batch.
        expected: usize,
    },
    /// A state is of another layer.
    #[error("a carried state of shapes {h:?} and {c:?} for a layer of {units} units")]
    Shape {
        /// Shape of the hidden state.
        h: (usize, usize, usize),
        /// Shape of the cell state.
        c: (usize, usize, usize),
        /// Units of the layer.
        units: usize,
    },
}

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

    /// Checks that it belongs to a layer of `cell`'s size.
    ///
    /// # Errors
    /// When h and c are neither empty nor `[1, batch, units]`.
    pub(in crate::nn) fn check(&self, cell: &dyn Cell) -> Result<(), CarriedStateError> {
        let (h, c, units) = (self.h.dim(), self.c.dim(), cell.settings().units);
        let fits = h == c && (self.is_empty() || (h.0, h.2) == (1, units));
        if fits { Ok(()) } else { Err(CarriedStateError::Shape { h, c, units }) }
    }

    /// The next batch begins at zero.
    pub fn clear(&mut self) {
        self.h.reshape(0, 0, 0);
        self.c.reshape(0, 0, 0);
    }

    /// The state of one sequence becomes that of each of `sequences`.
    pub(in crate::nn) fn repeat(&mut self, sequences: usize) {
        for state in [&mut self.h, &mut self.c] {
            let (time, _, units) = state.dim();
            let one = state.data().get(..units).unwrap_or_default().to_vec();
            state.reshape(time, sequences, units);
            state.data_mut().chunks_exact_mut(units.max(1)).for_each(|row| row.copy_from_slice(&one));
        }
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.h.bytes() + self.c.bytes()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array;

    use super::*;
    use crate::nn::{
        Bidirectional, Dense, GRU, Gradient, Input, LSTM, LayerNode, LayerSpec, Loss, Merge, Mode, Model,
        Params, Shape, Shard, SimpleRNN, TargetsView,
    };

    fn model(layer: LayerSpec) -> (Model, Params) {
        let layers: [LayerNode; 2] = [layer.into(), Dense { units: 2, ..Dense::default() }.into()];
        let model =
            Model::build(&layers, Shape::Sequence { time: 5, features: 3 }, Loss::MeanSquaredError).unwrap();
        let mut params = model.params();
        params.initialize(3);
        (model, params)
    }

    /// One step; the bits of output and gradient.
    fn step(model: &Model, params: &Params, shard: &mut Shard, step: u64) -> Vec<u32> {
        let number = |i: usize| ((i as f32 + 100.0 * step as f32) * 0.7).sin();
        let x = Array::from_shape_fn((4, 5, 3), |(b, t, f)| number(b * 15 + t * 3 + f));
        let targets = Array::from_shape_fn((4, 2), |(b, i)| number(1000 + b * 2 + i));
        shard.load(Input::Real(x.view()), TargetsView::Real(targets.view()));
        shard.forward(model, params, Mode::Train { seed: 1, step, first_row: 0 });
        shard.backward(model, params, 4.0, None);
        let mut gradient = Gradient::new(model, params);
        gradient.sum(params, std::iter::once(&*shard), &mut crate::kernel::ThreadPool::new(1).unwrap());
        shard.logits().data().iter().chain(gradient.values()).map(|x| x.to_bits()).collect()
    }

    #[test]
    fn a_state_put_into_a_fresh_shard_continues_with_the_same_bits() {
        let lstm = LSTM { units: 6, stateful: true, recurrent_dropout: 0.3, ..LSTM::default() };
        let layers: [LayerSpec; 4] = [
            SimpleRNN { units: 6, stateful: true, ..SimpleRNN::default() }.into(),
            GRU { units: 6, stateful: true, ..GRU::default() }.into(),
            Bidirectional { of: Box::new(lstm.clone().into()), merge_mode: Merge::Sum }.into(),
            lstm.into(),
        ];
        for layer in layers {
            let (model, params) = model(layer);
            let mut shard = Shard::new(&model, &params);
            (0..3).for_each(|k| drop(step(&model, &params, &mut shard, k)));
            let state = shard.carried_state(&model);
            assert!(state.iter().all(|state| !state.is_empty()));
            let expected = step(&model, &params, &mut shard, 3);
            let mut fresh = Shard::new(&model, &params);
            fresh.set_carried_state(&model, state).unwrap();
            assert_eq!(step(&model, &params, &mut fresh, 3), expected);
            let mut at_zero = Shard::new(&model, &params);
            assert_ne!(step(&model, &params, &mut at_zero, 3), expected, "the state takes part");
        }
    }

    #[test]
    fn a_state_of_another_model_is_an_error() {
        let (model, params) = model(GRU { units: 6, stateful: true, ..GRU::default() }.into());
        let mut shard = Shard::new(&model, &params);
        assert!(shard.carried_state(&model)[0].is_empty());
        let error = shard.set_carried_state(&model, Vec::new()).unwrap_err();
        assert_eq!(error, CarriedStateError::Count { found: 0, expected: 1 });
        let mut state = CarriedState::default();
        state.h.zeroed(1, 4, 5);
        state.c.zeroed(1, 4, 5);
        let error = shard.set_carried_state(&model, vec![state]).unwrap_err();
        assert!(error.to_string().ends_with("for a layer of 6 units"), "{error}");
    }
}
