//! Every key in JSON output is documented in `json.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{fixtures, printed};

/// The keys of the tables below the heading `section`, with their types.
fn documented(section: &str) -> BTreeMap<String, String> {
    let text = unrolled::help::JSON.text;
    let (_, from) =
        text.split_once(&format!("\n## {section}\n")).unwrap_or_else(|| panic!("no section {section}"));
    let section = from.split("\n## ").next().unwrap();
    let mut keys = BTreeMap::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        for key in cells[1].split('`').skip(1).step_by(2) {
            keys.insert(key.to_owned(), cells[2].to_owned());
        }
    }
    keys
}

/// Checks the keys of `value`, at every depth. Where an object is "by label" or "by variable", its keys are names of the data.
fn check(value: &Value, keys: &BTreeMap<String, String>, section: &str) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| check(value, keys, section)),
        Value::Object(map) => {
            for (key, value) in map {
                // `val_rmse.price` is documented as `val_rmse`.
                let known = keys.get(key).or_else(|| keys.get(key.split('.').next().unwrap()));
                let kind = known.unwrap_or_else(|| panic!("json.md, {section}: `{key}` is not documented"));
                match value {
                    Value::Object(names) if kind.contains("object by") => {
                        names.values().for_each(|value| check(value, keys, section));
                    }
                    value => check(value, keys, section),
                }
            }
        }
        _ => {}
    }
}

fn check_lines(text: &str, section: &str) {
    let keys = documented(section);
    assert!(!text.trim().is_empty());
    for line in text.lines() {
        check(&serde_json::from_str(line).unwrap(), &keys, section);
    }
}

/// Trains `preset`, and checks all that is printed of its run and written in its folder.
fn check_run(at: &Path, train: &str, predict: &str) {
    printed(at, &format!("unrolled train {train} --headless --set train.epochs=2 --run run"));
    let run = at.join("run");
    check_lines(&fs::read_to_string(run.join("metrics.jsonl")).unwrap(), "metrics.jsonl");
    let last = fs::read_to_string(run.join("checkpoints/last")).unwrap();
    let state = fs::read_to_string(run.join("checkpoints").join(last.trim()).join("state.json")).unwrap();
    check(&serde_json::from_str(&state).unwrap(), &documented("state.json"), "state.json");
    if let Ok(scale) = fs::read_to_string(run.join("scale.json")) {
        check(&serde_json::from_str(&scale).unwrap(), &documented("Run folder"), "Run folder");
    }
    if !predict.is_empty() {
        check_lines(&printed(at, &format!("unrolled predict run --json {predict}")), "predict --json");
    }
}

fn folder(page: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for command in fixtures::make(folder.path(), page) {
        printed(folder.path(), command);
    }
    folder
}

#[test]
fn keys_of_a_classifier() {
    let folder = folder("runs");
    let at = folder.path();
    check_run(at, "mine.yaml --set train.validate_every=3", "--per-token \"it was good\"");
    check_lines(&printed(at, "unrolled evaluate run --json"), "evaluate --json");
    let wrong = "text,label\\nit was good,no\\nit was bad,yes\\n";
    printed(at, &format!("printf '{wrong}' > wrong.csv"));
    check_lines(&printed(at, "unrolled evaluate run --json --data wrong.csv"), "evaluate --json");
    check_lines(&printed(at, "unrolled data info reviews.csv --json"), "data info --json");
    for line in ["note run new", "tag run a"] {
        printed(at, &format!("unrolled {line}"));
    }
    let keys = |section| documented(section);
    let of_runs = keys("runs --json");
    check_lines(&printed(at, "unrolled runs --json"), "runs --json");
    check_lines(&printed(at, "unrolled runs --group seed --json"), "runs --group --json");
    for (command, section) in
        [("show run --json", "show --json"), ("compare latest run --json", "compare --json")]
    {
        let all = keys(section).into_iter().chain(of_runs.clone()).collect();
        check(&serde_json::from_str(&printed(at, &format!("unrolled {command}"))).unwrap(), &all, section);
    }
    printed(at, "unrolled resume run --headless --set train.epochs=3");
    check_lines(&fs::read_to_string(at.join("run/metrics.jsonl")).unwrap(), "metrics.jsonl");
    let all = keys("show --json").into_iter().chain(of_runs).collect();
    check(&serde_json::from_str(&printed(at, "unrolled show run --json")).unwrap(), &all, "show --json");
    check_lines(&printed(at, "unrolled verify run --json"), "verify --json");
    let race = "unrolled race mine.yaml mine.yaml --set train.epochs=1 --json --run race";
    check_lines(&printed(at, race), "race --json");
    check_lines(&printed(at, "unrolled plot run loss val_loss --json"), "plot --json");
}

