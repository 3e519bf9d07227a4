//! The commands on runs: `runs`, `show`, `note`, `tag`, `rm`, `prune`, `compare`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;
use unrolled::run::RunState;
use unrolled::runs;

/// Eight steps an epoch, two epochs: trained in no time.
const SMALL: [&str; 3] = ["data.train=256", "data.validation=64", "train.epochs=2"];

fn unrolled(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unrolled"));
    command.args(args).current_dir(folder).stdin(Stdio::null()).env("LANG", "C.UTF-8");
    command
}

fn output(folder: &Path, args: &[&str]) -> Output {
    unrolled(folder, args).output().unwrap()
}

/// What a command prints that ends with exit code 0.
#[track_caller]
fn printed(folder: &Path, args: &[&str]) -> String {
    let Output { status, stdout, stderr } = output(folder, args);
    let (out, err) = (String::from_utf8(stdout).unwrap(), String::from_utf8_lossy(&stderr).into_owned());
    assert!(status.success(), "{args:?}: {status}\n{out}\n{err}");
    out
}

/// The message of a command that ends with this exit code.
#[track_caller]
fn refused(folder: &Path, code: i32, args: &[&str]) -> String {
    let Output { status, stdout, stderr } = output(folder, args);
    let message = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(code), "{args:?}: {message}\n{}", String::from_utf8_lossy(&stdout));
    message
}

fn train(folder: &Path, run: &str, preset: &str, more: &[&str]) -> Output {
    let run = format!("runs/{run}");
    let set = SMALL.iter().flat_map(|set| ["--set", set]);
    let args: Vec<&str> = ["train", preset, "--headless", "--run", &run].into_iter().chain(set).collect();
    output(folder, &[&args, more].concat())
}

