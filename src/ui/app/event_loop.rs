//! The one loop: trainer, keys, signals and the writer, one after the other; and a frame when something has changed.

use std::io;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, at, never, select};
use ratatui::layout::Size;

use super::{App, Outcome, suspends};
use crate::protocol::Event;
use crate::ui::input::Input;
use crate::ui::terminal::{Notice, Screen, Writer};

/// At most so often does training redraw the screen; a key does at once. Curves move on no more smoothly at twice the
/// rate, but a moving screen of 80×24 then takes 50 kB/s of a line instead of 25.
const FRAME: Duration = Duration::from_millis(66);
/// At most so many events are folded before keys are looked at again.
const BATCH: usize = 4096;
/// How often to look whether the terminal is ours again, when a shell has put us in the background.
const AWAY: Duration = Duration::from_millis(250);

/// Why the loop returns to the owner of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// The screen has ended.
    Ended(Outcome),
    /// Give the terminal back and stop.
    Suspend,
    /// Take the terminal again, if it is ours.
    Resume,
}

/// The loop between two returns to the owner of the terminal.
///
/// Whatever comes is taken at once, also while the terminal is stalled: drawing waits for the writer, nothing else
/// does. When the writer comes back one frame is drawn, of the newest state.
pub struct EventLoop<'c> {
    screen: Screen,
    input: &'c Receiver<Input>,
    notices: &'c Receiver<Notice>,
    /// When to draw next; `None` while the screen shows all there is.
    due: Option<Instant>,
    drawn: Instant,
    /// Set while the terminal is not ours: when to look for it next.
    away: Option<Instant>,
}

impl<'c> EventLoop<'c> {
    /// A loop that draws a first frame at once.
    pub fn new(screen: Screen, input: &'c Receiver<Input>, notices: &'c Receiver<Notice>) -> Self {
        let now = Instant::now();
        Self { screen, input, notices, due: Some(now), drawn: now, away: None }
    }

    /// The terminal is not ours from here on: events are folded, nothing is drawn.
    pub fn leave_terminal(&mut self) {
        self.away = Some(Instant::now() + AWAY);
    }

    /// The terminal is ours again, has `size`, and shows something else.
    pub fn return_to_terminal(&mut self, size: Size) -> io::Result<()> {
        self.away = None;
        self.due = Some(Instant::now());
        self.screen.resize(size);
        self.screen.forget()
    }

    /// Runs until the owner of the terminal has to do something.
    pub fn run(&mut self, app: &mut App<'_>, writer: &mut Writer) -> io::Result<Flow> {
        loop {
            let now = Instant::now();
            let ended = app.outcome();
            if self.due.is_some_and(|due| due <= now || ended.is_some()) && self.may_draw(writer) {
                self.draw(app, writer, now)?;
            }
            if let Some(outcome) = ended {
                return Ok(Flow::Ended(outcome));
            }
            if let Some(flow) = self.turn(app, writer) {
                return Ok(flow);
            }
        }
    }

    /// Waits for one thing to happen, and takes it.
    fn turn(&mut self, app: &mut App<'_>, writer: &mut Writer) -> Option<Flow> {
        let events = app.events().cloned().unwrap_or_else(never);
        let answers = app.answers().cloned().unwrap_or_else(never);
        let frame = self.due.filter(|_| self.may_draw(writer)).map_or_else(never, at);
        let home = self.away.map_or_else(never, at);
        select! {
            recv(events) -> event => self.take_events(app, event.ok(), &events),
            recv(answers) -> answer => {
                if let Ok(answer) = answer {
                    app.answer(answer);
                    self.draw_by(Instant::now());
                }
            }
            recv(self.input) -> input => return self.take_input(app, input.unwrap_or(Input::HangUp)),
            recv(self.notices) -> notice => return self.take_notice(app, notice.ok()?),
            recv(writer.done()) -> written => {
                if !written.is_ok_and(|written| writer.finished(written)) {
                    app.input(Input::HangUp);
                }
            }
            recv(frame) -> _ => {}
            recv(home) -> now => {
                self.away = now.ok().map(|now| now + AWAY);
                return Some(Flow::Resume);
            }
        }
        None
    }

    fn take_events(&mut self, app: &mut App<'_>, first: Option<Event>, rest: &Receiver<Event>) {
        match first {
            Some(event) => {
                app.fold(&event);
                rest.try_iter().take(BATCH).for_each(|event| app.fold(&event));
            }
            None => app.trainer_gone(),
        }
        self.draw_by(self.drawn + FRAME);
    }

    fn take_input(&mut self, app: &mut App<'_>, input: Input) -> Option<Flow> {
        if matches!(&input, Input::Key(key) if suspends(key)) {
            return Some(Flow::Suspend);
        }
        app.input(input);
        self.draw_by(Instant::now());
        None
    }

    fn take_notice(&mut self, app: &mut App<'_>, notice: Notice) -> Option<Flow> {
        match notice {
            Notice::Suspend => return Some(Flow::Suspend),
            Notice::Continue => return Some(Flow::Resume),
            Notice::Resize(size) => self.screen.resize(size),
            Notice::HangUp | Notice::End(_) => app.notice(notice),
        }
        self.draw_by(Instant::now());
        None
    }

    fn draw_by(&mut self, time: Instant) {
        self.due = Some(self.due.map_or(time, |due| due.min(time)));
    }

    fn may_draw(&self, writer: &Writer) -> bool {
        self.away.is_none() && !writer.busy()
    }

    fn draw(&mut self, app: &mut App<'_>, writer: &mut Writer, now: Instant) -> io::Result<()> {
        (self.due, self.drawn) = (None, now);
        let frame = self.screen.draw(writer.take_buffer(), |frame| app.render(frame))?;
        if frame.is_some_and(|frame| !writer.send(frame)) {
            app.input(Input::HangUp);
        }
        Ok(())
    }
}
