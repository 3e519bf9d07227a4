//! Branches and verifications.

use std::process::{Command, Output};

use super::*;

fn unrolled(folder: &Path, args: &[&str]) -> Output {
    let output =
        Command::new(env!("CARGO_BIN_EXE_unrolled")).args(args).current_dir(folder).output().unwrap();
    assert!(output.status.code() != Some(101), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A parent of 24 steps, with a command and a checkpoint now and then.
fn parent() -> TempDir {
    let spec = word_order(&["train.checkpoint={every_steps: 5, keep: 9}", "train.validate_every=3"]);
    let dir = tempfile::tempdir().unwrap();
    let script = vec![(9, unrolled::protocol::Command::ScaleLearningRate { factor: 0.5 }.by("test"))];
    let options = Options { folder: Some(run_folder(&dir)), threads: 1, script, ..Options::default() };
    assert_eq!(Trainer::start(spec, options).unwrap().join(), Outcome::Finished);
    dir
}

#[test]
fn a_branch_without_a_change_ends_in_the_bits_of_its_parent() {
    let parent = parent();
    let whole = facts(&parent);
    for at in 0..=20 {
        let run = format!("branch-{at}");
        text(&unrolled(
            parent.path(),
            &["branch", "run", "--at", &at.to_string(), "--headless", "--run", &run],
        ));
        let folder = parent.path().join(&run);
        assert_eq!(loaded(&folder, Which::Last), whole.last, "at {at}");
        assert_eq!(metrics(&folder), whole.metrics, "at {at}");
    }
}

#[test]
fn a_branch_knows_its_parent_and_changes_nothing_before_its_step() {
    let parent = parent();
    let set = "train.optimizer.learning_rate=0.05";
    let args = ["branch", "run", "--at", "13", "--set", set, "--headless", "--run", "branch"];
    text(&unrolled(parent.path(), &args));
    let folder = parent.path().join("branch");
    let (before, after) = (metrics(&parent.path().join("run")), metrics(&folder));
    let step = |line: &Value| line["step"].as_u64().unwrap();
    let is_common = |line: &&Value| step(line) <= 13 && line["kind"] != "setting";
    let common = |lines: &[Value]| lines.iter().filter(is_common).cloned().collect::<Vec<_>>();
    assert_eq!(common(&before), common(&after));
    assert_eq!(
        settings(&folder),
        [(13, "train.optimizer.learning_rate".to_owned(), 0.002.into(), 0.05.into())]
    );
    let rate = after.iter().find(|line| line["kind"] == "step" && step(line) == 14).unwrap()["learning_rate"]
        .as_f64();
    assert_eq!(rate, Some(0.05));
    let reader = Reader::open(&folder).unwrap();
    let seams = reader.events().unwrap().map(Result::unwrap).filter_map(|event| match event {
        Event::Resumed(resumed) => Some((resumed.step, resumed.changes.len(), resumed.parent.is_some())),
        _ => None,
    });
    assert_eq!(seams.collect::<Vec<_>>(), [(12, 0, true), (13, 1, false)]);
    let shown = text(&unrolled(parent.path(), &["show", "branch"]));
    assert!(shown.contains("/run after step 12\n") && shown.contains("resumed     after step 13"), "{shown}");
    assert!(shown.contains("branched    from ") && !shown.contains("\nparent"), "{shown}");
    let wrong = unrolled(parent.path(), &["branch", "run", "--at", "25", "--headless"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("the run has 24 steps"));
    // The branch can be repeated as well.
    let verified = text(&unrolled(parent.path(), &["verify", "branch"]));
    assert!(verified.starts_with("the same bits: "), "{verified}");
}

#[test]
fn a_run_is_verified_and_a_difference_is_named() {
    let parent = parent();
    let verified = text(&unrolled(parent.path(), &["verify", "run", "--threads", "2"]));
    assert!(verified.starts_with("the same bits: ") && verified.contains("after step 24"), "{verified}");
    let path = parent.path().join("run/metrics.jsonl");
    let lines = fs::read_to_string(&path).unwrap();
    let seventh = lines.lines().find(|line| line.contains(r#""step":7,"#)).unwrap();
    let mut changed: Value = serde_json::from_str(seventh).unwrap();
    changed["loss"] = 0.125.into();
    fs::write(&path, lines.replace(seventh, &changed.to_string())).unwrap();
    let output = unrolled(parent.path(), &["verify", "run", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let difference = found["difference"].as_str().unwrap();
    assert!(difference.starts_with("step 7 (step): loss is 0.125 in the run and "), "{difference}");
    assert_eq!(found["same"], false);
}

/// The changed settings in the metrics of a run: step, setting, value before and after.
fn settings(folder: &Path) -> Vec<(u64, String, Value, Value)> {
    let lines = metrics(folder).into_iter().filter(|line| line["kind"] == "setting");
    let fields = |line: Value| {
        let [step, name, old, new] = ["step", "setting", "old", "new"].map(|key| line[key].clone());
        (step.as_u64().unwrap(), name.as_str().unwrap().to_owned(), old, new)
    };
    lines.map(fields).collect()
}

#[test]
fn changed_settings_are_recorded_and_such_a_run_is_verified_and_branched() {
    let parent = parent();
    let folder = run_folder(&parent);
    let run = |args: &[&str]| text(&unrolled(parent.path(), args));
    // Trained on with other settings, twice.
    run(&["resume", "run", "--headless", "--set", "train.epochs=4", "--set", "train.validate_every=null"]);
    run(&[
        "resume",
        "run",
        "--headless",
        "--set",
        "train.epochs=5",
        "--set",
        "train.optimizer.learning_rate=0.05",
    ]);
    let expected = [
        (24, "train.epochs".to_owned(), 3.into(), 4.into()),
        (24, "train.validate_every".to_owned(), 3.into(), Value::Null),
        (32, "train.optimizer.learning_rate".to_owned(), 0.002.into(), 0.05.into()),
        (32, "train.epochs".to_owned(), 4.into(), 5.into()),
    ];
    let mut found = settings(&folder);
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for change in &expected {
        let at = found.iter().position(|other| other == change);
        found.remove(at.unwrap_or_else(|| panic!("{change:?} in {found:?}")));
    }
    let shown = run(&["show", "run"]);
    for part in ["after step 24: train.epochs changed from 3 to 4", "after step 32: ", "from 0.002 to 0.05"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let spec = fs::read_to_string(folder.join("spec.yaml")).unwrap();
    assert!(spec.starts_with("# This file alone does not reproduce the run"), "{spec}");
    assert!(spec.contains(
        "after step 32: train.optimizer.learning_rate 0.002 → 0.05; until then spec-until-32.yaml"
    ));
    let verified = run(&["verify", "run"]);
    assert!(verified.starts_with("the same bits: ") && verified.contains("after step 40"), "{verified}");
    // A branch of each part, with a change of its own: it has those of its parent before it.
    for (at, before) in [(0, 0), (28, 2), (32, 2), (37, 4)] {
        let name = format!("branch-{at}");
        let set = "train.optimizer.learning_rate=0.001";
        run(&["branch", "run", "--at", &at.to_string(), "--set", set, "--headless", "--run", &name]);
        let branch = parent.path().join(&name);
        let found = settings(&branch);
        let own = found.iter().filter(|(step, _, _, new)| *step == at && *new == 0.001).count();
        assert!(
            own == 1 && found.iter().filter(|(step, ..)| *step < at).count() == before,
            "{at}: {found:?}"
        );
        let verified = run(&["verify", &name]);
        assert!(verified.starts_with("the same bits: "), "{at}: {verified}");
    }
}

#[test]
fn a_changed_setting_survives_a_process_that_is_killed_before_its_first_checkpoint() {
    let parent = parent();
    let folder = run_folder(&parent);
    let set = [
        "--set",
        "train.epochs=5",
        "--set",
        "train.optimizer.learning_rate=0.05",
        "--set",
        "train.checkpoint.keep=30",
    ];
    let resume =
        |set: &[&str]| text(&unrolled(parent.path(), &[&["resume", "run", "--headless"], set].concat()));
    resume(&set);
    let (whole, last) = (metrics(&folder), loaded(&folder, Which::Last));
    // All checkpoints since are gone, as if the process had been killed before the first.
    for (step, path) in checkpoint::by_step(&folder) {
        if step > 24 {
            fs::remove_dir_all(path).unwrap();
        }
    }
    resume(&[]);
    assert_eq!((metrics(&folder), loaded(&folder, Which::Last)), (whole, last));
    let verified = text(&unrolled(parent.path(), &["verify", "run"]));
    assert!(verified.starts_with("the same bits: "), "{verified}");
    // From a checkpoint before the change the settings of now apply, and what was changed later is forgotten.
    for (step, path) in checkpoint::by_step(&folder) {
        if step > 20 {
            fs::remove_dir_all(path).unwrap();
        }
    }
    resume(&[]);
    assert!(settings(&folder).iter().all(|(step, ..)| *step == 20), "{:?}", settings(&folder));
    assert!(!folder.join("spec-until-24.yaml").exists());
    let verified = text(&unrolled(parent.path(), &["verify", "run"]));
    assert!(verified.starts_with("the same bits: "), "{verified}");
}

/// The run without what recordings of earlier versions lack: fingerprints of weights.
fn without_fingerprints(parent: &TempDir) {
    let folder = run_folder(parent);
    let other = Folder::create(&parent.path().join("other")).unwrap();
    let mut recorder = Recorder::start(&other, 1 << 20).unwrap();
    for event in Reader::open(&folder).unwrap().events().unwrap().map(Result::unwrap) {
        recorder
            .record(match event {
                Event::Saved(saved) => {
                    Event::Saved(unrolled::protocol::Saved { weights: String::new(), ..saved })
                }
                event => event,
            })
            .unwrap();
    }
    recorder.finish().unwrap();
    fs::copy(other.path().join("frames.bin"), folder.join("frames.bin")).unwrap();
}

#[test]
fn runs_without_fingerprints_are_verified_by_the_checkpoints_that_are_left() {
    let parent = parent();
    let folder = run_folder(&parent);
    without_fingerprints(&parent);
    let verified = text(&unrolled(parent.path(), &["verify", "run"]));
    let weights = checkpoint::read_from(&checkpoint::by_step(&folder)[0].1).unwrap().fingerprint();
    assert!(verified.contains(&format!("weights {weights} after step 24")), "{verified}");
    fs::remove_dir_all(folder.join("checkpoints")).unwrap();
    let verified = text(&unrolled(parent.path(), &["verify", "run"]));
    assert!(verified.contains("no checkpoint is left whose weights could be compared"), "{verified}");
}

#[test]
fn a_branch_whose_data_have_changed_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("table.csv");
    let rows =
        |word: &str| (0..80).map(|n| format!("word{} it {word},{}\n", n % 7, n % 2)).collect::<String>();
    fs::write(&table, "text,label\n".to_owned() + &rows("was")).unwrap();
    let preset = "data: {source: csv, path: table.csv, validation: 0.2}
tokens: {vocabulary: 40, length: 6}
model: [{layer: Embedding, output_dim: 4}, {layer: GRU, units: 4}, {layer: Dense, units: 1, activation: sigmoid}]
train: {loss: binary_crossentropy, batch_size: 8, epochs: 3}
";
    fs::write(dir.path().join("mine.yaml"), preset).unwrap();
    text(&unrolled(dir.path(), &["train", "mine.yaml", "--headless", "--run", "run"]));
    fs::write(&table, "text,label\n".to_owned() + &rows("is")).unwrap();
    for set in [&[][..], &["--set", "train.optimizer.learning_rate=0.1"]] {
        let args = [&["branch", "run", "--at", "9", "--headless", "--run", "branch"][..], set].concat();
        let refused = unrolled(dir.path(), &args);
        let message = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{message}");
        assert!(message.contains("the data have changed"), "{message}");
        assert!(!dir.path().join("branch").exists());
    }
}
