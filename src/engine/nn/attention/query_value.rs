use super::heads::{AttentionMask, FullyMasked, Head, Scratch, combine, combine_backward, dropout_rng};
use super::scores::{Gradients, Scores};
use crate::nn::cache::layer_cache;
use crate::nn::error::LayerConfigError;
use crate::nn::extent::Extent;
use crate::nn::layer::{BackwardContext, Pass, Shape};
use crate::nn::{Block, Signal};

layer_cache! {
    /// The cache of [`Attention`](crate::nn::Attention) and [`AdditiveAttention`](crate::nn::AdditiveAttention).
    AttentionCache {
        /// The weights `p` before dropout, `[batch, query time, key time]`.
        weights: Block,
        /// ∂L/∂query.
        query_grad: Block,
        /// ∂L/∂value.
        value_grad: Block,
        /// Of one sequence at a time.
        scratch: Scratch,
        /// Of one query at a time: its tanh with every key, `[key time, features]`.
        pairs: Block,
    }
}

/// The output shape of [`Attention`](crate::nn::Attention) and [`AdditiveAttention`](crate::nn::AdditiveAttention).
///
/// # Errors
/// When the inputs are no sequences of the same features.
pub(in crate::nn) fn output(inputs: &[Shape], who: &str) -> Result<Shape, LayerConfigError> {
    let (time, features) = inputs[0].sequence(who)?;
    for input in inputs {
        let (keys, other) = input.sequence(who)?;
        if other != features {
            return Err(LayerConfigError::of(
                "inputs",
                format!("{who} compares a query of {features} features with values of {other}"),
                "both must have as many: give both layers as many units",
            ));
        }
        LayerConfigError::spacious("weights", &[time, keys])?;
    }
    Ok(Shape::Sequence { time, features })
}

/// The numbers of an [`AttentionCache`].
pub(in crate::nn) fn cache_numbers(extent: &Extent, dropout: f64) -> usize {
    let Extent { time, keys, rows, features, .. } = *extent;
    let dropped = if dropout > 0.0 { time * keys } else { 0 };
    rows * time * keys + extent.in_training(rows * (time + keys) * features + time * keys + dropped)
}

/// Defines the methods of [`Layer`](crate::nn::Layer) that [`Attention`](crate::nn::Attention) and
/// [`AdditiveAttention`](crate::nn::AdditiveAttention) share; they differ in `scores`.
macro_rules! query_value_passes {
    () => {
        fn arity(&self) -> std::ops::RangeInclusive<usize> {
            1..=2
        }

        fn mask(&self) -> MaskRule {
            MaskRule::First
        }

        fn cache_numbers(&self, extent: &Extent) -> usize {
            query_value::cache_numbers(extent, self.dropout)
        }

        fn forward(&self, ctx: ForwardContext<'_>, cache: &mut Self::Cache, output: &mut LayerOutput) {
            let attention =
                QueryValueAttention::new(ctx.pass, ctx.inputs, self.scores(ctx.weights), self.dropout);
            attention.forward(ctx.pass, cache, &mut output.values);
        }

        fn backward(&self, ctx: BackwardContext<'_>, cache: &mut Self::Cache) {
            let attention =
                QueryValueAttention::new(ctx.pass, ctx.inputs, self.scores(ctx.weights), self.dropout);
            attention.backward(ctx, cache);
        }

        fn attention<'a>(&self, cache: &'a Self::Cache) -> Vec<ArrayView3<'a, f32>> {
            vec![cache.weights.view()]
        }
    };
}
pub(in crate::nn) use query_value_passes;

/// A query attends to a value that is its own key.
#[derive(Debug)]
pub(in crate::nn) struct QueryValueAttention<'a> {
    query: &'a Block,
    value: &'a Block,
    scores: Scores<'a>,
    dropout: f64,
    reach: AttentionMask<'a>,
}

