//! Races: fair turns, the same bits as alone, what is concluded, and the real program.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

#[allow(dead_code, reason = "each file of tests uses a part of it")]
#[path = "common/session.rs"]
mod session;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use session::Session;
use unrolled::preset::{self, Overrides};
use unrolled::run::Reader;
use unrolled::run::checkpoint::{self, Which};
use unrolled::train::{Options, Outcome, Trainer, TurnLength, Turns};

/// Eight steps an epoch, two epochs: trained in no time.
const SMALL: [&str; 3] = ["data.train=256", "data.validation=64", "train.epochs=2"];
/// Far longer than anything takes; reached only by a test that fails.
const LONG: Duration = Duration::from_secs(120);

fn unrolled(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unrolled"));
    command.args(args).current_dir(folder).stdin(Stdio::null()).env("LANG", "C.UTF-8");
    command
}

fn sets<'a>(set: &[&'a str]) -> Vec<&'a str> {
    set.iter().flat_map(|set| ["--set", *set]).collect()
}

/// What the program prints and its messages, if it ends with `code`.
#[track_caller]
fn ends(folder: &Path, code: i32, args: &[&str]) -> (String, String) {
    let Output { status, stdout, stderr } = unrolled(folder, args).output().unwrap();
    let (out, err) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!(status.code(), Some(code), "{args:?}\n{out}\n{err}");
    (out, err)
}

/// The JSON object of a race that ends with exit code 0.
#[track_caller]
fn race(folder: &Path, args: &[&str]) -> Value {
    let args = [&["race", "--json"], args].concat();
    serde_json::from_str(&ends(folder, 0, &args).0).unwrap()
}

fn network<'v>(race: &'v Value, name: &str) -> &'v Value {
    race["networks"].as_array().unwrap().iter().find(|network| network["network"] == name).unwrap()
}

#[test]
fn a_race_changes_no_bit_of_its_trainings_and_its_runs_are_ordinary_ones() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let set = sets(&SMALL);
    let names = ["word-order", "word-order-conv1d", "word-order-dense"];
    let result =
        race(at, &[&names[..], &["--seeds", "2", "--run", "runs/r", "--threads", "2"], &set].concat());
    for name in names {
        for seed in ["1", "2"] {
            let alone = format!("alone/{name}-{seed}");
            ends(
                at,
                0,
                &[
                    &["train", name, "--headless", "--seed", seed, "--run", &alone, "--threads", "1"][..],
                    &set,
                ]
                .concat(),
            );
            let [raced, alone] = [format!("runs/r/{name}/seed-{seed}"), alone]
                .map(|run| checkpoint::read(&at.join(run), Which::Last).unwrap());
            assert_eq!((raced.step, &raced.model), (16, &alone.model), "{name}, seed {seed}");
            assert_eq!(raced.optimizer, alone.optimizer, "{name}, seed {seed}");
        }
        // 2 seeds of 2 epochs of 256 sequences of 16 tokens.
        assert_eq!(network(&result, name)["tokens"], 2 * 2 * 256 * 16);
        assert_eq!(network(&result, name)["values"].as_array().unwrap().len(), 2);
    }
    assert_eq!((&result["metric"], &result["winner"]), (&"val_accuracy".into(), &Value::Null));
    assert_eq!(result["verdict"], "no winner: 2 seeds, and at least 3 are needed");
    let (list, _) = ends(at, 0, &["runs", "--json"]);
    assert_eq!(list.lines().count(), 6, "{list}");
    let (groups, _) = ends(at, 0, &["runs", "--group", "name"]);
    assert!(names.iter().all(|name| groups.contains(name)), "{groups}");
    ends(at, 0, &["compare", "r/word-order/seed-1", "r/word-order-conv1d/seed-1", "--plain"]);
    ends(at, 0, &["verify", "runs/r/word-order/seed-2"]);
}

