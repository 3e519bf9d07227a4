//! `config.json`, or the attribute `model_config` of older files: which layers there are, and what they read.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::import_error::ImportError;

/// Values within values at most: a configuration is a few levels deep.
const MAX_DEPTH: usize = 32;

/// The arguments of layers that are tensors, in the order of their places; those that are given by name are behind the others.
const KEYWORDS: [&str; 4] = ["inputs", "query", "value", "key"];

/// A network as a file describes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Graph {
    /// The name of the network.
    pub name: String,
    /// What it reads: names and shapes, with the batch.
    pub inputs: Vec<(String, Vec<Option<usize>>)>,
    /// The layers, each behind those that it reads.
    pub layers: Vec<GraphLayer>,
    /// The classes of all layers of the file in their order, also of those that are none here.
    pub classes: Vec<String>,
}

/// A layer of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GraphLayer {
    /// Its place in [`Graph::classes`].
    pub place: usize,
    /// Keras's class.
    pub class: String,
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub config: Map<String, Value>,
    /// The names of what it reads; empty where that is what is before it.
    pub inputs: Vec<String>,
}

/// Reads the configuration of a model.
///
/// # Errors
/// For a kind of model other than Sequential and Functional, for layers that are used twice, and for what is no layer.
pub(super) fn read(config: &Value) -> Result<Graph, ImportError> {
    let class = config.get("class_name").and_then(Value::as_str).unwrap_or_default();
    let own = config.get("config").unwrap_or(&Value::Null);
    // Keras before 2.2.3 wrote the layers of a Sequential alone.
    let layers = own.get("layers").or(Some(own)).and_then(Value::as_array);
    if !matches!(class, "Sequential" | "Functional" | "Model") {
        let what = format!(
            "the model is a `{class}`, whose code is not in the file; a Sequential or a Functional can be imported"
        );
        return Err(ImportError::Config(what));
    }
    let layers = layers.ok_or_else(|| ImportError::Config("there is no list of layers".into()))?;
    let name = own.get("name").and_then(Value::as_str).unwrap_or("imported").to_owned();
    let (inputs, layers, classes) = match class {
        "Sequential" => sequential(layers)?,
        _ => functional(own, layers)?,
    };
    Ok(Graph { name, inputs, layers, classes })
}

type Parts = (Vec<(String, Vec<Option<usize>>)>, Vec<GraphLayer>, Vec<String>);

/// Class, name and arguments of an entry of the list of layers.
fn entry(value: &Value) -> Result<(String, String, Map<String, Value>), ImportError> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let class = text(value.get("class_name"));
    let class = class.ok_or_else(|| ImportError::Config("a layer has no `class_name`".into()))?;
    let config = value.get("config").and_then(Value::as_object).cloned().unwrap_or_default();
    let name = text(config.get("name")).or(text(value.get("name"))).unwrap_or_default();
    Ok((class, name, config))
}

/// The shape of what a layer reads, as its arguments have it.
fn batch_shape(config: &Map<String, Value>) -> Option<Vec<Option<usize>>> {
    let shape = ["batch_shape", "batch_input_shape"].iter().find_map(|key| config.get(*key)?.as_array())?;
    Some(shape.iter().map(|size| size.as_u64().and_then(|size| usize::try_from(size).ok())).collect())
}

fn sequential(entries: &[Value]) -> Result<Parts, ImportError> {
    let (mut inputs, mut layers, mut classes) = (Vec::new(), Vec::new(), Vec::new());
    for (place, value) in entries.iter().enumerate() {
        let (class, name, config) = entry(value)?;
        classes.push(class.clone());
        if inputs.is_empty()
            && let Some(shape) = batch_shape(&config)
        {
            inputs.push((name.clone(), shape));
        }
        if class != "InputLayer" {
            layers.push(GraphLayer { place, class, name, config, inputs: Vec::new() });
        }
    }
    Ok((inputs, layers, classes))
}

