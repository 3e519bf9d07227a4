//! Every kind of layer.

use super::activation;
use super::attention::{self, Attended};
use super::graph::{Attribute, Graph, Type};
use super::merging::{self, Merged};
use super::recurrent::{Recurrent, Sequence};
use super::window;
use crate::interop::{DescribedLayer, NamedWeights};
use crate::nn::{
    BatchNormalization, Embedding, Ends, LayerNormalization, LayerSpec, MaskRule, Masking, PointwiseSpec,
};

/// What a layer reads and gives: `[batch, time, features]` or `[batch, features]`, and the mask of the time steps, `[batch, time]`.
#[derive(Debug, Clone)]
pub(super) struct Tensor {
    pub value: String,
    pub mask: Option<String>,
    pub is_sequence: bool,
}

/// The layers of a network while they are written.
#[derive(Debug)]
pub(super) struct Layers {
    pub recurrent: Recurrent,
    /// The mask of token ids: padding is padding in all channels.
    mask_of_ids: Option<String>,
}

impl Layers {
    /// None yet; see [`OnnxSettings::with_states`](super::OnnxSettings::with_states).
    pub fn new(with_states: bool) -> Self {
        Self { recurrent: Recurrent::new(with_states), mask_of_ids: None }
    }

    /// The nodes of a layer, which reads `inputs`.
    pub fn write(&mut self, graph: &mut Graph, layer: &DescribedLayer<'_>, inputs: &[Tensor]) -> Tensor {
        graph.enter(&layer.name);
        let made = self.made_mask(graph, &layer.spec, &inputs[0].value);
        let value = self.value(graph, layer, inputs, made.as_deref());
        let is_sequence = layer.output.len() == 3;
        let mask = match layer.spec.layer().mask() {
            _ if !is_sequence => None,
            MaskRule::Drop => None,
            MaskRule::Keep | MaskRule::First => inputs[0].mask.clone(),
            MaskRule::Any => any_mask(graph, inputs),
            MaskRule::Make => made,
        };
        Tensor { value, mask, is_sequence }
    }

    /// The mask of a layer that makes one.
    fn made_mask(&mut self, graph: &mut Graph, spec: &LayerSpec, x: &str) -> Option<String> {
        match spec {
            LayerSpec::Embedding(Embedding { mask_zero: true, .. }) => {
                Some(self.mask_of_ids.get_or_insert_with(|| graph.cast(x, Type::Bool)).clone())
            }
            LayerSpec::Masking(Masking { mask_value }) => {
                let padding = graph.scalar(f64::from(*mask_value));
                let equal = graph.op("Equal", &[x, &padding], &[]);
                let data = graph.op("Not", &[&equal], &[]);
                let data = graph.cast(&data, Type::Int32);
                let axis = [("axes", Attribute::Ints(vec![-1])), ("keepdims", Attribute::Int(0))];
                let any = graph.op("ReduceMax", &[&data], &axis);
                Some(graph.cast(&any, Type::Bool))
            }
            _ => None,
        }
    }

