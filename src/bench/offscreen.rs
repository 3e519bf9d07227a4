use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use ratatui::layout::Size;

use crate::protocol::Event;
use crate::ui::dashboard::Dashboard;
use crate::ui::terminal::Screen;
use crate::ui::theme::{Colors, Glyphs, Theme};
use crate::ui::view::dashboard;

/// A terminal window of usual size.
const SIZE: Size = Size { width: 120, height: 40 };
/// Twice as many frames as the program itself draws, so that what is measured is rather too much.
pub(super) const FRAME: Duration = Duration::from_millis(33);
/// As it costs most: every colour and every character.
const THEME: Theme = Theme { colors: Colors::True, glyphs: Glyphs::Braille, light: false };

/// The dashboard of a run, drawn as ever, but into memory.
pub(super) struct Offscreen {
    dashboard: Dashboard,
    screen: Screen,
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
        Ok(Self { dashboard, screen, frames: 0, bytes: 0, busy: Duration::ZERO })
    }

    /// Draws as many frames as it is asked for, each of all events until then, as the program's own loop does; until nobody is left to ask.
    pub fn follow(mut self, events: &Receiver<Event>, asked: &Receiver<usize>) -> Self {
        for frames in asked {
            for frame in 0..frames {
                if frame > 0 {
                    thread::sleep(FRAME);
                }
                let begin = Instant::now();
                events.try_iter().for_each(|event| self.dashboard.apply(&event));
                self.draw();
                self.busy += begin.elapsed();
            }
        }
        self
    }

    fn draw(&mut self) {
        let Self { dashboard, screen, .. } = self;
        let frame = screen.draw(Vec::new(), |frame| {
            dashboard::render(dashboard, frame.area(), frame.buffer_mut(), &THEME);
        });
        // Memory takes every frame.
        if let Ok(Some(bytes)) = frame {
            self.frames += 1;
            self.bytes += bytes.len() as u64;
        }
    }
}
