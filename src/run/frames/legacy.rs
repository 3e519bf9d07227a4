//! Events as earlier versions recorded them: the metrics of an epoch in two frames, and a run without its task.

use serde::Deserialize;
use serde_json::Value;

use super::bytes::PayloadReader;
use crate::metrics::{Confusion, Metrics, Task};
use crate::protocol::{AppliedCommand, Command, EpochMetrics, RunInfo, ValidationMetrics};

/// The frame that came before an epoch's, with its further metrics.
#[derive(Debug, Deserialize)]
pub(in crate::run) struct OldEvaluation {
    metrics: Vec<OldMetric>,
    confusion: Option<Confusion>,
}

#[derive(Debug, Deserialize)]
struct OldMetric {
    name: String,
    value: f64,
}

impl OldEvaluation {
    pub fn decode(payload: &[u8]) -> Option<Self> {
        serde_json::from_slice(payload).ok()
    }

    /// Adds these metrics to those of the epoch that they belong to.
    pub fn add_to(self, epoch: &mut EpochMetrics) {
        self.metrics.into_iter().for_each(|metric| epoch.metrics.set(metric.name, metric.value));
        epoch.confusion = self.confusion;
    }
}

#[derive(Debug, Deserialize)]
struct OldLearningRate {
    step: u64,
    epoch: usize,
    factor: f64,
    learning_rate: f64,
}

/// A change of the learning rate, whose sender was not recorded.
pub(super) fn learning_rate(payload: &[u8]) -> Option<AppliedCommand> {
    let OldLearningRate { step, epoch, factor, learning_rate } = serde_json::from_slice(payload).ok()?;
    let request = Command::ScaleLearningRate { factor }.by("");
    Some(AppliedCommand { step, epoch, request, learning_rate })
}

pub(super) fn take_epoch(take: &mut PayloadReader<'_>, step: u64) -> Option<EpochMetrics> {
    let epoch = take.count()?;
    let [accuracy, val_loss, val_accuracy] = take.optional()?;
    let loss = Some(take.f64()?);
    let all =
        [("loss", loss), ("accuracy", accuracy), ("val_loss", val_loss), ("val_accuracy", val_accuracy)];
    Some(EpochMetrics { epoch, step, metrics: known(all), confusion: None, seconds: take.f64()? })
}

pub(super) fn take_validation(take: &mut PayloadReader<'_>, step: u64) -> Option<ValidationMetrics> {
    let epoch = take.count()?;
    let [accuracy] = take.optional()?;
    let metrics = known([("val_loss", Some(take.f64()?)), ("val_accuracy", accuracy)]);
    Some(ValidationMetrics { step, epoch, metrics, seconds: take.f64()? })
}

fn known<const N: usize>(all: [(&str, Option<f64>); N]) -> Metrics {
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// What holds for the run; its task follows from loss and output where it is not recorded.
pub(super) fn prepared(payload: &[u8]) -> Option<Box<RunInfo>> {
    let mut info: Value = serde_json::from_slice(payload).ok()?;
    if info.get("task").is_none() {
        let layers = info.pointer("/model/layers").and_then(Value::as_array);
        let output =
            layers.and_then(|layers| layers.last()).and_then(|layer| layer.get("output")?.as_array());
        let width = output.and_then(|shape| shape.last()).and_then(Value::as_u64);
        let vocabulary = info.pointer("/data/vocabulary").and_then(Value::as_u64);
        let source = info.pointer("/data/source").and_then(Value::as_str);
        let is_generated = source.is_some_and(|source| source.starts_with("generated:"));
        let is_sequence = output.is_some_and(|shape| shape.len() > 2);
        let task = match info.get("loss").and_then(Value::as_str) {
            Some("binary_crossentropy") if width.is_some_and(|width| width > 1) => Task::Labels,
            Some("binary_crossentropy") => Task::Binary,
            // The classes of a language model are its vocabulary.
            Some("sparse_categorical_crossentropy") if is_sequence && width == vocabulary => Task::Language,
            Some("sparse_categorical_crossentropy") if is_sequence => Task::Tags,
            Some("sparse_categorical_crossentropy") => Task::Classes,
            _ if is_generated => Task::Regression,
            _ => Task::Forecast,
        };
        info.as_object_mut()?.insert("task".into(), serde_json::to_value(task).ok()?);
    }
    serde_json::from_value(info).ok()
}

#[cfg(test)]
mod tests {
    use super::super::bytes::{put_f64, put_uint};
    use super::*;

    #[test]
    fn an_epoch_of_an_earlier_version_has_all_its_metrics() {
        let mut payload = Vec::new();
        put_uint(&mut payload, 3);
        payload.push(0b011);
        [0.75, 0.5, 0.25, 9.0].iter().for_each(|x| put_f64(&mut payload, *x));
        let mut epoch = take_epoch(&mut PayloadReader(&payload), 12).unwrap();
        let before = br#"{"epoch":3,"step":12,"metrics":[{"name":"val_f1","value":0.5}],"confusion":null}"#;
        OldEvaluation::decode(before).unwrap().add_to(&mut epoch);
        let all = [("loss", 0.25), ("accuracy", 0.75), ("val_loss", 0.5), ("val_f1", 0.5)];
        let expected =
            EpochMetrics { epoch: 3, step: 12, metrics: all.into(), confusion: None, seconds: 9.0 };
        assert_eq!(epoch, expected);
    }

    #[test]
    fn the_task_of_an_earlier_version_follows_from_loss_output_and_source() {
        let task = |loss: &str, output: &[u64], vocabulary: u64, source: &str| {
            let layer = crate::protocol::LayerRow {
                output: output.iter().map(|n| Some(*n as usize)).collect(),
                ..crate::protocol::LayerRow::default()
            };
            let model = crate::protocol::ModelTable { layers: vec![layer] };
            let mut data = serde_json::to_value(crate::protocol::DataFacts::default()).unwrap();
            (data["vocabulary"], data["source"]) = (vocabulary.into(), source.into());
            let info = serde_json::json!({
                "name": "a", "title": "", "about": "", "folder": "runs/a", "model": model, "data": data, "probes": [], "epochs": 1,
                "steps_per_epoch": 1, "batch_size": 8, "watch_every": 1, "loss": loss, "optimizer": "SGD", "seed": 1, "threads": 1,
            });
            prepared(&serde_json::to_vec(&info).unwrap()).unwrap().task
        };
        let classes = "sparse_categorical_crossentropy";
        assert_eq!(task(classes, &[8, 20, 65], 65, "text.txt"), Task::Language);
        assert_eq!(task(classes, &[8, 20, 17], 5000, "tags.conllu"), Task::Tags);
        assert_eq!(task(classes, &[8, 17], 5000, "texts.csv"), Task::Classes);
        assert_eq!(task("mean_squared_error", &[8, 1], 0, "series.csv"), Task::Forecast);
        assert_eq!(task("mean_squared_error", &[8, 1], 0, "generated: sine-forecast"), Task::Regression);
        assert_eq!(task("binary_crossentropy", &[8, 4], 50, "texts.csv"), Task::Labels);
    }
}
