//! Lines of YAML, and texts as scalars.

/// Columns of a line, at most, where it can be divided.
pub(super) const WIDTH: usize = 110;
/// The column at which comments beside values start.
const NOTE: usize = 30;

/// Lines of YAML.
#[derive(Debug, Default)]
pub(super) struct Yaml(Vec<String>);

impl Yaml {
    /// Adds one line.
    pub fn line(&mut self, line: &str) {
        self.0.push(line.trim_end().to_owned());
    }

    /// Adds one line with a comment beside it.
    pub fn noted(&mut self, line: &str, comment: &str) {
        let words: Vec<String> = comment.split_whitespace().map(printable).collect();
        self.line(&format!("{line:<NOTE$}  # {}", words.join(" ")));
    }

    /// Adds `words` in as many lines as they need, each of which starts with `start`.
    pub fn wrapped(&mut self, start: &str, words: &str) {
        let mut line = start.to_owned();
        for word in words.split_whitespace().map(printable) {
            if line.trim_end().len() > start.trim_end().len()
                && line.chars().count() + word.chars().count() > WIDTH
            {
                self.line(&line);
                line = start.to_owned();
            }
            line.push_str(&word);
            line.push(' ');
        }
        self.line(&line);
    }

    /// Returns the whole, with a line end after each line.
    pub fn text(self) -> String {
        self.0.into_iter().map(|line| line + "\n").collect()
    }
}

/// A word of a comment: an invisible character must end neither it nor the text around it.
fn printable(word: &str) -> String {
    word.chars().map(|c| if is_plain(c) { c } else { '\u{fffd}' }).collect()
}

/// Returns `text` as a scalar that every reader of YAML reads as this text.
pub(super) fn quoted(text: &str) -> String {
    let words = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"];
    let simple = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))
        && !words.contains(&text.to_ascii_lowercase().as_str());
    if simple {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_plain(c) => out.push(c),
            c => out.push_str(&match u32::from(c) {
                code @ 0..=0xff => format!("\\x{code:02x}"),
                code @ 0x100..=0xffff => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            }),
        }
    }
    out + "\""
}

/// Whether YAML accepts `c` unescaped, and a person sees it.
pub(super) fn is_plain(c: char) -> bool {
    let shown = crate::escape::foreign(c.encode_utf8(&mut [0; 4])).chars().eq([c]);
    shown && !matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_looks_like_something_else_is_quoted() {
        for (text, written) in [
            ("a/b-c_1.csv", "a/b-c_1.csv"),
            ("no", "\"no\""),
            ("1", "\"1\""),
            ("a: b", "\"a: b\""),
            ("../a", "\"../a\""),
            ("\x1b[2J\u{202e}\"\\", "\"\\x1b[2J\\u202e\\\"\\\\\""),
            ("", "\"\""),
        ] {
            assert_eq!(quoted(text), written);
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in any::<String>()) {
            let read: String = serde_yaml::from_str(&quoted(&text)).unwrap();
            prop_assert_eq!(read, text);
        }

        #[test]
        fn comments_stay_comments(words in any::<String>()) {
            let mut yaml = Yaml::default();
            yaml.wrapped("# ", &words);
            yaml.line("a: >-");
            yaml.wrapped("  ", &format!("b {words}"));
            yaml.noted("c: 1", &words);
            let read: serde_yaml::Value = serde_yaml::from_str(&yaml.text()).unwrap();
            prop_assert_eq!(read.get("c"), Some(&serde_yaml::Value::from(1)));
            prop_assert_eq!(read.as_mapping().map(serde_yaml::Mapping::len), Some(2));
        }
    }
}