#[test]
fn no_network_is_ever_more_than_a_turn_ahead() {
    const STEP: u64 = 32 * 16;
    let dir = tempfile::tempdir().unwrap();
    let turns = Turns::new(2, None);
    let set = ["data.train=256", "data.validation=64", "train.epochs=40"];
    let trainers: Vec<Trainer> = ["word-order", "word-order-dense"]
        .iter()
        .enumerate()
        .map(|(racer, name)| {
            let overrides = Overrides { set: set.map(String::from).to_vec(), ..Overrides::default() };
            let spec = preset::load(name, &overrides).unwrap().spec;
            let options = Options {
                folder: Some(dir.path().join(name)),
                turn: Some(turns.turn(racer)),
                ..Options::default()
            };
            let trainer = Trainer::start(spec, options).unwrap();
            assert!(turns.wait_until_ready(racer, LONG));
            trainer
        })
        .collect();
    assert_eq!(turns.step_tokens(), STEP);
    turns.start(TurnLength::Tokens(4 * STEP));
    let (begin, mut seen) = (Instant::now(), std::collections::BTreeSet::new());
    loop {
        let tokens: Vec<u64> = turns.usage().iter().map(|usage| usage.tokens).collect();
        assert!(tokens[0].abs_diff(tokens[1]) <= 4 * STEP, "{tokens:?}");
        seen.insert(tokens.clone());
        if tokens.iter().all(|tokens| *tokens == 40 * 256 * 16) {
            break;
        }
        assert!(begin.elapsed() < LONG, "{tokens:?}");
    }
    assert!(seen.len() > 20, "the standings were seen on the way");
    assert!(trainers.into_iter().all(|trainer| trainer.join() == Outcome::Finished));
}

#[test]
fn equal_time_ends_all_after_the_time_of_the_first_and_the_runs_can_be_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    // Enough for several turns of the fast one on any machine.
    let set = sets(&["data.train=4000", "data.validation=64", "train.epochs=60"]);
    let names = ["word-order-bilstm", "word-order-dense"];
    let result = race(at, &[&names[..], &["--by", "time", "--seeds", "1", "--run", "r"], &set].concat());
    let [slow, fast] = names.map(|name| network(&result, name));
    assert_eq!(fast["tokens"], 60 * 4000 * 16);
    let seconds = |network: &Value| network["seconds"].as_f64().unwrap();
    assert!(slow["tokens"].as_u64() < fast["tokens"].as_u64());
    // A turn of a tenth of a second, and a step of a busy machine.
    assert!((seconds(slow) - seconds(fast)).abs() < 0.5, "{result}");
    assert!(slow["values"][0].is_f64(), "it was evaluated when its time was over");
    let (runs, _) = ends(at, 0, &["runs", "r", "--json"]);
    let states: Vec<Value> =
        runs.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["state"].clone()).collect();
    assert!(states.contains(&"stopped".into()) && states.contains(&"finished".into()), "{runs}");
    ends(at, 0, &["verify", "r/word-order-bilstm/seed-1"]);
}

