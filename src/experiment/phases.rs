//! A training in phases, each with a spec of its own: the same training again, or another course of it.

use std::path::{Path, PathBuf};

use super::error::ExperimentError;
use super::history::Phase;
use crate::preset::RunSpec;
use crate::protocol::{AppliedCommand, Command, CommandRequest};
use crate::run::checkpoint;
use crate::sort::SmallSort as _;
use crate::train::{Options, Outcome, Progress, Resume, Trainer};

/// How to train in phases.
#[derive(Debug, Clone, Default)]
pub struct PhaseOptions {
    /// The number of threads of a step.
    pub threads: usize,
    /// Whether the last phase has a screen.
    pub watched: bool,
    /// The run that this one was branched from.
    pub parent: Option<PathBuf>,
    /// A run whose data must be those of this one.
    pub data_of: Option<PathBuf>,
    /// The settings that the last phase changes, as `key=value`.
    pub changes: Vec<String>,
    /// Steps at which a checkpoint is saved besides those of the spec.
    pub save_at: Vec<u64>,
}

/// A training of a phase, which `follow` follows to its end.
#[derive(Debug)]
pub struct PhaseTraining {
    /// The training.
    pub trainer: Trainer,
    /// Whether it is the last.
    pub is_last: bool,
    /// The number of updates at which it ends, if it is not the last.
    pub until: Option<u64>,
}

/// Trains `phases` one after the other in `folder`: a new run, or one that goes on from its latest checkpoint. Commands are applied at the
/// steps at which they were.
///
/// # Errors
/// If a training cannot be started or followed, or a checkpoint cannot be read.
pub fn train_phases(
    folder: &Path,
    phases: &[Phase],
    options: &PhaseOptions,
    follow: &mut dyn FnMut(PhaseTraining) -> Result<Outcome, ExperimentError>,
) -> Result<Outcome, ExperimentError> {
    let (mut before, mut parent) = (None::<RunSpec>, options.parent.clone());
    let last = phases.len().saturating_sub(1);
    for (i, phase) in phases.iter().enumerate() {
        let progress = progress(folder, &phase.spec)?;
        let step = progress.map_or(0, |progress| progress.step);
        if phase.until.is_some_and(|until| until <= step) {
            before = Some(phase.spec.clone());
            continue;
        }
        let is_last = i == last;
        let of_earlier: usize = phases.iter().take(i).map(|phase| phase.commands.len()).sum();
        let applied = progress.map_or(0, |progress| progress.commands).saturating_sub(of_earlier);
        let changes = if is_last { options.changes.clone() } else { Vec::new() };
        let before_this = before.clone().filter(|before| *before != phase.spec).map(Box::new);
        let goes_on = Resume { before: before_this, changes };
        let (resume, branched) = match folder.join("spec.yaml").exists() {
            true => (Some(goes_on), None),
            false => (None, Some(goes_on)),
        };
        let options = Options {
            folder: Some(folder.to_owned()),
            threads: options.threads,
            watched: options.watched && is_last,
            resume,
            parent: parent.take(),
            branched,
            data_of: options.data_of.clone(),
            script: script(phase, applied, &options.save_at),
            ..Options::default()
        };
        let trainer = Trainer::start(phase.spec.clone(), options)?;
        let outcome = follow(PhaseTraining { trainer, is_last, until: phase.until })?;
        let reached = |until| {
            self::progress(folder, &phase.spec).is_ok_and(|now| now.is_some_and(|now| now.step == until))
        };
        let goes_on =
            matches!(outcome, Outcome::Stopped | Outcome::Finished) && phase.until.is_some_and(reached);
        if is_last || !goes_on {
            return Ok(outcome);
        }
        before = Some(phase.spec.clone());
    }
    Ok(Outcome::Finished)
}

/// How far the run in `folder` is; `None` without a checkpoint.
fn progress(folder: &Path, spec: &RunSpec) -> Result<Option<Progress>, ExperimentError> {
    let latest = checkpoint::by_step(folder).into_iter().next();
    Ok(latest.map(|(_, path)| Progress::at(&path, spec)).transpose()?)
}

/// The commands of a phase but the first `applied`, and where it saves and stops.
fn script(phase: &Phase, applied: usize, save_at: &[u64]) -> Vec<(u64, CommandRequest)> {
    let commands = phase.commands.iter().skip(applied);
    let mut script: Vec<(u64, CommandRequest)> =
        commands.map(|AppliedCommand { step, request, .. }| (*step, request.clone())).collect();
    script.extend(save_at.iter().map(|step| (*step, Command::Save.by("program"))));
    script.retain(|(step, _)| phase.until.is_none_or(|until| *step <= until));
    // Stable: commands of one step stay in their order.
    script.small_sort_by_key(|(step, _)| *step);
    script.extend(phase.until.map(|until| (until, Command::SaveAndStop.by("program"))));
    script
}
