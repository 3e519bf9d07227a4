//! A `spec.yaml` that was edited since the run was trained with it.

use std::path::Path;

use serde_json::Value;

use super::edited_spec::EditedSpec;
use super::error::ExperimentError;
use super::fixed::is_fixed;
use super::spec_files::specs_until;
use crate::preset::{self, Difference, Overrides, differences};
use crate::run::checkpoint;
use crate::train::spec_at;

/// What was edited in the run in the folder `run`; `None` also where no checkpoint knows the spec: there is none, or an earlier version
/// has made it.
///
/// # Errors
/// If `spec.yaml` cannot be read, or is no preset.
pub(super) fn find_edits(run: &Path) -> Result<Option<EditedSpec>, ExperimentError> {
    let checkpoints = checkpoint::by_step(run).into_iter();
    let Some(latest) = checkpoints.filter_map(|(_, path)| checkpoint::read_from(&path).ok()).next() else {
        return Ok(None);
    };
    // Also after a change of settings whose first checkpoint is still to come.
    let written = latest.run_files.iter().find(|file| file.name == "spec.yaml");
    if written.is_some_and(|file| file.read(run).is_ok()) {
        return Ok(None);
    }
    let Some(trained) = spec_at(&latest) else { return Ok(None) };
    let path = run.join("spec.yaml");
    let found = preset::load_run(&path, &Overrides::default())?.spec;
    let mut edits = differences(&trained, &found).map_err(ExperimentError::Unchangeable)?;
    edits.retain(|edit| !edit.is_path());
    Ok((!edits.is_empty()).then_some(EditedSpec { path, trained, edits }))
}

/// Checks that the run in the folder `run` was begun with the preset `name` as it is now, with `overrides`. Settings that are taken from the
/// data in one of them, and paths, may differ.
///
/// # Errors
/// With the first setting that differs, or if one of them cannot be read.
pub fn check_preset(run: &Path, name: &str, overrides: &Overrides) -> Result<(), ExperimentError> {
    let Some(change) = preset_changes(run, name, overrides)?.into_iter().next() else { return Ok(()) };
    let [old, new] = change.values();
    Err(ExperimentError::Unchangeable(format!(
        "{} was begun with {} {old}, and {name} has {new}; choose another folder with --run{}",
        run.display(),
        change.setting,
        match is_fixed(&change.setting) {
            true => String::new(),
            false => format!(", or change it from here on by --set {}", change.as_set()),
        }
    )))
}

/// The settings in which the preset `name`, with `overrides`, differs from the one that the run in the folder `run` began with. Those that
/// are taken from the data in one of them, and paths, are no differences.
///
/// # Errors
/// If one of them cannot be read.
fn preset_changes(run: &Path, name: &str, overrides: &Overrides) -> Result<Vec<Difference>, ExperimentError> {
    let first = specs_until(run)?.into_iter().next().map_or_else(|| run.join("spec.yaml"), |(_, path)| path);
    let began = preset::load_run(&first, overrides)?.spec;
    let given = preset::load(name, overrides)?.spec;
    let mut changes = differences(&began, &given).map_err(ExperimentError::Unchangeable)?;
    let is_number =
        |value: &Option<Value>| value.as_ref().is_some_and(|value| value.is_number() || value.is_boolean());
    changes.retain(|change| !change.is_path() && is_number(&change.old) && is_number(&change.new));
    Ok(changes)
}

/// Checks that nothing was edited.
///
/// # Errors
/// [`ExperimentError::Edited`] with what was.
pub(super) fn check_unedited(run: &Path) -> Result<(), ExperimentError> {
    find_edits(run)?.map_or(Ok(()), |edited| Err(ExperimentError::Edited(Box::new(edited))))
}

/// Whether `overrides` repeat the edits: they make the edited file and the spec that was trained the same.
///
/// # Errors
/// If an override is wrong.
pub(super) fn repeats_edits(edited: &EditedSpec, overrides: &Overrides) -> Result<bool, ExperimentError> {
    let yaml = edited.trained.to_yaml().map_err(ExperimentError::Unchangeable)?;
    let trained = preset::reload(&yaml, overrides)?.spec;
    let found = preset::load_run(&edited.path, overrides)?.spec;
    let left = differences(&trained, &found).map_err(ExperimentError::Unchangeable)?;
    Ok(left.iter().all(Difference::is_path))
}
