//! The menu, and what is chosen in it.

use std::cell::RefCell;

use super::dashboard::{end, link, shown};
use super::error::CliResult;
use super::lecture::LectureNetworks;
use super::race::{end_shown, start_builtin};
use super::screen_branches::ScreenBranches;
use super::signals::Signals;
use super::threads::processors;
use super::{ScreenArgs, attach, branch, sweep};
use crate::bench::{self, Cost};
use crate::error::chain;
use crate::experiment::{RACES, Race};
use crate::preset::{self, Overrides, Resolved};
use crate::train::{Options, Trainer};
use crate::ui::menu::RaceEntry;
use crate::ui::{self, Estimate, ExitReason, InitialScreen, LaunchRequest, Launched, MenuHooks};

/// What the program does for the menu.
const HOOKS: MenuHooks = MenuHooks {
    own_data: super::new::CUSTOM_DATA,
    races,
    fetch: super::data::FETCH,
    estimate,
    save: super::new::save_edited,
};

/// What was started from the menu last; what was started before it has ended.
#[derive(Default)]
enum Started {
    #[default]
    Nothing,
    Training(Trainer),
    Race(Race),
}

/// Shows the menu, and trains what is chosen in it.
pub(super) fn menu(screen: ScreenArgs) -> CliResult {
    let started = RefCell::new(Started::Nothing);
    let (branches, networks) = (ScreenBranches::default(), LectureNetworks::default());
    let mut launch = |request: LaunchRequest<'_>| match request {
        LaunchRequest::Train(name, changes) => {
            let trainer = train(name, changes)?;
            let link = link(&trainer);
            started.replace(Started::Training(trainer));
            Ok(Launched::Link(link))
        }
        LaunchRequest::Race(name) => {
            let (race, shown) = start_builtin(name).map_err(|error| error.to_string())?;
            started.replace(Started::Race(race));
            Ok(Launched::Race(Box::new(shown)))
        }
        LaunchRequest::Attach(run) => {
            attach::open(run).map(Launched::Link).map_err(|error| error.to_string())
        }
        LaunchRequest::Sweep(folder) => {
            let screen = sweep::open(folder).map_err(|error| error.to_string())?;
            Ok(Launched::Sweep(Box::new(screen)))
        }
        LaunchRequest::Branch(_) => branches.launch(request),
        LaunchRequest::Lecture(network) => networks.launch(network),
    };
    let (entries, settings) = (preset::entries()?, screen.settings()?);
    let signals = Signals::with_screen()?;
    let outcome = shown(|| ui::run(InitialScreen::Menu(Some(HOOKS)), entries, &mut launch, settings));
    let started = started.into_inner();
    if matches!(outcome, Ok(ExitReason::Branch)) {
        if let Started::Training(trainer) = started {
            // It has ended.
            trainer.join();
        }
        return branch::train_chosen(branches.take(), screen);
    }
    match started {
        Started::Nothing => end(outcome, None, &signals),
        Started::Training(trainer) => end(outcome, Some(trainer), &signals),
        Started::Race(race) => end_shown(outcome, race, &signals, screen),
    }
}

/// Starts to train a preset; in words why it cannot be trained.
fn train(name: &str, changes: &Overrides) -> Result<Trainer, String> {
    let Resolved { spec, notes } = preset::load(name, changes).map_err(|error| chain(&error))?;
    let options = Options { threads: usize::from(processors()), watched: true, notes, ..Options::default() };
    Trainer::start(spec, options).map_err(|error| chain(&error))
}

/// Measures what a preset with changes costs.
fn estimate(name: &str, changes: &Overrides) -> Result<Estimate, String> {
    let spec = preset::load(name, changes).map_err(|error| chain(&error))?.spec;
    let Cost { bytes, step, measured, steps } = bench::estimate(&spec, usize::from(processors()))?;
    Ok(Estimate { bytes, step, measured, steps, batch: spec.train.batch_size })
}

/// The built-in races.
fn races() -> Vec<RaceEntry> {
    let entry = |race: &crate::experiment::BuiltinRace| RaceEntry {
        name: race.name.to_owned(),
        about: race.about.to_owned(),
        result: race.result.to_owned(),
        networks: race.networks().map(|names| names.map(str::to_owned)).collect(),
    };
    RACES.iter().map(entry).collect()
}
