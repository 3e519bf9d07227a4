//! What cannot go on is refused with the reason, and nothing is lost.

use std::process::{Command, Output};

use super::*;

pub fn unrolled(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_unrolled")).args(args).current_dir(folder).output().unwrap()
}

fn refused(output: &Output, code: i32, parts: &[&str]) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
}

#[test]
fn data_that_have_changed_and_fixed_settings_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("table.csv");
    let rows = |n: usize| (0..n).map(|n| format!("word{} it was,{}\n", n % 7, n % 2)).collect::<String>();
    fs::write(&table, "text,label\n".to_owned() + &rows(80)).unwrap();
    fs::write(
        dir.path().join("mine.yaml"),
        "data: {source: csv, path: table.csv, validation: 0.2}
tokens: {vocabulary: 40, length: 6}
model: [{layer: Embedding, output_dim: 4}, {layer: GRU, units: 4}, {layer: Dense, units: 1, activation: sigmoid}]
train: {loss: binary_crossentropy, batch_size: 8, epochs: 3}
",
    )
    .unwrap();
    let train = ["train", "mine.yaml", "--headless", "--run", "run"];
    assert!(unrolled(dir.path(), &train).status.success());
    let again = unrolled(dir.path(), &["resume", "run", "--headless"]);
    assert!(again.status.success());
    let text = String::from_utf8(again.stdout).unwrap();
    assert!(
        text.contains("run is finished; to train on: unrolled resume run --set train.epochs=N"),
        "{text}"
    );
    refused(
        &unrolled(dir.path(), &[&train[..], &["--resume-or-start", "--set", "train.batch_size=4"]].concat()),
        2,
        &["train.batch_size cannot be changed", "train.epochs"],
    );
    for (set, field) in
        [("model.1.units=5", "model"), ("train.seed=2", "train.seed"), ("data.text=label", "data")]
    {
        refused(&unrolled(dir.path(), &["resume", "run", "--headless", "--set", set]), 2, &[field]);
    }
    // More rows, and as many other rows.
    let before = metrics(&dir.path().join("run"));
    for (text, what) in [
        (rows(90), "training sequences: 56 before, 64 now"),
        (rows(80).replace("was", "is"), "another vocabulary"),
    ] {
        fs::write(&table, "text,label\n".to_owned() + &text).unwrap();
        let resumed = unrolled(dir.path(), &["resume", "run", "--headless", "--set", "train.epochs=5"]);
        refused(&resumed, 2, &["the data have changed", what]);
    }
    assert_eq!(metrics(&dir.path().join("run")), before);
    fs::write(&table, "text,label\n".to_owned() + &rows(80)).unwrap();
    let resumed = unrolled(dir.path(), &["resume", "run", "--headless", "--set", "train.epochs=5"]);
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    assert_eq!(metrics(&dir.path().join("run")).iter().filter(|line| line["kind"] == "epoch").count(), 5);
    refused(&unrolled(dir.path(), &["resume", "no-run"]), 2, &["no-run: no such run"]);
    refused(&unrolled(dir.path(), &["train", "mine.yaml", "--resume-or-start"]), 2, &["--run"]);
}

#[test]
fn a_damaged_checkpoint_is_passed_over_for_an_earlier_one() {
    let spec = word_order(&["train.checkpoint={every_steps: 4, keep: 5}"]);
    let whole = trained(&spec, &[]);
    for name in ["state.json", "DONE", "model.safetensors", "optimizer.safetensors"] {
        let dir = tempfile::tempdir().unwrap();
        let folder = run_folder(&dir);
        assert_eq!(start(&spec, &folder, Some(13)).join(), Outcome::Stopped);
        let latest = checkpoint::by_step(&folder)[0].1.join(name);
        let mut bytes = fs::read(&latest).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&latest, bytes).unwrap();
        assert_eq!(start(&spec, &folder, None).join(), Outcome::Finished, "{name}");
        assert_same(&dir, &whole);
    }
}

/// A run of word order that was stopped after 13 of 24 steps, with all of its checkpoints.
fn stopped(set: &[&str]) -> (TempDir, PathBuf) {
    let spec = word_order(&[&["train.checkpoint={every_steps: 4, keep: 9}"], set].concat());
    let dir = tempfile::tempdir().unwrap();
    let folder = run_folder(&dir);
    assert_eq!(start(&spec, &folder, Some(13)).join(), Outcome::Stopped);
    (dir, folder)
}

