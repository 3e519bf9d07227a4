//! `unrolled race`.

mod json;

use std::io::{Write, stdout};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;

use super::dashboard::{Display, shown};
use super::error::{CliError, CliResult};
use super::follow::code;
use super::notice::NoticeArgs;
use super::runs::{print_json, print_lines, width};
use super::signals::Signals;
use super::threads::{ThreadArgs, processors};
use super::{ScreenArgs, exit, print_error};
use crate::escape::{foreign, shell_word};
use crate::experiment::{Budget, BuiltinRace, MAX_SEEDS, Plan, RACES, Race, RaceEnd, RaceOptions};
use crate::preset::Overrides;
use crate::protocol::Command;
use crate::run::race::{Standings, judge};
use crate::train::Outcome;
use crate::ui::group::{Group, MOST_RUNS};
use crate::ui::race;
use crate::ui::text::wrap;
use crate::ui::{self, ExitReason, InitialScreen, ScreenSettings};

#[derive(Debug, clap::Args)]
#[command(after_help = races())]
pub(super) struct RaceArgs {
    /// Two or more presets (names or YAML files) on the same data, or a race: lecture, memory, imdb
    #[arg(required = true, value_name = "PRESET")]
    presets: Vec<String>,
    /// Train with so many seeds, 1 to N, or with those of a range; a winner is named from three on
    #[arg(long, value_name = "N|1..5", value_parser = seeds, default_value = "3")]
    seeds: RangeInclusive<u64>,
    /// What all have the same amount of
    #[arg(long, value_enum, value_name = "BUDGET", default_value = "tokens")]
    by: By,
    /// With --by time: end each training after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    seconds: Option<f64>,
    /// Change one value of all presets, e.g. train.epochs=2; may be repeated. Keys are as for `unrolled train`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The training data of all: a table, JSON lines, or a folder of classes
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// The folder to create, with a run folder for each network and seed; by default runs/race-NAME-DATE-TIME
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// If the folder of --run contains a part of this race, go on with it: runs that have ended are taken as they are
    #[arg(long, requires = "run")]
    resume_or_start: bool,
    #[command(flatten)]
    threads: ThreadArgs,
    /// Print the standings after each epoch instead of the screen
    #[arg(long)]
    headless: bool,
    /// Print the result as one JSON object, and nothing else
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    notice: NoticeArgs,
}

/// What a race is decided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum By {
    /// All train the epochs of their presets
    Tokens,
    /// All train as long as the first that has trained its epochs
    Time,
}

/// The built-in races, for the help.
fn races() -> String {
    let result = |race: &BuiltinRace| match race.result {
        "" => String::new(),
        result => format!("\n  {:9} {result}", ""),
    };
    let lines = RACES.iter().map(|race| format!("\n  {:9} {}{}", race.name, race.about, result(race)));
    format!("Races, with the validation accuracy of seeds 1 to 3:{}", lines.collect::<String>())
}

/// Parses `3` or `4..8`.
fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let wrong = || format!("expected a number of seeds from 1 to {MAX_SEEDS}, or two seeds as in 4..8");
    if text.contains("..") {
        return super::train_args::seeds(text);
    }
    let count = text.trim().parse::<u64>().map_err(|_| wrong())?;
    if (1..=MAX_SEEDS).contains(&count) { Ok(1..=count) } else { Err(wrong()) }
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.trim().parse::<f64>().ok().filter(|seconds| seconds.is_finite() && *seconds > 0.0);
    seconds
        .filter(|seconds| *seconds < 1e9)
        .ok_or_else(|| "expected seconds greater than 0, as in 60".to_owned())
}

/// Trains several networks on the same data, and says which is best.
pub(super) fn race(args: &RaceArgs, screen: ScreenArgs) -> CliResult {
    if args.seconds.is_some() && args.by == By::Tokens {
        return Err(CliError::usage("--seconds needs --by time"));
    }
    let plan = Plan::new(RaceOptions {
        names: args.presets.clone(),
        overrides: Overrides { set: args.set.clone(), data: args.data.clone(), seed: None },
        seeds: args.seeds.clone(),
        budget: match args.by {
            By::Tokens => Budget::Tokens,
            By::Time => Budget::Time(args.seconds),
        },
        folder: args.run.clone(),
        resume: args.resume_or_start,
        threads: args.threads.count(),
    })?;
    let standings = plan.standings();
    let display = Display::new(args.headless || args.json, screen)?;
    let settings = match &display {
        Display::Dashboard(settings) if standings.networks.len() <= MOST_RUNS => Some(*settings),
        _ => None,
    };
    let pace = plan.pace();
    let (at_end, warnings) = args.notice.clone().at_race_end(settings.is_some() || args.json);
    let race = Race::start(plan, settings.is_some(), at_end)?;
    let code = match settings {
        Some(settings) => show(race, (standings, pace, settings), args.by, screen),
        None => {
            Signals::without_screen(race.commands.named("signal"))?;
            // In the background of its terminal, each line might stop the process.
            let is_quiet = args.json || matches!(display, Display::Background);
            finish(&follow(race, standings, is_quiet)?, args.json, screen)
        }
    };
    warnings.try_iter().for_each(|warning| print_error(&warning));
    code
}

