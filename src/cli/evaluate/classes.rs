//! The evaluation of a classifier or tagger.

use std::fmt::{Error, Write};

use serde_json::{Value, json};

use super::labels;
use crate::escape::foreign;
use crate::infer::{Evaluation, Mistake};
use crate::metrics::{ChunkCounts, Confusion, Details, LabelCount};
use crate::number::{count, metric, percent};
use crate::protocol::ClassCount;

/// The evaluation of a classifier or tagger.
pub(super) struct Report<'a> {
    /// What has a class: `text`.
    pub subject: &'static str,
    /// The classes or labels, in order.
    pub labels: &'a [String],
    pub evaluation: &'a Evaluation,
}

impl Report<'_> {
    /// A report as text.
    pub fn as_text(&self) -> Result<String, Error> {
        let Self { evaluation, .. } = self;
        let unseen = evaluation.unseen.iter().map(|unseen| &unseen.label);
        let all: Vec<String> =
            self.labels.iter().chain(unseen).map(|label| foreign(label).into_owned()).collect();
        let labels = all.get(..self.labels.len()).unwrap_or_default();
        let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0).max(12);
        let mut out = String::new();
        let subjects = format!("{}s", self.subject);
        let texts = format!("{} {subjects}", count(evaluation.result.count));
        let what = match evaluation.sentences {
            Some(sentences) => format!("{} sentences, {texts}", count(sentences.count as u64)),
            None => texts,
        };
        writeln!(out, "data  {}: {what}", foreign(&evaluation.source))?;
        if let Some(sentences) = evaluation.sentences.filter(|sentences| sentences.truncated > 0) {
            let (truncated, length) = (count(sentences.truncated as u64), count(sentences.length as u64));
            writeln!(
                out,
                "      {truncated} words beyond the first {length} of their sentence are not evaluated, as in training"
            )?;
        }
        let value = |name| evaluation.result.metrics.get(name).unwrap_or(f64::NAN);
        writeln!(out, "loss {}  accuracy {}", metric(value("loss")), percent(value("accuracy")))?;
        if let Some(total) = evaluation.result.chunks.as_ref().map(ChunkCounts::total) {
            writeln!(
                out,
                "entities: precision {}  recall {}  f1 {}, of {} (as conlleval counts)",
                percent(total.precision()),
                percent(total.recall()),
                percent(total.f1()),
                count(total.support())
            )?;
        }
        let class = if evaluation.sentences.is_some() { "tag" } else { "class" };
        self.unseen(&mut out, class, &subjects)?;
        match &evaluation.result.details {
            Details::Classes(matrix) => table(&mut out, labels, matrix, (class, &subjects, width))?,
            Details::Labels(counts) => labels::table(&mut out, labels, counts, width)?,
            Details::None | Details::Forecast { .. } => {}
        }
        if let Some(chunks) = &evaluation.result.chunks {
            entities(&mut out, chunks, width)?;
        }
        if !evaluation.mistakes.is_empty() {
            writeln!(out, "\nmost confident mistakes")?;
        }
        let named = |classes: &[usize]| match classes {
            [] => "none".to_owned(),
            classes => {
                classes.iter().filter_map(|class| all.get(*class).cloned()).collect::<Vec<_>>().join(", ")
            }
        };
        for mistake in &evaluation.mistakes {
            let probability = percent(f64::from(mistake.probability));
            let (actual, predicted) = (named(&mistake.actual), named(&mistake.predicted));
            writeln!(out, "{probability:>7}  {actual} predicted as {predicted}: {}", place(mistake))?;
        }
        Ok(out)
    }

    /// Appends what is to be said of labels that the network has not.
    fn unseen(&self, out: &mut String, class: &str, subjects: &str) -> Result<(), Error> {
        let unseen = &self.evaluation.unseen;
        let several = matches!(self.evaluation.result.details, Details::Labels(_));
        let list = || {
            let each =
                |unseen: &ClassCount| format!("{} ({})", foreign(&unseen.label), count(unseen.count as u64));
            unseen.iter().map(each).collect::<Vec<_>>().join(", ")
        };
        match unseen.as_slice() {
            [] => Ok(()),
            _ if several => writeln!(out, "labels that the network has not are in no metric: {}", list()),
            _ => {
                let all: usize = unseen.iter().map(|unseen| unseen.count).sum();
                writeln!(
                    out,
                    "{} {subjects} have a {class} that the network has not, and count as wrong: {}",
                    count(all as u64),
                    list()
                )
            }
        }
    }

    /// The report as a JSON object; `step` is the number of updates of the weights.
    pub fn as_json(&self, step: u64) -> Value {
        let Self { labels, subject, evaluation } = *self;
        let details = &evaluation.result.details;
        let label = |class: &usize| {
            let unseen =
                || evaluation.unseen.get(class.checked_sub(labels.len())?).map(|unseen| &unseen.label);
            labels.get(*class).or_else(unseen)
        };
        let named = |classes: &[usize]| -> Value {
            match (details, classes) {
                (Details::Classes(_), [class]) => json!(label(class)),
                _ => classes.iter().filter_map(label).cloned().collect(),
            }
        };
        let mistake = |mistake: &Mistake| {
            let mut object = json!({
                subject: mistake.text,
                "actual": named(&mistake.actual),
                "predicted": named(&mistake.predicted),
                "probability": mistake.probability,
            });
            if let Some((words, position)) = &mistake.sentence {
                (object["sentence"], object["position"]) = (json!(words), json!(position));
            }
            object
        };
        let mut object = json!({
            "step": step,
            "data": evaluation.source,
            "n_samples": evaluation.result.count,
        });
        evaluation.result.metrics.iter().for_each(|(name, value)| object[name] = json!(value));
        if let Some(sentences) = evaluation.sentences {
            (object["n_sentences"], object["n_unread"]) =
                (json!(sentences.count), json!(sentences.truncated));
        }
        let more = match details {
            Details::Classes(matrix) => fields(labels, matrix),
            Details::Labels(counts) => labels::fields(labels, counts),
            Details::None | Details::Forecast { .. } => Vec::new(),
        };
        more.into_iter().for_each(|(name, value)| object[name] = value);
        if let Some(chunks) = &evaluation.result.chunks {
            let each = chunks.types.iter().map(|(name, counts)| {
                json!({
                    "type": name,
                    "support": counts.support(),
                    "precision": counts.precision(),
                    "recall": counts.recall(),
                    "f1": counts.f1(),
                })
            });
            object["entities"] = each.collect();
            let total = chunks.total();
            object["entity_micro"] =
                json!({"precision": total.precision(), "recall": total.recall(), "f1": total.f1()});
            let [precision, recall, f1] = means(chunks);
            object["entity_macro"] = json!({"precision": precision, "recall": recall, "f1": f1});
        }
        if !evaluation.unseen.is_empty() {
            let each = evaluation.unseen.iter();
            object["unseen_labels"] =
                each.map(|unseen| json!({"label": unseen.label, "support": unseen.count})).collect();
        }
        object["mistakes"] = evaluation.mistakes.iter().map(mistake).collect();
        object
    }
}

