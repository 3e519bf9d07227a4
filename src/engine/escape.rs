//! Escaping of untrusted text (data, file names, presets) before it is printed to a terminal, and of words for a shell.

use std::borrow::Cow;

/// Returns `text` with every character visible that could control a terminal, reorder a line or be hidden.
///
/// Control characters become their Unicode pictures (`␛`, `␊`; U+0080 to U+009F and DEL included), bidirectional and
/// zero-width controls `�`. A tab becomes a space. Text without such characters is borrowed.
pub fn foreign(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| harmless(c) == Some(c)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| harmless(c).unwrap_or('\u{fffd}')).collect())
}

/// Quotes `word` for a shell if necessary.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

fn harmless(c: char) -> Option<char> {
    match c {
        '\t' => Some(' '),
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)),
        '\u{7f}' => Some('\u{2421}'),
        '\u{80}'..='\u{9f}' => None,
        // marks, embeddings, overrides and isolates of direction; zero-width space and joiners; byte-order mark;
        // separators that some terminals take for a line end; tags
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => None,
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => None,
        _ => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::foreign;
    use std::borrow::Cow;

    #[test]
    fn no_terminal_control_character_passes() {
        assert_eq!(foreign("a\x1b[2J\x07\r\nb"), "a␛[2J␇␍␊b");
        assert_eq!(foreign("\u{9b}31m\u{7f}"), "\u{fffd}31m␡");
        assert_eq!(foreign("ab\u{202e}cd\u{200b}"), "ab\u{fffd}cd\u{fffd}");
    }

    #[test]
    fn plain_text_of_any_language_is_borrowed() {
        for text in ["not bad", "naïve café", "плохо", "良い 😀"] {
            assert!(matches!(foreign(text), Cow::Borrowed(t) if t == text));
        }
    }
}
