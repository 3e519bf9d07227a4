//! Layers as a Keras user writes them: arguments that change nothing here are taken out, and `{class_name: …, config: {…}}` is the same
//! as `{layer: …, …}`.

use serde_yaml::{Mapping, Value};

use super::steps;
use crate::preset::document::Document;
use crate::preset::error::PresetError;

/// The values of an argument that change nothing.
enum Accepted {
    /// All.
    Any,
    /// These, as YAML; the text says why no other.
    Only(&'static [&'static str], &'static str),
}

use Accepted::{Any, Only};

const RECURRENT: &[&str] = &["SimpleRNN", "LSTM", "GRU"];
const POOLS: &[&str] = &["MaxPooling1D", "AveragePooling1D", "GlobalMaxPooling1D", "GlobalAveragePooling1D"];

/// Arguments of Keras's layers (of all where none is named) that have one meaning here.
const ARGUMENTS: &[(&str, &[&str], Accepted)] = &[
    ("dtype", &[], Only(&["null", "float32"], "weights and activations are of single precision (float32)")),
    ("autocast", &[], Any),
    ("seed", &[], Any),
    ("input_shape", &[], Any),
    ("batch_input_shape", &[], Any),
    ("batch_shape", &[], Any),
    ("build_config", &[], Any),
    ("lora_rank", &[], Only(&["null"], "low-rank adapters are for networks that are trained already")),
    ("lora_alpha", &[], Only(&["null"], "low-rank adapters are for networks that are trained already")),
    ("quantization_config", &[], Only(&["null"], "weights are not quantized")),
    ("input_length", &["Embedding"], Any),
    ("sparse", &["Embedding"], Any),
    ("weights", &[], Only(&["null"], "name a file of word vectors under `vectors: {path: …}` instead")),
    ("unroll", RECURRENT, Any),
    ("implementation", RECURRENT, Any),
    ("use_cudnn", RECURRENT, Any),
    ("time_major", RECURRENT, Only(&["false"], "sequences are [batch, time, features]")),
    (
        "data_format",
        &[],
        Only(
            &["null", "channels_last"],
            "sequences are [batch, time, features], which Keras calls channels_last",
        ),
    ),
    ("groups", &["Conv1D"], Only(&["1"], "every filter sees all features")),
    (
        "axis",
        &["LayerNormalization", "BatchNormalization", "Concatenate"],
        Only(&["-1", "2", "[-1]", "[2]"], "it acts on the features, axis -1"),
    ),
    ("rms_scaling", &["LayerNormalization"], Only(&["false"], "the mean is always subtracted")),
    ("keepdims", POOLS, Only(&["false"], "a pool over all of time gives a vector")),
    ("noise_shape", &["Dropout"], Only(&["null"], "SpatialDropout1D drops whole features of a sequence")),
    ("attention_axes", &["MultiHeadAttention"], Only(&["null", "1", "[1]"], "it attends over time")),
    (
        "output_shape",
        &["MultiHeadAttention"],
        Only(&["null"], "the output has as many features as the query"),
    ),
    ("flash_attention", &["MultiHeadAttention"], Any),
    ("use_gate", &["MultiHeadAttention"], Only(&["false"], "attention has no gate")),
    (
        "softmax_robust_masking",
        &["MultiHeadAttention"],
        Only(&["false"], "scores of masked steps are lowered alike"),
    ),
    ("sliding_window", &["MultiHeadAttention"], Only(&["null"], "every step attends to all others")),
    ("synchronized", &["BatchNormalization"], Any),
    ("renorm", &["BatchNormalization"], Only(&["false"], "batches are normalized as they are")),
    ("renorm_clipping", &["BatchNormalization"], Any),
    ("renorm_momentum", &["BatchNormalization"], Any),
    ("backward_layer", &["Bidirectional"], Only(&["null"], "both directions have the same layer, `of`")),
];

/// Arguments that Keras's own files write as a list of one number.
const LISTS_OF_ONE: &[&str] = &["kernel_size", "strides", "dilation_rate", "pool_size", "size"];

