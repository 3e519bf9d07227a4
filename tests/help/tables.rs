//! Tables that the program generates.

use std::fs;

use serde_json::{Map, Value, json};
use unrolled::nn::{LayerSpec, Shape};
use unrolled::{preset, ui::keymap};

/// Puts `list` between the marks `<!-- name -->` and `<!-- /name -->` of `text`.
fn with_list(text: &str, name: &str, list: &str) -> String {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("no mark {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no mark {end}"));
    format!("{before}{begin}{list}{end}{after}")
}

fn presets() -> String {
    let (mut out, mut group) = (String::new(), String::new());
    for entry in preset::entries().unwrap() {
        if entry.group != group {
            let gap = if group.is_empty() { "" } else { "\n" };
            out += &format!("{gap}**{}**\n\n| preset | shows |\n|---|---|\n", entry.group);
        }
        out += &format!("| `{}` | {} |\n", entry.name, entry.title);
        group = entry.group;
    }
    out
}

/// The arguments of the layer `name`, in order: serde lists them when it refuses another.
fn arguments(name: &str) -> Vec<String> {
    let refused = LayerSpec::read(name, json!({"?": 1})).unwrap().unwrap_err().to_string();
    let listed = refused.split_once("expected ").map_or("", |(_, listed)| listed);
    listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// A configuration of the layer `name` with required arguments alone, and its serialized form.
fn smallest(name: &str) -> (Map<String, Value>, Value) {
    let mut config = Map::new();
    loop {
        match LayerSpec::read(name, Value::Object(config.clone())).unwrap() {
            Ok(layer) => return (config, serde_json::to_value(layer).unwrap()),
            Err(error) => {
                let error = error.to_string();
                let missing = error.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
                let missing = missing.unwrap_or_else(|| panic!("{name}: {error}"));
                let value = match missing {
                    "of" if name == "TimeDistributed" => json!({"layer": "Dense", "units": 1}),
                    "of" => json!({"layer": "LSTM", "units": 1}),
                    "activation" => json!("tanh"),
                    "dims" | "target_shape" => json!([1]),
                    _ => json!(1),
                };
                config.insert(missing.to_owned(), value);
            }
        }
    }
}

/// A default as a preset has it.
fn yaml(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => {
            let pairs: Vec<String> =
                map.iter().map(|(key, value)| format!("{key}: {}", yaml(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        other => other.to_string(),
    }
}

fn layers() -> String {
    let mut out = "| layer | arguments |\n|---|---|\n".to_owned();
    for name in LayerSpec::NAMES {
        let (config, resolved) = smallest(name);
        let argument = |argument: &String| match config.contains_key(argument) {
            true => format!("`{argument}`"),
            false => format!("`{argument}: {}`", yaml(resolved.get(argument).unwrap_or(&Value::Null))),
        };
        let (required, optional): (Vec<String>, Vec<String>) =
            arguments(name).into_iter().partition(|argument| config.contains_key(argument));
        let arguments: Vec<String> = required.iter().chain(&optional).map(argument).collect();
        out += &format!("| `{name}` | {} |\n", arguments.join(", "));
    }
    out
}

#[test]
fn tables_are_those_of_the_program() {
    for (page, name, list) in [
        ("presets", "presets", presets()),
        ("keys", "keys", keymap::markdown()),
        ("layers", "layers", layers()),
    ] {
        let path = format!("{}/src/cli/help/{page}.md", env!("CARGO_MANIFEST_DIR"));
        let written = fs::read_to_string(&path).unwrap();
        let right = with_list(&written, name, &list);
        if std::env::var_os("UPDATE_HELP").is_some() {
            fs::write(&path, &right).unwrap();
        } else {
            assert!(written == right, "{page}.md is out of date: UPDATE_HELP=1 cargo test --test help");
        }
    }
}

/// The first cells of the table between the marks `<!-- name -->` and `<!-- /name -->` of the page on layers: what is in backticks.
fn first_cells(name: &str) -> Vec<String> {
    let page = fs::read_to_string(format!("{}/src/cli/help/layers.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (_, rest) = page.split_once(&format!("<!-- {name} -->\n")).unwrap();
    let (table, _) = rest.split_once(&format!("<!-- /{name} -->")).unwrap();
    let cells = table.lines().skip(2).map(|row| row.split('|').nth(1).unwrap());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Whether `name` fits a pattern with one `*` at most.
fn fits(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
        None => name == pattern,
    }
}

/// `keras/layers.txt` has all classes of `keras.layers`, as `random_networks.py --layers` writes them.
#[test]
fn every_layer_of_keras_is_available_or_listed_with_a_reason() {
    let patterns = first_cells("unavailable");
    let all = include_str!("../keras/layers.txt").lines().collect::<Vec<_>>();
    for name in &all {
        let available = LayerSpec::read(name, json!({})).is_some();
        let listed = patterns.iter().any(|pattern| fits(name, pattern));
        assert!(available != listed, "{name}: available {available}, listed as unavailable {listed}");
    }
    for pattern in &patterns {
        assert!(all.iter().any(|name| fits(name, pattern)), "{pattern} is no layer of Keras");
    }
    assert!(LayerSpec::NAMES.iter().all(|name| all.contains(name)));
}

#[test]
fn what_the_page_on_layers_calls_refused_is_refused() {
    let refused = first_cells("refused");
    assert!(refused.len() > 5);
    for written in refused {
        let read = serde_yaml::from_str::<LayerSpec>(&written);
        let sequence = Shape::Sequence { time: 6, features: 4 };
        let error = match read {
            Err(error) => error.to_string(),
            Ok(layer) => layer.layer().output(&[sequence]).unwrap_err().to_string(),
        };
        // Refused for what the row says, and not for a slip of the page.
        assert!(!error.contains("missing field"), "{written}: {error}");
    }
}
