//! ONNX models (opset 17, IR version 8), as ONNX Runtime and others run them.
//!
//! ```text
//! NetworkDescription ─ Layers: nodes of each layer ─→ Graph ─ protobuf ─→ ModelProto
//!                       └ Recurrent ─ Packing: masks ─ Cell: RNN, LSTM, GRU, or Scan
//! ```
//! Values are `[batch, time, features]` throughout, as in Keras; recurrent operators want `[time, batch, features]`. Batch and, where no layer
//! needs to know their number, time steps may be any. A mask may have any form: steps that count are moved to the front of their
//! sequence, a recurrent operator reads so many of each, and its outputs are moved back.
//!
//! Source: <https://github.com/onnx/onnx/blob/v1.23.0/docs/Operators.md> and `onnx.proto` there.

mod activation;
mod attention;
mod cell;
mod example;
mod graph;
mod layer;
mod merging;
mod packing;
mod recurrent;
mod scaling;
mod window;

pub use example::example;
use graph::{Dimension, Graph, Type};
use layer::{Layers, Tensor};
pub use scaling::NumberScaling;

use super::NetworkDescription;
use super::protobuf::Message;
use crate::nn::{InputSource, LayerSpec, Shape};

/// The version of the operators.
const OPSET: u64 = 17;
/// The version of the format.
const IR_VERSION: u64 = 8;
/// The greatest message that protobuf's libraries read, in bytes.
const LARGEST: u64 = i32::MAX as u64;

/// What a model has besides its network.
#[derive(Debug, Default)]
pub struct OnnxSettings<'a> {
    /// Texts by their keys, for programs that use the model: `metadata_props`.
    pub metadata: Vec<(&'static str, String)>,
    /// What is done to numbers before and behind the network.
    pub scaling: Option<NumberScaling<'a>>,
    /// Whether the states of all recurrent layers go in and out, also of those that are not stateful: to go on with a sequence.
    pub with_states: bool,
}

/// Why a network cannot be written as a model.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OnnxError {
    /// It is too large.
    #[error(
        "the model would have {bytes} bytes; a file of ONNX has {LARGEST} at most, as protobuf counts in 32 bits: use --keras or --weights"
    )]
    Size {
        /// The bytes of its weights, or of all of it.
        bytes: u64,
    },
}

/// The bytes of the model of a network: a function of the network, its weights and `settings` alone.
///
/// Inputs are those of the network by their names, `[batch, time]` as int32 or `[batch, time, features]` as float32 (double with
/// [`OnnxSettings::scaling`]), and states by `LAYER.hidden` and `LAYER.cell`, `[batch, units]`. Outputs are `output`, with the activation of
/// predictions, or `forecast`, and states by `LAYER.hidden.next`.
///
/// # Errors
/// [`OnnxError::Size`] from 2 GiB on.
pub fn model(network: &NetworkDescription<'_>, settings: &OnnxSettings<'_>) -> Result<Vec<u8>, OnnxError> {
    let weights = network.layers.iter().flat_map(|layer| &layer.weights);
    check_size(weights.map(|weights| size_of_val(weights.values) as u64).sum())?;
    let graph = graph(network, settings).finish(&network.name);
    let model = Message::default().int(1, IR_VERSION).text(2, "unrolled").message(7, &graph);
    drop(graph);
    let model = model.message(8, &Message::default().text(1, "").int(2, OPSET));
    let model = settings.metadata.iter().fold(model, |model, (key, value)| {
        model.message(14, &Message::default().text(1, key).text(2, value))
    });
    check_size(model.as_bytes().len() as u64)?;
    Ok(model.into_bytes())
}

fn check_size(bytes: u64) -> Result<(), OnnxError> {
    if bytes > LARGEST { Err(OnnxError::Size { bytes }) } else { Ok(()) }
}