#[test]
fn keys_of_a_run_that_has_diverged() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let set = "--set data.train=64 --set model.1.activation=relu --set train.optimizer.learning_rate=1e20";
    printed(at, &format!("unrolled train word-order --headless --run run {set} || test $? = 3"));
    check_lines(&fs::read_to_string(at.join("run/divergence.json")).unwrap(), "Run folder");
    check_lines(&fs::read_to_string(at.join("run/metrics.jsonl")).unwrap(), "metrics.jsonl");
    let shown: Value = serde_json::from_str(&printed(at, "unrolled show run --json")).unwrap();
    check(&shown["divergence"], &documented("Run folder"), "Run folder");
    assert!(
        documented("show --json").contains_key("divergence") && shown["divergence"]["reason"].is_string()
    );
}

#[test]
fn keys_of_several_labels() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let rows: String = (0..60).map(|n| format!("it was number {n},{},{}\n", n % 2, n / 2 % 2)).collect();
    fs::write(at.join("labels.csv"), format!("text,rude,long\n{rows}")).unwrap();
    printed(at, "unrolled new labels.csv --out labels.yaml");
    check_run(at, "labels.yaml", "\"it was good\"");
    check_lines(&printed(at, "unrolled evaluate run --json"), "evaluate --json");
    check_lines(&printed(at, "unrolled data info labels.csv --json"), "data info --json");
}

#[test]
fn keys_of_a_series() {
    let folder = folder("series");
    let at = folder.path();
    check_run(at, "sold.yaml", "");
    check_lines(&printed(at, "unrolled predict run --json"), "predict --json");
    check_lines(&printed(at, "unrolled evaluate run --json"), "evaluate --json");
    check_lines(&printed(at, "unrolled data info sold.csv --json"), "data info --json");
}

#[test]
fn keys_of_a_tagger() {
    let folder = folder("tags");
    let at = folder.path();
    printed(at, "unrolled new train.conllu --out tags.yaml");
    check_run(at, "tags.yaml", "\"She waits.\"");
    printed(at, "sed 's/VERB/NOUN/' other.conllu > wrong.conllu");
    for data in ["other.conllu", "wrong.conllu"] {
        check_lines(&printed(at, &format!("unrolled evaluate run --json --data {data}")), "evaluate --json");
    }
    check_lines(&printed(at, "unrolled data info train.conllu --json"), "data info --json");
}

#[test]
fn keys_of_sequences_of_numbers() {
    let folder = folder("recordings");
    let at = folder.path();
    check_run(at, "mine.yaml --data GunPoint_TRAIN.tsv", "GunPoint_TEST.tsv");
    check_lines(&printed(at, "unrolled evaluate run --json"), "evaluate --json");
}

#[test]
fn keys_of_a_language_model_and_of_generated_tasks() {
    let folder = folder("language");
    let at = folder.path();
    printed(at, "unrolled new mine.txt");
    check_run(at, "mine.yaml", "");
    check_lines(&printed(at, "unrolled sample run --texts 2 --length 9 --json"), "sample --json");
    for task in ["reber-grammar", "sine-forecast"] {
        let other = tempfile::tempdir().unwrap();
        check_run(other.path(), &format!("{task} --set data.train=64 --set data.validation=32"), "");
    }
}

#[test]
fn keys_of_the_bench() {
    let here = Path::new(".");
    for other in ["", " --watch", " --profile"] {
        let line = format!("unrolled bench --only lecture-rnn8 --seconds 0 --json{other}");
        check_lines(&printed(here, &line), "bench --json");
    }
}

#[test]
fn keys_of_a_sweep() {
    let dir = tempfile::tempdir().unwrap();
    let small = "--set data.train=64 --set train.epochs=1";
    printed(
        dir.path(),
        &format!("unrolled sweep word-order --grid model.1.units=2,3 --seeds 1..2 --run s {small}"),
    );
    for command in ["status", "best"] {
        let lines = printed(dir.path(), &format!("unrolled sweep {command} s --json"));
        check_lines(&lines, "sweep status --json, sweep best --json");
    }
}