    fn value(
        &mut self,
        graph: &mut Graph,
        layer: &DescribedLayer<'_>,
        inputs: &[Tensor],
        made: Option<&str>,
    ) -> String {
        let (first, last) = (&inputs[0], &inputs[inputs.len() - 1]);
        let (x, weights) = (&first.value[..], &layer.weights[..]);
        let mask = first.mask.as_deref();
        let attended = [first, last].map(|of| Attended { value: &of.value, mask: of.mask.as_deref() });
        let sequence = Sequence { value: x, mask };
        let features = layer.output.last().copied().flatten().unwrap_or(0);
        use LayerSpec as L;
        match &layer.spec {
            L::Embedding(_) => {
                let table = all(graph, weights);
                graph.op("Gather", &[&table[0], x], &[])
            }
            L::Masking(_) => keep(graph, x, made),
            L::SimpleRNN(of) => self.recurrent.layer(graph, layer, of.into(), sequence),
            L::LSTM(of) => self.recurrent.layer(graph, layer, of.into(), sequence),
            L::GRU(of) => self.recurrent.layer(graph, layer, of.into(), sequence),
            L::Bidirectional(both) => self.recurrent.bidirectional(graph, layer, both, sequence),
            L::TimeDistributed(of) => match &*of.of {
                PointwiseSpec::Dense(of) => dense(graph, of.activation, weights, x),
                PointwiseSpec::Activation(of) => activation::apply(graph, of.activation, x),
                PointwiseSpec::LayerNormalization(of) => {
                    layer_normalization(graph, (of, features), weights, x)
                }
                PointwiseSpec::Dropout(_) | PointwiseSpec::GaussianNoise(_) => x.to_owned(),
            },
            L::Dense(of) => dense(graph, of.activation, weights, x),
            L::Activation(of) => activation::apply(graph, of.activation, x),
            L::Conv1D(of) => window::conv1d(graph, of, weights, x),
            L::MaxPooling1D(of) => window::max_pooling(graph, of, x),
            L::AveragePooling1D(of) => window::average_pooling(graph, of, x),
            L::GlobalMaxPooling1D(_) => over_time(graph, "ReduceMax", x),
            L::GlobalAveragePooling1D(_) => mean_over_time(graph, x, mask),
            L::Flatten(_) | L::Reshape(_) => {
                let sizes = layer.output.iter().map(|size| size.map_or(0, |size| size as i64));
                graph.reshape(x, &sizes.collect::<Vec<_>>())
            }
            L::RepeatVector(of) => {
                let (step, shape) = (graph.unsqueeze(x, 1), graph.ints(&[1, of.n as i64, 1]));
                graph.op("Expand", &[&step, &shape], &[])
            }
            L::Permute(of) if of.dims == [2, 1] => graph.transpose(x, &[0, 2, 1]),
            L::ZeroPadding1D(of) => {
                let Ends(before, after) = of.padding;
                let ends = graph.ints(&[0, before as i64, 0, 0, after as i64, 0]);
                graph.op("Pad", &[x, &ends], &[])
            }
            L::UpSampling1D(of) => {
                let (steps, shape) = (graph.unsqueeze(x, 2), graph.ints(&[1, 1, of.size as i64, 1]));
                let repeated = graph.op("Expand", &[&steps, &shape], &[]);
                graph.reshape(&repeated, &[0, -1, features as i64])
            }
            L::Concatenate(_) => merge(graph, layer, inputs, merging::concatenate),
            L::Add(_) => merge(graph, layer, inputs, merging::add),
            L::Average(_) => merge(graph, layer, inputs, merging::average),
            L::Multiply(_) => merge(graph, layer, inputs, merging::multiply),
            L::Maximum(_) => merge(graph, layer, inputs, merging::maximum),
            L::LayerNormalization(of) => layer_normalization(graph, (of, features), weights, x),
            L::BatchNormalization(of) => batch_normalization(graph, of, weights, x),
            L::Attention(of) => attention::attention(graph, of, weights, attended),
            L::AdditiveAttention(_) => attention::additive_attention(graph, weights, attended),
            L::MultiHeadAttention(of) => attention::multi_head_attention(graph, of, weights, attended),
            // They are for training, or change nothing.
            L::Permute(_) | L::Dropout(_) | L::SpatialDropout1D(_) | L::GaussianNoise(_) => x.to_owned(),
        }
    }
}

/// The mask of layers that join those of their inputs: a step is data where it is in any.
fn any_mask(graph: &mut Graph, inputs: &[Tensor]) -> Option<String> {
    let masks: Vec<String> = inputs.iter().map(|input| input.mask.clone()).collect::<Option<_>>()?;
    let different: std::collections::BTreeSet<&String> = masks.iter().collect();
    if different.len() == 1 {
        return masks.first().cloned();
    }
    Some(merging::fold(graph, "Or", &masks))
}

