//! Races: several networks on the same data, side by side.
//!
//! ```text
//! plan ─▶ for every seed: prepare one network after the other ─▶ turns of steps until all have ended
//! runs/race-NAME-DATE/                 the folder of a sweep over networks and seeds
//! runs/race-NAME-DATE/NETWORK/seed-N   a run each
//! ```

mod builtin;
mod folder;
mod referee;
mod replay;

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

pub use builtin::{BuiltinRace, RACES};
pub use referee::{AtRaceEnd, Race, RaceEnd};

use super::error::ExperimentError;
use super::sweep::folder_name;
use crate::preset::{self, Overrides, Resolved, RunSpec};
use crate::run::race::{JudgedMetric, Standings};

/// What a race is decided by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Budget {
    /// All make the epochs of their presets: the same number of tokens.
    Tokens,
    /// All stop after the time of training of the first that has made its epochs, and after so many seconds at the latest.
    Time(Option<f64>),
}

/// A race to plan.
#[derive(Debug, Clone)]
pub struct RaceOptions {
    /// Presets, or the name of one built-in race.
    pub names: Vec<String>,
    /// What is laid over all presets.
    pub overrides: Overrides,
    /// The seeds.
    pub seeds: RangeInclusive<u64>,
    /// What it is decided by.
    pub budget: Budget,
    /// The folder to create; by default one in `runs/`.
    pub folder: Option<PathBuf>,
    /// Whether it goes on with what the folder contains.
    pub resume: bool,
    /// The number of threads of a step.
    pub threads: usize,
}

/// A network in a race, with its spec for each seed.
#[derive(Debug, Clone)]
struct Entry {
    name: String,
    specs: Vec<Resolved>,
}

/// A race that can begin.
#[derive(Debug, Clone)]
pub struct Plan {
    name: String,
    entries: Vec<Entry>,
    seeds: Vec<u64>,
    budget: Budget,
    folder: Option<PathBuf>,
    resume: bool,
    threads: usize,
}

impl Plan {
    /// Plans a race; all specs are checked.
    ///
    /// # Errors
    /// If a preset is wrong, there are fewer than two networks, or the networks are not comparable: other data, another task, or other
    /// epochs where equal tokens decide.
    pub fn new(options: RaceOptions) -> Result<Self, ExperimentError> {
        let RaceOptions { names, overrides, seeds, budget, folder, resume, threads } = options;
        if resume && budget != Budget::Tokens {
            return Err(ExperimentError::Race(
                "--resume-or-start needs --by tokens: a time that was interrupted cannot be measured again"
                    .to_owned(),
            ));
        }
        let seeds: Vec<u64> = seeds.collect();
        let builtin = match names.as_slice() {
            [name] => RACES.iter().find(|race| race.name == name),
            _ => None,
        };
        let (name, networks) = match builtin {
            Some(race) => {
                let network = |(name, preset, set): &(&str, &str, &[&str])| {
                    (
                        Some((*name).to_owned()),
                        (*preset).to_owned(),
                        set.iter().map(|set| (*set).to_owned()).collect(),
                    )
                };
                (race.name.to_owned(), race.networks.iter().map(network).collect())
            }
            None => (
                "race".to_owned(),
                names.into_iter().map(|name| (None, name, Vec::new())).collect::<Vec<_>>(),
            ),
        };
        if networks.len() < 2 {
            let races: Vec<&str> = RACES.iter().map(|race| race.name).collect();
            let races = races.join(", ");
            return Err(ExperimentError::Race(format!(
                "found one network; expected two or more presets, or a race: {races}"
            )));
        }
        let mut entries: Vec<Entry> = Vec::new();
        for (name, preset, set) in networks {
            let set: Vec<String> = set.into_iter().chain(overrides.set.iter().cloned()).collect();
            let load = |seed: &u64| {
                preset::load(
                    &preset,
                    &Overrides { set: set.clone(), data: overrides.data.clone(), seed: Some(*seed) },
                )
            };
            let specs = seeds.iter().map(load).collect::<Result<Vec<_>, _>>()?;
            let name = name.or_else(|| Some(folder_name(&specs.first()?.spec.name))).unwrap_or_default();
            let is_taken = |name: &str| entries.iter().any(|entry| entry.name == name);
            let base: String = name.chars().take(56).collect();
            let names = (2..).map(|n| format!("{base}-{n}"));
            let name =
                std::iter::once(name.clone()).chain(names).find(|name| !is_taken(name)).unwrap_or(name);
            entries.push(Entry { name, specs });
        }
        let plan = Self { name, entries, seeds, budget, folder, resume, threads };
        plan.check()?;
        Ok(plan)
    }

