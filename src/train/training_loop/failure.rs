//! What a training that diverges leaves to look into: `divergence.json`.

use super::TrainingLoop;
use crate::data::{Batch, Batches, Inputs, Targets, Vocabularies, Vocabulary};
use crate::error::chain;
use crate::protocol::{Alert, AlertKind, Event, Level, NonFinite};
use crate::run::{DivergenceReport, FailedBatch, Numbers};
use crate::step::DivergedError;

/// The maximum number of inputs of a whole batch that are written; of a larger one only those of one row are.
const MOST_INPUTS: usize = 1_000_000;

/// A step that failed.
#[derive(Debug)]
pub(in crate::train) struct Failure {
    step: u64,
    non_finite: Option<NonFinite>,
    batch: FailedBatch,
}

impl TrainingLoop<'_> {
    /// Remembers what was in the batch whose update was not made.
    pub(super) fn step_failed(&mut self, error: &DivergedError, batch: &Batch, learning_rate: f64) {
        let non_finite = error.non_finite.as_deref().cloned();
        let row = non_finite.as_ref().and_then(|first| first.row);
        let (loss, grad_norm) = error.measured;
        let finite = |x: f64| Some(x).filter(|x| x.is_finite());
        let sequences = match &mut self.session.train {
            Batches::InMemory { sampler, .. } => {
                Some(sampler.batch(self.state.epoch as u64, self.state.batch).to_vec())
            }
            Batches::Streamed(_) => None,
        };
        let rows = (size(&batch.inputs) > MOST_INPUTS).then(|| vec![row.unwrap_or(0)]);
        let all: Vec<usize> = (0..batch.len()).collect();
        let written = rows.as_ref().unwrap_or(&all);
        let vocabulary = self.session.vocabularies.as_ref().map(Vocabularies::first);
        let batch = FailedBatch {
            number: self.state.batch + 1,
            learning_rate,
            loss: finite(loss),
            grad_norm: finite(grad_norm),
            sequences,
            tokens: row.and_then(|row| tokens(&batch.inputs, row, vocabulary?)),
            inputs: Some(inputs(&batch.inputs, written)),
            targets: Some(targets(&batch.targets, written)),
            rows,
        };
        self.failure = Some(Box::new(Failure { step: self.state.step + 1, non_finite, batch }));
    }

    /// Writes why training has diverged, and marks the step.
    pub(super) fn report_divergence(&mut self, reason: &str, checkpoint: Option<u64>) {
        let failure = self.failure.take();
        let step = failure.as_ref().map_or(self.state.step, |failure| failure.step);
        let epoch = self.state.epoch.min(self.session.spec.train.epochs);
        let weights =
            || self.session.stepper.check().err().and_then(|error| error.non_finite).map(|first| *first);
        let (non_finite, batch) = match failure {
            Some(failure) => (failure.non_finite, Some(failure.batch)),
            None => (weights(), None),
        };
        let recent_steps = self.divergence.recent().collect();
        let reason = reason.to_owned();
        let report = DivergenceReport { reason, step, epoch, checkpoint, non_finite, batch, recent_steps };
        if let Err(error) = report.write(&self.folder) {
            self.publisher.log(Level::Warning, chain(&error));
        }
        // Of the last step that was made: the one that failed does not count.
        let (step, kind) = (self.state.step, AlertKind::Divergence);
        self.publisher.publish(Event::Alert(Alert { step, epoch, kind, text: report.reason }));
    }
}

/// The number of inputs.
fn size(inputs: &Inputs) -> usize {
    match inputs {
        Inputs::Tokens(ids) => ids.len(),
        Inputs::Channels(ids) => ids.len(),
        Inputs::Real(numbers) => numbers.len(),
    }
}

/// The tokens of a row without padding.
fn tokens(inputs: &Inputs, row: usize, vocabulary: &Vocabulary) -> Option<Vec<String>> {
    let ids = inputs.tokens()?;
    let ids = ids.outer_iter().nth(row)?;
    let real = ids.iter().filter(|id| **id != Vocabulary::PADDING);
    Some(real.map(|id| vocabulary.word(*id).to_owned()).collect())
}

fn finite(x: &f32) -> Option<f32> {
    Some(*x).filter(|x| x.is_finite())
}

fn inputs(inputs: &Inputs, rows: &[usize]) -> Numbers {
    let rows = rows.iter().copied();
    match inputs {
        Inputs::Tokens(all) => {
            Numbers::Ids(rows.filter_map(|row| Some(all.outer_iter().nth(row)?.to_vec())).collect())
        }
        Inputs::Channels(all) => {
            let channels =
                |row| Some(all.outer_iter().nth(row)?.outer_iter().map(|ids| ids.to_vec()).collect());
            Numbers::Channels(rows.filter_map(channels).collect())
        }
        Inputs::Real(all) => {
            let steps = |row| {
                let steps = all.outer_iter().nth(row)?;
                Some(steps.outer_iter().map(|step| step.iter().map(finite).collect()).collect())
            };
            Numbers::Sequences(rows.filter_map(steps).collect())
        }
    }
}

fn targets(targets: &Targets, rows: &[usize]) -> Numbers {
    let rows = rows.iter().copied();
    match targets {
        Targets::Classes(all) => Numbers::Classes(rows.filter_map(|row| all.get(row).copied()).collect()),
        Targets::Steps(all) => {
            Numbers::Ids(rows.filter_map(|row| Some(all.outer_iter().nth(row)?.to_vec())).collect())
        }
        Targets::Real(all) | Targets::Labels(all) => {
            let numbers = |row| Some(all.outer_iter().nth(row)?.iter().map(finite).collect());
            Numbers::Vectors(rows.filter_map(numbers).collect())
        }
    }
}
