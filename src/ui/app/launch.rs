//! What the screen asks the program for: the start of a training, or its connection.

use std::path::{Path, PathBuf};

use crossbeam_channel::Receiver;

use crate::protocol::{CommandSender, Event};
use crate::ui::lecture::Network;

/// The connection to a trainer: a socket or a recording can replace one.
#[derive(Debug)]
pub struct Link {
    /// The trainer's events; must not block it.
    pub events: Receiver<Event>,
    /// Commands to the trainer.
    pub commands: CommandSender,
}

/// A request of the screen to the program.
#[derive(Debug, Clone, Copy)]
pub enum LaunchRequest<'r> {
    /// Train a preset, by its name or file.
    Train(&'r str),
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
    /// A training in the background, and what to say of it.
    Background(String),
    /// The screen ends: the program trains the branch on one of its own.
    Branch,
}

/// Fulfils a request; an error message is shown.
pub type Launch<'a> = &'a mut dyn FnMut(LaunchRequest<'_>) -> Result<Launched, String>;
