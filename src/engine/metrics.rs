//! Metrics: how good a network is, by name.
//!
//! A new metric: its arithmetic in a file here, its name in [`Task::metrics`] (and in [`higher_is_better`] if more is better), its value in
//! [`Details::set_metrics`] or in `infer`'s evaluator. From there it is in every epoch's event, in `metrics.jsonl`, in the monitors of presets
//! and in the summaries of repeated trainings.

mod chunks;
mod confusion;
mod deviation;
mod evaluation;
mod forecast;
mod half_life;
mod labels;
mod language;
mod paired;
mod task;
mod values;

pub use chunks::{ChunkCounts, ChunkScheme};
pub use confusion::Confusion;
pub use deviation::{mean_and_deviation, mean_interval};
pub use evaluation::{Details, EvaluationResult};
pub use forecast::{Baseline, ForecastErrors};
pub use half_life::half_life;
pub use labels::{LabelCount, LabelCounts, is_predicted, macro_average};
pub use language::{bits_per_token, perplexity};
pub use paired::{CONFIDENCE, Paired, holm, paired_t};
pub use task::{Task, higher_is_better};
pub use values::Metrics;

/// What the names of metrics of the validation data begin with.
pub const VALIDATION: &str = "val_";

/// `part / whole`, 0 of nothing.
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
