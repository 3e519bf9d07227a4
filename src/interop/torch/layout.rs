//! Which tensors of PyTorch a layer has, and where their numbers are in its weights.

use crate::interop::DescribedLayer;
use crate::interop::recurrent_layer::{RecurrentKind, RecurrentLayer};
use crate::nn::{LayerSpec, PointwiseSpec};

/// A tensor of a module of PyTorch.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TorchTensor {
    /// Its name within the module: `weight_ih_l0`.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its numbers.
    pub content: Content,
}

/// What the numbers of a [`TorchTensor`] are.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// Those of weights, one after the other.
    Weights(Vec<Piece>),
    /// 0 when written; when read, it is added to what another tensor gives: PyTorch's second bias.
    Summand(Piece),
    /// One number throughout: PyTorch has the tensor, the layer has not.
    Constant(f32),
}

/// Numbers of a weight in PyTorch's order: rows that each begin somewhere and go on in steps.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    /// The number of the weight within its layer.
    pub weight: usize,
    starts: Vec<usize>,
    step: usize,
    columns: usize,
}

impl Piece {
    /// All of a weight in its own order.
    fn same(weight: usize, size: usize) -> Self {
        Self { weight, starts: vec![0], step: 1, columns: size }
    }

    /// A matrix `[inputs, outputs]`, transposed.
    fn transposed(weight: usize, inputs: usize, outputs: usize) -> Self {
        Self { weight, starts: (0..outputs).collect(), step: outputs, columns: inputs }
    }

    /// A matrix `[inputs, gates·units]`, transposed, its gates in another order.
    fn gates(weight: usize, inputs: usize, units: usize, order: &[usize]) -> Self {
        Self { weight, starts: columns(units, order, 0), step: units * order.len(), columns: inputs }
    }

    /// The row of a bias that begins at `start`, its gates in another order.
    fn bias(weight: usize, start: usize, units: usize, order: &[usize]) -> Self {
        Self { weight, starts: columns(units, order, start), step: 1, columns: 1 }
    }

    /// The place of each number in the weight.
    pub fn places(&self) -> impl Iterator<Item = usize> + '_ {
        let Self { starts, step, columns, .. } = self;
        starts.iter().flat_map(move |start| (0..*columns).map(move |column| start + column * step))
    }
}

/// The columns of the gates in their order.
fn columns(units: usize, order: &[usize], start: usize) -> Vec<usize> {
    order.iter().flat_map(|gate| (0..units).map(move |unit| start + gate * units + unit)).collect()
}

/// Which module of PyTorch an attention is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttentionModule {
    /// `nn.MultiheadAttention`, whose queries have as many features as all heads together, and no masks.
    Builtin,
    /// One of `nn.Linear` for each projection.
    Projections,
}

/// The forms in which the state dict of a layer may have its weights; empty for a layer without.
pub(super) fn layouts(layer: &DescribedLayer<'_>) -> Vec<Vec<TorchTensor>> {
    let of = |spec: &LayerSpec| layout(spec, layer);
    match &layer.spec {
        _ if layer.weights.is_empty() => Vec::new(),
        LayerSpec::MultiHeadAttention(_) => {
            let builtin = attention(layer, AttentionModule::Builtin);
            builtin.into_iter().chain(attention(layer, AttentionModule::Projections)).collect()
        }
        LayerSpec::TimeDistributed(outer) => vec![of(&within(&outer.of))],
        spec => vec![of(spec)],
    }
}

/// The layer within a `TimeDistributed` as a layer of its own.
pub(super) fn within(spec: &PointwiseSpec) -> LayerSpec {
    match spec.clone() {
        PointwiseSpec::Dense(layer) => layer.into(),
        PointwiseSpec::Activation(layer) => layer.into(),
        PointwiseSpec::LayerNormalization(layer) => layer.into(),
        PointwiseSpec::Dropout(layer) => layer.into(),
        PointwiseSpec::GaussianNoise(layer) => layer.into(),
    }
}

fn weights(name: &str, shape: &[usize], piece: Piece) -> TorchTensor {
    TorchTensor { name: name.into(), shape: shape.to_vec(), content: Content::Weights(vec![piece]) }
}

fn constant(name: &str, size: usize, value: f32) -> TorchTensor {
    TorchTensor { name: name.into(), shape: vec![size], content: Content::Constant(value) }
}

fn layout(spec: &LayerSpec, layer: &DescribedLayer<'_>) -> Vec<TorchTensor> {
    let shape = |i: usize| layer.weights.get(i).map_or(&[][..], |weights| weights.shape);
    let names = || layer.weights.iter().map(|weights| weights.name);
    if let Some(recurrent) = RecurrentLayer::of(spec) {
        return of_recurrent(&recurrent, shape(0).first().copied().unwrap_or(0));
    }
    match (spec, shape(0)) {
        (LayerSpec::Embedding(_), shape) => {
            vec![weights("weight", shape, Piece::same(0, shape.iter().product()))]
        }
        (LayerSpec::Dense(_), [inputs, units]) => {
            let kernel = weights("weight", &[*units, *inputs], Piece::transposed(0, *inputs, *units));
            let bias = names().nth(1).map(|_| weights("bias", &[*units], Piece::same(1, *units)));
            [kernel].into_iter().chain(bias).collect()
        }
        (LayerSpec::Conv1D(_), [taps, features, filters]) => {
            let starts = (0..*filters).flat_map(|f| (0..*features).map(move |i| i * filters + f));
            let piece =
                Piece { weight: 0, starts: starts.collect(), step: features * filters, columns: *taps };
            let kernel = weights("weight", &[*filters, *features, *taps], piece);
            let bias = names().nth(1).map(|_| weights("bias", &[*filters], Piece::same(1, *filters)));
            [kernel].into_iter().chain(bias).collect()
        }
        (LayerSpec::LayerNormalization(_) | LayerSpec::BatchNormalization(_), [size]) => {
            let all = [("gamma", "weight", 1.0), ("beta", "bias", 0.0)];
            let mut tensors: Vec<TorchTensor> = all
                .into_iter()
                .map(|(ours, theirs, value)| match names().position(|name| name == ours) {
                    Some(i) => weights(theirs, &[*size], Piece::same(i, *size)),
                    None => constant(theirs, *size, value),
                })
                .collect();
            for (ours, theirs) in [("moving_mean", "running_mean"), ("moving_variance", "running_var")] {
                let place = names().position(|name| name == ours);
                tensors.extend(place.map(|i| weights(theirs, &[*size], Piece::same(i, *size))));
            }
            tensors
        }
        // Modules of generated code have the names of the weights.
        _ => {
            let all = layer.weights.iter().enumerate();
            all.map(|(i, w)| weights(w.name, w.shape, Piece::same(i, w.values.len()))).collect()
        }
    }
}

