//! Changed cells → the shortest bytes that draw them.
//!
//! Over SSH every byte counts, and most bytes of a frame are colours and places. So a colour is set only where it is seen and differs from
//! the one before, several settings share a sequence, and a gap in a row is skipped by its width.

use std::io::{self, Write};

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

/// The modifiers of a blank that are seen.
const SEEN: Modifier = Modifier::UNDERLINED.union(Modifier::REVERSED).union(Modifier::CROSSED_OUT);
/// The number of every modifier in a sequence.
const MODIFIERS: [(Modifier, u8); 8] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::SLOW_BLINK, 5),
    (Modifier::RAPID_BLINK, 6),
    (Modifier::REVERSED, 7),
    (Modifier::CROSSED_OUT, 9),
];

/// The state of the terminal while a frame is drawn: it starts and ends without colours and modifiers.
#[derive(Debug)]
pub(super) struct Pen {
    foreground: Color,
    background: Color,
    modifiers: Modifier,
    /// Column and row after the last cell; `None` if not known.
    at: Option<(u16, u16)>,
    /// Whether all since the last place has the width that every terminal gives it.
    is_certain: bool,
}

impl Pen {
    /// Draws `cells` in their order, with column and row, and ends without colours.
    ///
    /// # Errors
    /// Those of `out`.
    pub(super) fn draw<'a>(
        cells: impl Iterator<Item = (u16, u16, &'a Cell)>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let mut pen = Self {
            foreground: Color::Reset,
            background: Color::Reset,
            modifiers: Modifier::empty(),
            at: None,
            is_certain: true,
        };
        for (x, y, cell) in cells {
            pen.go(x, y, out)?;
            pen.dip(cell, out)?;
            let symbol = cell.symbol();
            out.write_all(symbol.as_bytes())?;
            pen.is_certain &= is_certain(symbol);
            pen.at = Some((x.saturating_add(symbol.width().max(1) as u16), y));
        }
        if (pen.foreground, pen.background, pen.modifiers) != (Color::Reset, Color::Reset, Modifier::empty())
        {
            out.write_all(b"\x1b[m")?;
        }
        Ok(())
    }

    /// Moves to a cell.
    fn go(&mut self, x: u16, y: u16, out: &mut impl Write) -> io::Result<()> {
        match self.at {
            Some(at) if at == (x, y) => Ok(()),
            Some((before, row)) if row == y && before < x && self.is_certain => match x - before {
                1 => out.write_all(b"\x1b[C"),
                gap => write!(out, "\x1b[{gap}C"),
            },
            _ => {
                self.is_certain = true;
                write!(out, "\x1b[{};{}H", y + 1, x + 1)
            }
        }
    }

    /// Takes the colours and modifiers of `cell`, as far as they are seen.
    fn dip(&mut self, cell: &Cell, out: &mut impl Write) -> io::Result<()> {
        let is_blank = cell.symbol() == " " && !cell.modifier.intersects(SEEN);
        let modifiers = match is_blank {
            // What is on already is not seen either, but for what draws over a blank.
            true if self.modifiers.intersects(SEEN) => Modifier::empty(),
            true => self.modifiers,
            false => cell.modifier,
        };
        let mut codes: Vec<u8> = Vec::new();
        if self.modifiers.difference(modifiers) != Modifier::empty() {
            codes.extend(b"0;");
            (self.foreground, self.background) = (Color::Reset, Color::Reset);
            self.modifiers = Modifier::empty();
        }
        for (modifier, number) in MODIFIERS {
            if modifiers.contains(modifier) && !self.modifiers.contains(modifier) {
                write!(codes, "{number};")?;
            }
        }
        self.modifiers = modifiers;
        if cell.fg != self.foreground && !is_blank {
            color(cell.fg, 30, &mut codes)?;
            self.foreground = cell.fg;
        }
        if cell.bg != self.background {
            color(cell.bg, 40, &mut codes)?;
            self.background = cell.bg;
        }
        match codes.pop() {
            Some(_) => {
                out.write_all(b"\x1b[")?;
                out.write_all(&codes)?;
                out.write_all(b"m")
            }
            None => Ok(()),
        }
    }
}

/// Whether every terminal gives `symbol` one column: ASCII and braille; others may be two wide in East Asian locales.
fn is_certain(symbol: &str) -> bool {
    let mut chars = symbol.chars();
    let is_narrow = chars.next().is_some_and(|c| matches!(c, ' '..='~' | '\u{2800}'..='\u{28ff}'));
    is_narrow && chars.next().is_none()
}

