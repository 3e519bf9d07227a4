use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::graph::{self, Graph, GraphLayer};
use super::hard_sigmoid::hard_sigmoid;
use super::import_error::ImportError;
use super::ranks::{last_axis, of_cell};
use super::weights::{group_names, groups, paths};
use crate::interop::hdf5::{File, Hdf5Error, Object, SIGNATURE};
use crate::interop::zip::Archive;
use crate::interop::{DescribedLayer, NetworkDescription};

/// Layers of a file at most.
const MAX_LAYERS: usize = 1000;
/// Bytes of a configuration at most, 16 MiB: a thousand layers have a few; values that are read from text take many times its length.
const MAX_CONFIG: u64 = 16 << 20;

/// A file of Keras: its network, if it has one, and its weights.
#[derive(Debug)]
pub struct KerasFile {
    graph: Option<Graph>,
    /// The HDF5 file of the weights.
    weights: Vec<u8>,
    /// Whether the weights are in the form of `model.save("m.h5")`.
    is_legacy: bool,
    /// Whether it is of Keras 1 or 2, whose `hard_sigmoid` is another function.
    is_keras_2: bool,
}

impl KerasFile {
    /// Reads the bytes of a `.keras`, `.weights.h5` or `.h5` file.
    ///
    /// # Errors
    /// If it is none, or its configuration cannot be read.
    pub fn open(bytes: Vec<u8>) -> Result<Self, ImportError> {
        if bytes.starts_with(&SIGNATURE) {
            return Self::of_hdf5(bytes);
        }
        if !bytes.starts_with(b"PK") {
            return Err(ImportError::Format);
        }
        let archive = Archive::open(&bytes)?;
        let needed = |content: Option<Vec<u8>>, name| content.ok_or(ImportError::Member(name));
        let config = needed(archive.short_member("config.json", MAX_CONFIG)?, "config.json")?;
        let graph = Some(graph_of("config.json", &config)?);
        let is_keras_2 = archive
            .short_member("metadata.json", MAX_CONFIG)?
            .and_then(|text| serde_json::from_slice::<Value>(&text).ok())
            .is_some_and(|metadata| metadata["keras_version"].as_str().is_some_and(is_before_3));
        let weights = needed(archive.member("model.weights.h5")?, "model.weights.h5")?;
        Ok(Self { graph, weights, is_legacy: false, is_keras_2 })
    }

    fn of_hdf5(bytes: Vec<u8>) -> Result<Self, ImportError> {
        let (graph, is_legacy, is_keras_2) = {
            let file = File::open(&bytes)?;
            let root = file.root()?;
            let first = |strings: Option<Vec<String>>| strings.and_then(|strings| strings.into_iter().next());
            let config = first(root.strings("model_config")?);
            let graph = config.map(|config| graph_of("model_config", config.as_bytes())).transpose()?;
            let is_legacy = graph.is_some() || root.strings("layer_names")?.is_some();
            // The first versions wrote none.
            let version = first(root.strings("keras_version")?).unwrap_or_default();
            (graph, is_legacy, is_legacy && is_before_3(&version))
        };
        Ok(Self { graph, weights: bytes, is_legacy, is_keras_2 })
    }

    /// The name of the network, if the file has one.
    pub fn name(&self) -> Option<&str> {
        self.graph.as_ref().map(|graph| &graph.name[..])
    }

    /// The inputs of the network, if the file has one: names and shapes, with the batch.
    pub fn inputs(&self) -> &[(String, Vec<Option<usize>>)] {
        self.graph.as_ref().map_or(&[], |graph| &graph.inputs)
    }

    /// Whether the last layer of the network, which keeps the axes of what it reads, has an output at every step.
    pub(super) fn has_output_at_every_step(&self) -> bool {
        self.graph.as_ref().is_some_and(|graph| graph.input_ranks().last().is_some_and(|rank| *rank > 2))
    }

