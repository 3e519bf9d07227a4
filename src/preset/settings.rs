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

/// A setting that two specs have with different values.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Its path.
    pub setting: String,
    /// The value in the first; `None` if it has none.
    pub old: Option<serde_json::Value>,
    /// The value in the second.
    pub new: Option<serde_json::Value>,
}

impl Difference {
    /// Whether the setting is a path of data: data that were moved have another one, and may be the same.
    pub fn is_path(&self) -> bool {
        let (first, last) = self.setting.split_once('.').unwrap_or_default();
        let last = last.rsplit('.').next().unwrap_or_default();
        match first {
            "data" => matches!(last, "path" | "labels"),
            "model" => last == "path",
            "from" => last == "run",
            _ => false,
        }
    }

    /// The change as `--set` takes it: `train.epochs=5`.
    pub fn as_set(&self) -> String {
        format!("{}={}", self.setting, value_text(self.new.as_ref()))
    }

    /// The values before and after as text; one that is absent is `null`.
    pub fn values(&self) -> [String; 2] {
        [&self.old, &self.new].map(|value| value_text(value.as_ref()))
    }
}

/// A value as `--set` takes it.
fn value_text(value: Option<&serde_json::Value>) -> String {
    match value {
        None => "null".into(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

/// The settings of `before` and `after` that differ, in the order of `after`; then those that only `before` has.
///
/// # Errors
/// When a path is not Unicode, which YAML cannot represent.
pub fn differences(before: &RunSpec, after: &RunSpec) -> Result<Vec<Difference>, String> {
    let values = |spec: &RunSpec| {
        // As they are written: a number in single precision has more digits otherwise.
        let tree: Value = serde_yaml::from_str(&spec.to_yaml()?).map_err(|error| error.to_string())?;
        let mut values = Vec::new();
        add(&tree, &mut String::new(), &mut |path, value| values.push((path.to_owned(), value.clone())));
        Ok::<_, String>(values)
    };
    let (before, after) = (values(before)?, values(after)?);
    let find = |all: &[(String, Value)], path: &str| {
        all.iter().find(|(other, _)| other == path).map(|(_, value)| value.clone())
    };
    let json = |value: Option<Value>| value.and_then(|value| serde_json::to_value(value).ok());
    let gone = before.iter().filter(|(path, _)| find(&after, path).is_none());
    let paths = after.iter().chain(gone).map(|(path, _)| path);
    let both = paths.map(|path| (path, find(&before, path), find(&after, path)));
    let different = both.filter(|(_, old, new)| old != new);
    let of = |(path, old, new): (&String, _, _)| Difference {
        setting: path.clone(),
        old: json(old),
        new: json(new),
    };
    Ok(different.map(of).collect())
}

fn flatten(tree: &Value) -> Settings {
    let mut settings = Vec::new();
    add(tree, &mut String::new(), &mut |path, value| settings.push((path.to_owned(), cut(plain(value)))));
    settings
}

/// Calls `found` with the path and the value of every setting of the tree `value` at `path`.
fn add(value: &Value, path: &mut String, found: &mut dyn FnMut(&str, &Value)) {
    let mut below = |name: &str, value: &Value| {
        let length = path.len();
        if length > 0 {
            path.push('.');
        }
        path.push_str(name);
        add(value, path, found);
        path.truncate(length);
    };
    match value {
        Value::Mapping(map) if !map.is_empty() => {
            map.iter().for_each(|(key, value)| below(&plain(key), value));
        }
        Value::Sequence(items) if items.iter().any(|item| item.is_mapping() || item.is_sequence()) => {
            items.iter().enumerate().for_each(|(i, value)| below(&i.to_string(), value));
        }
        plain_value => found(path, plain_value),
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
    fn differences_have_both_values_as_they_are_written() {
        let spec = |set: &[&str]| {
            let set = set.iter().map(|set| (*set).to_owned()).collect();
            load("word-order", &Overrides { set, ..Overrides::default() }).unwrap().spec
        };
        let (one, other) = (spec(&["train.epochs=3"]), spec(&["train.epochs=4", "train.validate_every=5"]));
        let found: Vec<_> =
            differences(&one, &other).unwrap().into_iter().map(|d| (d.as_set(), d.values())).collect();
        let expected = [("train.epochs=4", ["3", "4"]), ("train.validate_every=5", ["null", "5"])];
        assert_eq!(found, expected.map(|(set, values)| (set.to_owned(), values.map(str::to_owned))));
        let gone = differences(&other, &one).unwrap();
        assert_eq!((gone[1].setting.as_str(), gone[1].new.is_none()), ("train.validate_every", true));
        assert!(differences(&one, &one).unwrap().is_empty());
        let at = |setting: &str| Difference { setting: setting.into(), old: None, new: None }.is_path();
        assert!(at("data.path") && at("data.validation.path") && at("model.0.weights.path"));
        assert!(!at("data.text") && !at("train.path") && !at("data"));
    }

    #[test]
    fn a_spec_and_its_yaml_have_the_same_settings() {
        let spec = load("word-order", &Overrides::default()).unwrap().spec;
        assert_eq!(spec.settings().unwrap(), settings("x", &spec.to_yaml().unwrap()).unwrap());
        assert!(spec.settings().unwrap().iter().any(|(key, _)| key == "train.optimizer.learning_rate"));
    }
}