#[test]
fn an_edited_spec_is_refused_with_its_settings_until_it_is_put_back_or_given_as_a_change() {
    let (dir, folder) = stopped(&[]);
    let path = folder.join("spec.yaml");
    let spec = fs::read_to_string(&path).unwrap();
    let resume = ["resume", "run", "--headless"];
    let recorded = metrics(&folder);
    let edit = |from: &str, to: &str| {
        assert!(spec.contains(from), "{spec}");
        fs::write(&path, spec.replacen(from, to, 1)).unwrap();
    };
    edit("epochs: 3", "epochs: 4");
    let said =
        ["spec.yaml was edited", "train.epochs is 4, and the run was trained with 3", "--set train.epochs=4"];
    for args in [&resume[..], &["branch", "run", "--at", "9", "--headless"], &["verify", "run"]] {
        refused(&unrolled(dir.path(), args), 2, &said);
    }
    let more = unrolled(dir.path(), &[&resume[..], &["--set", "train.validate_every=3"]].concat());
    refused(&more, 2, &said);
    edit("seed: ", "seed: 1");
    let output = unrolled(dir.path(), &resume);
    refused(
        &output,
        2,
        &["train.seed is 1", "put the old value back; train.seed cannot be changed while training"],
    );
    // What would be refused is not proposed.
    assert!(!String::from_utf8_lossy(&output.stderr).contains("--set"));
    edit("batch_size: 8", "batch_size: 9\n  nonsense: 1");
    refused(&unrolled(dir.path(), &resume), 2, &["nonsense"]);
    assert_eq!(metrics(&folder), recorded);
    assert!(!dir.path().join("runs").exists(), "nothing is left of a branch that is refused");
    // Comments and the order of settings are no edit, and neither is one that is given as a change.
    edit("epochs: 3", "epochs: 3 # as before\n");
    let verified = unrolled(dir.path(), &["verify", "run"]);
    assert!(verified.status.success(), "{verified:?}");
    edit("epochs: 3", "epochs: 4");
    let given = unrolled(dir.path(), &[&resume[..], &["--set", "train.epochs=4"]].concat());
    assert!(given.status.success(), "{given:?}");
    let lines = metrics(&folder);
    assert!(lines.iter().any(|line| line["kind"] == "setting" && line["new"] == 4), "{lines:?}");
    let verified = unrolled(dir.path(), &["verify", "run"]);
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn data_that_were_moved_are_resumed_from_their_new_path() {
    let dir = tempfile::tempdir().unwrap();
    let rows = (0..80).map(|n| format!("word{} it was,{}\n", n % 7, n % 2)).collect::<String>();
    fs::write(dir.path().join("a.csv"), "text,label\n".to_owned() + &rows).unwrap();
    let preset = "data: {source: csv, path: a.csv, validation: 0.2}
tokens: {vocabulary: 40, length: 6}
model: [{layer: Embedding, output_dim: 4}, {layer: GRU, units: 4}, {layer: Dense, units: 1, activation: sigmoid}]
train: {loss: binary_crossentropy, batch_size: 8, epochs: 3}
";
    fs::write(dir.path().join("mine.yaml"), preset).unwrap();
    let spec = spec_of(dir.path().join("mine.yaml").to_str().unwrap(), &[]);
    let folder = run_folder(&dir);
    assert_eq!(start(&spec, &folder, Some(13)).join(), Outcome::Stopped);
    fs::rename(dir.path().join("a.csv"), dir.path().join("moved.csv")).unwrap();
    refused(&unrolled(dir.path(), &["resume", "run", "--headless"]), 2, &["a.csv"]);
    let path = folder.join("spec.yaml");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("a.csv", "moved.csv")).unwrap();
    let resumed = unrolled(dir.path(), &["resume", "run", "--headless"]);
    assert!(resumed.status.success(), "{resumed:?}");
    assert!(metrics(&folder).iter().all(|line| line["kind"] != "setting"));
}

