//! Replaces characters that the terminal's font lacks.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::ui::theme::Glyphs;

/// Replaces what `glyphs` does not promise, so that panels are written once, for the fullest set.
///
/// With blocks alone the marks become those of IBM's code page 437 and rounded corners square; in ASCII
/// everything has its nearest look-alike, and foreign text without one `?`, unless letters may stay. No replacement changes a column.
pub fn replace(buf: &mut Buffer, area: Rect, glyphs: Glyphs) {
    let area = area.intersection(*buf.area());
    for (x, y) in area.positions().map(|p| (p.x, p.y)) {
        let Some(cell) = buf.cell_mut((x, y)) else { continue };
        let replacement = match glyphs {
            Glyphs::Braille => return,
            Glyphs::Blocks => block(cell.symbol()),
            Glyphs::Ascii | Glyphs::Letters if cell.symbol().is_ascii() => None,
            Glyphs::Letters if is_letter(cell.symbol()) => None,
            Glyphs::Ascii | Glyphs::Letters => Some(ascii(cell.symbol())),
        };
        if let Some(c) = replacement {
            cell.set_char(c);
        }
    }
}

/// Whether this is a letter or digit of some script, not one that a panel makes a mark of.
fn is_letter(symbol: &str) -> bool {
    !matches!(symbol, "ₜ" | "ρ") && symbol.chars().next().is_some_and(char::is_alphanumeric)
}

fn block(symbol: &str) -> Option<char> {
    Some(match symbol {
        "╭" => '┌',
        "╮" => '┐',
        "╰" => '└',
        "╯" => '┘',
        "✓" => '√',
        "✗" => 'x',
        "◆" => '♦',
        "‖" => '║',
        "━" => '═',
        "●" | "◐" => '•',
        "▸" => '►',
        "╱" => '/',
        "╲" => '\\',
        "▶" => '►',
        "╌" | "┄" => '─',
        "−" => '-',
        "␣" => '_',
        "┿" => '╪',
        "↵" => '┘',
        _ => return None,
    })
}

fn ascii(symbol: &str) -> char {
    match symbol {
        "─" | "·" | "–" | "—" | "−" | "╌" | "┄" => '-',
        "│" | "┤" | "├" | "‖" | "┿" | "┼" => '|',
        "╱" => '/',
        "╲" => '\\',
        "╭" | "╮" | "╰" | "╯" | "┬" | "┴" => '+',
        "━" => '=',
        "…" => '~',
        "±" => '+',
        "␣" => '_',
        "◆" => 'o',
        "●" => '*',
        "◐" | "○" => 'o',
        "✓" => '+',
        "✗" | "×" => 'x',
        "■" | "█" => '#',
        "░" => '.',
        "∂" => 'd',
        "ρ" => 'p',
        "→" | "▸" | "▶" => '>',
        "←" | "↵" => '<',
        "↑" | "▲" => '^',
        "↓" | "▼" => 'v',
        "’" | "‘" | "ₜ" => '\'',
        "“" | "”" | "«" | "»" => '"',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(line: &str, glyphs: Glyphs) -> Buffer {
        let mut buf = Buffer::with_lines([line]);
        let area = *buf.area();
        replace(&mut buf, area, glyphs);
        buf
    }

    #[test]
    fn ascii_has_only_ascii_in_the_same_columns() {
        assert_eq!(replaced("╭─ ‖∂L‖ ✓ 良い─╮", Glyphs::Ascii), Buffer::with_lines(["+- |dL| + ? ? -+"]));
    }

    #[test]
    fn letters_of_any_script_may_stay_where_marks_do_not() {
        let kept = replaced("╭─ Тексты ‖∂L‖ρ é 良い№✓╮", Glyphs::Letters);
        assert_eq!(kept, Buffer::with_lines(["+- Тексты |dL|p é 良い?++"]));
    }

    #[test]
    fn blocks_keep_foreign_text() {
        assert_eq!(replaced("╭ café ✓", Glyphs::Blocks), Buffer::with_lines(["┌ café √"]));
        assert_eq!(replaced("╭ café ✓", Glyphs::Braille), Buffer::with_lines(["╭ café ✓"]));
    }
}
