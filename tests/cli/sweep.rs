//! Sweeps: trials, interruptions, several processes, tables.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
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

pub fn status(folder: &Path, run: &str) -> Vec<Value> {
    let (out, _) = ends(unrolled(folder, &["sweep", "status", run, "--json"]), 0);
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub fn states(folder: &Path, run: &str) -> Vec<String> {
    status(folder, run).iter().map(|trial| trial["state"].as_str().unwrap().to_owned()).collect()
}

pub fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
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

#[test]
fn fractions_of_the_data_are_parts_of_one_another_and_give_a_curve() {
    let dir = tempfile::tempdir().unwrap();
    let train = |args: &[&str]| {
        let mut command = unrolled(dir.path(), &["train", "word-order", "--run", "s", "--seeds", "1..2"]);
        command.args(sets(&SMALL)).args(["--fractions", "25,50,100"]).args(args);
        command
    };
    let (out, _) = ends(train(&[]), 0);
    let table = out.lines().skip_while(|line| !line.contains("by the share of the training data"));
    let rows: Vec<Vec<&str>> = table.skip(2).take(3).map(|line| line.split_whitespace().collect()).collect();
    let expected = [("25.0", "64"), ("50.0", "128"), ("100.0", "256")];
    assert_eq!(rows.iter().map(|row| (row[0], row[2])).collect::<Vec<_>>(), expected, "{out}");
    assert!(
        out.contains("a learning curve cannot be fitted") || out.contains("with twice the data, 512 rows"),
        "{out}"
    );
    // One table alone, and the curve of every trial.
    assert_eq!(out.matches("95 % interval of the mean").count(), 1, "{out}");
    let curves: Vec<Value> = status(dir.path(), "s").iter().map(|trial| trial["curve"].clone()).collect();
    assert!(curves.iter().all(|curve| curve["reason"].is_string() && *curve == curves[0]), "{curves:?}");
    assert_eq!(curves[0]["reason"] == "", out.contains("with twice the data, 512 rows"), "{curves:?}");
    let steps: Vec<u64> =
        status(dir.path(), "s").iter().map(|trial| trial["steps"].as_u64().unwrap()).collect();
    // Two epochs of 32 sequences a step.
    assert_eq!(steps, [4, 4, 8, 8, 16, 16]);
    // As trained alone.
    let mut alone = super::train(dir.path(), "word-order", "alone", &SMALL);
    alone.args(["--set", "train.fraction=0.25", "--seed", "2"]);
    ends(alone, 0);
    let (trial, alone) = (dir.path().join("s/trials/0001"), dir.path().join("alone"));
    assert_eq!(last(&trial, "model.safetensors"), last(&alone, "model.safetensors"));
    assert!(fs::read_to_string(trial.join("spec.yaml")).unwrap().contains("fraction: 0.25"));
    // It cannot be changed on the way.
    let resumed = ["resume", "alone", "--headless", "--set", "train.epochs=3", "--set", "train.fraction=0.5"];
    let (_, message) = ends(unrolled(dir.path(), &resumed), 2);
    assert!(message.contains("train.fraction cannot be changed"), "{message}");
    // The same command goes on, another one does not.
    let (again, _) = ends(train(&["--resume-or-start"]), 0);
    assert!(again.contains("all 6 trials have ended"), "{again}");
    let (_, message) = ends(train(&["--resume-or-start", "--set", "train.epochs=3"]), 2);
    assert!(message.contains("s contains another sweep"), "{message}");
}

#[test]
fn files_among_the_settings_are_those_of_where_the_sweep_was_made() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = dir.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let rows = |word: &str| {
        let rows: String = (0..20).map(|n| format!("{word} g{n},yes\n{word} b{n},no\n")).collect();
        "text,label\n".to_owned() + &rows
    };
    for (name, word) in [("a.csv", "one"), ("b.csv", "two")] {
        fs::write(dir.path().join(name), rows(word)).unwrap();
    }
    let preset = "data: {source: csv, path: a.csv, text: text, label: label, validation: 0.2}\n\
                  tokens: {vocabulary: 9, length: 4}\n\
                  model: [{layer: Embedding, output_dim: 2}, {layer: GRU, units: 2}, {layer: Dense, units: 1, activation: sigmoid}]\n\
                  train: {loss: binary_crossentropy}\n";
    fs::write(dir.path().join("mine.yaml"), preset).unwrap();
    let make =
        ["sweep", "mine.yaml", "--grid", "data.path=a.csv,b.csv", "--run", "s", "--slurm", "", "--print"];
    ends(unrolled(dir.path(), &make), 0);
    ends(unrolled(&elsewhere, &["sweep", "run", "../s"]), 0);
    assert_eq!(states(dir.path(), "s"), ["finished", "finished"]);
    let vocabulary = fs::read_to_string(dir.path().join("s/trials/0001/vocabulary.json")).unwrap();
    assert!(vocabulary.contains("two") && !vocabulary.contains("one"), "{vocabulary}");
}

