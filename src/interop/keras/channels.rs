//! The words of a tagger in scripts: their channels.

use serde_json::json;

use crate::data::{ChannelLevel, TokenSpec};

/// The case of a word, as [`ChannelLevel::Case`] has it.
const CASE: &str = r#"def case(word):
    letters = [c for c in word if c.isalpha()]
    upper = sum(c.isupper() for c in letters)
    if any(unicodedata.category(c).startswith("N") for c in word):
        return "l3tters" if letters else "digits"
    if not letters:
        return "marks"
    if len(letters) > 1 and upper == len(letters):
        return "UPPER"
    if "-" in word:
        return "with-hyphen"
    if upper == 0:
        return "lower"
    return "Capitalised" if upper == 1 and letters[0].isupper() else "miXed"


"#;

/// The function `encode` of a script for a tagger whose words have channels: the ids of a sentence with blanks between its words, a row for
/// each channel. `vocabularies` is the Python of the vocabularies by channel.
pub(in crate::interop) fn channel_encoding(tokens: &TokenSpec, vocabularies: &str) -> String {
    let (channels, length) = (&tokens.channels, tokens.length);
    let names: Vec<&str> = channels.iter().map(|channel| channel.name()).collect();
    let entries = channels.iter().map(|channel| match channel.level {
        ChannelLevel::Word => "words".to_owned(),
        ChannelLevel::Ending => {
            format!("[word.lower()[-{}:] for word in words]", channel.letters.unwrap_or(1))
        }
        ChannelLevel::Case => "[case(word) for word in words]".to_owned(),
    });
    let entries: Vec<String> = entries.collect();
    let has_case = channels.iter().any(|channel| channel.level == ChannelLevel::Case);
    let (import, case) = if has_case { ("import unicodedata\n\n", CASE) } else { ("", "") };
    format!(
        "{import}vocabularies = {vocabularies}\n\
         channels = {}\n\
         ids_of = [{{token: i for i, token in enumerate(vocabularies[channel])}} for channel in channels]\n\n\n\
         {case}def encode(text):\n    \
         words = text.split()[:{length}]\n    \
         rows = [{}]\n    \
         rows = [[ids.get(entry, 1) for entry in row] for ids, row in zip(ids_of, rows)]\n    \
         return [row + [0] * ({length} - len(row)) for row in rows]\n\n\n",
        json!(names),
        entries.join(", "),
    )
}
