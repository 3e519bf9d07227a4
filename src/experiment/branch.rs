//! Another course of a training from one of its steps on.

use std::fs;
use std::path::Path;

use super::error::{ExperimentError, check_trained};
use super::history::{History, Phase};
use super::spec_files::specs_until;
use crate::preset::{self, Overrides, RunSpec};
use crate::run::{RunError, checkpoint};

/// Files of a run folder that a branch takes over.
const FILES: [&str; 6] =
    ["spec.yaml", "vocabulary.json", "labels.json", "scale.json", "metrics.jsonl", "frames.bin"];

/// The phases of a branch of the run in the folder `parent`, at `step`, with the settings `set` from there on.
///
/// Without a setting they are those of the parent to its end.
///
/// # Errors
/// If the parent has no such step, or a setting cannot be changed while training.
pub fn branch_phases(parent: &Path, step: u64, set: &[String]) -> Result<Vec<Phase>, ExperimentError> {
    check_trained(parent)?;
    let history = History::read(parent)?;
    if step > history.steps {
        return Err(ExperimentError::NoStep { step, steps: history.steps });
    }
    if set.is_empty() {
        return Ok(history.phases);
    }
    let is_later = |phase: &Phase| phase.until.is_none_or(|until| until > step);
    let current = history.phases.iter().position(is_later).unwrap_or(0);
    let mut phases: Vec<Phase> = history.phases.into_iter().take(current + 1).collect();
    let Some(last) = phases.last_mut() else { return Ok(phases) };
    last.commands.retain(|command| command.step < step);
    last.until = Some(step);
    let spec = changed(&last.spec, set)?;
    phases.push(Phase { until: None, spec, commands: Vec::new() });
    Ok(phases)
}

/// Copies what a branch at `step` needs of the run in the folder `parent` to the empty folder `branch`: the checkpoint of the latest step up
/// to there, and what was recorded. Returns its step; without such a checkpoint nothing is copied, and the branch begins at step 0.
///
/// # Errors
/// If a file cannot be copied.
pub fn copy_to_branch(parent: &Path, branch: &Path, step: u64) -> Result<u64, ExperimentError> {
    let usable = |path: &Path| checkpoint::read_from(path).is_ok();
    let all = checkpoint::by_step(parent).into_iter();
    let Some((at, from)) = all.filter(|(at, _)| *at <= step).find(|(_, path)| usable(path)) else {
        return Ok(0);
    };
    let copy = |from: &Path, to: &Path| {
        fs::copy(from, to).map_err(|source| RunError::Io { action: "copy", path: from.to_owned(), source })
    };
    for name in FILES.into_iter().filter(|name| parent.join(name).exists()) {
        copy(&parent.join(name), &branch.join(name))?;
    }
    for (until, path) in specs_until(parent)?.into_iter().filter(|(until, _)| *until < at) {
        copy(&path, &branch.join(format!("spec-until-{until}.yaml")))?;
    }
    let io = |action, path: &Path| {
        let path = path.to_owned();
        move |source| RunError::Io { action, path, source }
    };
    let name = from.file_name().unwrap_or_default();
    let to = branch.join("checkpoints").join(name);
    fs::create_dir_all(&to).map_err(io("create", &to))?;
    for entry in fs::read_dir(&from).map_err(io("read", &from))?.flatten() {
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    let last = branch.join("checkpoints/last");
    fs::write(&last, format!("{}\n", name.display())).map_err(io("write", &last))?;
    Ok(at)
}

/// `spec` with other settings.
///
/// # Errors
/// For a setting that cannot be changed while training.
pub fn changed(spec: &RunSpec, set: &[String]) -> Result<RunSpec, ExperimentError> {
    let yaml = spec.to_yaml().map_err(ExperimentError::Unchangeable)?;
    let overrides = Overrides { set: set.to_vec(), ..Overrides::default() };
    let after = preset::reload(&yaml, &overrides)?.spec;
    check_changes(spec, &after)?;
    Ok(after)
}

/// Checks that training can go on with `after` instead of `before`.
///
/// # Errors
/// With the setting that is fixed.
pub fn check_changes(before: &RunSpec, after: &RunSpec) -> Result<(), ExperimentError> {
    let fixed = [
        ("from", before.from != after.from),
        ("data", before.data != after.data),
        ("tokens", before.tokens != after.tokens),
        ("model", before.model != after.model),
        ("train.loss", before.train.loss != after.train.loss),
        ("train.class_weight", before.train.class_weight != after.train.class_weight),
        ("train.fraction", before.train.fraction != after.train.fraction),
        ("train.batch_size", before.train.batch_size != after.train.batch_size),
        ("train.seed", before.train.seed != after.train.seed),
        ("train.optimizer", before.train.optimizer.name() != after.train.optimizer.name()),
    ];
    match fixed.into_iter().find(|(_, differs)| *differs) {
        None => Ok(()),
        Some((field, _)) => Err(ExperimentError::Unchangeable(format!(
            "{field} cannot be changed while training: the weights, or the place in the data, would be those of another training; these \
             can: train.epochs, train.optimizer (its numbers), train.schedule, train.early_stopping, train.validate_every, \
             train.checkpoint and watch"
        ))),
    }
}
