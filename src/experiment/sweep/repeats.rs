//! A sweep over networks, seeds or folds alone, whose runs are named after them, in the folder itself: `train --seeds`, `train --folds` and
//! `race`, which train what they have claimed themselves.

use std::path::Path;

use super::definition::SweepDefinition;
use super::folder::Sweep;
use super::state_files::{EndState, StateFiles, Worker};
use crate::experiment::error::ExperimentError;
use crate::experiment::start::has_run;
use crate::preset::{Difference, differences};
use crate::run::{RunState, owner};
use crate::train::Outcome;

/// Who else trains in the folder, and what has ended there.
#[derive(Debug)]
pub struct Repeats {
    sweep: Sweep,
    worker: Worker,
    files: StateFiles,
}

/// Whether a training may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Under this number.
    Mine(u32),
    /// Another process, which is alive, makes it.
    Taken,
}

impl Repeats {
    /// Makes the sweep of `definition` in `folder`, or goes on with the one that is there, whose seeds those of `definition` join.
    ///
    /// # Errors
    /// If another sweep is there, or the folder cannot be written to.
    pub fn begin(folder: &Path, definition: &SweepDefinition) -> Result<Self, ExperimentError> {
        definition.check_networks()?;
        let sweep = match Sweep::is_in(folder) {
            true => Self::joined(folder, definition)?,
            false => Sweep::write_new(folder, definition.clone())?,
        };
        let worker = Worker::join(&sweep.folder)?;
        let files = StateFiles::new(&sweep.folder);
        Ok(Self { sweep, worker, files })
    }

    /// Checks that the sweep in `folder`, if there is one, is of the same kind as that of `definition`, and unless it `goes_on` of the same
    /// settings.
    ///
    /// # Errors
    /// With what is different.
    pub fn check(folder: &Path, definition: &SweepDefinition, goes_on: bool) -> Result<(), ExperimentError> {
        if !Sweep::is_in(folder) {
            return Ok(());
        }
        let found = Sweep::open(folder)?.definition;
        let kind = |of: &SweepDefinition| (of.repeats, of.folds, of.seeds.is_some(), of.by_time);
        let networks = |of: &SweepDefinition| {
            let mut names: Vec<String> = of.networks.iter().map(|network| network.name.clone()).collect();
            names.sort_unstable();
            names
        };
        let (old, new) = (networks(&found), networks(definition));
        if kind(&found) == kind(definition) && old != new && !(old.is_empty() || new.is_empty()) {
            return Err(ExperimentError::Sweep(format!(
                "{} contains a race of {}, not of {}; choose another folder with --run",
                folder.display(),
                old.join(", "),
                new.join(", ")
            )));
        }
        if (kind(&found), old) != (kind(definition), new) {
            return Err(ExperimentError::Sweep(format!(
                "{} contains another sweep; `unrolled sweep status` shows it, --run chooses another folder",
                folder.display()
            )));
        }
        if goes_on {
            return Ok(());
        }
        let (old, new) = (found.base_spec()?, definition.base_spec()?);
        let mut changes = differences(&old, &new).map_err(ExperimentError::Sweep)?;
        changes.retain(|change| !Difference::is_path(change) && change.setting != "train.seed");
        let Some(change) = changes.first() else { return Ok(()) };
        let [old, new] = change.values();
        Err(ExperimentError::Sweep(format!(
            "{} contains trainings with {} {old}, not {new}; choose another folder with --run",
            folder.display(),
            change.setting
        )))
    }

    fn joined(folder: &Path, definition: &SweepDefinition) -> Result<Sweep, ExperimentError> {
        let mut sweep = Sweep::open(folder)?;
        let mut joined = sweep.definition.clone();
        joined.base = definition.base.clone();
        for network in &mut joined.networks {
            let same = definition.networks.iter().find(|other| other.name == network.name);
            network.base = same.map_or_else(|| network.base.clone(), |same| same.base.clone());
        }
        joined.join_seeds(definition);
        if joined != sweep.definition {
            sweep.trials = joined.trials();
            sweep.definition = joined;
            sweep.rewrite()?;
        }
        Ok(sweep)
    }

