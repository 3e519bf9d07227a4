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

/// How long a fetch that is to stop may take to tidy up.
const TIDYING: Duration = Duration::from_secs(3);
/// How often it is looked whether it is to stop.
const GLANCE: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// A data set's name (see `unrolled data list`)
    name: String,
    /// The folder to put it into; by default the current one
    #[arg(long, value_name = "DIR", default_value = ".", hide_default_value = true)]
    into: PathBuf,
    /// Replace an existing file or folder, with everything in it
    #[arg(long)]
    force: bool,
}

/// There is no data set of that name.
#[derive(Debug, thiserror::Error)]
#[error("{name}: there is no such data set{}; there are {}", like.map(|like| format!("; did you mean {like}?")).unwrap_or_default(), DATASETS.iter().map(|dataset| dataset.name).collect::<Vec<_>>().join(", "))]
struct UnknownDataset {
    name: String,
    like: Option<&'static str>,
}

/// Fetches a data set, and says how to go on.
pub(super) fn fetch(args: &Args) -> CliResult {
    let dataset = catalog::find(&args.name).ok_or_else(|| {
        let close = |name: &&str| strsim::jaro_winkler(name, &args.name) > 0.8;
        let like = DATASETS.iter().map(|dataset| dataset.name).find(close);
        CliError::usage(UnknownDataset { name: args.name.clone(), like })
    })?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal)) {
        // The second one does not ask.
        signal_hook::flag::register_conditional_shutdown(
            signal,
            i32::from(exit::INTERRUPTED),
            Arc::clone(&stop),
        )?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let into = if args.into == Path::new(".") { Path::new("") } else { &args.into };
    let mut told = String::new();
    for file in dataset.files {
        match file_there(file, into, args.force, &stop)? {
            Ok(Fetched::New(path)) => told += &format!("{} is here\n", path.display()),
            Ok(Fetched::Existing(path)) => told += &format!("{} was here already\n", path.display()),
            Err(FetchError::Stopped) => {
                let part = fetch::part(file, into);
                let kept = match part.metadata().map(|part| part.len()) {
                    Ok(kept @ 1..) => {
                        format!("; {} are in {}: the same command goes on there", bytes(kept), part.display())
                    }
                    _ => String::new(),
                };
                crate::cli::print_error(&format_args!("interrupted{kept}"));
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
        told += "Go on with:\n";
    }
    for command in dataset.next {
        told += &format!("  {}\n", placed(command, into));
    }
    pages::write(foreign_lines(&told).as_bytes())
}

/// Fetches one file on a thread of its own, and says how far it is: a server that says nothing must not keep a signal waiting.
fn file_there(
    file: &'static File<'static>,
    into: &Path,
    force: bool,
    stop: &Arc<AtomicBool>,
) -> CliResult<Result<Fetched, FetchError>> {
    let (news, told) = unbounded();
    let (into, flag) = (into.to_owned(), Arc::clone(stop));
    let worker = thread::Builder::new().name("fetch".into()).spawn(move || {
        let way = FetchOptions { force, ..FetchOptions::new(&into, &flag) };
        fetch::fetch(file, &way, &mut |progress| say(&news, progress))
    })?;
    let terminal = std::io::stderr().is_terminal();
    let mut meter = Meter::new(std::io::stderr(), file.name(), terminal);
    let mut asked = None;
    loop {
        match told.recv_timeout(GLANCE) {
            Ok(progress) => meter.tell(&progress, Instant::now()),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if stop.load(Ordering::Relaxed) && asked.get_or_insert_with(Instant::now).elapsed() >= TIDYING {
            meter.end();
            return Ok(Err(FetchError::Stopped));
        }
    }
    meter.end();
    worker.join().map_err(|_| CliError::failed("the fetching ended by a defect of the program"))
}

/// Nobody need listen any more.
fn say(news: &Sender<Progress>, progress: Progress) {
    let _ = news.send(progress);
}

/// How to get the file without this program, where that may help.
fn by_hand(error: &FetchError, file: &File<'_>, into: &Path, name: &str) -> String {
    if !matches!(error, FetchError::Unreachable(_) | FetchError::Without) {
        return String::new();
    }
    let place = fetch::archive(file, into);
    let (place, sum) = (shell_word(&place.display().to_string()), file.sum);
    let mut text = format!(
        "By hand, also on another machine:\n  curl -L -o {place} {}\n",
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

/// Lines of ours around paths of others.
fn foreign_lines(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", foreign(line))).collect()
}

/// A command of the catalogue, with the folder that the data are in.
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
    fn commands_to_go_on_with_name_the_folder_and_survive_a_shell() {
        let go_on = |command, into| placed(command, Path::new(into));
        assert_eq!(go_on("unrolled train a --data @b", ""), "unrolled train a --data b");
        assert_eq!(
            go_on("train --set data.validation.path=@c/d.csv", "x/y"),
            "train --set data.validation.path=x/y/c/d.csv"
        );
        assert_eq!(go_on("train --data @b", "it's here"), r"train --data 'it'\''s here/b'");
        assert_eq!(go_on("train --set data.values=[\"#P\"]", ""), "train --set 'data.values=[\"#P\"]'");
    }

    #[test]
    fn what_the_catalogue_says_of_presets_is_so() {
        for dataset in DATASETS {
            let mut named = dataset
                .next
                .iter()
                .flat_map(|command| command.split(' ').skip_while(|word| *word != "train").nth(1))
                // What the command before it has written.
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
                    "{preset} does not say it"
                );
            }
        }
    }
}
