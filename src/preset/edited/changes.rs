//! The differences between two trees as `KEY=VALUE`.

use serde_yaml::Value;

/// Adds the changes from `old` to `new` at `path`. A mapping that has lost a key, and a list with another number of items, are set as a
/// whole: `--set` removes nothing.
pub(super) fn add_changes(old: &Value, new: &Value, path: &mut String, changes: &mut Vec<String>) {
    if old == new {
        return;
    }
    let mut below = |step: &str, old: &Value, new: &Value| {
        let length = path.len();
        if length > 0 {
            path.push('.');
        }
        path.push_str(step);
        add_changes(old, new, path, changes);
        path.truncate(length);
    };
    match (old, new) {
        (Value::Mapping(before), Value::Mapping(after))
            if before.keys().all(|key| after.contains_key(key))
                && after.keys().all(|key| key.as_str().is_some_and(is_step)) =>
        {
            for (key, value) in after {
                let key = key.as_str().unwrap_or_default();
                below(key, before.get(key).unwrap_or(&Value::Null), value);
            }
        }
        (Value::Sequence(before), Value::Sequence(after))
            if before.len() == after.len() && after.iter().any(Value::is_mapping) =>
        {
            for (i, (before, after)) in before.iter().zip(after).enumerate() {
                below(&i.to_string(), before, after);
            }
        }
        _ => changes.push(format!("{path}={}", flow(new))),
    }
}

/// Whether `key` can be a step of a path.
fn is_step(key: &str) -> bool {
    !key.is_empty() && !key.contains(['.', '='])
}

/// A value in one line of YAML.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(text) => quoted(text),
        Value::Sequence(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Mapping(map) => {
            let entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{}: {}", flow(key), flow(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Tagged(tagged) => flow(&tagged.value),
    }
}

/// A text, quoted where YAML would read it as something else.
fn quoted(text: &str) -> String {
    let is_plain = text.chars().all(|c| c.is_alphanumeric() || "_-./ ".contains(c)) && text.trim() == text;
    let is_itself =
        is_plain && serde_yaml::from_str::<Value>(text).is_ok_and(|value| value.as_str() == Some(text));
    // A text of JSON is one of YAML.
    if is_itself { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}
