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

#[test]
fn damage_of_a_recording_and_an_edited_spec_are_said_and_nothing_is_lost() {
    let spec = word_order(&[]);
    let dir = tempfile::tempdir().unwrap();
    let folder = run_folder(&dir);
    assert_eq!(start(&spec, &folder, Some(13)).join(), Outcome::Stopped);
    let frames = folder.join("frames.bin");
    let mut bytes = fs::read(&frames).unwrap();
    bytes[2000] ^= 1;
    fs::write(&frames, &bytes).unwrap();
    fs::write(folder.join("metrics.jsonl"), "").unwrap();
    let edited =
        fs::read_to_string(folder.join("spec.yaml")).unwrap().replace("dropout: 0.0", "dropout: 0.1") + "\n";
    fs::write(folder.join("spec.yaml"), edited).unwrap();
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
    for part in ["spec.yaml: ", "metrics.jsonl has lost lines", "frames-damaged.bin"] {
        assert!(warnings.iter().any(|warning| warning.contains(part)), "{part}: {warnings:?}");
    }
    assert_eq!(fs::read(folder.join("frames-damaged.bin")).unwrap(), bytes);
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
