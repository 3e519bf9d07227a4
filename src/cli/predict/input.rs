//! The inputs of `predict`: arguments, or lines of stdin.

use std::io::{self, BufRead, BufReader, Read};

use crate::cli::error::{CliError, CliResult};
use serde_json::Value;

/// The maximum bytes of a line of input.
const LONGEST: u64 = 16 << 20;
/// Bytes of texts from which on a batch is full.
const BATCH_BYTES: usize = 4 << 20;
/// The size of the buffer of stdin.
const BUFFER: usize = 1 << 18;

/// An input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    /// A text, or the path of a file.
    Text(String),
    /// The words of a sentence.
    Words(Vec<String>),
}

/// The format of a line of stdin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A text.
    Plain,
    /// A JSON object with a text.
    Json,
    /// A JSON object with a text, or with words.
    JsonOrWords,
}

/// Passes the `arguments`, or without any the lines of stdin as they arrive, to `each`, at most `most` at once, until it returns false.
pub(super) fn for_each_batch(
    arguments: &[String],
    form: Form,
    most: usize,
    each: &mut dyn FnMut(&[Input]) -> CliResult<bool>,
) -> CliResult<()> {
    if !arguments.is_empty() {
        for some in arguments.chunks(most) {
            let inputs: Vec<Input> = some.iter().cloned().map(Input::Text).collect();
            if !each(&inputs)? {
                break;
            }
        }
        return Ok(());
    }
    let mut stdin = BufReader::with_capacity(BUFFER, io::stdin().lock());
    let mut line = 0;
    loop {
        let (inputs, ended) = next_texts(&mut stdin, &mut line, form, most);
        let is_open = inputs.is_empty() || each(&inputs)?;
        match ended {
            Some(ended) => return ended,
            None if is_open => {}
            None => return Ok(()),
        }
    }
}

/// Reads the next inputs, at most `most`: waits for one, and adds the whole lines in the buffer; after the last also returns how stdin
/// ended.
fn next_texts(
    input: &mut BufReader<impl Read>,
    line: &mut u64,
    form: Form,
    most: usize,
) -> (Vec<Input>, Option<CliResult<()>>) {
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

/// Reads the next input, `None` after the last.
fn next_text(input: &mut impl BufRead, line: u64, form: Form) -> CliResult<Option<Input>> {
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
        return Ok(Some(Input::Text(text.to_owned())));
    }
    let object: Value = serde_json::from_str(text).unwrap_or_default();
    // Tokens take precedence over a text in the same object.
    let words = object.get("tokens").filter(|_| form == Form::JsonOrWords);
    if let Some(text) = object.get("text").and_then(Value::as_str).filter(|_| words.is_none()) {
        return Ok(Some(Input::Text(text.to_owned())));
    }
    if form == Form::Json {
        return Err(bad(r#"expected an object with a text, such as {"text": "not bad"}"#));
    }
    let word = |word: &Value| word.as_str().filter(|word| !word.is_empty()).map(str::to_owned);
    match words.and_then(Value::as_array).and_then(|words| words.iter().map(word).collect()) {
        Some(words) => Ok(Some(Input::Words(words))),
        None => Err(bad(
            r#"expected an object with a text, such as {"text": "She waits."}, or with its words, {"tokens": ["She", "waits", "."]}"#,
        )),
    }
}

impl Input {
    /// The approximate size in bytes.
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