/// A run that trains until it is killed, and has made steps.
fn endless(folder: &Path, run: &str) -> Child {
    let set = ["--set", "data.train=256", "--set", "data.validation=64", "--set", "train.epochs=1000000"];
    let run_dir = format!("runs/{run}");
    let args = [&["train", "word-order", "--headless", "--run", &run_dir][..], &set].concat();
    let child = unrolled(folder, &args).stdout(Stdio::null()).spawn().unwrap();
    let metrics = folder.join(&run_dir).join("metrics.jsonl");
    let deadline = Instant::now() + Duration::from_secs(120);
    while !fs::read_to_string(&metrics).is_ok_and(|text| text.contains("\"epoch\"")) {
        assert!(Instant::now() < deadline, "no steps were recorded");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

fn json(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Three finished runs of one preset with one and two units, and one of another.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (run, preset, set) in [
        ("one", "word-order", "model.1.units=1"),
        ("two", "word-order", "model.1.units=2"),
        ("two-b", "word-order", "model.1.units=2"),
        ("conv", "word-order-conv1d", "train.optimizer.learning_rate=0.001"),
    ] {
        let seed = if run == "two-b" { "7" } else { "3" };
        assert!(train(folder.path(), run, preset, &["--set", set, "--seed", seed]).status.success());
    }
    folder
}

#[test]
fn runs_are_listed_with_the_state_that_they_ended_in() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    assert!(printed(at, &["runs"]).starts_with("no runs in runs"));
    assert_eq!(printed(at, &["runs", "--json"]), "");
    assert!(train(at, "good", "word-order", &[]).status.success());
    assert_eq!(
        train(at, "hot", "vanishing-rnn", &["--set", "train.optimizer.learning_rate=1e30"]).status.code(),
        Some(3)
    );
    let mut killed = endless(at, "killed");
    killed.kill().unwrap();
    killed.wait().unwrap();
    let mut live = endless(at, "live");
    fs::create_dir_all(at.join("runs/broken\x1b[2J")).unwrap();
    fs::write(at.join("runs/broken\x1b[2J/frames.bin"), "no recording").unwrap();
    fs::create_dir_all(at.join("runs/no run at all")).unwrap();
    let seeds = ["train", "word-order", "--seeds", "1..2", "--run", "runs/seeds"];
    let set: Vec<&str> = SMALL.iter().flat_map(|set| ["--set", set]).collect();
    printed(at, &[&seeds[..], &set].concat());

    let table = printed(at, &["runs", "--sort", "name"]);
    live.kill().unwrap();
    live.wait().unwrap();
    let state =
        |line: &str| line.split("  ").filter(|cell| !cell.is_empty()).nth(1).unwrap().trim().to_owned();
    let states: Vec<(String, String)> = table
        .lines()
        .skip(1)
        .map(|line| (line.split("  ").next().unwrap().to_owned(), state(line)))
        .collect();
    let expected = [
        ("broken␛[2J", "damaged"),
        ("good", "finished"),
        ("hot", "diverged"),
        ("killed", "crashed"),
        ("live", "live"),
        ("seeds/seed-1", "finished"),
        ("seeds/seed-2", "finished"),
    ];
    assert_eq!(states, expected.map(|(name, state)| (name.to_owned(), state.to_owned())), "{table}");
    // A name of a sub-folder is one that other commands take.
    assert!(printed(at, &["show", "seeds/seed-2"]).contains("finished"));
    assert!(printed(at, &["show", "hot"]).contains("reason      the weights have grown to"));
    let found: Vec<Value> = json(&printed(at, &["runs", "runs/seeds", "--json"]));
    assert_eq!((found.len(), &found[0]["state"]), (2, &"finished".into()));
    assert_eq!(json(&printed(at, &["runs", "runs/good", "--json"]))[0]["name"], "good");
    assert!(!at.join("runs/good/.index").exists());
    // The index of a folder of seeds does not keep others out of it.
    fs::write(at.join("runs/seeds/.index"), "").unwrap();
    printed(at, &[&["train", "word-order", "--seeds", "3..4", "--run", "runs/seeds"][..], &set].concat());
    assert_eq!(printed(at, &["runs", "runs/seeds"]).lines().count(), 5);
    assert!(refused(at, 2, &["runs", "nowhere"]).contains("nowhere: no such folder"));
}

#[test]
fn a_copied_run_has_its_own_start_and_a_file_that_is_cut_short_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    assert!(train(at, "good", "word-order", &[]).status.success());
    let runs = at.join("runs");
    let start =
        |name: &str| runs::list(&runs).unwrap().into_iter().find(|run| *run.name == *name).unwrap().started;
    let started = start("good");
    copy(&runs.join("good"), &runs.join("copy"));
    // An hour before the copy was made.
    let owner: Value = serde_json::from_slice(&fs::read(runs.join("good/owner.json")).unwrap()).unwrap();
    let mut earlier = owner.clone();
    earlier["started"] = "2026-01-02T03:04:05Z".into();
    fs::write(runs.join("copy/owner.json"), earlier.to_string()).unwrap();
    assert_eq!(start("good"), started);
    assert_eq!(start("copy"), SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045));
    assert!(printed(at, &["show", "copy"]).contains("2026-01-02"), "{}", printed(at, &["show", "copy"]));
    // One that goes on later has the start of the first time.
    printed(at, &["resume", "runs/copy", "--headless", "--set", "train.epochs=3"]);
    let resumed: Value = serde_json::from_slice(&fs::read(runs.join("copy/owner.json")).unwrap()).unwrap();
    assert_eq!(resumed["created"], "2026-01-02T03:04:05Z");
    assert_eq!(start("copy"), SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045));

    let whole = fs::read_to_string(runs.join("good/metrics.jsonl")).unwrap();
    let damage = |text: &str| {
        fs::write(runs.join("good/metrics.jsonl"), text).unwrap();
        let found = json(&printed(at, &["runs", "runs/good", "--json"]));
        (found[0]["state"].as_str().unwrap().to_owned(), printed(at, &["show", "good"]))
    };
    assert_eq!(damage(&whole).0, "finished");
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let (state, card) = damage(&lines[..lines.len() / 2].concat());
    assert!(state == "damaged" && card.contains("metrics.jsonl is cut short: it ends at step "), "{card}");
    let (state, card) = damage(&whole[..whole.len() - 5]);
    assert!(state == "damaged" && card.contains("its last line is not whole"), "{card}");
}