    /// Whether it is of Keras 1 or 2: its `keras_version` is less than 3, or an older layout has none.
    pub fn is_keras_2(&self) -> bool {
        self.is_keras_2
    }

    /// The class and name of a layer, if the file has a network.
    pub(super) fn title(&self, layer: usize) -> Option<String> {
        self.graph.as_ref()?.layers.get(layer).map(title)
    }

    /// The layers as `model:` of a preset has them, whose data have these `channels`; `None` if the file has only weights.
    ///
    /// # Errors
    /// For a layer that is not available, with what it is.
    pub fn model(&self, channels: &[String]) -> Result<Option<Value>, ImportError> {
        let Some(graph) = &self.graph else { return Ok(None) };
        if graph.inputs.len() != channels.len().max(1) && !graph.inputs.is_empty() {
            let what = format!(
                "the network has {} inputs, the data have {}",
                graph.inputs.len(),
                channels.len().max(1)
            );
            return Err(ImportError::Config(what));
        }
        let mut layers = Vec::new();
        for (i, layer) in graph.layers.iter().enumerate() {
            let fail = |what: String| ImportError::Layer { layer: i, title: title(layer), what };
            let inputs = self.inputs_of(graph, i, channels).map_err(fail)?;
            let config = translate(&layer.class, layer.config.clone(), self.is_keras_2, 0).map_err(fail)?;
            let mut entry = json!({"class_name": layer.class, "config": config});
            if !inputs.is_empty() {
                entry["inputs"] = inputs.into();
            }
            layers.push(entry);
        }
        Ok(Some(layers.into()))
    }

    /// What layer `i` reads, in the words of a preset; empty for what is before it.
    fn inputs_of(&self, graph: &Graph, i: usize, channels: &[String]) -> Result<Vec<Value>, String> {
        let layer = &graph.layers[i];
        let mut inputs = Vec::new();
        for name in &layer.inputs {
            let earlier = graph.layers[..i].iter().position(|earlier| earlier.name == *name);
            let data = graph.inputs.iter().position(|(input, _)| input == name);
            inputs.push(match (earlier, data) {
                (Some(earlier), _) => Value::from(earlier),
                (None, Some(data)) => {
                    channels.get(data).map_or(Value::Null, |channel| channel.clone().into())
                }
                (None, None) => return Err(format!("it reads `{name}`, which is not there")),
            });
        }
        // Query, value and key: the key is the value if it is not given.
        if inputs.len() == 3 && inputs[1] == inputs[2] && is_attention(&layer.class) {
            inputs.pop();
        }
        if inputs.len() == 2 && inputs[0] == inputs[1] && is_attention(&layer.class) {
            inputs.pop();
        }
        let before = i.checked_sub(1).map_or(Value::Null, Value::from);
        if inputs == [before] {
            inputs.clear();
        }
        if inputs.contains(&Value::Null) {
            return Err("only the first layer reads data that have no name".into());
        }
        Ok(inputs)
    }

