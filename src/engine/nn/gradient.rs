//! The gradient of a batch: the sum over its shards, in a fixed order.

use std::ops::Range;

use super::{Model, Params, Regularizer, Shard};
use crate::kernel::{
    AlignedVec, RowState, SumOfSquares, ThreadPool, add_column_sums, add_rows, complete_rows,
};

/// Numbers of a chunk at least, if there are as many: handing one out is nothing beside working on it.
const CHUNK: usize = 1 << 15;
/// Numbers that are summed over all shards before the next: they stay in the first-level cache.
const BLOCK: usize = 1 << 12;

/// The gradient of a batch's mean loss: the sum over its shards, always in their order, plus the gradient of the regularizers. Only of
/// weights that learn.
///
/// It is cut into chunks by the model alone, and each is summed by one thread: the same bits at any number of threads. Of a table of
/// which a batch touches few rows ([`has_sparse_gradient`](super::Layer::has_sparse_gradient)) only those are added, and those touched before made 0
/// again.
#[derive(Debug)]
pub struct Gradient {
    values: AlignedVec,
    chunks: Vec<Chunk>,
}

/// Neighbouring parts of tensors, which one thread sums.
#[derive(Debug, Default)]
struct Chunk {
    len: usize,
    parts: Vec<Part>,
}

/// Some rows of a tensor.
#[derive(Debug)]
struct Part {
    /// The tensor's number in [`Params::table`].
    tensor: usize,
    layer: usize,
    /// Its place among the layer's parameters.
    place: Range<usize>,
    /// Of a table.
    rows: Option<SparseRows>,
    squares: SumOfSquares,
}

/// Some rows of a table of which a batch touches few.
#[derive(Debug)]
struct SparseRows {
    width: usize,
    first: usize,
    /// What is in each. Between batches none is stale.
    states: Vec<RowState>,
}

impl Gradient {
    /// The gradient of `model`, all zero.
    pub fn new(model: &Model, params: &Params) -> Self {
        let mut chunks = vec![Chunk::default()];
        for (layer, node) in model.nodes.iter().enumerate().filter(|(_, node)| node.trainable) {
            let span = params.span(layer);
            let has_sparse_gradient = node.spec.layer().has_sparse_gradient();
            for tensor in params.tensors(layer).filter(|tensor| params.table()[*tensor].trainable) {
                let param = &params.table()[tensor];
                let width = param.shape.iter().skip(1).product::<usize>().max(1);
                let place = param.range.start - span.start..param.range.end - span.start;
                let mut start = place.start;
                while start < place.end {
                    let left = chunks.last().map_or(0, |chunk| CHUNK.saturating_sub(chunk.len));
                    if left == 0 {
                        chunks.push(Chunk::default());
                        continue;
                    }
                    // Whole rows, the last of them perhaps beyond the chunk's size.
                    let end = (start + left.div_ceil(width) * width).min(place.end);
                    let rows =
                        has_sparse_gradient.then(|| SparseRows::new(width, start - place.start, end - start));
                    let squares = SumOfSquares::default();
                    if let Some(chunk) = chunks.last_mut() {
                        chunk.len += end - start;
                        chunk.parts.push(Part { tensor, layer, place: start..end, rows, squares });
                    }
                    start = end;
                }
            }
        }
        Self { values: AlignedVec::filled(params.trainable().len(), 0.0), chunks }
    }

    /// Computes the gradient after [`Shard::backward`] of all `shards` of a batch, on the threads of `pool`.
    pub fn sum<'a>(
        &mut self,
        params: &Params,
        shards: impl Iterator<Item = &'a Shard> + Clone + Sync,
        pool: &mut ThreadPool,
    ) {
        let mut values = &mut *self.values;
        let chunks = self.chunks.iter_mut().filter_map(|chunk| {
            let values = values.split_off_mut(..chunk.len)?;
            Some((chunk, values))
        });
        pool.for_each(chunks, |(chunk, mut values)| {
            for part in &mut chunk.parts {
                if let Some(values) = values.split_off_mut(..part.place.len()) {
                    part.sum(params, shards.clone(), values);
                }
            }
        });
    }

    /// Laid out as [`Params::trainable`].
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Each tensor of `params` that learns, to be clipped, with the L2 norm of its gradient.
    pub fn tensors_mut<'a>(&'a mut self, params: &'a Params) -> impl Iterator<Item = (&'a mut [f32], f64)> {
        let Self { values, chunks } = self;
        let mut values = &mut **values;
        let learning = params.table().iter().enumerate().filter(|(_, param)| param.trainable);
        learning.filter_map(move |(tensor, param)| {
            Some((values.split_off_mut(..param.range.len())?, norm_of(chunks, tensor)))
        })
    }

    /// The L2 norm of the gradient of each tensor of `params` that learns.
    pub fn norms<'a>(&'a self, params: &'a Params) -> impl Iterator<Item = f64> {
        let learning = params.table().iter().enumerate().filter(|(_, param)| param.trainable);
        learning.map(|(tensor, _)| self.norm_of(tensor))
    }

    /// Its L2 norm.
    pub fn norm(&self) -> f64 {
        let parts = self.chunks.iter().flat_map(|chunk| &chunk.parts);
        parts.map(|part| part.squares.total()).sum::<f64>().sqrt()
    }

    /// The L2 norm of the part that belongs to the `tensor`-th of [`Params::table`]; 0 of one that does not learn.
    pub fn norm_of(&self, tensor: usize) -> f64 {
        norm_of(&self.chunks, tensor)
    }
}

