use std::io::{IsTerminal, stdin, stdout};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::curve;
use super::print::{say, short};
use super::screen;
use crate::cli::error::{CliError, CliResult};
use crate::cli::runs::{FormatArgs, csv_line, latex_table, print_json, print_table};
use crate::cli::{ScreenArgs, pages};
use crate::escape::{foreign, shell_word};
use crate::experiment::{Combination, LearningCurve, Sweep, SweepStatus, TrialState, TrialStatus};
use crate::number;
use crate::runs::{Column, Table};
use crate::ui::terminal::is_background;

/// The most combinations that the table at the end of a sweep shows.
const SHOWN: usize = 20;

#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// The folder of the sweep
    dir: PathBuf,
    /// List the trials instead of the combinations of settings
    #[arg(long)]
    trials: bool,
    /// Print the table instead of the screen
    #[arg(long)]
    plain: bool,
    #[command(flatten)]
    format: FormatArgs,
}

/// Shows the state of a sweep: on a terminal the screen, else the table.
pub(super) fn status(args: &StatusArgs, screen: ScreenArgs) -> CliResult {
    let sweep = Sweep::open(&args.dir)?;
    let FormatArgs { json, csv: is_csv, latex } = args.format;
    let is_printed = args.plain || args.trials || json || is_csv || latex;
    if !is_printed && stdin().is_terminal() && stdout().is_terminal() && !is_background() {
        return screen::show(sweep, screen);
    }
    let status = SweepStatus::read(&sweep)?;
    if args.format.json {
        let curves = LearningCurve::of(&sweep, &status);
        return print_json(status.trials.iter().map(|trial| trial_json(&sweep, &status, &curves, trial)));
    }
    if args.format.csv {
        return pages::write(csv(&sweep, &status).as_bytes());
    }
    let table = match args.trials {
        true => trials_table(&sweep, &status),
        false => combinations_table(&sweep, &status, usize::MAX),
    };
    if args.format.latex {
        return pages::write(latex_table(&table).as_bytes());
    }
    say(&counts(&status));
    let is_one_table = !args.trials && LearningCurve::is_all_of(&sweep);
    if !is_one_table {
        print_table(&table, screen)?;
    }
    print_rest(&sweep, &status, is_one_table, screen)?;
    Ok(std::process::ExitCode::SUCCESS)
}

/// Prints what a sweep has found at its end.
pub(super) fn print_summary(sweep: &Sweep, status: &SweepStatus, screen: ScreenArgs) -> CliResult<()> {
    say(&counts(status));
    let is_one_table = LearningCurve::is_all_of(sweep);
    if !is_one_table {
        print_table(&combinations_table(sweep, status, SHOWN), screen)?;
        let more = status.combinations.len().saturating_sub(SHOWN);
        if more > 0 {
            let folder = shell_word(&sweep.folder.display().to_string());
            say(&format!("and {more} more: unrolled sweep status {folder}"));
        }
    }
    print_rest(sweep, status, is_one_table, screen)
}

/// Prints what is below the table: notes and learning curves, the curves before the notes where they are the only table.
fn print_rest(sweep: &Sweep, status: &SweepStatus, is_one_table: bool, screen: ScreenArgs) -> CliResult<()> {
    let curves = LearningCurve::of(sweep, status);
    if is_one_table {
        curve::print(&curves, status, screen)?;
        notes(sweep, status);
        return Ok(());
    }
    notes(sweep, status);
    curve::print(&curves, status, screen)
}

/// How many trials are in which state.
fn counts(status: &SweepStatus) -> String {
    let states = TrialState::ALL.iter().map(|state| (status.count(*state), state.word()));
    let states: Vec<String> =
        states.filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    format!("{}: {}", number::counted(status.trials.len(), "trial"), states.join(", "))
}