    /// The number of the trial whose run has this name.
    fn trial(&self, name: &str) -> Option<usize> {
        self.sweep.trials.iter().position(|trial| self.sweep.run_name(trial) == name)
    }

    /// Claims the training with the run `name`.
    ///
    /// # Errors
    /// If the folder cannot be read or written.
    pub fn claim(&mut self, name: &str) -> Result<Claim, ExperimentError> {
        self.files.refresh()?;
        self.claim_found(name)
    }

    /// Likewise, of one that would not [end](Self::has_ended) in the same way once more: else how it has ended.
    ///
    /// # Errors
    /// If the folder cannot be read or written.
    pub fn claim_unless_ended(&mut self, name: &str) -> Result<Result<Claim, Outcome>, ExperimentError> {
        // Of one look at the folder: it may end in between.
        match self.has_ended(name)? {
            Some(outcome) => Ok(Err(outcome)),
            None => self.claim_found(name).map(Ok),
        }
    }

    /// Claims a training as the folder was when it was last read.
    fn claim_found(&mut self, name: &str) -> Result<Claim, ExperimentError> {
        let Some(trial) = self.trial(name) else { return Ok(Claim::Taken) };
        if self.files.is_training(trial) {
            return Ok(Claim::Taken);
        }
        Ok(self.files.claim(trial, &self.worker)?.map_or(Claim::Taken, Claim::Mine))
    }

