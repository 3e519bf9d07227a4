//! Pages as lines of a given width.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::markdown::{Block, Piece, Style, parse};

/// A run of text in one style, without a line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The text.
    pub text: String,
    /// The style.
    pub style: Style,
}

/// A line of the terminal.
pub type Line = Vec<Span>;

/// Columns between two cells of a table.
const GAP: usize = 2;
/// `code` of up to this many columns is not broken at blanks.
const UNBROKEN: usize = 40;
/// A column of a table is not made narrower than this.
const NARROWEST: usize = 10;

/// Columns that `line` takes.
pub fn width(line: &Line) -> usize {
    line.iter().map(|span| span.text.width()).sum()
}

/// Lays the Markdown `text` out in lines of at most `columns` columns.
pub fn layout(text: &str, columns: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut after_item = false;
    for block in parse(text) {
        let is_item = matches!(block, Block::Item(_));
        if !lines.is_empty() && (!after_item || !is_item) {
            lines.push(Line::new());
        }
        after_item = is_item;
        match block {
            Block::Heading { text, .. } | Block::Paragraph(text) => lines.extend(wrap(&text, columns)),
            Block::Item(text) => lines.extend(indented("- ", wrap(&text, columns.saturating_sub(2)))),
            Block::Code(code) => {
                for line in code {
                    lines.extend(indented("  ", verbatim(&line, columns.saturating_sub(2))));
                }
            }
            Block::Table(rows) => lines.extend(table(&rows, columns)),
        }
    }
    lines
}

/// The first line with `mark` before it, the others with blanks.
fn indented(mark: &str, lines: Vec<Line>) -> impl Iterator<Item = Line> {
    let blanks = " ".repeat(mark.len());
    lines.into_iter().enumerate().map(move |(at, mut line)| {
        let text = if at == 0 { mark.to_owned() } else { blanks.clone() };
        line.insert(0, Span { text, style: Style::Text });
        line
    })
}

/// Lays out code with its blanks. A long line is broken at a blank, with its continuation indented by four columns.
fn verbatim(code: &str, columns: usize) -> Vec<Line> {
    const FURTHER: usize = 4;
    let (mut lines, mut rest, mut indent) = (Vec::new(), code, 0);
    loop {
        let available = columns.saturating_sub(indent).max(1);
        let fits = rest.char_indices().take(available + 1).last().map_or(0, |(at, _)| at);
        let end = match rest.chars().count() <= available {
            true => rest.len(),
            false => match rest.char_indices().take(available + 1).filter(|(_, c)| *c == ' ').last() {
                Some((at, _)) if at > 0 => at,
                _ => fits,
            },
        };
        let (line, more) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let line = if more.is_empty() { line } else { line.trim_end() };
        lines.push(vec![Span { text: " ".repeat(indent) + line, style: Style::Code }]);
        if more.is_empty() {
            return lines;
        }
        (rest, indent) = (more.trim_start(), FURTHER);
    }
}