#[test]
fn runs_are_sorted_filtered_and_grouped() {
    let folder = folder();
    let at = folder.path();
    let names = |args: &[&str]| -> Vec<String> {
        let all = json(&printed(at, &[&["runs", "--json"], args].concat()));
        all.iter().map(|run| run["name"].as_str().unwrap().to_owned()).collect()
    };
    let value = |name: &str, key: &str| {
        let all = json(&printed(at, &["runs", "--json"]));
        all.iter().find(|run| run["name"] == name).unwrap()["metrics"][key].as_f64().unwrap()
    };
    assert_eq!(names(&["--sort", "name"]), ["conv", "one", "two", "two-b"]);
    assert_eq!(names(&["--sort", "-name", "--filter", "word-order !conv1d"]), ["two-b", "two", "one"]);
    assert_eq!(names(&["--sort", "name", "--filter", "model.1.units=2"]), ["two", "two-b"]);
    assert_eq!(names(&["--filter", "model.1.units=2 seed>3"]), ["two-b"]);
    let mut by_loss = names(&["--sort", "val_loss"]);
    let mut expected = by_loss.clone();
    expected.sort_by(|a, b| value(a, "val_loss").total_cmp(&value(b, "val_loss")));
    assert_eq!(by_loss, expected);
    by_loss.reverse();
    assert_eq!(names(&["--sort", "-val_loss"]), by_loss);
    let limit = value("one", "val_accuracy");
    assert!(names(&["--filter", &format!("val_acc>={limit}")]).contains(&"one".to_owned()));
    assert!(!names(&["--filter", &format!("val_acc>{limit}")]).contains(&"one".to_owned()));
    assert_eq!(printed(at, &["runs", "--filter", "nothing-like-this"]), "no run fulfils these conditions\n");

    let groups = json(&printed(
        at,
        &["runs", "--group", "model.1.units", "--sort", "name", "--json", "--filter", "!conv"],
    ));
    let twice: Vec<f64> = ["two", "two-b"].map(|name| value(name, "val_loss")).to_vec();
    let mean = (twice[0] + twice[1]) / 2.0;
    assert_eq!((&groups[0]["value"], &groups[0]["n_runs"]), (&1.0.into(), &1.into()));
    assert!(groups[0]["metrics"]["val_loss"]["std"].is_null());
    assert_eq!(groups[1]["n_finished"], 2);
    assert!((groups[1]["metrics"]["val_loss"]["mean"].as_f64().unwrap() - mean).abs() < 1e-12);
    let std = (twice[0] - twice[1]).abs() / 2.0_f64.sqrt();
    assert!((groups[1]["metrics"]["val_loss"]["std"].as_f64().unwrap() - std).abs() < 1e-12);
    let table = printed(at, &["runs", "--group", "layer"]);
    assert!(table.contains("Conv1D") && table.contains(" ± "), "{table}");

    assert!(refused(at, 2, &["runs", "--sort", "val_lsos"]).contains("did you mean `val_loss`?"));
    assert!(refused(at, 2, &["runs", "--group", "units"]).contains("`units` is several settings"));
    assert!(
        refused(at, 2, &["runs", "--filter", "val_loss>big"]).contains("found \"big\"; expected a number")
    );
    refused(at, 2, &["runs", "--json", "--csv"]);
}

#[test]
fn tables_for_other_programs_are_whole() {
    let folder = folder();
    let at = folder.path();
    let csv = printed(at, &["runs", "--csv", "--sort", "name"]);
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 5);
    let column =
        |name: &str| rows[0].iter().position(|head| *head == name).unwrap_or_else(|| panic!("{name}: {csv}"));
    assert!(rows[0].contains(&"last.val_loss") && !rows[0].contains(&"train.epochs"), "{csv}");
    assert!(rows[1][column("val_loss")].is_empty() || csv.contains('"'), "layers are quoted: {csv}");
    let latex = printed(at, &["runs", "--latex", "--filter", "!conv"]);
    assert!(
        latex.contains("\\toprule")
            && latex.contains("best val\\_loss")
            && latex.ends_with("\\end{tabular}\n"),
        "{latex}"
    );
    let grouped = printed(at, &["runs", "--latex", "--group", "model.1.units", "--filter", "!conv"]);
    assert!(grouped.contains("$\\pm$"), "{grouped}");
    assert!(
        printed(at, &["runs", "--csv", "--group", "preset"]).starts_with("preset,preset,n_runs,n_finished,")
    );
}

