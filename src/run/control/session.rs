//! One client.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::request::{InvalidRequest, Request, Wanted, parse};
use super::shared::Shared;
use super::{MAX_LINE, RemoteCommand, VERSION};
use crate::error::chain;
use crate::protocol::{Command, Event};
use crate::run::{FrameStream, Received, SubscribeError, Subscription, Summary};
use crate::sort::SmallSort as _;

/// Invalid lines after which a client is disconnected.
const MAX_INVALID: u32 = 10;
/// Bytes of the recording that are sent at a time.
const PORTION: usize = 256 * 1024;
/// How often a client that only listens is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The pause after each line: who sends lines all the time must not take time from the training.
const PAUSE: Duration = Duration::from_millis(1);

pub(super) struct Session<'s> {
    stream: UnixStream,
    number: u64,
    shared: &'s Shared,
}

/// An event as a line of JSON.
#[derive(Serialize)]
struct NumberedEvent<'a> {
    seq: u64,
    #[serde(flatten)]
    event: &'a Event,
}

impl<'s> Session<'s> {
    pub fn new(stream: UnixStream, number: u64, shared: &'s Shared) -> Self {
        Self { stream, number, shared }
    }

    /// Serves the client until it or the run has ended.
    ///
    /// # Errors
    /// When it has gone.
    pub fn serve(&self) -> io::Result<()> {
        self.stream.set_nonblocking(false)?;
        self.write(&json!({ "unrolled": VERSION, "run": self.shared.name, "pid": std::process::id() }))?;
        let mut input = BufReader::new(&self.stream);
        let (mut line, mut invalid) = (Vec::new(), 0);
        loop {
            line.clear();
            // One byte more than a line may have.
            (&mut input).take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line)?;
            if line.is_empty() {
                return Ok(());
            }
            if line.len() > MAX_LINE {
                return self.write(&json!({ "error": format!("a line of more than {MAX_LINE} bytes") }));
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            match parse(&line) {
                Ok(request) => match request.what {
                    Wanted::Frames => return self.send_frames(),
                    Wanted::Events { since } => return self.send_events(since),
                    Wanted::Status => self.answer(request.id, status(&self.shared.hub.summary()))?,
                    Wanted::Command(_) => self.command(request)?,
                },
                Err(InvalidRequest { id, what }) => {
                    invalid += 1;
                    self.answer(id, json!({ "error": what }))?;
                    if invalid >= MAX_INVALID {
                        return self.write(&json!({ "error": "too many invalid lines" }));
                    }
                }
            }
            thread::sleep(PAUSE);
        }
    }

    /// Sends a command to the trainer, and answers once it has taken it.
    fn command(&self, request: Request) -> io::Result<()> {
        let Wanted::Command(command) = request.what else { return Ok(()) };
        let ends = matches!(command, Command::Stop | Command::SaveAndStop);
        let by = request.by.unwrap_or_else(|| "socket".into());
        let (answer, answered) = bounded(1);
        let sent = self.shared.commands.send(RemoteCommand { request: command.by(by), answer });
        let taken = loop {
            match answered.recv_timeout(LOOK_EVERY) {
                _ if sent.is_err() => break Err("the run has ended".to_owned()),
                Ok(taken) => break taken,
                Err(RecvTimeoutError::Timeout) if is_gone(&self.stream) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
                // That is the command's effect.
                Err(RecvTimeoutError::Disconnected) if ends => break Ok(None),
                Err(RecvTimeoutError::Disconnected) => break Err("the run has ended".to_owned()),
            }
        };
        let answer = match taken {
            Ok(None) => json!({ "ok": true }),
            Ok(Some(done)) => json!({ "ok": true, "done": done }),
            Err(what) => json!({ "error": what }),
        };
        self.answer(request.id, answer)
    }

    fn answer(&self, id: Option<Value>, mut answer: Value) -> io::Result<()> {
        if let (Some(id), Value::Object(fields)) = (id, &mut answer) {
            fields.insert("id".into(), id);
        }
        self.write(&answer)
    }

    fn write(&self, line: &Value) -> io::Result<()> {
        (&self.stream).write_all(format!("{line}\n").as_bytes())
    }

    /// Subscribes; without success the client gets a line that says why.
    fn subscribe(&self) -> io::Result<Subscription> {
        self.shared.reads(self.number);
        self.shared.hub.subscribe().map_err(|error: SubscribeError| {
            let what = chain(&error);
            let _ = self.write(&json!({ "error": what }));
            io::Error::other(what)
        })
    }

