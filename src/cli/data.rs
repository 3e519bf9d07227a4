mod fetch;
mod list;
mod meter;
mod on_screen;

use std::io::{IsTerminal, stdout};
use std::path::PathBuf;

use super::new::InspectArgs;
use super::{ScreenArgs, help, new, pages};
use crate::cli::error::CliResult;
use crate::escape::foreign;
use crate::inspect;
use crate::ui::findings::Detail;

pub(super) use on_screen::FETCH;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Inspect a file or folder: what it is, columns, classes, lengths, vocabulary, suggested settings
    Info {
        /// A table, JSON lines, a folder of classes, tagged sentences, a series or a text
        path: PathBuf,
        #[command(flatten)]
        options: InspectArgs,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// List published data sets: size, terms of use, presets, whether they are downloaded
    List,
    /// Download a published data set, verify its checksum and unpack it
    Fetch(fetch::FetchArgs),
    /// Print this help, or the help of a subcommand
    Help {
        /// info, list or fetch
        command: Option<String>,
    },
}

pub(super) fn data(command: &Command, screen: ScreenArgs) -> CliResult {
    match command {
        Command::Info { path, options, json } => {
            let draft = inspect::draft(path, &options.options(), None)?;
            let text = match json {
                // JSON does not escape all characters that control a terminal.
                true if stdout().is_terminal() => {
                    foreign(&serde_json::to_string(&draft)?).into_owned() + "\n"
                }
                true => serde_json::to_string(&draft)? + "\n",
                false => new::report(&draft, Detail::Full, screen.glyphs()),
            };
            pages::write(text.as_bytes())
        }
        Command::List => list::list(),
        Command::Fetch(args) => fetch::fetch(args),
        Command::Help { command } => {
            let path: Vec<&str> = ["data"].into_iter().chain(command.as_deref()).collect();
            help::of_command(&path)
        }
    }
}
