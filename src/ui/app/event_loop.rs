//! The event loop over trainer, keys, signals and writer; draws a frame when something has changed.

use std::io;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, at, never, select};
use ratatui::layout::Size;

use super::drawing::DrawingMeter;
use super::{App, ExitReason, suspends};
use crate::protocol::{Event, RaceEvent};
use crate::ui::input::Input;
use crate::ui::terminal::{ByteRate, Notice, Screen, Writer, clipboard};

/// Maximum number of events to fold before keys are handled again.
const BATCH: usize = 4096;
/// How often to check whether the terminal is ours again after a shell has put us in the background.
const AWAY: Duration = Duration::from_millis(250);

/// How long after its opening a dialog takes no answer: what is typed then was meant for something else.
pub(super) const NO_ANSWER: Duration = Duration::from_millis(300);

/// Why the loop returns to the owner of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// The screen has ended.
    Ended(ExitReason),
    /// Restore the terminal and stop.
    Suspend,
    /// Take the terminal over again, if it is ours.
    Resume,
}

/// The loop between two returns to the owner of the terminal.
///
/// Keys and signals are handled as they arrive, events once per frame: a trainer sends thousands a second, and a thread
/// woken for each would preempt it as often. All this continues while the terminal is stalled: only drawing waits for the
/// writer, and then draws one frame of the newest state.
pub struct EventLoop<'c> {
    screen: Screen,
    input: &'c Receiver<Input>,
    notices: &'c Receiver<Notice>,
    /// Minimum time between two frames caused by training; a key redraws at once.
    frame: Duration,
    /// Limits the bytes of those frames; `None` without a limit.
    rate: Option<ByteRate>,
    /// When to draw next; `None` while the screen is up to date.
    due: Option<Instant>,
    drawn: Instant,
    /// When the queue of events was last emptied.
    emptied: Instant,
    drawing: DrawingMeter,
    /// When the dialog on the screen was opened.
    asked: Option<Instant>,
    /// Set while the terminal is not ours: when to check next.
    away: Option<Instant>,
}

impl<'c> EventLoop<'c> {
    /// A loop that draws a first frame at once, and others `frame` apart.
    pub fn new(
        screen: Screen,
        input: &'c Receiver<Input>,
        notices: &'c Receiver<Notice>,
        frame: Duration,
    ) -> Self {
        let now = Instant::now();
        Self {
            screen,
            input,
            notices,
            frame,
            rate: None,
            due: Some(now),
            drawn: now,
            emptied: now,
            drawing: DrawingMeter::since(now),
            asked: None,
            away: None,
        }
    }

