//! The one loop: trainer, keys, signals and the writer, one after the other; and a frame when something has changed.

use std::io;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, at, never, select};
use ratatui::layout::Size;

use super::drawing::Drawing;
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
/// Keys and signals are taken as they come, events as often as frames: a trainer makes thousands a second, and a thread that is woken
/// for each takes its core as often. All this also while the terminal is stalled: drawing waits for the writer, nothing else does.
/// When the writer comes back one frame is drawn, of the newest state.
pub struct EventLoop<'c> {
    screen: Screen,
    input: &'c Receiver<Input>,
    notices: &'c Receiver<Notice>,
    /// When to draw next; `None` while the screen shows all there is.
    due: Option<Instant>,
    drawn: Instant,
    /// When events were last taken, to the last one.
    heard: Instant,
    drawing: Drawing,
    /// Set while the terminal is not ours: when to look for it next.
    away: Option<Instant>,
}

impl<'c> EventLoop<'c> {
    /// A loop that draws a first frame at once.
    pub fn new(screen: Screen, input: &'c Receiver<Input>, notices: &'c Receiver<Notice>) -> Self {
        let now = Instant::now();
        Self {
            screen,
            input,
            notices,
            due: Some(now),
            drawn: now,
            heard: now,
            drawing: Drawing::since(now),
            away: None,
        }
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
                self.take_events(app, None);
                self.draw(app, writer)?;
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
        let hear = self.heard + FRAME;
        let events = app.events().cloned().unwrap_or_else(never);
        // A trainer that is not heard yet does not wake the loop.
        let (events, hear) = if hear <= Instant::now() { (events, never()) } else { (never(), at(hear)) };
        let answers = app.answers().cloned().unwrap_or_else(never);
        let frame = self.due.filter(|_| self.may_draw(writer)).map_or_else(never, at);
        let home = self.away.map_or_else(never, at);
        select! {
            recv(events) -> event => {
                match event {
                    Ok(event) => self.take_events(app, Some(event)),
                    Err(_) => app.trainer_gone(),
                }
                self.draw_by(self.drawn + FRAME);
            }
            recv(hear) -> _ => {}
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

    /// Folds the event at hand and those that wait.
    fn take_events(&mut self, app: &mut App<'_>, first: Option<Event>) {
        let Some(events) = app.events().cloned() else { return };
        let (begin, mut room) = (Instant::now(), BATCH);
        for event in first.into_iter().chain(events.try_iter()).take(BATCH) {
            app.fold(&event);
            room -= 1;
        }
        let now = Instant::now();
        if room < BATCH {
            if let Some(cost) = self.drawing.tell(begin) {
                app.drawing_costs(cost);
            }
            self.drawing.took(now - begin);
        }
        // What found no room is heard next, after the keys.
        if room > 0 {
            self.heard = now;
        }
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

    fn draw(&mut self, app: &mut App<'_>, writer: &mut Writer) -> io::Result<()> {
        let now = Instant::now();
        (self.due, self.drawn) = (None, now);
        let frame = self.screen.draw(writer.take_buffer(), |frame| app.render(frame))?;
        self.drawing.took(now.elapsed());
        if let Some(frame) = frame {
            self.drawing.sent(frame.len());
            if !writer.send(frame) {
                app.input(Input::HangUp);
            }
        }
        Ok(())
    }
}