#[test]
fn an_error_of_the_folder_ends_all_trainings_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut make = unrolled(dir.path(), &["sweep", "word-order", "--run", "s", "--slurm", "", "--print"]);
    make.args(sets(&SMALL[..2])).args(["--grid", "train.epochs=1000000,1,2,3"]);
    ends(make, 0);
    // The result of the second trial cannot be written.
    fs::create_dir_all(dir.path().join("s/state/0001.end.json/x")).unwrap();
    let (_, message) = ends(unrolled(dir.path(), &["sweep", "run", "s", "--jobs", "2", "--threads", "1"]), 1);
    assert!(message.contains("0001.end.json"), "{message}");
    let found = status(dir.path(), "s");
    assert_eq!((&found[0]["state"], &found[2]["state"]), (&"interrupted".into(), &"waiting".into()));
    assert!(dir.path().join("s/trials/0000/checkpoints/last").exists(), "what had begun is saved");
}

#[test]
fn with_seeds_the_means_of_settings_are_compared() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--grid", "model.1.units=2,3,4,5,6,7", "--seeds", "1..2", "--stop-losers", "--jobs", "1"];
    ends(sweep(dir.path(), "s", &[&args[..], &["--set", "train.epochs=3"]].concat()), 0);
    let found = status(dir.path(), "s");
    let epochs: Vec<u64> = found.iter().map(|trial| trial["epochs"].as_u64().unwrap()).collect();
    // Both seeds of a setting go on, or none.
    assert!(epochs.chunks(2).all(|seeds| seeds[0] == seeds[1]), "{epochs:?}");
    assert!(epochs.contains(&1) && epochs.contains(&3), "{epochs:?}");
    // The best mean after an epoch goes on.
    let first = |trial: usize| {
        let lines = super::metrics(&dir.path().join(format!("s/trials/{trial:04}")));
        lines.iter().find_map(|line| line["val_loss"].as_f64()).unwrap()
    };
    let means: Vec<f64> = (0..6).map(|setting| first(2 * setting) + first(2 * setting + 1)).collect();
    let best = (0..6).min_by(|a, b| means[*a].total_cmp(&means[*b])).unwrap();
    assert_eq!(epochs[2 * best], 3, "{means:?} {epochs:?}");
}

#[test]
fn the_folder_of_seeds_is_a_sweep_that_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let train = |run: &str| {
        let mut command = unrolled(dir.path(), &["train", "word-order", "--seeds", "1..3", "--run", run]);
        command.args(sets(&SMALL)).args(["--set", "train.epochs=100", "--jobs", "1"]);
        command
    };
    ends(train("whole"), 0);
    let mut child = Running::start(train("cut"));
    let begun = dir.path().join("cut/seed-2/metrics.jsonl");
    wait("the second begins", || fs::metadata(&begun).is_ok_and(|file| file.len() > 500));
    child.signal(Signal::KILL);
    child.code();
    assert_eq!(states(dir.path(), "cut"), ["finished", "interrupted", "waiting"]);
    let first = fs::metadata(dir.path().join("cut/seed-1/frames.bin")).unwrap().modified().unwrap();
    ends(unrolled(dir.path(), &["sweep", "run", "cut", "--jobs", "2"]), 0);
    assert_eq!(states(dir.path(), "cut"), ["finished"; 3]);
    assert_eq!(fs::metadata(dir.path().join("cut/seed-1/frames.bin")).unwrap().modified().unwrap(), first);
    for seed in ["seed-1", "seed-2", "seed-3"] {
        let [whole, cut] = ["whole", "cut"].map(|run| dir.path().join(run).join(seed));
        assert_eq!(last(&whole, "model.safetensors"), last(&cut, "model.safetensors"), "{seed}");
        assert_eq!(timeless(&whole), timeless(&cut), "{seed}");
    }
    let (best, _) = ends(unrolled(dir.path(), &["sweep", "best", "cut"]), 0);
    assert!(best.starts_with("cut/seed-"), "{best}");
    // What is finished is read, not trained.
    let mut again = train("cut");
    again.arg("--resume-or-start");
    let (out, _) = ends(again, 0);
    assert!(out.lines().any(|line| line.starts_with("mean ")), "{out}");
    assert_eq!(fs::metadata(dir.path().join("cut/seed-1/frames.bin")).unwrap().modified().unwrap(), first);
}