fn norm_of(chunks: &[Chunk], tensor: usize) -> f64 {
    let parts = chunks.iter().flat_map(|chunk| &chunk.parts).filter(|part| part.tensor == tensor);
    parts.map(|part| part.squares.total()).sum::<f64>().sqrt()
}

impl Part {
    fn sum<'a>(
        &mut self,
        params: &Params,
        shards: impl Iterator<Item = &'a Shard> + Clone,
        values: &mut [f32],
    ) {
        self.squares = SumOfSquares::default();
        match &mut self.rows {
            Some(rows) => {
                let param = &params.table()[self.tensor];
                let weights = &params.values()[param.range.clone()][self.place.clone()];
                let penalty = param.regularizer.map(|regularizer| (regularizer, weights));
                rows.sum(shards, self.layer, values, penalty, &mut self.squares);
            }
            None => {
                let param = &params.table()[self.tensor];
                let start = params.span(self.layer).start;
                let weights = &params.values()[start + self.place.start..start + self.place.end];
                for (i, sums) in values.chunks_mut(BLOCK).enumerate() {
                    let block = i * BLOCK..i * BLOCK + sums.len();
                    let mut shards = shards
                        .clone()
                        .map(|shard| &shard.gradient(self.layer)[self.place.clone()][block.clone()]);
                    match shards.next() {
                        Some(first) => sums.copy_from_slice(first),
                        None => sums.fill(0.0),
                    }
                    shards.for_each(|part| add_column_sums(sums, part));
                    if let Some(regularizer) = param.regularizer {
                        regularizer.add_gradient(&weights[block], sums);
                    }
                    self.squares.add(sums);
                }
            }
        }
    }
}

impl SparseRows {
    /// The rows of `width` in `len` numbers, from number `start` of the table on.
    fn new(width: usize, start: usize, len: usize) -> Self {
        Self { width, first: start / width, states: vec![RowState::Zero; len / width] }
    }

