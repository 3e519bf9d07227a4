use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Map, Value, json};

use crate::escape::foreign;
use crate::number::{count, percent};
use crate::protocol::is_told;
use crate::run::checkpoint::Which;
use crate::run::{self, RunError};
use crate::train::{PredictError, Predictor, Prefix, likeliest};

/// Bytes of a line of input, at most.
const LONGEST: u64 = 16 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    run: RunArgs,
    /// Texts to tell the class of, or files with sequences (WAV, .ts, tables); without any, every line of stdin is one
    text: Vec<String>,
    /// Print a line of JSON for every text
    #[arg(long)]
    json: bool,
    /// Lines of stdin are JSON objects with the text in their field `text`
    #[arg(long, conflicts_with = "text")]
    jsonl: bool,
    /// Tell what the network says after every token
    #[arg(long)]
    per_token: bool,
    /// Of several labels at once, tell those with at least this probability (by default those above 0.5)
    #[arg(long, value_name = "P", value_parser = probability)]
    threshold: Option<f32>,
}

/// Which run, and which of its weights.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// A run folder, the name of one in runs/, or `latest`
    run: PathBuf,
    /// Take the best weights, not the last ones
    #[arg(long)]
    best: bool,
}

impl RunArgs {
    /// The run's folder, and its network.
    pub fn open(&self) -> Result<(PathBuf, Predictor), PredictError> {
        let folder = run::find(Path::new("runs"), &self.run)?;
        let which = if self.best { Which::Best } else { Which::Last };
        let predictor = Predictor::open(&folder, which)?;
        Ok((folder, predictor))
    }
}

/// Whether it is the arguments or the data that are to blame.
pub(super) fn is_usage(error: &anyhow::Error) -> bool {
    match error.downcast_ref() {
        Some(PredictError::Run(error)) => matches!(error, RunError::Missing(_)),
        Some(PredictError::Spec(_) | PredictError::Task(_) | PredictError::Data(_)) => true,
        Some(PredictError::File { .. }) | None => error.is::<BadInput>(),
    }
}

/// A line of stdin that is no text.
#[derive(Debug, thiserror::Error)]
#[error("stdin:{line}: {what}")]
struct BadInput {
    line: u64,
    what: String,
}

/// Texts that go through the network at once, at most, and bytes of them beyond which no further one is waited for.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 4 << 20;
/// Bytes of stdin that are read at once.
const BUFFER: usize = 1 << 18;

