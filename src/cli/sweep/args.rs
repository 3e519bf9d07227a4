//! The arguments of `unrolled sweep` that several of its commands have.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::cli::train_args::seeds;
use crate::experiment::{Amount, GridSetting, RandomSetting};

/// A new sweep.
#[derive(Debug, Default, clap::Args)]
pub(in crate::cli) struct NewArgs {
    /// A preset's name (see `unrolled presets`), or the path of a YAML file
    #[arg(required = true)]
    pub preset: Option<String>,
    /// A setting and its values; several of them are combined, each value with each
    #[arg(long, value_name = "KEY=A,B,C", conflicts_with = "random")]
    pub grid: Vec<GridSetting>,
    /// Draw so many combinations of the settings of --over
    #[arg(long, value_name = "N", requires = "over")]
    pub random: Option<usize>,
    /// A setting that is drawn: KEY=log:LOW..HIGH, uniform:LOW..HIGH, int:LOW..HIGH or choice:A,B
    #[arg(long, value_name = "KEY=RANGE", requires = "random")]
    pub over: Vec<RandomSetting>,
    /// The seed of the draws
    #[arg(long, value_name = "N", default_value_t = 1, requires = "random")]
    pub search_seed: u64,
    /// Train each combination with every seed in the range
    #[arg(long, value_name = "1..5", value_parser = seeds, conflicts_with = "seed")]
    pub seeds: Option<RangeInclusive<u64>>,
    /// Train each combination once for each part of the data that is held out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..))]
    pub folds: Option<u16>,
    /// Train each combination with these percentages of the training data, a smaller one a part of a larger one, and fit a learning curve
    #[arg(long, value_name = "10,25,50,100", value_parser = GridSetting::fractions, conflicts_with = "random")]
    pub fractions: Option<GridSetting>,
    /// Change one value of the preset for all trials
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The training data, as in `unrolled train`
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// The seed of all trials
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// The folder to create; by default runs/NAME-sweep-DATE-TIME
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,
    /// Stop the trials that are worse than others after as much training: asynchronous successive halving. AFTER is the training before
    /// the first comparison
    #[arg(long, value_name = "AFTER", num_args = 0..=1, require_equals = true, default_missing_value = "1 epoch")]
    pub stop_losers: Option<Amount>,
    /// Of so many trials one goes on after a comparison, for so many times as long
    #[arg(long, value_name = "N", default_value_t = 3, requires = "stop_losers", value_parser = clap::value_parser!(u32).range(2..=100))]
    pub stop_factor: u32,
    /// If the folder of --run contains this sweep, go on with it
    #[arg(long = "resume-or-start", requires = "run")]
    pub goes_on: bool,
    #[command(flatten)]
    pub cores: CoreArgs,
    #[command(flatten)]
    pub slurm: SlurmArgs,
}

/// How the processors are used.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(in crate::cli) struct CoreArgs {
    /// Trainings at a time; by default as many as is fastest, which is measured
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Threads of each training; the results do not depend on their number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
}

/// How the trials become jobs of Slurm.
#[derive(Debug, Clone, Default, clap::Args)]
pub(in crate::cli) struct SlurmArgs {
    /// Submit an array of jobs with these options of sbatch, and return
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    pub slurm: Option<String>,
    /// Jobs at a time at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub at_once: Option<u32>,
    /// Trials of a job, one after another; by default 1, or more if the array would exceed 1,000 jobs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub per_task: Option<u32>,
    /// Write the script of the jobs, and submit nothing
    #[arg(long)]
    pub print: bool,
}
