//! What a network is asked: arguments, or lines of stdin.

use std::io::{self, BufRead, BufReader, Read};

use crate::cli::error::{CliError, CliResult};
use serde_json::Value;

/// Bytes of a line of input, at most.
const LONGEST: u64 = 16 << 20;
/// Bytes of texts beyond which no further one is waited for.
const BATCH_BYTES: usize = 4 << 20;
/// Bytes of stdin that are read at once.
const BUFFER: usize = 1 << 18;

/// What is asked of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// A text, or the path of a file.
    Text(String),
    /// The words of a sentence.
    Words(Vec<String>),
}

/// What a line of stdin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A text.
    Plain,
    /// A JSON object with a text.
    Json,
    /// A JSON object with a text, or with words.
    JsonOrWords,
}

/// Hands the `arguments`, or without any the lines of stdin as they come, to `tell`, at most `most` at once, until it says that nobody
/// reads on.
pub(super) fn each(
    arguments: &[String],
    form: Form,
    most: usize,
    tell: &mut dyn FnMut(&[Asked]) -> CliResult<bool>,
) -> CliResult<()> {
    if !arguments.is_empty() {
        for some in arguments.chunks(most) {
            let asked: Vec<Asked> = some.iter().cloned().map(Asked::Text).collect();
            if !tell(&asked)? {
                break;
            }
        }
        return Ok(());
    }
    let mut stdin = BufReader::with_capacity(BUFFER, io::stdin().lock());
    let mut line = 0;
    loop {
        let (asked, ended) = next_texts(&mut stdin, &mut line, form, most);
        let goes_on = asked.is_empty() || tell(&asked)?;
        match ended {
            Some(ended) => return ended,
            None if goes_on => {}
            None => return Ok(()),
        }
    }
}

/// The next texts that have come, `most` of them: at least one, for which it waits, and whole lines that came with it; after the last how it ended.
fn next_texts(
    input: &mut BufReader<impl Read>,
    line: &mut u64,
    form: Form,
    most: usize,
) -> (Vec<Asked>, Option<CliResult<()>>) {
    let (mut texts, mut bytes) = (Vec::new(), 0);
    loop {
        *line += 1;
        match next_text(input, *line, form) {
            Ok(Some(text)) => {
                bytes += text.size();
                texts.push(text);
            }
            Ok(None) => return (texts, Some(Ok(()))),
            Err(error) => return (texts, Some(Err(error))),
        }
        if texts.len() >= most || bytes > BATCH_BYTES || !input.buffer().contains(&b'\n') {
            return (texts, None);
        }
    }
}

/// The text of the next line, `None` after the last.
fn next_text(input: &mut impl BufRead, line: u64, form: Form) -> CliResult<Option<Asked>> {
    let bad = |what: &str| CliError::usage(format!("stdin:{line}: {what}"));
    let mut bytes = Vec::new();
    if input.take(LONGEST + 1).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.len() as u64 > LONGEST {
        return Err(bad("found a line that does not end; expected less than 16 MiB"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let column = error.utf8_error().valid_up_to() + 1;
        bad(&format!("found a byte that is not UTF-8 at byte column {column}; expected UTF-8"))
    })?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if form == Form::Plain {
        return Ok(Some(Asked::Text(text.to_owned())));
    }
    let object: Value = serde_json::from_str(text).unwrap_or_default();
    // Words that somebody has cut are meant, also where the text that they are of stands beside them.
    let words = object.get("tokens").filter(|_| form == Form::JsonOrWords);
    if let Some(text) = object.get("text").and_then(Value::as_str).filter(|_| words.is_none()) {
        return Ok(Some(Asked::Text(text.to_owned())));
    }
    if form == Form::Json {
        return Err(bad(r#"expected an object with a text, such as {"text": "not bad"}"#));
    }
    let word = |word: &Value| word.as_str().filter(|word| !word.is_empty()).map(str::to_owned);
    match words.and_then(Value::as_array).and_then(|words| words.iter().map(word).collect()) {
        Some(words) => Ok(Some(Asked::Words(words))),
        None => Err(bad(
            r#"expected an object with a text, such as {"text": "She waits."}, or with its words, {"tokens": ["She", "waits", "."]}"#,
        )),
    }
}

impl Asked {
    /// About so many bytes.
    fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Words(words) => words.iter().map(|word| word.len() + 1).sum(),
        }
    }

    /// The text.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Words(words) => words.join(" "),
        }
    }
}
