//! How one of several trainings begins, and what its end means for the others.

use std::path::Path;

use super::error::ExperimentError;
use super::resume::{ResumePlan, plan_resume};
use crate::metrics::Metrics;
use crate::preset::{Overrides, RunSpec};
use crate::run::{RunState, owner};
use crate::train::{Outcome, Resume, kept_metrics};

/// How a training ended, and the metrics of the weights that its run keeps.
pub type Trained = (Outcome, Option<Metrics>);

/// How one of several trainings begins.
pub(super) enum Start {
    /// Not at all: it has ended before.
    Ended(Trained),
    /// With this spec and these notes; from its last checkpoint, if it goes on.
    Train(Box<RunSpec>, Vec<String>, Option<Resume>),
}

/// How the run in `folder`, which is to be one of `spec`, goes on with the settings of `overrides`.
pub(super) fn go_on(folder: &Path, spec: &RunSpec, overrides: &Overrides) -> Result<Start, ExperimentError> {
    let overrides = Overrides { seed: Some(spec.train.seed), ..overrides.clone() };
    let ended = |why: String| Start::Ended((Outcome::Diverged(why), None));
    let plan = match plan_resume(folder, &overrides) {
        Err(ExperimentError::Diverged(why)) => return Ok(ended(why)),
        plan => plan?,
    };
    let ResumePlan { spec: own, notes, resume, is_finished } = plan;
    if own.data != spec.data {
        return Err(ExperimentError::Unchangeable(format!(
            "{} contains a run of other data, not one of {}; choose another folder with --run",
            folder.display(),
            spec.name
        )));
    }
    if is_finished {
        return Ok(Start::Ended((Outcome::Finished, kept_metrics(folder, &own))));
    }
    Ok(match owner::state(folder) {
        // It would diverge again.
        Ok(RunState::Diverged) if resume.before.is_none() => ended("when it was trained before".into()),
        _ => Start::Train(Box::new(own), notes, Some(resume)),
    })
}

/// Whether a training has begun in `folder`.
pub(super) fn has_run(folder: &Path) -> bool {
    folder.join("spec.yaml").exists()
}

/// How a training counts among others: its outcome, and its metrics or why it has none.
pub(super) fn result(trained: Trained) -> (Outcome, Result<Metrics, String>) {
    match trained {
        (Outcome::Finished, Some(metrics)) => (Outcome::Finished, Ok(metrics)),
        (Outcome::Finished, None) => {
            let what = "the training had no epoch".to_owned();
            (Outcome::Failed(what.clone()), Err(what))
        }
        (Outcome::Diverged(what), _) => (Outcome::Diverged(what.clone()), Err(format!("diverged: {what}"))),
        (Outcome::Stopped, _) => (Outcome::Stopped, Err("stopped".to_owned())),
        (Outcome::Unusable(what), _) => (Outcome::Unusable(what.clone()), Err(what)),
        (Outcome::Failed(what), _) => (Outcome::Failed(what.clone()), Err(format!("failed: {what}"))),
    }
}
