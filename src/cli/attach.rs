//! `unrolled attach`: the screen of a run that another process trains.

use std::io::{IsTerminal, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::branch;
use super::error::CliResult;
use super::live;
use super::screen_branches::ScreenBranches;
use super::{ScreenArgs, exit, print_error, shell_word};
use crate::error::chain;
use crate::protocol::{Command, CommandRequest, CommandSender, Event, Level, LogLine, RunStatus};
use crate::run::control::{Client, ControlError, Frames};
use crate::run::owner::Owner;
use crate::run::{RunError, Tail};
use crate::run::{RunState, owner};
use crate::ui::{self, ExitReason, InitialScreen, LaunchRequest, Link, plain};

/// Events on their way to the screen, at most: a long history is read as fast as it is shown.
const QUEUE: usize = 64 * 1024;
/// How often the recording of another host is read.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// After how many of these the run is looked after that has nothing new.
const LOOK_AFTER: u32 = 10;
/// How long the process of a run may take to end after its socket.
const LAST_WORDS: Duration = Duration::from_secs(3);

#[derive(Debug, clap::Args)]
pub(super) struct AttachArgs {
    /// A run folder, the name of one in runs/, or `latest`
    run: PathBuf,
    /// Print plain lines instead of the dashboard
    #[arg(long)]
    headless: bool,
}

/// Shows a live run, with its whole history, until it is left or has ended.
pub(super) fn attach(args: &AttachArgs, screen: ScreenArgs) -> CliResult {
    let run = live::resolve(&args.run)?;
    let owner = live::check(&run)?;
    let watched = !args.headless && stdout().is_terminal() && !ui::terminal::is_background();
    let settings = watched.then(|| screen.settings()).transpose()?;
    let (to_screen, events) = bounded(QUEUE);
    let (commands, requests) = unbounded();
    let mut last_words = None;
    match (connect(&run), owner) {
        (Ok((frames, controls)), _) => {
            start("attached", follow(run.clone(), frames, to_screen.clone()))?;
            match watched {
                true => start("commands", forward(controls, requests, to_screen))?,
                // The last event ends the lines.
                false => drop(to_screen),
            }
        }
        (Err(ControlError::Silent(_)), Some(owner)) if !owner.is_here() => {
            let text = watched_only(&run, &owner);
            last_words = Some(text.clone());
            start("attached", poll(run.clone(), text, to_screen.clone()))?;
            match watched {
                true => start("commands", refuse(requests, to_screen))?,
                false => drop(to_screen),
            }
        }
        (Err(ControlError::Silent(_)), _) => return Err(live::not_live(&run, owner::state(&run)?)),
        (Err(error), _) => return Err(error.into()),
    }
    let Some(settings) = settings else {
        if let Some(error) = plain::print(&events, stdout().lock())? {
            print_error(&format_args!("cannot print: {error}"));
        }
        return Ok(ExitCode::SUCCESS);
    };
    let link = Link { events, commands: CommandSender::new(live::sender(), commands) };
    let branches = ScreenBranches::default();
    let mut launch = |request: LaunchRequest<'_>| branches.launch(request);
    let outcome = ui::run(InitialScreen::Attached(link), Vec::new(), &mut launch, settings)?;
    let say = |line: &str| {
        // Stdout may be closed.
        let _ = writeln!(stdout(), "{}", crate::escape::foreign(line));
    };
    match outcome {
        ExitReason::Detached => {
            let word = shell_word(&run.to_string_lossy());
            let status = Client::connect(&run).and_then(|mut client| client.status());
            let is_paused = status.is_ok_and(|status| status["state"] == "paused");
            let goes_on = if is_paused { "the training stays paused" } else { "training continues" };
            say(&format!("detached, {goes_on}: `unrolled attach {word}` shows it again"));
            last_words.iter().for_each(|text| say(text));
            Ok(ExitCode::SUCCESS)
        }
        ExitReason::Branch => branch::train_chosen(branches.take(), screen),
        ExitReason::Signal(_) => Ok(ExitCode::from(exit::INTERRUPTED)),
        ExitReason::Quit | ExitReason::LeftTraining | ExitReason::HungUp => Ok(ExitCode::SUCCESS),
    }
}

/// Connects a screen to the live run in the folder `run`; to one of another host that shares the folder by its recording.
///
/// # Errors
/// If it does not answer.
pub(super) fn open(run: &Path) -> CliResult<Link> {
    let connected = connect(run);
    let (to_screen, events) = bounded(QUEUE);
    let (commands, requests) = unbounded();
    match (connected, Owner::read(run)) {
        (Ok((frames, controls)), _) => {
            start("attached", follow(run.to_owned(), frames, to_screen.clone()))?;
            start("commands", forward(controls, requests, to_screen))?;
        }
        (Err(ControlError::Silent(_)), Some(owner)) if !owner.is_here() => {
            let text = watched_only(run, &owner);
            start("attached", poll(run.to_owned(), text, to_screen.clone()))?;
            start("commands", refuse(requests, to_screen))?;
        }
        (Err(error), _) => return Err(error.into()),
    }
    Ok(Link { events, commands: CommandSender::new(live::sender(), commands) })
}

/// What is said of a run of another host.
fn watched_only(run: &Path, owner: &Owner) -> String {
    let command = live::remote_command(run, owner);
    format!("this run is trained on {}, and only watched here; to control it: {command}", owner.host)
}

/// Connects to a run twice: for its events, and for commands.
fn connect(run: &Path) -> Result<(Frames, Client), ControlError> {
    Ok((Client::connect(run)?.frames()?, Client::connect(run)?))
}

fn start(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    thread::Builder::new().name(name.into()).spawn(run).map(|_| ())
}

/// Sends events on; remembers how the run ended.
struct Feed {
    run: PathBuf,
    events: Sender<Event>,
    /// The number of events sent that are no pictures, and of the last of them that undid a change.
    seq: u64,
    undone: u64,
    is_over: bool,
    /// Whether the screen has ended.
    is_closed: bool,
}

impl Feed {
    fn new(run: PathBuf, events: Sender<Event>) -> Self {
        Self { run, events, seq: 0, undone: 0, is_over: false, is_closed: false }
    }

    fn send(&mut self, mut event: Event) {
        if let Event::Prepared(info) = &mut event {
            // The path as it is here.
            info.folder.clone_from(&self.run);
        }
        self.seq += u64::from(!event.is_picture());
        if let Event::Undone(undone) = &event {
            (self.seq, self.undone) = (undone.seq, undone.number);
        }
        self.is_over = match &event {
            Event::Status(status) => status.is_over(),
            _ => self.is_over,
        };
        self.is_closed = self.is_closed || self.events.send(event).is_err();
    }

    fn log(&mut self, level: Level, text: String) {
        self.is_closed = self.is_closed || self.events.send(Event::Log(LogLine { level, text })).is_err();
    }

    /// After the last event that came: reads the others from the recording, or says that the run has ended without them.
    fn end(&mut self) {
        let since = std::time::Instant::now();
        while !self.is_over && !self.is_closed && since.elapsed() < LAST_WORDS {
            if !owner::is_live(&self.run) {
                break;
            }
            thread::sleep(LAST_WORDS / 30);
        }
        if !self.is_over && !self.is_closed {
            let mut tail = Tail::new(&self.run, self.seq, self.undone);
            let _ = tail.read(&mut |event| self.send(event));
        }
        if !self.is_over && !self.is_closed {
            let word = shell_word(&self.run.to_string_lossy());
            let what = match owner::state(&self.run) {
                Ok(RunState::Live) => {
                    format!("the connection is lost; `unrolled attach {word}` connects again")
                }
                _ => format!(
                    "the process that trained it was killed; `unrolled resume {word}` goes on from the last checkpoint"
                ),
            };
            self.send(Event::Status(RunStatus::Failed { what }));
        }
    }
}

/// Sends on the events of a socket.
fn follow(run: PathBuf, mut frames: Frames, events: Sender<Event>) -> impl FnOnce() + Send {
    move || {
        let mut feed = Feed::new(run, events);
        while !feed.is_closed
            && let Ok(Some(event)) = frames.stream.next_event()
        {
            feed.send(event);
        }
        feed.end();
    }
}

/// Sends on the events of a recording that another host writes.
fn poll(run: PathBuf, text: String, events: Sender<Event>) -> impl FnOnce() + Send {
    move || {
        let (mut tail, mut idle) = (Tail::new(&run, 0, 0), 0);
        let mut feed = Feed::new(run, events);
        let mut is_new = true;
        while !feed.is_over && !feed.is_closed {
            let before = (feed.seq, feed.undone);
            if let Err(error) = tail.read(&mut |event| feed.send(event))
                && !matches!(&error, RunError::Io { .. })
            {
                feed.log(Level::Error, chain(&error));
                break;
            }
            if std::mem::take(&mut is_new) {
                feed.log(Level::Warning, text.clone());
            }
            idle = if (feed.seq, feed.undone) != before { 0 } else { idle + 1 };
            if idle >= LOOK_AFTER && !owner::is_live(&feed.run) {
                break;
            }
            thread::sleep(POLL_EVERY);
        }
        feed.end();
    }
}

/// Sends commands to the run; one that is refused is a line of the log on this screen.
fn forward(
    mut client: Client,
    requests: Receiver<CommandRequest>,
    events: Sender<Event>,
) -> impl FnOnce() + Send {
    move || {
        for request in requests {
            let is_end = matches!(request.command, Command::Stop | Command::SaveAndStop);
            let line = match client.command(&request) {
                Ok(_) => continue,
                Err(ControlError::Refused(why)) => LogLine { level: Level::Info, text: why },
                Err(_) if is_end => continue,
                Err(error) => LogLine { level: Level::Warning, text: chain(&error) },
            };
            if events.send(Event::Log(line)).is_err() {
                return;
            }
        }
    }
}

/// Refuses commands for a run that is only watched.
fn refuse(requests: Receiver<CommandRequest>, events: Sender<Event>) -> impl FnOnce() + Send {
    move || {
        for _ in requests {
            let text = "this run is only watched here: it is trained on another host".to_owned();
            if events.send(Event::Log(LogLine { level: Level::Warning, text })).is_err() {
                return;
            }
        }
    }
}
