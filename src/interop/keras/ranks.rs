//! How many axes the outputs of layers have, as far as arguments need it.

use serde_json::Value;

use super::graph::{Graph, GraphLayer};

impl Graph {
    /// The axes of what each layer reads, counted with the batch.
    pub fn input_ranks(&self) -> Vec<usize> {
        let data = |name: Option<&String>| {
            let named = self.inputs.iter().find(|(input, _)| Some(input) == name).or(self.inputs.first());
            named.map_or(2, |(_, shape)| shape.len())
        };
        let (mut read, mut given) = (Vec::new(), Vec::<usize>::new());
        for (i, layer) in self.layers.iter().enumerate() {
            let name = layer.inputs.first();
            let before = match name {
                Some(name) => self.layers[..i].iter().position(|earlier| earlier.name == *name),
                None => i.checked_sub(1),
            };
            let rank = before.map_or_else(|| data(name), |before| given[before]);
            read.push(rank);
            given.push(output_rank(layer, rank));
        }
        read
    }
}

/// The axes of the output of a layer that reads `rank` axes.
fn output_rank(layer: &GraphLayer, rank: usize) -> usize {
    let inner = layer.config.get("layer").and_then(|inner| inner.get("config"));
    let returns_sequences = |config: Option<&Value>| {
        config.and_then(|config| config.get("return_sequences")).and_then(Value::as_bool) == Some(true)
    };
    match layer.class.as_str() {
        "Embedding" | "RepeatVector" => rank + 1,
        "Flatten" | "GlobalMaxPooling1D" | "GlobalAveragePooling1D" => 2,
        "LSTM" | "GRU" | "SimpleRNN" => {
            if layer.config.get("return_sequences").and_then(Value::as_bool) == Some(true) { 3 } else { 2 }
        }
        "Bidirectional" => {
            if returns_sequences(inner) {
                3
            } else {
                2
            }
        }
        "Reshape" => {
            let target = layer.config.get("target_shape").and_then(Value::as_array);
            target.map_or(rank, |shape| shape.len() + 1)
        }
        _ => rank,
    }
}

/// The last axis of a normalization as -1, however the file counts it: Keras 2 writes a list of axes from the front.
pub(super) fn last_axis(layer: &mut GraphLayer, rank: usize) {
    if !matches!(layer.class.as_str(), "BatchNormalization" | "LayerNormalization") {
        return;
    }
    let Some(axis) = layer.config.get("axis") else { return };
    let axis = axis.get(0).unwrap_or(axis).clone();
    let is_last = axis.as_u64().is_some_and(|axis| axis as usize + 1 == rank);
    layer.config.insert("axis".into(), if is_last { (-1).into() } else { axis });
}

/// A layer of the class `RNN` with one cell, as the layer that has this cell.
pub(super) fn of_cell(layer: &mut GraphLayer) {
    let cell = layer.config.get("cell").cloned().unwrap_or_default();
    let class = match cell.get("class_name").and_then(Value::as_str) {
        Some("LSTMCell") => "LSTM",
        Some("GRUCell") => "GRU",
        Some("SimpleRNNCell") => "SimpleRNN",
        _ => return,
    };
    let Some(arguments) = cell.get("config").and_then(Value::as_object) else { return };
    if layer.class != "RNN" {
        return;
    }
    layer.class = class.to_owned();
    layer.config.remove("cell");
    for (key, value) in arguments.iter().filter(|(key, _)| *key != "name") {
        layer.config.entry(key.clone()).or_insert_with(|| value.clone());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::graph::read;
    use super::*;

    #[test]
    fn the_last_axis_and_the_cell_of_a_layer_are_found() {
        let layer = |class: &str, config: Value| json!({"class_name": class, "config": config});
        let config = json!({"class_name": "Sequential", "config": {"layers": [
            layer("Embedding", json!({"batch_input_shape": [null, 5], "name": "e"})),
            layer("BatchNormalization", json!({"axis": [2]})),
            layer("RNN", json!({"name": "r", "return_sequences": true, "cell": layer("GRUCell", json!({"units": 3, "name": "c"}))})),
            layer("BatchNormalization", json!({"axis": [1]})),
            layer("Bidirectional", json!({"layer": layer("LSTM", json!({}))})),
            layer("LayerNormalization", json!({"axis": 1})),
            layer("RepeatVector", json!({"n": 2})),
            layer("Reshape", json!({"target_shape": [6]})),
            layer("Dense", json!({})),
        ]}});
        let mut graph = read(&config).unwrap();
        graph.layers.iter_mut().for_each(of_cell);
        assert_eq!(graph.layers[2].class, "GRU");
        assert_eq!(
            (&graph.layers[2].config["units"], &graph.layers[2].config["name"]),
            (&json!(3), &json!("r"))
        );
        assert_eq!(graph.classes[2], "RNN", "of which weights are named");
        assert_eq!(graph.input_ranks(), [2, 3, 3, 3, 3, 2, 2, 3, 2]);
        let ranks = graph.input_ranks();
        graph.layers.iter_mut().zip(ranks).for_each(|(layer, rank)| last_axis(layer, rank));
        let axes = [1, 3, 5].map(|i| graph.layers[i].config["axis"].clone());
        assert_eq!(axes, [json!(-1), json!(1), json!(-1)], "the second is that of time");
    }
}
