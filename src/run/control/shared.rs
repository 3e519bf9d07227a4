use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicBool;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::Sender;

use super::RemoteCommand;
use crate::run::Hub;

/// What the threads of the clients share.
#[derive(Debug)]
pub(super) struct Shared {
    /// The name of the run.
    pub name: String,
    pub hub: Hub,
    pub commands: Sender<RemoteCommand>,
    pub clients: Mutex<Clients>,
    /// Notified when a client has left.
    pub left: Condvar,
    /// Whether the run has ended.
    pub is_ending: AtomicBool,
}

#[derive(Debug, Default)]
pub(super) struct Clients {
    pub next: u64,
    pub connected: HashMap<u64, Connected>,
}

#[derive(Debug)]
pub(super) struct Connected {
    pub stream: UnixStream,
    /// Whether it reads events, up to the last.
    pub reads: bool,
}

impl Shared {
    /// The clients that are connected.
    pub fn clients(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client `number` reads events from here on.
    pub fn reads(&self, number: u64) {
        if let Some(client) = self.clients().connected.get_mut(&number) {
            client.reads = true;
        }
    }
}