/// The tensors of `nn.RNN`, `nn.LSTM` and `nn.GRU`, and of the generated layers that stand for them.
fn of_recurrent(layer: &RecurrentLayer, inputs: usize) -> Vec<TorchTensor> {
    let (units, order) = (layer.units, layer.kind.gate_order());
    let width = units * order.len();
    let directions: &[(&str, usize)] =
        if layer.merge.is_some() { &[("", 0), ("_reverse", 1)] } else { &[("", 0)] };
    let mut tensors = Vec::new();
    for (suffix, direction) in directions {
        let first = direction * if layer.use_bias { 3 } else { 2 };
        let name = |name: &str| format!("{name}_l0{suffix}");
        let kernel = Piece::gates(first, inputs, units, order);
        let recurrent = Piece::gates(first + 1, units, units, order);
        tensors.push(weights(&name("weight_ih"), &[width, inputs], kernel));
        tensors.push(weights(&name("weight_hh"), &[width, units], recurrent));
        if layer.use_bias {
            let bias = |start| Piece::bias(first + 2, start, units, order);
            tensors.push(weights(&name("bias_ih"), &[width], bias(0)));
            let second = match layer.kind {
                RecurrentKind::Gru { reset_after: true } => Some(Content::Weights(vec![bias(width)])),
                RecurrentKind::Gru { reset_after: false } => None,
                RecurrentKind::SimpleRnn | RecurrentKind::Lstm => Some(Content::Summand(bias(0))),
            };
            let second =
                second.map(|content| TorchTensor { name: name("bias_hh"), shape: vec![width], content });
            tensors.extend(second);
        }
    }
    tensors
}

/// The tensors of an attention with several heads in a module; none for a layer that the module does not fit.
pub(super) fn attention(layer: &DescribedLayer<'_>, module: AttentionModule) -> Option<Vec<TorchTensor>> {
    let shape = |name: &str| layer.weights.iter().find(|weights| weights.name == name).map(|w| w.shape);
    let (Some([features, heads, key_dim]), Some([value_features, _, value_dim])) =
        (shape("query.kernel"), shape("value.kernel"))
    else {
        return None;
    };
    let (keys, values) = (heads * key_dim, heads * value_dim);
    let place = |name: &str| layer.weights.iter().position(|weights| weights.name == name);
    let projection = |part: &str, inputs: usize, outputs: usize| {
        Some(Piece::transposed(place(&format!("{part}.kernel"))?, inputs, outputs))
    };
    let bias = |part: &str, size: usize| Some(Piece::same(place(&format!("{part}.bias"))?, size));
    let parts = [
        ("q", "query", *features, keys),
        ("k", "key", *value_features, keys),
        ("v", "value", *value_features, values),
    ];
    let mut tensors = Vec::new();
    match module {
        AttentionModule::Builtin => {
            if keys != *features || values != *features {
                return None;
            }
            let kernels = parts.iter().map(|(_, part, inputs, outputs)| projection(part, *inputs, *outputs));
            let kernels = kernels.collect::<Option<Vec<Piece>>>()?;
            if value_features == features {
                let shape = vec![3 * features, *features];
                let name = "in_proj_weight".to_owned();
                tensors.push(TorchTensor { name, shape, content: Content::Weights(kernels) });
            } else {
                for ((short, _, inputs, outputs), kernel) in parts.iter().zip(kernels) {
                    tensors.push(weights(&format!("{short}_proj_weight"), &[*outputs, *inputs], kernel));
                }
            }
            let biases = parts.iter().map(|(_, part, _, outputs)| bias(part, *outputs));
            if let Some(biases) = biases.collect::<Option<Vec<Piece>>>() {
                let (name, shape) = ("in_proj_bias".to_owned(), vec![3 * features]);
                tensors.push(TorchTensor { name, shape, content: Content::Weights(biases) });
            }
        }
        AttentionModule::Projections => {
            for (short, part, inputs, outputs) in parts {
                let kernel = projection(part, inputs, outputs)?;
                tensors.push(weights(&format!("{short}_proj.weight"), &[outputs, inputs], kernel));
                let bias = bias(part, outputs);
                tensors.extend(bias.map(|bias| weights(&format!("{short}_proj.bias"), &[outputs], bias)));
            }
        }
    }
    let last = projection("attention_output", values, *features)?;
    tensors.push(weights("out_proj.weight", &[*features, values], last));
    let bias = bias("attention_output", *features);
    tensors.extend(bias.map(|bias| weights("out_proj.bias", &[*features], bias)));
    Some(tensors)
}