fn functional(own: &Value, entries: &[Value]) -> Result<Parts, ImportError> {
    let mut shapes = BTreeMap::new();
    let (mut layers, mut classes, mut operations) = (Vec::new(), Vec::new(), BTreeMap::new());
    for value in entries {
        let (class, name, config) = entry(value)?;
        let module = value.get("module").and_then(Value::as_str).unwrap_or("keras.layers");
        if module.contains(".ops.") {
            // The arithmetic of masks; it matters only if a layer reads it.
            operations.insert(name, class);
            continue;
        }
        let place = classes.len();
        classes.push(class.clone());
        if class == "InputLayer" {
            shapes.insert(name, batch_shape(&config).unwrap_or_default());
            continue;
        }
        let inputs = inbound(&name, value.get("inbound_nodes").unwrap_or(&Value::Null))?;
        layers.push(GraphLayer { place, class, name, config, inputs });
    }
    let input_names = tensors(own.get("input_layers").unwrap_or(&Value::Null));
    let inputs = input_names.into_iter().map(|name| {
        let shape = shapes.get(&name).cloned();
        let missing = || ImportError::Config(format!("there is no input layer `{name}`"));
        let shape = shape.ok_or_else(missing)?;
        Ok((name, shape))
    });
    let inputs = inputs.collect::<Result<Vec<_>, ImportError>>()?;
    let output = tensors(own.get("output_layers").unwrap_or(&Value::Null));
    let [output] = &output[..] else {
        return Err(ImportError::Config(format!(
            "the network has {} outputs; it must have one",
            output.len()
        )));
    };
    for layer in &layers {
        if let Some((name, class)) = layer.inputs.iter().find_map(|name| operations.get_key_value(name)) {
            let what = format!(
                "{} `{}` reads `{name}`, the operation {class}; only layers can be imported",
                layer.class, layer.name
            );
            return Err(ImportError::Config(what));
        }
    }
    Ok((inputs, sorted(layers, output)?, classes))
}

/// The layers that the output needs, each behind those that it reads, the output last; otherwise in their order.
fn sorted(layers: Vec<GraphLayer>, output: &str) -> Result<Vec<GraphLayer>, ImportError> {
    let place: BTreeMap<&str, usize> =
        layers.iter().enumerate().map(|(i, layer)| (&layer.name[..], i)).collect();
    let Some(last) = place.get(output).copied() else {
        return Err(ImportError::Config(format!("there is no layer `{output}`, the output")));
    };
    let mut needed = vec![false; layers.len()];
    let mut open = vec![last];
    while let Some(i) = open.pop() {
        if !std::mem::replace(&mut needed[i], true) {
            open.extend(layers[i].inputs.iter().filter_map(|name| place.get(&name[..])));
        }
    }
    let (mut done, mut order) = (vec![false; layers.len()], Vec::new());
    loop {
        let reads = |i: usize| layers[i].inputs.iter().filter_map(|name| place.get(&name[..]));
        let next = (0..layers.len()).find(|i| needed[*i] && !done[*i] && reads(*i).all(|input| done[*input]));
        let Some(next) = next else { break };
        done[next] = true;
        order.push(next);
    }
    if order.last() != Some(&last) || order.len() != needed.iter().filter(|needed| **needed).count() {
        return Err(ImportError::Config(format!("the layers before `{output}` read each other in a circle")));
    }
    Ok(order.into_iter().map(|i| layers[i].clone()).collect())
}

/// The names in a list of `[name, node, tensor]`, or in one alone.
fn tensors(value: &Value) -> Vec<String> {
    let name = |value: &Value| Some(value.as_array()?.first()?.as_str()?.to_owned());
    match name(value) {
        Some(one) => vec![one],
        None => value.as_array().map_or_else(Vec::new, |list| list.iter().filter_map(name).collect()),
    }
}

