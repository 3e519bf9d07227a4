//! A picture that moves: an SVG document whose rows appear and disappear by CSS animations.
//!
//! What does not change is drawn once. Rows that are visible in the same frames are one group, with one animation; a row that comes back is
//! the same one. Without animations (`prefers-reduced-motion`, most converters) the last frame is seen.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};

use super::{Layers, close, colors, open, style};
use crate::ui::theme::Theme;

/// From frame to frame, the end not included; `usize::MAX` for the last frame.
type Interval = [usize; 2];

/// Cells of a row, and the frames in which they are seen.
type Version = (Vec<Cell>, Vec<Interval>);

/// Screens of one size, each with the time at which it appears.
#[derive(Debug, Clone)]
pub struct Animation {
    theme: Theme,
    width: u16,
    /// The distinct contents of each row.
    rows: Vec<Vec<Version>>,
    /// The times of the frames in seconds.
    times: Vec<f64>,
}

impl Animation {
    /// An animation without frames, of screens of `width` × `height` cells.
    pub fn new(width: u16, height: u16, theme: Theme) -> Self {
        Self { theme, width, rows: vec![Vec::new(); usize::from(height)], times: Vec::new() }
    }

    /// The number of frames that differ from the one before.
    pub fn frames(&self) -> usize {
        self.times.len()
    }

    /// Adds what is seen from `seconds` on; a screen that is like the last one is no frame.
    pub fn add(&mut self, seconds: f64, screen: &Buffer) {
        let width = usize::from(self.width).max(1);
        let is_seen = |version: &Version| version.1.last().is_some_and(|[_, end]| *end == usize::MAX);
        let rows = || screen.content().chunks(width);
        let is_same = !self.times.is_empty()
            && self.rows.iter().zip(rows()).all(|(versions, row)| {
                versions.iter().find(|version| is_seen(version)).is_some_and(|version| version.0 == row)
            });
        if is_same {
            return;
        }
        let frame = self.times.len();
        self.times.push(seconds);
        for (versions, row) in self.rows.iter_mut().zip(rows()) {
            if let Some(version) = versions.iter_mut().find(|version| is_seen(version)) {
                if version.0 == row {
                    continue;
                }
                if let Some([_, end]) = version.1.last_mut() {
                    *end = frame;
                }
            }
            match versions.iter_mut().find(|version| version.0 == row) {
                Some(version) => version.1.push([frame, usize::MAX]),
                None => versions.push((row.to_vec(), vec![[frame, usize::MAX]])),
            }
        }
    }

    /// The SVG document, which starts again `hold` seconds after the last frame appears.
    pub fn svg(&self, hold: f64) -> String {
        let [ground, ink] = colors(&self.theme);
        let mut groups: BTreeMap<&[Interval], Layers> = BTreeMap::new();
        for (y, versions) in self.rows.iter().enumerate() {
            for (row, intervals) in versions {
                let styles: Vec<_> = row.iter().map(|cell| style(cell, ground, ink)).collect();
                let layers = groups.entry(intervals).or_default();
                layers.backgrounds(&styles, y, ground);
                layers.shapes(row, &styles, y);
                layers.text(row, &styles, y);
            }
        }
        let duration = self.times.last().map_or(0.0, |last| last + hold).max(0.1);
        let mut out = String::new();
        open(&mut out, usize::from(self.width), self.rows.len(), &self.theme);
        let always: &[Interval] = &[[0, usize::MAX]];
        let _ = write!(
            out,
            "<style>.f{{visibility:hidden;animation:{duration:.2}s step-end infinite}}.l{{visibility:visible}}\
             @media(prefers-reduced-motion:reduce){{.f{{animation:none!important}}}}"
        );
        let moving = || groups.iter().filter(|(intervals, _)| **intervals != always);
        for (i, (intervals, _)) in moving().enumerate() {
            let _ = write!(out, "@keyframes k{i}{{");
            if intervals.first().is_some_and(|[from, _]| *from > 0) {
                out.push_str("0%{visibility:hidden}");
            }
            for [from, to] in intervals.iter() {
                let _ = write!(out, "{:.3}%{{visibility:visible}}", self.share(*from, duration));
                if *to != usize::MAX {
                    let _ = write!(out, "{:.3}%{{visibility:hidden}}", self.share(*to, duration));
                }
            }
            let _ = write!(out, "}}.k{i}{{animation-name:k{i}}}");
        }
        out.push_str("</style>\n");
        if let Some(layers) = groups.get(always) {
            layers.write(&mut out);
        }
        for (i, (intervals, layers)) in moving().enumerate() {
            let is_last = intervals.last().is_some_and(|[_, end]| *end == usize::MAX);
            let _ = writeln!(out, "<g class=\"f k{i}{}\">", if is_last { " l" } else { "" });
            layers.write(&mut out);
            out.push_str("</g>\n");
        }
        close(&mut out);
        out
    }

    /// When a frame appears, in per cent of the animation.
    fn share(&self, frame: usize, duration: f64) -> f64 {
        let time = self.times.get(frame).map_or(duration, |time| time - self.times.first().unwrap_or(&0.0));
        100.0 * time / duration
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn animation(frames: &[[&str; 2]]) -> Animation {
        let mut animation = Animation::new(6, 2, Theme::DARK);
        for (i, lines) in frames.iter().enumerate() {
            animation.add(i as f64, &Buffer::with_lines(*lines));
        }
        animation
    }

    #[test]
    fn what_stays_is_drawn_once_and_what_changes_is_seen_in_its_frames() {
        let moving = animation(&[
            ["title ", "loss 9"],
            ["title ", "loss 8"],
            ["title ", "loss 8"],
            ["title ", "loss 9"],
        ]);
        assert_eq!(moving.frames(), 3, "the third is like the second");
        let svg = moving.svg(1.0);
        assert_eq!([svg.matches("title").count(), svg.matches("loss 9").count()], [1, 1], "{svg}");
        assert!(svg.contains("animation:4.00s step-end infinite"), "{svg}");
        let first_and_last =
            "{0.000%{visibility:visible}25.000%{visibility:hidden}75.000%{visibility:visible}}";
        let between = "{0%{visibility:hidden}25.000%{visibility:visible}75.000%{visibility:hidden}}";
        assert!(svg.contains(first_and_last) && svg.contains(between), "{svg}");
        assert_eq!(svg.matches("class=\"f k").count(), 2);
        assert_eq!(svg.matches(" l\">").count(), 1, "without animations the last frame is seen");
    }

    #[test]
    fn one_frame_is_a_still() {
        let still = animation(&[["title ", "loss 9"]]).svg(1.0);
        assert!(!still.contains("@keyframes") && still.contains("loss 9"));
        assert!(animation(&[]).svg(1.0).ends_with("</svg>\n"));
    }
}
