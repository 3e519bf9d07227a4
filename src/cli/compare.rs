//! `unrolled compare`.

use std::io::{IsTerminal, stdin, stdout};
use std::path::{Path, PathBuf};

use super::dashboard::{end, shown};
use super::error::{CliError, CliResult};
use super::runs::{RUNS, comparison_json, find, print_json, print_lines, width};
use super::signals::Signals;
use super::{ScreenArgs, print_error};
use crate::number::counted;
use crate::runs::{self, Comparison, Differing, Table};
use crate::ui::group::{Group, MOST_RUNS};
use crate::ui::{self, InitialScreen};

#[derive(Debug, clap::Args)]
pub(super) struct CompareArgs {
    /// Run folders, names of runs in runs/, or `latest`; of a folder of seeds or folds all its runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Print the table instead of the screen, with the settings that differ by a preset or a change
    #[arg(long)]
    plain: bool,
    /// With the table: print defaults that differ as well, such as those of another class of layer
    #[arg(long, conflicts_with = "json")]
    all: bool,
}

/// Compares runs.
pub(super) fn compare(args: &CompareArgs, screen: ScreenArgs) -> CliResult {
    let mut chosen: Vec<runs::Run> = Vec::new();
    for run in &args.runs {
        for found in runs_of(run)? {
            if chosen.iter().all(|run| run.path != found.path) {
                chosen.push(found);
            }
        }
    }
    if chosen.len() < 2 {
        return Err(CliError::usage("found one run; expected two or more to compare"));
    }
    let is_shown = !args.json && !args.plain && !args.all && stdin().is_terminal() && stdout().is_terminal();
    if is_shown && chosen.len() <= MOST_RUNS {
        let settings = screen.settings()?;
        let signals = Signals::with_screen()?;
        let start = InitialScreen::Group(Box::new(Group::of_runs(chosen)));
        let outcome = shown(|| ui::run(start, Vec::new(), &mut |_| Err(String::new()), settings));
        return end(outcome, None, &signals);
    }
    let comparison = Comparison::new(chosen);
    if args.json {
        return print_json([comparison_json(&comparison)].into_iter());
    }
    let all: Vec<&Differing> = comparison.of_training().collect();
    let settings = if args.all { all.clone() } else { comparison.written() };
    let hidden = all.len() - settings.len();
    let note = (hidden > 0).then(|| format!("{} more by default; --all prints them", differ(hidden)));
    let note = note.into_iter().flat_map(|note| [String::new(), note]);
    print_lines(side_by_side(comparison.table(&settings), width()).chain(note), screen)
}

/// `2 settings differ`.
fn differ(count: usize) -> String {
    format!("{} {}", counted(count, "setting"), if count == 1 { "differs" } else { "differ" })
}

/// The run called `run`, or the runs of a folder of seeds or folds. A folder without any is passed over in words: `runs/*` may well name
/// one.
fn runs_of(run: &Path) -> CliResult<Vec<runs::Run>> {
    let missing = match find(run) {
        Ok((folder, name)) => return Ok(vec![runs::open(&folder, &name)]),
        Err(error) => error,
    };
    let Some(folder) = [run.to_owned(), Path::new(RUNS).join(run)].into_iter().find(|folder| folder.is_dir())
    else {
        return Err(missing.into());
    };
    let mut inner = runs::list(&folder)?;
    if inner.is_empty() {
        print_error(&format_args!("{} contains no runs, and is left out", folder.display()));
    }
    let name = folder.strip_prefix(RUNS).unwrap_or(&folder).to_string_lossy();
    for run in &mut inner {
        run.name = format!("{name}/{}", run.name).into();
    }
    Ok(inner)
}

/// The lines of the table; where the terminal is too narrow for all runs, one part below the other.
fn side_by_side(table: Table, width: usize) -> impl Iterator<Item = String> {
    let mut columns = table.columns.into_iter();
    let first = columns.next();
    let mut rest: Vec<_> = columns.collect();
    let mut lines = Vec::new();
    while let (Some(first), false) = (&first, rest.is_empty()) {
        let fits = |count: usize| {
            let part =
                Table { columns: [first].into_iter().chain(rest.iter().take(count)).cloned().collect() };
            let (head, rows) = part.lines(usize::MAX);
            rows.iter().chain([&head]).all(|line| line.chars().count() <= width)
        };
        let count = (1..=rest.len()).take_while(|count| fits(*count)).last().unwrap_or(1);
        let part: Vec<_> = [first.clone()].into_iter().chain(rest.drain(..count)).collect();
        let (head, rows) = Table { columns: part }.lines(width.max(40));
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(head);
        lines.extend(rows);
    }
    lines.into_iter()
}