/// Starts a built-in race with its screen, as without options.
///
/// # Errors
/// As of the command.
pub(super) fn start_builtin(name: &str) -> CliResult<(Race, Group)> {
    let plan = Plan::new(RaceOptions {
        names: vec![name.to_owned()],
        overrides: Overrides::default(),
        seeds: 1..=3,
        budget: Budget::Tokens,
        folder: None,
        resume: false,
        threads: usize::from(processors()),
    })?;
    let (standings, pace) = (plan.standings(), plan.pace());
    let race = Race::start(plan, true, Box::new(|_| {}))?;
    let group = group(&race, standings, "tokens", pace);
    Ok((race, group))
}

/// What the screen shows of a race.
fn group(race: &Race, standings: Standings, budget: &'static str, pace: Option<f64>) -> Group {
    let link = (race.events.clone(), race.commands.named("screen"));
    Group::of_race(standings, (budget, pace), link)
}

/// Shows the race until it is over or the user leaves it, and prints the result.
fn show(
    race: Race,
    (standings, pace, settings): (Standings, Option<f64>, ScreenSettings),
    by: By,
    args: ScreenArgs,
) -> CliResult {
    let signals = Signals::with_screen()?;
    let budget = if by == By::Time { "time" } else { "tokens" };
    let start = InitialScreen::Group(Box::new(group(&race, standings, budget, pace)));
    let outcome = shown(|| ui::run(start, Vec::new(), &mut |_| Err(String::new()), settings));
    end_shown(outcome, race, &signals, args)
}

/// Ends or continues a race after its screen has ended, and prints the result.
pub(super) fn end_shown(
    outcome: CliResult<ExitReason>,
    race: Race,
    signals: &Signals,
    screen: ScreenArgs,
) -> CliResult {
    let stop = |race: Race, signals_handled| {
        let _ = race.commands.named("signal").send(Command::SaveAndStop);
        signals.ending(signals_handled);
        race.join()
    };
    match outcome {
        Err(error) => {
            stop(race, 0)?;
            Err(error)
        }
        Ok(ExitReason::Signal(_)) => {
            let end = stop(race, 1)?;
            finish(&end, false, screen)?;
            Ok(ExitCode::from(exit::INTERRUPTED))
        }
        Ok(reason @ (ExitReason::LeftTraining | ExitReason::HungUp)) => {
            signals.training(race.commands.named("signal"));
            for command in [Command::FullSpeed, Command::Resume] {
                let _ = race.commands.send(command);
            }
            let standings = race.standings();
            let end = follow(race, standings, reason == ExitReason::HungUp)?;
            match reason {
                ExitReason::HungUp => Ok(exit_code(&end.outcome)),
                _ => finish(&end, false, screen),
            }
        }
        Ok(ExitReason::Quit | ExitReason::Detached | ExitReason::Branch) => {
            let end = stop(race, 0)?;
            let code = finish(&end, false, screen)?;
            // Stopping on the screen is a success.
            Ok(if end.outcome == Outcome::Stopped { ExitCode::SUCCESS } else { code })
        }
    }
}

/// Prints the standings after each epoch until the race ends.
fn follow(race: Race, mut standings: Standings, is_quiet: bool) -> CliResult<RaceEnd> {
    let mut lines = race::Lines::after(&standings);
    for event in &race.events {
        standings.apply(&event);
        for line in lines.next(&standings).iter().filter(|_| !is_quiet) {
            // Stdout may be closed; the runs are saved.
            let _ = writeln!(stdout(), "{}", foreign(line));
        }
    }
    Ok(race.join()?)
}

/// Prints the result, as JSON or as text; returns the exit code.
fn finish(end: &RaceEnd, json: bool, screen: ScreenArgs) -> CliResult {
    let judgement = judge(&end.standings);
    let has_failed = matches!(end.outcome, Outcome::Failed(_) | Outcome::Unusable(_));
    if has_failed && judgement.seeds == 0 {
        // There is no result.
    } else if json {
        print_json(std::iter::once(json::race(end, &judgement)))?;
    } else {
        let (head, rows) = race::table(&end.standings, &judgement).lines(width());
        let mut lines = vec![String::new(), head];
        lines.extend(rows);
        let table = lines.len() + 1;
        lines.extend([String::new(), race::verdict(&end.standings, &judgement)]);
        lines.extend(race::reason(&end.standings, &judgement));
        lines.extend(race::method(&end.standings, &judgement));
        let folder = shell_word(&end.folder.to_string_lossy());
        lines.push(format!("runs: {folder}; `unrolled runs {folder}` lists them"));
        let width = width();
        let lines = lines.into_iter().enumerate().flat_map(|(i, line)| {
            let line = foreign(&line).into_owned();
            // The table fits, and its blanks are to stay.
            if i < table { vec![line] } else { wrap(&line, width) }
        });
        print_lines(lines, screen)?;
    }
    if let Outcome::Failed(what) | Outcome::Unusable(what) = &end.outcome {
        print_error(what);
    }
    Ok(exit_code(&end.outcome))
}

/// The exit code of a race.
fn exit_code(outcome: &Outcome) -> ExitCode {
    match outcome {
        // A network that diverges has lost; the race has a result.
        Outcome::Diverged(_) => ExitCode::SUCCESS,
        outcome => code(outcome),
    }
}
