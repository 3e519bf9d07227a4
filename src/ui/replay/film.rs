//! Recorded runs as a picture that moves: their dashboards side by side.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};

use super::recording::{Limit, Recording};
use crate::run::Position;
use crate::ui::dashboard::Dashboard;
use crate::ui::screenshot::{self, Animation};
use crate::ui::theme::Theme;
use crate::ui::view::dashboard;

/// The most frames: each is a part of the file.
const MOST_FRAMES: f64 = 600.0;
/// The most cells of all frames in memory; with more there are fewer frames.
const MOST_CELLS: u64 = 1 << 22;
/// The most bytes of a file; with more, every second frame is left out.
const MOST_BYTES: usize = 4 << 20;
/// How long the last frame stays, in seconds.
const HOLD: f64 = 3.0;
/// Columns between two dashboards.
const GAP: u16 = 1;

/// What a moving picture shows of runs, and how.
#[derive(Debug, Clone)]
pub struct Film {
    /// Columns and rows of the screen, which the dashboards share from left to right.
    pub size: Size,
    /// The duration in seconds.
    pub seconds: f64,
    /// Frames a second.
    pub fps: f64,
    /// Colours and characters.
    pub theme: Theme,
}

/// A moving picture as an SVG document.
#[derive(Debug, Clone, PartialEq)]
pub struct FilmPicture {
    /// The document.
    pub svg: String,
    /// The number of frames that differ from the one before.
    pub frames: usize,
}

/// A run on its part of the screen.
struct Part<'r> {
    recording: &'r Recording,
    dashboard: Dashboard,
    position: Position,
    area: Rect,
}

impl Film {
    /// The replay of `recordings`, all at the speed at which the longest takes the whole duration.
    pub fn picture(&self, recordings: &[Recording]) -> FilmPicture {
        let longest = recordings.iter().map(Recording::seconds).fold(0.0, f64::max);
        let frames = self.frames();
        let mut parts = self.parts(recordings);
        let mut screens: Vec<(f64, Buffer)> = Vec::new();
        for frame in 0..=frames as u64 {
            let share = frame as f64 / frames;
            let limit = if share < 1.0 { Limit::Seconds(longest * share) } else { Limit::End };
            screens.push((self.seconds * share, self.screen(&mut parts, limit)));
        }
        loop {
            let mut animation = Animation::new(self.size.width, self.size.height, self.theme);
            screens.iter().for_each(|(seconds, screen)| animation.add(*seconds, screen));
            let svg = animation.svg(HOLD);
            if svg.len() <= MOST_BYTES || screens.len() <= 2 {
                return FilmPicture { svg, frames: animation.frames() };
            }
            // The last one stays.
            let mut left = screens.len();
            screens.retain(|_| {
                left -= 1;
                left.is_multiple_of(2)
            });
        }
    }

    /// Frames after the first.
    fn frames(&self) -> f64 {
        let cells = u64::from(self.size.width) * u64::from(self.size.height);
        let most = (MOST_CELLS / cells.max(1)) as f64;
        (self.seconds * self.fps).clamp(1.0, most.clamp(1.0, MOST_FRAMES)).ceil()
    }

    /// The columns that `count` dashboards need, each at least so many.
    pub fn columns(count: usize, least: u16) -> usize {
        (count * usize::from(least + GAP)).saturating_sub(GAP.into())
    }

    /// The screen of `recordings` after `step`, as an SVG document that does not move.
    pub fn still(&self, recordings: &[Recording], step: u64) -> FilmPicture {
        let screen = self.screen(&mut self.parts(recordings), Limit::Step(step));
        FilmPicture { svg: screenshot::svg(&screen, &self.theme), frames: 1 }
    }

    fn parts<'r>(&self, recordings: &'r [Recording]) -> Vec<Part<'r>> {
        let count = u16::try_from(recordings.len()).unwrap_or(u16::MAX).max(1);
        let width = (self.size.width + GAP) / count;
        let part = |(i, recording)| Part {
            recording,
            dashboard: Dashboard::new(),
            position: Position::START,
            area: Rect::new(i as u16 * width, 0, width.saturating_sub(GAP), self.size.height),
        };
        recordings.iter().enumerate().map(part).collect()
    }

    /// The screen once all runs have gone on to `limit`.
    fn screen(&self, parts: &mut [Part<'_>], limit: Limit) -> Buffer {
        let mut screen = Buffer::empty(Rect::new(0, 0, self.size.width, self.size.height));
        for part in parts {
            let progress = part.recording.advance(&mut part.dashboard.run, part.position, limit, None);
            part.position = progress.position;
            dashboard::render(&part.dashboard, part.area, &mut screen, &self.theme);
        }
        screen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film(width: u16, height: u16, seconds: f64) -> Film {
        Film { size: Size::new(width, height), seconds, fps: 60.0, theme: Theme::DARK }
    }

    #[test]
    fn frames_are_bounded_by_their_number_and_their_cells() {
        assert_eq!(film(120, 40, 2.0).frames(), 120.0);
        assert_eq!(film(120, 40, 1e9).frames(), MOST_FRAMES);
        assert_eq!(film(1000, 400, 1e9).frames(), 10.0);
        assert_eq!(film(120, 40, 1e-9).frames(), 1.0);
    }

    #[test]
    fn each_dashboard_has_the_columns_that_it_needs() {
        assert_eq!((Film::columns(1, 40), Film::columns(3, 40)), (40, 122));
        for count in 1..=20 {
            let width = (Film::columns(count, 40) as u16 + GAP) / count as u16 - GAP;
            assert_eq!(width, 40, "{count}");
        }
    }
}
