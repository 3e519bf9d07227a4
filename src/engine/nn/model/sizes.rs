//! The bytes of activations, from the shapes alone.

use super::{InputSource, Model, Node};
use crate::nn::extent::{Extent, Passes, ShardSize};
use crate::nn::layer::{MaskRule, Shape};

impl Model {
    /// Bytes that recurrent layers save of every step of `positions` = time × sequences and could recompute from the states: 4
    /// bytes for each number of gates and of what else a cell saves (LSTM: `φ(c)`, GRU: the candidate's product).
    ///
    /// ```text
    /// SimpleRNN  units·[projection]        LSTM  units·[4 gates, φ(c)]        GRU  units·[3 gates, product]
    /// ```
    /// A `Bidirectional` saves both directions. Where that is more than a shard's budget ([`Shard::set_budget`](crate::nn::Shard::set_budget)),
    /// they are saved for one segment of time only, and no longer grow with the length of sequences. What grows with it in any case are the
    /// states (h, and c of an LSTM) and the layers' outputs: see [`Model::activation_bytes`].
    pub fn recurrent_bytes(&self, positions: usize) -> usize {
        let numbers = |node: &Node| node.spec.layer().recurrent_numbers();
        positions * self.nodes.iter().map(numbers).sum::<usize>() * size_of::<f32>()
    }

    /// Bytes of activations and gradients that one shard of `size` has: 4 bytes for each number of
    ///
    /// ```text
    /// every layer       its output; in training ∂L/∂output, and ∂L/∂input (that of a layer which is read in rows: features·distinct)
    /// recurrent         states of all steps; what [`Model::recurrent_bytes`] counts, of all steps or, where it is recomputed, of one
    ///                   segment; δ of one segment, or of all steps where it is watched and not recomputed; projections and sums of
    ///                   distinct ids, 2·gates·units·distinct; dropped inputs
    /// Embedding         the place of every position among the distinct ids, and of every id of the vocabulary
    /// Conv1D            products of distinct ids, kernel_size·filters·distinct; the numbers of δ that are not 0
    /// mean over time    of rows: the place of every position, and of every distinct id
    /// attention         weights, heads·time·time; Q, K, V and their gradients
    /// normalization     x̂         dropout   its factors         pooling   which step was the greatest
    /// data              ids or numbers, and ids once more as places among the distinct: 2·rows·time
    /// masks             a byte a position
    /// ```
    /// Where gates are recomputed, what is left that grows with time are these: states of all steps, ids with their places, outputs of
    /// layers that give one for every step and ∂L/∂ of them, and inputs that dropout has thinned. Gates and δ do not.
    ///
    /// [`Shard::activation_bytes`](crate::nn::Shard::activation_bytes) is measured; tests compare the two, within 10 %, for every kind of
    /// layer.
    pub fn activation_bytes(&self, size: &ShardSize) -> usize {
        let numbers = self.nodes.iter().enumerate().map(|(i, node)| self.numbers(i, node, size));
        (self.input_numbers(size.rows) + numbers.sum::<usize>()) * size_of::<f32>()
    }

    /// Bytes of the kernels in the layouts that steps read, for all shards together: see
    /// [`PackedWeights`](crate::nn::PackedWeights). Recurrent kernels are packed forward and backward; the kernel of a recurrent layer on
    /// top of another layer is packed backward. Units fill whole vectors of up to 16 numbers.
    pub fn packed_bytes(&self) -> usize {
        let padded = |units: usize| units.next_multiple_of(if units <= 8 { 8 } else { 16 });
        let numbers = self.nodes.iter().map(|node| {
            let below = node.from[0].layer();
            let has_input_grad = below.is_some_and(|i| self.needs_grad(i, false) && !self.nodes[i].to_rows);
            let params = node.spec.layer().params(&node.shapes);
            let kernels = params.windows(2).filter(|pair| pair[1].name.ends_with("recurrent_kernel"));
            let numbers = kernels.map(|pair| match (&pair[0].shape[..], &pair[1].shape[..]) {
                ([features, _], [units, width]) => {
                    width * (2 * padded(*units) + if has_input_grad { padded(*features) } else { 0 })
                }
                _ => 0,
            });
            numbers.sum::<usize>()
        });
        numbers.sum::<usize>() * size_of::<f32>()
    }

    /// Bytes of the gradients that one shard has for the weights that it does not scatter, those of an Embedding.
    pub fn shard_gradient_bytes(&self) -> usize {
        let rows = self.nodes.iter().zip(&self.table.layers);
        let dense = rows.filter(|(node, _)| !node.spec.layer().has_sparse_gradient());
        dense.map(|(_, row)| row.params).sum::<usize>() * size_of::<f32>()
    }

    /// The numbers that the data have where they are no ids.
    fn input_numbers(&self, rows: usize) -> usize {
        let numbers = |node: &Node| {
            let data = node.from.iter().zip(&node.shapes);
            let data = data.filter(|(from, _)| matches!(from, InputSource::Data(_)));
            data.map(|(_, shape)| match shape {
                Shape::Sequence { time, features } => rows * time * features,
                Shape::Vector { features } => rows * features,
                Shape::Ids { .. } => 0,
            })
            .max()
        };
        self.nodes.iter().filter_map(numbers).max().unwrap_or(0)
    }

    /// The numbers of the `i`-th layer: output, gradients and cache.
    fn numbers(&self, i: usize, node: &Node, size: &ShardSize) -> usize {
        let ShardSize { rows, distinct, recompute, passes } = *size;
        let watched = passes == Passes::Watch;
        let numbers = |node: &Node| match node.output {
            _ if node.to_rows => distinct * node.output.features("").unwrap_or(0),
            Shape::Sequence { time, features } => rows * time * features,
            Shape::Vector { features } => rows * features,
            Shape::Ids { time, .. } => rows * time,
        };
        let time = |shape: &Shape| match shape {
            Shape::Sequence { time, .. } | Shape::Ids { time, .. } => *time,
            Shape::Vector { .. } => 1,
        };
        let (ids, features) = match node.shapes[0] {
            Shape::Ids { vocabulary, .. } => (true, vocabulary),
            Shape::Sequence { features, .. } | Shape::Vector { features } => (false, features),
        };
        let reads_rows = node.from[0].layer().is_some_and(|from| self.nodes[from].to_rows);
        let extent = Extent {
            time: time(&node.shapes[0]),
            features,
            keys: node.shapes.last().map_or(1, time),
            rows,
            distinct: (reads_rows || ids).then_some(distinct),
            recompute,
            passes,
        };
        let output = numbers(node);
        let needs_grad = |i: usize| i + 1 == self.nodes.len() || self.needs_grad(i, watched);
        let gradients = if needs_grad(i) {
            let inputs = node.layers().filter(|from| needs_grad(*from));
            output + inputs.map(|from| numbers(&self.nodes[from])).sum::<usize>()
        } else {
            0
        };
        // An Embedding that is not read in rows has its vectors and their gradient, which changes places with that of all positions.
        let vectors = if ids && !node.to_rows {
            distinct * node.output.features("").unwrap_or(0) + extent.in_training(output)
        } else {
            0
        };
        let makes_mask = node.joins_masks || node.spec.layer().mask() == MaskRule::Make;
        let mask = if makes_mask { extent.positions().div_ceil(size_of::<f32>()) } else { 0 };
        output + extent.in_training(gradients) + vectors + mask + node.spec.layer().cache_numbers(&extent)
    }
}
