mod classes;
mod labels;

use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::pages;
use super::predict::RunArgs;
use crate::escape::foreign;
use crate::number::count;
use crate::train::Predictor;
use classes::Report;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    run: RunArgs,
    /// Labelled texts or sequences or tagged sentences to judge by: all that are there; by default the run's validation data
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Say more of the data, e.g. data.text=review or data.encoding=latin-1
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print so many of the most confident mistakes
    #[arg(long, value_name = "N", default_value_t = 10)]
    mistakes: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Judges a run by data of which the truth is known.
pub(super) fn evaluate(args: &Args) -> anyhow::Result<ExitCode> {
    let (folder, predictor) = args.run.open()?;
    let (data, set, mistakes) = (args.data.as_deref(), args.set.as_slice(), args.mistakes);
    let step = predictor.step();
    let report = match &predictor {
        Predictor::Classifier(classifier) => Report {
            subject: classifier.subject(),
            labels: classifier.labels(),
            judged: &classifier.judge(data, set, mistakes)?,
        },
        Predictor::Tagger(tagger) => {
            Report { subject: "word", labels: tagger.labels(), judged: &tagger.judge(data, set, mistakes)? }
        }
    };
    let told = match args.json {
        true => report.as_json(step).to_string() + "\n",
        false => head(&folder, step) + &report.as_text()?,
    };
    match args.json && stdout().is_terminal() {
        // JSON has escapes of its own, but not for everything that steers a terminal.
        true => pages::write(format!("{}\n", foreign(told.trim_end())).as_bytes()),
        false => pages::write(told.as_bytes()),
    }
}

/// Which weights were judged.
fn head(folder: &Path, step: u64) -> String {
    format!("run   {}, after {} steps\n", foreign(&folder.to_string_lossy()), count(step))
}