/// Adds the numbers of a colour; `first` is 30 for a foreground and 40 for a background.
fn color(color: Color, first: u8, codes: &mut Vec<u8>) -> io::Result<()> {
    let (dark, bright) = (first, first + 60);
    let number = match color {
        Color::Rgb(r, g, b) => return write!(codes, "{};2;{r};{g};{b};", first + 8),
        Color::Indexed(index) => return write!(codes, "{};5;{index};", first + 8),
        Color::Reset => first + 9,
        Color::Black => dark,
        Color::Red => dark + 1,
        Color::Green => dark + 2,
        Color::Yellow => dark + 3,
        Color::Blue => dark + 4,
        Color::Magenta => dark + 5,
        Color::Cyan => dark + 6,
        Color::Gray => dark + 7,
        Color::DarkGray => bright,
        Color::LightRed => bright + 1,
        Color::LightGreen => bright + 2,
        Color::LightYellow => bright + 3,
        Color::LightBlue => bright + 4,
        Color::LightMagenta => bright + 5,
        Color::LightCyan => bright + 6,
        Color::White => bright + 7,
    };
    write!(codes, "{number};")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::backend::{Backend, CrosstermBackend};
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    const AREA: Rect = Rect { x: 0, y: 0, width: 24, height: 8 };

    /// A buffer with pieces of everything that a screen has, by a small generator.
    fn buffer(seed: u64) -> Buffer {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut below = |n: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 33) % n
        };
        let mut buf = Buffer::empty(AREA);
        let symbols = [" ", " ", "a", "█", "⣿", "─", "良", "é"];
        let modifiers = [
            Modifier::empty(),
            Modifier::BOLD,
            Modifier::DIM,
            Modifier::REVERSED,
            Modifier::BOLD | Modifier::UNDERLINED,
        ];
        let colors = [Color::Reset, Color::Red, Color::LightBlue, Color::Indexed(208), Color::Rgb(1, 2, 3)];
        for y in 0..AREA.height {
            let mut x = 0;
            while x < AREA.width {
                let symbol = symbols[below(8) as usize];
                let style = Style::new()
                    .fg(colors[below(5) as usize])
                    .bg(colors[below(5) as usize])
                    .add_modifier(modifiers[below(5) as usize]);
                let width = symbol.width() as u16;
                if x + width <= AREA.width {
                    buf.set_string(x, y, symbol, style);
                }
                x += width + below(3) as u16;
            }
        }
        buf
    }

    /// What a terminal shows after `frames`, cell by cell; colours and modifiers of a blank only as far as they are seen.
    fn shown(frames: &[Vec<u8>]) -> Vec<String> {
        let mut terminal = vt100::Parser::new(AREA.height, AREA.width, 0);
        frames.iter().for_each(|frame| terminal.process(frame));
        let screen = terminal.screen();
        let cell = |(y, x)| {
            let cell = screen.cell(y, x).unwrap();
            let text = if cell.contents().is_empty() { " " } else { cell.contents() };
            if text == " " && !cell.inverse() && !cell.underline() {
                return format!("{:?}", cell.bgcolor());
            }
            let attributes = [cell.bold(), cell.dim(), cell.inverse(), cell.underline()];
            format!("{text} {:?} {:?} {attributes:?}", cell.fgcolor(), cell.bgcolor())
        };
        (0..AREA.height).flat_map(|y| (0..AREA.width).map(move |x| (y, x))).map(cell).collect()
    }

    #[test]
    fn a_terminal_shows_the_same_as_with_the_bytes_of_crossterm_and_gets_fewer() {
        crossterm::style::force_color_output(true);
        let (mut saved, mut before) = (0, Buffer::empty(AREA));
        let (mut frames, mut reference) = (Vec::new(), Vec::new());
        for seed in 1..200 {
            let next = buffer(seed);
            let changes = before.diff(&next);
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            Pen::draw(changes.iter().copied(), &mut ours).unwrap();
            CrosstermBackend::new(&mut theirs).draw(changes.iter().copied()).unwrap();
            saved += theirs.len() as i64 - ours.len() as i64;
            frames.push(ours);
            reference.push(theirs);
            assert_eq!(shown(&frames), shown(&reference), "{seed}");
            before = next;
        }
        assert!(saved > 0);
    }

    #[test]
    fn what_is_not_seen_costs_nothing() {
        let mut buf = Buffer::with_lines(["ab  cd"]);
        buf.set_style(Rect::new(0, 0, 2, 1), Style::new().fg(Color::Indexed(208)));
        buf.set_style(Rect::new(2, 0, 2, 1), Style::new().fg(Color::Red).add_modifier(Modifier::BOLD));
        buf.set_style(Rect::new(4, 0, 2, 1), Style::new().fg(Color::Indexed(208)));
        let cells = (0..6).filter(|x| *x != 1).map(|x| (x, 0, &buf[(x, 0)]));
        let mut out = Vec::new();
        Pen::draw(cells, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "\x1b[1;1H\x1b[38;5;208ma\x1b[C  cd\x1b[m");
    }
}
