//! Untrusted text for the screen: control characters are made visible, then the text is wrapped or clipped.

use super::widget::text;
use crate::escape::foreign;

/// Wraps `text` into lines of at most `width` columns, between words or within longer ones. Newlines are preserved.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let wrapped = text.trim_end().lines().map(|paragraph| text::wrap(&foreign(paragraph), width));
    wrapped.flat_map(|lines| if lines.is_empty() { vec![String::new()] } else { lines }).collect()
}

/// Clips `text` to `width` columns, with `…` where it is cut.
pub fn fit(text: &str, width: usize) -> String {
    text::clip(&foreign(text), width).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_stay_apart() {
        assert_eq!(wrap("one\n\ntwo  three\n", 20), ["one", "", "two three"]);
        assert!(wrap("", 5).is_empty());
    }

    #[test]
    fn nothing_that_steers_a_terminal_passes() {
        assert_eq!(wrap("a\x1b[2J", 9), ["a␛[2J"]);
        assert_eq!(fit("gra\x1bdient", 6), "gra␛d…");
    }
}
