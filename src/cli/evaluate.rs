use std::fmt::Write;
use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::pages;
use super::predict::RunArgs;
use crate::escape::foreign;
use crate::number::{count, metric, percent};
use crate::protocol::Confusion;
use crate::train::{Judgement, Predictor};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    run: RunArgs,
    /// Labelled texts to judge by: all that are there; by default the run's validation data
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

/// Judges a run by labelled texts.
pub(super) fn evaluate(args: &Args) -> anyhow::Result<ExitCode> {
    let (folder, predictor) = args.run.open()?;
    let judgement = predictor.judge(args.data.as_deref(), &args.set, &folder, args.mistakes)?;
    let told = match args.json {
        true => as_json(&predictor, &judgement).to_string() + "\n",
        false => as_text(&folder, &predictor, &judgement)?,
    };
    match args.json && stdout().is_terminal() {
        // JSON has escapes of its own, but not for everything that steers a terminal.
        true => pages::write(format!("{}\n", foreign(told.trim_end())).as_bytes()),
        false => pages::write(told.as_bytes()),
    }
}

fn as_text(folder: &Path, predictor: &Predictor, judged: &Judgement) -> Result<String, std::fmt::Error> {
    let (labels, matrix) = (predictor.labels(), &judged.confusion);
    let label = |class: usize| foreign(labels.get(class).map_or("", String::as_str)).into_owned();
    let width = (0..matrix.classes).map(|class| label(class).chars().count()).max().unwrap_or(0).max(12);
    let texts: u64 = matrix.counts.iter().sum();
    let mut out = String::new();
    let path = |path: &str| foreign(path).into_owned();
    writeln!(out, "run   {}, after {} steps", path(&folder.to_string_lossy()), count(predictor.step()))?;
    writeln!(out, "data  {}: {} texts", path(&judged.source), count(texts))?;
    writeln!(out, "loss {}  accuracy {}", metric(judged.loss), percent(judged.accuracy))?;
    writeln!(out, "\n{:width$}  {:>9} {:>10} {:>8} {:>8}", "class", "texts", "precision", "recall", "f1")?;
    for class in 0..matrix.classes {
        writeln!(
            out,
            "{:width$}  {:>9} {:>10} {:>8} {:>8}",
            label(class),
            count(matrix.support(class)),
            percent(matrix.precision(class)),
            percent(matrix.recall(class)),
            percent(matrix.f1(class)),
        )?;
    }
    let mean = |of: fn(&Confusion, usize) -> f64| percent(matrix.mean(of));
    let (precision, recall, f1) = (mean(Confusion::precision), mean(Confusion::recall), mean(Confusion::f1));
    writeln!(out, "{:width$}  {:>9} {precision:>10} {recall:>8} {f1:>8}", "mean", "")?;
    let cell = matrix.counts.iter().map(|n| count(*n).len()).max().unwrap_or(1).max(3);
    let heads: Vec<String> = (1..=matrix.classes).map(|class| format!("{class:>cell$}")).collect();
    writeln!(out, "\n{:width$}  {}", "true ↓ predicted →", heads.join(" "), width = width + 4)?;
    for class in 0..matrix.classes {
        let row: Vec<String> =
            (0..matrix.classes).map(|p| format!("{:>cell$}", count(matrix.count(class, p)))).collect();
        writeln!(out, "{:>2}  {:width$}  {}", class + 1, label(class), row.join(" "))?;
    }
    if !judged.mistakes.is_empty() {
        writeln!(out, "\nmost confident mistakes")?;
    }
    for mistake in &judged.mistakes {
        let probability = percent(f64::from(mistake.probability));
        let (truth, predicted) = (label(mistake.truth), label(mistake.predicted));
        writeln!(out, "{probability:>7}  {truth} taken for {predicted}: {}", clipped(&mistake.text))?;
    }
    Ok(out)
}

/// A text on one line, its beginning and its end.
fn clipped(text: &str) -> String {
    const HALF: usize = 90;
    let all: Vec<char> = foreign(text).chars().collect();
    match all.len() > 2 * HALF {
        true => {
            all.iter().take(HALF).chain(&[' ', '…', ' ']).chain(all.iter().skip(all.len() - HALF)).collect()
        }
        false => all.into_iter().collect(),
    }
}

fn as_json(predictor: &Predictor, judged: &Judgement) -> Value {
    let (labels, matrix) = (predictor.labels(), &judged.confusion);
    let classes: Vec<Value> = labels
        .iter()
        .enumerate()
        .map(|(class, label)| {
            json!({
                "label": label,
                "texts": matrix.support(class),
                "precision": matrix.precision(class),
                "recall": matrix.recall(class),
                "f1": matrix.f1(class),
            })
        })
        .collect();
    let rows: Vec<&[u64]> = matrix.counts.chunks(matrix.classes.max(1)).collect();
    let mistakes: Vec<Value> = judged
        .mistakes
        .iter()
        .map(|mistake| {
            json!({
                "text": mistake.text,
                "label": labels.get(mistake.truth),
                "predicted": labels.get(mistake.predicted),
                "probability": mistake.probability,
            })
        })
        .collect();
    json!({
        "step": predictor.step(),
        "data": judged.source,
        "texts": matrix.counts.iter().sum::<u64>(),
        "loss": judged.loss,
        "accuracy": judged.accuracy,
        "classes": classes,
        "confusion": rows,
        "mistakes": mistakes,
    })
}
