//! What is read of a pass besides the output: activations of convolutions, and the derivatives of the output.

use ndarray::Array2;

use super::Shard;
use crate::nn::spec::LayerCache;
use crate::nn::{Activation, Block, LayerSpec, Model, Params};

impl Shard {
    /// The output of every convolution after [`Shard::forward`]: layer, activation, and the values, `[windows, batch, filters]`.
    pub fn convolutions<'a>(&'a self, model: &'a Model) -> Vec<(usize, Activation, &'a Block)> {
        let layers = model.nodes.iter().zip(&self.buffers.outputs).enumerate();
        let convolutions = layers.filter_map(|(i, (node, output))| match &node.spec {
            LayerSpec::Conv1D(layer) => Some((i, layer.activation, &output.values)),
            _ => None,
        });
        convolutions.collect()
    }

    /// `Σ ∂y/∂e ⊙ e` of every position `[batch, time]` after [`Shard::forward`], over the vectors `e` of a position, where `y` is the output
    /// `outputs[row]` of each sequence (gradient × input). The model is one [`with_position_gradients`](Model::with_position_gradients).
    pub fn gradient_times_input(&mut self, model: &Model, params: &Params, outputs: &[usize]) -> Array2<f32> {
        self.param_grads.iter_mut().for_each(|param_grads| param_grads.fill(0.0));
        self.buffers.has_grad.fill(false);
        if let (Some(last), Some(d)) = (self.buffers.outputs.last(), self.buffers.upstream_grads.last_mut()) {
            let logits = &last.values;
            let (time, batch, width) = logits.dim();
            d.zeroed(time, batch, width);
            for (row, output) in outputs.iter().enumerate().filter(|(_, output)| **output < width) {
                d.data_mut().iter_mut().skip(row * width + output).take(1).for_each(|d| *d = 1.0);
            }
            if let Some(activation) = model.loss().required_activation() {
                let mut values = logits.clone();
                activation.apply(values.data_mut(), width);
                activation.chain(d.data_mut(), values.data(), logits.data(), width);
            }
        }
        for segment in model.segments().rev() {
            self.backward_segment(model, params, segment.clone(), None);
            self.share_own_sums(model, segment.start);
        }
        let mut sums = Array2::zeros((0, 0));
        for (cache, output) in self.buffers.caches.iter().zip(&self.buffers.outputs) {
            // After the backward pass the gradient of every position is where that of distinct rows was made.
            let LayerCache::Embedding(cache) = cache else { continue };
            let (values, gradients) = (&output.values, &cache.row_grads);
            let (time, batch, size) = values.dim();
            if gradients.dim() != values.dim() {
                continue;
            }
            if sums.is_empty() {
                sums = Array2::zeros((batch, time));
            }
            let rows = values.data().chunks_exact(size).zip(gradients.data().chunks_exact(size)).enumerate();
            for (i, (e, d)) in rows {
                let product: f32 = e.iter().zip(d).map(|(e, d)| e * d).sum();
                sums.get_mut((i % batch, i / batch)).into_iter().for_each(|sum| *sum += product);
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::nn::{
        Attention, BatchNormalization, Bidirectional, Conv1D, Dense, Dropout, Embedding, GRU,
        GlobalAveragePooling1D, GlobalMaxPooling1D, Input, LSTM, LayerNode, Loss, Merge, Mode, Regularizer,
        Shape, TargetsView,
    };

    const VOCABULARY: usize = 9;

    fn model(layers: &[LayerNode], loss: Loss) -> (Model, Params) {
        let input = Shape::Ids { time: 6, vocabulary: VOCABULARY };
        let model = Model::build(layers, input, loss).unwrap();
        let mut params = model.params();
        params.initialize(3);
        // Embeddings are small at first: derivatives would be lost in rounding.
        params.values_mut().iter_mut().for_each(|w| *w *= 4.0);
        (model, params)
    }

    /// The first output `column` of `ids` when the vector of token `id` is `factor` times as long.
    fn output(model: &Model, params: &Params, column: usize, id: usize, factor: f32) -> f64 {
        let mut scaled = model.params();
        scaled.values_mut().copy_from_slice(params.values());
        let table = params.table()[0].range.clone();
        let size = table.len() / VOCABULARY;
        scaled.values_mut()[table][id * size..(id + 1) * size].iter_mut().for_each(|e| *e *= factor);
        let mut shard = Shard::new(model, &scaled);
        shard.load(Input::Ids(array![[0, 0, 5, 3, 7, 3]].view()), TargetsView::None);
        shard.forward(model, &scaled, Mode::Evaluate);
        f64::from(shard.output(model)[(0, 0, column)])
    }

    #[test]
    fn gradient_times_input_is_the_derivative_by_the_length_of_a_vector() {
        let embedding = |mask_zero| Embedding { output_dim: 4, mask_zero, ..Embedding::default() }.into();
        let softmax = || Dense { units: 3, activation: Activation::Softmax, ..Dense::default() }.into();
        let sigmoid = || Dense { units: 1, activation: Activation::Sigmoid, ..Dense::default() }.into();
        let both = Bidirectional {
            of: Box::new(GRU { units: 3, ..GRU::default() }.into()),
            merge_mode: Merge::Concat,
        };
        let conv = Conv1D { filters: 5, kernel_size: 3, activation: Activation::Tanh, ..Conv1D::default() };
        let penalty = Some(Regularizer { l1: 0.5, l2: 0.5 });
        let lstm = LSTM { units: 4, ..LSTM::default() };
        let frozen = LayerNode { trainable: false, ..embedding(true) };
        let number =
            LayerNode { activity_regularizer: penalty, ..Dense { units: 1, ..Dense::default() }.into() };
        let models: [(Vec<LayerNode>, Loss, usize); 5] = [
            (vec![embedding(true), lstm.clone().into(), softmax()], Loss::SparseCategoricalCrossentropy, 2),
            (vec![embedding(true), both.into(), sigmoid()], Loss::BinaryCrossentropy, 0),
            (
                vec![embedding(false), conv.into(), GlobalMaxPooling1D::default().into(), sigmoid()],
                Loss::BinaryCrossentropy,
                0,
            ),
            (
                vec![
                    embedding(true),
                    BatchNormalization::default().into(),
                    Attention::default().into(),
                    Dropout { rate: 0.5 }.into(),
                    GlobalAveragePooling1D::default().into(),
                    softmax(),
                ],
                Loss::SparseCategoricalCrossentropy,
                1,
            ),
            (vec![frozen, lstm.into(), number], Loss::MeanSquaredError, 0),
        ];
        for (layers, loss, column) in models {
            let (model, params) = model(&layers, loss);
            let by_position = model.with_position_gradients().unwrap();
            let mut shard = Shard::new(&by_position, &params);
            // The other row is another text, and asks for another output.
            let ids = array![[1, 2, 3, 4, 5, 6], [0, 0, 5, 3, 7, 3]];
            shard.load(Input::Ids(ids.view()), TargetsView::None);
            shard.forward(&by_position, &params, Mode::Evaluate);
            let products = shard.gradient_times_input(&by_position, &params, &[0, column]);
            assert_eq!(products.dim(), (2, 6));
            for (id, positions) in [(5, vec![2]), (3, vec![3, 5]), (7, vec![4])] {
                let found: f64 = positions.iter().map(|t| f64::from(products[(1, *t)])).sum();
                let step = 1e-2;
                let at = |factor: f64| output(&model, &params, column, id, factor as f32);
                let expected = (at(1.0 + step) - at(1.0 - step)) / (2.0 * step);
                assert!(
                    (found - expected).abs() < 1e-4 + 1e-2 * expected.abs(),
                    "{found} for {expected}: {layers:?}"
                );
            }
            assert!(products.iter().any(|product| product.abs() > 1e-3), "{layers:?}");
        }
    }

    #[test]
    fn networks_with_an_output_at_every_step_have_no_position_gradients() {
        let layers = [
            Embedding { output_dim: 2, ..Embedding::default() }.into(),
            Dense { units: 3, activation: Activation::Softmax, ..Dense::default() }.into(),
        ];
        assert!(model(&layers, Loss::SparseCategoricalCrossentropy).0.with_position_gradients().is_none());
    }
}
