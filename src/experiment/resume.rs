//! A run that goes on: with which settings, and whether there is anything left to train.

use std::path::Path;

use super::branch::check_changes;
use super::edited::{find_edits, repeats_edits};
use super::error::{ExperimentError, check_trained};
use crate::escape::shell_word;
use crate::number;
use crate::preset::{self, Overrides, Resolved, RunSpec};
use crate::run::{DivergenceReport, RunState, checkpoint, owner};
use crate::train::{Progress, Resume};

/// How a run goes on.
#[derive(Debug, Clone)]
pub struct ResumePlan {
    /// Its spec from here on.
    pub spec: RunSpec,
    /// Notes on the spec.
    pub notes: Vec<String>,
    /// What has changed.
    pub resume: Resume,
    /// Whether it is finished, and stays as it is.
    pub is_finished: bool,
}

/// Plans how the run in the folder `run` goes on with the settings of `overrides` changed.
///
/// # Errors
/// If its spec was edited, a setting cannot be changed while training, or it has diverged and there is nothing to go on from.
pub fn plan_resume(run: &Path, overrides: &Overrides) -> Result<ResumePlan, ExperimentError> {
    check_trained(run)?;
    let path = run.join("spec.yaml");
    let before = match find_edits(run)? {
        Some(edited) if repeats_edits(&edited, overrides)? => edited.trained,
        Some(edited) => return Err(ExperimentError::Edited(Box::new(edited))),
        None => preset::load_run(&path, &Overrides::default())?.spec,
    };
    let Resolved { spec, notes } = preset::load_run(&path, overrides)?;
    check_changes(&before, &spec)?;
    let latest = checkpoint::by_step(run).into_iter().next();
    // What cannot be read is reported when training starts, which passes over a damaged checkpoint.
    let progress = latest.and_then(|(_, path)| Progress::at(&path, &spec).ok());
    let (epochs, planned) = (spec.train.epochs, before.train.epochs);
    if let Some(epoch) =
        progress.map(|progress| progress.epoch).filter(|epoch| *epoch > epochs && epochs < planned)
    {
        return Err(ExperimentError::Unchangeable(format!(
            "train.epochs is {epochs}, and the run is in epoch {epoch}; expected as many epochs, or more"
        )));
    }
    check_divergence(run, progress.as_ref(), &spec)?;
    // A process that was killed at its very end has not restored the best weights yet.
    let has_ended = || owner::state(run).is_ok_and(|state| state == RunState::Finished);
    let is_finished = progress.is_some_and(|progress| progress.is_complete) && has_ended();
    let is_changed = before != spec;
    let changes = if is_changed { overrides.set.clone() } else { Vec::new() };
    let resume = Resume { before: is_changed.then(|| Box::new(before)), changes };
    Ok(ResumePlan { spec, notes, resume, is_finished })
}

/// Checks that a run that has diverged has good weights to go on from, and steps to make from there.
fn check_divergence(run: &Path, progress: Option<&Progress>, spec: &RunSpec) -> Result<(), ExperimentError> {
    if !owner::state(run).is_ok_and(|state| state == RunState::Diverged) {
        return Ok(());
    }
    // What cannot be read is no reason to refuse.
    let report = DivergenceReport::read(run).ok().flatten();
    let has_none = report.as_ref().is_some_and(|report| report.checkpoint.is_none());
    let why = match progress {
        _ if has_none => "before any checkpoint of good weights",
        Some(progress) if progress.is_complete => "in its last epoch, and there is nothing left to train",
        _ => return Ok(()),
    };
    let reason = report.map_or(String::new(), |report| format!(": {}", report.reason));
    let rate = number::metric(spec.train.optimizer.learning_rate() / 10.0);
    let run = shell_word(&run.display().to_string());
    Err(ExperimentError::Diverged(format!(
        "{run} has diverged {why}{reason}; to train it with other settings from the start, as a run of its own: \
         unrolled branch {run} --at 0 --set train.optimizer.learning_rate={rate} (or --set train.optimizer.clipnorm=1)"
    )))
}
