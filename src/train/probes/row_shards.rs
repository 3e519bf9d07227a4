//! Rows of ids that all threads evaluate together.

use ndarray::{Array2, Array3, Axis, concatenate};

use crate::data::Inputs;
use crate::kernel::ThreadPool;
use crate::nn::{Mode, Model, Params, Shard, TargetsView};
use crate::step::network_input;

/// The rows of a shard, at least: fewer are not worth another thread.
const FEWEST_ROWS: usize = 8;

/// Rows of ids in shards, one a thread. What a row gives does not depend on its shard.
#[derive(Debug)]
pub(super) struct RowShards(Vec<(Inputs, Shard)>);

impl RowShards {
    /// Distributes the rows of `ids` over up to `threads` shards.
    pub fn new(ids: &Array2<u32>, threads: usize, model: &Model, params: &Params) -> Self {
        let rows = ids.nrows().div_ceil(threads.max(1)).max(FEWEST_ROWS);
        let shard = |ids: Array2<u32>| (Inputs::Tokens(ids), Shard::new(model, params));
        let mut shards: Vec<_> =
            ids.axis_chunks_iter(Axis(0), rows).map(|part| shard(part.to_owned())).collect();
        if shards.is_empty() {
            shards.push(shard(ids.clone()));
        }
        Self(shards)
    }

    /// The outputs of all rows, `[row, step, output]`.
    pub fn outputs(&mut self, model: &Model, params: &Params, pool: &mut ThreadPool) -> Array3<f32> {
        pool.run(&mut self.0, |_, (inputs, shard)| {
            // Each row starts with a zero state, also with stateful layers.
            shard.reset_states();
            shard.load(network_input(inputs), TargetsView::None);
            shard.forward(model, params, Mode::Evaluate);
        });
        let outputs: Vec<_> = self.0.iter().map(|(_, shard)| shard.output(model)).collect();
        let views: Vec<_> = outputs.iter().map(|output| output.view()).collect();
        // All shards have outputs of one shape.
        concatenate(Axis(0), &views).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Dense, Embedding, GRU, Loss, Shape};

    #[test]
    fn the_outputs_do_not_depend_on_the_number_of_threads() {
        let layers = [
            Embedding { output_dim: 4, ..Embedding::default() }.into(),
            GRU { units: 5, ..GRU::default() }.into(),
            Dense { units: 1, ..Dense::default() }.into(),
        ];
        let input = Shape::Ids { time: 6, vocabulary: 9 };
        let model = Model::build(&layers, input, Loss::MeanSquaredError).unwrap();
        let mut params = model.params();
        params.initialize(1);
        let ids = Array2::from_shape_fn((37, 6), |(row, t)| ((row * 5 + t * 3) % 9) as u32);
        let outputs = |threads: usize| {
            let mut rows = RowShards::new(&ids, threads, &model, &params);
            assert_eq!(rows.0.len(), threads.min(37_usize.div_ceil(FEWEST_ROWS)));
            rows.outputs(&model, &params, &mut ThreadPool::new(threads).unwrap())
        };
        let one = outputs(1);
        assert_eq!(one.dim(), (37, 1, 1));
        assert!((2..=4).all(|threads| outputs(threads) == one));
    }
}