/// The layer `value` at `path`, in the words of a preset.
///
/// # Errors
/// For an argument whose value asks for something that is not available, with the reason.
pub(super) fn plain(document: &Document, path: &[String], value: Value) -> Result<Value, PresetError> {
    let Value::Mapping(map) = value else { return Ok(value) };
    let mut map = named(map);
    let layer = map.get("layer").and_then(Value::as_str).unwrap_or_default().to_owned();
    for (key, _, accepted) in
        ARGUMENTS.iter().filter(|(_, layers, _)| layers.is_empty() || layers.contains(&layer.as_str()))
    {
        let Some(found) = map.get(*key) else { continue };
        if let Only(values, reason) = accepted
            && !values.iter().any(|value| means(found, key, value))
        {
            let at = [path, &steps([key])].concat();
            let written = match found {
                Value::String(text) => text.clone(),
                other => serde_json::to_string(other).unwrap_or_default(),
            };
            return Err(document.error(&at, format!("found {written}; {reason}: leave `{key}` out")));
        }
        map.remove(*key);
    }
    for key in LISTS_OF_ONE {
        if let Some(Value::Sequence(items)) = map.get(*key)
            && let [item] = items.as_slice()
        {
            let item = item.clone();
            map.insert((*key).into(), item);
        }
    }
    if let Some(inner) = map.remove("of") {
        let at = [path, &steps(["of"])].concat();
        let mut inner = plain(document, &at, inner)?;
        if let Value::Mapping(inner) = &mut inner {
            inner.remove("name");
            if inner.get("trainable") == Some(&Value::Bool(false)) {
                let at = [at.as_slice(), &steps(["trainable"])].concat();
                return Err(document.error(&at, format!("it belongs to the {layer} around this layer")));
            }
            inner.remove("trainable");
        }
        map.insert("of".into(), inner);
    }
    Ok(Value::Mapping(map))
}

/// `{class_name: NAME, config: {…}}` as `{layer: NAME, …}`, where the layer within another is `of`.
fn named(mut map: Mapping) -> Mapping {
    if map.contains_key("layer") {
        return map;
    }
    let Some(class) = map.get("class_name").filter(|class| class.is_string()).cloned() else { return map };
    let mut plain = match map.remove("config") {
        Some(Value::Mapping(config)) => config,
        _ => Mapping::new(),
    };
    if let Some(inner @ Value::Mapping(_)) = plain.get("layer").cloned() {
        plain.remove("layer");
        plain.insert("of".into(), inner);
    }
    // What stands beside `config` belongs to the place of the layer.
    for key in ["inputs", "trainable", "name"] {
        if let Some(value) = map.remove(key) {
            plain.insert(key.into(), value);
        }
    }
    plain.insert("layer".into(), class);
    plain
}

/// Whether `found` is the `value` of the argument `key`; a policy of types is its name.
fn means(found: &Value, key: &str, value: &str) -> bool {
    let policy = found.get("config").and_then(|config| config.get("name")).filter(|_| key == "dtype");
    let found = policy.unwrap_or(found);
    serde_yaml::from_str::<Value>(value).is_ok_and(|value| value == *found)
}

#[cfg(test)]
mod tests {
    use crate::nn::{LayerNode, LayerSpec};
    use crate::preset::{Overrides, load};

    fn layers(first: &str, second: &str) -> Result<Vec<LayerNode>, crate::preset::PresetError> {
        let set = vec![format!("model.0={first}"), format!("model.1={second}")];
        load("word-order", &Overrides { set, ..Overrides::default() }).map(|resolved| resolved.spec.model)
    }

    const EMBEDDING: &str = "{layer: Embedding, output_dim: 8}";

