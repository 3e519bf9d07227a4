//! Statistics of sequences, without a preset.

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
