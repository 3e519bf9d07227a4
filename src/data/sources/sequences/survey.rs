//! What sequences stand somewhere, before a preset says what becomes of them.

use std::path::Path;

use super::{SequencesSpec, recordings, ts};
use crate::data::error::DataError;

/// What stands at a path, found by reading it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Sequences.
    pub sequences: usize,
    /// Numbers a step.
    pub features: usize,
    /// Time steps of the longest.
    pub longest: usize,
    /// Time steps of the shortest.
    pub shortest: usize,
    /// The labels in sorted order, each with its sequences.
    pub classes: Vec<(String, usize)>,
    /// Sequences of which the lengths are told: of very many recordings not all.
    pub looked: usize,
    /// What is wrong with those of them that are broken.
    pub broken: Vec<String>,
}

/// What sequences stand at `path`: a table, a `.ts` file, or a folder of classes with recordings (as spectra of 40 bands at 16 kHz, by the headers
/// of 2,000 of them at most).
///
/// # Errors
/// The first thing that is missing or wrong.
pub fn survey(path: &Path) -> Result<Survey, DataError> {
    let mut spec = SequencesSpec::at(path);
    if path.is_dir() {
        spec.features = 40;
        return recordings::survey(&spec, path);
    }
    spec.features = ts::dimensions(path)?.unwrap_or(1);
    let found = spec.read(path, &mut |_| {})?;
    let lengths = found.all.iter().map(|sequence| sequence.values.len() / spec.features);
    Ok(Survey {
        sequences: found.all.len(),
        features: spec.features,
        longest: lengths.clone().max().unwrap_or(0),
        shortest: lengths.min().unwrap_or(0),
        classes: found.classes().into_iter().map(|(label, count)| (label.to_owned(), count)).collect(),
        looked: found.all.len(),
        broken: Vec::new(),
    })
}
