//! The part of Markdown that the help pages use: headings, paragraphs, lists, fenced code, tables; `code`, **bold** and links.

/// The style of a run of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Running text.
    Text,
    /// A heading.
    Heading,
    /// **Bold**, and the first row of a table.
    Strong,
    /// `code`.
    Code,
}

/// A run of text in one style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub text: String,
    pub style: Style,
}

/// A part of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block {
    Heading {
        level: usize,
        text: Vec<Piece>,
    },
    Paragraph(Vec<Piece>),
    Item(Vec<Piece>),
    Code(Vec<String>),
    /// Rows of cells; the first row is the heading.
    Table(Vec<Vec<Vec<Piece>>>),
}

/// The blocks of `text`. HTML comments are left out.
pub(super) fn parse(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with("<!--") {
            continue;
        }
        if trimmed.starts_with("```") {
            let code = lines.by_ref().take_while(|line| !line.starts_with("```"));
            blocks.push(Block::Code(code.map(str::to_owned).collect()));
        } else if trimmed.starts_with('#') {
            let level = trimmed.chars().take_while(|c| *c == '#').count();
            let text = inline(trimmed.trim_start_matches('#').trim(), Style::Heading);
            blocks.push(Block::Heading { level, text });
        } else if trimmed.starts_with('|') {
            let mut rows = vec![cells(trimmed, Style::Strong)];
            while let Some(row) = lines.next_if(|line| line.trim_start().starts_with('|')) {
                if !row.chars().all(|c| "|-: ".contains(c)) {
                    rows.push(cells(row.trim(), Style::Text));
                }
            }
            blocks.push(Block::Table(rows));
        } else {
            // Until an empty line or the start of something else; in a list each item is a block.
            let item = trimmed.strip_prefix("- ");
            let mut words = item.unwrap_or(trimmed).to_owned();
            let continues = |line: &&str| {
                let line = line.trim();
                !(line.is_empty()
                    || ["- ", "#", "|", "```", "<!--"].iter().any(|start| line.starts_with(start)))
            };
            while let Some(line) = lines.next_if(continues) {
                words.push(' ');
                words.push_str(line.trim());
            }
            let text = inline(&words, Style::Text);
            blocks.push(if item.is_some() { Block::Item(text) } else { Block::Paragraph(text) });
        }
    }
    blocks
}

/// The cells of a table's row. `\|` is a bar within a cell.
fn cells(row: &str, style: Style) -> Vec<Vec<Piece>> {
    let row = row.strip_prefix('|').unwrap_or(row);
    let row = row.strip_suffix('|').unwrap_or(row).replace("\\|", "\0");
    row.split('|').map(|cell| inline(&cell.trim().replace('\0', "|"), style)).collect()
}

/// The runs of `text`, whose plain parts have the style `plain`.
fn inline(text: &str, plain: Style) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut put = |text: &str, style| match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(last) if last.style == style => last.text.push_str(text),
        _ => pieces.push(Piece { text: text.to_owned(), style }),
    };
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*', '[', '<']) {
        let (before, from) = rest.split_at(at);
        put(before, plain);
        let marked = delimited(from, "`", "`")
            .map(|(code, rest)| (code.to_owned(), Style::Code, rest))
            .or_else(|| {
                delimited(from, "**", "**").map(|(bold, rest)| (bold.to_owned(), Style::Strong, rest))
            })
            .or_else(|| {
                delimited(from, "<https:", ">").map(|(url, rest)| (format!("https:{url}"), plain, rest))
            })
            .or_else(|| link(from).map(|(text, rest)| (text, plain, rest)));
        match marked {
            Some((text, style, after)) => {
                put(&text, style);
                rest = after;
            }
            None => {
                let (mark, after) = from.split_at(1);
                put(mark, plain);
                rest = after;
            }
        }
    }
    put(rest, plain);
    pieces
}

/// The text between `open`, with which `text` starts, and the next `close`; and the rest.
fn delimited<'t>(text: &'t str, open: &str, close: &str) -> Option<(&'t str, &'t str)> {
    text.strip_prefix(open)?.split_once(close).filter(|(inside, _)| !inside.is_empty())
}

/// `[text](target)` as text: a link to another page names its command, one elsewhere its address.
fn link(text: &str) -> Option<(String, &str)> {
    let (words, rest) = delimited(text, "[", "](")?;
    let (target, rest) = rest.split_once(')')?;
    let text = match target.strip_suffix(".md") {
        Some(page) if words == page => format!("unrolled help {page}"),
        Some(page) => format!("{words} (unrolled help {page})"),
        None => format!("{words} ({target})"),
    };
    Some((text, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str, style: Style) -> Piece {
        Piece { text: text.into(), style }
    }

    #[test]
    fn blocks_are_told_apart() {
        let text = "# Title\n\none\ntwo\n- a\n  b\n- c\n\n<!-- mark -->\n```sh\n# x\n\ny\n```\n| k | v |\n|---|---|\n| `a` | b\\|c |\n";
        let text_piece = |words: &str| vec![piece(words, Style::Text)];
        assert_eq!(
            parse(text),
            [
                Block::Heading { level: 1, text: vec![piece("Title", Style::Heading)] },
                Block::Paragraph(text_piece("one two")),
                Block::Item(text_piece("a b")),
                Block::Item(text_piece("c")),
                Block::Code(vec!["# x".into(), String::new(), "y".into()]),
                Block::Table(vec![
                    vec![vec![piece("k", Style::Strong)], vec![piece("v", Style::Strong)]],
                    vec![vec![piece("a", Style::Code)], text_piece("b|c")],
                ]),
            ]
        );
    }

    #[test]
    fn marks_within_a_line_give_styles_and_stray_ones_stay() {
        assert_eq!(
            inline("a `b*c` **d** 2 * 3 < 4 [", Style::Text),
            [
                piece("a ", Style::Text),
                piece("b*c", Style::Code),
                piece(" ", Style::Text),
                piece("d", Style::Strong),
                piece(" 2 * 3 < 4 [", Style::Text),
            ]
        );
        let links = "see [data](data.md), [long texts](language.md) and [the site](https://a.b)";
        let expected =
            "see unrolled help data, long texts (unrolled help language) and the site (https://a.b)";
        assert_eq!(inline(links, Style::Text), [piece(expected, Style::Text)]);
    }
}