impl<'a> QueryValueAttention<'a> {
    /// Of `[query, value]`, or of one sequence over itself.
    pub fn new(pass: &Pass<'a>, inputs: &[Signal<'a>], scores: Scores<'a>, dropout: f64) -> Self {
        let last = inputs.len() - 1;
        let reach =
            AttentionMask { queries: None, keys: pass.masks[last], fully_masked: FullyMasked::Lowered };
        Self { query: inputs[0].real(), value: inputs[last].real(), scores, dropout, reach }
    }

    fn head(&self, row: usize) -> Head {
        Head { row, first: 0, width: self.query.dim().2 }
    }

    /// Writes the output, 0 at masked queries.
    pub fn forward(&self, pass: &Pass<'_>, cache: &mut AttentionCache, out: &mut Block) {
        let (queries, batch, features) = self.query.dim();
        let keys = self.value.dim().0;
        let AttentionCache { weights, scratch, pairs, .. } = cache;
        weights.reshape(batch, queries, keys);
        out.reshape(queries, batch, features);
        for row in 0..batch {
            let (head, weights) = (self.head(row), weights.step_mut(row));
            self.scores.fill(weights, self.query, self.value, head, pairs);
            self.reach.softmax(row, weights, keys);
            let mut rng = dropout_rng(pass, self.dropout, row);
            let dropout = rng.as_mut().map(|rng| (self.dropout, rng));
            combine((out, head), weights, (self.value, head), dropout, scratch);
        }
        clear_masked(out, pass);
    }

    /// Adds ∂L/∂parameters, and writes ∂L/∂inputs where wanted.
    pub fn backward(&self, ctx: BackwardContext<'_>, cache: &mut AttentionCache) {
        let BackwardContext { pass, upstream_grad, param_grads, input_grads, .. } = ctx;
        let (queries, batch, features) = self.query.dim();
        let keys = self.value.dim().0;
        let AttentionCache { weights, query_grad, value_grad, scratch, .. } = cache;
        query_grad.zeroed(queries, batch, features);
        value_grad.zeroed(keys, batch, features);
        clear_masked(upstream_grad, pass);
        for row in 0..batch {
            let (head, weights) = (self.head(row), weights.step(row));
            let mut rng = dropout_rng(pass, self.dropout, row);
            let dropout = rng.as_mut().map(|rng| (self.dropout, rng));
            let value = (self.value, head);
            combine_backward((upstream_grad, head), weights, value, value_grad, self.reach, dropout, scratch);
            let mut grads = Gradients { query: query_grad, key: value_grad, params: param_grads };
            self.scores.backward(self.query, self.value, head, &mut grads, scratch);
        }
        match input_grads {
            Some([to_both]) => {
                query_grad.data_mut().iter_mut().zip(value_grad.data()).for_each(|(sum, d)| *sum += d);
                std::mem::swap(to_both, query_grad);
            }
            Some([to_query, to_value, ..]) => {
                std::mem::swap(to_query, query_grad);
                std::mem::swap(to_value, value_grad);
            }
            _ => {}
        }
    }
}