fn graph(network: &NetworkDescription<'_>, settings: &OnnxSettings<'_>) -> Graph {
    let mut graph = Graph::default();
    let mut layers = Layers::new(settings.with_states);
    let is_open = takes_any_length(network);
    let raw: Vec<String> = network
        .inputs
        .iter()
        .map(|input| data_input(&mut graph, settings, is_open, &input.name, input.shape))
        .collect();
    let inputs: Vec<Tensor> = raw
        .iter()
        .map(|name| {
            let scaled = settings.scaling.map(|scaling| scaling.before(&mut graph, name));
            Tensor { value: scaled.unwrap_or_else(|| name.clone()), mask: None, is_sequence: true }
        })
        .collect();
    let mut written: Vec<Tensor> = Vec::new();
    for layer in &network.layers {
        let read = |source: &InputSource| match source {
            InputSource::Data(channel) => inputs[*channel].clone(),
            InputSource::Layer(layer) => written[*layer].clone(),
        };
        let read: Vec<Tensor> = layer.inputs.iter().map(read).collect();
        written.push(layers.write(&mut graph, layer, &read));
    }
    let (Some(last), Some(layer)) = (written.last(), network.layers.last()) else { return graph };
    let mut value = last.value.clone();
    if let Some(activation) = network.activation {
        graph.enter("prediction");
        value = activation::apply(&mut graph, activation, &value);
    }
    let forecast = settings.scaling.and_then(|scaling| scaling.after(&mut graph, raw.first()?, &value));
    let batch = Dimension::any("batch");
    if let Some((forecast, [horizon, targets])) = forecast {
        let shape = [batch, Dimension::Size(horizon), Dimension::Size(targets)];
        graph.output("forecast", &forecast, Type::Double, &shape);
    } else {
        let size = |(axis, size): (usize, &Option<usize>)| match size {
            Some(size) if axis != 1 || !last.is_sequence || !is_open => Dimension::Size(*size),
            _ if axis == 0 => batch.clone(),
            // Windows and repetitions make other time steps of those that go in.
            _ if network.layers.iter().all(|layer| keeps_time(&layer.spec)) => Dimension::any("time"),
            _ => Dimension::any("steps"),
        };
        let shape: Vec<Dimension> = layer.output.iter().enumerate().map(size).collect();
        graph.output("output", &value, Type::Float, &shape);
    }
    layers.recurrent.give_states(&mut graph);
    graph
}

fn data_input(
    graph: &mut Graph,
    settings: &OnnxSettings<'_>,
    is_open: bool,
    name: &str,
    shape: Shape,
) -> String {
    let time = |steps: usize| match is_open {
        true => Dimension::any("time"),
        false => Dimension::Size(settings.scaling.map_or(steps, |scaling| scaling.rows(steps))),
    };
    let number = if settings.scaling.is_some() { Type::Double } else { Type::Float };
    let batch = Dimension::any("batch");
    match shape {
        Shape::Ids { time: steps, .. } => graph.input(name, Type::Int32, &[batch, time(steps)]),
        Shape::Sequence { time: steps, features } => {
            graph.input(name, number, &[batch, time(steps), Dimension::Size(features)])
        }
        Shape::Vector { features } => graph.input(name, number, &[batch, Dimension::Size(features)]),
    }
}

/// Whether states are all that a network knows of the time steps before: then it can go on with a sequence from them.
pub fn goes_on_from_states(network: &NetworkDescription<'_>) -> bool {
    use LayerSpec as L;
    let reads_on = |spec: &LayerSpec| match spec {
        L::SimpleRNN(layer) => !layer.go_backwards,
        L::LSTM(layer) => !layer.go_backwards,
        L::GRU(layer) => !layer.go_backwards,
        L::Embedding(_) | L::Masking(_) | L::TimeDistributed(_) | L::Dense(_) | L::Activation(_) => true,
        L::LayerNormalization(_) | L::BatchNormalization(_) => true,
        L::Dropout(_) | L::SpatialDropout1D(_) | L::GaussianNoise(_) => true,
        L::Concatenate(_) | L::Add(_) | L::Multiply(_) | L::Average(_) | L::Maximum(_) => true,
        _ => false,
    };
    network.layers.iter().all(|layer| reads_on(&layer.spec))
}

/// Whether sequences may have another number of time steps than in training.
fn takes_any_length(network: &NetworkDescription<'_>) -> bool {
    use LayerSpec as L;
    let any = |is: fn(&LayerSpec) -> bool| network.layers.iter().any(|layer| is(&layer.spec));
    let counts = any(|spec| matches!(spec, L::Flatten(_) | L::Reshape(_) | L::Permute(_)));
    // Repeated vectors are as many as in training, and so must be what is merged with them.
    let repeats = any(|spec| matches!(spec, L::RepeatVector(_)))
        && any(|spec| {
            matches!(spec, L::Concatenate(_) | L::Add(_) | L::Average(_) | L::Multiply(_) | L::Maximum(_))
        });
    !counts && !repeats
}

/// Whether a layer gives as many time steps as it reads, if it gives any.
fn keeps_time(spec: &LayerSpec) -> bool {
    use LayerSpec as L;
    !matches!(
        spec,
        L::Conv1D(_)
            | L::MaxPooling1D(_)
            | L::AveragePooling1D(_)
            | L::ZeroPadding1D(_)
            | L::UpSampling1D(_)
            | L::RepeatVector(_)
    )
}

#[cfg(test)]
mod tests;
