//! Word when training is over, and alerts before.

use super::*;

/// The lines that the command of `--on-end` writes: state, metric, step, and the run folder's name.
const WRITE: &str = r#"printf '%s %s %s ' "$UNROLLED_STATE" "$UNROLLED_METRIC" "$UNROLLED_STEP" > end; basename "$UNROLLED_RUN" >> end"#;

fn ended(set: &[&str], command: &str) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut training = train(folder.path(), "word-order", "run", set);
    training.args(["--headless", "--bell", "--on-end", command]);
    let Output { status, stdout, stderr } = done(training);
    assert!(!stdout.contains(&7) && !stderr.contains(&7), "a bell in a pipe");
    let end = fs::read_to_string(folder.path().join("end")).unwrap();
    (status.code(), end, String::from_utf8(stderr).unwrap())
}

#[test]
fn a_command_is_run_when_training_has_ended() {
    let (code, end, _) = ended(&SMALL, WRITE);
    assert_eq!((code, end.as_str()), (Some(0), "finished val_loss 16 run\n"));
}

#[test]
fn a_command_that_fails_is_a_warning() {
    let (code, end, errors) = ended(&SMALL, &format!("{WRITE}; exit 7"));
    assert_eq!((code, end.as_str()), (Some(0), "finished val_loss 16 run\n"));
    assert!(errors.contains("warning: the command of --on-end failed: exit status: 7"), "{errors}");
}

#[test]
fn a_command_learns_that_training_has_diverged() {
    let set = [&SMALL[..], &["train.optimizer={name: SGD, learning_rate: 1e30}"]].concat();
    let (code, end, _) = ended(&set, WRITE);
    assert_eq!(code, Some(3));
    assert!(end.starts_with("diverged val_loss "), "{end}");
}

#[test]
fn alerts_are_lines_of_the_log_and_of_the_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let set = [&SMALL[..], &["watch.every=1", "alerts={half_life: 1000, dead_units: 1}"]].concat();
    let mut training = train(folder.path(), "word-order", "run", &set);
    training.arg("--headless");
    let (output, _) = ends(training, 0);
    let alerts = |run: &str| {
        let lines = timeless(&folder.path().join(run)).into_iter();
        lines.filter(|line| line["kind"] == "alert").collect::<Vec<_>>()
    };
    let found = alerts("run");
    assert!(!found.is_empty());
    for alert in &found {
        assert_eq!(alert["alert"], "half_life", "{alert}");
        let text = alert["text"].as_str().unwrap();
        assert!(output.contains(&format!("warning: {text}")), "{text}: {output}");
    }
    // The spec of the run has them, and gives the same again.
    let mut again = train(folder.path(), "run/spec.yaml", "again", &[]);
    again.arg("--headless");
    ends(again, 0);
    assert_eq!(alerts("again"), found);
}

#[test]
fn an_alert_that_is_no_condition_is_refused_with_its_field() {
    let folder = tempfile::tempdir().unwrap();
    for (set, expected) in [
        ("alerts.loss_spike=0.5", "alerts.loss_spike: found 0.5; the factor must be above 1"),
        ("alerts.dead_units=2", "alerts.dead_units: found 2; the share must be above 0 and at most 1"),
        ("alerts.half_life=0", "alerts.half_life: found 0"),
        ("alerts.overfitting=0", "alerts.overfitting: found 0; it must be at least 1 epoch"),
        ("alerts.spike=3", "spike"),
    ] {
        let mut training = train(folder.path(), "word-order", "run", &[set]);
        training.arg("--headless");
        let output = done(training);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(expected), "{message}");
    }
}