/// What is below the table: why trials ended, what matters, and which is best.
fn notes(sweep: &Sweep, status: &SweepStatus) {
    for state in [TrialState::Diverged, TrialState::Failed] {
        if let Some(trial) = status.trials.iter().find(|trial| trial.state == state) {
            say(&format!("{} {}: {}", trial.trial.name(), state.word(), trial.reason));
        }
    }
    let known: Vec<String> = status
        .importance
        .iter()
        .filter_map(|(key, share)| Some(format!("{} {:.0} %", short(key), (*share)? * 100.0)))
        .collect();
    if !known.is_empty() {
        say(&format!(
            "of the differences in {}, a setting alone explains (ω²): {}",
            status.metric,
            known.join(", ")
        ));
    }
    let intervals: Vec<(f64, f64)> = status.combinations.iter().filter_map(|found| found.interval).collect();
    if let Some((low, high)) = intervals.first() {
        let alike = intervals.iter().filter(|other| other.0 <= *high && *low <= other.1).count();
        if alike > 1 {
            say(&format!("the intervals of the best {alike} overlap: with other seeds another may be first"));
        }
    }
    if let Some(best) = status.best() {
        let run = sweep.run_folder(&best.trial);
        say(&format!("best: {}", shell_word(&run.display().to_string())));
    }
}

/// The settings of a combination or trial, a column each.
fn setting_columns<'t>(sweep: &Sweep, sets: impl Iterator<Item = &'t [String]> + Clone) -> Vec<Column> {
    let keys = sweep.definition.keys();
    let is_short = |key: &&str| keys.iter().filter(|other| short(other) == short(key)).count() == 1;
    let column = |(i, key): (usize, &&str)| {
        let cell = |set: &[String]| {
            let value = set.get(i).and_then(|set| set.split_once('=')).map_or("", |(_, value)| value);
            foreign(value).into_owned()
        };
        let head = if is_short(key) { short(key) } else { key };
        Column::text(foreign(head), 8, sets.clone().map(cell).collect())
    };
    keys.iter().enumerate().map(column).collect()
}

/// The combinations of settings, the best first.
fn combinations_table(sweep: &Sweep, status: &SweepStatus, most: usize) -> Table {
    let shown: Vec<&Combination> = status.combinations.iter().take(most).collect();
    let cells =
        |cell: &dyn Fn(&Combination) -> String| shown.iter().map(|combination| cell(combination)).collect();
    let metric = &status.metric;
    let value = |x: f64| number::named(metric, x);
    let repeats = shown.iter().any(|combination| combination.trials.len() > 1);
    let mut columns =
        vec![Column::number("setting", 9, cells(&|combination| combination.number.to_string()))];
    columns.extend(setting_columns(sweep, shown.iter().map(|combination| combination.set.as_slice())));
    let mean =
        cells(&|combination| combination.statistic.map_or(String::new(), |statistic| statistic.text(metric)));
    columns.push(Column::number(metric.clone(), 9, mean));
    if repeats {
        let interval = cells(&|combination| {
            combination
                .interval
                .map_or(String::new(), |(low, high)| format!("{} … {}", value(low), value(high)))
        });
        columns.push(Column::number("95 % interval of the mean", 5, interval));
        let of = cells(&|combination| format!("{}/{}", combination.finished, combination.trials.len()));
        columns.push(Column::number("finished", 7, of));
    }
    let states = cells(&|combination| {
        let trials = combination.trials.iter().filter_map(|trial| status.trials.get(*trial));
        let states: Vec<TrialState> = trials.map(|trial| trial.state).collect();
        let all_finished = states.iter().all(|state| *state == TrialState::Finished);
        let worst = TrialState::ALL.iter().rev().find(|state| states.contains(state));
        worst.filter(|_| !all_finished).map_or(String::new(), |state| state.word().to_owned())
    });
    columns.push(Column::text("state", 6, states));
    Table::new(columns)
}