/// The recipe of `unrolled help sweeps`; `OPTUNA_PYTHON` is a Python with Optuna.
#[test]
#[ignore = "needs a Python with Optuna"]
fn the_recipe_for_optuna_finds_settings_and_goes_on() {
    let python = std::env::var_os("OPTUNA_PYTHON").unwrap_or_else(|| "python3".into());
    let page = include_str!("../../src/cli/help/sweeps.md");
    let recipe = page.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(recipe.contains("n_trials=20"), "{recipe}");
    let dir = tempfile::tempdir().unwrap();
    let script = recipe.replace("n_trials=20", "n_trials=2");
    fs::write(dir.path().join("search.py"), script + "print(json.dumps([t.value for t in study.trials]))\n")
        .unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_unrolled")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let search = || {
        let mut command = Command::new(&python);
        command.arg("search.py").current_dir(dir.path());
        command.env("PATH", format!("{}:{path}", program.display()));
        let (out, _) = ends(command, 0);
        let values: Vec<Option<f64>> = serde_json::from_str(out.lines().last().unwrap()).unwrap();
        values
    };
    let first = search();
    // Each value is the best of its run.
    for (trial, value) in first.iter().enumerate() {
        let losses = super::metrics(&dir.path().join(format!("optuna/{trial}")));
        let losses = losses.iter().filter_map(|line| line["val_loss"].as_f64());
        assert_eq!(*value, losses.reduce(f64::min), "{trial}");
    }
    // Started again, it adds trials to those that are stored.
    let both = search();
    assert_eq!((&both[..2], both.len()), (&first[..], 4));
}

/// Makes the sweep `run` of `count` trials that have all finished.
#[cfg(target_os = "linux")]
fn finished_sweep(folder: &Path, run: &str, count: usize) {
    let units: Vec<String> = (1..=count).map(|units| units.to_string()).collect();
    let grid = format!("model.1.units={}", units.join(","));
    let make = ["sweep", "word-order", "--run", run, "--grid", &grid, "--slurm", "", "--print"];
    ends(unrolled(folder, &make), 0);
    fs::create_dir(folder.join(run).join("state")).unwrap();
    for trial in 0..count {
        let result = serde_json::json!({
            "end": "finished", "claim": 1, "epochs": 2, "steps": 16, "seconds": 0.5,
            "metric": "val_loss", "value": 0.5, "higher_is_better": false, "metrics": {"val_loss": 0.5},
        });
        let file = |end: &str| folder.join(run).join("state").join(format!("{trial:04}.{end}"));
        fs::write(file("end.json"), result.to_string()).unwrap();
        fs::write(file("claim-1"), "host-1-1\n").unwrap();
        let trial = folder.join(run).join(format!("trials/{trial:04}"));
        fs::create_dir_all(&trial).unwrap();
        fs::write(trial.join("spec.yaml"), "name: word-order\n").unwrap();
    }
}

/// What the system calls that read are counted by: one that reads nothing ends each file.
#[test]
#[cfg(target_os = "linux")]
fn of_a_trial_that_has_ended_one_small_file_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let reads = |count: usize| {
        let run = format!("s{count}");
        finished_sweep(dir.path(), &run, count);
        let mut command = unrolled(dir.path(), &["sweep", "status", &run, "--csv"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut table = String::new();
        child.stdout.take().unwrap().read_to_string(&mut table).unwrap();
        let io = format!("/proc/{}/io", child.id());
        // Of a process that has ended and was not waited for.
        let stat = format!("/proc/{}/stat", child.id());
        wait("the end", || fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") Z ")));
        let io = fs::read_to_string(io).unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(table.matches(",finished,").count(), count);
        let line = io.lines().find_map(|line| line.strip_prefix("syscr: ")).unwrap();
        line.parse::<f64>().unwrap()
    };
    let each = (reads(300) - reads(100)) / 200.0;
    assert!((1.0..=2.2).contains(&each), "{each} reads a trial");
}
