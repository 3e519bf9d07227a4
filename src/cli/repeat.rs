//! One preset trained several times: once a seed, or once a fold of a cross-validation.

use std::io::Write;
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use super::exit;
use super::train::{Args, code, follow};
use crate::data::{self, DataSpec};
use crate::number::{metric, percent};
use crate::preset::{self, Overrides};
use crate::protocol::EpochMetrics;
use crate::run;
use crate::train::{Options, Outcome, Trainer};

/// `1..5`: both ends are meant.
pub(super) fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let range = text.split_once("..").and_then(|(first, last)| {
        Some(first.trim().parse().ok()?..=last.trim_start_matches('=').trim().parse().ok()?)
    });
    let wrong = || "expected two seeds, the smaller first, as in 1..5".to_owned();
    range.filter(|range| !range.is_empty()).ok_or_else(wrong)
}

/// What all trainings lay over the preset.
fn own(args: &Args) -> Overrides {
    Overrides { set: args.set.clone(), data: args.data.clone(), seed: args.seed }
}

/// A training: what sets it apart, and what that lays over the preset.
fn trainings(args: &Args) -> Vec<(String, Overrides)> {
    let own = own(args);
    match (&args.seeds, args.folds) {
        (Some(seeds), _) => {
            let with = |seed| (format!("seed-{seed}"), Overrides { seed: Some(seed), ..own.clone() });
            seeds.clone().map(with).collect()
        }
        (None, folds) => {
            let with = |fold| {
                let set =
                    format!("data.validation={{folds: {folds}, fold: {fold}}}", folds = folds.unwrap_or(0));
                let set = own.set.iter().cloned().chain([set]).collect();
                (format!("fold-{fold}"), Overrides { set, ..own.clone() })
            };
            (1..=folds.unwrap_or(0)).map(with).collect()
        }
    }
}

/// Trains once a seed or fold, and prints what came of each, the mean and the standard deviation. Ends with the first training that does
/// not finish.
pub(super) fn repeat(args: &Args) -> anyhow::Result<ExitCode> {
    let trainings = trainings(args);
    if args.folds.is_some() {
        let spec = preset::load(&args.preset, &own(args))?.spec;
        if matches!(spec.data, DataSpec::Generated(_)) {
            let what =
                format!("--folds: {} makes its own data; --seeds 1..5 trains on five makings", spec.name);
            return Err(super::new::Refused(what).into());
        }
    }
    // What is wrong is told before hours of training.
    let specs = trainings
        .iter()
        .map(|(name, overrides)| preset::load(&args.preset, overrides).map(|resolved| (name, resolved)));
    let specs = specs.collect::<Result<Vec<_>, _>>()?;
    if let (Some(folds), Some((_, first))) = (args.folds, specs.first()) {
        data::check_folds(&first.spec.data, usize::from(folds), first.spec.train.seed)?;
    }
    let mut ends = Vec::new();
    let mut root = args.run.clone();
    for (name, resolved) in specs {
        let root = match &mut root {
            Some(root) => root,
            none => {
                let kind = if args.folds.is_some() { "folds" } else { "seeds" };
                let name = format!("{}-{kind}", resolved.spec.name);
                none.insert(run::named(Path::new("runs"), &name, SystemTime::now())?)
            }
        };
        let folder = Some(root.join(name));
        let options =
            Options { folder, threads: usize::from(args.threads), watched: false, notes: resolved.notes };
        let trainer = Trainer::start(resolved.spec, options)?;
        let (outcome, last) = follow(trainer)?;
        if outcome != Outcome::Finished {
            return Ok(ExitCode::from(code(&outcome)));
        }
        match last {
            Some(last) => ends.push((name.as_str(), last)),
            None => return Ok(ExitCode::from(exit::FAILED)),
        }
    }
    let mut out = std::io::stdout().lock();
    for line in summary(&ends) {
        // Whoever read may be gone; the runs are there.
        let _ = writeln!(out, "{line}");
    }
    Ok(ExitCode::SUCCESS)
}

/// A line a training, then mean and sample deviation of each metric that all have.
fn summary(ends: &[(&str, EpochMetrics)]) -> Vec<String> {
    type Metric = (&'static str, fn(&EpochMetrics) -> Option<f64>, fn(f64) -> String);
    let known: [Metric; 4] = [
        ("loss", |end| Some(end.loss), metric),
        ("accuracy", |end| end.accuracy, percent),
        ("val_loss", |end| end.val_loss, metric),
        ("val_accuracy", |end| end.val_accuracy, percent),
    ];
    let known: Vec<Metric> =
        known.into_iter().filter(|(_, of, _)| ends.iter().all(|(_, end)| of(end).is_some())).collect();
    let line = |name: &str, of: &dyn Fn(&Metric) -> String| {
        let values: Vec<String> = known.iter().map(|metric| format!("{} {}", metric.0, of(metric))).collect();
        format!("{name:10}  {}", values.join("  "))
    };
    let each =
        ends.iter().map(|(name, end)| line(name, &|(_, of, shown)| of(end).map_or(String::new(), shown)));
    let values = |of: fn(&EpochMetrics) -> Option<f64>| ends.iter().filter_map(move |(_, end)| of(end));
    let n = ends.len() as f64;
    let mean = |of| values(of).sum::<f64>() / n;
    let deviation = |of| {
        let mean = mean(of);
        (values(of).map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0)).sqrt()
    };
    let all = [
        line("mean", &|(_, of, shown)| shown(mean(*of))),
        line("deviation", &|(_, of, shown)| shown(deviation(*of))),
    ];
    each.chain(all).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(val_loss: f64, val_accuracy: Option<f64>) -> EpochMetrics {
        let val_loss = Some(val_loss);
        EpochMetrics {
            epoch: 1,
            step: 9,
            loss: 0.5,
            accuracy: Some(1.0),
            val_loss,
            val_accuracy,
            seconds: 1.0,
        }
    }

    #[test]
    fn seeds_are_a_range_with_both_ends() {
        assert_eq!(seeds("1..5"), Ok(1..=5));
        assert_eq!(seeds("3..=3"), Ok(3..=3));
        for wrong in ["5..1", "1", "a..b", "1..", "-1..2"] {
            assert!(seeds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn mean_and_deviation_are_those_worked_out_by_hand() {
        let ends = [
            ("fold-1", end(0.2, Some(0.5))),
            ("fold-2", end(0.4, Some(0.7))),
            ("fold-3", end(0.6, Some(0.6))),
        ];
        assert_eq!(
            summary(&ends),
            [
                "fold-1      loss 0.5000  accuracy 100.0 %  val_loss 0.2000  val_accuracy 50.0 %",
                "fold-2      loss 0.5000  accuracy 100.0 %  val_loss 0.4000  val_accuracy 70.0 %",
                "fold-3      loss 0.5000  accuracy 100.0 %  val_loss 0.6000  val_accuracy 60.0 %",
                "mean        loss 0.5000  accuracy 100.0 %  val_loss 0.4000  val_accuracy 60.0 %",
                "deviation   loss 0  accuracy 0.0 %  val_loss 0.2000  val_accuracy 10.0 %",
            ]
        );
        // What not all have has no mean.
        let ends = [("seed-1", end(0.2, None)), ("seed-2", end(0.4, Some(0.7)))];
        assert!(summary(&ends).iter().all(|line| !line.contains("val_accuracy")));
    }
}