    /// How the training with the run `name` has ended, if it would end in the same way once more: finished or diverged, also where no
    /// result was written.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn has_ended(&mut self, name: &str) -> Result<Option<Outcome>, ExperimentError> {
        self.files.refresh()?;
        let folder = self.sweep.folder.join(name);
        let Some(trial) = self.trial(name).filter(|_| has_run(&folder)) else { return Ok(None) };
        if self.files.is_training(trial) {
            // Its folder may be incomplete yet.
            return Ok(None);
        }
        let files = self.files.of(trial);
        let diverged = || Outcome::Diverged("when it was trained before".to_owned());
        let end = files.end.as_ref().filter(|_| files.is_settled());
        Ok(match end.and_then(|end| Some((end.end?, &end.reason))) {
            Some((EndState::Finished, _)) => Some(Outcome::Finished),
            Some((EndState::Diverged, why)) => Some(Outcome::Diverged(why.clone())),
            _ => match owner::state(&folder)? {
                RunState::Finished => Some(Outcome::Finished),
                RunState::Diverged => Some(diverged()),
                _ => None,
            },
        })
    }

    /// The training with the run `name` has ended, under the number of its claim, or had ended before this process. One that was stopped
    /// may go on.
    ///
    /// # Errors
    /// If the result cannot be written.
    pub fn ended(
        &mut self,
        name: &str,
        claim: Option<u32>,
        outcome: &Outcome,
    ) -> Result<(), ExperimentError> {
        let Some(trial) = self.trial(name) else { return Ok(()) };
        let (end, reason) = match outcome {
            Outcome::Finished => (EndState::Finished, ""),
            Outcome::Diverged(what) => (EndState::Diverged, what.as_str()),
            Outcome::Failed(what) | Outcome::Unusable(what) => (EndState::Failed, what.as_str()),
            Outcome::Stopped => return Ok(()),
        };
        // Without a claim nothing was read before.
        self.files.refresh()?;
        let known = self.files.of(trial);
        if claim.is_none() && known.end.is_some() && known.is_settled() {
            return Ok(());
        }
        let Some(of) = self.sweep.trials.get(trial) else { return Ok(()) };
        let claim = claim.unwrap_or(known.claim);
        let result = self.sweep.result(of, (claim, None), Some(end), reason.to_owned());
        self.files.write(trial, None, result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::sweep::definition::SweepNetwork;
    use crate::experiment::sweep::folder_name;
    use crate::preset::{self, Overrides};

    fn definition(seeds: (u64, u64), set: &str) -> SweepDefinition {
        let overrides = Overrides { set: vec![set.to_owned()], ..Overrides::default() };
        let base = preset::load("word-order", &overrides).unwrap().spec.tree().unwrap();
        SweepDefinition { seeds: Some(seeds), repeats: true, ..SweepDefinition::of("word-order", base) }
    }

    #[test]
    fn seeds_that_join_others_are_trials_behind_them() {
        let dir = tempfile::tempdir().unwrap();
        let one = "train.epochs=1";
        let names = |repeats: &Repeats| {
            repeats.sweep.trials.iter().map(|trial| repeats.sweep.run_name(trial)).collect::<Vec<_>>()
        };
        let first = Repeats::begin(dir.path(), &definition((3, 4), one)).unwrap();
        assert_eq!(names(&first), ["seed-3", "seed-4"]);
        let more = Repeats::begin(dir.path(), &definition((1, 6), one)).unwrap();
        let all = ["seed-3", "seed-4", "seed-1", "seed-2", "seed-5", "seed-6"];
        assert_eq!(names(&more), all);
        let fewer = Repeats::begin(dir.path(), &definition((2, 3), one)).unwrap();
        assert_eq!(names(&fewer), all);
        assert_eq!(Sweep::open(dir.path()).unwrap().trials, fewer.sweep.trials, "as they are written");
    }

    #[test]
    fn other_settings_and_other_sweeps_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let one = definition((1, 2), "train.epochs=1");
        assert!(Repeats::check(dir.path(), &one, false).is_ok());
        drop(Repeats::begin(dir.path(), &one).unwrap());
        let check = |definition: &SweepDefinition, goes_on| {
            Repeats::check(dir.path(), definition, goes_on).map_err(|error| error.to_string())
        };
        assert!(check(&definition((3, 9), "train.epochs=1"), false).is_ok());
        let error = check(&definition((3, 9), "train.epochs=2"), false).unwrap_err();
        assert!(error.contains("trainings with train.epochs 1, not 2"), "{error}");
        let folds = SweepDefinition { seeds: None, folds: Some(3), ..one };
        assert!(check(&folds, true).unwrap_err().contains("another sweep"));
    }

    /// A race of two networks.
    fn race(seeds: (u64, u64), names: [&str; 2]) -> SweepDefinition {
        let network = |name: &&str| {
            let preset = if *name == "dense" { "word-order-dense" } else { "word-order" };
            let base = preset::load(preset, &Overrides::default()).unwrap().spec.tree().unwrap();
            SweepNetwork { name: (*name).into(), base }
        };
        let networks = names.iter().map(network);
        let race = SweepDefinition::of("race", crate::preset::Value::Null);
        SweepDefinition { networks: networks.collect(), seeds: Some(seeds), repeats: true, ..race }
    }

    #[test]
    fn seeds_that_join_a_race_leave_the_trials_before_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let names = |repeats: &Repeats| {
            repeats.sweep.trials.iter().map(|trial| repeats.sweep.run_name(trial)).collect::<Vec<_>>()
        };
        let first = Repeats::begin(dir.path(), &race((1, 2), ["rnn", "dense"])).unwrap();
        let two = ["rnn/seed-1", "dense/seed-1", "rnn/seed-2", "dense/seed-2"];
        assert_eq!(names(&first), two);
        // The order of the networks of the command does not matter.
        let more = Repeats::begin(dir.path(), &race((1, 3), ["dense", "rnn"])).unwrap();
        assert_eq!(names(&more), [&two[..], &["rnn/seed-3", "dense/seed-3"]].concat());
        let sweep = Sweep::open(dir.path()).unwrap();
        assert_eq!(sweep.trials, more.sweep.trials, "as they are written");
        let specs = sweep.trials.iter().map(|trial| sweep.definition.spec(trial).unwrap().spec);
        let specs: Vec<(u64, String)> = specs.map(|spec| (spec.train.seed, spec.name)).collect();
        assert_eq!(specs[3], (2, "word-order-dense".to_owned()));
        assert_eq!(sweep.trials[5].set, ["network=dense"]);
        let check = |definition: &SweepDefinition| {
            Repeats::check(dir.path(), definition, true).map_err(|error| error.to_string())
        };
        assert!(check(&race((1, 2), ["dense", "rnn"])).is_ok());
        let error = check(&race((1, 2), ["dense", "lstm"])).unwrap_err();
        assert!(error.contains("contains a race of dense, rnn, not of dense, lstm"), "{error}");
        let error = check(&definition((1, 2), "train.epochs=1")).unwrap_err();
        assert!(error.contains("contains another sweep"), "{error}");
    }

    #[test]
    fn networks_whose_names_leave_the_folder_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["../../b", "workers"] {
            let definition = race((1, 1), ["a", name]);
            let refused = |error: ExperimentError| {
                let error = error.to_string();
                assert!(error.contains(&format!("found {name:?} as the name of a network")), "{error}");
            };
            refused(Repeats::begin(dir.path(), &definition).unwrap_err());
            drop(Sweep::write_new(&dir.path().join(name.replace('/', "_")), definition).unwrap());
            refused(Sweep::open(&dir.path().join(name.replace('/', "_"))).unwrap_err());
            assert_ne!(folder_name(name), name);
        }
        let twice = race((1, 1), ["a", "a"]).check_networks().unwrap_err().to_string();
        assert!(twice.contains("two networks have the name a"), "{twice}");
    }

    #[test]
    fn one_of_two_processes_makes_a_training() {
        let dir = tempfile::tempdir().unwrap();
        let definition = definition((1, 2), "train.epochs=1");
        let mut one = Repeats::begin(dir.path(), &definition).unwrap();
        let mut other = Repeats::begin(dir.path(), &definition).unwrap();
        assert_eq!(one.claim("seed-1").unwrap(), Claim::Mine(1));
        assert_eq!(other.claim("seed-1").unwrap(), Claim::Taken);
        assert_eq!(other.claim("seed-2").unwrap(), Claim::Mine(1));
        other.ended("seed-2", Some(1), &Outcome::Stopped).unwrap();
        drop(other);
        assert_eq!(one.claim("seed-2").unwrap(), Claim::Mine(2), "it was interrupted");
        one.ended("seed-2", Some(2), &Outcome::Failed("no memory".into())).unwrap();
        // What would end in the same way once more is not claimed; what failed may go on.
        let mut third = Repeats::begin(dir.path(), &definition).unwrap();
        std::fs::create_dir_all(dir.path().join("seed-1")).unwrap();
        std::fs::write(dir.path().join("seed-1/spec.yaml"), "").unwrap();
        assert_eq!(third.claim_unless_ended("seed-1").unwrap(), Ok(Claim::Taken));
        one.ended("seed-1", Some(1), &Outcome::Diverged("inf".into())).unwrap();
        assert_eq!(third.claim_unless_ended("seed-1").unwrap(), Err(Outcome::Diverged("inf".into())));
        assert_eq!(third.claim_unless_ended("seed-2").unwrap(), Ok(Claim::Mine(3)));
        third.ended("seed-2", Some(3), &Outcome::Failed("no memory".into())).unwrap();
        let mut files = StateFiles::new(dir.path());
        files.refresh().unwrap();
        let end = files.of(1).end.unwrap();
        assert_eq!((end.end, end.reason.as_str(), end.claim), (Some(EndState::Failed), "no memory", 3));
    }
}
