//! Sweeps: trials, interruptions, several processes, tables.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::{LONG, Running, SMALL, ends, last, sets, timeless, unrolled};

/// `sweep word-order --run RUN` with these arguments, small.
fn sweep(folder: &Path, run: &str, args: &[&str]) -> Command {
    let mut command = unrolled(folder, &["sweep", "word-order", "--run", run]);
    command.args(sets(&SMALL)).args(args);
    command
}

const GRID: [&str; 4] = ["--grid", "model.1.units=3,5", "--seeds", "1..2"];

fn status(folder: &Path, run: &str) -> Vec<Value> {
    let (out, _) = ends(unrolled(folder, &["sweep", "status", run, "--json"]), 0);
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn states(folder: &Path, run: &str) -> Vec<String> {
    status(folder, run).iter().map(|trial| trial["state"].as_str().unwrap().to_owned()).collect()
}

fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < LONG, "{what}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn every_combination_is_trained_with_every_seed_as_if_it_were_trained_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (out, _) = ends(sweep(dir.path(), "s", &GRID), 0);
    assert!(out.contains("4 trials: 4 finished"), "{out}");
    // Two seeds of a network that has learned nothing yet.
    assert!(out.contains("the intervals of the best 2 overlap"), "{out}");
    let set = [&SMALL[..], &["model.1.units=5"]].concat();
    let mut alone = super::train(dir.path(), "word-order", "alone", &set);
    alone.args(["--seed", "2"]);
    ends(alone, 0);
    let (trial, alone) = (dir.path().join("s/trials/0003"), dir.path().join("alone"));
    assert_eq!(last(&trial, "model.safetensors"), last(&alone, "model.safetensors"));
    assert_eq!(timeless(&trial), timeless(&alone));
    let found = status(dir.path(), "s");
    assert_eq!(found[3]["settings"]["model.1.units"], "5");
    assert_eq!((&found[3]["seed"], &found[3]["state"]), (&2.into(), &"finished".into()));
    // The best is that with the least mean of its combination, and within it the least value.
    let (best, _) = ends(unrolled(dir.path(), &["sweep", "best", "s"]), 0);
    let value = |i: usize| found[i]["value"].as_f64().unwrap();
    let first = if value(0) + value(1) < value(2) + value(3) { 0 } else { 2 };
    let expected = if value(first) <= value(first + 1) { first } else { first + 1 };
    assert_eq!(best, format!("s/trials/{expected:04}\n"));
    // Nothing is left.
    let (again, _) = ends(unrolled(dir.path(), &["sweep", "run", "s"]), 0);
    assert!(again.contains("all 4 trials have ended"), "{again}");
}

#[test]
fn a_sweep_that_is_interrupted_goes_on_to_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    let long = ["--set", "train.epochs=40"];
    let args = [&GRID[..], &long].concat();
    ends(sweep(dir.path(), "whole", &args), 0);
    let mut child = Running::start(sweep(dir.path(), "cut", &[&args[..], &["--jobs", "2"]].concat()));
    let begun = dir.path().join("cut/trials/0001/metrics.jsonl");
    wait("two trials begin", || fs::metadata(&begun).is_ok_and(|file| file.len() > 2000));
    child.signal(Signal::TERM);
    assert_eq!(child.code(), Some(130));
    assert!(states(dir.path(), "cut").contains(&"interrupted".to_owned()));
    // The second time it is killed.
    let mut child = Running::start(unrolled(dir.path(), &["sweep", "run", "cut", "--jobs", "1"]));
    wait("a trial goes on", || states(dir.path(), "cut").contains(&"running".to_owned()));
    child.signal(Signal::KILL);
    child.code();
    let running = states(dir.path(), "cut").iter().filter(|state| *state == "running").count();
    assert_eq!(running, 0, "nobody trains any more");
    // Two processes share the rest.
    let mut other = Running::start(unrolled(dir.path(), &["sweep", "run", "cut", "--jobs", "1"]));
    ends(unrolled(dir.path(), &["sweep", "run", "cut", "--jobs", "1"]), 0);
    assert_eq!(other.code(), Some(0));
    for trial in ["0000", "0001", "0002", "0003"] {
        let [whole, cut] = ["whole", "cut"].map(|sweep| dir.path().join(sweep).join("trials").join(trial));
        assert_eq!(last(&whole, "model.safetensors"), last(&cut, "model.safetensors"), "{trial}");
        assert_eq!(timeless(&whole), timeless(&cut), "{trial}");
    }
    assert_eq!(fs::read_dir(dir.path().join("cut/workers")).unwrap().count(), 0);
}

