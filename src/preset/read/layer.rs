//! Parsing of one item of `model:`.

use std::path::Path;

use serde_yaml::Value;

use super::{keras, steps, vectors};
use crate::nn::{LayerNode, LayerSpec};
use crate::preset::document::Document;
use crate::preset::error::PresetError;

/// `{layer: Dense, …}`, perhaps with what every layer can have: `inputs`, `trainable`, `name`, `activity_regularizer`.
pub(super) fn read(
    document: &Document,
    i: usize,
    value: Value,
    base: &Path,
) -> Result<LayerNode, PresetError> {
    let path = steps(["model", &i.to_string()]);
    let mut value = keras::plain(document, &path, value)?;
    let mut take = |key: &str| {
        let value = value.as_mapping_mut().and_then(|map| map.remove(key));
        value.map(|value| ([path.as_slice(), &steps([key])].concat(), value))
    };
    let inputs = take("inputs").map_or(Ok(Vec::new()), |(path, value)| document.read(&path, value))?;
    let trainable = take("trainable").map_or(Ok(true), |(path, value)| document.read(&path, value))?;
    let name = take("name").map_or(Ok(None), |(path, value)| document.read(&path, value))?;
    let activity = take("activity_regularizer");
    let activity_regularizer = activity.map_or(Ok(None), |(path, value)| document.read(&path, value))?;
    vectors::measure(document, i, &mut value, base)?;
    let mut spec = document
        .read_tagged(&path, value, "layer", LayerSpec::NAMES, |name, rest| LayerSpec::read(name, rest))?;
    vectors::place(document, i, &mut spec, base);
    Ok(LayerNode { inputs, trainable, name, activity_regularizer, ..spec.into() })
}
