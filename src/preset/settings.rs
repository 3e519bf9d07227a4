use serde_yaml::Value;

use super::document::Document;
use super::error::PresetError;
use super::spec::RunSpec;

/// Settings by their paths, in the order of the file: `("train.optimizer.learning_rate", "0.001")`. A list of plain values is one value,
/// `[a, b]`; the items of other lists have numbers, `model.1.units`. These are the paths of `--set`.
pub type Settings = Vec<(String, String)>;

/// The maximum length of a value in characters; the rest is cut off, with an ellipsis.
const MAX_CHARS: usize = 200;

/// Returns the settings of the preset `text`, as written; `origin` is its name in messages.
///
/// # Errors
/// If it is not YAML, or no mapping.
pub fn settings(origin: &str, text: &str) -> Result<Settings, PresetError> {
    Document::parse(origin, text).map(|document| flatten(document.tree()))
}

impl RunSpec {
    /// Returns the settings as [`settings`] does, with all defaults.
    ///
    /// # Errors
    /// When a path is not Unicode, which YAML cannot represent.
    pub fn settings(&self) -> Result<Settings, String> {
        self.to_tree().map(|tree| flatten(&tree)).map_err(|error| error.to_string())
    }
}

fn flatten(tree: &Value) -> Settings {
    let mut settings = Vec::new();
    add(tree, &mut String::new(), &mut settings);
    settings
}

fn add(value: &Value, path: &mut String, settings: &mut Settings) {
    let mut below = |name: &str, value: &Value| {
        let length = path.len();
        if length > 0 {
            path.push('.');
        }
        path.push_str(name);
        add(value, path, settings);
        path.truncate(length);
    };
    match value {
        Value::Mapping(map) if !map.is_empty() => {
            map.iter().for_each(|(key, value)| below(&plain(key), value));
        }
        Value::Sequence(items) if items.iter().any(|item| item.is_mapping() || item.is_sequence()) => {
            items.iter().enumerate().for_each(|(i, value)| below(&i.to_string(), value));
        }
        plain_value => settings.push((path.clone(), cut(plain(plain_value)))),
    }
}

/// A value as `--set` takes it, without quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(value) => value.clone(),
        Value::Sequence(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", ")),
        Value::Mapping(_) => "{}".into(),
        Value::Tagged(tagged) => plain(&tagged.value),
    }
}

fn cut(value: String) -> String {
    match value.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::{Overrides, load};

    #[test]
    fn settings_have_the_paths_of_set() {
        let text = "a: {b: 1, c: [x, y]}\nmodel: [{layer: LSTM, units: 8}, {layer: Dense}]\nd: {}\ne: null\n";
        let found = settings("x", text).unwrap();
        let expected = [
            ("a.b", "1"),
            ("a.c", "[x, y]"),
            ("model.0.layer", "LSTM"),
            ("model.0.units", "8"),
            ("model.1.layer", "Dense"),
            ("d", "{}"),
            ("e", "null"),
        ];
        assert_eq!(found, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let long = settings("x", &format!("a: {}", "ä".repeat(500))).unwrap();
        assert_eq!(long[0].1.chars().count(), MAX_CHARS + 1);
    }

    #[test]
    fn a_spec_and_its_yaml_have_the_same_settings() {
        let spec = load("word-order", &Overrides::default()).unwrap().spec;
        assert_eq!(spec.settings().unwrap(), settings("x", &spec.to_yaml().unwrap()).unwrap());
        assert!(spec.settings().unwrap().iter().any(|(key, _)| key == "train.optimizer.learning_rate"));
    }
}
