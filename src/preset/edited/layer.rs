//! A layer of a preset in the editor.

use serde_yaml::{Mapping, Value};

use super::changes::flow;

/// The kinds of layers that are offered; the recurrent layer of a Bidirectional is in parentheses.
pub(super) const KINDS: &[&str] = &[
    "Embedding",
    "SimpleRNN",
    "LSTM",
    "GRU",
    "Bidirectional(SimpleRNN)",
    "Bidirectional(LSTM)",
    "Bidirectional(GRU)",
    "Conv1D",
    "Attention",
    "GlobalMaxPooling1D",
    "GlobalAveragePooling1D",
    "Dropout",
    "Dense",
];
const RECURRENT: [&str; 3] = ["SimpleRNN", "LSTM", "GRU"];

/// A layer as the editor shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditedLayer {
    /// One of [`LAYER_KINDS`](super::LAYER_KINDS), or another class.
    pub kind: String,
    /// The key and the value of its size: `units`, `24`; `None` of one without.
    pub size: Option<(&'static str, String)>,
    /// The keys and values of other numbers that it needs: `kernel_size`, `3`.
    pub further: Vec<(&'static str, String)>,
    /// Its other settings: `return_sequences: true`.
    pub others: String,
}

impl EditedLayer {
    pub(super) fn of(layer: &Value) -> Self {
        let kind = kind(layer);
        let inner = inner(layer);
        let size = size_key(class(inner)).map(|(key, _)| {
            let value = inner.get(key).map(flow).unwrap_or_default();
            (key, value)
        });
        let further: Vec<(&'static str, String)> = further_keys(class(inner))
            .iter()
            .map(|key| (*key, inner.get(*key).map(flow).unwrap_or_default()))
            .collect();
        let shown = |key: &Value| {
            let key = key.as_str().unwrap_or_default();
            !["layer", "of"].contains(&key)
                && size.as_ref().is_none_or(|(size, _)| *size != key)
                && further.iter().all(|(other, _)| *other != key)
        };
        let layers = if std::ptr::eq(inner, layer) { vec![layer] } else { vec![layer, inner] };
        let entries = layers.into_iter().filter_map(Value::as_mapping).flatten();
        let others: Vec<String> = entries
            .filter(|(key, _)| shown(key))
            .map(|(key, value)| format!("{}: {}", flow(key), flow(value)))
            .collect();
        Self { kind, size, others: others.join(", "), further }
    }
}

/// The recurrent layer of a Bidirectional; else the layer itself.
fn inner(layer: &Value) -> &Value {
    layer.get("of").unwrap_or(layer)
}

fn class(layer: &Value) -> &str {
    layer.get("layer").and_then(Value::as_str).unwrap_or_default()
}

fn kind(layer: &Value) -> String {
    match layer.get("of") {
        Some(of) => format!("{}({})", class(layer), class(of)),
        None => class(layer).to_owned(),
    }
}

/// The key of the size of a layer, and the size of a new one.
fn size_key(class: &str) -> Option<(&'static str, Value)> {
    Some(match class {
        "Embedding" => ("output_dim", 32.into()),
        "Conv1D" => ("filters", 32.into()),
        "Dense" => ("units", 1.into()),
        class if RECURRENT.contains(&class) => ("units", 32.into()),
        class if class.ends_with("Dropout") || class == "SpatialDropout1D" => ("rate", 0.2.into()),
        _ => return None,
    })
}

/// The keys of the other numbers of a layer that have no default.
fn further_keys(class: &str) -> &'static [&'static str] {
    match class {
        "Conv1D" => &["kernel_size"],
        "MultiHeadAttention" => &["num_heads", "key_dim"],
        "MaxPooling1D" | "AveragePooling1D" => &["pool_size"],
        "RepeatVector" => &["n"],
        "GaussianNoise" => &["stddev"],
        _ => &[],
    }
}

/// `layer` as one of this kind: with its inputs; between recurrent layers all else stays that both have, and units become filters.
pub(super) fn changed(layer: &Value, kind: &str) -> Value {
    let (outer, new_class) = match kind.strip_suffix(')').and_then(|kind| kind.split_once('(')) {
        Some((outer, inner)) => (Some(outer), inner),
        None => (None, kind),
    };
    let before = inner(layer);
    let mut new = Mapping::new();
    new.insert("layer".into(), new_class.into());
    if let Some((key, default)) = size_key(new_class) {
        let old = size_key(class(before)).filter(|(old, _)| (*old == "rate") == (key == "rate"));
        let size = old.and_then(|(old, _)| before.get(old).cloned()).unwrap_or(default);
        new.insert(key.into(), size);
    }
    if new_class == "Conv1D" {
        new.insert("kernel_size".into(), 3.into());
        new.insert("activation".into(), "relu".into());
    }
    if RECURRENT.contains(&new_class) && RECURRENT.contains(&class(before)) {
        const OWN: [&str; 4] = ["layer", "units", "unit_forget_bias", "reset_after"];
        let kept = before.as_mapping().into_iter().flatten();
        for (key, value) in kept.filter(|(key, _)| !key.as_str().is_some_and(|key| OWN.contains(&key))) {
            new.insert(key.clone(), value.clone());
        }
    }
    let place = ["inputs", "name"].map(|key| (key, layer.get(key).cloned()));
    let mut whole = match outer {
        Some(outer) => {
            place.iter().for_each(|(key, _)| drop(new.remove(*key)));
            let mut whole = Mapping::new();
            whole.insert("layer".into(), outer.into());
            whole.insert("of".into(), Value::Mapping(new));
            whole
        }
        None => new,
    };
    for (key, value) in place {
        if let Some(value) = value {
            whole.insert(key.into(), value);
        }
    }
    Value::Mapping(whole)
}

/// Sets the size of `layer`, or another number that it needs.
pub(super) fn set_number(layer: &mut Value, key: Option<&str>, text: &str) {
    let target = match layer.get("of").is_some() {
        true => layer.get_mut("of"),
        false => Some(layer),
    };
    let Some(target) = target else { return };
    let Some(key) = key.or_else(|| size_key(class(target)).map(|(key, _)| key)) else { return };
    let value = serde_yaml::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    if let Some(map) = target.as_mapping_mut() {
        map.insert(key.into(), value);
    }
}

/// Turns `return_sequences` on or off; returns whether the layer is recurrent.
pub(super) fn toggle_sequences(layer: &mut Value) -> bool {
    const KEY: &str = "return_sequences";
    let target = match layer.get("of").is_some() {
        true => layer.get_mut("of"),
        false => Some(layer),
    };
    let Some(target) = target.filter(|target| RECURRENT.contains(&class(target))) else { return false };
    let Some(map) = target.as_mapping_mut() else { return false };
    match map.remove(KEY) {
        Some(Value::Bool(true)) => {}
        _ => drop(map.insert(KEY.into(), true.into())),
    }
    true
}
