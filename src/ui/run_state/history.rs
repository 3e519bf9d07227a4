//! What a run has shown so far: samples, confusion matrices and examples of validations, each of the step at which it was made.

use std::sync::Arc;

use crate::metrics::Confusion;
use crate::protocol::{
    EmbeddingNeighbours, EpochMetrics, LayerUnit, Sample, UnitResponse, ValidationExamples,
};

/// Entries of each kind in memory; beyond, every second of the earlier ones is dropped.
const MOST: usize = 512;

/// The history of a run. A copy is cheap: replays have many.
#[derive(Debug, Clone, Default)]
pub struct History {
    samples: Vec<(u64, Arc<Sample>)>,
    confusions: Vec<(u64, Arc<EpochConfusion>)>,
    examples: Vec<(u64, Arc<ValidationExamples>)>,
    responses: Vec<(u64, Arc<UnitResponse>)>,
    neighbours: Vec<(u64, Arc<EmbeddingNeighbours>)>,
}

/// The confusion matrix after an epoch.
#[derive(Debug, PartialEq)]
pub struct EpochConfusion {
    /// The number of updates before the validation.
    pub step: u64,
    /// From 1.
    pub epoch: usize,
    /// The matrix.
    pub matrix: Confusion,
}

impl History {
    pub(super) fn sampled(&mut self, sample: &Sample) {
        push(&mut self.samples, sample.step, sample.clone());
    }

    pub(super) fn epoch(&mut self, metrics: &EpochMetrics) {
        if let Some(matrix) = &metrics.confusion {
            let (step, epoch) = (metrics.step, metrics.epoch);
            let confusion = EpochConfusion { step, epoch, matrix: matrix.clone() };
            push(&mut self.confusions, metrics.step, confusion);
        }
    }

    pub(super) fn validated(&mut self, examples: &ValidationExamples) {
        push(&mut self.examples, examples.step, examples.clone());
    }

    pub(super) fn responded(&mut self, response: &UnitResponse) {
        push(&mut self.responses, response.step, response.clone());
    }

    pub(super) fn found_neighbours(&mut self, near: &EmbeddingNeighbours) {
        push(&mut self.neighbours, near.step, near.clone());
    }

    /// The latest response of `unit` up to `step`, if one is given.
    pub fn response(&self, unit: &LayerUnit, step: Option<u64>) -> Option<&UnitResponse> {
        let until = self.responses.iter().filter(|(at, _)| step.is_none_or(|step| *at <= step));
        until.map(|(_, of)| &**of).rfind(|response| response.unit == *unit)
    }

    /// The neighbours of embeddings that were found, the earliest first, up to `step` if one is given.
    pub fn neighbours(&self, step: Option<u64>) -> impl DoubleEndedIterator<Item = &EmbeddingNeighbours> {
        self.neighbours.iter().filter(move |(at, _)| step.is_none_or(|step| *at <= step)).map(|(_, of)| &**of)
    }

    /// The samples, the earliest first, up to `step` if one is given.
    pub fn samples(&self, step: Option<u64>) -> impl DoubleEndedIterator<Item = &Sample> {
        self.samples.iter().filter(move |(at, _)| step.is_none_or(|step| *at <= step)).map(|(_, of)| &**of)
    }

    /// The confusion matrices of the validation data, the earliest first, up to `step` if one is given.
    pub fn confusions(&self, step: Option<u64>) -> impl DoubleEndedIterator<Item = &EpochConfusion> {
        self.confusions.iter().filter(move |(at, _)| step.is_none_or(|step| *at <= step)).map(|(_, of)| &**of)
    }

    /// The examples of all validations, the earliest first, up to `step` if one is given.
    pub fn examples(&self, step: Option<u64>) -> impl DoubleEndedIterator<Item = &ValidationExamples> {
        self.examples.iter().filter(move |(at, _)| step.is_none_or(|step| *at <= step)).map(|(_, of)| &**of)
    }

    /// The examples of the latest validation up to `step`, if one is given.
    pub fn latest_examples(&self, step: Option<u64>) -> Option<&ValidationExamples> {
        self.examples(step).next_back()
    }
}

fn push<T>(all: &mut Vec<(u64, Arc<T>)>, step: u64, entry: T) {
    if all.len() == MOST {
        // The first and the last stay.
        let mut place = 0;
        all.retain(|_| {
            place += 1;
            place % 2 == 1 || place == MOST
        });
    }
    all.push((step, Arc::new(entry)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_of_a_step_is_found_and_a_long_run_stays_small() {
        let mut history = History::default();
        let sample = |step| Sample { step, ..Sample::default() };
        (1..=3).for_each(|n| history.sampled(&sample(n * 10)));
        let steps = |step| history.samples(step).map(|sample| sample.step).collect::<Vec<_>>();
        assert_eq!((steps(None), steps(Some(25)), steps(Some(9))), (vec![10, 20, 30], vec![10, 20], vec![]));
        let mut history = History::default();
        (1..=10_000).for_each(|step| history.validated(&ValidationExamples { step, ..Default::default() }));
        assert!(history.examples.len() <= MOST);
        assert_eq!(history.examples(None).next().unwrap().step, 1);
        assert_eq!(history.latest_examples(None).unwrap().step, 10_000);
        assert!(history.latest_examples(Some(9000)).unwrap().step > 8000);
        assert!(history.latest_examples(Some(0)).is_none());
    }
}
