//! What a run has behind it: its specs one after the other, and the commands that it was given.

use std::path::Path;

use super::edited::check_unedited;
use super::error::ExperimentError;
use super::spec_files::specs_until;
use crate::preset::{self, Overrides, RunSpec};
use crate::protocol::{AppliedCommand, Event, RunStatus, Saved};
use crate::run::Reader;
use crate::train::RACE;

/// A part of a training with the same spec.
#[derive(Debug, Clone)]
pub struct Phase {
    /// The number of updates at which the next phase begins; `None` for the last.
    pub until: Option<u64>,
    /// The spec.
    pub spec: RunSpec,
    /// The commands that changed a setting in it, in order.
    pub commands: Vec<AppliedCommand>,
}

/// The history of a run.
#[derive(Debug, Clone)]
pub struct History {
    /// The phases, at least one.
    pub phases: Vec<Phase>,
    /// Every checkpoint that was saved, in order.
    pub saved: Vec<Saved>,
    /// How the training ended, if it has.
    pub status: Option<RunStatus>,
    /// The number of updates.
    pub steps: u64,
    /// Whether it ended because the time of a race was over.
    pub is_ended_by_race: bool,
}

impl History {
    /// Reads the history of the run in the folder `run`.
    ///
    /// # Errors
    /// If its recording or its specs cannot be read, or `spec.yaml` was edited.
    pub fn read(run: &Path) -> Result<Self, ExperimentError> {
        check_unedited(run)?;
        let mut phases = phases(run)?;
        let (mut saved, mut status, mut steps) = (Vec::new(), None, 0);
        let mut phase = phases.iter().take_while(|phase| phase.until == Some(0)).count();
        let mut is_ended_by_race = false;
        let reader = Reader::open(run)?;
        for event in reader.events()? {
            match event? {
                Event::Step(metrics) => steps = metrics.step,
                Event::Saved(checkpoint) => saved.push(checkpoint),
                Event::Status(now) => status = Some(now),
                Event::Resumed(resumed) => {
                    let is_over = |phase: &Phase| phase.until.is_some_and(|until| until <= resumed.step);
                    phase = phases.iter().take_while(|phase| is_over(phase)).count();
                }
                Event::Command(applied) if applied.request.by == RACE => is_ended_by_race = true,
                Event::Command(applied) if applied.request.command.is_setting() => {
                    phases
                        .iter_mut()
                        .skip(phase)
                        .take(1)
                        .for_each(|phase| phase.commands.push(applied.clone()));
                }
                _ => {}
            }
        }
        let status = status.filter(RunStatus::is_over);
        Ok(Self { phases, saved, status, steps, is_ended_by_race })
    }

    /// All commands that changed a setting, in order.
    pub fn commands(&self) -> impl Iterator<Item = &AppliedCommand> {
        self.phases.iter().flat_map(|phase| &phase.commands)
    }
}

/// The specs of a run, without commands: `spec-until-STEP.yaml` in the order of their steps, then `spec.yaml`.
fn phases(run: &Path) -> Result<Vec<Phase>, ExperimentError> {
    let all = specs_until(run)?.into_iter().map(|(until, path)| (Some(until), path));
    all.chain([(None, run.join("spec.yaml"))])
        .map(|(until, path)| {
            let spec = preset::load_run(&path, &Overrides::default())?.spec;
            Ok(Phase { until, spec, commands: Vec::new() })
        })
        .collect()
}
