//! Tokenization: texts → tokens.

use serde::{Deserialize, Serialize};

/// The kind of token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A word, as split by Keras's `TextVectorization`.
    #[default]
    Word,
    /// A character, unchanged: a Unicode scalar value.
    Character,
    /// A piece of text between white space, unchanged: the words of a tagged sentence, and the symbols of the generated tasks.
    Symbol,
}

impl Level {
    /// The name in presets.
    pub fn name(self) -> &'static str {
        match self {
            Self::Word => "word",
            Self::Character => "character",
            Self::Symbol => "symbol",
        }
    }
}

/// How a text is divided: into tokens of a level, and n-grams of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tokenizer {
    /// The kind of token.
    pub level: Level,
    /// The largest number of neighbouring tokens that are a token together; 1 for none.
    pub ngrams: usize,
}

impl Default for Tokenizer {
    fn default() -> Self {
        Level::default().into()
    }
}

impl From<Level> for Tokenizer {
    fn from(level: Level) -> Self {
        Self { level, ngrams: 1 }
    }
}

/// The tokens of `text`, in order.
pub fn tokens(text: &str, tokenizer: impl Into<Tokenizer>) -> Vec<String> {
    let mut all = Vec::new();
    for_each_token(text, tokenizer, &mut String::new(), |token| all.push(token.to_owned()));
    all
}

/// Calls `each` for each token of `text`, in order; `word` is a scratch buffer.
///
/// With n-grams each token is followed by those that end with it, from two tokens on: `a`, `b`, `a b`, `c`, `b c`. Keras's
/// `TextVectorization(ngrams=2)` has the same ones, all single tokens first. Words are joined by a blank, as there, characters by nothing.
pub fn for_each_token(
    text: &str,
    tokenizer: impl Into<Tokenizer>,
    word: &mut String,
    mut each: impl FnMut(&str),
) {
    let Tokenizer { level, ngrams } = tokenizer.into();
    if ngrams < 2 {
        return for_each_single(text, level, word, each);
    }
    let (mut joined, mut starts) = (String::with_capacity(text.len()), Vec::new());
    for_each_single(text, level, word, |token| {
        if level != Level::Character && !joined.is_empty() {
            joined.push(' ');
        }
        starts.push(joined.len());
        joined.push_str(token);
        starts.iter().rev().take(ngrams).filter_map(|start| joined.get(*start..)).for_each(&mut each);
    });
}

/// Calls `each` for each token of `text` that is no n-gram of several.
fn for_each_single(text: &str, level: Level, word: &mut String, mut each: impl FnMut(&str)) {
    match level {
        Level::Word => for_each_word(text, word, each),
        Level::Character => {
            let mut bytes = [0; 4];
            text.chars().for_each(|c| each(c.encode_utf8(&mut bytes)));
        }
        Level::Symbol => text.split_whitespace().for_each(each),
    }
}

/// Calls `each` for each word of `text`, in order; `word` is a scratch buffer.
///
/// Splits as Keras's `TextVectorization` does by default (`standardize="lower_and_strip_punctuation"`,
/// `split="whitespace"`, `keras/src/layers/preprocessing/text_vectorization.py`): lower case, then the characters
/// ``!"#$%&()*+,-./:;<=>?@[\]^_`{|}~'`` deleted, not replaced (`well-made` becomes `wellmade`), then split at runs of white
/// space. Identical on ASCII; beyond it lower case and white space are Unicode's, where Keras changes neither.
pub fn for_each_word(text: &str, word: &mut String, mut each: impl FnMut(&str)) {
    if text.is_ascii() {
        return for_each_ascii_word(text, word, each);
    }
    let text = text.to_lowercase();
    word.clear();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            word.push(c);
        } else if c.is_whitespace() {
            if !word.is_empty() {
                each(word);
                word.clear();
            }
        } else if !c.is_ascii_punctuation() {
            word.push(c);
        }
    }
    if !word.is_empty() {
        each(word);
        word.clear();
    }
}

/// [`for_each_word`] for ASCII text, where most words need no change and are passed on without a copy.
fn for_each_ascii_word(text: &str, word: &mut String, mut each: impl FnMut(&str)) {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let mut start = 0;
    for piece in text.as_bytes().split(is_space) {
        let end = start + piece.len();
        let is_clean = piece.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'));
        match text.get(start..end) {
            Some(piece) if is_clean && !piece.is_empty() => each(piece),
            _ => {
                word.clear();
                let remaining = piece.iter().filter(|byte| !byte.is_ascii_punctuation());
                word.extend(remaining.map(|byte| char::from(byte.to_ascii_lowercase())));
                if !word.is_empty() {
                    each(word);
                }
            }
        }
        start = end + 1;
    }
    word.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut words = vec![];
        for_each_word(text, &mut String::new(), |word| words.push(word.to_owned()));
        words
    }

    #[test]
    fn punctuation_is_deleted_and_white_space_splits() {
        assert_eq!(
            words("It's a WELL-made film.<br />Really!"),
            ["its", "a", "wellmade", "filmbr", "really"]
        );
        assert_eq!(words(" \t\r\n\x0b\x0c ... -- "), [""; 0]);
        assert_eq!(words("a\x0bb\x0cc\x1cd"), ["a", "b", "c\x1cd"]);
    }

    #[test]
    fn the_deleted_punctuation_is_that_of_keras() {
        let keras = r##"!"#$%&()*+,-./:;<=>?@[\]^_`{|}~'"##;
        for c in '!'..='~' {
            assert_eq!(words(&c.to_string()).is_empty(), keras.contains(c), "{c}");
        }
    }

    #[test]
    fn ascii_text_is_split_like_any_other() {
        let every: String =
            (0_u8..128).flat_map(|byte| [char::from(byte), 'x', 'Y', char::from(byte), ' ', 'z']).collect();
        for text in [every.as_str(), "", " ", "a", " A b ", "a  b", "so-so . well"] {
            let mut other = words(&format!("{text} é"));
            assert_eq!(other.pop().as_deref(), Some("é"));
            assert_eq!(words(text), other, "{text:?}");
        }
    }

    #[test]
    fn every_token_is_followed_by_the_ngrams_that_end_with_it() {
        let tokens = |text: &str, level, ngrams| {
            let mut tokens = vec![];
            for_each_token(text, Tokenizer { level, ngrams }, &mut String::new(), |token| {
                tokens.push(token.to_owned());
            });
            tokens
        };
        let pairs = ["not", "a", "not a", "bad", "a bad", "film", "bad film"];
        assert_eq!(tokens("Not a BAD film!", Level::Word, 2), pairs);
        assert_eq!(tokens("Not a bad", Level::Word, 3), [&pairs[..5], &["not a bad"]].concat());
        assert_eq!(tokens("很不好", Level::Character, 3), ["很", "不", "很不", "好", "不好", "很不好"]);
        assert_eq!(tokens("X  y", Level::Symbol, 2), ["X", "y", "X y"]);
        assert_eq!(tokens("a b", Level::Word, 1), ["a", "b"]);
        assert_eq!(tokens("!", Level::Word, 2), [""; 0]);
    }

    #[test]
    fn case_and_white_space_beyond_ascii_are_those_of_unicode() {
        assert_eq!(words("CAFÉ\u{a0}ΟΔΟΣ\u{3000}ПЛОХО «good»"), ["café", "οδος", "плохо", "«good»"]);
    }
}