/// Sets the rows of masked queries to 0.
fn clear_masked(block: &mut Block, pass: &Pass<'_>) {
    let Some(mask) = pass.masks[0] else { return };
    let (_, _, features) = block.dim();
    for (row, read) in block.data_mut().chunks_exact_mut(features).zip(mask.data()) {
        if !read {
            row.fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3};

    use super::*;
    use crate::nn::layer::{ForwardContext, LayerOutput, MAX_INPUTS, Mode};
    use crate::nn::{AdditiveAttention, Attention, Ids, LayerSpec, Mask, Params};

    fn block(steps: &[[f32; 2]], factor: f32) -> Block {
        let mut block = Block::default();
        block.from_batch_major(
            Array3::from_shape_fn((1, steps.len(), 2), |(_, t, i)| steps[t][i] * factor).view(),
        );
        block
    }

    fn near(ours: &[f32], keras: &[f32], what: &str) {
        let close = ours.len() == keras.len() && ours.iter().zip(keras).all(|(a, b)| (a - b).abs() < 2e-6);
        assert!(close, "{what}: {ours:?}, Keras {keras:?}");
    }

    struct Expected {
        weights: [f32; 6],
        out: [f32; 4],
        d_query: [f32; 4],
        d_value: [f32; 6],
    }

    /// Weights, output, ∂L/∂query and ∂L/∂value are those of Keras 3.15 (TensorFlow) for `layer([query, value], mask=[None, mask])`,
    /// the mask false at every value.
    #[test]
    fn a_query_whose_values_are_all_masked_gets_what_keras_gives_it() {
        let (query, value) = ([[-0.28, -0.35], [-0.08, -0.63]], [[0.05, -0.4], [-0.55, -1.55], [0.98, -1.1]]);
        let upstream = [[-1.02, -0.71], [0.63, -0.16]];
        let (third, mean) = ([1.0 / 3.0; 6], [0.16, -1.016_666_8, 0.16, -1.016_666_8]);
        let additive = AdditiveAttention { use_scale: false, ..AdditiveAttention::default() };
        let cases: [(LayerSpec, f32, Expected); 3] = [
            (
                Attention::default().into(),
                1.0,
                Expected {
                    weights: third,
                    out: mean,
                    d_query: [-0.461_515_7, -0.241_411_06, 0.236_672_67, 0.015_102_773],
                    d_value: [
                        -0.095_128_43,
                        -0.216_736_44,
                        -0.223_281_77,
                        -0.342_654_76,
                        -0.071_589_77,
                        -0.310_608_77,
                    ],
                },
            ),
            (
                additive.into(),
                1.0,
                Expected {
                    weights: third,
                    out: mean,
                    d_query: [-0.070_050_344, -0.084_512_46, -0.053_008_02, -0.007_592_948],
                    d_value: [
                        -0.288_937_57,
                        -0.377_211_3,
                        -0.015_685_111,
                        -0.264_540_3,
                        -0.208_435_67,
                        -0.320_353_78,
                    ],
                },
            ),
            // Scores of 8, 42, 7 and of 15, 61, 37: at 10⁹ they are 0 or 64.
            (
                Attention::default().into(),
                60.0,
                Expected {
                    weights: [0.0, 1.0, 0.0, 0.0, 0.5, 0.5],
                    out: [-0.55, -1.55, 0.215, -1.325],
                    d_query: [0.0, 0.0, 0.341_151_74, 0.100_338_735],
                    d_value: [0.0, 0.0, 0.365_279_97, 7.638_454_4, -0.755_279_96, -8.508_454],
                },
            ),
        ];
        let (mut ids, mut mask) = (Ids::default(), Mask::default());
        ids.from_batch_major(Array2::zeros((1, 3)).view());
        mask.of_ids(&ids);
        let mut masks = [None; MAX_INPUTS];
        masks[1] = Some(&mask);
        let pass = Pass {
            mode: Mode::Evaluate,
            layer: 0,
            mask: None,
            masks,
            recompute: false,
            to_rows: false,
            batch: 1,
        };
        for (layer, factor, keras) in cases {
            let what = format!("{} of queries times {factor}", layer.layer().class());
            let (query, value) = (block(&query, factor), block(&value, 1.0));
            let inputs = [Signal::Real(&query), Signal::Real(&value)];
            let shapes = [Shape::Sequence { time: 2, features: 2 }, Shape::Sequence { time: 3, features: 2 }];
            let params = Params::new(std::iter::once((layer.layer().params(&shapes), true)));
            let (mut cache, mut output) = (layer.new_cache(), LayerOutput::default());
            let mut input_grads = [Block::default(), Block::default()];
            let (pass, weights, inputs) = (&pass, params.of(0), &inputs[..]);
            layer.forward(ForwardContext { pass, weights, inputs }, &mut cache, &mut output);
            let found = layer.attention(&cache)[0].iter().copied().collect::<Vec<f32>>();
            near(&found, &keras.weights, &what);
            near(output.values.data(), &keras.out, &what);
            let ctx = BackwardContext {
                pass,
                weights,
                inputs,
                output: &output,
                upstream_grad: &mut block(&upstream, 1.0),
                param_grads: &mut [],
                input_grads: Some(&mut input_grads),
                observer: None,
            };
            layer.backward(ctx, &mut cache);
            near(input_grads[0].data(), &keras.d_query, &what);
            near(input_grads[1].data(), &keras.d_value, &what);
        }
    }
}
