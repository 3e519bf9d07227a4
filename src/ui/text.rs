//! Untrusted text for the screen: control characters are made visible, then the text is wrapped or clipped.

use super::widget::text;
use crate::escape::foreign;

/// The program, with which a line begins that is a command.
const COMMAND: &str = "unrolled ";
/// What continues a line of a shell.
const CONTINUED: &str = " \\";

/// Wraps `text` into lines of at most `width` columns, between words or within longer ones. Newlines are preserved. A line that is a
/// command of this program and longer has the lines of a shell, so that it can be copied.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let wrapped = text.trim_end().lines().map(|paragraph| wrap_paragraph(&foreign(paragraph), width));
    wrapped.flat_map(|lines| if lines.is_empty() { vec![String::new()] } else { lines }).collect()
}

fn wrap_paragraph(paragraph: &str, width: usize) -> Vec<String> {
    let lines = text::wrap(paragraph, width);
    let narrower = width.saturating_sub(CONTINUED.len()).max(1);
    let is_whole = |word: &str| text::width(word) <= narrower;
    if lines.len() < 2
        || !paragraph.trim_start().starts_with(COMMAND)
        || !paragraph.split_whitespace().all(is_whole)
    {
        return lines;
    }
    let mut lines = text::wrap(paragraph, narrower);
    let last = lines.len().saturating_sub(1);
    lines.iter_mut().take(last).for_each(|line| line.push_str(CONTINUED));
    lines
}

/// Clips `text` to `width` columns, with `…` where it is cut.
pub fn fit(text: &str, width: usize) -> String {
    text::clip(&foreign(text), width).into_owned()
}

/// Clips a name to `width` columns, with `…` in its middle: names that begin alike differ at their end.
pub fn fit_name(name: &str, width: usize) -> String {
    text::clip_name(&foreign(name), width).into_owned()
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
    fn a_command_that_is_wrapped_is_still_a_command() {
        assert_eq!(
            wrap("It goes on without a screen:\nunrolled attach runs/word-order --fps 6", 30),
            ["It goes on without a screen:", "unrolled attach \\", "runs/word-order --fps 6"]
        );
        assert_eq!(wrap("unrolled attach latest", 30), ["unrolled attach latest"]);
        // A path that has no place in a line cannot be saved.
        assert_eq!(wrap("unrolled show runs/a-very-long-name", 12)[0], "unrolled");
    }

    #[test]
    fn nothing_that_steers_a_terminal_passes() {
        assert_eq!(wrap("a\x1b[2J", 9), ["a␛[2J"]);
        assert_eq!(fit("gra\x1bdient", 6), "gra␛d…");
    }
}
