//! The filter of trials: the one of runs, over what is known of a trial.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::data::{SweepData, SweepTrial, TrialState};
use crate::error::chain;
use crate::run::RunState;
use crate::runs::{Best, Filter, Marks, Run, Summary};

/// The comparisons of `state`, each with whether equal ones pass.
const STATES: [(&str, bool); 3] = [("state!=", false), ("state==", true), ("state=", true)];

/// The numbers of the trials that fulfil all conditions in `text`.
///
/// # Errors
/// In words, if a condition cannot be read.
pub(super) fn passing(text: &str, data: &SweepData) -> Result<Vec<usize>, String> {
    let (of_state, others): (Vec<&str>, Vec<&str>) =
        text.split_whitespace().partition(|term| state_of(term).is_some());
    let states: Vec<(String, bool)> = of_state.iter().filter_map(|term| state_of(term)).collect();
    let has_state =
        |trial: &SweepTrial| states.iter().all(|(word, passes)| (trial.state.word() == *word) == *passes);
    if others.is_empty() {
        let all = data.trials.iter().enumerate();
        return Ok(all.filter(|(_, trial)| has_state(trial)).map(|(number, _)| number).collect());
    }
    let runs: Vec<Run> = (0..data.trials.len()).filter_map(|number| run(data, number)).collect();
    let filter = Filter::parse(&others.join(" "), &runs).map_err(|error| chain(&error))?;
    let now = SystemTime::now();
    let all = data.trials.iter().zip(&runs).enumerate();
    let passing = all.filter(|(_, (trial, run))| has_state(trial) && filter.passes(run, now));
    Ok(passing.map(|(number, _)| number).collect())
}

/// The state that a condition compares with, and whether it is the one that passes.
fn state_of(term: &str) -> Option<(String, bool)> {
    let (rest, is_reversed) = match term.strip_prefix('!') {
        Some(rest) => (rest, true),
        None => (term, false),
    };
    let (word, passes) =
        STATES.iter().find_map(|(sign, passes)| Some((rest.strip_prefix(sign)?, *passes)))?;
    Some((word.to_lowercase(), passes != is_reversed))
}

/// A trial as a run: with the settings in which trials differ, and its state as a word.
fn run(data: &SweepData, number: usize) -> Option<Run> {
    let trial = data.trials.get(number)?;
    let keys = data.settings.iter().map(|setting| setting.key.as_str());
    let settings = keys.zip(&trial.settings).map(|(key, value)| {
        // As in the spec of a run.
        let key = if key == "seed" { "train.seed" } else { key };
        (Arc::from(key), Arc::from(value.as_str()))
    });
    let best = trial.value.map(|value| Best {
        value,
        step: trial.steps,
        epoch: trial.best_epoch.unwrap_or(trial.epochs),
        metrics: trial.metrics.clone(),
    });
    let summary = Summary {
        monitor: data.metric.as_str().into(),
        higher_is_better: data.higher_is_better,
        steps: trial.steps,
        epochs: trial.epochs,
        planned: trial.planned,
        seconds: trial.seconds,
        last: trial.metrics.clone(),
        settings: settings.collect(),
        best,
        ..Summary::default()
    };
    let words = [trial.state.word()].into_iter().chain(trial.settings.iter().map(String::as_str));
    let marks = Marks { tags: words.map(str::to_owned).collect(), notes: Vec::new() };
    Some(Run {
        name: trial.name.as_str().into(),
        path: trial.folder.clone(),
        state: match trial.state {
            TrialState::Running => RunState::Live,
            TrialState::Finished => RunState::Finished,
            TrialState::Diverged => RunState::Diverged,
            TrialState::Failed => RunState::Failed,
            TrialState::Stopped | TrialState::Interrupted | TrialState::Waiting => RunState::Stopped,
        },
        started: UNIX_EPOCH,
        summary: Arc::new(summary),
        marks: Arc::new(marks),
    })
}
