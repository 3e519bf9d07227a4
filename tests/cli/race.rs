//! The folder of a race, which is that of a sweep.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use super::sweep::{states, status, wait};
use super::{Running, SMALL, ends, last, sets, timeless, unrolled};

const NETWORKS: [&str; 2] = ["word-order-conv1d", "word-order-dense"];

/// `race` of two networks, small, with these arguments.
fn race(folder: &Path, run: &str, args: &[&str]) -> Command {
    let mut command = unrolled(folder, &["race", NETWORKS[0], NETWORKS[1], "--run", run]);
    command.args(sets(&SMALL)).args(args);
    command
}

/// The JSON object of a race.
fn result(command: Command) -> Value {
    serde_json::from_str(&ends(command, 0).0).unwrap()
}

/// What a race has found, without the time.
fn found(race: &Value) -> Vec<(String, String, String)> {
    let networks = race["networks"].as_array().unwrap().iter();
    let text = |network: &Value, key: &str| network[key].to_string();
    let mut found: Vec<_> =
        networks.map(|of| (text(of, "network"), text(of, "values"), text(of, "tokens"))).collect();
    found.sort();
    found
}

fn same_bits(folder: &Path, [one, other]: [&str; 2], seeds: u64) {
    for name in NETWORKS.iter().flat_map(|name| (1..=seeds).map(move |seed| format!("{name}/seed-{seed}"))) {
        let [one, other] = [one, other].map(|race| folder.join(race).join(&name));
        assert_eq!(last(&one, "model.safetensors"), last(&other, "model.safetensors"), "{name}");
        assert_eq!(timeless(&one), timeless(&other), "{name}");
    }
}

#[test]
fn the_trials_of_a_race_are_its_networks_with_each_seed() {
    let dir = tempfile::tempdir().unwrap();
    result(race(dir.path(), "r", &["--seeds", "2", "--json"]));
    let trials = status(dir.path(), "r");
    let of = |trial: &Value| {
        let name = trial["settings"]["network"].as_str().unwrap().to_owned();
        (name, trial["seed"].as_u64().unwrap(), trial["run"].as_str().unwrap().to_owned())
    };
    let run = |name: &str, seed: u64| (name.to_owned(), seed, format!("r/{name}/seed-{seed}"));
    let [a, b] = NETWORKS;
    assert_eq!(trials.iter().map(of).collect::<Vec<_>>(), [run(a, 1), run(b, 1), run(a, 2), run(b, 2)]);
    assert_eq!(states(dir.path(), "r"), ["finished"; 4]);
    // Mean and standard deviation of each network over its seeds, the best first.
    let (table, _) = ends(unrolled(dir.path(), &["sweep", "status", "r", "--plain"]), 0);
    let rows = NETWORKS.map(|name| table.lines().find(|line| line.contains(name)).unwrap());
    assert!(rows.iter().all(|row| row.contains(" ± ") && row.contains(" 2/2")), "{table}");
    let (csv, _) = ends(unrolled(dir.path(), &["sweep", "status", "r", "--csv"]), 0);
    assert!(csv.starts_with("trial,combination,state,network,seed,fold,"), "{csv}");
    let (latex, _) = ends(unrolled(dir.path(), &["sweep", "status", "r", "--latex"]), 0);
    assert!(latex.contains("word-order-dense"), "{latex}");
    let value = |i: usize| trials[i]["value"].as_f64().unwrap();
    let first = if value(0) + value(2) < value(1) + value(3) { 0 } else { 1 };
    let best = if value(first) <= value(first + 2) { first } else { first + 2 };
    let (printed, _) = ends(unrolled(dir.path(), &["sweep", "best", "r"]), 0);
    assert_eq!(printed.trim_end(), trials[best]["run"].as_str().unwrap());
    let (again, _) = ends(unrolled(dir.path(), &["sweep", "run", "r"]), 0);
    assert!(again.contains("all 4 trials have ended"), "{again}");
    // Runs are listed as before.
    let (list, _) = ends(unrolled(dir.path(), &["runs", "r", "--json"]), 0);
    assert_eq!(list.lines().count(), 4, "{list}");
}

