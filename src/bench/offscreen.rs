use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use ratatui::layout::Size;

use crate::protocol::Event;
use crate::ui::dashboard::Dashboard;
use crate::ui::terminal::Screen;
use crate::ui::theme::{Colors, Glyphs, Theme};
use crate::ui::view::dashboard;

/// The size of a usual terminal.
const SIZE: Size = Size { width: 120, height: 40 };
/// Twice as many frames as the program draws, an upper bound of the overhead.
pub(super) const FRAME: Duration = Duration::from_millis(33);
/// The most expensive theme: all colours and characters.
const THEME: Theme = Theme { colors: Colors::True, glyphs: Glyphs::Braille, light: false, ..Theme::DARK };

/// The dashboard of a run, drawn to memory.
pub(super) struct Offscreen {
    dashboard: Dashboard,
    screen: Screen,
    /// The number of frames, and the bytes that would be sent to a terminal.
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

    /// Draws the requested numbers of frames, each after all events so far, like the program's loop, until the sender of requests is dropped.
    pub fn follow(mut self, events: &Receiver<Event>, requests: &Receiver<usize>) -> Self {
        for frames in requests {
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
        // Writing to memory does not fail.
        if let Ok(Some(bytes)) = frame {
            self.frames += 1;
            self.bytes += bytes.len() as u64;
        }
    }
}