#[test]
fn a_trial_that_diverges_does_not_end_the_others_and_is_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let rates = ["--grid", "train.optimizer.learning_rate=1e30,0.001"];
    let (out, _) = ends(sweep(dir.path(), "s", &rates), 3);
    assert!(out.contains("1 finished, 1 diverged"), "{out}");
    assert_eq!(states(dir.path(), "s"), ["diverged", "finished"]);
    let (again, _) = ends(unrolled(dir.path(), &["sweep", "run", "s"]), 0);
    assert!(again.contains("all 2 trials have ended"), "{again}");
}

#[test]
fn the_best_third_goes_on_and_no_step_is_made_twice() {
    let dir = tempfile::tempdir().unwrap();
    let args = [
        "--grid",
        "model.1.units=2,3,4,5,6,7,8,9,10",
        "--stop-losers",
        "--jobs",
        "1",
        "--set",
        "train.epochs=9",
    ];
    ends(sweep(dir.path(), "s", &args), 0);
    let found = status(dir.path(), "s");
    let epochs = |trial: &Value| trial["epochs"].as_u64().unwrap();
    let finished: Vec<&Value> = found.iter().filter(|trial| trial["state"] == "finished").collect();
    assert!(!finished.is_empty() && finished.iter().all(|trial| epochs(trial) == 9));
    assert_eq!(finished.len() + found.iter().filter(|trial| trial["state"] == "stopped").count(), 9);
    assert!(found.iter().filter(|trial| epochs(trial) == 1).count() >= 5, "{found:?}");
    // A trial that went on is that of a training without a stop.
    let trial = finished[0]["trial"].as_u64().unwrap();
    let units = format!("model.1.units={}", trial + 2);
    let set = [&SMALL[..2], &["train.epochs=9", &units]].concat();
    ends(super::train(dir.path(), "word-order", "alone", &set), 0);
    let run = dir.path().join(format!("s/trials/{trial:04}"));
    assert_eq!(last(&run, "model.safetensors"), last(&dir.path().join("alone"), "model.safetensors"));
    let (table, _) = ends(unrolled(dir.path(), &["sweep", "status", "s", "--trials"]), 0);
    assert!(table.contains("others were better after as much training"), "{table}");
}

#[test]
fn random_draws_are_a_function_of_the_seed_and_the_table_has_all_formats() {
    let dir = tempfile::tempdir().unwrap();
    let over = ["--random", "3", "--over", "model.1.units=int:2..9", "--set", "train.epochs=1"];
    ends(sweep(dir.path(), "a", &over), 0);
    let more = ["--random", "4", "--over", "model.1.units=int:2..9", "--set", "train.epochs=1"];
    ends(sweep(dir.path(), "b", &more), 0);
    let lines = |run: &str| fs::read_to_string(dir.path().join(run).join("trials.jsonl")).unwrap();
    assert!(lines("b").starts_with(&lines("a")), "more draws keep those before");
    let (csv, _) = ends(unrolled(dir.path(), &["sweep", "status", "a", "--csv"]), 0);
    assert!(
        csv.starts_with("trial,combination,state,model.1.units,seed,fold,val_loss,epochs,steps,seconds\n")
    );
    assert_eq!(csv.lines().count(), 4);
    let (latex, _) = ends(unrolled(dir.path(), &["sweep", "status", "a", "--latex"]), 0);
    assert!(latex.contains("\\toprule") && latex.contains("val\\_loss"), "{latex}");
}