#[test]
fn what_cannot_be_compared_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    for (args, words) in [
        (
            &["word-order"][..],
            "found one network; expected two or more presets, or a race: lecture, memory, imdb",
        ),
        (&["word-order", "vanishing-gru"], "word-order and vanishing-gru have other data"),
        (&["word-order", "nothing-of-that-name"], "nothing-of-that-name"),
        (&["word-order", "word-order-dense", "--seconds", "3"], "--seconds needs --by time"),
        (&["word-order", "word-order-dense", "--seeds", "0"], "--seeds"),
        (&["word-order", "word-order-dense", "--seeds", "5..2"], "--seeds"),
        (&["word-order", "word-order-dense", "--by", "time", "--seconds=-1"], "--seconds"),
    ] {
        let (_, message) = ends(at, 2, &[&["race", "--headless"], args].concat());
        assert!(message.contains(words), "{message}");
    }
    let text = preset::text("word-order").unwrap().replace("epochs: 12", "epochs: 3");
    fs::write(at.join("short.yaml"), text).unwrap();
    let (_, message) = ends(at, 2, &["race", "word-order", "short.yaml", "--headless"]);
    assert!(
        message.contains("word-order trains 12 epochs and short 3") && message.contains("--by time"),
        "{message}"
    );
    // What only shows when the data are read ends the race as well, before anything is trained.
    fs::write(at.join("few.csv"), "text,label\ngood,yes\nbad,no\n").unwrap();
    let few = "data: {source: csv, path: few.csv, text: text, label: label, validation: 0}\ntokens: {vocabulary: 9, length: 4}\n\
               model:\n- {layer: Embedding, output_dim: 2}\n- {layer: GlobalAveragePooling1D}\n- {layer: Dense, units: 3, activation: softmax}\n\
               train: {loss: sparse_categorical_crossentropy, epochs: 1}\n";
    fs::write(at.join("few.yaml"), few).unwrap();
    let (out, message) = ends(at, 2, &["race", "few.yaml", "few.yaml", "--headless", "--run", "r"]);
    assert!(!out.contains("paired") && !message.is_empty(), "{out}\n{message}");
    assert!(!at.join("r/few/seed-1/metrics.jsonl").exists());
    fs::create_dir(at.join("full")).unwrap();
    fs::write(at.join("full/mine"), "").unwrap();
    ends(at, 2, &["race", "word-order", "word-order-dense", "--headless", "--run", "full"]);
    assert!(!at.join("runs").exists(), "nothing was begun");
}

#[test]
fn a_network_that_diverges_loses_and_the_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let text = preset::text("word-order").unwrap();
    let begin = text.find("  optimizer:").unwrap();
    let end = begin + text[begin..].find('\n').unwrap();
    let wild = format!("{}  optimizer: {{name: SGD, learning_rate: 1e38}}{}", &text[..begin], &text[end..]);
    fs::write(at.join("wild.yaml"), wild).unwrap();
    let args =
        [&["wild.yaml", "word-order-conv1d", "word-order-dense", "--run", "r"][..], &sets(&SMALL)].concat();
    let result = race(at, &args);
    let places: Vec<&str> =
        result["networks"].as_array().unwrap().iter().map(|n| n["network"].as_str().unwrap()).collect();
    assert_eq!(places[2], "wild", "{result}");
    assert_eq!(network(&result, "wild")["values"], serde_json::json!([null, null, null]));
    assert_eq!(network(&result, "wild")["p_holm"], Value::Null);
    assert!(network(&result, "word-order-dense")["p"].is_f64(), "{result}");
    let (lines, _) = ends(at, 0, &[&["race", "--headless"], &args[..4], &["s"], &args[5..]].concat());
    assert!(lines.contains("3 failed") && lines.contains("paired t-test"), "{lines}");
    for line in ["seed 3 (3 of 3)", "epoch 2/2  val_accuracy: "] {
        assert!(lines.contains(line), "{lines}");
    }
}

#[test]
fn on_a_screen_a_race_pauses_and_ends_with_its_table() {
    let dir = tempfile::tempdir().unwrap();
    let endless = ["data.train=256", "data.validation=64", "train.epochs=1000000"];
    let args = [&["race", "word-order", "word-order-conv1d", "--run", "r"][..], &sets(&endless)].concat();
    const RUNS: [&str; 2] = ["r/word-order/seed-1", "r/word-order-conv1d/seed-1"];
    let mut session = Session::program(dir.path(), &args);
    session.wait_for("seed 1 (1 of 3)");
    session.wait_for("▸");
    // Each network has made a step: in a slow build that takes a moment.
    let has_stepped = |run: &str| {
        let recording = Reader::open(&dir.path().join(run));
        recording.is_ok_and(|recording| recording.last_step() > 0)
    };
    session.wait_until("a step of each", |_| RUNS.into_iter().all(has_stepped));
    session.press("p");
    session.wait_for("· paused");
    session.press("p");
    session.wait_until("it goes on", |screen| !screen.contents().contains("· paused"));
    session.press("q");
    session.wait_for("Save and stop");
    session.answer("2");
    session.wait_for("no winner: 0 seeds");
    assert_eq!(session.exit_code(), 0);
    for run in RUNS {
        assert!(checkpoint::read(&dir.path().join(run), Which::Last).unwrap().step > 0);
    }
}

