use std::io::{self, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::json;

use super::RemoteCommand;
use super::address::{Socket, elsewhere};
use super::session::Session;
use super::shared::{Connected, Shared};
use crate::run::Hub;

/// Clients at a time.
const MAX_CLIENTS: usize = 64;
/// The pause after each new client: who connects all the time must not take time from the training.
const PAUSE: Duration = Duration::from_millis(5);
/// How often the end of the run is looked for while nobody connects.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };
/// How long clients may take at the end of a run to read what is left.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Serves the control socket of a run until it is dropped.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    socket: Arc<Socket>,
}

impl Server {
    /// Serves the run `name` in the folder `run`: events of `hub`, commands to `commands`.
    ///
    /// # Errors
    /// If there is no place for a socket, or no thread.
    pub fn start(run: &Path, name: &str, hub: Hub, commands: Sender<RemoteCommand>) -> io::Result<Self> {
        let socket = Arc::new(Socket::bind(run, &elsewhere())?);
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            hub,
            commands,
            clients: Mutex::default(),
            left: Condvar::new(),
            is_ending: AtomicBool::new(false),
        });
        let (listening, served) = (Arc::clone(&socket), Arc::clone(&shared));
        thread::Builder::new().name("control".into()).spawn(move || {
            while !served.is_ending.load(Ordering::Acquire) {
                let _ = poll(&mut [PollFd::new(&listening.listener, PollFlags::IN)], Some(&LOOK_EVERY));
                if let Ok((stream, _)) = listening.listener.accept() {
                    admit(stream, &served);
                    thread::sleep(PAUSE);
                }
            }
        })?;
        Ok(Self { shared, socket })
    }
}

impl Drop for Server {
    /// The run has ended: clients read what is left of its events, for a limited time.
    fn drop(&mut self) {
        self.shared.is_ending.store(true, Ordering::Release);
        self.socket.remove();
        let deadline = Instant::now() + LAST_WORDS;
        let mut clients = self.shared.clients();
        let is_waiting = |client: &&Connected| !client.reads;
        clients.connected.values().filter(is_waiting).for_each(|client| close(&client.stream));
        while !clients.connected.is_empty()
            && let Some(left) = deadline.checked_duration_since(Instant::now())
        {
            let waited = self.shared.left.wait_timeout(clients, left);
            clients = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        clients.connected.values().for_each(|client| close(&client.stream));
    }
}

fn close(stream: &UnixStream) {
    let _ = stream.shutdown(Shutdown::Both);
}

/// Serves a client on a thread of its own, if it is of this user and there are not too many.
fn admit(stream: UnixStream, shared: &Arc<Shared>) {
    let refuse = |what: &str| {
        let _ = stream.set_nonblocking(true);
        let _ = writeln!(&stream, "{}", json!({ "error": what }));
    };
    if !is_same_user(&stream) {
        return refuse("this run belongs to another user");
    }
    let Ok(registered) = stream.try_clone() else { return };
    let mut clients = shared.clients();
    if clients.connected.len() >= MAX_CLIENTS {
        return refuse(&format!("there are {MAX_CLIENTS} clients already"));
    }
    let number = clients.next;
    clients.next += 1;
    clients.connected.insert(number, Connected { stream: registered, reads: false });
    drop(clients);
    let served = Arc::clone(shared);
    let serve = move || {
        // Training goes first. On other systems this would be the priority of all threads.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::setpriority_process(None, 19);
        // A client that is gone is no error.
        let _ = Session::new(stream, number, &served).serve();
        served.clients().connected.remove(&number);
        served.left.notify_all();
    };
    if thread::Builder::new().name(format!("client {number}")).spawn(serve).is_err() {
        shared.clients().connected.remove(&number);
    }
}

/// Whether the client is a process of this user. Where the system does not tell, the permissions of the socket do.
fn is_same_user(stream: &UnixStream) -> bool {
    #[cfg(target_os = "linux")]
    {
        rustix::net::sockopt::socket_peercred(stream).is_ok_and(|peer| peer.uid == rustix::process::geteuid())
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = stream;
        true
    }
}