/// Tells the class of texts: of the arguments, else of the lines of stdin, as many at once as have come.
pub(super) fn predict(args: &Args) -> anyhow::Result<ExitCode> {
    let (folder, predictor) = args.run.open()?;
    if args.threshold.is_some() && !predictor.has_labels() {
        let message = "tells one class of several; --threshold is for several labels at once";
        return Err(PredictError::Task(format!("{}: {message}", folder.display())).into());
    }
    let texts = predictor.subject() == "text";
    if args.per_token && !texts {
        let message = "reads sequences of numbers, which have no tokens; leave --per-token out";
        return Err(PredictError::Task(format!("{}: {message}", folder.display())).into());
    }
    // What stands in the files before a bad one is told.
    let at_once = if texts { BATCH } else { 1 };
    let speaker = Speaker { threshold: args.threshold, predictor };
    let mut out = io::stdout().lock();
    let terminal = out.is_terminal();
    // Whether anybody reads on.
    let mut tell = |asked: &[String]| -> anyhow::Result<bool> {
        let answers = speaker.predictor.predict(asked)?;
        let told = answers.iter().map(|(text, answer)| match args.json {
            true => speaker.as_json(text, answer, args.per_token).to_string() + "\n",
            false => speaker.as_lines(text, answer, args.per_token),
        });
        // JSON has escapes of its own, but not for everything that steers a terminal.
        let safe = |told: String| match terminal && args.json {
            true => foreign(told.trim_end()).into_owned() + "\n",
            false => told,
        };
        let told: String = told.map(safe).collect();
        match out.write_all(told.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            done => Ok(done.map(|()| true)?),
        }
    };
    if !args.text.is_empty() {
        for texts in args.text.chunks(at_once) {
            if !tell(texts)? {
                break;
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut stdin = BufReader::with_capacity(BUFFER, io::stdin().lock());
    let mut line = 0;
    loop {
        let (texts, ended) = next_texts(&mut stdin, &mut line, args.jsonl, at_once);
        let goes_on = texts.is_empty() || tell(&texts)?;
        match ended {
            Some(ended) => return ended.map(|()| ExitCode::SUCCESS),
            None if goes_on => {}
            None => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// The next texts that have come, `most` of them: at least one, for which it waits, and whole lines that came with it; after the last how it ended.
fn next_texts(
    input: &mut BufReader<impl Read>,
    line: &mut u64,
    jsonl: bool,
    most: usize,
) -> (Vec<String>, Option<anyhow::Result<()>>) {
    let (mut texts, mut bytes) = (Vec::new(), 0);
    loop {
        *line += 1;
        match next_text(input, *line, jsonl) {
            Ok(Some(text)) => {
                bytes += text.len();
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
fn next_text(input: &mut impl BufRead, line: u64, jsonl: bool) -> anyhow::Result<Option<String>> {
    let bad = |what: &str| BadInput { line, what: what.into() };
    let mut bytes = Vec::new();
    if input.take(LONGEST + 1).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.len() as u64 > LONGEST {
        return Err(bad("found a line that does not end; expected less than 16 MiB").into());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let column = error.utf8_error().valid_up_to() + 1;
        bad(&format!("found a byte that is not UTF-8 at byte column {column}; expected UTF-8"))
    })?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if !jsonl {
        return Ok(Some(text.to_owned()));
    }
    let object: Value = serde_json::from_str(text).unwrap_or_default();
    match object.get("text").and_then(Value::as_str) {
        Some(text) => Ok(Some(text.to_owned())),
        None => Err(bad(r#"expected an object with a text, such as {"text": "not bad"}"#).into()),
    }
}

/// A probability that an argument says.
fn probability(written: &str) -> Result<f32, String> {
    let p = written.parse().ok().filter(|p| (0.0..=1.0).contains(p));
    p.ok_or_else(|| "expected a number from 0 to 1".into())
}

/// Says what a network makes of texts.
struct Speaker {
    predictor: Predictor,
    /// Of several labels at once, those with at least this probability are told; without, as [`is_told`] says.
    threshold: Option<f32>,
}

impl Speaker {
    /// The labels that a text with these probabilities is told to have, of several at once.
    fn told<'a>(&'a self, probabilities: &[f32]) -> Vec<&'a str> {
        let labels = self.predictor.labels().iter().zip(probabilities);
        let told = |p: f32| self.threshold.map_or(is_told(p), |least| p >= least);
        labels.filter(|(_, p)| told(**p)).map(|(label, _)| label.as_str()).collect()
    }

    /// The likeliest class and its probability; of several labels at once those that are told, then each with its probability.
    fn said(&self, probabilities: &[f32]) -> String {
        let labels = self.predictor.labels();
        let share = |p: &f32| percent(f64::from(*p));
        if self.predictor.has_labels() {
            let told = self.told(probabilities);
            let told = if told.is_empty() { "none".into() } else { told.join(", ") };
            let each = labels.iter().zip(probabilities);
            let each: Vec<String> =
                each.map(|(label, p)| format!("{} {}", foreign(label), share(p))).collect();
            return format!("{:20}  ({})", foreign(&told), each.join(", "));
        }
        let (class, probability) = likeliest(probabilities.iter().copied());
        let label = labels.get(class).map_or("", String::as_str);
        format!("{:12} {:>7}", foreign(label), share(&probability))
    }

    fn as_lines(&self, text: &str, answer: &[f32], per_token: bool) -> String {
        let mut lines = vec![format!("{}  {}\n", self.said(answer), foreign(text))];
        if per_token {
            let prefixes = self.predictor.per_token(text);
            let line = |(at, prefix): (usize, &Prefix)| {
                let said = self.said(&prefix.probabilities);
                format!("  {:>4}  {said}  {}\n", count(at as u64 + 1), foreign(&prefix.token))
            };
            lines.extend(prefixes.iter().enumerate().map(line));
        }
        lines.concat()
    }

    /// `object` with the label, or the labels, and all probabilities.
    fn with_answer(&self, mut object: Value, probabilities: &[f32]) -> Value {
        let labels = self.predictor.labels();
        match self.predictor.has_labels() {
            true => object["labels"] = json!(self.told(probabilities)),
            false => object["label"] = json!(labels.get(likeliest(probabilities.iter().copied()).0)),
        }
        let by_label: Map<String, Value> =
            labels.iter().zip(probabilities).map(|(label, p)| (label.clone(), json!(p))).collect();
        object["probabilities"] = Value::Object(by_label);
        object
    }

    fn as_json(&self, text: &str, answer: &[f32], per_token: bool) -> Value {
        let mut object = self.with_answer(json!({self.predictor.subject(): text}), answer);
        if per_token {
            let prefixes = self.predictor.per_token(text);
            let prefixes =
                prefixes.iter().map(|p| self.with_answer(json!({"token": p.token}), &p.probabilities));
            object["tokens"] = prefixes.collect();
        }
        object
    }
}