    /// The weights of `network`, which is that of the file: those of each layer in the order of the description.
    ///
    /// # Errors
    /// If weights are missing or have other shapes.
    pub fn weights(&self, network: &NetworkDescription<'_>) -> Result<Vec<Vec<Vec<f32>>>, ImportError> {
        let file = File::open(&self.weights)?;
        let root = file.root()?;
        let names = match &self.graph {
            Some(graph) => {
                let all = group_names(graph.classes.iter().map(String::as_str));
                graph.layers.iter().map(|layer| all[layer.place].clone()).collect()
            }
            None => groups(network),
        };
        let legacy = if self.is_legacy { Some(legacy_groups(&root)?) } else { None };
        let with_weights = network.layers.iter().filter(|layer| !layer.weights.is_empty()).count();
        let (of_file, of_network, what) = match (&self.graph, &legacy) {
            (Some(graph), _) => (graph.layers.len(), network.layers.len(), "layers"),
            (None, Some(groups)) => {
                let found = groups.iter().filter(|group| !group.weights.is_empty()).count();
                (found, with_weights, "layers with weights")
            }
            (None, None) => (0, 0, ""),
        };
        if of_file != of_network {
            let what = format!("the file has {of_file} {what}, the settings have {of_network} in `model`");
            return Err(ImportError::Config(what));
        }
        let layers = if self.is_legacy { None } else { Some(root.get("layers")?) };
        let stored = layers.as_ref().map(stored_groups).transpose()?.unwrap_or_default();
        if self.graph.is_none() {
            let used = |name: &str| {
                names
                    .iter()
                    .zip(&network.layers)
                    .any(|(group, layer)| group == name && !layer.weights.is_empty())
            };
            let surplus: Vec<&str> = stored.iter().map(String::as_str).filter(|name| !used(name)).collect();
            if !surplus.is_empty() {
                let what = format!(
                    "the file has weights of layers that `model` of the settings has not: {}; of its layers {with_weights} have weights",
                    surplus.join(", ")
                );
                return Err(ImportError::Config(what));
            }
        }
        let mut all = Vec::new();
        for (i, layer) in network.layers.iter().enumerate() {
            let fail = |what: String| ImportError::Layer { layer: i, title: layer.node.title(), what };
            let found = match (&legacy, &layers) {
                (Some(groups), _) => {
                    let own = self.graph.as_ref().map(|graph| &graph.layers[i].name[..]);
                    let group = legacy_group(groups, own, network, i).map_err(fail)?;
                    group.map_or_else(|| Ok(Vec::new()), |group| group.weights(&root))?
                }
                (None, Some(layers)) => {
                    at_paths(layers, &names[i], layer)?.ok_or_else(|| fail(missing(&names[i], &stored)))?
                }
                (None, None) => Vec::new(),
            };
            let mut values = numbers(layer, &found, fail)?;
            if self.is_keras_2 {
                hard_sigmoid(layer, &mut values).map_err(fail)?;
            }
            all.push(values);
        }
        Ok(all)
    }
}

fn graph_of(name: &str, text: &[u8]) -> Result<Graph, ImportError> {
    if text.len() as u64 > MAX_CONFIG {
        let what = format!("{name} has {} bytes; expected {MAX_CONFIG} at most", text.len());
        return Err(ImportError::Config(what));
    }
    let config: Value = serde_json::from_slice(text)
        .map_err(|error| ImportError::Config(format!("{name} is not JSON: {error}")))?;
    let mut graph = graph::read(&config)?;
    graph.layers.iter_mut().for_each(of_cell);
    let ranks = graph.input_ranks();
    graph.layers.iter_mut().zip(ranks).for_each(|(layer, rank)| last_axis(layer, rank));
    match graph.layers.len() {
        1..=MAX_LAYERS => Ok(graph),
        count => Err(ImportError::Config(format!(
            "the network has {count} layers; 1 to {MAX_LAYERS} can be imported"
        ))),
    }
}

fn is_before_3(version: &str) -> bool {
    version.split('.').next().and_then(|major| major.parse::<u32>().ok()).is_none_or(|major| major < 3)
}

fn is_attention(class: &str) -> bool {
    matches!(class, "Attention" | "AdditiveAttention" | "MultiHeadAttention")
}

fn title(layer: &GraphLayer) -> String {
    format!("{} `{}`", layer.class, layer.name)
}

/// Arguments that say nothing of the network, or what is said of it elsewhere.
const DROPPED: [&str; 9] = [
    "name",
    "batch_shape",
    "batch_input_shape",
    "input_dtype",
    "backward_layer",
    "query_shape",
    "key_shape",
    "value_shape",
    "ragged",
];

