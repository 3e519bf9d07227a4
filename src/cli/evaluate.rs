mod classes;
mod labels;
mod language;
mod series;

use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};

use super::pages;
use super::predict::RunArgs;
use crate::cli::error::CliResult;
use crate::escape::foreign;
use crate::infer::Predictor;
use crate::number::counted;
use classes::Report;

#[derive(Debug, clap::Args)]
pub(super) struct EvaluateArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Data to evaluate on, all of it (labelled texts or sequences, tagged sentences, a series, a text); by default the run's validation data
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Change a setting of the data, e.g. data.text=review or data.encoding=latin-1; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// How many of the most confident mistakes, or of the worst forecasts, to print
    #[arg(long, value_name = "N", default_value_t = 10)]
    mistakes: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Evaluates a run on data with the truth.
pub(super) fn evaluate(args: &EvaluateArgs) -> CliResult {
    let (folder, predictor) = args.run.open()?;
    let (data, set, mistakes) = (args.data.as_deref(), args.set.as_slice(), args.mistakes);
    let step = predictor.step();
    let classes = |report: Report<'_>| match args.json {
        true => Ok(report.as_json(step).to_string()),
        false => report.as_text(),
    };
    let report = match &predictor {
        Predictor::Classifier(classifier) => classes(Report {
            subject: classifier.subject(),
            labels: classifier.labels(),
            evaluation: &classifier.evaluate(data, set, mistakes)?,
        })?,
        Predictor::Tagger(tagger) => {
            let evaluation = &tagger.evaluate(data, set, mistakes)?;
            classes(Report { subject: "word", labels: tagger.labels(), evaluation })?
        }
        Predictor::LanguageModel(model) => {
            let evaluation = model.evaluate(data, set)?;
            match args.json {
                true => language::as_json(&evaluation, step).to_string(),
                false => language::as_text(&evaluation)?,
            }
        }
        Predictor::Forecaster(forecaster) => {
            let evaluation = forecaster.evaluate(data, set, mistakes)?;
            match args.json {
                true => series::as_json(&evaluation, step).to_string(),
                false => series::as_text(&evaluation)?,
            }
        }
    };
    let report = if args.json { report + "\n" } else { head(&folder, step) + &report };
    match args.json && stdout().is_terminal() {
        // JSON does not escape all characters that control a terminal.
        true => pages::write(format!("{}\n", foreign(report.trim_end())).as_bytes()),
        false => pages::write(report.as_bytes()),
    }
}

/// The line with the run and the step of its weights.
fn head(folder: &Path, step: u64) -> String {
    format!("run   {}, after {}\n", foreign(&folder.to_string_lossy()), counted(step as usize, "step"))
}
