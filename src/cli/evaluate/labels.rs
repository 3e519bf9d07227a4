//! What was told of several labels at once.

use std::fmt::{Error, Write};

use serde_json::{Value, json};

use crate::number::{count, percent};
use crate::protocol::{LabelCount, LabelCounts};

/// Appends a line a label, and the means; labels are at most `width` wide.
pub(super) fn table(
    out: &mut String,
    labels: &[String],
    counts: &LabelCounts,
    width: usize,
) -> Result<(), Error> {
    writeln!(out, "\n{:width$}  {:>9} {:>10} {:>8} {:>8}", "label", "texts", "precision", "recall", "f1")?;
    let mut line = |name: &str, texts: &str, [precision, recall, f1]: [f64; 3]| {
        let [precision, recall, f1] = [precision, recall, f1].map(percent);
        writeln!(out, "{name:width$}  {texts:>9} {precision:>10} {recall:>8} {f1:>8}")
    };
    for (label, told) in labels.iter().zip(&counts.labels) {
        line(label, &count(told.support()), shares(*told))?;
    }
    line("mean (macro)", "", means(counts))?;
    line("all (micro)", "", shares(counts.together()))?;
    writeln!(out, "\nevery label right: {} of the texts", percent(exact(counts)))
}

/// The same as fields of a JSON object.
pub(super) fn fields(labels: &[String], counts: &LabelCounts) -> Vec<(&'static str, Value)> {
    let told =
        |[precision, recall, f1]: [f64; 3]| json!({"precision": precision, "recall": recall, "f1": f1});
    let each = labels.iter().zip(&counts.labels).map(|(label, counted)| {
        let mut all = told(shares(*counted));
        (all["label"], all["texts"]) = (json!(label), json!(counted.support()));
        all
    });
    vec![
        ("labels", each.collect()),
        ("macro", told(means(counts))),
        ("micro", told(shares(counts.together()))),
        ("exact", json!(exact(counts))),
    ]
}

fn shares(count: LabelCount) -> [f64; 3] {
    [count.precision(), count.recall(), count.f1()]
}

fn means(counts: &LabelCounts) -> [f64; 3] {
    [LabelCount::precision, LabelCount::recall, LabelCount::f1].map(|of| counts.mean(of))
}

/// The share of the texts of which every label was told rightly.
fn exact(counts: &LabelCounts) -> f64 {
    counts.exact as f64 / counts.sequences.max(1) as f64
}
