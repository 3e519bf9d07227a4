//! Screenshots: cells → SVG, still or moving, and plain text.
//!
//! Frames, blocks and braille are drawn as shapes, so that lines join and charts look alike whatever font a
//! viewer has; all else is text in runs of one style, each forced to the width of its cells.

mod animation;
mod shape;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use crate::ui::theme::{self, Theme};
pub use animation::Animation;
use shape::Shape;

/// Width of a cell in units of the picture.
const WIDTH: usize = 8;
/// Height of a cell.
const HEIGHT: usize = 16;
/// Around the cells.
const MARGIN: usize = 12;
/// From a cell's top to the baseline.
const BASELINE: usize = 12;

type Rgb = [u8; 3];

/// The style of a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
struct CellStyle {
    foreground: Rgb,
    background: Rgb,
    bold: bool,
    italic: bool,
    underlined: bool,
}

/// `buffer` as an SVG document; the same cells always give the same text.
///
/// The terminal's own colours are those of `theme`'s background, dark or light.
pub fn svg(buffer: &Buffer, theme: &Theme) -> String {
    let area = buffer.area();
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let [ground, ink] = colors(theme);
    let mut out = String::new();
    open(&mut out, width, height, theme);
    let mut layers = Layers::default();
    for (y, row) in buffer.content().chunks(width.max(1)).enumerate() {
        let styles = row.iter().map(|cell| style(cell, ground, ink)).collect::<Vec<_>>();
        layers.backgrounds(&styles, y, ground);
        layers.shapes(row, &styles, y);
        layers.text(row, &styles, y);
    }
    layers.write(&mut out);
    close(&mut out);
    out
}

