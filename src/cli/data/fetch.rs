use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, unbounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::meter::Meter;
use crate::cli::error::{CliError, CliResult};
use crate::cli::{exit, pages, shell_word};
use crate::escape::foreign;
use crate::fetch::catalog::{self, DATASETS};
use crate::fetch::{self, FetchError, FetchOptions, Fetched, File, Form, Progress};
use crate::number::bytes;
use crate::ui::terminal::is_ignored;

/// The maximum time for a cancelled download to clean up.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(3);
/// The interval of checking for cancellation.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct FetchArgs {
    /// A data set's name (see `unrolled data list`)
    name: String,
    /// The folder to put it into; by default the current one
    #[arg(long, value_name = "DIR", default_value = ".", hide_default_value = true)]
    into: PathBuf,
    /// Replace an existing file or folder, with everything in it
    #[arg(long)]
    force: bool,
}

/// An unknown name of a data set.
#[derive(Debug, thiserror::Error)]
#[error("{name}: there is no such data set{}; there are {}", like.map(|like| format!("; did you mean {like}?")).unwrap_or_default(), DATASETS.iter().map(|dataset| dataset.name).collect::<Vec<_>>().join(", "))]
struct UnknownDatasetError {
    name: String,
    like: Option<&'static str>,
}

/// Downloads a data set, and prints the commands to use it.
pub(super) fn fetch(args: &FetchArgs) -> CliResult {
    let dataset = catalog::find(&args.name).ok_or_else(|| {
        let close = |name: &&str| strsim::jaro_winkler(name, &args.name) > 0.8;
        let like = DATASETS.iter().map(|dataset| dataset.name).find(close);
        CliError::usage(UnknownDatasetError { name: args.name.clone(), like })
    })?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal)) {
        // A second signal exits immediately.
        signal_hook::flag::register_conditional_shutdown(
            signal,
            i32::from(exit::INTERRUPTED),
            Arc::clone(&stop),
        )?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let into = if args.into == Path::new(".") { Path::new("") } else { &args.into };
    let mut report = String::new();
    for file in dataset.files {
        match fetch_file(file, into, args.force, &stop)? {
            Ok(Fetched::New(path)) => report += &format!("{} is complete\n", path.display()),
            Ok(Fetched::Existing(path)) => report += &format!("{} already exists\n", path.display()),
            Err(FetchError::Stopped) => {
                let part = fetch::part(file, into);
                let hint = match part.metadata().map(|part| part.len()) {
                    Ok(size @ 1..) => {
                        format!(
                            "; {} are in {}: the same command resumes the download",
                            bytes(size),
                            part.display()
                        )
                    }
                    _ => String::new(),
                };
                crate::cli::print_error(&format_args!("interrupted{hint}"));
                return Ok(ExitCode::from(exit::INTERRUPTED));
            }
            Err(error) => {
                let hand = by_hand(&error, file, into, &args.name);
                crate::cli::print_error(&crate::error::chain(&error));
                let _ = write!(std::io::stderr(), "{hand}");
                return Ok(ExitCode::from(exit::FAILED));
            }
        }
    }
    if !dataset.next.is_empty() {
        report += "Next:\n";
    }
    for command in dataset.next {
        report += &format!("  {}\n", placed(command, into));
    }
    pages::write(foreign_lines(&report).as_bytes())
}

