//! Dots below the size of a cell: braille, quadrants of blocks, or upper and lower marks in ASCII.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::ui::theme::Glyphs;

/// What a dot is drawn with.
#[derive(Debug, Clone, Copy)]
pub(super) struct DotStyle {
    pub style: Style,
    /// Whether it lies behind: where a curve in front has a dot, a cell drops all of those behind. A cell holds
    /// one colour, and a thick line in the wrong colour reads worse than a cut in the noise.
    pub behind: bool,
}

#[derive(Debug, Clone, Copy)]
struct Spot {
    dots: u8,
    ink: DotStyle,
}

/// An area of dots, painted to a buffer in one go.
pub(super) struct Canvas {
    area: Rect,
    glyphs: Glyphs,
    spots: Vec<Option<Spot>>,
}

/// Dots of a cell: across, down.
pub(super) fn resolution(glyphs: Glyphs) -> (usize, usize) {
    match glyphs {
        Glyphs::Braille => (2, 4),
        Glyphs::Blocks => (2, 2),
        Glyphs::Ascii | Glyphs::Letters => (1, 2),
    }
}

impl Canvas {
    pub(super) fn new(area: Rect, glyphs: Glyphs) -> Self {
        Self { area, glyphs, spots: vec![None; usize::from(area.width) * usize::from(area.height)] }
    }

    /// Sets the dot `x` from the left and `y` from the top; outside of the area nothing happens.
    pub(super) fn dot(&mut self, x: usize, y: usize, ink: DotStyle) {
        let (across, down) = resolution(self.glyphs);
        let (column, row) = (x / across, y / down);
        let width = usize::from(self.area.width);
        if column >= width {
            return;
        }
        let Some(spot) = self.spots.get_mut(row * width + column) else { return };
        let dot = 1 << (y % down * across + x % across);
        *spot = Some(match *spot {
            Some(old) if ink.behind && !old.ink.behind => old,
            Some(old) if ink.behind == old.ink.behind => Spot { dots: old.dots | dot, ink },
            _ => Spot { dots: dot, ink },
        });
    }

    /// Puts the dots in `buf`, over what is there.
    pub(super) fn paint(&self, buf: &mut Buffer) {
        let width = usize::from(self.area.width).max(1);
        for (i, spot) in self.spots.iter().enumerate() {
            let Some(spot) = spot else { continue };
            let (x, y) = (self.area.x + (i % width) as u16, self.area.y + (i / width) as u16);
            if let Some(cell) = buf.cell_mut((x, y)) {
                cell.set_char(glyph(spot, self.glyphs)).set_style(spot.ink.style);
            }
        }
    }
}

fn glyph(spot: &Spot, glyphs: Glyphs) -> char {
    match glyphs {
        Glyphs::Braille => {
            // Unicode numbers the dots down the left column, then the right one, and the lowest row last
            const BITS: [u32; 8] = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80];
            let bits =
                (0..).zip(BITS).filter(|(i, _)| spot.dots >> i & 1 == 1).map(|(_, bit)| bit).sum::<u32>();
            char::from_u32(0x2800 + bits).unwrap_or(' ')
        }
        Glyphs::Blocks => {
            const QUADRANTS: [char; 16] =
                [' ', '▘', '▝', '▀', '▖', '▌', '▞', '▛', '▗', '▚', '▐', '▜', '▄', '▙', '▟', '█'];
            QUADRANTS.get(usize::from(spot.dots)).copied().unwrap_or('█')
        }
        // without colours the marks alone tell a curve from the noise behind it
        Glyphs::Ascii | Glyphs::Letters => match (spot.dots, spot.ink.behind) {
            (1, true) => '\'',
            (2, true) => '.',
            (_, true) => ':',
            (1, false) => '"',
            (2, false) => '_',
            (_, false) => '#',
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(glyphs: Glyphs, dots: &[(usize, usize, bool)]) -> String {
        let mut canvas = Canvas::new(Rect::new(0, 0, 2, 1), glyphs);
        dots.iter()
            .for_each(|(x, y, behind)| canvas.dot(*x, *y, DotStyle { style: Style::new(), behind: *behind }));
        let mut buf = Buffer::empty(Rect::new(0, 0, 2, 1));
        canvas.paint(&mut buf);
        buf.content().iter().map(|cell| cell.symbol()).collect()
    }

    #[test]
    fn dots_become_the_glyphs_of_the_tier() {
        assert_eq!(painted(Glyphs::Braille, &[(0, 0, false), (1, 3, false), (2, 1, false)]), "⢁⠂");
        assert_eq!(painted(Glyphs::Blocks, &[(0, 0, false), (1, 0, false), (3, 1, false)]), "▀▗");
        assert_eq!(painted(Glyphs::Ascii, &[(0, 0, false), (1, 1, true)]), "\".");
    }

    #[test]
    fn a_curve_in_front_drops_the_dots_behind_and_outside_is_nothing() {
        let dots = [(0, 0, true), (0, 3, false), (1, 0, true), (9, 9, false)];
        assert_eq!(painted(Glyphs::Braille, &dots), "⡀ ");
    }
}
