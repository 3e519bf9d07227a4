//! What was taken for what, and the worst of it.

use std::fmt::{Error, Write};

use serde_json::{Value, json};

use super::labels;
use crate::escape::foreign;
use crate::infer::{Judgement, Mistake, Told};
use crate::number::{count, metric, percent};
use crate::protocol::Confusion;

/// How good a network is that tells classes or labels.
pub(super) struct Report<'a> {
    /// What has a class, in a word: `text`.
    pub subject: &'static str,
    /// The classes or labels in their order.
    pub labels: &'a [String],
    pub judged: &'a Judgement,
}

impl Report<'_> {
    /// For people.
    pub fn as_text(&self) -> Result<String, Error> {
        let Self { judged, .. } = self;
        let labels: Vec<String> = self.labels.iter().map(|label| foreign(label).into_owned()).collect();
        let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0).max(12);
        let mut out = String::new();
        let subjects = format!("{}s", self.subject);
        let texts = format!("{} {subjects}", count(judged.told.texts()));
        let what = match judged.sentences {
            Some(sentences) => format!("{} sentences, {texts}", count(sentences.count as u64)),
            None => texts,
        };
        writeln!(out, "data  {}: {what}", foreign(&judged.source))?;
        if let Some(sentences) = judged.sentences.filter(|sentences| sentences.unread > 0) {
            let (unread, length) = (count(sentences.unread as u64), count(sentences.length as u64));
            writeln!(
                out,
                "      {unread} words behind the first {length} of their sentence were not read, as in training"
            )?;
        }
        writeln!(out, "loss {}  accuracy {}", metric(judged.loss), percent(judged.accuracy))?;
        let class = if judged.sentences.is_some() { "tag" } else { "class" };
        match &judged.told {
            Told::Classes(matrix) => table(&mut out, &labels, matrix, (class, &subjects, width))?,
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
            writeln!(out, "{probability:>7}  {truth} taken for {predicted}: {}", place(mistake))?;
        }
        Ok(out)
    }

    /// One JSON object; `step` updates made the weights.
    pub fn as_json(&self, step: u64) -> Value {
        let Self { labels, subject, judged } = *self;
        let subjects = format!("{subject}s");
        let named = |classes: &[usize]| -> Value {
            match (&judged.told, classes) {
                (Told::Classes(_), [class]) => json!(labels.get(*class)),
                _ => classes.iter().filter_map(|class| labels.get(*class)).cloned().collect(),
            }
        };
        let mistake = |mistake: &Mistake| {
            let mut object = json!({
                subject: mistake.text,
                "label": named(&mistake.truth),
                "predicted": named(&mistake.predicted),
                "probability": mistake.probability,
            });
            if let Some((words, at)) = &mistake.sentence {
                (object["sentence"], object["at"]) = (json!(words), json!(at));
            }
            object
        };
        let mut object = json!({
            "step": step,
            "data": judged.source,
            subjects.as_str(): judged.told.texts(),
            "loss": judged.loss,
            "accuracy": judged.accuracy,
            "mistakes": judged.mistakes.iter().map(mistake).collect::<Vec<_>>(),
        });
        if let Some(sentences) = judged.sentences {
            (object["sentences"], object["unread"]) = (json!(sentences.count), json!(sentences.unread));
        }
        let more = match &judged.told {
            Told::Classes(matrix) => fields(labels, matrix, &subjects),
            Told::Labels(counts) => labels::fields(labels, counts),
        };
        more.into_iter().for_each(|(name, value)| object[name] = value);
        object
    }
}

/// A wrong text on one line; a word in brackets, with those that stand around it.
fn place(mistake: &Mistake) -> String {
    const AROUND: usize = 7;
    let Some((words, at)) = &mistake.sentence else { return clipped(&mistake.text) };
    let from = at.saturating_sub(AROUND);
    let shown = words.iter().enumerate().skip(from).take(at - from + AROUND + 1);
    let word = |(i, word): (usize, &String)| {
        let word = clipped(word);
        if i == *at { format!("[{word}]") } else { word }
    };
    let mut shown: Vec<String> = shown.map(word).collect();
    if from > 0 {
        shown.insert(0, "…".into());
    }
    if at + AROUND + 1 < words.len() {
        shown.push("…".into());
    }
    shown.join(" ")
}

/// Appends a line a class, the means, and what was taken for what; labels are at most `width` wide, and `subjects` are what has them.
fn table(
    out: &mut String,
    labels: &[String],
    matrix: &Confusion,
    (class, subjects, width): (&str, &str, usize),
) -> Result<(), Error> {
    let label = |class: usize| labels.get(class).map_or("", String::as_str);
    writeln!(out, "\n{class:width$}  {subjects:>9} {:>10} {:>8} {:>8}", "precision", "recall", "f1")?;
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
