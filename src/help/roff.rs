//! Pages as sections of the manual.

use super::Page;
use super::markdown::{Block, Piece, Style, parse};

/// The page as a section of a manual page, in roff.
pub fn roff(page: &Page) -> String {
    let mut out =
        format!(".SH \"{}: {}\"\n", page.name.to_uppercase(), escaped(page.title()).replace('"', "\\(dq"));
    for block in parse(page.body()) {
        match block {
            Block::Heading { text, .. } => {
                let words: String = text.iter().map(|piece| escaped(&piece.text)).collect();
                out += &format!(".SS \"{}\"\n", words.replace('"', "\\(dq"));
            }
            Block::Paragraph(text) => out += &format!(".PP\n{}\n", inline(&text)),
            Block::Item(text) => out += &format!(".IP \\(bu 2\n{}\n", inline(&text)),
            Block::Code(lines) => {
                let lines: Vec<String> = lines.iter().map(|line| line_of(escaped(line))).collect();
                out += &format!(".PP\n.RS 4\n.nf\n{}\n.fi\n.RE\n", lines.join("\n"));
            }
            Block::Table(rows) => {
                for row in rows.iter().skip(usize::from(rows.len() > 1)) {
                    let (first, others) = row
                        .split_first()
                        .map_or((String::new(), &[][..]), |(first, others)| (inline(first), others));
                    let others: Vec<String> =
                        others.iter().filter(|cell| !cell.is_empty()).map(|cell| inline(cell)).collect();
                    let first = if first.is_empty() { "\\ ".to_owned() } else { first };
                    out += &format!(".TP\n{first}\n{}\n", line_of(others.join("; ")));
                }
            }
        }
    }
    out
}

fn inline(pieces: &[Piece]) -> String {
    let piece = |piece: &Piece| match piece.style {
        Style::Code | Style::Strong => format!("\\fB{}\\fR", escaped(&piece.text)),
        Style::Text | Style::Heading => escaped(&piece.text),
    };
    line_of(pieces.iter().map(piece).collect())
}

/// A line that does not start with a control character.
fn line_of(line: String) -> String {
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_page_is_a_request_of_roff() {
        let page = Page {
            name: "x",
            text: "# A \"title\"\n\n.dot `--flag` \\\n\n```sh\n.ci/run\n```\n\n| k | v |\n|---|---|\n| a | b |\n",
        };
        assert_eq!(
            roff(&page),
            ".SH \"X: A \\(dqtitle\\(dq\"\n.PP\n\\&.dot \\fB\\-\\-flag\\fR \\e\n.PP\n.RS 4\n.nf\n\\&.ci/run\n.fi\n.RE\n.TP\na\nb\n"
        );
    }
}