/// Breaks `pieces` between words; a word that is longer than a line is broken within.
fn wrap(pieces: &[Piece], columns: usize) -> Vec<Line> {
    let columns = columns.max(1);
    let (mut lines, mut line, mut used) = (Vec::new(), Line::new(), 0);
    // Whether a blank separates what comes next from what is there, and its style.
    let mut blank = None;
    for word in words(pieces) {
        match word {
            Word::Blank(style) => blank = Some(style),
            Word::Solid(parts) => {
                let wide: usize = parts.iter().map(|part| part.text.width()).sum();
                if used > 0 && used + usize::from(blank.is_some()) + wide > columns && blank.is_some() {
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                } else if let Some(style) = blank.filter(|_| used > 0) {
                    push(&mut line, " ", style);
                    used += 1;
                }
                blank = None;
                for part in parts {
                    for c in part.text.chars() {
                        let wide = c.width().unwrap_or(0);
                        if used > 0 && used + wide > columns {
                            lines.push(std::mem::take(&mut line));
                            used = 0;
                        }
                        push(&mut line, c.encode_utf8(&mut [0; 4]), part.style);
                        used += wide;
                    }
                }
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

fn push(line: &mut Line, text: &str, style: Style) {
    match line.last_mut() {
        Some(last) if last.style == style => last.text.push_str(text),
        _ => line.push(Span { text: text.to_owned(), style }),
    }
}

enum Word {
    Blank(Style),
    /// Parts of different styles without a blank between them.
    Solid(Vec<Piece>),
}

fn words(pieces: &[Piece]) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for piece in pieces {
        // Short code such as `units: 8` is not broken.
        let whole = piece.style == Style::Code && piece.text.width() <= UNBROKEN;
        for (at, word) in piece.text.split(if whole { '\n' } else { ' ' }).enumerate() {
            if at > 0 {
                words.push(Word::Blank(piece.style));
            }
            let part = Piece { text: word.to_owned(), style: piece.style };
            match words.last_mut() {
                _ if word.is_empty() => {}
                Some(Word::Solid(parts)) => parts.push(part),
                _ => words.push(Word::Solid(vec![part])),
            }
        }
    }
    words
}

/// Rows of cells in columns; cells that are too wide are wrapped.
fn table(rows: &[Vec<Vec<Piece>>], columns: usize) -> Vec<Line> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let natural = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        cells.map(|cell| cell.iter().map(|piece| piece.text.width()).sum()).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..count).map(natural).collect();
    let available = columns.saturating_sub(GAP * count.saturating_sub(1));
    while widths.iter().sum::<usize>() > available {
        match widths.iter_mut().max() {
            Some(widest) if *widest > NARROWEST => *widest -= 1,
            _ => break,
        }
    }
    let mut lines = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        if at == 0 && row.iter().all(Vec::is_empty) {
            continue; // a table without headings
        }
        let cells: Vec<Vec<Line>> = row.iter().zip(&widths).map(|(cell, width)| wrap(cell, *width)).collect();
        for line in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
            lines.push(side_by_side(&cells, line, &widths));
        }
        if at == 0 {
            let rule = widths.iter().map(|width| "─".repeat(*width)).collect::<Vec<_>>().join("  ");
            lines.push(vec![Span { text: rule, style: Style::Text }]);
        }
    }
    lines
}

/// The line number `at` of each cell, one beside the other.
fn side_by_side(cells: &[Vec<Line>], at: usize, widths: &[usize]) -> Line {
    let (mut out, mut missing) = (Line::new(), 0);
    for (cell, wanted) in cells.iter().zip(widths) {
        let part = cell.get(at).cloned().unwrap_or_default();
        if !part.is_empty() && missing > 0 {
            push(&mut out, &" ".repeat(missing), Style::Text);
            missing = 0;
        }
        missing += wanted.saturating_sub(width(&part)) + GAP;
        out.extend(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str, columns: usize) -> Vec<String> {
        layout(text, columns)
            .iter()
            .map(|line| line.iter().map(|span| span.text.as_str()).collect())
            .collect()
    }

    #[test]
    fn paragraphs_and_items_are_wrapped_between_words() {
        assert_eq!(plain("one two three", 8), ["one two", "three"]);
        assert_eq!(
            plain("- one two three\n- four\n\nfive", 9),
            ["- one two", "  three", "- four", "", "five"]
        );
        assert_eq!(plain("a `recurrent_kernel`.", 8), ["a", "recurren", "t_kernel", "."]);
        assert_eq!(plain("(`a b`), c", 80), ["(a b), c"]);
        assert_eq!(plain("one `a: b`", 7), ["one", "a: b"]);
    }

    #[test]
    fn code_keeps_its_blanks_and_tables_their_columns() {
        assert_eq!(plain("```sh\na  b\n\n  c\n```", 80), ["  a  b", "  ", "    c"]);
        assert_eq!(plain("```sh\naaa bbb  cc\n```", 10), ["  aaa bbb", "      cc"]);
        assert_eq!(plain("```text\n─────────\n```", 8), ["  ──────", "      ──", "      ─"]);
        let table = "| key | unit |\n|---|---|\n| `seconds` | s |\n| x | |";
        assert_eq!(plain(table, 80), ["key      unit", "───────  ────", "seconds  s", "x"]);
        let table = "| | |\n|---|---|\n| a | this is far too wide |";
        assert_eq!(plain(table, 14), ["a  this is far", "   too wide"]);
    }
}
