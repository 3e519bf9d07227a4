//! The arguments of `unrolled train`.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::notice::NoticeArgs;
use super::records::RecordArgs;
use super::threads::ThreadArgs;
use crate::experiment::{GridSetting, MAX_SEEDS};
use crate::preset::Overrides;

#[derive(Debug, clap::Args)]
pub(super) struct TrainArgs {
    /// A preset's name (see `unrolled presets`), or the path of a YAML file. With --from RUN none: the settings are those of the run
    #[arg(required_unless_present = "from")]
    preset: Option<String>,
    /// Start from the weights of a trained network, with its vocabulary, labels and scale: a run folder, the name of one in runs/,
    /// `latest`, or a file that `unrolled import` reads, which becomes a run first. The optimizer is new, and steps count from 0
    #[arg(long, value_name = "RUN|FILE", conflicts_with_all = ["seeds", "folds", "fractions"])]
    pub from: Option<PathBuf>,
    /// With --from: start from the best checkpoint, not the last one
    #[arg(long, requires = "from")]
    pub best: bool,
    /// With --from: append new words of the training data to the vocabulary, the most frequent first, at most so many; their weights
    /// are new
    #[arg(long, value_name = "N", requires = "from")]
    pub extend_vocabulary: Option<usize>,
    /// With --from: replace the output layer by a new one for the labels of the data
    #[arg(long, requires = "from")]
    pub new_labels: bool,
    /// Change one value of the preset, e.g. train.epochs=2 or model.1.units=16; may be repeated. The keys are the paths in its YAML, which
    /// `unrolled presets NAME` prints; layers count from 0, and `unrolled help presets` explains all keys
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The training data: a table, JSON lines, or a folder of classes (a folder with train and test data gives validation data too)
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// The run folder to create; by default runs/NAME-DATE-TIME
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,
    /// Seed of initial weights, shuffling, dropout and generated data
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Train once with every seed in the range, and print mean and standard deviation at the end
    #[arg(long, value_name = "1..5", value_parser = seeds, conflicts_with_all = ["seed", "folds", "on_end"])]
    pub seeds: Option<RangeInclusive<u64>>,
    /// N-fold cross-validation; prints mean and standard deviation at the end
    #[arg(long, value_name = "N", conflicts_with = "on_end", value_parser = clap::value_parser!(u16).range(2..))]
    pub folds: Option<u16>,
    /// Train with these percentages of the training data, with each of --seeds or --folds if they are given, and say at the end how much more
    /// data would help. It is a sweep: `unrolled sweep status DIR` shows it
    #[arg(long, value_name = "10,25,50,100", value_parser = GridSetting::fractions, conflicts_with = "on_end")]
    pub fractions: Option<GridSetting>,
    /// With --seeds, --folds or --fractions, without a screen: trainings at a time; by default as many as is fastest, which is measured. The
    /// results do not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    #[command(flatten)]
    pub threads: ThreadArgs,
    /// Print plain lines instead of the dashboard
    #[arg(long)]
    pub headless: bool,
    /// If the folder of --run contains a run, go on with it; a finished one is a success. With --seeds or --folds each of its runs
    #[arg(long, requires = "run")]
    pub resume_or_start: bool,
    /// Train without this terminal, and print how to see it: the prompt comes back
    #[arg(long, conflicts_with_all = ["seeds", "folds", "fractions"])]
    pub detach: bool,
    #[command(flatten)]
    pub notice: NoticeArgs,
    #[command(flatten)]
    pub records: RecordArgs,
}

impl TrainArgs {
    /// The preset, if one is given.
    pub fn given_preset(&self) -> Option<&str> {
        self.preset.as_deref()
    }

    /// The preset; empty with `--from`.
    pub fn preset(&self) -> &str {
        self.preset.as_deref().unwrap_or_default()
    }

    pub fn overrides(&self) -> Overrides {
        Overrides { set: self.set.clone(), data: self.data.clone(), seed: self.seed }
    }
}

/// Parses `1..5`, both ends included.
pub(super) fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let range = text.split_once("..").and_then(|(first, last)| {
        Some(first.trim().parse().ok()?..=last.trim_start_matches('=').trim().parse().ok()?)
    });
    let wrong = || "expected two seeds, the smaller first, as in 1..5".to_owned();
    let range = range.filter(|range| !range.is_empty()).ok_or_else(wrong)?;
    let count = u128::from(range.end() - range.start()) + 1;
    match count <= u128::from(MAX_SEEDS) {
        true => Ok(range),
        false => Err(format!("found {count} seeds; expected at most {MAX_SEEDS}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_range_with_both_ends() {
        assert_eq!(seeds("1..5"), Ok(1..=5));
        assert_eq!(seeds("3..=3"), Ok(3..=3));
        for wrong in ["5..1", "1", "a..b", "1..", "-1..2"] {
            assert!(seeds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(seeds("7..10006"), Ok(7..=10_006));
        for (many, count) in [
            ("1..18446744073709551615", "18446744073709551615"),
            ("0..18446744073709551615", "18446744073709551616"),
        ] {
            assert_eq!(seeds(many), Err(format!("found {count} seeds; expected at most 10000")));
        }
    }
}