/// The trials, by their numbers.
fn trials_table(sweep: &Sweep, status: &SweepStatus) -> Table {
    let cells = |cell: &dyn Fn(&TrialStatus) -> String| status.trials.iter().map(cell).collect();
    let mut columns = vec![Column::text("trial", 9, cells(&|trial| trial.trial.name()))];
    columns.extend(setting_columns(sweep, status.trials.iter().map(|trial| trial.trial.set.as_slice())));
    let optional = |n: Option<u64>| n.map_or(String::new(), |n| n.to_string());
    columns.extend([
        Column::number("seed", 7, cells(&|trial| optional(trial.trial.seed))),
        Column::number("fold", 7, cells(&|trial| optional(trial.trial.fold.map(u64::from)))),
        Column::text("state", 8, cells(&|trial| trial.state.word().to_owned())),
        Column::number(
            status.metric.clone(),
            8,
            cells(&|trial| trial.value.map_or(String::new(), |value| number::named(&status.metric, value))),
        ),
        Column::number("epochs", 4, cells(&|trial| trial.epochs.to_string())),
        Column::number("steps", 3, cells(&|trial| number::count(trial.steps))),
        Column::number("time", 3, cells(&|trial| number::duration(trial.seconds))),
        Column::text("reason", 2, cells(&|trial| foreign(&trial.reason).into_owned())),
    ]);
    Table::new(columns)
}

fn trial_json(sweep: &Sweep, status: &SweepStatus, curves: &[LearningCurve], trial: &TrialStatus) -> Value {
    let settings: Map<String, Value> = trial
        .trial
        .set
        .iter()
        .filter_map(|set| set.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect();
    let metrics: Map<String, Value> =
        trial.metrics.iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
    json!({
        "trial": trial.trial.trial,
        "combination": trial.trial.combination,
        "run": sweep.run_folder(&trial.trial),
        "state": trial.state.word(),
        "reason": trial.reason,
        "settings": settings,
        "seed": trial.trial.seed,
        "fold": trial.trial.fold,
        "metric": status.metric,
        "value": trial.value,
        "metrics": metrics,
        "epochs": trial.epochs,
        "steps": trial.steps,
        "seconds": trial.seconds,
        "curve": curves.iter().find(|curve| curve.has(&trial.trial)).map(curve::json),
    })
}

fn csv(sweep: &Sweep, status: &SweepStatus) -> String {
    let keys = sweep.definition.keys();
    let head = ["trial", "combination", "state"].into_iter().chain(keys).chain([
        "seed",
        "fold",
        status.metric.as_str(),
        "epochs",
        "steps",
        "seconds",
    ]);
    let mut text = csv_line(head);
    for TrialStatus { trial, state, value, epochs, steps, seconds, .. } in &status.trials {
        let set = trial.set.iter().map(|set| set.split_once('=').map_or("", |(_, value)| value).to_owned());
        let first = [trial.trial.to_string(), trial.combination.to_string(), state.word().to_owned()];
        let optional = |n: Option<u64>| n.map_or(String::new(), |n| n.to_string());
        let last = [
            optional(trial.seed),
            optional(trial.fold.map(u64::from)),
            value.map_or(String::new(), |value| value.to_string()),
            epochs.to_string(),
            steps.to_string(),
            seconds.to_string(),
        ];
        let cells: Vec<String> = first.into_iter().chain(set).chain(last).collect();
        text += &csv_line(cells.iter().map(String::as_str));
    }
    text
}

/// Prints the folder of the best trial's run.
pub(super) fn best(dir: &Path, json: bool) -> CliResult {
    let sweep = Sweep::open(dir)?;
    let status = SweepStatus::read(&sweep)?;
    let Some(best) = status.best() else {
        return Err(CliError::failed(format!("{}: no trial has finished yet", dir.display())));
    };
    if json {
        let curves = LearningCurve::of(&sweep, &status);
        return print_json([trial_json(&sweep, &status, &curves, best)].into_iter());
    }
    say(&shell_word(&sweep.run_folder(&best.trial).display().to_string()));
    Ok(std::process::ExitCode::SUCCESS)
}
