//! What a race finds in its folder when it goes on.

use std::path::Path;

use super::Plan;
use crate::experiment::ExperimentError;
use crate::preset::{self, Overrides, RunSpec};
use crate::protocol::{Event, RunStatus};
use crate::run::{Reader, RunState, checkpoint, owner};
use crate::train::Progress;

/// Settings that change no weight and no metric.
const DESCRIPTIONS: [&str; 6] = ["name", "title", "about", "data.needs", "watch.", "alerts."];

/// The run of a network with a seed in the folder of a race.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Previous {
    /// There is none.
    None,
    /// Its training was interrupted.
    Interrupted,
    /// Its training has finished, or diverged: trained again, it would once more.
    Ended,
}

impl Previous {
    /// What is in the folder `run`.
    ///
    /// # Errors
    /// If it cannot be read, or is a run with other settings than `spec`.
    pub fn find(run: &Path, spec: &RunSpec) -> Result<Self, ExperimentError> {
        let path = run.join("spec.yaml");
        if !path.exists() {
            return Ok(Self::None);
        }
        let before = preset::load_run(&path, &Overrides::default())?.spec;
        if let Some(difference) = difference(&before, spec) {
            return Err(ExperimentError::Race(format!(
                "{} was trained with other settings: {difference}; repeat the race as it was, or choose another folder with --run",
                run.display()
            )));
        }
        Ok(match owner::state(run)? {
            RunState::Finished | RunState::Diverged => Self::Ended,
            _ => Self::Interrupted,
        })
    }
}

impl Plan {
    /// Checks the runs in the folder `race`, all of them before any goes on.
    ///
    /// # Errors
    /// As [`Previous::find`].
    pub(super) fn check_previous(&self, race: &Path) -> Result<(), ExperimentError> {
        for entry in &self.entries {
            for (seed, resolved) in self.seeds.iter().zip(&entry.specs) {
                Previous::find(&Self::run(race, &entry.name, *seed), &resolved.spec)?;
            }
        }
        Ok(())
    }
}

/// The first setting in which two specs differ, in words.
fn difference(before: &RunSpec, now: &RunSpec) -> Option<String> {
    if before == now {
        return None;
    }
    let (before, now) = (before.settings().ok()?, now.settings().ok()?);
    let counts = |key: &str| {
        !DESCRIPTIONS.iter().any(|name| key == *name || name.ends_with('.') && key.starts_with(name))
    };
    let value = |settings: &preset::Settings, key: &str| {
        let found = settings.iter().find(|(other, _)| other == key);
        found.map_or_else(|| "not set".to_owned(), |(_, value)| value.clone())
    };
    let keys = before.iter().chain(&now).map(|(key, _)| key);
    let mut keys = keys.filter(|key| counts(key) && value(&before, key) != value(&now, key));
    let key = keys.next()?;
    Some(format!("{key} was {} and is {} now", value(&before, key), value(&now, key)))
}

/// Passes on the events of the run of `spec` in the folder `run`, which has ended, with its last status alone; returns the tokens and the
/// seconds of its steps. Where no checkpoint has these, as in earlier versions, they are those of its training.
///
/// # Errors
/// If its recording cannot be read.
pub(super) fn replay(
    run: &Path,
    spec: &RunSpec,
    publish: &mut dyn FnMut(Event),
) -> Result<(u64, f64), ExperimentError> {
    let reader = Reader::open(run)?;
    let (mut status, mut steps, mut seconds) = (RunStatus::Finished, 0, 0.0);
    let (mut steps_per_epoch, mut batch, mut train, mut length) = (1, 0, 0, 1);
    for event in reader.events()? {
        match event? {
            Event::Status(of) => status = of,
            event => {
                match &event {
                    Event::Prepared(info) => {
                        (steps_per_epoch, batch) = (info.steps_per_epoch.max(1), info.batch_size);
                        (train, length) = (info.data.train, info.data.length.max(1));
                    }
                    Event::Step(step) => (steps, seconds) = (step.step, step.seconds),
                    _ => {}
                }
                publish(event);
            }
        }
    }
    publish(Event::Status(status));
    let (epochs, more) = (steps / steps_per_epoch as u64, steps % steps_per_epoch as u64);
    let sequences = epochs * train as u64 + more * batch as u64;
    let seconds = step_seconds(run, spec, steps).unwrap_or(seconds);
    Ok((sequences * length as u64, if f64::is_finite(seconds) { seconds } else { 0.0 }))
}

/// The seconds of the `steps` steps of a run: those of its last checkpoint, and as much for each step after it, which one that has diverged
/// has.
fn step_seconds(run: &Path, spec: &RunSpec, steps: u64) -> Option<f64> {
    let progress =
        checkpoint::by_step(run).into_iter().find_map(|(_, path)| Progress::at(&path, spec).ok())?;
    let saved = progress.step_time?.as_secs_f64();
    (progress.step > 0).then(|| saved * steps.max(progress.step) as f64 / progress.step as f64)
}