/// The arguments of a layer as the reader of presets takes them; what it does not know it refuses by its name.
///
/// # Errors
/// For a layer with code, and for two directions that differ.
fn translate(
    class: &str,
    mut config: Map<String, Value>,
    is_keras_2: bool,
    depth: usize,
) -> Result<Value, String> {
    if class == "Lambda" {
        return Err("it is code of Python, which is not run".into());
    }
    if matches!(class, "TextVectorization" | "StringLookup") {
        return Err(
            "texts become numbers by `tokens` here, not by a layer; save the network from its Embedding on"
                .into(),
        );
    }
    if depth > 2 {
        return Err("a layer within a layer within a layer".into());
    }
    if class == "Bidirectional"
        && let (Some(forward), Some(backward)) = (config.get("layer"), config.get("backward_layer"))
        && !backward.is_null()
        && half(forward) != half(backward)
    {
        return Err("its two directions differ; both have the same layer here".into());
    }
    // `null` is the default everywhere.
    config.retain(|key, value| {
        !value.is_null() && (depth == 0 && key == "name" || !DROPPED.contains(&key.as_str()))
    });
    if is_keras_2 && class == "GRU" && !config.contains_key("reset_after") {
        config.insert("reset_after".into(), false.into());
    }
    if let Some(inner) = config.get("layer").cloned() {
        let inner_class = inner["class_name"].as_str().unwrap_or_default().to_owned();
        let mut inner = inner.get("config").and_then(Value::as_object).cloned().unwrap_or_default();
        if class == "Bidirectional" {
            // Keras sets it in both directions by itself.
            inner.remove("zero_output_for_mask");
        }
        let inner = translate(&inner_class, inner, is_keras_2, depth + 1)?;
        config.insert("layer".into(), json!({"class_name": inner_class, "config": inner}));
    }
    Ok(Value::Object(config))
}

/// What one direction of a Bidirectional shares with the other.
fn half(layer: &Value) -> (Value, Value) {
    let mut config = layer.get("config").cloned().unwrap_or_default();
    if let Value::Object(fields) = &mut config {
        fields.retain(|key, _| key != "name" && key != "go_backwards");
    }
    (layer["class_name"].clone(), without_identity(config))
}

/// A value without numbers that tell apart objects which are the same.
fn without_identity(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields
                .into_iter()
                .filter(|(key, value)| !value.is_null() && key != "seed" && key != "shared_object_id");
            fields.map(|(key, value)| (key, without_identity(value))).collect()
        }
        other => other,
    }
}

/// The weights of a layer in the group `name` of `layers`; `None` if one is not there.
fn at_paths<'f, 'a>(
    layers: &Object<'f, 'a>,
    name: &str,
    layer: &DescribedLayer<'_>,
) -> Result<Option<Vec<Object<'f, 'a>>>, ImportError> {
    let mut found = Vec::new();
    for path in paths(layer) {
        let path = format!("{name}/{path}");
        // Earlier versions of Keras 3 had private names for the parts of an attention.
        let private = path.replacen(&format!("{name}/"), &format!("{name}/_"), 1);
        let object = match layers.find(&path)? {
            Some(object) => object,
            None => match layers.find(&private)? {
                Some(object) => object,
                None => return Ok(None),
            },
        };
        found.push(object);
    }
    Ok(Some(found))
}

/// The groups of the layers that have weights.
fn stored_groups(layers: &Object<'_, '_>) -> Result<BTreeSet<String>, ImportError> {
    // The states of random numbers are no weights.
    let paths = layers.datasets()?.into_iter().filter(|path| !path.contains("seed_generator"));
    Ok(paths.filter_map(|path| path.trim_start_matches('/').split('/').next().map(str::to_owned)).collect())
}

/// What is wrong with a layer that has no weights in a file that has those of the groups `stored`.
fn missing(group: &str, stored: &BTreeSet<String>) -> String {
    let stored: Vec<&str> = stored.iter().map(String::as_str).collect();
    let what = if stored.contains(&group) { "not all weights" } else { "no weights" };
    format!("the file has {what} of it, which would be in `{group}`; it has those of {}", stored.join(", "))
}

