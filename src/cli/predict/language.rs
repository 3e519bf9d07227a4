//! The next tokens of a language model.

use serde_json::{Value, json};

use super::input::Form;
use super::{Out, PredictArgs, stream};
use crate::cli::error::CliResult;
use crate::escape::foreign;
use crate::infer::LanguageModel;
use crate::number::{count, percent};

/// The tokens that are named after each line.
const MOST: usize = 5;
/// Those in JSON.
const MOST_JSON: usize = 20;

/// Predicts the next token after every line, which continues those before.
pub(super) fn predict(args: &PredictArgs, model: &LanguageModel) -> CliResult<()> {
    if !args.stream {
        return Err(args.refuse(
            "a language model generates text: unrolled sample RUN --prime TEXT; --stream predicts the next token after every line",
        ));
    }
    let flags = [(args.threshold.is_some(), "--threshold"), (args.per_token, "--per-token")];
    if let Some((_, flag)) = flags.iter().find(|(given, _)| *given) {
        return Err(args.refuse(&format!("predicts the next token after every line; omit {flag}")));
    }
    let form = if args.jsonl { Form::Json } else { Form::Plain };
    let (mut out, mut stream) = (Out::new(args.json), model.stream()?);
    stream::for_each(args, &mut stream, form, &mut |stream, input| {
        let text = input.text();
        model.read_on(stream, &text)?;
        let (read, next) =
            (stream.tokens_read(), model.next_tokens(stream, if args.json { MOST_JSON } else { MOST }));
        let line = match (args.json, next) {
            (true, next) => {
                let token = |(token, p): &(&str, f32)| json!({"token": token, "probability": p});
                let next: Option<Vec<Value>> = next.map(|next| next.iter().map(token).collect());
                json!({"text": text, "tokens_read": read, "next": next}).to_string() + "\n"
            }
            (false, None) => "(no tokens were read)\n".to_owned(),
            (false, Some(next)) => {
                let token = |(token, p): &(&str, f32)| format!("{} {}", shown(token), percent(f64::from(*p)));
                let next: Vec<String> = next.iter().map(token).collect();
                format!("{:>8}  {}\n", count(read), next.join("  "))
            }
        };
        out.put([line].into_iter())
    })
}

/// A token in quotes: it may be a blank, or the end of a line.
fn shown(token: &str) -> String {
    foreign(&format!("{token:?}")).into_owned()
}
