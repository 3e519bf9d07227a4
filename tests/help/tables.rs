//! Tables that the program generates.

use std::fs;

use serde_json::{Map, Value, json};
use unrolled::nn::LayerSpec;
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
                let value = if missing == "of" { json!({"layer": "LSTM", "units": 1}) } else { json!(1) };
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
