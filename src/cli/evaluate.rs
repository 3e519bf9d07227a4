mod labels;

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
use crate::train::{Judgement, Predictor, Told};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    run: RunArgs,
    /// Labelled texts or sequences to judge by: all that are there; by default the run's validation data
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

/// Judges a run by what has labels.
pub(super) fn evaluate(args: &Args) -> anyhow::Result<ExitCode> {
    let (folder, predictor) = args.run.open()?;
    let judgement = predictor.judge(args.data.as_deref(), &args.set, args.mistakes)?;
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
    let labels: Vec<String> = predictor.labels().iter().map(|label| foreign(label).into_owned()).collect();
    let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0).max(12);
    let mut out = String::new();
    let path = |path: &str| foreign(path).into_owned();
    writeln!(out, "run   {}, after {} steps", path(&folder.to_string_lossy()), count(predictor.step()))?;
    let subjects = format!("{}s", predictor.subject());
    writeln!(out, "data  {}: {} {subjects}", path(&judged.source), count(judged.told.texts()))?;
    writeln!(out, "loss {}  accuracy {}", metric(judged.loss), percent(judged.accuracy))?;
    match &judged.told {
        Told::Classes(matrix) => table(&mut out, &labels, matrix, (&subjects, width))?,
        Told::Labels(counts) => labels::table(&mut out, &labels, counts, width)?,
    }
    if !judged.mistakes.is_empty() {
        writeln!(out, "\nmost confident mistakes")?;
    }
    let named = |classes: &[usize]| match classes {
        [] => "none".to_owned(),
        classes => {
            classes.iter().filter_map(|class| labels.get(*class).cloned()).collect::<Vec<_>>().join(", ")
        }
    };
    for mistake in &judged.mistakes {
        let probability = percent(f64::from(mistake.probability));
        let (truth, predicted) = (named(&mistake.truth), named(&mistake.predicted));
        writeln!(out, "{probability:>7}  {truth} taken for {predicted}: {}", clipped(&mistake.text))?;
    }
    Ok(out)
}

/// Appends a line a class, the means, and what was taken for what; labels are at most `width` wide, and `subjects` are what has them.
fn table(
    out: &mut String,
    labels: &[String],
    matrix: &Confusion,
    (subjects, width): (&str, usize),
) -> Result<(), std::fmt::Error> {
    let label = |class: usize| labels.get(class).map_or("", String::as_str);
    writeln!(out, "\n{:width$}  {subjects:>9} {:>10} {:>8} {:>8}", "class", "precision", "recall", "f1")?;
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
    Ok(())
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
    let (labels, subject) = (predictor.labels(), predictor.subject());
    let subjects = format!("{subject}s");
    let named = |classes: &[usize]| -> Value {
        match (predictor.has_labels(), classes) {
            (false, [class]) => json!(labels.get(*class)),
            _ => classes.iter().filter_map(|class| labels.get(*class)).cloned().collect(),
        }
    };
    let mistakes: Vec<Value> = judged
        .mistakes
        .iter()
        .map(|mistake| {
            json!({
                subject: mistake.text,
                "label": named(&mistake.truth),
                "predicted": named(&mistake.predicted),
                "probability": mistake.probability,
            })
        })
        .collect();
    let mut object = json!({
        "step": predictor.step(),
        "data": judged.source,
        subjects.as_str(): judged.told.texts(),
        "loss": judged.loss,
        "accuracy": judged.accuracy,
        "mistakes": mistakes,
    });
    let more = match &judged.told {
        Told::Classes(matrix) => fields(labels, matrix, &subjects),
        Told::Labels(counts) => labels::fields(labels, counts),
    };
    more.into_iter().for_each(|(name, value)| object[name] = value);
    object
}

/// What classes were taken for, as fields of a JSON object.
fn fields(labels: &[String], matrix: &Confusion, subjects: &str) -> Vec<(&'static str, Value)> {
    let classes = labels.iter().enumerate().map(|(class, label)| {
        json!({
            "label": label,
            subjects: matrix.support(class),
            "precision": matrix.precision(class),
            "recall": matrix.recall(class),
            "f1": matrix.f1(class),
        })
    });
    let rows: Vec<&[u64]> = matrix.counts.chunks(matrix.classes.max(1)).collect();
    vec![("classes", classes.collect()), ("confusion", json!(rows))]
}
