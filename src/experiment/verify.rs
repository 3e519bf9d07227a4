//! The proof of a run: it is trained again, and has the same bits.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::error::{ExperimentError, check_trained};
use super::history::History;
use super::phases::{PhaseOptions, PhaseTraining, train_phases};
use crate::protocol::Saved;
use crate::run::checkpoint;
use crate::train::Outcome;

/// Keys of `metrics.jsonl` that measure time.
const TIMES: [&str; 2] = ["seconds", "sequences_per_s"];

/// The result of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Checkpoints compared.
    pub checkpoints: usize,
    /// Lines of metrics compared.
    pub lines: usize,
    /// The fingerprint of the last weights of the run, and the number of updates; `None` if no checkpoint has any.
    pub weights: Option<(String, u64)>,
    /// The first difference, in words.
    pub difference: Option<String>,
}

/// Trains the run in the folder `run` again in the empty folder `again`, and compares the weights of every checkpoint and every metric;
/// `follow` follows the training.
///
/// # Errors
/// If the run cannot be read, or cannot be trained again.
pub fn verify(
    run: &Path,
    again: &Path,
    threads: usize,
    follow: &mut dyn FnMut(PhaseTraining) -> Result<Outcome, ExperimentError>,
) -> Result<Verification, ExperimentError> {
    check_trained(run)?;
    let mut history = History::read(run)?;
    // What was trained after the end of the recording is not known: a run that has not ended is verified as far as it is recorded.
    if !history.status.as_ref().is_some_and(|status| matches!(status, crate::protocol::RunStatus::Finished)) {
        history.phases.iter_mut().rev().take(1).for_each(|phase| phase.until = Some(history.steps));
    }
    // Recordings of earlier versions have no fingerprints: those of the checkpoints that are left.
    // One that is damaged proves nothing.
    let mut before = BTreeMap::new();
    for (step, path) in checkpoint::by_step(run) {
        before.insert(step, checkpoint::read_from(&path)?.fingerprint());
    }
    before.extend(by_step(&history.saved));
    let save_at = history.saved.iter().map(|saved| saved.step).chain(before.keys().copied()).collect();
    let data_of = Some(run.to_owned());
    let options = PhaseOptions { threads, save_at, data_of, ..PhaseOptions::default() };
    let outcome = train_phases(again, &history.phases, &options, follow)?;
    if let Outcome::Unusable(what) | Outcome::Failed(what) = outcome {
        return Err(ExperimentError::NotAgain(what));
    }
    let repeated = History::read(again)?;
    let after = by_step(&repeated.saved);
    let (lines, of_metrics) = compare_metrics(run, again, history.is_ended_by_race)?;
    let of_weights =
        before.iter().find(|(step, weights)| after.get(*step).is_some_and(|other| other != *weights));
    let of_weights = of_weights.map(|(step, weights)| {
        let other = after.get(step).map_or("", String::as_str);
        (*step, format!("the weights of step {step} are {weights} in the run and {other} now"))
    });
    let missing = before.keys().find(|step| !after.contains_key(*step));
    let missing = missing.map(|step| (*step, format!("there is no checkpoint of step {step} now")));
    let difference = [of_weights, of_metrics, missing].into_iter().flatten().min_by_key(|(step, _)| *step);
    let last = history.saved.iter().rev().find(|saved| !saved.weights.is_empty());
    let last = last.map(|saved| (saved.weights.clone(), saved.step));
    let weights = last.or_else(|| before.last_key_value().map(|(step, weights)| (weights.clone(), *step)));
    Ok(Verification {
        checkpoints: before.len(),
        lines,
        weights,
        difference: difference.map(|(_, what)| what),
    })
}

/// The fingerprints of checkpoints by their steps.
fn by_step(saved: &[Saved]) -> BTreeMap<u64, String> {
    let known = saved.iter().filter(|saved| !saved.weights.is_empty());
    known.map(|saved| (saved.step, saved.weights.clone())).collect()
}

/// Compares the metrics of two runs; returns the number of lines, and the step and a description of the first difference.
fn compare_metrics(
    run: &Path,
    again: &Path,
    is_ended_by_race: bool,
) -> Result<(usize, Option<(u64, String)>), ExperimentError> {
    let read = |folder: &Path| {
        let text = fs::read_to_string(folder.join("metrics.jsonl"))?;
        Ok::<_, std::io::Error>(
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<Value>>(),
        )
    };
    let (mut before, mut after) = (read(run)?, read(again)?);
    // What was not recorded is not compared, and a training that diverged is repeated up to the step before.
    let is_compared = |line: &Value| line["kind"] != "gap" && line["alert"] != "divergence";
    before.retain(is_compared);
    after.retain(is_compared);
    if is_ended_by_race && before.last().is_some_and(|line| line["kind"] == "validation") {
        // The evaluation when the time of the race was over changed nothing, and is not repeated.
        before.pop();
    }
    let lines = before.iter().zip(&after);
    let difference = lines.clone().find_map(|(before, after)| difference(before, after));
    let step = |line: &Value| line.get("step").and_then(Value::as_u64).unwrap_or(0);
    let missing = || {
        let more = before.get(after.len())?;
        Some((step(more), format!("the run has metrics of step {} that there are not now", step(more))))
    };
    Ok((before.len(), difference.or_else(missing)))
}

/// The first metric that differs between two lines, with its step.
fn difference(before: &Value, after: &Value) -> Option<(u64, String)> {
    let step = before.get("step").and_then(Value::as_u64).unwrap_or(0);
    let (before, after) = (before.as_object()?, after.as_object()?);
    let kind = before.get("kind").and_then(Value::as_str).unwrap_or("line");
    // A setting that is changed between two epochs belongs to either.
    let is_compared = |key: &str| !(TIMES.contains(&key) || kind == "setting" && key == "epoch");
    let differs = |(key, value): &(&String, &Value)| is_compared(key) && after.get(*key) != Some(value);
    let (key, value) = before.iter().find(differs)?;
    let other = after.get(key).unwrap_or(&Value::Null);
    Some((step, format!("step {step} ({kind}): {key} is {value} in the run and {other} now")))
}
