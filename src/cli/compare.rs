//! `unrolled compare`.

use std::io::{IsTerminal, stdin, stdout};
use std::path::PathBuf;

use super::ScreenArgs;
use super::dashboard::{end, shown};
use super::error::{CliError, CliResult};
use super::runs::{comparison_json, find, print_json, print_lines, width};
use super::signals::Signals;
use crate::runs::{self, Comparison, Table};
use crate::ui::compare::{CompareScreen, MAX_RUNS};
use crate::ui::{self, InitialScreen};

#[derive(Debug, clap::Args)]
pub(super) struct CompareArgs {
    /// Run folders, names of runs in runs/, or `latest`
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Print the table instead of the screen
    #[arg(long)]
    plain: bool,
}

/// Compares runs.
pub(super) fn compare(args: &CompareArgs, screen: ScreenArgs) -> CliResult {
    let mut chosen: Vec<runs::Run> = Vec::new();
    for run in &args.runs {
        let (folder, name) = find(run)?;
        if chosen.iter().all(|run| run.path != folder) {
            chosen.push(runs::open(&folder, &name));
        }
    }
    if chosen.len() < 2 {
        return Err(CliError::usage("found one run; expected two or more to compare"));
    }
    let is_shown = !args.json && !args.plain && stdin().is_terminal() && stdout().is_terminal();
    if is_shown && chosen.len() <= MAX_RUNS {
        let theme = screen.theme()?;
        let signals = Signals::with_screen()?;
        let start = InitialScreen::Compare(Box::new(CompareScreen::new(chosen)));
        let outcome = shown(|| ui::run(start, Vec::new(), &mut |_| Err(String::new()), theme));
        return end(outcome, None, &signals);
    }
    let comparison = Comparison::new(chosen);
    if args.json {
        return print_json([comparison_json(&comparison)].into_iter());
    }
    print_lines(side_by_side(comparison.table(), width()), screen)
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