#[test]
fn lost_lines_of_metrics_are_written_again_from_the_recording() {
    let spec = word_order(&["train.validate_every=3", "alerts={loss_spike: 1.01}"]);
    let whole = trained(&spec, &[]);
    let path = |dir: &TempDir| run_folder(dir).join("metrics.jsonl");
    let lose: [fn(&str) -> Option<String>; 5] = [
        |_| None,
        |_| Some(String::new()),
        // The end, within a line; the beginning; a line in the middle.
        |text| Some(text[..text.len() / 2].to_owned()),
        |text| Some(text[text.find("\"step\":4").unwrap_or(0)..].to_owned()),
        |text| {
            Some(
                text.lines().filter(|line| !line.contains("\"step\":6,")).map(|l| format!("{l}\n")).collect(),
            )
        },
    ];
    for (i, lose) in lose.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let folder = run_folder(&dir);
        let script = vec![
            (5, unrolled::protocol::Command::ScaleLearningRate { factor: 1.0 }.by("test")),
            (13, unrolled::protocol::Command::SaveAndStop.by("test")),
        ];
        let options = Options { folder: Some(folder.clone()), threads: 1, script, ..Options::default() };
        assert_eq!(Trainer::start(spec.clone(), options).unwrap().join(), Outcome::Stopped);
        let text = fs::read_to_string(path(&dir)).unwrap();
        match lose(&text) {
            Some(left) => fs::write(path(&dir), left).unwrap(),
            None => fs::remove_file(path(&dir)).unwrap(),
        }
        let trainer = start(&spec, &folder, None);
        let said = |event: Event| matches!(event, Event::Log(line) if line.text.contains("written again from frames.bin"));
        assert!(trainer.events.iter().any(said), "{i}");
        assert_eq!(trainer.join(), Outcome::Finished, "{i}");
        let after = fs::read_to_string(path(&dir)).unwrap();
        assert!(after.starts_with(&text), "{i}: {after}");
        let mut lines = metrics(&folder);
        lines.retain(|line| line["kind"] != "command");
        assert_eq!(lines, metrics(&run_folder(&whole)), "{i}");
    }
}

#[test]
fn damage_of_a_recording_is_said_and_nothing_is_lost() {
    let spec = word_order(&[]);
    let dir = tempfile::tempdir().unwrap();
    let folder = run_folder(&dir);
    assert_eq!(start(&spec, &folder, Some(13)).join(), Outcome::Stopped);
    let frames = folder.join("frames.bin");
    let mut bytes = fs::read(&frames).unwrap();
    bytes[2000] ^= 1;
    fs::write(&frames, &bytes).unwrap();
    fs::write(folder.join("metrics.jsonl"), "").unwrap();
    let trainer = start(&spec, &folder, None);
    let warnings: Vec<String> = trainer
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Log(line) if line.level == unrolled::protocol::Level::Warning => Some(line.text),
            _ => None,
        })
        .collect();
    assert_eq!(trainer.join(), Outcome::Finished);
    for part in ["steps are missing, and lines of kind gap say where", "frames-damaged.bin"] {
        assert!(warnings.iter().any(|warning| warning.contains(part)), "{part}: {warnings:?}");
    }
    assert_eq!(fs::read(folder.join("frames-damaged.bin")).unwrap(), bytes);
    // Every step has a line, or is in a gap.
    let mut next = 1;
    for line in metrics(&folder).iter().filter(|line| line["kind"] == "step" || line["kind"] == "gap") {
        assert_eq!(line["first_step"].as_u64().or(line["step"].as_u64()), Some(next), "{line}");
        next = line["step"].as_u64().unwrap() + 1;
    }
    assert_eq!(next, 25);
}

#[test]
fn a_run_without_a_checkpoint_begins_again_and_one_that_is_locked_is_refused() {
    let spec = word_order(&[]);
    let whole = trained(&spec, &[]);
    let dir = tempfile::tempdir().unwrap();
    let folder = run_folder(&dir);
    assert_eq!(start(&spec, &folder, Some(7)).join(), Outcome::Stopped);
    fs::remove_dir_all(folder.join("checkpoints")).unwrap();
    let trainer = start(&spec, &folder, None);
    assert!(trainer.events.iter().any(|event| matches!(event, Event::Resumed(_))));
    trainer.commands.send(unrolled::protocol::Command::Pause).unwrap();
    assert!(matches!(start(&spec, &folder, None).join(), Outcome::Unusable(what) if what.contains("in use")));
    assert_eq!(trainer.join(), Outcome::Finished);
    assert_same(&dir, &whole);
}
