//! Statistics of sequences, without a preset.

use std::path::Path;

use super::{SequencesSpec, recordings, ts};
use crate::data::error::DataError;

/// Statistics of the sequences of a file or folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SequenceStatistics {
    /// The number of sequences.
    pub sequences: usize,
    /// Numbers a step.
    pub features: usize,
    /// Time steps of the longest.
    pub longest: usize,
    /// Time steps of the shortest.
    pub shortest: usize,
    /// The labels in sorted order, each with its number of sequences.
    pub classes: Vec<(String, usize)>,
    /// The number of sequences whose lengths were measured, a sample of many recordings.
    pub measured: usize,
    /// The errors of invalid ones among them.
    pub broken: Vec<String>,
}

/// Computes the statistics of the sequences at `path`: a table, a `.ts` file, or a folder of classes with recordings (as spectra of 40
/// bands at 16 kHz, from the headers of at most 2,000 of them).
///
/// # Errors
/// The first missing file or invalid content.
pub fn sequence_statistics(path: &Path) -> Result<SequenceStatistics, DataError> {
    let mut spec = SequencesSpec::at(path);
    if path.is_dir() {
        spec.features = 40;
        return recordings::statistics(&spec, path);
    }
    spec.features = ts::dimensions(path)?.unwrap_or(1);
    let found = spec.read(path, &mut |_| {})?;
    let lengths = found.all.iter().map(|sequence| sequence.values.len() / spec.features);
    Ok(SequenceStatistics {
        sequences: found.all.len(),
        features: spec.features,
        longest: lengths.clone().max().unwrap_or(0),
        shortest: lengths.min().unwrap_or(0),
        classes: found.classes().into_iter().map(|(label, count)| (label.to_owned(), count)).collect(),
        measured: found.all.len(),
        broken: Vec::new(),
    })
}
