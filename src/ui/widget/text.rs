//! Measures, clips, wraps and draws rows of text.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::style::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A run of text in one style.
pub type Piece<'a> = (Cow<'a, str>, Style);

/// Columns that `text` takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Columns that `pieces` take together.
pub fn width_of(pieces: &[Piece<'_>]) -> usize {
    pieces.iter().map(|(text, _)| text.width()).sum()
}

/// `text` in at most `columns` columns, with an ellipsis where something is cut.
pub fn clip(text: &str, columns: usize) -> Cow<'_, str> {
    if text.width() <= columns {
        return Cow::Borrowed(text);
    }
    let Some(most) = columns.checked_sub(1) else { return Cow::Borrowed("") };
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > most {
            break;
        }
        out.push(c);
    }
    out.push('…');
    Cow::Owned(out)
}

/// The first `columns` columns of `text`, without a sign that something is cut: where so few are left that an ellipsis would take the place
/// of a letter that tells names apart.
pub fn first_columns(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let fits = |(_, c): &(usize, char)| {
        used += c.width().unwrap_or(0);
        used <= columns
    };
    let end = text.char_indices().take_while(fits).last().map_or(0, |(at, c)| at + c.len_utf8());
    text.get(..end).unwrap_or(text)
}

/// `name` in at most `columns` columns, with an ellipsis in its middle: names that begin alike differ at their end.
pub fn clip_name(name: &str, columns: usize) -> Cow<'_, str> {
    let least_end = 4;
    if name.width() <= columns || columns < 2 * least_end {
        return clip(name, columns);
    }
    let end = (columns - 1) / 2;
    let mut used = 0;
    let fits = |(_, c): &(usize, char)| {
        used += c.width().unwrap_or(0);
        used <= end
    };
    let from = name.char_indices().rev().take_while(fits).last().map_or(name.len(), |(at, _)| at);
    let (head, tail) = name.split_at(from);
    format!("{}{tail}", clip(head, columns - tail.width())).into()
}

/// Puts `pieces` over whatever is there, one after another from (`x`, `y`) in at most `columns` columns; the
/// columns that were used.
pub fn put(buf: &mut Buffer, x: u16, y: u16, columns: usize, pieces: &[Piece<'_>]) -> usize {
    let mut used = 0;
    for (text, style) in pieces {
        let text = clip(text, columns - used);
        if text.is_empty() || buf.cell((x.saturating_add(used as u16), y)).is_none() {
            continue;
        }
        buf.set_stringn(x + used as u16, y, &text, columns - used, Style::reset().patch(*style));
        used += text.width();
    }
    used
}

/// `text` in rows of at most `columns` columns, broken between words; a word that is longer is broken within. A number and its per cent
/// sign are one word.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut rows = Vec::new();
    let mut row = String::new();
    let mut used = 0;
    let mut words = text.split_whitespace().peekable();
    while let Some(first) = words.next() {
        let sign =
            words.next_if(|next| next.starts_with('%') && first.ends_with(|c: char| c.is_ascii_digit()));
        let word = sign.map_or(Cow::Borrowed(first), |sign| Cow::Owned(format!("{first} {sign}")));
        let wide = word.width();
        if used > 0 && used + 1 + wide <= columns {
            row.push(' ');
            row.push_str(&word);
            used += 1 + wide;
            continue;
        }
        if used > 0 {
            rows.push(std::mem::take(&mut row));
            used = 0;
        }
        for c in word.chars() {
            let wide = c.width().unwrap_or(0);
            if used + wide > columns && used > 0 {
                rows.push(std::mem::take(&mut row));
                used = 0;
            }
            row.push(c);
            used += wide;
        }
    }
    if !row.is_empty() {
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;

    #[test]
    fn clipping_counts_columns_and_says_that_it_cut() {
        assert_eq!(clip("hidden", 6), "hidden");
        assert_eq!(clip("hidden", 4), "hid…");
        assert_eq!(clip("良い映画", 5), "良い…");
        assert_eq!(clip("hidden", 0), "");
    }

    #[test]
    fn the_first_columns_are_letters_alone() {
        assert_eq!(first_columns("movie", 2), "mo");
        assert_eq!(first_columns("is", 2), "is");
        assert_eq!(first_columns("良い", 3), "良");
        assert_eq!(first_columns("良い", 1), "");
    }

    #[test]
    fn a_name_keeps_its_end() {
        assert_eq!(clip_name("word-order-bilstm", 17), "word-order-bilstm");
        assert_eq!(clip_name("word-order-bilstm", 12), "word-o…ilstm");
        assert_eq!(clip_name("word-order-bilstm", 7), "word-o…");
        let wide = clip_name("良い映画良い映画良い", 11);
        assert!(width(&wide) <= 11 && wide.contains('…') && wide.ends_with("い"), "{wide}");
    }

    #[test]
    fn words_are_kept_whole_unless_they_are_longer_than_a_row() {
        assert_eq!(wrap("the loss is not finite", 9), ["the loss", "is not", "finite"]);
        assert_eq!(wrap("a recurrent_kernel", 8), ["a", "recurren", "t_kernel"]);
        assert_eq!(wrap("", 8), Vec::<String>::new());
        assert!(wrap("良い映画 good", 3).iter().all(|row| width(row) <= 3));
        assert_eq!(wrap("abc", 0).concat(), "abc");
        assert_eq!(wrap("guessing gives 50 %.", 17), ["guessing gives", "50 %."]);
        assert_eq!(wrap("a % b", 3), ["a %", "b"], "no number");
    }

    #[test]
    fn pieces_stay_within_their_columns() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 10, 1));
        let pieces =
            [("loss ".into(), Style::new()), ("".into(), Style::new()), ("0.6931".into(), Style::new())];
        assert_eq!(put(&mut buf, 1, 0, 8, &pieces), 8);
        assert_eq!(buf, Buffer::with_lines([" loss 0.… "]));
        assert_eq!(put(&mut buf, 50, 0, 8, &pieces), 0);
    }
}
