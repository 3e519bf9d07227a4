//! Text cut to a width in terminal columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::escape::foreign;

/// `text` in lines of at most `width` columns, broken between words, longer words within. Line ends in it are kept.
///
/// What could steer a terminal is made visible first.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.trim_end().lines() {
        let mut line = String::new();
        for word in foreign(paragraph).split_whitespace() {
            if !line.is_empty() && line.width() + 1 + word.width() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            for c in word.chars() {
                if !line.is_empty() && line.width() + c.width().unwrap_or(0) > width {
                    lines.push(std::mem::take(&mut line));
                }
                line.push(c);
            }
        }
        lines.push(line);
    }
    lines
}

/// `text` in at most `width` columns, with `…` where something is left out. What could steer a terminal is made visible.
pub fn fit(text: &str, width: usize) -> String {
    let text = foreign(text);
    if text.width() <= width {
        return text.into_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        out.push(c);
    }
    if width > 0 {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_breaks_between_words_and_keeps_its_paragraphs() {
        assert_eq!(wrap("the gradient fades", 12), ["the gradient", "fades"]);
        assert_eq!(wrap("one\n\ntwo  three\n", 20), ["one", "", "two three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("良い良い", 5), ["良い", "良い"]);
        assert!(wrap("", 5).is_empty());
        assert_eq!(wrap("a\x1b[2J", 9), ["a␛[2J"]);
    }

    #[test]
    fn what_is_too_wide_is_cut_with_a_mark() {
        assert_eq!([fit("gradient", 8), fit("gradient", 5), fit("g", 0)], ["gradient", "grad…", ""]);
        assert_eq!(fit("良い良い", 4), "良…");
    }

    #[test]
    fn no_width_is_too_small() {
        for width in 0..4 {
            assert!(wrap("良 a word", width).iter().all(|l| l.width() <= width.max(2)));
            assert!(fit("良 a word", width).width() <= width);
        }
    }
}
