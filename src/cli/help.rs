//! `unrolled help`: the pages, and the help of commands.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, IsTerminal, Write as _, stdout};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::CommandFactory;
use signal_hook::consts::SIGINT;

use super::error::{CliError, CliResult};
use super::{Cli, ScreenArgs, pages};
use crate::help::{self, PAGES, Page};
use crate::ui;
use crate::ui::findings::as_text;
use crate::ui::theme::Glyphs;

/// The maximum width of a page: longer lines are hard to read.
const WIDEST: usize = 96;
/// The width if that of the terminal is unknown.
const WIDTH: usize = 80;

#[derive(Debug, clap::Args)]
pub(super) struct HelpArgs {
    /// A page, such as `layers`, or a command, such as `train` or `data fetch`
    topic: Vec<String>,
}

/// Lists pages and commands, or shows one.
pub(super) fn help(args: &HelpArgs, screen: ScreenArgs) -> CliResult {
    let topic: Vec<&str> = args.topic.iter().map(String::as_str).collect();
    match topic.as_slice() {
        [] => pages::write(list().as_bytes()),
        [name] => match help::page(name) {
            Some(page) => show(page, screen.glyphs()),
            None => of_command(&topic),
        },
        path => of_command(path),
    }
}

/// Prints the help of the command at `path`, such as `data fetch`.
pub(super) fn of_command(path: &[&str]) -> CliResult {
    match command(path) {
        Some(mut command) => {
            let help = command.render_long_help();
            match stdout().is_terminal() {
                true => pages::write(help.ansi().to_string().as_bytes()),
                false => pages::write(help.to_string().as_bytes()),
            }
        }
        None => Err(CliError::usage(unknown(&path.join(" ")))),
    }
}

fn command(path: &[&str]) -> Option<clap::Command> {
    let mut root = Cli::command();
    root.build();
    path.iter().try_fold(root, |command, name| command.find_subcommand(name).cloned())
}

/// The error for an unknown `topic`, with a suggestion.
fn unknown(topic: &str) -> String {
    let root = Cli::command();
    let known = PAGES.iter().map(|page| page.name).chain(root.get_subcommands().map(clap::Command::get_name));
    let distance = |name: &str| strsim::damerau_levenshtein(&topic.to_lowercase(), name);
    let nearest = known.min_by_key(|name| distance(name));
    let hint = match nearest.filter(|name| distance(name) <= name.len().div_ceil(3)) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "`unrolled help` lists them".to_owned(),
    };
    format!("no help page and no command `{topic}`; {hint}")
}

/// Commands and pages, a line each.
fn list() -> String {
    let mut out = String::from("Commands: unrolled help COMMAND, or unrolled COMMAND --help\n");
    let mut line = |name: &str, about: &str| {
        let _ = writeln!(out, "  {name:12} {about}");
    };
    let root = Cli::command();
    for command in root.get_subcommands() {
        line(command.get_name(), &command.get_about().map(ToString::to_string).unwrap_or_default());
    }
    out += "\nPages: unrolled help PAGE\n";
    for page in PAGES {
        let _ = writeln!(out, "  {:12} {}", page.name, page.title());
    }
    out
}

/// Shows a page: through a pager on a terminal, else as plain text.
fn show(page: &Page, glyphs: Glyphs) -> CliResult {
    let terminal = stdout().is_terminal();
    let columns = match usize::from(ui::terminal::size(stdout()).width) {
        0 => WIDTH,
        known if terminal => known.min(WIDEST),
        _ => WIDTH,
    };
    let mut text = page.text.to_owned();
    if command(&[page.name]).is_some() {
        let _ = write!(text, "\nThe command: `unrolled {} --help`\n", page.name);
    }
    let lines = help::layout(&text, columns);
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    let unicode = matches!(glyphs, Glyphs::Braille | Glyphs::Blocks);
    let text = match terminal && unicode && !dumb {
        true => ui::help::ansi(&lines),
        false => {
            let widest = lines.iter().map(help::width).max().unwrap_or(0);
            as_text(ui::help::styled(lines, &ui::findings::plain_theme(glyphs)), widest, glyphs)
        }
    };
    match terminal.then(pager).flatten() {
        Some(pager) => through(pager, &text),
        None => pages::write(text.as_bytes()),
    }
}

/// Starts `$PAGER`, or else `less -R`; `None` if there is neither.
fn pager() -> Option<Child> {
    let mut command = match std::env::var("PAGER") {
        Ok(chosen) if chosen.trim().is_empty() => return None,
        Ok(chosen) => {
            let mut shell = Command::new("sh");
            shell.args(["-c", &chosen]);
            shell
        }
        Err(_) => {
            let mut less = Command::new("less");
            less.arg("-R");
            less
        }
    };
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", "FRX"); // As git does: print a page that fits, and interpret escape sequences.
    }
    command.stdin(Stdio::piped()).spawn().ok()
}

/// Sends `text` through the pager and waits for its end.
fn through(mut pager: Child, text: &str) -> CliResult {
    // Ctrl-C is for the pager, which would lose its terminal if this process ended.
    signal_hook::flag::register(SIGINT, Arc::new(AtomicBool::new(false)))?;
    let sent = pager.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(text.as_bytes()));
    let status = wait(&mut pager)?;
    match sent {
        // The exit code of a shell for an unknown command.
        _ if status.code() == Some(127) => pages::write(text.as_bytes()),
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn wait(pager: &mut Child) -> io::Result<std::process::ExitStatus> {
    loop {
        match pager.wait() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