#[test]
fn what_is_missing_of_a_race_is_trained_as_a_sweep_to_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    let long = ["--json", "--set", "train.epochs=20"];
    let whole = result(race(dir.path(), "whole", &long));
    let mut child = Running::start(race(dir.path(), "cut", &long));
    let begun = dir.path().join("cut/word-order-dense/seed-2/metrics.jsonl");
    wait("the second seed begins", || fs::metadata(&begun).is_ok_and(|file| file.len() > 500));
    child.signal(Signal::KILL);
    child.code();
    let before = states(dir.path(), "cut");
    assert_eq!(before[..2], ["finished"; 2], "{before:?}");
    assert_eq!(before[4..], ["waiting"; 2], "{before:?}");
    let kept = fs::read(dir.path().join("cut/word-order-dense/seed-1/metrics.jsonl")).unwrap();
    let (out, _) = ends(unrolled(dir.path(), &["sweep", "run", "cut", "--jobs", "2"]), 0);
    assert!(out.contains("network=word-order-dense seed=3"), "{out}");
    assert_eq!(states(dir.path(), "cut"), ["finished"; 6]);
    same_bits(dir.path(), ["whole", "cut"], 3);
    // The race takes all as they are, and one more seed begins.
    let again = result(race(dir.path(), "cut", &[&long[..], &["--resume-or-start"]].concat()));
    assert_eq!(found(&again), found(&whole));
    assert_eq!(again["verdict"], whole["verdict"]);
    assert_eq!(fs::read(dir.path().join("cut/word-order-dense/seed-1/metrics.jsonl")).unwrap(), kept);
    let more = race(dir.path(), "cut", &[&long[..], &["--resume-or-start", "--seeds", "4"]].concat());
    assert_eq!(found(&result(more))[0].1.matches(',').count(), 3);
    assert_eq!(states(dir.path(), "cut"), ["finished"; 8]);
}

#[test]
fn a_race_and_a_sweep_in_another_process_train_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--seeds", "4", "--headless", "--set", "train.epochs=12"];
    ends(race(dir.path(), "whole", &args), 0);
    let mut child = Running::start(race(dir.path(), "both", &args));
    wait("the race has a folder", || dir.path().join("both/sweep.yaml").is_file());
    ends(unrolled(dir.path(), &["sweep", "run", "both", "--jobs", "2"]), 0);
    assert_eq!(child.code(), Some(0));
    same_bits(dir.path(), ["whole", "both"], 4);
    let state = fs::read_dir(dir.path().join("both/state")).unwrap();
    let names: Vec<String> = state.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let claims: Vec<&String> = names.iter().filter(|name| name.contains("claim")).collect();
    assert_eq!(claims.len(), 8, "{claims:?}");
    assert!(claims.iter().all(|name| name.ends_with(".claim-1")), "{claims:?}");
    // The race has counted all of them.
    let again = result(race(dir.path(), "both", &[&args[..], &["--json", "--resume-or-start"]].concat()));
    assert!(found(&again).iter().all(|(_, values, _)| !values.contains("null")), "{again}");
    assert_eq!(fs::read_dir(dir.path().join("both/workers")).unwrap().count(), 0);
}

#[test]
fn a_race_by_time_is_listed_and_not_trained_trial_by_trial() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--by", "time", "--seconds", "0.2", "--seeds", "1", "--headless"];
    ends(race(dir.path(), "r", &[&args[..], &["--set", "train.epochs=100000"]].concat()), 0);
    assert_eq!(states(dir.path(), "r"), ["finished"; 2]);
    assert!(status(dir.path(), "r").iter().all(|trial| trial["value"].is_f64()));
    for command in [&["run"][..], &["again"], &["again", "--slurm", "-p x", "--print"]] {
        let args = [&["sweep", command[0], "r"], &command[1..]].concat();
        let (_, message) = ends(unrolled(dir.path(), &args), 2);
        assert!(message.contains("r is a race by time"), "{message}");
    }
}

#[test]
fn a_race_of_an_earlier_version_goes_on_and_becomes_a_sweep() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--seeds", "2", "--json"];
    let whole = result(race(dir.path(), "r", &args));
    let race_folder = dir.path().join("r");
    for name in ["sweep.yaml", "trials.jsonl"] {
        fs::remove_file(race_folder.join(name)).unwrap();
    }
    for name in ["state", "workers"] {
        fs::remove_dir_all(race_folder.join(name)).unwrap();
    }
    fs::remove_dir_all(race_folder.join("word-order-dense/seed-2")).unwrap();
    let (_, message) = ends(unrolled(dir.path(), &["sweep", "status", "r"]), 2);
    assert!(message.contains("no sweep"), "{message}");
    let again = result(race(dir.path(), "r", &[&args[..], &["--resume-or-start"]].concat()));
    assert_eq!(found(&again), found(&whole));
    assert_eq!(states(dir.path(), "r"), ["finished"; 4]);
}
