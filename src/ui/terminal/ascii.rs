use ratatui::buffer::Buffer;

/// Rewrites what is not ASCII in `buffer`, for terminals that would show it as noise.
///
/// Frames, bars, arrows and punctuation become what a typewriter would use; anything else becomes `?`.
pub fn transliterate(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if cell.symbol().is_ascii() {
            continue;
        }
        let first = cell.symbol().chars().next().unwrap_or(' ');
        cell.set_char(plain(first));
    }
}

fn plain(c: char) -> char {
    match c {
        '─' | '━' | '═' | '–' | '—' | '−' | '╌' | '┄' => '-',
        '│' | '┃' | '║' | '┆' | '┊' | '▏' | '▎' | '▍' => '|',
        '┌'..='╋' | '╒'..='╬' | '╭'..='╰' => '+',
        '█' | '▀' | '▄' | '▌' | '▐' | '▇' | '▆' | '▅' | '▓' | '■' => '#',
        '▃' | '▂' | '▁' | '▒' => '=',
        '░' => ':',
        '\u{2800}' => ' ',
        '\u{2801}'..='\u{28ff}' | '●' | '•' | '·' | '∙' | '○' | '∗' => '*',
        '↑' | '▲' | '△' => '^',
        '↓' | '▼' | '▽' => 'v',
        '←' | '◀' | '‹' => '<',
        '→' | '▶' | '▸' | '›' => '>',
        '×' => 'x',
        '…' => '~',
        '’' | '‘' => '\'',
        '“' | '”' => '"',
        '✓' | '✔' => '+',
        '✗' | '✘' => 'x',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::widgets::{Block, Widget};

    #[test]
    fn nothing_but_ascii_remains() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 3));
        Block::bordered().title("loss…").render(buffer.area, &mut buffer);
        buffer.set_string(1, 1, "⠉良▀→é", ratatui::style::Style::new());
        transliterate(&mut buffer);
        assert_eq!(buffer.content.iter().map(|cell| cell.symbol()).collect::<String>(), {
            "+loss~-+|*? #>?|+------+"
        });
    }
}