/// A layer of an older file.
struct LegacyGroup {
    name: String,
    /// The path of its group.
    path: String,
    /// The paths of its weights within the group.
    weights: Vec<String>,
}

impl LegacyGroup {
    fn weights<'f, 'a>(&self, root: &Object<'f, 'a>) -> Result<Vec<Object<'f, 'a>>, ImportError> {
        let group = root.get(&self.path)?;
        Ok(self.weights.iter().map(|path| group.get(path)).collect::<Result<_, _>>()?)
    }
}

/// The layers of an older file, in its order.
fn legacy_groups(root: &Object<'_, '_>) -> Result<Vec<LegacyGroup>, ImportError> {
    let weights = root.find("model_weights")?;
    let root = weights.as_ref().unwrap_or(root);
    let mut groups = Vec::new();
    for name in chunked_strings(root, "layer_names")? {
        let group = root.get(&name)?;
        let weights = chunked_strings(&group, "weight_names")?;
        groups.push(LegacyGroup { name, path: group.path().to_owned(), weights });
    }
    Ok(groups)
}

/// A list of strings; one that is longer than an attribute may be is in several, `layer_names0`, `layer_names1`, ….
fn chunked_strings(object: &Object<'_, '_>, name: &str) -> Result<Vec<String>, ImportError> {
    match object.strings(name) {
        Ok(Some(strings)) => return Ok(strings),
        // An empty list has no type of strings.
        Err(Hdf5Error::Kind { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
        Ok(None) => {}
    }
    let mut all = Vec::new();
    for i in 0..MAX_LAYERS {
        let Some(strings) = object.strings(&format!("{name}{i}"))? else { break };
        all.extend(strings);
    }
    Ok(all)
}

/// The group of layer `i` in an older file: that of its name, or without names the `i`-th that has weights; `None` for a layer without
/// weights.
fn legacy_group<'a>(
    groups: &'a [LegacyGroup],
    name: Option<&str>,
    network: &NetworkDescription<'_>,
    i: usize,
) -> Result<Option<&'a LegacyGroup>, String> {
    if network.layers[i].weights.is_empty() {
        return Ok(None);
    }
    let group = match name {
        Some(name) => groups.iter().find(|group| group.name == name),
        None => {
            let before = network.layers[..i].iter().filter(|layer| !layer.weights.is_empty()).count();
            groups.iter().filter(|group| !group.weights.is_empty()).nth(before)
        }
    };
    group.map(Some).ok_or_else(|| "the file has no weights of it".to_owned())
}

/// The numbers of the weights, whose shapes must be those of the layer: they are compared before any number is read.
fn numbers(
    layer: &DescribedLayer<'_>,
    found: &[Object<'_, '_>],
    fail: impl Fn(String) -> ImportError,
) -> Result<Vec<Vec<f32>>, ImportError> {
    if found.len() != layer.weights.len() {
        return Err(fail(format!("the file has {} weights of it, not {}", found.len(), layer.weights.len())));
    }
    let mut all = Vec::new();
    for (weights, object) in layer.weights.iter().zip(found) {
        // Keras marks types that HDF5 has not by an attribute.
        if let Ok(Some(kind)) = object.strings("dtype") {
            let what = format!(
                "`{}` is of type {}; float16, float32 and float64 can be imported",
                object.path(),
                kind.join(" ")
            );
            return Err(ImportError::Config(what));
        }
        let shape = object.shape()?;
        // A scalar may be one number in a row.
        let is_scalar = weights.shape.is_empty() && shape == [1];
        if shape != weights.shape && !is_scalar {
            return Err(fail(format!(
                "`{}` has the shape {shape:?} in the file, not {:?}",
                weights.name, weights.shape
            )));
        }
        let values = object.dataset()?.values;
        if values.iter().any(|value| !value.is_finite()) {
            return Err(fail(format!("`{}` has numbers that are not finite", weights.name)));
        }
        all.push(values);
    }
    Ok(all)
}