    #[test]
    fn arguments_that_change_nothing_are_read() {
        let plain = layers(EMBEDDING, "{layer: LSTM, units: 4}").unwrap();
        for (first, second) in [
            (
                EMBEDDING,
                "{layer: LSTM, units: 4, unroll: true, implementation: 1, use_cudnn: auto, seed: 3, dtype: float32}",
            ),
            (
                "{layer: Embedding, output_dim: 8, input_length: 20, weights: null, input_shape: [20]}",
                "{layer: LSTM, units: 4}",
            ),
            (
                "{class_name: Embedding, config: {output_dim: 8, lora_rank: null}}",
                "{module: keras.layers, class_name: LSTM, registered_name: null, config: {units: 4, activation: tanh, \
                 kernel_initializer: {module: keras.initializers, class_name: GlorotUniform, config: {seed: null}, registered_name: null}, \
                 recurrent_initializer: {class_name: Orthogonal, config: {gain: 1.0, seed: null}}, kernel_regularizer: null, \
                 bias_constraint: null, dtype: {module: keras, class_name: DTypePolicy, config: {name: float32}, registered_name: null}}}",
            ),
        ] {
            assert_eq!(layers(first, second).unwrap(), plain, "{first} {second}");
        }
        let both = layers(
            EMBEDDING,
            "{class_name: Bidirectional, config: {merge_mode: sum, layer: {class_name: GRU, config: {units: 3, name: gru, trainable: true}}}}",
        );
        assert!(
            matches!(&both.unwrap()[1].spec, LayerSpec::Bidirectional(both) if both.merge_mode == crate::nn::Merge::Sum)
        );
    }

    #[test]
    fn lists_of_one_number_are_the_number() {
        let of = |second: &str| {
            let set = vec![format!("model.1={second}")];
            load("word-order-conv1d", &Overrides { set, ..Overrides::default() }).unwrap().spec.model
        };
        assert_eq!(
            of(
                "{layer: Conv1D, filters: 4, kernel_size: [3], strides: [1], data_format: channels_last, groups: 1}"
            ),
            of("{layer: Conv1D, filters: 4, kernel_size: 3}")
        );
    }

    #[test]
    fn values_that_ask_for_more_are_refused_with_the_reason() {
        let cases = [
            ("{layer: LSTM, units: 4, dtype: float16}", "dtype"),
            ("{layer: LSTM, units: 4, time_major: true}", "time_major"),
            ("{layer: Conv1D, filters: 4, kernel_size: 3, data_format: channels_first}", "data_format"),
            ("{layer: Conv1D, filters: 4, kernel_size: 2, groups: 2}", "groups"),
            ("{layer: Dropout, rate: 0.5, noise_shape: [null, 1, null]}", "noise_shape"),
            ("{layer: LSTM, units: 4, activation: softmax}", "activation"),
            ("{layer: LSTM, units: 4, activation: {name: leaky_relu, negative_slope: -1}}", "activation"),
            ("{layer: LSTM, units: 4, kernel_regularizer: orthogonal}", "kernel_regularizer"),
            ("{layer: LSTM, units: 4, bias_constraint: {name: max_norm, axis: 1}}", "bias_constraint"),
            ("{layer: LSTM, units: 4, activity_regularizer: {l2: -1}}", "activity_regularizer"),
            ("{layer: LSTM, units: 4, name: ''}", "name"),
        ];
        let messages = cases.map(|(layer, field)| {
            let error = layers(EMBEDDING, layer).unwrap_err();
            assert_eq!(error.field, format!("model.1.{field}"), "{error}");
            (layer.to_owned(), error.message)
        });
        crate::messages::assert_messages("presets_keras_arguments", messages);
    }

    #[test]
    fn names_are_unique_and_can_be_read_by_later_layers() {
        let named = |second: &str| layers("{layer: Embedding, output_dim: 8, name: words}", second);
        let model = named("{layer: LSTM, units: 4, inputs: [words], name: reader}").unwrap();
        assert_eq!(model[1].title(), "LSTM `reader`");
        let error = named("{layer: LSTM, units: 4, name: words}").unwrap_err();
        assert!(error.message.contains("layer 0 is called `words` as well"), "{error}");
        let error = named("{layer: LSTM, units: 4, inputs: [word]}").unwrap_err();
        assert!(error.message.contains("no such channel"), "{error}");
    }
}