#[test]
fn a_signal_saves_the_runs_and_ends_with_130() {
    let dir = tempfile::tempdir().unwrap();
    let endless = ["data.train=256", "data.validation=64", "train.epochs=1000000"];
    let args =
        [&["race", "word-order", "word-order-conv1d", "--headless", "--run", "r"][..], &sets(&endless)]
            .concat();
    let child = unrolled(dir.path(), &args).stdout(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    while !dir.path().join("r/word-order-conv1d/seed-1/checkpoints").exists() {
        assert!(begin.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    for run in ["r/word-order/seed-1", "r/word-order-conv1d/seed-1"] {
        assert!(checkpoint::read(&dir.path().join(run), Which::Last).unwrap().step > 0);
    }
}

#[test]
fn a_race_that_was_killed_goes_on_with_what_its_folder_has_to_the_same_result() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let names = ["word-order-conv1d", "word-order-dense"];
    let set = sets(&["data.train=256", "data.validation=64", "train.epochs=3"]);
    let whole = race(at, &[&names[..], &["--seeds", "2", "--run", "whole"], &set].concat());
    // Of the first seed both have ended; of the second one was interrupted after its first epoch, and one has not begun.
    let part = |seeds: &'static str| {
        [&names[..], &["--seeds", seeds, "--run", "part", "--resume-or-start"], &set].concat()
    };
    race(at, &part("1..1"));
    let interrupted = "part/word-order-conv1d/seed-2";
    let short = sets(&["data.train=256", "data.validation=64", "train.epochs=1"]);
    ends(
        at,
        0,
        &[&["train", names[0], "--headless", "--seed", "2", "--run", interrupted][..], &short].concat(),
    );
    let (_, message) = ends(at, 2, &[&["race", "--headless"][..], &part("2")].concat());
    assert!(
        message.contains(
            "part/word-order-conv1d/seed-2 was trained with other settings: train.epochs was 1 and is 3 now"
        ),
        "{message}"
    );
    fs::copy(at.join("whole/word-order-conv1d/seed-2/spec.yaml"), at.join(interrupted).join("spec.yaml"))
        .unwrap();
    let owner = at.join(interrupted).join("owner.json");
    let killed = fs::read_to_string(&owner).unwrap().replace("\"finished\"", "\"stopped\"");
    fs::write(&owner, killed).unwrap();
    let kept = fs::read(at.join("part/word-order-dense/seed-1/metrics.jsonl")).unwrap();
    let (lines, _) = ends(at, 0, &[&["race", "--headless"][..], &part("2")].concat());
    for line in [
        "seed 1 (1 of 2)\nword-order-conv1d had ended before and is taken as it is\nword-order-dense had ended before",
        "seed 2 (2 of 2)\nword-order-conv1d goes on after step 8\n",
    ] {
        assert!(lines.contains(line), "{lines}");
    }
    assert_eq!(
        fs::read(at.join("part/word-order-dense/seed-1/metrics.jsonl")).unwrap(),
        kept,
        "not trained again"
    );
    // Once more: all have ended, and the result is that of the race that was not interrupted.
    let again = race(at, &part("2"));
    for name in names {
        let [whole, again] = [&whole, &again].map(|race| network(race, name));
        assert_eq!((&again["values"], &again["tokens"]), (&whole["values"], &whole["tokens"]), "{name}");
        assert_eq!(again["params"], whole["params"]);
        // The time of its steps, and not that of its training.
        let used = |key: &str| {
            let of =
                |seed| checkpoint::read(&at.join(format!("part/{name}/seed-{seed}")), Which::Last).unwrap();
            [1, 2].map(|seed| of(seed).state[key].as_f64().unwrap()).iter().sum::<f64>()
        };
        let seconds = again["seconds"].as_f64().unwrap();
        assert!((seconds - used("step_seconds")).abs() < 1e-6, "{seconds}, {}", used("step_seconds"));
        assert!(seconds > 0.0 && (seconds - used("seconds")).abs() > 1e-6, "{seconds}");
    }
    assert_eq!((&again["verdict"], &again["winner"]), (&whole["verdict"], &whole["winner"]));
    for run in ["word-order-conv1d/seed-2", "word-order-dense/seed-2"] {
        let [whole, part] = ["whole", "part"]
            .map(|race| checkpoint::read(&at.join(race).join(run), Which::Last).unwrap().model);
        assert_eq!(whole, part, "{run}");
    }
    // What is not of the race is not overwritten, and a time cannot be measured again.
    fs::write(at.join("part/mine"), "").unwrap();
    let (_, message) = ends(at, 2, &[&["race", "--headless"][..], &part("2")].concat());
    assert!(message.contains("mine"), "{message}");
    let (_, message) = ends(at, 2, &[&["race", "--headless", "--by", "time"][..], &part("2")].concat());
    assert!(message.contains("--resume-or-start needs --by tokens"), "{message}");
}

#[test]
fn a_command_at_the_end_gets_the_winner_and_the_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let command = r#"printf '%s\n' "$UNROLLED_RACE|$UNROLLED_STATE|$UNROLLED_METRIC|$UNROLLED_WINNER|$UNROLLED_VERDICT" > said; test -d "$UNROLLED_RUN/word-order-dense/seed-1""#;
    let args = ["word-order-conv1d", "word-order-dense", "--seeds", "1", "--run", "r", "--on-end", command];
    let (_, warnings) = ends(at, 0, &[&["race", "--headless"][..], &args, &sets(&SMALL)].concat());
    assert_eq!(warnings, "");
    let said = fs::read_to_string(at.join("said")).unwrap();
    assert_eq!(said, "race|finished|val_accuracy||no winner: 1 seed, and at least 3 are needed\n");
    let args = ["word-order-conv1d", "word-order-dense", "--seeds", "1", "--run", "s", "--on-end", "exit 3"];
    let (_, warnings) = ends(at, 0, &[&["race", "--headless"][..], &args, &sets(&SMALL)].concat());
    assert!(warnings.contains("warning: the command of --on-end failed"), "{warnings}");
}

#[test]
fn the_race_of_film_reviews_reads_the_folder_of_its_data() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    for (split, class, words) in [
        ("train", "pos", "a good and moving film"),
        ("train", "neg", "a dull and empty film"),
        ("test", "pos", "good and moving"),
        ("test", "neg", "dull and empty"),
    ] {
        let folder = at.join("aclImdb").join(split).join(class);
        fs::create_dir_all(&folder).unwrap();
        (0..4).for_each(|i| fs::write(folder.join(format!("{i}_7.txt")), format!("{words} {i}")).unwrap());
    }
    let args = ["imdb", "--seeds", "1", "--run", "r", "--set", "train.epochs=1", "--set", "tokens.length=20"];
    let result = race(at, &args);
    assert_eq!((&result["race"], &result["metric"]), (&"imdb".into(), &"val_accuracy".into()));
    for name in ["dense", "lstm", "gru", "bilstm", "conv1d", "attention"] {
        assert_eq!(network(&result, name)["tokens"], 8 * 20, "{name}");
        assert!(network(&result, name)["values"][0].is_f64(), "{name}");
    }
    assert!(!result["method"].as_str().unwrap().contains("p:"), "nothing is tested with one seed");
}