/// Downloads one file on a thread of its own and prints the progress, so that a slow server does not delay signals.
fn fetch_file(
    file: &'static File<'static>,
    into: &Path,
    force: bool,
    stop: &Arc<AtomicBool>,
) -> CliResult<Result<Fetched, FetchError>> {
    let (sender, messages) = unbounded();
    let (into, flag) = (into.to_owned(), Arc::clone(stop));
    let worker = thread::Builder::new().name("fetch".into()).spawn(move || {
        let options = FetchOptions { force, ..FetchOptions::new(&into, &flag) };
        fetch::fetch(file, &options, &mut |progress| send(&sender, progress))
    })?;
    let terminal = std::io::stderr().is_terminal();
    let mut meter = Meter::new(std::io::stderr(), file.name(), terminal);
    let mut stopped_at = None;
    loop {
        match messages.recv_timeout(POLL_INTERVAL) {
            Ok(progress) => meter.update(&progress, Instant::now()),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if stop.load(Ordering::Relaxed)
            && stopped_at.get_or_insert_with(Instant::now).elapsed() >= CLEANUP_TIMEOUT
        {
            meter.end();
            return Ok(Err(FetchError::Stopped));
        }
    }
    meter.end();
    worker.join().map_err(|_| CliError::failed("the download ended because of a bug in the program"))
}

/// Sends a message; the receiver may have been dropped.
fn send(sender: &Sender<Progress>, progress: Progress) {
    let _ = sender.send(progress);
}

/// Instructions to download the file without this program, if that may help.
pub(super) fn by_hand(error: &FetchError, file: &File<'_>, into: &Path, name: &str) -> String {
    if !matches!(error, FetchError::Unreachable(_) | FetchError::Without) {
        return String::new();
    }
    let place = fetch::archive(file, into);
    let (place, sum) = (shell_word(&place.display().to_string()), file.sum);
    let mut text = format!(
        "To download it manually, also on another machine:\n  curl -L -o {place} {}\n",
        file.addresses.first().unwrap_or(&"")
    );
    text += &format!("  {} {place}    # {}\n", sum.command(), sum.hex());
    text += &match (error, file.form) {
        (_, Form::Plain) => String::new(),
        (FetchError::Without, Form::TarGz(part)) => {
            format!("  tar -xzf {place}    # {} becomes {}\n", part.within, file.target)
        }
        (FetchError::Without, Form::Zip(part)) => {
            format!("  unzip {place}    # {} becomes {}\n", part.within, file.target)
        }
        _ => {
            let into = match into.as_os_str().is_empty() {
                true => String::new(),
                false => format!(" --into {}", shell_word(&into.display().to_string())),
            };
            format!("  unrolled data fetch {name}{into}    # checks it and unpacks it\n")
        }
    };
    foreign_lines(&text)
}

/// Escapes every line of `text`.
fn foreign_lines(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", foreign(line))).collect()
}

/// A command of the catalog, with the folder of the data.
fn placed(command: &str, into: &Path) -> String {
    let word = |word: &str| match word.split_once('@') {
        Some((before, file)) => shell_word(&format!("{before}{}", into.join(file).display())),
        None => shell_word(word),
    };
    foreign(&command.split(' ').map(word).collect::<Vec<_>>().join(" ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_commands_name_the_folder_and_are_quoted_for_a_shell() {
        let next = |command, into| placed(command, Path::new(into));
        assert_eq!(next("unrolled train a --data @b", ""), "unrolled train a --data b");
        assert_eq!(
            next("train --set data.validation.path=@c/d.csv", "x/y"),
            "train --set data.validation.path=x/y/c/d.csv"
        );
        assert_eq!(next("train --data @b", "it's here"), r"train --data 'it'\''s here/b'");
        assert_eq!(next("train --set data.values=[\"#P\"]", ""), "train --set 'data.values=[\"#P\"]'");
    }

    #[test]
    fn the_catalog_and_the_presets_are_consistent() {
        for dataset in DATASETS {
            let mut named = dataset
                .next
                .iter()
                .flat_map(|command| command.split(' ').skip_while(|word| *word != "train").nth(1))
                // Written by the command before it.
                .filter(|preset| !preset.ends_with(".yaml"));
            for preset in dataset.presets.iter().copied().chain(named.by_ref()) {
                assert!(
                    crate::preset::text(preset).is_some(),
                    "{}: there is no preset {preset}",
                    dataset.name
                );
            }
            for preset in dataset.presets {
                let text = crate::preset::text(preset).unwrap();
                assert!(
                    text.contains(&format!("unrolled data fetch {}", dataset.name)),
                    "{preset} does not mention it"
                );
            }
        }
    }
}
