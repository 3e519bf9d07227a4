//! `unrolled runs`, and what the commands on runs have in common.

mod csv;
mod json;
mod latex;

use std::io::{ErrorKind, IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use ratatui::text::Line;

use super::error::{CliError, CliResult};
use super::{ScreenArgs, pages};
use crate::escape::foreign;
use crate::run::control::remove_dead_sockets;
use crate::run::{self, RunError, RunState};
use crate::runs::{self, Filter, Group, Key, Run, Table};
use crate::ui;
use crate::ui::findings::as_text;
use crate::ui::text::wrap;
use crate::ui::theme::Glyphs;

pub(super) use csv::line as csv_line;
pub(super) use json::{card_json, comparison_json, run_json};
pub(super) use latex::table as latex_table;

/// The folder of runs.
pub(super) const RUNS: &str = "runs";

#[derive(Debug, clap::Args)]
pub(super) struct RunsArgs {
    /// A folder of runs; by default runs/
    dir: Option<PathBuf>,
    /// Sort by a column, a metric or a setting, e.g. val_loss; - before it reverses (-val_f1), and without it the latest is first
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    sort: Option<String>,
    /// List the runs that fulfil all conditions, e.g. 'val_acc>0.9 lstm !conv units=16'
    #[arg(long, value_name = "CONDITIONS", allow_hyphen_values = true)]
    filter: Option<String>,
    /// A row for each value of a setting or column: mean ± standard deviation over its finished runs
    #[arg(long, value_name = "KEY")]
    group: Option<String>,
    #[command(flatten)]
    format: FormatArgs,
}

/// The formats of a table for other programs.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct FormatArgs {
    /// Print one JSON object per line
    #[arg(long, group = "format")]
    pub json: bool,
    /// Print comma-separated values, with all metrics and the settings that differ
    #[arg(long, group = "format")]
    pub csv: bool,
    /// Print a LaTeX table (booktabs)
    #[arg(long, group = "format")]
    pub latex: bool,
}

/// Lists the runs of a folder.
pub(super) fn runs(args: &RunsArgs, screen: ScreenArgs) -> CliResult {
    let dir = args.dir.as_deref().unwrap_or(Path::new(RUNS));
    let now = SystemTime::now();
    let all = match runs::list(dir) {
        Err(RunError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => match args.dir {
            Some(_) => return Err(CliError::usage(format!("{}: no such folder", dir.display()))),
            None => Vec::new(),
        },
        Err(RunError::Io { source, .. }) if source.kind() == ErrorKind::NotADirectory => {
            return Err(CliError::usage(format!("{}: it is no folder", dir.display())));
        }
        listed => listed?,
    };
    if all.is_empty() {
        let note =
            format!("no runs in {}; unrolled train PRESET makes one\n", foreign(&dir.to_string_lossy()));
        return pages::write(if args.format.json || args.format.csv || args.format.latex {
            b""
        } else {
            note.as_bytes()
        });
    }
    let crashed = all.iter().filter(|run| run.state == RunState::Crashed);
    remove_dead_sockets(crashed.map(|run| run.path.as_path()));
    let shown = select(args, all, now)?;
    if let Some(name) = &args.group {
        let key = Key::find_one(name, &shown)?;
        let groups = runs::group(&shown, &key, now);
        return print(args, &Shown::Groups(&groups, name), now, screen);
    }
    print(args, &Shown::Runs(&shown), now, screen)
}

/// Filters and sorts.
fn select(args: &RunsArgs, all: Vec<Run>, now: SystemTime) -> CliResult<Vec<Run>> {
    let filter = Filter::parse(args.filter.as_deref().unwrap_or_default(), &all)?;
    let sort = args.sort.as_deref().unwrap_or("age");
    let (name, descending) = sort.strip_prefix('-').map_or((sort, false), |name| (name, true));
    let key = Key::find_one(name, &all)?;
    let mut shown = all;
    shown.retain(|run| filter.passes(run, now));
    runs::sort(&mut shown, &key, descending, now);
    Ok(shown)
}

/// What is printed.
enum Shown<'a> {
    Runs(&'a [Run]),
    /// With the name of their key.
    Groups(&'a [Group], &'a str),
}

impl Shown<'_> {
    fn table(&self, now: SystemTime) -> Table {
        match self {
            Self::Runs(runs) => runs::columns(runs, now),
            Self::Groups(groups, key) => runs::group_columns(groups, key),
        }
    }
}

