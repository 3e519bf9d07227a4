//! The evaluation of a multi-label classifier.

use std::fmt::{Error, Write};

use serde_json::{Value, json};

use crate::metrics::{LabelCount, LabelCounts};
use crate::number::{count, percent};

/// Appends a line for each label, and the means; labels are at most `width` columns wide.
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
    for (label, counted) in labels.iter().zip(&counts.labels) {
        line(label, &count(counted.support()), shares(*counted))?;
    }
    line("mean (macro)", "", means(counts))?;
    line("all (micro)", "", shares(counts.total()))?;
    writeln!(out, "\nexact match: {} of the texts", percent(counts.exact_match()))
}

/// The same as fields of a JSON object.
pub(super) fn fields(labels: &[String], counts: &LabelCounts) -> Vec<(&'static str, Value)> {
    let json =
        |[precision, recall, f1]: [f64; 3]| json!({"precision": precision, "recall": recall, "f1": f1});
    let each = labels.iter().zip(&counts.labels).map(|(label, counted)| {
        let mut all = json(shares(*counted));
        (all["label"], all["support"]) = (json!(label), json!(counted.support()));
        all
    });
    vec![
        ("labels", each.collect()),
        ("macro", json(means(counts))),
        ("micro", json(shares(counts.total()))),
        ("exact_match", json!(counts.exact_match())),
    ]
}

fn shares(count: LabelCount) -> [f64; 3] {
    [count.precision(), count.recall(), count.f1()]
}

fn means(counts: &LabelCounts) -> [f64; 3] {
    [LabelCount::precision, LabelCount::recall, LabelCount::f1].map(|of| counts.macro_average(of))
}