    /// Over one shard after the other. A `penalty` of these weights has a gradient in every row.
    fn sum<'a>(
        &mut self,
        shards: impl Iterator<Item = &'a Shard> + Clone,
        layer: usize,
        values: &mut [f32],
        penalty: Option<(Regularizer, &[f32])>,
        squares: &mut SumOfSquares,
    ) {
        let Self { width, first, states } = self;
        // Without a branch that depends on the data.
        for state in states.iter_mut() {
            *state = if *state == RowState::Touched { RowState::Stale } else { *state };
        }
        for shard in shards {
            let (ids, d) = shard.scattered(layer);
            let place = |row: usize| ids.partition_point(|id| (*id as usize) < row);
            let mine = place(*first)..place(*first + states.len());
            add_rows(values, states, (&ids[mine.clone()], *first), &d[mine.start * *width..], *width);
        }
        if let Some((regularizer, weights)) = penalty {
            complete_rows(values, states, *width, &mut SumOfSquares::default());
            regularizer.add_gradient(weights, values);
            states.fill(RowState::Touched);
        }
        complete_rows(values, states, *width, squares);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::kernel::l2_norm;
    use crate::nn::{
        Dense, Embedding, GlobalAveragePooling1D, Input, LayerNode, Loss, Mode, Shape, TargetsView,
    };

    const VOCABULARY: usize = 4000;
    const OUTPUTS: usize = 1500;

    /// A table and a kernel of several chunks each; the table with a penalty or without.
    fn model(embeddings_regularizer: Option<Regularizer>) -> Model {
        let penalty = Some(Regularizer { l1: 0.0, l2: 0.1 });
        let layers: [LayerNode; 3] = [
            Embedding { output_dim: 30, embeddings_regularizer, ..Embedding::default() }.into(),
            GlobalAveragePooling1D::default().into(),
            Dense { units: OUTPUTS, kernel_regularizer: penalty, ..Dense::default() }.into(),
        ];
        Model::build(&layers, Shape::Ids { time: 20, vocabulary: VOCABULARY }, Loss::MeanSquaredError)
            .unwrap()
    }

    /// Three shards that have learnt from a batch; some ids are in all of them.
    fn learn(model: &Model, params: &Params, shards: &mut [Shard], step: usize) {
        for (i, shard) in shards.iter_mut().enumerate() {
            let ids = Array2::from_shape_fn((4, 20), |(row, t)| {
                if t < 5 { t as u32 } else { ((i + 3 * row + 12 * t + 240 * step) * 7 % VOCABULARY) as u32 }
            });
            let targets = Array2::from_elem((4, OUTPUTS), i as f32);
            shard.load(Input::Ids(ids.view()), TargetsView::Real(targets.view()));
            shard.forward(model, params, Mode::Train { seed: 1, step: 0, first_row: 0 });
            shard.backward(model, params, 12.0, None);
        }
    }

    /// The same in plain loops.
    fn plain(model: &Model, params: &Params, shards: &[Shard]) -> Vec<f32> {
        let mut sum = vec![0.0; params.values().len()];
        for shard in shards {
            let (ids, d) = shard.scattered(0);
            for (id, d) in ids.iter().zip(d.chunks_exact(30)) {
                sum[*id as usize * 30..][..30].iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
            }
            sum[params.span(2)].iter_mut().zip(shard.gradient(2)).for_each(|(sum, d)| *sum += d);
        }
        assert_eq!(model.nodes.len(), 3);
        for param in params.table() {
            if let Some(regularizer) = param.regularizer {
                regularizer
                    .add_gradient(&params.values()[param.range.clone()], &mut sum[param.range.clone()]);
            }
        }
        sum
    }

    #[test]
    fn it_is_the_plain_sum_with_any_team_and_nothing_is_left_of_the_batch_before() {
        check(None);
        check(Some(Regularizer { l1: 0.0, l2: 0.3 }));
    }

    fn check(embeddings_regularizer: Option<Regularizer>) {
        let model = model(embeddings_regularizer);
        let mut params = model.params();
        params.initialize(1);
        let mut bits = Vec::new();
        for threads in [1, 2, 3, 8] {
            let mut pool = ThreadPool::new(threads).unwrap();
            let mut gradient = Gradient::new(&model, &params);
            assert!(gradient.chunks.len() > 4, "{}", gradient.chunks.len());
            let mut shards: Vec<Shard> = (0..3).map(|_| Shard::new(&model, &params)).collect();
            for step in 0..3 {
                learn(&model, &params, &mut shards, step);
                gradient.sum(&params, shards.iter(), &mut pool);
                assert!(
                    gradient.values() == plain(&model, &params, &shards),
                    "{threads} threads, step {step}"
                );
                let norm = l2_norm(gradient.values());
                assert!((gradient.norm() / norm - 1.0).abs() < 1e-12, "{} for {norm}", gradient.norm());
                bits.push((step, gradient.norm().to_bits()));
                // As clipping does, in place.
                if step < 2 {
                    let tensors = gradient.tensors_mut(&params);
                    tensors.for_each(|(values, _)| values.iter_mut().for_each(|x| *x *= 0.5));
                }
            }
            for (tensor, param) in params.table().iter().enumerate() {
                let norm = l2_norm(&gradient.values()[param.range.clone()]);
                assert!((gradient.norm_of(tensor) / norm - 1.0).abs() < 1e-12, "{}", param.name);
            }
            let ranges: Vec<_> = gradient.tensors_mut(&params).map(|(values, _)| values.len()).collect();
            assert_eq!(ranges, [VOCABULARY * 30, 30 * OUTPUTS, OUTPUTS]);
        }
        assert!(bits.iter().all(|(step, norm)| bits[*step].1 == *norm), "{bits:?}");
    }

    #[test]
    fn what_is_not_finite_shows_in_the_norm_of_its_tensor() {
        let model = model(None);
        let mut params = model.params();
        params.initialize(1);
        let mut shards = [Shard::new(&model, &params)];
        params.values_mut()[0] = f32::NAN;
        learn(&model, &params, &mut shards, 0);
        let mut gradient = Gradient::new(&model, &params);
        gradient.sum(&params, shards.iter(), &mut ThreadPool::new(2).unwrap());
        assert!(!gradient.norm().is_finite() && !gradient.norm_of(1).is_finite());
    }
}
