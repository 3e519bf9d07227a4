//! A spec as the shortest tree that is read as the same spec.

use std::path::Path;

use serde_yaml::Value;

use super::{Origin, PresetError, RunSpec, resolve};
use crate::preset::document::Document;

/// Returns `spec` as a tree without the keys that reading fills in with the same values.
///
/// Relative paths in `spec` are relative to the folder `base`, as in a preset file. `keep` returns true for the path of a key that must
/// stay (`["train", "epochs"]`).
///
/// # Errors
/// When `spec` cannot be written as YAML, or the reader refuses it.
pub fn minimal(spec: &RunSpec, base: &Path, keep: &dyn Fn(&[String]) -> bool) -> Result<Value, PresetError> {
    let mut tree = spec.to_tree().map_err(|error| PresetError {
        place: format!("preset {}", spec.name),
        field: String::new(),
        message: format!("this spec cannot be written as YAML: {error}"),
    })?;
    let read = |tree: Value| {
        let document = Document::of_tree(&format!("preset {}", spec.name), tree, Path::new(""));
        resolve(&document, &spec.name, base, None, Origin::Preset).map(|resolved| resolved.spec)
    };
    let whole = read(tree.clone())?;
    let mut keys = Vec::new();
    collect_keys(&tree, &mut Vec::new(), &mut keys);
    let mut try_shorter = |change: &dyn Fn(&mut Value) -> bool| {
        let mut shorter = tree.clone();
        if change(&mut shorter) && read(shorter.clone()).is_ok_and(|spec| spec == whole) {
            tree = shorter;
        }
    };
    try_shorter(&name_format);
    for path in keys.iter().filter(|path| !keep(path)) {
        try_shorter(&|tree| remove(tree, path));
    }
    Ok(tree)
}

/// Replaces `source: labelled, format: csv` by `source: csv`.
fn name_format(tree: &mut Value) -> bool {
    let Some(data) = tree.get_mut("data").and_then(Value::as_mapping_mut) else { return false };
    match data.remove("format") {
        Some(format) => data.insert("source".into(), format).is_some(),
        None => false,
    }
}

/// The paths of all keys in `value`, which is at `path`; each before those within it.
fn collect_keys(value: &Value, path: &mut Vec<String>, keys: &mut Vec<Vec<String>>) {
    match value {
        Value::Mapping(map) => {
            for (key, value) in map {
                let Some(key) = key.as_str() else { continue };
                path.push(key.into());
                keys.push(path.clone());
                collect_keys(value, path, keys);
                path.pop();
            }
        }
        Value::Sequence(items) => {
            for (i, value) in items.iter().enumerate() {
                path.push(i.to_string());
                collect_keys(value, path, keys);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Removes the key at `path`; whether there was one.
fn remove(tree: &mut Value, path: &[String]) -> bool {
    let Some((last, parents)) = path.split_last() else { return false };
    let parent = parents.iter().try_fold(tree, |node, step| match node {
        Value::Sequence(items) => items.get_mut(step.parse::<usize>().ok()?),
        node => node.get_mut(step.as_str()),
    });
    // The order of the other keys stays.
    parent.and_then(Value::as_mapping_mut).is_some_and(|map| map.shift_remove(last.as_str()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::{Overrides, load, names, parse};

    #[test]
    fn every_builtin_preset_is_read_back_from_its_minimal_tree() {
        for name in names() {
            let spec = load(name, &Overrides::default()).unwrap().spec;
            let tree = minimal(&spec, Path::new("."), &|_| false).unwrap();
            let text = serde_yaml::to_string(&tree).unwrap();
            let again = parse(name, &text, Path::new(".")).unwrap_or_else(|e| panic!("{e}\n{text}")).spec;
            assert_eq!(again, spec, "{text}");
            assert!(
                !text.contains("initializer: glorot_uniform") && !text.contains("use_bias: true"),
                "{text}"
            );
        }
    }

    #[test]
    fn keys_stay_that_are_to_be_kept() {
        let spec = load("word-order", &Overrides::default()).unwrap().spec;
        let spec = RunSpec { watch: crate::preset::WatchSpec::default(), ..spec };
        let text = |keep: &dyn Fn(&[String]) -> bool| {
            serde_yaml::to_string(&minimal(&spec, Path::new(""), keep).unwrap()).unwrap()
        };
        assert!(!text(&|_| false).contains("watch"));
        let kept = text(&|path| path == ["watch"] || path == ["watch", "every"]);
        assert!(kept.contains("watch:\n  every: 100\n") && !kept.contains("budget"), "{kept}");
    }
}