/// A mistaken text on one line, or a mistaken word in brackets with the words around it.
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

/// Appends a line for each class, the means, and the confusion matrix; labels are at most `width` columns wide, `subjects` is the heading
/// of the support.
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
    let mean = |of: fn(&Confusion, usize) -> f64| percent(matrix.macro_average(of));
    let (precision, recall, f1) = (mean(Confusion::precision), mean(Confusion::recall), mean(Confusion::f1));
    writeln!(out, "{:width$}  {:>9} {precision:>10} {recall:>8} {f1:>8}", "mean", "")?;
    let cell = matrix.counts.iter().map(|n| count(*n).len()).max().unwrap_or(1).max(3);
    let heads: Vec<String> = (1..=matrix.classes).map(|class| format!("{class:>cell$}")).collect();
    writeln!(out, "\n{:width$}  {}", "actual ↓ predicted →", heads.join(" "), width = width + 4)?;
    for class in 0..matrix.classes {
        let row: Vec<String> =
            (0..matrix.classes).map(|p| format!("{:>cell$}", count(matrix.count(class, p)))).collect();
        writeln!(out, "{:>2}  {:width$}  {}", class + 1, label(class), row.join(" "))?;
    }
    Ok(())
}

/// Appends a line for each type of chunk or entity.
fn entities(out: &mut String, chunks: &ChunkCounts, width: usize) -> Result<(), Error> {
    writeln!(
        out,
        "\n{:width$}  {:>9} {:>10} {:>8} {:>8}",
        "entity", "entities", "precision", "recall", "f1"
    )?;
    let mut line = |name: &str, support: u64, [precision, recall, f1]: [f64; 3]| {
        let [precision, recall, f1] = [precision, recall, f1].map(percent);
        writeln!(out, "{name:width$}  {:>9} {precision:>10} {recall:>8} {f1:>8}", count(support))
    };
    for (name, counts) in &chunks.types {
        line(&foreign(name), counts.support(), [counts.precision(), counts.recall(), counts.f1()])?;
    }
    let total = chunks.total();
    line("all (micro)", total.support(), [total.precision(), total.recall(), total.f1()])?;
    line("mean (macro)", total.support(), means(chunks))
}

/// The macro averages of precision, recall and F1 over the types of entities.
fn means(chunks: &ChunkCounts) -> [f64; 3] {
    [LabelCount::precision, LabelCount::recall, LabelCount::f1].map(|of| chunks.macro_average(of))
}

/// A text on one line, shortened to its beginning and its end.
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

/// The classes and the confusion matrix as fields of a JSON object.
fn fields(labels: &[String], matrix: &Confusion) -> Vec<(&'static str, Value)> {
    let classes = labels.iter().enumerate().map(|(class, label)| {
        json!({
            "label": label,
            "support": matrix.support(class),
            "precision": matrix.precision(class),
            "recall": matrix.recall(class),
            "f1": matrix.f1(class),
        })
    });
    let rows: Vec<&[u64]> = matrix.counts.chunks(matrix.classes.max(1)).collect();
    vec![("classes", classes.collect()), ("confusion_matrix", json!(rows))]
}
