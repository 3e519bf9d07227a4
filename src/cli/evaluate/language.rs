//! The evaluation of a language model.

use std::fmt::{Error, Write};

use serde_json::{Value, json};

use crate::escape::foreign;
use crate::infer::TextEvaluation;
use crate::number::{count, metric, percent};

/// The evaluation as text.
pub(super) fn as_text(evaluation: &TextEvaluation) -> Result<String, Error> {
    let mut out = String::new();
    let value = |name| metric(evaluation.result.metrics.get(name).unwrap_or(f64::NAN));
    let accuracy = evaluation.result.metrics.get("accuracy").unwrap_or(f64::NAN);
    writeln!(out, "data  {}: {} tokens", foreign(&evaluation.source), count(evaluation.result.count))?;
    if evaluation.unread > 0 {
        writeln!(
            out,
            "      {} tokens at the ends of streams fill no window and are not evaluated",
            count(evaluation.unread as u64)
        )?;
    }
    if evaluation.streams > 1 {
        writeln!(
            out,
            "      in {} streams, each of which begins without what is before it",
            count(evaluation.streams as u64)
        )?;
    }
    if evaluation.unknown > 0.0 {
        writeln!(out, "      {} of the tokens are not in the vocabulary", percent(evaluation.unknown))?;
    }
    writeln!(out, "loss {} per token  accuracy {}", value("loss"), percent(accuracy))?;
    writeln!(
        out,
        "perplexity {}  bits per token {}  bits per character {}",
        value("perplexity"),
        value("bits_per_token"),
        value("bits_per_character")
    )?;
    Ok(out)
}

/// The evaluation as a JSON object; `step` is the number of updates of the weights.
pub(super) fn as_json(evaluation: &TextEvaluation, step: u64) -> Value {
    let mut object = json!({
        "step": step,
        "data": evaluation.source,
        "n_samples": evaluation.result.count,
        "n_unread": evaluation.unread,
        "unknown": evaluation.unknown,
    });
    evaluation.result.metrics.iter().for_each(|(name, value)| object[name] = json!(value));
    object
}