fn print(args: &RunsArgs, shown: &Shown<'_>, now: SystemTime, screen: ScreenArgs) -> CliResult {
    if args.format.json {
        return match shown {
            Shown::Runs(runs) => print_json(runs.iter().map(json::run_json)),
            Shown::Groups(groups, key) => print_json(groups.iter().map(|group| json::group_json(group, key))),
        };
    }
    if args.format.csv {
        return pages::write(
            match shown {
                Shown::Runs(runs) => csv::runs(runs).into_bytes(),
                Shown::Groups(groups, key) => csv::groups(groups, key).into_bytes(),
            }
            .as_slice(),
        );
    }
    let table = shown.table(now);
    if args.format.latex {
        return pages::write(latex::table(&table).as_bytes());
    }
    if table.columns.first().is_none_or(|column| column.cells.is_empty()) {
        return pages::write(b"no run fulfils these conditions\n");
    }
    print_table(&table, screen)?;
    match shown {
        Shown::Runs(_) => Ok(ExitCode::SUCCESS),
        Shown::Groups(groups, _) => {
            let notes = runs::group_notes(groups);
            print_lines(notes.iter().flat_map(|note| wrap(note, width())), screen)
        }
    }
}

/// Prints one JSON object per line.
pub(super) fn print_json(lines: impl Iterator<Item = serde_json::Value>) -> CliResult {
    let mut out = String::new();
    for line in lines {
        let line = line.to_string();
        // JSON does not escape all characters that control a terminal.
        out += &if stdout().is_terminal() { foreign(&line).into_owned() } else { line };
        out.push('\n');
    }
    pages::write(out.as_bytes())
}

/// Prints a table, as wide as the terminal.
pub(super) fn print_table(table: &Table, screen: ScreenArgs) -> CliResult {
    let (head, rows) = table.lines(width());
    print_lines([head].into_iter().chain(rows), screen)
}

/// Prints escaped lines with the characters of the terminal.
pub(super) fn print_lines(lines: impl Iterator<Item = String>, screen: ScreenArgs) -> CliResult {
    let glyphs = screen.glyphs();
    let mut out = String::new();
    for line in lines {
        match glyphs {
            Glyphs::Braille | Glyphs::Blocks => {
                out += &line;
                out.push('\n');
            }
            _ => out += &as_text(vec![Line::raw(line.as_str())], line.chars().count() * 2, glyphs),
        }
    }
    pages::write(out.as_bytes())
}

/// The width of the terminal, or no limit.
pub(super) fn width() -> usize {
    match stdout().is_terminal() {
        true => usize::from(ui::terminal::size(stdout()).width),
        false => usize::MAX,
    }
}

/// Returns the folder and the name of a run: as for other commands, and also of one that is damaged.
///
/// # Errors
/// If there is none.
pub(super) fn find(run: &Path) -> Result<(PathBuf, String), RunError> {
    let runs = Path::new(RUNS);
    let folder = match run::resolve(runs, run) {
        Err(missing @ RunError::Missing { .. }) => {
            let is_run = |folder: &PathBuf| {
                ["metrics.jsonl", "frames.bin"].iter().any(|file| folder.join(file).is_file())
            };
            let damaged = [run.to_owned(), runs.join(run)].into_iter().find(is_run);
            damaged.ok_or(missing)
        }
        found => found,
    }?;
    let name = folder.strip_prefix(runs).unwrap_or(&folder).to_string_lossy().into_owned();
    Ok((folder, name))
}
