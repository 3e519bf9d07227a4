//! The class of every word.

use serde_json::{Value, json};

use super::input::{self, Asked, Form};
use super::{Args, BATCH, Out};
use crate::cli::error::CliResult;
use crate::escape::foreign;
use crate::infer::{TaggedSentence, Tagger};
use crate::number::{count, percent};

/// Tells the class of every word of sentences: of the arguments, else of the lines of stdin, as many at once as have come.
pub(super) fn tell(args: &Args, tagger: &Tagger) -> CliResult<()> {
    if args.threshold.is_some() {
        return Err(args.refuse("tells one class a word; --threshold is for several labels at once"));
    }
    let form = if args.jsonl { Form::JsonOrWords } else { Form::Plain };
    let mut out = Out::new(args.json);
    let mut first = true;
    input::each(&args.text, form, BATCH, &mut |asked| {
        let words = |asked: &Asked| match asked {
            Asked::Text(text) => tagger.words(text),
            Asked::Words(words) => words.clone(),
        };
        let sentences: Vec<Vec<String>> = asked.iter().map(words).collect();
        let told = tagger.tag(&sentences)?;
        out.put(asked.iter().zip(&told).map(|(asked, told)| match args.json {
            true => as_json(tagger, asked, told).to_string() + "\n",
            // Sentences are apart by an empty line.
            false if std::mem::take(&mut first) => as_lines(tagger, told),
            false => format!("\n{}", as_lines(tagger, told)),
        }))
    })
}

fn label(tagger: &Tagger, tag: usize) -> &str {
    tagger.labels().get(tag).map_or("", String::as_str)
}

/// A line a word: what it is, with which probability.
fn as_lines(tagger: &Tagger, told: &TaggedSentence) -> String {
    let width = tagger.labels().iter().map(|label| foreign(label).chars().count()).max().unwrap_or(0);
    let mut lines: Vec<String> = told
        .words
        .iter()
        .map(|word| {
            let label = foreign(label(tagger, word.tag));
            let share = percent(f64::from(word.probability));
            format!("{label:width$} {share:>8}  {}\n", foreign(&word.word))
        })
        .collect();
    if told.windows > 1 {
        lines.push(format!(
            "({} words, of which the network reads {} at once: it read them in {} windows)\n",
            count(told.words.len() as u64),
            count(tagger.length() as u64),
            count(told.windows as u64),
        ));
    }
    lines.concat()
}

fn as_json(tagger: &Tagger, asked: &Asked, told: &TaggedSentence) -> Value {
    let words = told.words.iter().map(
        |word| json!({"token": word.word, "tag": label(tagger, word.tag), "probability": word.probability}),
    );
    let mut object = json!({"tokens": words.collect::<Vec<_>>()});
    if let Asked::Text(text) = asked {
        object["text"] = json!(text);
    }
    if told.windows > 1 {
        object["windows"] = json!(told.windows);
    }
    object
}
