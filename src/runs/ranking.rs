use std::collections::BTreeMap;

use super::list::Run;
use crate::metrics::higher_is_better;
use crate::run::RunState;
use crate::sort::SmallSort as _;

/// The tag of runs that are never removed by rank.
const KEEP: &str = "keep";

/// Why runs cannot be ranked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RankError {
    /// Runs of a preset monitor different metrics.
    #[error("runs of {preset} monitor different metrics, {metrics}: choose one with --by")]
    Monitors {
        /// The preset.
        preset: String,
        /// The metrics.
        metrics: String,
    },
    /// No finished run has the metric.
    #[error("--by {0}: no finished run has this metric")]
    Unknown(String),
}

/// Returns the finished runs that are not among the best `n` of their preset, by the metric `by` (by default the monitored one) of their
/// best evaluation.
///
/// Runs with the tag `keep` count among the best but are never returned, and neither is one without the metric.
///
/// # Errors
/// If they cannot be ranked.
pub fn beyond_best<'r>(runs: &'r [Run], n: usize, by: Option<&str>) -> Result<Vec<&'r Run>, RankError> {
    let mut presets: BTreeMap<&str, Vec<(f64, &Run)>> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.state == RunState::Finished) {
        let value = run.summary.metric(by.unwrap_or(&run.summary.monitor));
        if let Some(value) = value.filter(|value| !value.is_nan()) {
            presets.entry(&run.summary.preset).or_default().push((value, run));
        }
    }
    if let Some(by) = by.filter(|_| presets.is_empty()) {
        return Err(RankError::Unknown(by.to_owned()));
    }
    let mut beyond = Vec::new();
    for (preset, mut ranked) in presets {
        let first = ranked.first().map(|(_, run)| &run.summary);
        let monitor = by.unwrap_or(first.map_or("", |summary| &summary.monitor));
        if by.is_none() && ranked.iter().any(|(_, run)| *run.summary.monitor != *monitor) {
            let mut metrics: Vec<&str> = ranked.iter().map(|(_, run)| &*run.summary.monitor).collect();
            metrics.sort_unstable();
            metrics.dedup();
            return Err(RankError::Monitors { preset: preset.to_owned(), metrics: metrics.join(" and ") });
        }
        let higher = match by {
            Some(by) => higher_is_better(by),
            None => first.is_some_and(|summary| summary.higher_is_better),
        };
        // Of equal ones the older stays.
        ranked.small_sort_by(|(a, older), (b, newer)| {
            let order = if higher { b.total_cmp(a) } else { a.total_cmp(b) };
            order.then(older.started.cmp(&newer.started))
        });
        beyond.extend(ranked.into_iter().skip(n).map(|(_, run)| run).filter(|run| !run.marks.has_tag(KEEP)));
    }
    Ok(beyond)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::filter::tests::run;
    use std::sync::Arc;

    #[test]
    fn the_best_of_each_preset_and_what_is_kept_stay() {
        let mut runs: Vec<Run> = (0..6).map(|i| run(&format!("r{i}"), f64::from(i) / 10.0, &[])).collect();
        for (i, run) in runs.iter_mut().enumerate() {
            let mut summary = (*run.summary).clone();
            summary.higher_is_better = true;
            if i == 0 {
                summary.preset = "other".into();
            }
            run.summary = Arc::new(summary);
            if i != 1 {
                run.marks = Arc::default();
            }
        }
        runs[2].state = RunState::Live;
        let names = |n, by| {
            beyond_best(&runs, n, by)
                .map(|beyond| beyond.iter().map(|run| run.name.to_string()).collect::<Vec<_>>())
        };
        // r0 is alone, r1 is to be kept, r2 is live.
        assert_eq!(names(1, None).unwrap(), ["r4", "r3"]);
        assert_eq!(names(0, Some("val_accuracy")).unwrap(), ["r0", "r5", "r4", "r3"].map(str::to_owned));
        assert_eq!(names(9, None).unwrap(), [""; 0]);
        assert_eq!(names(1, Some("val_f1")), Err(RankError::Unknown("val_f1".into())));
    }
}
