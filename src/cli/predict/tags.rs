//! Predictions of a tagger.

use serde_json::{Value, json};

use super::input::{self, Form, Input};
use super::{BATCH, Out, PredictArgs, stream};
use crate::cli::error::CliResult;
use crate::escape::foreign;
use crate::infer::{TaggedSentence, Tagger};
use crate::number::{count, percent};

/// Predicts the tag of every word of the sentences of the arguments, or else of the lines of stdin, in batches of those available.
pub(super) fn predict(args: &PredictArgs, tagger: &Tagger) -> CliResult<()> {
    if args.threshold.is_some() {
        return Err(args.refuse("predicts one tag a word; --threshold is for several labels"));
    }
    let form = if args.jsonl { Form::JsonOrWords } else { Form::Plain };
    let words = |input: &Input| match input {
        Input::Text(text) => tagger.words(text),
        Input::Words(words) => words.clone(),
    };
    if args.stream {
        let (mut out, mut stream) = (Out::new(args.json), tagger.stream()?);
        return stream::for_each(args, &mut stream, form, &mut |stream, input| {
            let tagged = tagger.read_on(stream, &words(input))?;
            out.put(std::iter::once(match args.json {
                true => as_json(tagger, input, &tagged).to_string() + "\n",
                false => as_lines(tagger, &tagged),
            }))
        });
    }
    let mut out = Out::new(args.json);
    let mut first = true;
    input::for_each_batch(&args.text, form, BATCH, &mut |inputs| {
        let sentences: Vec<Vec<String>> = inputs.iter().map(words).collect();
        let tagged = tagger.tag(&sentences)?;
        out.put(inputs.iter().zip(&tagged).map(|(input, tagged)| match args.json {
            true => as_json(tagger, input, tagged).to_string() + "\n",
            // Sentences are separated by an empty line.
            false if std::mem::take(&mut first) => as_lines(tagger, tagged),
            false => format!("\n{}", as_lines(tagger, tagged)),
        }))
    })
}

fn label(tagger: &Tagger, tag: usize) -> &str {
    tagger.labels().get(tag).map_or("", String::as_str)
}

/// A line for each word: its tag, the probability, and the word.
fn as_lines(tagger: &Tagger, tagged: &TaggedSentence) -> String {
    let width = tagger.labels().iter().map(|label| foreign(label).chars().count()).max().unwrap_or(0);
    let mut lines: Vec<String> = tagged
        .words
        .iter()
        .map(|word| {
            let label = foreign(label(tagger, word.tag));
            let share = percent(f64::from(word.probability));
            format!("{label:width$} {share:>8}  {}\n", foreign(&word.word))
        })
        .collect();
    if tagged.windows > 1 {
        lines.push(format!(
            "({} words, but the network's input has {}: tagged in {} overlapping windows)\n",
            count(tagged.words.len() as u64),
            count(tagger.length() as u64),
            count(tagged.windows as u64),
        ));
    }
    lines.concat()
}

fn as_json(tagger: &Tagger, input: &Input, tagged: &TaggedSentence) -> Value {
    let words = tagged.words.iter().map(
        |word| json!({"token": word.word, "tag": label(tagger, word.tag), "probability": word.probability}),
    );
    let mut object = json!({"tokens": words.collect::<Vec<_>>()});
    if let Input::Text(text) = input {
        object["text"] = json!(text);
    }
    if tagged.windows > 1 {
        object["windows"] = json!(tagged.windows);
    }
    object
}
