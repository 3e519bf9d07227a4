//! Values as YAML, for other files than presets.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_yaml::Value;

use super::document::{Document, Overrides};
use super::error::PresetError;
use super::read::{self, Origin, Resolved};
use super::spec::RunSpec;

/// Serializes `value` as YAML.
///
/// # Errors
/// When it has something that YAML cannot represent, such as a path that is not Unicode.
pub fn to_yaml(value: &impl Serialize) -> Result<String, String> {
    serde_yaml::to_string(value).map_err(|error| format!("this cannot be written as YAML: {error}"))
}

/// Deserializes the mapping `text`; `origin` is its name in messages.
///
/// # Errors
/// With line and field, what was found and what was expected.
pub fn from_yaml<T: DeserializeOwned>(origin: &str, text: &str) -> Result<T, PresetError> {
    let document = Document::parse(origin, text)?;
    document.read(&[], document.tree().clone())
}

/// As [`load`](super::load) for a preset that is a tree: the settings of a [`RunSpec`], whose paths are absolute. Those of `overrides` are
/// relative to `directory`, or to the current folder if that is empty.
///
/// # Errors
/// As [`load`](super::load), without positions.
pub fn load_tree(
    origin: &str,
    tree: Value,
    overrides: &Overrides,
    directory: &Path,
) -> Result<Resolved, PresetError> {
    let mut document = Document::of_tree(origin, tree, directory);
    read::lay_over(&mut document, overrides)?;
    read::resolve(&document, origin, Path::new(""), overrides.data.as_deref(), Origin::Preset)
}

impl RunSpec {
    /// The settings as a tree.
    ///
    /// # Errors
    /// As [`to_yaml`](RunSpec::to_yaml).
    pub fn tree(&self) -> Result<Value, String> {
        self.to_tree().map_err(|error| format!("this spec cannot be written as YAML: {error}"))
    }
}
