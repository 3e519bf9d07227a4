//! What the screen starts with, what it asks the program for, and why it ends.

use std::path::{Path, PathBuf};

use super::data_dialog::FetchHooks;
use super::link::Link;
use crate::preset::{EditedPreset, Overrides};
use crate::ui::browser::CustomDataHooks;
use crate::ui::earlier_runs::EarlierRuns;
use crate::ui::edit::EstimateHook;
use crate::ui::group::Group;
use crate::ui::lecture::{LectureScreen, Network};
use crate::ui::menu::RaceEntry;
use crate::ui::replay::Replay;
use crate::ui::sweep::SweepScreen;

/// The screen to start with.
#[derive(Debug)]
pub enum InitialScreen {
    /// The menu; with what the program does for it, if it does.
    Menu(Option<MenuHooks>),
    /// The dashboard of a run.
    Dashboard(Link),
    /// The dashboard of several trainings of a preset, one after another.
    Several(Link, EarlierRuns),
    /// The dashboard of a run of another process, which goes on when the screen ends.
    Attached(Link),
    /// The dashboard of the runs of a race or a comparison.
    Group(Box<Group>),
    /// The lecture.
    Lecture(Box<LectureScreen>),
    /// The screen of a sweep.
    Sweep(Box<SweepScreen>),
    /// The dashboard of a recorded run.
    Replay(Box<Replay>),
}

/// Why the screen ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitReason {
    /// The user quit. A trainer that still runs is no longer needed.
    Quit,
    /// Training should continue in another process, without this terminal; or it does already.
    Detached,
    /// Training should continue without the screen. [`Link::events`] has no receiver any more.
    LeftTraining,
    /// The user wants a branch of the run, which the program was asked for: it has the terminal next.
    Branch,
    /// The terminal is gone; training should continue to its end. `println!` panics from here on.
    HungUp,
    /// A signal that ends a training, by number: save and exit. Save before printing: the terminal may be stalled.
    Signal(i32),
}

/// What the program does for the menu, passed in because the screen knows neither data nor the trainer.
#[derive(Debug, Clone, Copy)]
pub struct MenuHooks {
    /// For the user's own data.
    pub own_data: CustomDataHooks,
    /// The races that can be started.
    pub races: fn() -> Vec<RaceEntry>,
    /// For data sets.
    pub fetch: FetchHooks,
    /// Measures what an edited preset costs.
    pub estimate: EstimateHook,
    /// Writes an edited preset to a new file in the current folder; returns its name, or a message on failure.
    pub save: fn(&EditedPreset) -> Result<String, String>,
}

/// A request of the screen to the program.
#[derive(Debug, Clone, Copy)]
pub enum LaunchRequest<'r> {
    /// Train a preset, by its name or file, with changes.
    Train(&'r str, &'r Overrides),
    /// Start a race, by its name.
    Race(&'r str),
    /// Show the sweep in this folder.
    Sweep(&'r Path),
    /// Connect to the live run in this folder.
    Attach(&'r Path),
    /// Train a branch of a run.
    Branch(&'r BranchRequest),
    /// Train a network of the lecture, instead of the one before.
    Lecture(&'r Network),
}

/// A branch that the user wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchRequest {
    /// The folder of the parent.
    pub run: PathBuf,
    /// The step after which it takes another course.
    pub step: u64,
    /// The setting that it changes, as `key=value`.
    pub change: Option<String>,
    /// Whether the parent is in training: the branch is trained in the background then.
    pub is_live: bool,
}

/// What a request has led to.
#[derive(Debug)]
pub enum Launched {
    /// A training to show.
    Link(Link),
    /// A race to show.
    Race(Box<Group>),
    /// The screen of a sweep.
    Sweep(Box<SweepScreen>),
    /// A training in the background, and what to say of it.
    Background(String),
    /// The screen ends: the program trains the branch on one of its own.
    Branch,
}

/// Fulfils a request; an error message is shown.
pub type Launch<'a> = &'a mut dyn FnMut(LaunchRequest<'_>) -> Result<Launched, String>;
