use std::io::Write;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;
use crate::cli::error::CliResult;
use crate::help;

pub(super) fn completions(shell: Shell) -> CliResult {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "unrolled", &mut script);
    write(&script)
}

pub(super) fn man() -> CliResult {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    for sub in Cli::command().get_subcommands().filter(|sub| sub.get_name() != "help") {
        clap_mangen::Man::new(sub.clone().disable_help_subcommand(true))
            .title(format!("unrolled-{}", sub.get_name()))
            .render(&mut page)?;
    }
    for topic in help::PAGES {
        page.extend(help::roff(topic).into_bytes());
    }
    write(&page)
}

/// Writes to stdout; a closed stdout (`| head`) is not an error.
pub(super) fn write(bytes: &[u8]) -> CliResult {
    match std::io::stdout().lock().write_all(bytes) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
