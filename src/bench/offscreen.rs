use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, at, never, select};
use ratatui::layout::Size;

use crate::protocol::Event;
use crate::ui::state::Dashboard;
use crate::ui::terminal::Screen;
use crate::ui::theme::{Colors, Glyphs, Theme};
use crate::ui::view::dashboard;

/// A terminal window of usual size.
const SIZE: Size = Size { width: 120, height: 40 };
/// Twice as many frames as the program itself draws, so that what is measured is rather too much.
const FRAME: Duration = Duration::from_millis(33);
/// At most so many events are folded between two looks at the clock, as in the program's own loop.
const BATCH: usize = 4096;
/// As it costs most: every colour and every character.
const THEME: Theme = Theme { colors: Colors::True, glyphs: Glyphs::Braille, light: false };

/// The dashboard of a run, drawn as ever, but into memory.
pub(super) struct Offscreen {
    dashboard: Dashboard,
    screen: Screen,
    drawn: Instant,
    /// Frames so far, and the bytes that a terminal would have been sent.
    pub frames: u64,
    pub bytes: u64,
    /// Time spent on folding and drawing.
    pub busy: Duration,
}

impl Offscreen {
    /// Before any event.
    pub fn new() -> std::io::Result<Self> {
        let (dashboard, screen) = (Dashboard::new(), Screen::new(SIZE)?);
        Ok(Self { dashboard, screen, drawn: Instant::now(), frames: 0, bytes: 0, busy: Duration::ZERO })
    }

    /// Folds and draws what comes until nobody is left to tell anything.
    pub fn follow(&mut self, events: &Receiver<Event>) {
        let mut due = None;
        loop {
            let frame = due.map_or_else(never, at);
            select! {
                recv(events) -> event => {
                    let Ok(event) = event else { return };
                    let begin = Instant::now();
                    self.dashboard.apply(&event);
                    events.try_iter().take(BATCH).for_each(|event| self.dashboard.apply(&event));
                    self.busy += begin.elapsed();
                    due.get_or_insert(self.drawn + FRAME);
                }
                recv(frame) -> _ => {
                    due = None;
                    self.draw();
                }
            }
        }
    }

    fn draw(&mut self) {
        self.drawn = Instant::now();
        let Self { dashboard, screen, .. } = self;
        let frame = screen.draw(Vec::new(), |frame| {
            dashboard::render(dashboard, frame.area(), frame.buffer_mut(), &THEME);
        });
        // Memory takes every frame.
        if let Ok(Some(bytes)) = frame {
            self.frames += 1;
            self.bytes += bytes.len() as u64;
        }
        self.busy += self.drawn.elapsed();
    }
}
