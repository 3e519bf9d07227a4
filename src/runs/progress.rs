use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::durable;
use crate::metrics::{Metrics, higher_is_better};

/// Kinds of lines that are neither events of interest nor metrics of an evaluation.
const FREQUENT: [&[u8]; 2] = [b"{\"kind\":\"step\"", b"{\"kind\":\"sample\""];

/// What `metrics.jsonl` says of a run as a whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Progress {
    /// The last step.
    pub steps: u64,
    /// Epochs that have ended.
    pub epochs: usize,
    /// Seconds of all epochs.
    pub seconds: f64,
    /// The metric by which the best is chosen.
    pub monitor: String,
    pub higher_is_better: bool,
    /// The evaluation that was best by the monitored metric.
    pub best: Option<Evaluation>,
    /// The last epoch's metrics.
    pub last: Metrics,
    /// Whether the last line is not whole, and so left out.
    pub is_torn: bool,
    /// Lines of other kinds: commands, alerts, gaps.
    pub recorded: Vec<Recorded>,
}

/// The metrics of an epoch or a validation.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Evaluation {
    pub value: f64,
    pub step: u64,
    pub epoch: usize,
    pub metrics: Metrics,
}

/// A line of `metrics.jsonl` that is no measurement: a command, an alert, a gap.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// `command`, `gap`, …
    pub kind: String,
    /// The number of updates before it.
    pub step: u64,
    /// Its other keys.
    pub fields: Map<String, Value>,
}

/// What every line begins with.
#[derive(Deserialize)]
struct Head {
    kind: String,
    #[serde(default)]
    step: u64,
}

/// The line of an epoch or a validation; its metrics are in the order of the file.
#[derive(Deserialize)]
pub(super) struct EvaluationLine {
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    pub step: u64,
    pub epoch: usize,
    pub seconds: f64,
    #[serde(flatten)]
    pub metrics: Metrics,
}

/// Which metric is monitored, and whether more of it is better; unset ones follow from the preset's defaults.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Monitored<'a> {
    pub metric: Option<&'a str>,
    pub higher_is_better: Option<bool>,
}

impl Progress {
    /// Reads the file at `path` up to its last whole line. Lines that cannot be read are left out.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(path: &Path, monitored: Monitored<'_>) -> io::Result<Self> {
        let file = durable::open_regular(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let mut input = BufReader::with_capacity(256 * 1024, file);
        let monitor = monitored.metric.unwrap_or_default().to_owned();
        let mut progress = Self { monitor, ..Self::default() };
        // The last line of a step, whose number is looked at only once.
        let (mut line, mut last) = (Vec::new(), Vec::new());
        loop {
            line.clear();
            let is_end = input.read_until(b'\n', &mut line)? == 0;
            if is_end || line.last() != Some(&b'\n') {
                progress.is_torn = !is_end;
                break;
            }
            if line.starts_with(FREQUENT[0]) {
                std::mem::swap(&mut line, &mut last);
            } else if !line.starts_with(FREQUENT[1])
                && let Ok(Head { kind, step }) = serde_json::from_slice(&line)
            {
                progress.take(kind, step, &line, monitored);
            }
        }
        if let Ok(Head { step, .. }) = serde_json::from_slice(&last) {
            progress.steps = progress.steps.max(step);
        }
        if progress.monitor.is_empty() {
            // Before the first evaluation.
            progress.monitor = "val_loss".to_owned();
        }
        progress.higher_is_better =
            monitored.higher_is_better.unwrap_or_else(|| higher_is_better(&progress.monitor));
        Ok(progress)
    }

