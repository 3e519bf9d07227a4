use std::path::Path;

use super::TensorBoardError;
use super::event_file::{EventFile, Written};
use super::picture::Picture;
use super::summary::{self, HyperparameterValue};
use crate::interop::protobuf::Message;
use crate::protocol::{
    Activations, Direction, EpochMetrics, Event, GradientProfile, Instruments, ProbeFrame, RunInfo,
    RunStatus, Sample, StepMetrics, ValidationMetrics, WeightDistribution, WeightDistributions,
};

/// A setting of a run, as the plugin of hyperparameters shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hyperparameter {
    /// Its path: `train.optimizer.learning_rate`.
    pub name: String,
    /// Its value, as it is written in a preset.
    pub value: String,
}

/// Writes the events of a run as event files, in `train` and `validation` of a folder.
#[derive(Debug)]
pub struct Exporter {
    train: EventFile,
    validation: EventFile,
    /// Seconds from 1970 to the start of the run.
    started: f64,
    /// Seconds of training so far.
    seconds: f64,
    /// The latest step that was read.
    step: u64,
    /// What earlier files have, which is not written again.
    before: Option<Written>,
    info: Option<Box<RunInfo>>,
}

impl Exporter {
    /// Creates the files of a run that started `started` seconds after 1970.
    ///
    /// With `before`, the folder has files of an earlier part of the training, up to that step and epoch at least: only later events are
    /// written, and what those files have of later steps is void.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn create(folder: &Path, started: f64, before: Option<Written>) -> Result<Self, TensorBoardError> {
        let mut exporter = Self {
            train: EventFile::create(&folder.join("train"), started)?,
            validation: EventFile::create(&folder.join("validation"), started)?,
            started,
            seconds: 0.0,
            step: 0,
            before,
            info: None,
        };
        if let Some(Written { step, .. }) = before {
            exporter.train.restart(started, step + 1)?;
            exporter.validation.restart(started, step + 1)?;
        }
        Ok(exporter)
    }

    /// Writes the settings of the run, in the session `group`, the name of the run.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn hyperparameters(
        &mut self,
        group: &str,
        settings: &[Hyperparameter],
    ) -> Result<(), TensorBoardError> {
        let values = settings.iter().map(|setting| {
            let number = setting.value.parse().ok().map(HyperparameterValue::Number);
            (setting.name.as_str(), number.unwrap_or(HyperparameterValue::Text(&setting.value)))
        });
        let start = summary::session_start(group, self.started, values);
        self.train.summary(self.started, 0, &[start])
    }

    /// Writes what `event` has for TensorBoard.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn event(&mut self, event: &Event) -> Result<(), TensorBoardError> {
        match event {
            Event::Prepared(info) => self.info = Some(info.clone()),
            Event::Step(step) => self.write_step(step)?,
            Event::Validation(metrics) => self.write_validation(metrics)?,
            Event::Epoch(metrics) => self.write_epoch(metrics)?,
            Event::Gradient(profile) => self.write_gradient(profile)?,
            Event::Instruments(instruments) => self.write_instruments(instruments)?,
            Event::Weights(weights) => self.write_weights(weights)?,
            Event::Probe(frame) => self.write_probe(frame)?,
            Event::Sample(sample) => self.write_sample(sample)?,
            Event::Undone(undone) if self.is_new(undone.from) => {
                self.step = undone.step;
                let now = self.now();
                self.train.restart(now, undone.step + 1)?;
                self.validation.restart(now, undone.step + 1)?;
            }
            Event::Status(status) if status.is_over() => {
                let succeeded = matches!(status, RunStatus::Finished | RunStatus::Stopped { .. });
                let end = summary::session_end(succeeded, self.now());
                self.train.summary(self.now(), self.step, &[end])?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Removes the files, which are incomplete.
    pub fn discard(self) {
        self.train.discard();
        self.validation.discard();
    }

    /// Makes what was written visible to TensorBoard.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn flush(&mut self) -> Result<(), TensorBoardError> {
        self.train.flush()?;
        self.validation.flush()
    }

    /// Seconds since 1970, pauses left out.
    fn now(&self) -> f64 {
        self.started + self.seconds
    }

    /// Whether an event of `step` is to be written.
    fn is_new(&self, step: u64) -> bool {
        self.before.is_none_or(|before| step > before.step)
    }

    fn write_train(&mut self, step: u64, values: &[Message]) -> Result<(), TensorBoardError> {
        if !self.is_new(self.step.max(step)) || values.is_empty() {
            return Ok(());
        }
        self.train.summary(self.now(), step, values)
    }

    fn write_step(&mut self, metrics: &StepMetrics) -> Result<(), TensorBoardError> {
        (self.step, self.seconds) = (metrics.step, metrics.seconds);
        let mut values = vec![summary::scalar("batch_loss", metrics.loss)];
        values.extend(metrics.accuracy.map(|accuracy| summary::scalar("batch_accuracy", accuracy)));
        values.push(summary::scalar("learning_rate", metrics.learning_rate));
        values.push(summary::scalar("gradient_norm", metrics.grad_norm));
        values.push(summary::scalar("sequences_per_second", metrics.sequences_per_s));
        self.write_train(metrics.step, &values)
    }

    fn write_validation(&mut self, metrics: &ValidationMetrics) -> Result<(), TensorBoardError> {
        let values = metrics.metrics.iter().filter_map(|(name, value)| {
            let name = name.strip_prefix("val_")?;
            Some(summary::scalar(&format!("evaluation_{name}_vs_iterations"), value))
        });
        let values: Vec<Message> = values.collect();
        match self.is_new(metrics.step) {
            true => self.validation.summary(self.now(), metrics.step, &values),
            false => Ok(()),
        }
    }

    fn write_epoch(&mut self, metrics: &EpochMetrics) -> Result<(), TensorBoardError> {
        // Keras counts from 0.
        let epoch = metrics.epoch.saturating_sub(1) as u64;
        if self.before.is_some_and(|before| epoch < before.epochs) {
            return Ok(());
        }
        let (mut train, mut validation, mut by_step) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in metrics.metrics.iter() {
            match name.strip_prefix("val_") {
                Some(name) => {
                    validation.push(summary::scalar(&format!("epoch_{name}"), value));
                    by_step.push(summary::scalar(&format!("evaluation_{name}_vs_iterations"), value));
                }
                None => train.push(summary::scalar(&format!("epoch_{name}"), value)),
            }
        }
        let now = self.now();
        self.train.summary(now, epoch, &train)?;
        if !validation.is_empty() {
            self.validation.summary(now, epoch, &validation)?;
            self.validation.summary(now, metrics.step, &by_step)?;
        }
        Ok(())
    }

    /// Norms by time step as a histogram, a bin a step: its course over training is the waterfall.
    fn write_gradient(&mut self, profile: &GradientProfile) -> Result<(), TensorBoardError> {
        let layer = self.layer(profile.layer, profile.direction);
        let by_time = |norms: &[f32]| {
            let bins: Vec<[f64; 3]> = norms
                .iter()
                .enumerate()
                .map(|(t, norm)| [t as f64, t as f64 + 1.0, f64::from(*norm)])
                .collect();
            bins.into_iter()
        };
        let mut values =
            vec![summary::histogram(&format!("dL_dh_by_time_step/{layer}"), by_time(&profile.hnorm))];
        if !profile.cnorm.is_empty() {
            values.push(summary::histogram(&format!("dL_dc_by_time_step/{layer}"), by_time(&profile.cnorm)));
        }
        if let Some(half_life) = profile.half_life {
            values.push(summary::scalar(&format!("gradient_half_life/{layer}"), f64::from(half_life)));
        }
        self.write_train(profile.step, &values)
    }

    fn write_instruments(&mut self, instruments: &Instruments) -> Result<(), TensorBoardError> {
        let mut values = Vec::new();
        for norms in &instruments.params {
            let name = &norms.name;
            values.push(summary::scalar(&format!("weight_norm/{name}"), norms.weight));
            values.push(summary::scalar(&format!("gradient_norm/{name}"), norms.gradient));
            if norms.weight > 0.0 {
                values.push(summary::scalar(&format!("update_ratio/{name}"), norms.update / norms.weight));
            }
        }
        for health in &instruments.layers {
            let layer = self.layer(health.layer, health.direction);
            for quantity in &health.quantities {
                let at = format!("{layer}/{}", quantity.quantity);
                let saturated = f64::from(quantity.left + quantity.right);
                values.push(summary::scalar(&format!("saturated/{at}"), saturated));
                values.push(summary::scalar(&format!("dead/{at}"), f64::from(quantity.dead)));
                if let Some(radius) = quantity.spectral_radius {
                    values.push(summary::scalar(&format!("spectral_radius/{at}"), f64::from(radius)));
                }
            }
        }
        self.write_train(instruments.step, &values)
    }

    fn write_weights(&mut self, weights: &WeightDistributions) -> Result<(), TensorBoardError> {
        let bins = |tensor: &WeightDistribution| {
            let edge = |bin| f64::from(tensor.edge(bin));
            let counts = tensor.bins.iter().enumerate();
            let bins: Vec<[f64; 3]> =
                counts.map(|(bin, count)| [edge(bin), edge(bin + 1), *count as f64]).collect();
            bins.into_iter()
        };
        let values = weights.tensors.iter().filter(|tensor| !tensor.bins.is_empty());
        let values: Vec<Message> = values
            .map(|tensor| summary::histogram(&format!("weights/{}", tensor.name), bins(tensor)))
            .collect();
        self.write_train(weights.step, &values)
    }

    /// Hidden states, gates and convolutions as pictures: a row a token, a column a unit.
    fn write_probe(&mut self, frame: &ProbeFrame) -> Result<(), TensorBoardError> {
        let mut values = Vec::new();
        for Activations { layer, direction, quantity, units, values: numbers, .. } in &frame.activations {
            let largest = numbers.iter().filter(|x| x.is_finite()).fold(0.0_f32, |max, x| max.max(x.abs()));
            if numbers.is_empty() || *units == 0 {
                continue;
            }
            let picture = Picture::diverging(numbers, *units, if largest > 0.0 { largest } else { 1.0 })?;
            let layer = self.layer(*layer, *direction);
            values.push(summary::image(&format!("states/{}/{layer}/{quantity}", frame.probe + 1), &picture));
        }
        self.write_train(frame.step, &values)
    }

    fn write_sample(&mut self, sample: &Sample) -> Result<(), TensorBoardError> {
        // Indented: a block of code, in which Markdown means nothing.
        let text = format!("{}{}", sample.prime, sample.text);
        let text: String = text.lines().map(|line| format!("    {line}\n")).collect();
        self.write_train(sample.step, &[summary::text("sample", &text)])
    }

    /// `1_simple_rnn` or `2_bidirectional_forward`.
    fn layer(&self, layer: usize, direction: Option<Direction>) -> String {
        let row = self.info.as_ref().and_then(|info| info.model.layers.get(layer));
        let class = row.map_or(String::new(), |row| format!("_{}", snake_case(&row.class)));
        let direction = match direction {
            None => "",
            Some(Direction::Forward) => "_forward",
            Some(Direction::Backward) => "_backward",
        };
        format!("{layer}{class}{direction}")
    }
}

/// `simple_rnn` of `SimpleRNN`, as Keras names layers.
fn snake_case(class: &str) -> String {
    let mut name = String::new();
    let mut before_is_lower = false;
    for c in class.chars() {
        if before_is_lower && c.is_uppercase() {
            name.push('_');
        }
        before_is_lower = c.is_lowercase();
        name.extend(c.to_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_named_as_in_keras() {
        let names = ["SimpleRNN", "LSTM", "Conv1D", "Bidirectional"].map(snake_case);
        assert_eq!(names, ["simple_rnn", "lstm", "conv1d", "bidirectional"]);
    }
}
