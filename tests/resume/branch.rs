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
    let common = |lines: &[Value]| lines.iter().filter(|line| step(line) <= 13).cloned().collect::<Vec<_>>();
    assert_eq!(common(&before), common(&after));
    let rate = after.iter().find(|line| line["kind"] == "step" && step(line) == 14).unwrap()["learning_rate"]
        .as_f64();
    assert_eq!(rate, Some(0.05));
    let reader = Reader::open(&folder).unwrap();
    let seams = reader.events().unwrap().map(Result::unwrap).filter_map(|event| match event {
        Event::Resumed(resumed) => Some((resumed.step, resumed.changes.len(), resumed.parent.is_some())),
        _ => None,
    });
    assert_eq!(seams.collect::<Vec<_>>(), [(12, 0, true), (13, 1, false)]);
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