/// What the layer `name` reads.
fn inbound(name: &str, nodes: &Value) -> Result<Vec<String>, ImportError> {
    let nodes = nodes.as_array().map_or(&[][..], Vec::as_slice);
    let [node] = nodes else {
        let what = format!("the layer `{name}` is used {} times; layers are used once here", nodes.len());
        return Err(ImportError::Config(what));
    };
    let (mut found, mut named) = (Vec::new(), BTreeMap::<&str, Vec<String>>::new());
    if node.is_object() {
        for argument in node.get("args").and_then(Value::as_array).into_iter().flatten() {
            keras_tensors(argument, 0, &mut found);
        }
        let kwargs = node.get("kwargs").and_then(Value::as_object);
        for (key, value) in kwargs.into_iter().flatten() {
            let mut read = Vec::new();
            keras_tensors(value, 0, &mut read);
            match key.as_str() {
                // What Keras derives of masks, and what it is in prediction.
                "mask" | "training" => {}
                key if KEYWORDS.contains(&key) => named.entry(key).or_default().extend(read),
                _ if read.is_empty() => {}
                _ => {
                    let what = format!(
                        "the layer `{name}` reads `{}` as its `{key}`, which is not available",
                        read[0]
                    );
                    return Err(ImportError::Config(what));
                }
            }
        }
    } else {
        for tensor in node.as_array().into_iter().flatten() {
            let Some(source) = tensor.get(0).and_then(Value::as_str) else { continue };
            found.push(source.to_owned());
            let kwargs = tensor.get(3).and_then(Value::as_object);
            for (key, value) in kwargs.into_iter().flatten() {
                match (key.as_str(), value.get(0).and_then(Value::as_str)) {
                    (key, Some(source)) if KEYWORDS.contains(&key) => {
                        named.entry(key).or_default().push(source.to_owned());
                    }
                    ("mask" | "training", _) | (_, None) => {}
                    (_, Some(source)) => {
                        let what = format!(
                            "the layer `{name}` reads `{source}` as its `{key}`, which is not available"
                        );
                        return Err(ImportError::Config(what));
                    }
                }
            }
        }
    }
    found.extend(KEYWORDS.iter().filter_map(|key| named.remove(key)).flatten());
    Ok(found)
}

/// The layers whose outputs are in an argument of Keras 3.
fn keras_tensors(value: &Value, depth: usize, found: &mut Vec<String>) {
    if depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::Array(list) => list.iter().for_each(|value| keras_tensors(value, depth + 1, found)),
        Value::Object(fields)
            if value.get("class_name").and_then(Value::as_str) == Some("__keras_tensor__") =>
        {
            let history = fields.get("config").and_then(|config| config.get("keras_history"));
            found.extend(history.and_then(|history| history.get(0)?.as_str()).map(str::to_owned));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tensor(name: &str) -> Value {
        json!({"class_name": "__keras_tensor__", "config": {"shape": [null, 3, 4], "keras_history": [name, 0, 0]}})
    }

    /// The arguments of `MultiHeadAttention.call` are query, value and key; JSON has names in any order.
    #[test]
    fn inputs_by_name_are_in_the_order_of_arguments() {
        let read = |args: &[&str], kwargs: &[(&str, &str)]| {
            let args: Vec<Value> = args.iter().map(|name| tensor(name)).collect();
            let kwargs: Map<String, Value> =
                kwargs.iter().map(|(key, name)| ((*key).to_owned(), tensor(name))).collect();
            inbound("mha", &json!([{"args": args, "kwargs": kwargs}])).unwrap()
        };
        assert_eq!(read(&[], &[("key", "ctx"), ("query", "x"), ("value", "ctx")]), ["x", "ctx", "ctx"]);
        assert_eq!(read(&["q"], &[("key", "k"), ("value", "q")]), ["q", "q", "k"]);
        assert_eq!(read(&["q", "v"], &[("key", "k")]), ["q", "v", "k"]);
        // Keras 2.
        let named = json!({"key": ["k", 0, 0], "value": ["v", 0, 0], "training": null});
        assert_eq!(inbound("mha", &json!([[["q", 0, 0, named]]])).unwrap(), ["q", "v", "k"]);
        let other =
            inbound("lstm", &json!([{"args": [tensor("x")], "kwargs": {"initial_state": [tensor("s")]}}]));
        let error = other.unwrap_err().to_string();
        assert_eq!(error, "the layer `lstm` reads `s` as its `initial_state`, which is not available");
    }
}