    fn take(&mut self, kind: String, step: u64, line: &[u8], monitored: Monitored<'_>) {
        self.steps = self.steps.max(step);
        if kind != "epoch" && kind != "validation" {
            if let Ok(mut fields) = serde_json::from_slice::<Map<String, Value>>(line) {
                fields.retain(|key, _| key != "kind" && key != "step");
                self.recorded.push(Recorded { kind, step, fields });
            }
            return;
        }
        let Ok(EvaluationLine { step, epoch, seconds, metrics, .. }) = serde_json::from_slice(line) else {
            return;
        };
        if self.monitor.is_empty() {
            let has_validation = metrics.get("val_loss").is_some();
            self.monitor = if has_validation { "val_loss" } else { "loss" }.to_owned();
        }
        let higher = monitored.higher_is_better.unwrap_or_else(|| higher_is_better(&self.monitor));
        let value = metrics.get(&self.monitor).filter(|value| !value.is_nan());
        let is_better =
            |best: &Evaluation, value| if higher { value > best.value } else { value < best.value };
        if let Some(value) = value
            && self.best.as_ref().is_none_or(|best| is_better(best, value))
        {
            self.best = Some(Evaluation { value, step, epoch, metrics: metrics.clone() });
        }
        if kind == "epoch" {
            self.epochs = self.epochs.max(epoch);
            self.seconds += seconds;
            self.last = metrics;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, monitored: Monitored<'_>) -> Progress {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        std::fs::write(&path, text).unwrap();
        Progress::read(&path, monitored).unwrap()
    }

    const STORY: &str = concat!(
        "{\"kind\":\"step\",\"step\":1,\"epoch\":1,\"loss\":0.7}\n",
        "{\"kind\":\"epoch\",\"step\":8,\"epoch\":1,\"seconds\":2.0,\"loss\":0.6,\"val_loss\":0.5,\"val_accuracy\":0.7}\n",
        "{\"kind\":\"command\",\"step\":9,\"epoch\":2,\"command\":\"scale_learning_rate\",\"factor\":0.5}\n",
        "{\"kind\":\"validation\",\"step\":12,\"epoch\":2,\"seconds\":1.0,\"val_loss\":0.3,\"val_accuracy\":0.6}\n",
        "no json\n",
        "{\"kind\":\"epoch\",\"step\":16,\"epoch\":2,\"seconds\":3.0,\"loss\":0.4,\"val_loss\":null,\"val_accuracy\":0.9}\n",
        "{\"kind\":\"step\",\"step\":17,\"epoch\":3,\"loss\":0.3}\n",
        "{\"kind\":\"epoch\",\"step\":24,\"epoch\":3,\"seco",
    );

    #[test]
    fn best_and_last_are_those_of_whole_lines() {
        let progress = read(STORY, Monitored::default());
        assert_eq!((progress.steps, progress.epochs, progress.seconds), (17, 2, 5.0));
        let best = progress.best.unwrap();
        assert_eq!((progress.monitor.as_str(), best.value, best.step, best.epoch), ("val_loss", 0.3, 12, 2));
        assert_eq!(best.metrics.get("val_accuracy"), Some(0.6));
        assert_eq!(progress.last.get("val_accuracy"), Some(0.9));
        assert_eq!((progress.recorded.len(), progress.recorded[0].kind.as_str()), (1, "command"));
        assert_eq!(progress.recorded[0].fields["factor"], 0.5);
    }

    #[test]
    fn the_monitored_metric_is_that_of_the_preset_or_the_loss() {
        let monitored = Monitored { metric: Some("val_accuracy"), higher_is_better: None };
        let progress = read(STORY, monitored);
        assert_eq!((progress.best.unwrap().value, progress.higher_is_better), (0.9, true));
        let monitored = Monitored { metric: Some("val_accuracy"), higher_is_better: Some(false) };
        assert_eq!(read(STORY, monitored).best.unwrap().value, 0.6);
        let line = "{\"kind\":\"epoch\",\"step\":8,\"epoch\":1,\"seconds\":2.0,\"loss\":0.6}\n";
        assert_eq!(read(line, Monitored::default()).monitor, "loss");
        assert_eq!(read("", Monitored::default()).monitor, "val_loss");
    }
}
