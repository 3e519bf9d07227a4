//! `unrolled show`, `note` and `tag`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use super::error::{CliError, CliResult};
use super::runs::{card_json, find, print_json, print_lines, width};
use super::{ScreenArgs, pages};
use crate::escape::foreign;
use crate::runs::{Card, Marks};
use crate::ui::text::wrap;

/// Columns of the names of a card.
const NAMES: usize = 11;
/// The flag that removes tags.
const REMOVE: &str = "--remove";

#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// A run folder, the name of one in runs/, or `latest`
    run: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct NoteArgs {
    /// A run folder, the name of one in runs/, or `latest`
    run: PathBuf,
    /// The note
    #[arg(required = true)]
    text: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct TagArgs {
    /// A run folder, the name of one in runs/, or `latest`
    run: PathBuf,
    /// Words; `keep` protects a run from `unrolled prune`, and -TAG removes a tag
    #[arg(required = true, value_name = "TAG", allow_hyphen_values = true)]
    tags: Vec<String>,
    /// Remove all tags that are named; also after them
    #[arg(long)]
    remove: bool,
}

/// Prints all about a run.
pub(super) fn show(args: &ShowArgs, screen: ScreenArgs) -> CliResult {
    let (folder, name) = find(&args.run)?;
    let card = Card::read(&folder, &name);
    if args.json {
        return print_json([card_json(&card)].into_iter());
    }
    let mut lines = Vec::new();
    let mut before = "";
    for (name, value) in card.rows() {
        // A command is copied as a whole.
        let room = if name == "repeat" { usize::MAX } else { width().saturating_sub(NAMES + 1).max(20) };
        for part in wrap(&value, room) {
            let shown = if before == name { "" } else { name };
            lines.push(format!("{shown:NAMES$} {part}").trim_end().to_owned());
            before = name;
        }
    }
    print_lines(lines.into_iter(), screen)
}

/// Adds a note to a run.
pub(super) fn note(args: &NoteArgs) -> CliResult {
    let text = args.text.join(" ");
    if text.trim().is_empty() {
        return Err(CliError::usage("the note is empty"));
    }
    change(&args.run, |marks| {
        marks.note(text.trim(), SystemTime::now());
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Adds or removes tags.
pub(super) fn tag(args: &TagArgs) -> CliResult {
    // After the first tag, what begins with a hyphen is a tag to remove.
    let remove = args.remove || args.tags.iter().any(|tag| tag == REMOVE);
    let marks = change(&args.run, |marks| {
        for tag in args.tags.iter().filter(|tag| *tag != REMOVE) {
            match tag.strip_prefix('-').or(remove.then_some(tag)) {
                Some(tag) if !marks.untag(tag) => {
                    let known = if marks.tags.is_empty() { "none".to_owned() } else { marks.tags.join(", ") };
                    return Err(CliError::usage(format!("the run has no tag `{tag}`; it has {known}")));
                }
                Some(_) => {}
                None => marks.tag(tag)?,
            }
        }
        Ok(())
    })?;
    pages::write(format!("tags: {}\n", foreign(&marks.tags.join(" "))).as_bytes())
}

/// Changes the notes and tags of a run.
fn change(run: &std::path::Path, change: impl FnOnce(&mut Marks) -> CliResult<()>) -> CliResult<Marks> {
    let (folder, _) = find(run)?;
    Marks::change(&folder, change)
}