/// The inputs of a layer merged `by` its formula, all with time if its output has.
fn merge(
    graph: &mut Graph,
    layer: &DescribedLayer<'_>,
    inputs: &[Tensor],
    by: fn(&mut Graph, &[Merged]) -> String,
) -> String {
    let mut one = |input: &Tensor| Merged {
        value: match layer.output.len() == 3 && !input.is_sequence {
            true => graph.unsqueeze(&input.value, 1),
            false => input.value.clone(),
        },
        mask: match layer.spec {
            LayerSpec::Multiply(_) | LayerSpec::Maximum(_) => {
                input.mask.as_ref().map(|mask| graph.unsqueeze(mask, 2))
            }
            _ => None,
        },
    };
    let merged: Vec<Merged> = inputs.iter().map(&mut one).collect();
    by(graph, &merged)
}

/// All weights of a layer as they are.
fn all(graph: &mut Graph, weights: &[NamedWeights<'_>]) -> Vec<String> {
    weights.iter().map(|weights| graph.weights(weights.name, weights.shape, weights.values)).collect()
}

/// `x` where the mask has data, else 0.
fn keep(graph: &mut Graph, x: &str, mask: Option<&str>) -> String {
    let Some(mask) = mask else { return x.to_owned() };
    let (counts, zero) = (graph.unsqueeze(mask, 2), graph.scalar(0.0));
    graph.select(&counts, x, &zero)
}

fn dense(
    graph: &mut Graph,
    activation: crate::nn::Activation,
    weights: &[NamedWeights<'_>],
    x: &str,
) -> String {
    let given = all(graph, weights);
    let mut z = graph.matmul(x, &given[0]);
    if let Some(bias) = given.get(1) {
        z = graph.add(&z, bias);
    }
    activation::apply(graph, activation, &z)
}

fn over_time(graph: &mut Graph, op: &str, x: &str) -> String {
    let axis = [("axes", Attribute::Ints(vec![1])), ("keepdims", Attribute::Int(0))];
    graph.op(op, &[x], &axis)
}

/// The mean of the steps with data; 0 if there are none.
fn mean_over_time(graph: &mut Graph, x: &str, mask: Option<&str>) -> String {
    let Some(mask) = mask else { return over_time(graph, "ReduceMean", x) };
    let (kept, one) = (keep(graph, x, Some(mask)), graph.scalar(1.0));
    let sum = graph.sum(&kept, 1, false);
    let marks = graph.cast(mask, Type::Float);
    let count = graph.sum(&marks, 1, true);
    let count = graph.op("Max", &[&count, &one], &[]);
    graph.div(&sum, &count)
}

fn layer_normalization(
    graph: &mut Graph,
    (layer, features): (&LayerNormalization, usize),
    weights: &[NamedWeights<'_>],
    x: &str,
) -> String {
    let mut given = all(graph, weights);
    if !layer.scale {
        // The operator wants a scale.
        given.insert(0, graph.weights("gamma", &[features], &vec![1.0; features]));
    }
    let inputs: Vec<&str> = std::iter::once(x).chain(given.iter().map(String::as_str)).collect();
    let attributes = [("axis", Attribute::Int(-1)), ("epsilon", Attribute::Float(layer.epsilon))];
    graph.op("LayerNormalization", &inputs, &attributes)
}

/// By the moving averages: `(x − μ)·γ/√(v + ε) + β`.
fn batch_normalization(
    graph: &mut Graph,
    layer: &BatchNormalization,
    weights: &[NamedWeights<'_>],
    x: &str,
) -> String {
    let of = |name: &str| weights.iter().find(|weights| weights.name == name);
    let (Some(mean), Some(variance)) = (of("moving_mean"), of("moving_variance")) else {
        return x.to_owned();
    };
    let gamma = |i: usize| of("gamma").map_or(1.0, |gamma| f64::from(gamma.values[i]));
    let factor =
        |(i, variance): (usize, &f32)| (gamma(i) / (f64::from(*variance) + layer.epsilon).sqrt()) as f32;
    let factors: Vec<f32> = variance.values.iter().enumerate().map(factor).collect();
    let mean = graph.weights(mean.name, mean.shape, mean.values);
    let factors = graph.weights("scale", variance.shape, &factors);
    let centered = graph.sub(x, &mean);
    let scaled = graph.mul(&centered, &factors);
    match of("beta") {
        Some(beta) => {
            let beta = graph.weights(beta.name, beta.shape, beta.values);
            graph.add(&scaled, &beta)
        }
        None => scaled,
    }
}
