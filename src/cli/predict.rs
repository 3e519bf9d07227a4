mod classes;
mod input;
mod language;
mod series;
mod stream;
mod tags;

use std::io::{self, IsTerminal, StdoutLock, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::error::{CliError, CliResult};
use crate::escape::foreign;
use crate::infer::{InferError, Predictor};
use crate::run;
use crate::run::checkpoint::Which;

#[derive(Debug, clap::Args)]
pub(super) struct PredictArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Texts to classify, sentences to tag, or files: sequences (WAV, .ts, tables), or series to forecast
    #[arg(long_help = TEXT_HELP)]
    text: Vec<String>,
    /// Print one JSON object per line and text
    #[arg(long)]
    json: bool,
    /// Read lines of stdin as JSON objects with the text in `text`; for a tagger, `tokens` may hold the list of its words
    #[arg(long, conflicts_with = "text")]
    jsonl: bool,
    /// Also print the prediction after every token (a tagger always prints one per word)
    #[arg(long)]
    per_token: bool,
    /// Each line continues those before, at a cost that does not grow: the prediction is for all that was read. A line of a forecaster is a
    /// row of numbers, and the answer is the next forecast; after a line of a language model come its most likely next tokens. Not for
    /// networks that read ahead
    #[arg(long)]
    stream: bool,
    /// With --stream: go on from the state in this file, if it exists, and save it after each line
    #[arg(long, value_name = "FILE", requires = "stream")]
    state: Option<PathBuf>,
    /// For several labels at once: predict those with at least this probability (by default those above 0.5)
    #[arg(long, value_name = "P", value_parser = probability)]
    threshold: Option<f32>,
}

const TEXT_HELP: &str = "\
Texts to classify, sentences to tag, or files: sequences (WAV, .ts, tables), or series to forecast. Without any, every line of stdin is one \
text or path; a forecaster continues the series that it was trained on.

A sentence for a tagger is split at blanks; punctuation at the beginning and end of a word is a word of its own (\u{201c}flight.\u{201d} is two words), \
and a word is split at its apostrophe if one of the parts occurred in training (\u{201c}don't\u{201d} if \u{201c}n't\u{201d} did). What \
occurred in training as a whole is not split. To split it yourself, pass the words: --jsonl and {\"tokens\": [\"She\", \u{2026}]}. A sentence \
longer than the network's input is tagged in overlapping windows.

A series needs the columns of the training data and at least one window of rows. The forecast is in the units of the series, with dates if \
the dates of the rows are regular.";

/// The run and its checkpoint.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// A run folder, the name of one in runs/, or `latest`
    run: PathBuf,
    /// Use the best checkpoint, not the last one
    #[arg(long)]
    best: bool,
}

impl RunArgs {
    /// Opens the run: its folder and its network.
    pub fn open(&self) -> Result<(PathBuf, Predictor), InferError> {
        let folder = run::resolve(Path::new("runs"), &self.run)?;
        let which = if self.best { Which::Best } else { Which::Last };
        let predictor = Predictor::open(&folder, which)?;
        Ok((folder, predictor))
    }
}

impl PredictArgs {
    /// The error for arguments that the task of the run does not support.
    fn refuse(&self, message: &str) -> CliError {
        InferError::Task(format!("{}: {message}", self.run.run.display())).into()
    }
}

/// The maximum number of texts of a batch.
const BATCH: usize = 256;

/// Predicts with the network of a run.
pub(super) fn predict(args: &PredictArgs) -> CliResult {
    let (_, predictor) = args.run.open()?;
    match &predictor {
        Predictor::Classifier(classifier) => classes::predict(args, classifier)?,
        Predictor::Tagger(tagger) => tags::predict(args, tagger)?,
        Predictor::Forecaster(forecaster) => series::predict(args, forecaster)?,
        Predictor::LanguageModel(model) => language::predict(args, model)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes predictions to stdout.
struct Out {
    to: StdoutLock<'static>,
    /// Whether to escape JSON on a terminal, as JSON does not escape all characters that control one.
    escaped: bool,
}

impl Out {
    fn new(json: bool) -> Self {
        let to = io::stdout().lock();
        Self { escaped: json && to.is_terminal(), to }
    }

    /// Writes lines; returns whether stdout is still open.
    fn put(&mut self, lines: impl Iterator<Item = String>) -> CliResult<bool> {
        let safe = |line: String| match self.escaped {
            true => foreign(line.trim_end()).into_owned() + "\n",
            false => line,
        };
        let text: String = lines.map(safe).collect();
        match self.to.write_all(text.as_bytes()).and_then(|()| self.to.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            done => Ok(done.map(|()| true)?),
        }
    }
}

/// Parses a probability.
fn probability(written: &str) -> Result<f32, String> {
    let p = written.parse().ok().filter(|p| (0.0..=1.0).contains(p));
    p.ok_or_else(|| "expected a number from 0 to 1".into())
}