    /// Sends the recording so far and all frames that follow.
    fn send_frames(&self) -> io::Result<()> {
        let Subscription { prefix, mut queue } = self.subscribe()?;
        self.write(&json!({ "frames": VERSION, "bytes": prefix.bytes() }))?;
        io::copy(&mut io::BufReader::with_capacity(PORTION, prefix.reader()), &mut &self.stream)?;
        // The number of events sent that are no pictures.
        let mut sent = prefix.seq();
        drop(prefix);
        loop {
            match queue.receive(LOOK_EVERY) {
                Received::Frames(frames, scalars) => {
                    if frames.is_empty() && is_gone(&self.stream) {
                        return Ok(());
                    }
                    (&self.stream).write_all(&frames.concat())?;
                    sent += scalars;
                }
                missed @ (Received::Overflow | Received::Rewound(_)) => {
                    if let Received::Rewound(left) = missed {
                        sent = sent.min(left);
                    }
                    let again = self.subscribe()?;
                    queue = again.queue;
                    let mut frames = again.prefix.frames()?;
                    skip(&mut frames, sent)?;
                    let mut out = io::BufWriter::with_capacity(64 * 1024, &self.stream);
                    while let Some(frame) = frames.next_frame()? {
                        out.write_all(frame.bytes)?;
                    }
                    out.flush()?;
                    sent = sent.max(again.prefix.seq());
                }
                Received::End => return Ok(()),
            }
        }
    }

    /// Sends the events that are no pictures as lines.
    fn send_events(&self, since: Option<u64>) -> io::Result<()> {
        let mut subscription = self.subscribe()?;
        let mut sent = since.unwrap_or(subscription.prefix.seq());
        self.write(&json!({ "events": VERSION, "seq": subscription.prefix.seq() }))?;
        while self.send_lines_of(&subscription, &mut sent)? {
            subscription = self.subscribe()?;
        }
        Ok(())
    }

    /// Sends the events of a subscription after number `sent`; returns whether the client was too slow and another one is needed.
    fn send_lines_of(&self, subscription: &Subscription, sent: &mut u64) -> io::Result<bool> {
        let Subscription { prefix, queue } = subscription;
        let mut frames = prefix.frames()?;
        skip(&mut frames, *sent)?;
        let mut out = io::BufWriter::with_capacity(64 * 1024, &self.stream);
        send_lines(&mut frames, sent, &mut out)?;
        out.flush()?;
        let mut seq = prefix.seq();
        loop {
            match queue.receive(LOOK_EVERY) {
                Received::Frames(frames, _) if frames.is_empty() && is_gone(&self.stream) => {
                    return Ok(false);
                }
                Received::Frames(frames, scalars) => {
                    let frames = frames.concat();
                    let mut frames = FrameStream::after_header(frames.as_slice());
                    // Events that the client has, or does not want yet.
                    skip(&mut frames, sent.saturating_sub(seq).min(scalars))?;
                    *sent = (*sent).max(seq);
                    seq += scalars;
                    send_lines(&mut frames, sent, &mut out)?;
                    out.flush()?;
                }
                Received::Overflow => return Ok(true),
                Received::Rewound(left) => {
                    *sent = (*sent).min(left);
                    return Ok(true);
                }
                Received::End => return Ok(false),
            }
        }
    }
}

/// Sends the events of `frames` that are no pictures, numbered after `sent`.
fn send_lines(frames: &mut FrameStream<impl Read>, sent: &mut u64, out: &mut impl Write) -> io::Result<()> {
    while let Some(frame) = frames.next_frame()? {
        if !frame.is_scalar() {
            continue;
        }
        *sent += 1;
        if let Some(event) = frame.event() {
            let line = serde_json::to_string(&NumberedEvent { seq: *sent, event: &event })?;
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// Skips the first `count` frames that are no pictures.
fn skip(frames: &mut FrameStream<impl Read>, count: u64) -> io::Result<()> {
    let mut left = count;
    while left > 0
        && let Some(frame) = frames.next_frame()?
    {
        left -= u64::from(frame.is_scalar());
    }
    Ok(())
}

/// Whether the client has closed the connection, and not only its own side.
fn is_gone(stream: &UnixStream) -> bool {
    let mut fds = [PollFd::new(stream, PollFlags::empty())];
    let polled = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    polled.is_ok() && fds.iter().any(|fd| fd.revents().intersects(PollFlags::HUP | PollFlags::ERR))
}

/// The answer to the request `status`.
fn status(summary: &Summary) -> Value {
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    set("state", summary.status.as_ref().map_or("preparing", |status| status.word()).into());
    set("seq", summary.seq.into());
    set("commands", summary.commands.into());
    if let Some(info) = &summary.info {
        set("name", info.name.as_str().into());
        set("folder", info.folder.to_string_lossy().into());
        set("epochs", info.epochs.into());
        set("steps_per_epoch", info.steps_per_epoch.into());
    }
    if let Some(step) = &summary.step {
        set("step", step.step.into());
        set("epoch", step.epoch.into());
        set("loss", step.loss.into());
        set("accuracy", step.accuracy.into());
        set("grad_norm", step.grad_norm.into());
        set("learning_rate", step.learning_rate.into());
        set("sequences_per_s", step.sequences_per_s.into());
        set("seconds", step.seconds.into());
    }
    // The newer of both has the validation metrics.
    let epoch = summary.epoch.iter().map(|epoch| (epoch.step, &epoch.metrics));
    let between = summary.validation.iter().map(|validation| (validation.step, &validation.metrics));
    let mut metrics = Map::new();
    let mut all: Vec<_> = epoch.chain(between).collect();
    all.small_sort_by_key(|(step, _)| *step);
    for (name, value) in all.iter().flat_map(|(_, metrics)| metrics.iter()) {
        metrics.insert(name.to_owned(), value.into());
    }
    set("metrics", metrics.into());
    fields.into()
}
