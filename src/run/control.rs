//! The control socket of a run: what screens and scripts of the same user say to it, and read from it.
//!
//! A Unix socket, `control.sock` in the run folder; where that cannot be, elsewhere, with its path in the file `control`. Lines of JSON both
//! ways; `unrolled help control` documents them. A thread a client, which never makes the trainer wait.

mod address;
mod client;
mod request;
mod server;
mod session;
mod shared;

use crossbeam_channel::Sender;

use crate::protocol::CommandRequest;

pub use address::remove_dead_sockets;
pub use client::{Client, ControlError, Frames};
pub use server::Server;

/// The version of the protocol.
const VERSION: u32 = 1;
/// Bytes of a line, at most.
const MAX_LINE: usize = 64 * 1024;

/// A command of a client that waits for the trainer.
#[derive(Debug)]
pub struct RemoteCommand {
    /// The command and its sender.
    pub request: CommandRequest,
    /// Receives what the trainer has done, in words if there are any, or else why not; dropped if the trainer ends before.
    pub answer: Sender<Result<Option<String>, String>>,
}
