//! Cells as lines of text, for standard output.

use ratatui::backend::IntoCrossterm;
use ratatui::buffer::{Buffer, Cell};
use ratatui::crossterm::style::{Attribute, Color, SetAttribute, SetForegroundColor};
use ratatui::style::Modifier;

/// Returns the rows of `buffer` as lines without blanks at their ends; in colour with the escape sequences of terminals.
pub fn lines(buffer: &Buffer, in_colour: bool) -> String {
    let mut out = String::new();
    for row in buffer.content().chunks(usize::from(buffer.area().width).max(1)) {
        let end = row.iter().rposition(|cell| cell.symbol() != " ").map_or(0, |last| last + 1);
        let mut before = style(&Cell::EMPTY);
        for cell in row.get(..end).unwrap_or_default() {
            if in_colour && style(cell) != before {
                before = style(cell);
                out += &sequences(before);
            }
            out += cell.symbol();
        }
        if in_colour && before != style(&Cell::EMPTY) {
            out += &SetAttribute(Attribute::Reset).to_string();
        }
        out.push('\n');
    }
    out
}

type Style = (Color, Modifier);

fn style(cell: &Cell) -> Style {
    (cell.fg.into_crossterm(), cell.modifier & (Modifier::BOLD | Modifier::DIM))
}

fn sequences((color, modifier): Style) -> String {
    let mut out = SetAttribute(Attribute::Reset).to_string();
    if modifier.contains(Modifier::BOLD) {
        out += &SetAttribute(Attribute::Bold).to_string();
    }
    if modifier.contains(Modifier::DIM) {
        out += &SetAttribute(Attribute::Dim).to_string();
    }
    if color != Color::Reset {
        out += &SetForegroundColor(color).to_string();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Color as Ink;
    use ratatui::style::Style;

    #[test]
    fn rows_end_at_their_last_mark_and_have_colours_only_on_request() {
        let mut buffer = Buffer::with_lines(["ab  ", "    ", " c  "]);
        buffer.set_string(1, 0, "b", Style::new().fg(Ink::Indexed(9)).bold());
        assert_eq!(lines(&buffer, false), "ab\n\n c\n");
        // Whatever NO_COLOR says: the caller knows.
        crossterm::style::force_color_output(true);
        assert_eq!(lines(&buffer, true), "a\x1b[0m\x1b[1m\x1b[38;5;9mb\x1b[0m\n\n c\n");
    }
}
