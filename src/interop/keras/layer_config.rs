//! A layer's arguments as Keras's.

use serde_json::{Map, Value, json};

use super::KerasError;
use super::objects::{activation, constraint, initializer, layer, regularizer};
use crate::interop::DescribedLayer;
use crate::nn::LayerSpec;

/// Arguments of ours that Keras's layers do not have, as they change nothing in a trained network.
const OWN: [&str; 3] = ["return_state", "vectors", "layer"];

/// The arguments of layer `i`, with its name.
///
/// # Errors
/// For what Keras does not have.
pub(super) fn config(i: usize, described: &DescribedLayer<'_>) -> Result<Map<String, Value>, KerasError> {
    let fail = |what: String| KerasError::Layer { layer: i, title: described.node.title(), what };
    let mut config = arguments(&described.spec).map_err(fail)?;
    config.insert("name".into(), described.name.clone().into());
    // Only some layers without weights take the argument.
    if !described.node.trainable && !described.weights.is_empty() {
        config.insert("trainable".into(), false.into());
    }
    if let Some(penalty) = described.node.activity_regularizer {
        if let LayerSpec::SpatialDropout1D(_) | LayerSpec::Bidirectional(_) | LayerSpec::TimeDistributed(_) =
            described.spec
        {
            let class = described.spec.layer().class();
            return Err(fail(format!("has no `activity_regularizer` of {class}; take it out of the preset")));
        }
        let penalty = serde_json::to_value(penalty).map_err(|error| fail(error.to_string()))?;
        config.insert("activity_regularizer".into(), regularizer(penalty));
    }
    Ok(config)
}

/// The class of a layer and its arguments.
fn arguments(spec: &impl serde::Serialize) -> Result<Map<String, Value>, String> {
    let value = serde_json::to_value(spec).map_err(|error| error.to_string())?;
    let Value::Object(fields) = value else { return Ok(Map::new()) };
    translate(fields)
}

fn translate(fields: Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut config = Map::new();
    for (key, value) in fields.into_iter().filter(|(key, _)| !OWN.contains(&key.as_str())) {
        let (key, value) = match (key.as_str(), value) {
            ("of", Value::Object(within)) => {
                let class = within.get("layer").and_then(Value::as_str).unwrap_or_default().to_owned();
                ("layer".to_owned(), layer(&class, Value::Object(translate(within)?)))
            }
            ("activation" | "recurrent_activation", value) => (key, activation(value)?),
            (name, value) if name.ends_with("_initializer") => (key, initializer(value)),
            (name, value) if name.ends_with("_regularizer") => (key, regularizer(value)),
            (name, value) if name.ends_with("_constraint") => (key, constraint(value)),
            (_, value) => (key, value),
        };
        config.insert(key, value);
    }
    Ok(config)
}

/// What a layer is called with: one tensor, a list of them, or several arguments.
///
/// An attention with one input attends to it: query and value are the same.
pub(super) fn call(spec: &LayerSpec, mut tensors: Vec<Value>) -> Vec<Value> {
    if attends(spec)
        && let [one] = &tensors[..]
    {
        tensors.push(one.clone());
    }
    match spec {
        LayerSpec::MultiHeadAttention(_) => tensors,
        _ if tensors.len() > 1 => vec![json!(tensors)],
        _ => tensors,
    }
}

/// Whether a layer reads query and value.
pub(super) fn attends(spec: &LayerSpec) -> bool {
    matches!(
        spec,
        LayerSpec::Attention(_) | LayerSpec::AdditiveAttention(_) | LayerSpec::MultiHeadAttention(_)
    )
}
