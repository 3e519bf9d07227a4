use std::ffi::OsString;
use std::io::Write;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use super::branch;
use super::dashboard::{Display, show_training};
use super::error::{CliError, CliResult};
use super::follow::{code, follow, is_stopped_by_user};
use super::notice::NoticeArgs;
use super::threads::ThreadArgs;
use super::{ScreenArgs, detach};
use crate::escape::foreign;
use crate::experiment::{self, MAX_SEEDS, Repeat, RepeatOptions, train_all};
use crate::preset::{self, Overrides, Resolved, RunSpec};
use crate::run;
use crate::train::Options;

#[derive(Debug, clap::Args)]
pub(super) struct TrainArgs {
    /// A preset's name (see `unrolled presets`), or the path of a YAML file
    pub preset: String,
    /// Change one value of the preset, e.g. train.epochs=2 or model.1.units=16; may be repeated
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
    /// Train once with every seed in the range, without a screen, and print mean and standard deviation
    #[arg(long, value_name = "1..5", value_parser = seeds, conflicts_with_all = ["seed", "folds", "on_end"])]
    pub seeds: Option<RangeInclusive<u64>>,
    /// N-fold cross-validation, without a screen; prints mean and standard deviation
    #[arg(long, value_name = "N", conflicts_with = "on_end", value_parser = clap::value_parser!(u16).range(2..))]
    pub folds: Option<u16>,
    #[command(flatten)]
    threads: ThreadArgs,
    /// Print plain lines instead of the dashboard
    #[arg(long)]
    headless: bool,
    /// If the folder of --run contains a run, go on with it; a finished one is a success. With --seeds or --folds each of its runs
    #[arg(long, requires = "run")]
    resume_or_start: bool,
    /// Train without this terminal, and print how to see it: the prompt comes back
    #[arg(long, conflicts_with_all = ["seeds", "folds"])]
    detach: bool,
    #[command(flatten)]
    notice: NoticeArgs,
}

impl TrainArgs {
    fn overrides(&self) -> Overrides {
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

/// Trains once for every seed or fold, without a screen, and prints a summary. A training that diverges does not end the others; its exit
/// code is that of the program.
fn train_repeatedly(args: &TrainArgs, repeat: &Repeat) -> CliResult {
    let options = RepeatOptions {
        root: args.run.clone(),
        threads: args.threads.count(),
        goes_on: args.resume_or_start,
    };
    let mut is_stopped = false;
    let mut follow = |trainer| {
        follow(trainer).map(|ended| {
            is_stopped = is_stopped_by_user(&ended);
            (ended.outcome, ended.metrics)
        })
    };
    let (outcome, summary) = train_all(&args.preset, repeat, &args.overrides(), options, &mut follow)?;
    let mut out = std::io::stdout().lock();
    for line in summary {
        // Stdout may be closed; the runs are saved.
        let _ = writeln!(out, "{}", foreign(&line));
    }
    args.notice.ring(&format!("{}: all trainings have ended", args.preset));
    Ok(if is_stopped { ExitCode::SUCCESS } else { code(&outcome) })
}

/// Trains one preset, with the dashboard on a terminal.
pub(super) fn train(args: &TrainArgs, screen: ScreenArgs) -> CliResult {
    let folds = args.folds.map(Repeat::Folds);
    if let Some(repeat) = args.seeds.clone().map(Repeat::Seeds).or(folds) {
        return train_repeatedly(args, &repeat);
    }
    if let Some(folder) = args.run.as_deref().filter(|folder| args.resume_or_start && has_run(folder)) {
        let name = preset::load_run(&folder.join("spec.yaml"), &Overrides::default())?.spec.name;
        let asked = preset::load(&args.preset, &args.overrides())?.spec.name;
        if name != asked {
            let what = format!(
                "{} contains a run of {name}, not of {asked}; choose another folder with --run",
                folder.display()
            );
            return Err(CliError::usage(what));
        }
        experiment::check_preset(folder, &args.preset, &args.overrides())?;
        if args.detach {
            let given = std::env::args_os().skip(1).filter(|arg| arg != "--detach");
            return detach::start(folder, given.chain((!args.headless).then(|| "--headless".into())));
        }
        let options = Options { threads: args.threads.count(), ..Options::default() };
        return super::resume::go_on(
            folder,
            &args.overrides(),
            options,
            args.headless,
            (screen, &args.notice),
        );
    }
    let Resolved { spec, notes } = preset::load(&args.preset, &args.overrides())?;
    if args.detach {
        return detached(args, &spec);
    }
    let display = Display::new(args.headless, screen)?;
    let (folder, threads, watched) = (args.run.clone(), args.threads.count(), display.is_watched());
    let options = Options { folder, threads, watched, notes, ..Options::default() };
    branch::after(show_training(spec, options, display, &args.notice)?, screen)
}

/// Starts the training in a session of its own.
fn detached(args: &TrainArgs, spec: &RunSpec) -> CliResult {
    let run = match &args.run {
        Some(run) => {
            run::check_empty(run)?;
            std::fs::create_dir_all(run)?;
            run.clone()
        }
        None => run::create_run_dir(Path::new("runs"), &spec.name, SystemTime::now())?,
    };
    let mut given: Vec<OsString> = std::env::args_os().skip(1).filter(|arg| arg != "--detach").collect();
    if !args.headless {
        given.push("--headless".into());
    }
    if args.run.is_none() {
        given.extend(["--run".into(), run.clone().into_os_string()]);
    }
    detach::start(&run, given)
}

/// Whether a training has begun in `folder`.
fn has_run(folder: &Path) -> bool {
    folder.join("spec.yaml").exists()
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
