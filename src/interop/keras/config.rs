//! `config.json`: the network as Keras builds it again.

use serde_json::{Map, Value, json};

use super::KerasError;
use super::layer_config::{attends, call, config};
use super::layer_order::layer_order;
use super::objects::layer;
use crate::interop::NetworkDescription;
use crate::nn::{InputSource, LayerSpec, Shape};

/// The network: a `Sequential` where it is a chain, else a `Functional`.
///
/// # Errors
/// For what Keras does not have.
pub(super) fn model(network: &NetworkDescription<'_>) -> Result<Value, KerasError> {
    let layers: Vec<Map<String, Value>> =
        network.layers.iter().enumerate().map(|(i, layer)| config(i, layer)).collect::<Result<_, _>>()?;
    Ok(if is_sequential(network) { sequential(network, layers) } else { functional(network, layers) })
}

/// Whether Keras has the network as a `Sequential`: a chain of layers with one input each.
pub(super) fn is_sequential(network: &NetworkDescription<'_>) -> bool {
    network.is_chain() && !network.layers.iter().any(|layer| attends(&layer.spec))
}

fn sequential(network: &NetworkDescription<'_>, configs: Vec<Map<String, Value>>) -> Value {
    let mut layers = vec![layer("InputLayer", Value::Object(input(network, 0)))];
    let classes = network.layers.iter().map(|layer| layer.spec.layer().class());
    layers.extend(classes.zip(configs).map(|(class, config)| layer(class, Value::Object(config))));
    json!({
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": network.name, "trainable": true, "layers": layers},
        "registered_name": null,
    })
}

fn functional(network: &NetworkDescription<'_>, configs: Vec<Map<String, Value>>) -> Value {
    let node = |class: &str, name: &str, config, inbound: Value| {
        let mut node = layer(class, Value::Object(config));
        node["name"] = name.into();
        node["inbound_nodes"] = inbound;
        node
    };
    let mut layers = Vec::new();
    for (i, data) in network.inputs.iter().enumerate() {
        layers.push(node("InputLayer", &data.name, input(network, i), json!([])));
    }
    // In Keras's own order, by which groups of weights are numbered.
    let mut configs: Vec<Option<Map<String, Value>>> = configs.into_iter().map(Some).collect();
    for i in layer_order(network) {
        let (described, config) = (&network.layers[i], configs[i].take().unwrap_or_default());
        let tensors = described.inputs.iter().map(|source| tensor(network, *source)).collect();
        let args = call(&described.spec, tensors);
        let class = described.spec.layer().class();
        layers.push(node(class, &described.name, config, json!([{"args": args, "kwargs": {}}])));
    }
    let output = network.layers.last().map_or("", |layer| &layer.name);
    let inputs: Vec<Value> = network.inputs.iter().map(|input| json!([input.name, 0, 0])).collect();
    // One input is no list of one.
    let inputs = if let [one] = &inputs[..] { one.clone() } else { inputs.into() };
    json!({
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": network.name,
            "trainable": true,
            "layers": layers,
            "input_layers": inputs,
            "output_layers": [output, 0, 0],
        },
        "registered_name": "Functional",
    })
}

/// The arguments of an `InputLayer`.
fn input(network: &NetworkDescription<'_>, channel: usize) -> Map<String, Value> {
    let input = &network.inputs[channel];
    let dtype = dtype(input.shape);
    let mut config = Map::new();
    config.insert("batch_shape".into(), batch_shape(network, input.shape.keras()));
    config.insert("dtype".into(), dtype.into());
    config.insert("name".into(), input.name.clone().into());
    config
}

fn dtype(shape: Shape) -> &'static str {
    if matches!(shape, Shape::Ids { .. }) { "int32" } else { "float32" }
}

/// A shape with the batch. Keras carries the states of a fixed number of sequences: here of one; and where no layer needs to know the
/// number of time steps, there may be any, so that the sequence can go on in pieces of any length.
fn batch_shape(network: &NetworkDescription<'_>, mut shape: Vec<Option<usize>>) -> Value {
    if network.is_stateful {
        shape[0] = Some(1);
        if network.layers.iter().all(|layer| takes_any_length(&layer.spec)) && shape.len() > 1 {
            shape[1] = None;
        }
    }
    json!(shape)
}

fn takes_any_length(spec: &LayerSpec) -> bool {
    use LayerSpec as L;
    matches!(
        spec,
        L::Embedding(_)
            | L::SimpleRNN(_)
            | L::LSTM(_)
            | L::GRU(_)
            | L::TimeDistributed(_)
            | L::Dense(_)
            | L::Activation(_)
            | L::LayerNormalization(_)
            | L::BatchNormalization(_)
            | L::Dropout(_)
            | L::GaussianNoise(_)
    )
}

/// The tensor that `source` gives.
fn tensor(network: &NetworkDescription<'_>, source: InputSource) -> Value {
    let dtype = match source {
        InputSource::Data(channel) => dtype(network.inputs[channel].shape),
        InputSource::Layer(_) => "float32",
    };
    let shape = batch_shape(network, network.shape_of(source));
    let config = json!({"shape": shape, "dtype": dtype, "keras_history": [network.name_of(source), 0, 0]});
    json!({"class_name": "__keras_tensor__", "config": config})
}