#[test]
fn a_card_says_how_to_repeat_the_run_and_has_its_notes() {
    let folder = folder();
    let at = folder.path();
    printed(at, &["note", "two-b", "rate", "too high\x1b[2J"]);
    printed(at, &["note", "two-b", "again"]);
    assert_eq!(printed(at, &["tag", "two-b", "paper", "keep"]), "tags: keep paper\n");
    assert_eq!(printed(at, &["tag", "--remove", "two-b", "paper"]), "tags: keep\n");
    assert!(refused(at, 2, &["tag", "--remove", "two-b", "paper"]).contains("no tag `paper`; it has keep"));
    assert!(refused(at, 2, &["tag", "two-b", "a b"]).contains("expected one word"));
    // With a hyphen, as in the list of runs, and with the flag after the tags.
    assert_eq!(printed(at, &["tag", "two-b", "-keep", "draft"]), "tags: draft\n");
    assert_eq!(printed(at, &["tag", "two-b", "draft", "--remove"]), "tags: \n");
    assert!(refused(at, 2, &["tag", "two-b", "-draft"]).contains("no tag `draft`; it has none"));
    printed(at, &["tag", "two-b", "keep"]);
    refused(at, 2, &["note", "nothing", "text"]);
    let card = printed(at, &["show", "two-b"]);
    for line in
        ["rate too high␛[2J", "again", "tags        keep", "model.1.units = 2 (preset: ", "checkpoint  step-"]
    {
        assert!(card.contains(line), "{line}\n{card}");
    }
    assert!(printed(at, &["runs", "--filter", "keep high"]).contains("two-b"));

    let value = &json(&printed(at, &["show", "two-b", "--json"]))[0];
    assert_eq!(
        (&value["tags"][0], &value["notes"][1]["text"], &value["seed"]),
        (&"keep".into(), &"again".into(), &7.into())
    );
    let repeat = value["repeat"].as_str().unwrap();
    let words: Vec<&str> = repeat.split(' ').skip(1).collect();
    assert_eq!(words[..2], ["train", "word-order"], "{repeat}");
    printed(at, &[&words[..], &["--headless", "--run", "runs/again"]].concat());
    let weights = |run: &str| {
        let checkpoints = at.join("runs").join(run).join("checkpoints");
        let last = fs::read_to_string(checkpoints.join("last")).unwrap();
        fs::read(checkpoints.join(last.trim()).join("model.safetensors")).unwrap()
    };
    assert!(weights("again") == weights("two-b"), "{repeat} trains another network");

    fs::write(at.join("runs/two/notes.json"), "[").unwrap();
    assert!(refused(at, 1, &["note", "two", "text"]).contains("notes.json"));
    assert_eq!(fs::read_to_string(at.join("runs/two/notes.json")).unwrap(), "[");
}

#[test]
fn only_runs_that_have_ended_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    assert!(train(at, "a", "word-order", &[]).status.success());
    assert!(train(at, "b", "word-order", &[]).status.success());
    fs::create_dir_all(at.join("mine/inner")).unwrap();
    let exists = |name: &str| at.join(name).exists();
    assert!(refused(at, 2, &["rm", "mine", "--yes"]).contains("mine is not a run"));
    assert!(refused(at, 2, &["rm", "nothing", "--yes"]).contains("no such run"));
    fs::create_dir_all(at.join("runs/s/seed-1")).unwrap();
    fs::copy(at.join("runs/a/spec.yaml"), at.join("runs/s/seed-1/spec.yaml")).unwrap();
    let message = refused(at, 2, &["rm", "s", "--yes"]);
    assert!(
        message.contains("s: a folder of runs; expected one of them, such as runs/s/seed-1"),
        "{message}"
    );
    assert!(refused(at, 2, &["rm", "a"]).contains("--yes"));
    assert!(refused(&at.join("runs/a"), 2, &["rm", "../a", "--yes"]).contains("contains the current folder"));
    let mut live = endless(at, "live");
    let message = refused(at, 2, &["rm", "a", "live", "--yes"]);
    assert!(message.contains("runs/live is live"), "{message}");
    assert!(exists("mine/inner") && exists("runs/a") && exists("runs/live"));
    live.kill().unwrap();
    live.wait().unwrap();
    assert!(!printed(at, &["show", "a"]).contains("\nresume"), "it is finished");
    assert!(printed(at, &["show", "live"]).contains("\nresume      unrolled resume runs/live\n"));
    assert!(printed(at, &["rm", "a", "live", "a", "--yes"]).ends_with("removed 2 runs\n"));
    assert!(!exists("runs/a") && !exists("runs/live") && exists("runs/b"));
}

