//! `unrolled lecture`.

use std::cell::RefCell;
use std::fs::DirBuilder;
use std::io::{ErrorKind, IsTerminal, stdout};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::ScreenArgs;
use super::dashboard::{end, link, shown};
use super::error::{CliError, CliResult};
use super::runs::{print_lines, width};
use super::signals::Signals;
use crate::error::chain;
use crate::preset::{self, Overrides, RunSpec};
use crate::protocol::Command;
use crate::train::{Options, Trainer};
use crate::ui::lecture::{Language, LectureScreen, Network, PAGES};
use crate::ui::theme::Glyphs;
use crate::ui::{self, InitialScreen, LaunchRequest, Launched, UiError};

/// Columns of printed text at most.
const WIDEST: usize = 80;

#[derive(Debug, clap::Args)]
pub(super) struct LectureArgs {
    /// The language; by default that of the locale: LC_ALL, LC_MESSAGES or LANG
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    lang: Option<LanguageName>,
    /// Begin with this page; with --text print this page alone
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=PAGES.len() as i64))]
    page: Option<u8>,
    /// Print the pages as text, each once its network is trained, instead of showing them
    #[arg(long)]
    text: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum LanguageName {
    /// English
    En,
    /// Russian
    Ru,
}

/// The language that is given, or that of the locale if the terminal has its letters.
///
/// # Errors
/// If the terminal does not have the letters of the given one.
fn language(given: Option<LanguageName>, glyphs: Glyphs) -> CliResult<Language> {
    let language = match given {
        None => return Ok(Language::of_locale(|name| std::env::var(name).ok()).shown_with(glyphs)),
        Some(LanguageName::En) => Language::English,
        Some(LanguageName::Ru) => Language::Russian,
    };
    if language.shown_with(glyphs) != language {
        return Err(CliError::usage(
            "--lang ru needs a locale with UTF-8, which LC_ALL, LC_CTYPE and LANG do not name; expected one as in LC_ALL=C.UTF-8",
        ));
    }
    Ok(language)
}

/// Shows the lecture, or prints it.
pub(super) fn lecture(args: &LectureArgs, screen: ScreenArgs) -> CliResult {
    let language = language(args.lang, screen.glyphs())?;
    if args.text {
        return print(language, args.page.map(usize::from), screen);
    }
    if !stdout().is_terminal() {
        return Err(no_screen(None));
    }
    let settings = screen.settings().map_err(|error| no_screen(Some(error)))?;
    let page = args.page.map_or(1, usize::from);
    let networks = LectureNetworks::default();
    let signals = Signals::with_screen()?;
    let start = InitialScreen::Lecture(Box::new(LectureScreen::new(language, page)));
    let outcome = shown(|| {
        ui::run(
            start,
            Vec::new(),
            &mut |request| match request {
                LaunchRequest::Lecture(network) => networks.launch(network),
                _ => Err(String::new()),
            },
            settings,
        )
    });
    drop(networks);
    end(outcome, None, &signals)
}

/// The error where there is no screen, with what can be done without one.
fn no_screen(error: Option<UiError>) -> CliError {
    match error {
        None | Some(UiError::NoTerminal(_) | UiError::Dumb { .. }) => CliError::failed(
            "no terminal that can show the lecture; `unrolled lecture --text` prints its pages",
        ),
        Some(error) => error.into(),
    }
}

/// Prints the pages, or one of them, each with the numbers of its network after training.
fn print(language: Language, page: Option<usize>, screen: ScreenArgs) -> CliResult {
    let pages = page.map_or(1..=PAGES.len(), |page| page..=page);
    let folder = Temporary::new().map_err(CliError::failed)?;
    for page in pages {
        let mut lecture = LectureScreen::new(language, page);
        if let Some(network) = lecture.network() {
            let trainer = start(network, folder.0.join(page.to_string()), false).map_err(CliError::failed)?;
            trainer.events.iter().for_each(|event| lecture.apply(&event));
        }
        print_lines(lecture.printed(width().min(WIDEST)).into_iter(), screen)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A folder that is removed when it is dropped.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Result<Self, String> {
        Self::within(&std::env::temp_dir())
    }

    /// A new folder in `parent` for this user alone; one that exists is never taken, as it would be removed.
    fn within(parent: &Path) -> Result<Self, String> {
        let base = format!("unrolled-lecture-{}", std::process::id());
        let mut path = parent.join(&base);
        let mut count = 1;
        loop {
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    count += 1;
                    path = parent.join(format!("{base}-{count}"));
                }
                Err(error) => return Err(format!("cannot create {}: {error}", path.display())),
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The networks of the lecture, one in training at a time. What they record is removed: the lecture leaves no runs behind.
#[derive(Default)]
pub(super) struct LectureNetworks(RefCell<State>);

#[derive(Default)]
struct State {
    // Stopped before its folder is removed.
    trainer: Option<Trainer>,
    started: usize,
    folder: Option<Temporary>,
}

impl LectureNetworks {
    /// Trains a network instead of the one before.
    ///
    /// # Errors
    /// The message for the screen.
    pub fn launch(&self, network: &Network) -> Result<Launched, String> {
        let mut state = self.0.borrow_mut();
        state.stop();
        let folder = match state.folder.take() {
            Some(folder) => folder,
            None => Temporary::new()?,
        };
        state.started += 1;
        let run = folder.0.join(state.started.to_string());
        state.folder = Some(folder);
        let trainer = start(network, run, true)?;
        let link = link(&trainer);
        state.trainer = Some(trainer);
        Ok(Launched::Link(link))
    }
}

impl State {
    /// Stops the network in training and waits until it has.
    fn stop(&mut self) {
        let Some(trainer) = self.trainer.take() else { return };
        let _ = trainer.commands.send(Command::Stop);
        let folder = trainer.folder();
        let _ = trainer.join();
        if let Some(folder) = folder.get() {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts the training of a network in a new folder, at its pace if it is `watched`.
fn start(network: &Network, folder: PathBuf, watched: bool) -> Result<Trainer, String> {
    let spec = spec(network)?;
    let options = Options { folder: Some(folder), threads: 1, watched, ..Options::default() };
    Trainer::start(spec, options).map_err(|error| chain(&error))
}

/// The spec of a network.
fn spec(network: &Network) -> Result<RunSpec, String> {
    let set = network.set.iter().map(|set| (*set).to_owned()).collect();
    let overrides = Overrides { set, ..Overrides::default() };
    Ok(preset::load(network.preset, &overrides).map_err(|error| chain(&error))?.spec)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_that_exists_is_neither_taken_nor_removed() {
        let parent = tempfile::tempdir().unwrap();
        let foreign = parent.path().join(format!("unrolled-lecture-{}", std::process::id()));
        std::fs::create_dir(&foreign).unwrap();
        let folder = Temporary::within(parent.path()).unwrap();
        let own = folder.0.clone();
        assert_ne!(own, foreign);
        assert_eq!(std::fs::metadata(&own).unwrap().permissions().mode() & 0o777, 0o700);
        drop(folder);
        assert!(foreign.exists() && !own.exists());
    }
}
