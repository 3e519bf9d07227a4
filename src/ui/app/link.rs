//! The connection of a screen to a trainer.

use crossbeam_channel::Receiver;

use crate::protocol::{CommandSender, Event};

/// The connection to a trainer: a socket or a recording can replace one.
#[derive(Debug)]
pub struct Link {
    /// The trainer's events; must not block it.
    pub events: Receiver<Event>,
    /// Commands to the trainer.
    pub commands: CommandSender,
}