#[test]
fn pruning_leaves_the_best_of_each_preset_and_what_is_to_be_kept() {
    let folder = folder();
    let at = folder.path();
    let mut live = endless(at, "live");
    let all = json(&printed(at, &["runs", "--json", "--sort", "val_loss", "--filter", "finished !conv1d"]));
    let ranked: Vec<&str> = all.iter().map(|run| run["name"].as_str().unwrap()).collect();
    printed(at, &["tag", ranked[2], "keep"]);
    let listed = printed(at, &["prune", "--keep-best", "1", "--dry-run"]);
    assert_eq!(
        listed.lines().skip(1).map(|line| line.split(' ').next().unwrap()).collect::<Vec<_>>(),
        [ranked[1]]
    );
    assert!(refused(at, 2, &["prune", "--keep-best", "1"]).contains("--yes"));
    assert!(
        refused(at, 2, &["prune", "--keep-best", "1", "--by", "val_rmse", "--yes"])
            .contains("no finished run has this metric")
    );
    assert!(printed(at, &["prune", "--keep-best", "1", "--yes"]).ends_with("removed 1 run\n"));
    let mut left: Vec<String> = fs::read_dir(at.join("runs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.retain(|name| !name.starts_with('.'));
    left.sort_unstable();
    let mut expected = vec!["conv", "live", ranked[0], ranked[2]];
    expected.sort_unstable();
    assert_eq!(left, expected);
    assert_eq!(printed(at, &["prune", "--keep-best", "1", "--yes"]), "nothing to remove\n");
    live.kill().unwrap();
    live.wait().unwrap();
}

#[test]
fn a_comparison_has_the_settings_that_differ() {
    let folder = folder();
    let at = folder.path();
    let table = printed(at, &["compare", "one", "two-b", "--plain"]);
    let row = |label: &str| {
        table
            .lines()
            .find(|line| line.starts_with(label))
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
    };
    assert_eq!(row("model.1.units").unwrap(), ["model.1.units", "1", "2"]);
    assert_eq!(row("train.seed").unwrap(), ["train.seed", "3", "7"]);
    assert!(row("best val_loss").is_some() && row("train.epochs").is_none(), "{table}");
    let value = &json(&printed(at, &["compare", "one", "two-b", "--json"]))[0];
    assert_eq!(value["runs"][1]["name"], "two-b");
    let units =
        value["differing"].as_array().unwrap().iter().find(|row| row["setting"] == "model.1.units").unwrap();
    assert_eq!(units["values"], Value::from(vec![1, 2]));
    // A folder of runs stands for them; one without any is passed over in words.
    fs::create_dir(at.join("runs/seeds")).unwrap();
    fs::rename(at.join("runs/two-b"), at.join("runs/seeds/seed-7")).unwrap();
    fs::create_dir(at.join("runs/nothing")).unwrap();
    let args = ["compare", "runs/one", "runs/nothing", "runs/seeds", "--json"];
    let names = &json(&printed(at, &args))[0]["runs"];
    assert_eq!((&names[0]["name"], &names[1]["name"]), (&"one".into(), &"seeds/seed-7".into()));
    let said = String::from_utf8(output(at, &args).stderr).unwrap();
    assert_eq!(said, "unrolled: runs/nothing contains no runs, and is left out\n");
    assert!(refused(at, 2, &["compare", "one", "tow"]).contains("tow: no such run; did you mean two?"));
    assert!(refused(at, 2, &["compare", "one"]).contains("expected two or more"));
    assert!(refused(at, 2, &["compare", "one", "runs/one"]).contains("expected two or more"));
}

/// A change of a folder of runs.
#[derive(Debug, Clone)]
enum Change {
    Add(u8),
    Remove(u8),
    Train(u8),
    Rename(u8, u8),
    Note(u8),
    Spec(u8, u8),
    Break(u8),
    Index(u8),
}

fn change() -> impl Strategy<Value = Change> {
    let run = 0..6_u8;
    prop_oneof![
        4 => run.clone().prop_map(Change::Add),
        1 => run.clone().prop_map(Change::Remove),
        3 => run.clone().prop_map(Change::Train),
        1 => (run.clone(), run.clone()).prop_map(|(a, b)| Change::Rename(a, b)),
        1 => run.clone().prop_map(Change::Note),
        2 => (run.clone(), any::<u8>()).prop_map(|(run, n)| Change::Spec(run, n)),
        1 => run.clone().prop_map(Change::Break),
        1 => any::<u8>().prop_map(Change::Index),
    ]
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in ["spec.yaml", "metrics.jsonl", "frames.bin", "lock"] {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

/// Applies a change to `runs`; files that it writes are `minutes` young, so that each write is seen by its time.
fn apply(runs: &Path, sample: &Path, change: &Change, minutes: u64) {
    let path = |run: u8| {
        if run < 4 { runs.join(format!("r{run}")) } else { runs.join("group").join(format!("r{run}")) }
    };
    let age = |path: &Path| {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000 + 60 * minutes);
        if let Ok(file) = File::options().write(true).open(path) {
            file.set_modified(time).unwrap();
        }
    };
    let append = |run: u8, name: &str, text: &str| {
        let file = path(run).join(name);
        if let Ok(old) = fs::read_to_string(&file) {
            fs::write(&file, old + text).unwrap();
            age(&file);
        }
    };
    match change {
        Change::Add(run) => {
            copy(sample, &path(*run));
            ["spec.yaml", "metrics.jsonl", "frames.bin"].iter().for_each(|name| age(&path(*run).join(name)));
        }
        Change::Remove(run) => drop(fs::remove_dir_all(path(*run))),
        Change::Train(run) => {
            let line = format!(
                "{{\"kind\":\"epoch\",\"step\":99,\"epoch\":9,\"seconds\":1.0,\"val_loss\":0.{minutes}}}\n"
            );
            append(*run, "metrics.jsonl", &line);
        }
        Change::Rename(from, to) => {
            fs::create_dir_all(path(*to).parent().unwrap()).unwrap();
            drop(fs::rename(path(*from), path(*to)));
        }
        Change::Note(run) => {
            let file = path(*run).join("notes.json");
            if path(*run).exists() {
                fs::write(&file, format!("{{\"tags\":[\"t{minutes}\"]}}")).unwrap();
                age(&file);
            }
        }
        Change::Spec(run, n) => append(*run, "spec.yaml", &format!("# {n}\nmore{minutes}: {n}\n")),
        Change::Break(run) => {
            let file = path(*run).join("frames.bin");
            if file.exists() {
                fs::write(&file, "broken").unwrap();
                age(&file);
            }
        }
        Change::Index(byte) => {
            let file = runs.join(".index");
            if let Ok(mut bytes) = fs::read(&file) {
                let at = usize::from(*byte) * bytes.len() / 256;
                bytes[at] ^= 0x55;
                fs::write(&file, bytes).unwrap();
            }
        }
    }
}

/// What is listed: name, state, and all that the files say.
fn listed(runs: &Path) -> BTreeMap<String, (RunState, String)> {
    let all = runs::list(runs).unwrap();
    all.into_iter()
        .map(|run| {
            (
                run.name.to_string(),
                (run.state, format!("{:?} {:?} {:?}", run.started, run.summary, run.marks)),
            )
        })
        .collect()
}

#[test]
fn the_index_equals_a_rebuild_after_any_changes() {
    let folder = tempfile::tempdir().unwrap();
    assert!(train(folder.path(), "sample", "word-order", &[]).status.success());
    let sample = folder.path().join("runs/sample");
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(40));
    let all = prop::collection::vec(prop::collection::vec(change(), 1..6), 1..6);
    let indexed = Cell::new(false);
    runner
        .run(&all, |rounds| {
            let at = tempfile::tempdir().unwrap();
            let mut minutes = 0;
            for round in rounds {
                for change in &round {
                    minutes += 1;
                    apply(at.path(), &sample, change, minutes);
                }
                let with_index = listed(at.path());
                prop_assert_eq!(&with_index, &listed(at.path()), "the second time");
                indexed.set(indexed.get() || at.path().join(".index").exists());
                let rebuilt = tempfile::tempdir().unwrap();
                let moved = rebuilt.path().join("runs");
                fs::rename(at.path(), &moved).unwrap();
                drop(fs::rename(moved.join(".index"), rebuilt.path().join("index")));
                let without = listed(&moved);
                drop(fs::remove_file(moved.join(".index")));
                drop(fs::rename(rebuilt.path().join("index"), moved.join(".index")));
                fs::rename(&moved, at.path()).unwrap();
                // Messages have the paths.
                let plain = |all: &BTreeMap<String, (RunState, String)>, dir: &Path| {
                    format!("{all:?}").replace(&dir.display().to_string(), "")
                };
                prop_assert_eq!(plain(&with_index, at.path()), plain(&without, &moved));
            }
            Ok(())
        })
        .unwrap();
    assert!(indexed.get(), "no index was ever written");
}

#[test]
fn an_index_that_cannot_be_written_or_is_of_another_folder_is_no_error() {
    let folder = folder();
    let at = folder.path();
    let before = printed(at, &["runs", "--csv", "--sort", "name"]);
    drop(fs::remove_file(at.join("runs/.index")));
    fs::create_dir(at.join("runs/.index")).unwrap();
    assert_eq!(printed(at, &["runs", "--csv", "--sort", "name"]), before);
}