    /// The same with a limit on the bytes of frames caused by training.
    #[must_use]
    pub fn with_rate(self, bytes_per_s: u32) -> Self {
        Self { rate: Some(ByteRate::new(bytes_per_s, Instant::now())), ..self }
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
            if let Some(flow) = self.wait_once(app, writer) {
                return Ok(flow);
            }
        }
    }

    /// Waits for one input and handles it.
    fn wait_once(&mut self, app: &mut App<'_>, writer: &mut Writer) -> Option<Flow> {
        let next_events = self.emptied + self.frame;
        let events = app.events().cloned().unwrap_or_else(never);
        // Until then events do not wake the loop.
        let (events, wait) =
            if next_events <= Instant::now() { (events, never()) } else { (never(), at(next_events)) };
        let race = app.race_events().cloned().unwrap_or_else(never);
        let race = if next_events <= Instant::now() { race } else { never() };
        let results = app.results().cloned().unwrap_or_else(never);
        let recent_runs = app.recent_runs().cloned().unwrap_or_else(never);
        let fetched = app.fetch_events().cloned().unwrap_or_else(never);
        let estimates = app.estimates().cloned().unwrap_or_else(never);
        let sweep = app.sweep_updates().cloned().unwrap_or_else(never);
        let frame = self.due.filter(|_| self.may_draw(writer)).map_or_else(never, at);
        let home = self.away.map_or_else(never, at);
        let tick = app.next_tick().map_or_else(never, at);
        select! {
            recv(events) -> event => {
                match event {
                    Ok(event) => self.take_events(app, Some(event)),
                    Err(_) => app.trainer_gone(),
                }
                self.draw_by(self.next_frame());
            }
            recv(race) -> event => {
                match event {
                    Ok(event) => self.take_race_events(app, &event),
                    Err(_) => app.race_over(),
                }
                self.draw_by(self.next_frame());
            }
            recv(wait) -> _ => {}
            recv(results) -> result => {
                if let Ok(result) = result {
                    app.take_result(result);
                    self.draw_by(Instant::now());
                }
            }
            recv(fetched) -> event => {
                app.take_fetch_event(event.ok());
                self.draw_by(self.drawn + self.frame);
            }
            recv(estimates) -> estimate => {
                if let Ok(estimate) = estimate {
                    app.take_estimate(estimate);
                    self.draw_by(Instant::now());
                }
            }
            recv(recent_runs) -> runs => {
                if runs.is_ok_and(|runs| app.take_recent_runs(runs)) {
                    self.draw_by(Instant::now());
                }
            }
            recv(sweep) -> update => {
                if app.take_sweep_update(update.ok()) {
                    self.draw_by(self.next_frame());
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
            recv(tick) -> _ => {
                if app.tick(Instant::now()) {
                    self.draw_by(self.next_frame());
                }
            }
            recv(home) -> now => {
                self.away = now.ok().map(|now| now + AWAY);
                return Some(Flow::Resume);
            }
        }
        None
    }

    /// Folds the given event and the queued ones.
    fn take_events(&mut self, app: &mut App<'_>, first: Option<Event>) {
        let Some(events) = app.events().cloned() else { return };
        let (begin, mut left) = (Instant::now(), BATCH);
        for event in first.into_iter().chain(events.try_iter()).take(BATCH) {
            app.fold(&event);
            left -= 1;
        }
        let now = Instant::now();
        if left < BATCH {
            if let Some(cost) = self.drawing.measure(begin) {
                app.drawing_costs(cost);
            }
            self.drawing.add_busy(now - begin);
        }
        // The remaining events follow after the keys.
        if left > 0 {
            self.emptied = now;
        }
    }

    /// Folds the given event of a race and the queued ones.
    fn take_race_events(&mut self, app: &mut App<'_>, first: &RaceEvent) {
        app.fold_race(first);
        let Some(events) = app.race_events().cloned() else { return };
        let mut left = BATCH;
        for event in events.try_iter().take(BATCH) {
            app.fold_race(&event);
            left -= 1;
        }
        if left > 0 {
            self.emptied = Instant::now();
        }
    }

    fn take_input(&mut self, app: &mut App<'_>, input: Input) -> Option<Flow> {
        if matches!(&input, Input::Key(key) if suspends(key)) {
            return Some(Flow::Suspend);
        }
        if app.answers(&input) && self.asked.is_some_and(|asked| asked.elapsed() < NO_ANSWER) {
            return None;
        }
        app.input(input);
        self.asked = app.is_asking().then(|| self.asked.unwrap_or_else(Instant::now));
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

    /// When a frame caused by training may be drawn.
    fn next_frame(&self) -> Instant {
        let next = self.drawn + self.frame;
        self.rate.map_or(next, |rate| rate.next().max(next))
    }

    fn may_draw(&self, writer: &Writer) -> bool {
        self.away.is_none() && !writer.busy()
    }

    fn draw(&mut self, app: &mut App<'_>, writer: &mut Writer) -> io::Result<()> {
        let now = Instant::now();
        (self.due, self.drawn) = (None, now);
        let frame = self.screen.draw(writer.take_buffer(), |frame| app.render(frame))?;
        let frame = match app.take_clipboard() {
            Some(text) => Some([frame.unwrap_or_default(), clipboard::set(&text)].concat()),
            None => frame,
        };
        self.drawing.add_busy(now.elapsed());
        if let Some(frame) = frame {
            self.drawing.add_frame(frame.len());
            if let Some(rate) = &mut self.rate {
                rate.add(frame.len(), now);
            }
            if !writer.send(frame) {
                app.input(Input::HangUp);
            }
        }
        Ok(())
    }
}