    /// Checks that the networks can be compared.
    fn check(&self) -> Result<(), ExperimentError> {
        let firsts = self.entries.iter().filter_map(|entry| Some((&entry.name, &entry.specs.first()?.spec)));
        let firsts: Vec<(&String, &RunSpec)> = firsts.collect();
        let Some(((name, spec), others)) = firsts.split_first() else { return Ok(()) };
        let wrong = |what: String| Err(ExperimentError::Race(what));
        let task = |spec: &RunSpec| spec.model().ok().map(|model| spec.task(&model));
        for (other, other_spec) in others {
            if data(spec) != data(other_spec) {
                return wrong(format!(
                    "{name} and {other} have other data: a race compares networks on the same data and tokens; \
                     --data PATH and --set data.KEY=VALUE set those of all"
                ));
            }
            if task(spec) != task(other_spec) {
                return wrong(format!("{name} and {other} have other tasks, and so no metric in common"));
            }
            let (epochs, other_epochs) = (spec.train.epochs, other_spec.train.epochs);
            if self.budget == Budget::Tokens && epochs != other_epochs {
                return wrong(format!(
                    "{name} trains {epochs} epochs and {other} {other_epochs}: for equal tokens set them for all, as in \
                     --set train.epochs={epochs}, or race --by time"
                ));
            }
        }
        Ok(())
    }

    /// The steps a second of each training on a screen: the slowest pace of a preset. None where time decides.
    pub fn pace(&self) -> Option<f64> {
        let specs = self.entries.iter().filter_map(|entry| entry.specs.first());
        let slowest = specs.filter_map(|resolved| resolved.spec.watch.pace).reduce(f64::min);
        slowest.filter(|_| self.budget == Budget::Tokens)
    }

    /// The standings before the start.
    pub fn standings(&self) -> Standings {
        let monitored = |spec: &RunSpec| {
            let stopping = spec.train.early_stopping.as_ref()?;
            let name = stopping.monitor.clone()?;
            let higher_is_better = stopping.mode.higher_is_better(&name);
            Some(JudgedMetric { name, higher_is_better })
        };
        let network = |entry: &Entry| {
            (entry.name.clone(), entry.specs.first().and_then(|resolved| monitored(&resolved.spec)))
        };
        Standings::new(self.name.clone(), self.seeds.clone(), self.entries.iter().map(network).collect())
    }
}

/// The time of a step at a pace.
fn step_time(pace: Option<f64>) -> Option<Duration> {
    Duration::try_from_secs_f64(1.0 / pace?).ok()
}

/// Data and tokens, without what the user should know about them.
fn data(spec: &RunSpec) -> serde_json::Value {
    let mut data = serde_json::json!({ "data": spec.data, "tokens": spec.token_spec() });
    if let Some(data) = data.get_mut("data").and_then(serde_json::Value::as_object_mut) {
        data.remove("needs");
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_race_with_the_answer_to_a_preset_is_proposed_where_it_can_be_run() {
        let mut proposed = 0;
        for name in preset::names() {
            let Some(answer) = preset::answer_to(name) else { continue };
            let plan = Plan::new(RaceOptions {
                names: vec![name.to_owned(), answer.preset.to_owned()],
                overrides: Overrides::default(),
                seeds: 1..=1,
                budget: Budget::Tokens,
                folder: None,
                resume: false,
                threads: 1,
            });
            assert_eq!(plan.is_ok(), answer.can_race, "{name} and {}", answer.preset);
            proposed += usize::from(answer.can_race);
        }
        assert!(proposed > 0);
    }
}
