//! Initializers, regularizers, constraints and activations as Keras writes them.

use serde_json::{Map, Value, json};

/// A Keras object of a class.
pub(super) fn object(module: &str, class: &str, config: Value) -> Value {
    json!({"module": module, "class_name": class, "config": config, "registered_name": null})
}

/// A layer: `{module: keras.layers, …}`.
pub(super) fn layer(class: &str, config: Value) -> Value {
    object("keras.layers", class, config)
}

/// `glorot_uniform` → `GlorotUniform`.
fn camel_case(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    });
    words.collect()
}

/// Name and parameters of a value that a preset has as `NAME` or `{name: NAME, PARAMETER: …}`.
fn named(value: Value) -> (String, Map<String, Value>) {
    match value {
        Value::String(name) => (name, Map::new()),
        Value::Object(mut fields) => {
            let name = fields.remove("name").and_then(|name| name.as_str().map(str::to_owned));
            (name.unwrap_or_default(), fields)
        }
        _ => Default::default(),
    }
}

/// An initializer.
pub(super) fn initializer(value: Value) -> Value {
    let (name, config) = named(value);
    let class = if name == "orthogonal" { "Orthogonal".into() } else { camel_case(&name) };
    object("keras.initializers", &class, Value::Object(config))
}

/// A regularizer.
pub(super) fn regularizer(value: Value) -> Value {
    object("keras.regularizers", "L1L2", value)
}

/// A constraint.
pub(super) fn constraint(value: Value) -> Value {
    let (name, config) = named(value);
    object("keras.constraints", &camel_case(&name), Value::Object(config))
}

/// An activation; with parameters it is a layer.
///
/// # Errors
/// For parameters that no activation of Keras takes in a file.
pub(super) fn activation(value: Value) -> Result<Value, String> {
    let (name, config) = named(value);
    if config.is_empty() {
        return Ok(name.into());
    }
    let class = match &name[..] {
        "relu" => "ReLU",
        "leaky_relu" => "LeakyReLU",
        "elu" => "ELU",
        _ => {
            let parameters = config.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(format!("cannot store the activation `{name}` with its own {parameters}"));
        }
    };
    Ok(layer(class, Value::Object(config)))
}
