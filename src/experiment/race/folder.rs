//! The folder of a race, which is that of a sweep over its networks and seeds.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Budget, Entry, Plan};
use crate::experiment::ExperimentError;
use crate::experiment::start::has_run;
use crate::experiment::sweep::{Repeats, Sweep, SweepDefinition, SweepNetwork};
use crate::preset::{self, Overrides, RunSpec, Settings, Value};
use crate::run::{check_empty_except, create_run_dir};

/// Settings that change no weight and no metric.
const DESCRIPTIONS: [&str; 6] = ["name", "title", "about", "data.needs", "watch.", "alerts."];

/// The name of the run of a network with a seed, in the folder of the race.
pub(super) fn run_name(network: &str, seed: u64) -> String {
    format!("{network}/seed-{seed}")
}

impl Plan {
    /// The race as a sweep.
    fn definition(&self) -> Result<SweepDefinition, ExperimentError> {
        let network = |entry: &Entry| {
            let base = entry.specs.first()?.spec.tree().map_err(ExperimentError::Sweep);
            Some(base.map(|base| SweepNetwork { name: entry.name.clone(), base }))
        };
        let networks = self.entries.iter().filter_map(network).collect::<Result<_, _>>()?;
        Ok(SweepDefinition {
            networks,
            seeds: self.seeds.first().copied().zip(self.seeds.last().copied()),
            repeats: true,
            by_time: matches!(self.budget, Budget::Time(_)),
            ..SweepDefinition::of(&self.name, Value::Null)
        })
    }

    /// Makes the folder, or goes on with the one that is there.
    ///
    /// # Errors
    /// If it contains something else, another race, or runs with other settings; if it cannot be written to.
    pub(super) fn begin(&self) -> Result<(PathBuf, Repeats), ExperimentError> {
        let definition = self.definition()?;
        let folder = match &self.folder {
            Some(folder) => {
                let is_network =
                    |name: &std::ffi::OsStr| self.entries.iter().any(|entry| name == entry.name.as_str());
                check_empty_except(folder, |entry| {
                    let name = entry.file_name();
                    self.resume && (is_network(&name) || Sweep::owns(folder, &name))
                })?;
                Repeats::check(folder, &definition, self.resume)?;
                self.check_runs(folder)?;
                std::fs::create_dir_all(folder)?;
                folder.clone()
            }
            None => {
                let name =
                    if self.name == "race" { self.name.clone() } else { format!("race-{}", self.name) };
                create_run_dir(Path::new("runs"), &name, SystemTime::now())?
            }
        };
        let trainings = Repeats::begin(&folder, &definition)?;
        Ok((folder, trainings))
    }

    /// Checks that the runs in the folder `race` have the settings of this one, all of them before any goes on.
    fn check_runs(&self, race: &Path) -> Result<(), ExperimentError> {
        for entry in &self.entries {
            for (seed, resolved) in self.seeds.iter().zip(&entry.specs) {
                let run = race.join(run_name(&entry.name, *seed));
                if !has_run(&run) {
                    continue;
                }
                let before = preset::load_run(&run.join("spec.yaml"), &Overrides::default())?.spec;
                if let Some(difference) = difference(&before, &resolved.spec) {
                    return Err(ExperimentError::Race(format!(
                        "{} was trained with other settings: {difference}; repeat the race as it was, or choose another folder with --run",
                        run.display()
                    )));
                }
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
    let value = |settings: &Settings, key: &str| {
        let found = settings.iter().find(|(other, _)| other == key);
        found.map_or_else(|| "not set".to_owned(), |(_, value)| value.clone())
    };
    let keys = before.iter().chain(&now).map(|(key, _)| key);
    let mut keys = keys.filter(|key| counts(key) && value(&before, key) != value(&now, key));
    let key = keys.next()?;
    Some(format!("{key} was {} and is {} now", value(&before, key), value(&now, key)))
}
