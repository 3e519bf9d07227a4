use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{ScreenArgs, pages};
use crate::cli::error::{CliError, CliResult};
use crate::data::{Column, DateOrder, Encoding, Fill};
use crate::durable;
use crate::durable::FileError;
use crate::escape::foreign;
use crate::inspect::{self, InspectOptions, TaskHint};
use crate::preset::EditedPreset;
use crate::protocol::Draft;
use crate::ui::CustomDataHooks;
use crate::ui::findings::{self, Detail, as_text, plain_theme};
use crate::ui::theme::Glyphs;

/// The width of the report.
const WIDTH: usize = 80;

#[derive(Debug, clap::Args)]
pub(super) struct NewArgs {
    /// A table, JSON lines, a folder of classes, tagged sentences, sequences of numbers, a series or a text
    path: PathBuf,
    #[command(flatten)]
    options: InspectArgs,
    /// Where to write the preset; - for stdout; by default NAME.yaml in the current folder
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
}

/// Options of the inspection of data.
#[derive(Debug, Default, clap::Args)]
pub(super) struct InspectArgs {
    /// The task; detected by default
    #[arg(long, value_enum, value_name = "TASK")]
    task: Option<Task>,
    /// The column with the text: its name, or its number from 1
    #[arg(long, value_name = "COLUMN")]
    text: Option<String>,
    /// The column with the label: its name, or its number from 1; several columns of 0 and 1 with commas between them
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// The column with the tag of every word: its number from 1, or its name in CoNLL-U (xpos)
    #[arg(long, value_name = "COLUMN")]
    tag: Option<String>,
    /// The column with the dates of a series, or those with parts of them: year,month,day
    #[arg(long, value_name = "COLUMN,…")]
    date: Option<String>,
    /// The columns of a series to forecast: their names, or their numbers from 1
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    values: Vec<String>,
    /// Know all words that occur so often in the training texts: 1 for all, 2 for those that recur
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    at_least: Option<u64>,
    /// Character encoding: utf-8, latin-1, windows-1251, koi8-r, gbk, …; detected by default
    #[arg(long, value_name = "NAME")]
    encoding: Option<Encoding>,
    /// Order of day and month in dates such as 01/02/1999; detected by default
    #[arg(long, value_enum, value_name = "ORDER")]
    date_order: Option<Order>,
    /// Decimal separator of the numbers of a series: "." or ","; detected by default
    #[arg(long, value_name = "SIGN", value_parser = [".", ","])]
    decimal: Option<String>,
    /// How gaps of a series are closed; by default no window spans one
    #[arg(long, value_enum, value_name = "HOW")]
    fill: Option<Gaps>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Gaps {
    /// By the straight line between the values on both sides
    Linear,
    /// By the value before
    Previous,
    /// Rows without a value are left out, those beside them are neighbours
    Drop,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Order {
    /// The day first
    Dmy,
    /// The month first
    Mdy,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Task {
    /// Classify texts or sequences
    Classify,
    /// Forecast a series
    Forecast,
    /// Tag every word
    Tag,
    /// Language model: predict the next token of a text
    Language,
}

impl InspectArgs {
    pub fn options(&self) -> InspectOptions {
        let column = |column: &String| Column::parse(column);
        let task = |task| match task {
            Task::Classify => TaskHint::Classify,
            Task::Forecast => TaskHint::Forecast,
            Task::Tag => TaskHint::Tag,
            Task::Language => TaskHint::Language,
        };
        InspectOptions {
            task: self.task.map(task),
            text: self.text.as_ref().map(column),
            label: self.label.as_ref().map(column),
            tag: self.tag.as_ref().map(column),
            at_least: self.at_least,
            date: self.date.clone(),
            values: self.values.clone(),
            encoding: self.encoding,
            date_order: self.date_order.map(|order| match order {
                Order::Dmy => DateOrder::Dmy,
                Order::Mdy => DateOrder::Mdy,
            }),
            fill: self.fill.map(|fill| match fill {
                Gaps::Linear => Fill::Linear,
                Gaps::Previous => Fill::Previous,
                Gaps::Drop => Fill::Drop,
            }),
            decimal: self.decimal.as_deref().and_then(|sign| sign.chars().next()),
        }
    }
}

/// The functions of the menu for the user's own data.
pub(super) const CUSTOM_DATA: CustomDataHooks = CustomDataHooks {
    inspect: |path| {
        // Relative to the current folder in the preset.
        let here = std::env::current_dir().unwrap_or_default();
        let path = path.strip_prefix(&here).ok().filter(|path| !path.as_os_str().is_empty()).unwrap_or(path);
        inspect::draft(path, &InspectOptions::default(), None).map_err(|error| crate::error::chain(&error))
    },
    write_preset: |draft| write_beside(draft).map_err(|error| error.to_string()),
};

/// Writes the preset to the current folder under its name, or with a number appended if another preset has that; returns the file name.
fn write_beside(draft: &Draft) -> CliResult<String> {
    let preset = draft.preset.as_ref().map_err(|reason| CliError::usage(reason.clone()))?;
    for number in 1..1000 {
        let end = if number == 1 { String::new() } else { format!("-{number}") };
        let name = format!("{}{end}.yaml", draft.name);
        let path = Path::new(&name);
        if !path.exists() {
            write(path, preset, false)?;
            return Ok(name);
        }
        // Inspecting the same data again gives the same file.
        if fs::read(path).is_ok_and(|target| target == preset.as_bytes()) {
            return Ok(name);
        }
    }
    Err(CliError::usage(format!("{}.yaml and 998 more files exist already", draft.name)))
}

/// Writes an edited preset to a new file in the current folder; returns its name, or in words why it cannot be written.
pub(super) fn save_edited(edited: &EditedPreset) -> Result<String, String> {
    let name = edited.name().strip_suffix(".yaml").unwrap_or(edited.name());
    let changes: Vec<String> = edited.changes().iter().map(|change| format!("# --set {change}\n")).collect();
    let text = format!("# {} with\n{}\n{}", edited.name(), changes.concat(), edited.to_yaml());
    for number in 1..1000 {
        let end = if number == 1 { String::new() } else { format!("-{number}") };
        let file = format!("{name}-edited{end}.yaml");
        if !Path::new(&file).exists() {
            write(Path::new(&file), &text, false).map_err(|error| error.to_string())?;
            return Ok(file);
        }
    }
    Err(format!("{name}-edited.yaml and 998 more files exist already"))
}

/// Inspects data, prints a short report, and writes a preset.
pub(super) fn new(args: &NewArgs, screen: ScreenArgs) -> CliResult {
    let to_stdout = args.out.as_deref() == Some(Path::new("-"));
    let to = args.out.as_deref().filter(|_| !to_stdout);
    let draft = inspect::draft(&args.path, &args.options.options(), to)?;
    let report = report(&draft, Detail::Short, screen.glyphs());
    let preset = match &draft.preset {
        Ok(preset) if to_stdout => return pages::write(preset.as_bytes()),
        Ok(preset) => preset,
        Err(reason) => {
            if !to_stdout {
                pages::write(report.as_bytes())?;
            }
            return Err(CliError::usage(format!("{}: no preset: {reason}", args.path.display())));
        }
    };
    let to = to.map_or_else(|| PathBuf::from(format!("{}.yaml", draft.name)), PathBuf::from);
    write(&to, preset, args.force)?;
    let path = foreign(&to.display().to_string()).into_owned();
    let word = super::shell_word(&path);
    pages::write(format!("{report}\nwritten: {path}\nnext:    unrolled train {word}\n").as_bytes())
}

/// Writes a preset; overwrites an existing file only with `force`.
fn write(to: &Path, preset: &str, force: bool) -> CliResult<()> {
    let refuse = |what: String| CliError::usage(format!("{}: {what}", to.display()));
    if force {
        // A symbolic link is followed, and anything but a regular file is not replaced.
        let target = fs::canonicalize(to);
        if target.as_ref().is_ok_and(|target| !target.is_file()) {
            return Err(refuse("not a file: --out FILE names one, --out - prints the preset".into()));
        }
        // An atomic write: the old file is not lost to a full disk.
        return Ok(durable::write(target.as_deref().unwrap_or(to), preset.as_bytes())?);
    }
    let mut file = File::create_new(to).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            refuse("already exists: --force overwrites it, --out FILE names another".into())
        }
        _ => refuse(format!("cannot be written: {error}")),
    })?;
    file.write_all(preset.as_bytes()).map_err(|error| {
        // Do not leave an incomplete preset.
        let _ = fs::remove_file(to);
        FileError { action: "write", path: to.to_owned(), source: error }.into()
    })
}

/// The report of an inspection as plain text.
pub(super) fn report(draft: &Draft, detail: Detail, glyphs: Glyphs) -> String {
    as_text(findings::lines(draft, detail, WIDTH, &plain_theme(glyphs)), WIDTH, glyphs)
}