#[test]
fn the_script_of_jobs_is_written_without_slurm() {
    let dir = tempfile::tempdir().unwrap();
    let args = [&GRID[..], &["--slurm", "--time=0:10:00", "--per-task", "3", "--print"]].concat();
    let (out, _) = ends(sweep(dir.path(), "s", &args), 0);
    assert!(out.contains("job.sh has 2 jobs"), "{out}");
    let script = fs::read_to_string(dir.path().join("s/job.sh")).unwrap();
    assert!(
        script.contains("#SBATCH --array=0-1\n") && script.contains("#SBATCH --time=0:10:00\n"),
        "{script}"
    );
    // As a job of SGE, whose numbers begin at 1: its second job has the last trial.
    let mut job = Command::new("bash");
    job.arg("s/job.sh").env("SGE_TASK_ID", "2").current_dir(dir.path());
    ends(job, 0);
    assert_eq!(states(dir.path(), "s"), ["waiting", "waiting", "waiting", "finished"]);
}

#[test]
fn mistakes_are_explained_before_anything_is_trained() {
    let dir = tempfile::tempdir().unwrap();
    let fails = |args: &[&str]| {
        let (_, error) = ends(unrolled(dir.path(), args), 2);
        let error = error.lines().filter(|line| !line.is_empty()).take(2).collect::<Vec<_>>().join(" ");
        (args.join(" "), error)
    };
    ends(sweep(dir.path(), "s", &["--seeds", "1..1", "--set", "train.epochs=1"]), 0);
    let messages = [
        fails(&["sweep", "word-order"]),
        fails(&["sweep", "word-order", "--grid", "model.1.units"]),
        fails(&["sweep", "word-order", "--grid", "model.1.unit=3,4"]),
        fails(&["sweep", "word-order", "--grid", "model.1.units=3,zero"]),
        fails(&["sweep", "word-order", "--grid", "model.1.units=3,4", "--grid", "model.1.units=5,6"]),
        fails(&["sweep", "word-order", "--grid", "train.seed=1,2", "--seeds", "1..2"]),
        fails(&["sweep", "word-order", "--random", "200000", "--over", "model.1.units=int:1..9"]),
        fails(&["sweep", "word-order", "--random", "2", "--over", "model.1.units=1..9"]),
        fails(&["sweep", "word-order", "--seeds", "1..2", "--run", "s"]),
        fails(&["sweep", "word-order", "--folds", "3"]),
        fails(&["sweep", "status", "nothing"]),
        fails(&["sweep", "word-order", "--seeds", "1..2", "--stop-losers=1"]),
    ];
    assert!(!dir.path().join("runs").exists(), "nothing is made");
    super::messages::assert_messages("sweep", messages);
}

#[test]
fn a_training_ends_with_its_result_as_json() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = super::train(dir.path(), "word-order", "run", &SMALL);
    command.arg("--json-result");
    let (out, _) = ends(command, 0);
    let result: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    let (listed, _) = ends(unrolled(dir.path(), &["runs", ".", "--json"]), 0);
    let without_path = |mut run: Value| {
        run.as_object_mut().unwrap().remove("path");
        run
    };
    assert_eq!(without_path(result.clone()), without_path(serde_json::from_str(&listed).unwrap()));
    assert_eq!((&result["state"], &result["monitor"]), (&"finished".into(), &"val_loss".into()));
    let evaluated = super::metrics(&dir.path().join("run"));
    let losses = evaluated.iter().filter_map(|line| line["val_loss"].as_f64());
    assert_eq!(result["best"].as_f64(), losses.reduce(f64::min));
    // A search that is started again finds what has finished.
    let mut again = super::train(dir.path(), "word-order", "run", &SMALL);
    again.args(["--json-result", "--resume-or-start"]);
    let (out, _) = ends(again, 0);
    assert_eq!(serde_json::from_str::<Value>(out.lines().last().unwrap()).unwrap(), result);
}
