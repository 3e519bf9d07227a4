//! Parsing of `vectors:` of an Embedding.

use std::path::Path;

use serde_yaml::Value;

use super::steps;
use crate::data::Vectors;
use crate::nn::LayerSpec;
use crate::preset::document::Document;
use crate::preset::error::PresetError;

/// Sets `output_dim` of layer `i`, with the settings `value`, to the dimension of its vectors, if it has vectors and no `output_dim`.
pub(super) fn measure(
    document: &Document,
    i: usize,
    value: &mut Value,
    base: &Path,
) -> Result<(), PresetError> {
    let given = |key: &str| value.get("vectors").and_then(|vectors| vectors.get(key)).and_then(Value::as_str);
    let embedding = value.get("layer").and_then(Value::as_str) == Some("Embedding");
    let Some(path) = given("path").filter(|_| embedding) else { return Ok(()) };
    let number = i.to_string();
    let at = ["model", &number, "vectors", "path"];
    let path = document.absolute(&at, Path::new(path), base);
    let needs = given("needs").map(str::to_owned);
    match value.as_mapping_mut() {
        Some(layer) if layer.get("output_dim").is_none_or(Value::is_null) => {
            let width = Vectors::width(&path, needs.as_deref());
            let width = width.map_err(|error| document.error(&steps(at), error.to_string()))?;
            layer.insert("output_dim".into(), width.into());
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Makes the path of the vectors of layer `i` absolute.
pub(super) fn place(document: &Document, i: usize, spec: &mut LayerSpec, base: &Path) {
    let LayerSpec::Embedding(layer) = spec else { return };
    if let Some(vectors) = &mut layer.vectors {
        vectors.path = document.absolute(&["model", &i.to_string(), "vectors", "path"], &vectors.path, base);
    }
}