/// `buffer` as plain text, a line a row, without the blanks at its end; a wide character stands for its two cells.
pub fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for row in buffer.content().chunks(usize::from(buffer.area().width).max(1)) {
        let (mut line, mut x) = (String::new(), 0);
        while let Some(cell) = row.get(x) {
            line.push_str(cell.symbol());
            x += cell.symbol().width().max(1);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The terminal's own background and foreground.
fn colors(theme: &Theme) -> [Rgb; 2] {
    if theme.light { [[0xff; 3], [0x1c, 0x20, 0x26]] } else { [[0x0e, 0x11, 0x16], [0xd6, 0xda, 0xe1]] }
}

/// Begins a document of so many columns and rows.
fn open(out: &mut String, width: usize, height: usize, theme: &Theme) {
    let [ground, _] = colors(theme);
    let (full_width, full_height) = (width * WIDTH + 2 * MARGIN, height * HEIGHT + 2 * MARGIN);
    // writing to a String cannot fail
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{full_width}\" height=\"{full_height}\" \
         viewBox=\"0 0 {full_width} {full_height}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>\n\
         <g transform=\"translate({MARGIN} {MARGIN})\" font-family=\"'DejaVu Sans Mono','Menlo','Consolas',monospace\" \
         font-size=\"13.3\" xml:space=\"preserve\">",
        hex(ground)
    );
}

/// Ends a document.
fn close(out: &mut String) {
    out.push_str("</g>\n</svg>\n");
}

/// The document in the order in which it is painted.
#[derive(Debug, Default)]
struct Layers {
    /// Rectangles by colour, as path data.
    filled: BTreeMap<Rgb, String>,
    /// Rectangles over them by colour.
    blocks: BTreeMap<Rgb, String>,
    /// Lines of frames by colour.
    lines: BTreeMap<Rgb, String>,
    /// Braille dots by colour.
    dots: BTreeMap<Rgb, String>,
    texts: String,
}

impl Layers {
    fn backgrounds(&mut self, styles: &[CellStyle], y: usize, ground: Rgb) {
        let mut x = 0;
        for run in styles.chunk_by(|a, b| a.background == b.background) {
            if let Some(first) = run.first().filter(|style| style.background != ground) {
                let path = self.filled.entry(first.background).or_default();
                rectangle(path, x * WIDTH, y * HEIGHT, run.len() * WIDTH, HEIGHT);
            }
            x += run.len();
        }
    }

    fn shapes(&mut self, row: &[Cell], styles: &[CellStyle], y: usize) {
        for (x, (cell, style)) in row.iter().zip(styles).enumerate() {
            let (left, top) = (x * WIDTH, y * HEIGHT);
            match shape::of(cell.symbol()) {
                Some(Shape::Blocks(quarters)) => {
                    let path = self.blocks.entry(style.foreground).or_default();
                    for (dx, dy, wide, high) in shape::quarters(quarters, WIDTH, HEIGHT) {
                        rectangle(path, left + dx, top + dy, wide, high);
                    }
                }
                Some(Shape::Line(data)) => {
                    let _ = write!(self.lines.entry(style.foreground).or_default(), "M{left} {top}{data}");
                }
                Some(Shape::Dots(dots)) => {
                    let path = self.dots.entry(style.foreground).or_default();
                    for (dx, dy) in shape::dots(dots) {
                        let _ = write!(path, "M{} {}h.01", left + dx, top + dy);
                    }
                }
                None => {}
            }
        }
    }

    fn text(&mut self, row: &[Cell], styles: &[CellStyle], y: usize) {
        let letter = |cell: &Cell| !cell.symbol().trim().is_empty() && shape::of(cell.symbol()).is_none();
        let mut x = 0;
        while let Some((cell, style)) = row.get(x).zip(styles.get(x)) {
            if !letter(cell) {
                x += 1;
                continue;
            }
            let from = x;
            let mut text = String::new();
            while let Some(cell) = row.get(x).filter(|cell| letter(cell) || cell.symbol() == " ") {
                // a wide character covers the cell behind it; a run ends where a gap between words does
                let word_ends = cell.symbol() == " " && !row.get(x + 1).is_some_and(letter);
                if styles.get(x) != Some(style) || word_ends {
                    break;
                }
                text.push_str(cell.symbol());
                x += cell.symbol().width().max(1);
            }
            let bold = if style.bold { " font-weight=\"bold\"" } else { "" };
            let italic = if style.italic { " font-style=\"italic\"" } else { "" };
            let underlined = if style.underlined { " text-decoration=\"underline\"" } else { "" };
            let _ = writeln!(
                self.texts,
                "<text x=\"{}\" y=\"{}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\" \
                 fill=\"{}\"{bold}{italic}{underlined}>{}</text>",
                from * WIDTH,
                y * HEIGHT + BASELINE,
                (x - from) * WIDTH,
                hex(style.foreground),
                escaped(&text),
            );
        }
    }

    fn write(&self, out: &mut String) {
        for (color, path) in self.filled.iter().chain(&self.blocks) {
            // without smoothing at the edges neighbours leave no seam
            let _ =
                writeln!(out, "<path fill=\"{}\" shape-rendering=\"crispEdges\" d=\"{path}\"/>", hex(*color));
        }
        for (color, path) in &self.lines {
            let _ = writeln!(out, "<path fill=\"none\" stroke=\"{}\" d=\"{path}\"/>", hex(*color));
        }
        for (color, path) in &self.dots {
            let stroke = hex(*color);
            let _ = writeln!(
                out,
                "<path fill=\"none\" stroke=\"{stroke}\" stroke-width=\"2.6\" stroke-linecap=\"round\" d=\"{path}\"/>"
            );
        }
        out.push_str(&self.texts);
    }
}

fn style(cell: &Cell, ground: Rgb, ink: Rgb) -> CellStyle {
    let has = |modifier| cell.modifier.contains(modifier);
    let color = |color: Color, default| theme::rgb(color).unwrap_or(default);
    let (mut foreground, mut background) = (color(cell.fg, ink), color(cell.bg, ground));
    if has(Modifier::REVERSED) {
        std::mem::swap(&mut foreground, &mut background);
    }
    if has(Modifier::DIM) {
        let mut towards = background.into_iter();
        foreground = foreground.map(|c| c.midpoint(towards.next().unwrap_or(c)));
    }
    CellStyle {
        foreground,
        background,
        bold: has(Modifier::BOLD),
        italic: has(Modifier::ITALIC),
        underlined: has(Modifier::UNDERLINED),
    }
}

fn rectangle(path: &mut String, x: usize, y: usize, width: usize, height: usize) {
    let _ = write!(path, "M{x} {y}h{width}v{height}h-{width}z");
}

fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// `text` as XML: what XML 1.0 cannot hold becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{Colors, Glyphs};
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    const DARK: Theme = Theme { colors: Colors::True, glyphs: Glyphs::Braille, light: false, ..Theme::DARK };

    #[test]
    fn the_picture_has_the_size_of_its_cells() {
        let picture = svg(&Buffer::empty(Rect::new(0, 0, 80, 24)), &DARK);
        assert!(picture.starts_with("<svg "));
        assert!(picture.contains("width=\"664\" height=\"408\""));
        assert!(!picture.contains("<text"), "blank cells cost nothing");
    }

    #[test]
    fn text_is_escaped_and_as_wide_as_its_cells() {
        let picture = svg(&Buffer::with_lines(["a <b> & 良い"]), &DARK);
        assert!(picture.contains(">a &lt;b&gt; &amp; 良い</text>"));
        assert!(picture.contains("textLength=\"96\""));
    }

    #[test]
    fn frames_blocks_and_braille_are_shapes() {
        let mut buf = Buffer::with_lines(["╭─▀⣿"]);
        buf.set_style(Rect::new(2, 0, 1, 1), Style::new().fg(Color::Rgb(1, 2, 3)).bg(Color::Rgb(4, 5, 6)));
        let picture = svg(&buf, &DARK);
        assert!(!picture.contains("<text"));
        assert!(picture.contains("fill=\"#010203\"") && picture.contains("fill=\"#040506\""));
        assert_eq!(picture.matches("h.01").count(), 8);
    }

    #[test]
    fn the_text_is_what_a_terminal_shows() {
        assert_eq!(text(&Buffer::with_lines(["╭ a  良い│", "         ", "é ⣿"])), "╭ a  良い│\n\né ⣿\n");
    }

    #[test]
    fn one_style_is_one_run_and_the_same_cells_are_the_same_text() {
        let mut buf = Buffer::with_lines(["plain bold"]);
        buf.set_style(Rect::new(6, 0, 4, 1), Style::new().add_modifier(Modifier::BOLD));
        let picture = svg(&buf, &DARK);
        assert_eq!(picture.matches("<text").count(), 2);
        assert_eq!(picture.matches("font-weight=\"bold\"").count(), 1);
        assert_eq!(picture, svg(&buf.clone(), &DARK));
        assert_ne!(picture, svg(&buf, &Theme { light: true, ..DARK }));
    }
}
