use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ClassCount;

/// The results of inspecting a path. Names and texts in it are from the data: escape them before printing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// The file or folder.
    pub path: PathBuf,
    /// The kind of data: `a table with a header`.
    pub kind: String,
    /// The number of sequences inspected: texts, sentences, rows of a series; tokens of one long text.
    pub rows: usize,
    /// The unit of [`rows`](Self::rows): `texts`.
    pub unit: String,
    /// Whether there are more that were not inspected.
    pub more: bool,
    /// Rows of name and value: encoding, delimiter, validation data.
    pub facts: Vec<(String, String)>,
    /// The columns of a table, or the keys of JSON lines.
    pub columns: Vec<ColumnFound>,
    /// The classes with their numbers of texts (or words), in sorted order.
    pub classes: Vec<ClassCount>,
    /// Whether a sequence may have any number of them.
    #[serde(default)]
    pub several: bool,
    /// The lengths of the sequences.
    pub lengths: Option<Lengths>,
    /// The vocabulary of words (or characters).
    pub vocabulary: Option<Coverage>,
    /// The test data beside the training data, where others are for validation.
    #[serde(default)]
    pub test: Option<PathBuf>,
    /// Notes and warnings for the user, in sentences.
    pub notes: Vec<String>,
    /// Suggested settings, as rows of name and value: `tokens.length`, the layers.
    pub suggested: Vec<(String, String)>,
}

/// A column of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnFound {
    /// The name in the header, or else `column 2`.
    pub name: String,
    /// Its role: `text`, `label`, `date`, `values`; empty if it is not used.
    pub role: String,
    /// Its content.
    pub why: String,
}

/// The lengths of sequences.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lengths {
    /// `words` or `characters`.
    pub unit: String,
    /// The shortest.
    pub least: usize,
    /// The longest.
    pub most: usize,
    /// Percentiles 50, 90, 95 and 99, each with the length.
    pub quantiles: Vec<(u8, usize)>,
    /// A histogram: first and last length of each bin, and its number of sequences; in order and without gaps.
    pub bins: Vec<(usize, usize, usize)>,
}

impl Lengths {
    /// The percentile `percent`, if it is stored.
    pub fn quantile(&self, percent: u8) -> Option<usize> {
        self.quantiles.iter().find(|(of, _)| *of == percent).map(|(_, length)| *length)
    }
}

/// The number of distinct tokens, and the coverage by the most frequent ones.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// `words` or `characters`.
    pub unit: String,
    /// The number of distinct tokens.
    pub distinct: usize,
    /// The number of distinct tokens that occur once.
    #[serde(default)]
    pub once: usize,
    /// The number of all tokens.
    pub running: u64,
    /// Numbers of most frequent tokens, each with their share of all, 0 to 1.
    pub shares: Vec<(usize, f64)>,
}

/// A preset drafted for the user's own data, with the findings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// The findings, with the settings of the preset.
    pub findings: Findings,
    /// The name of the preset: a file name without extension.
    pub name: String,
    /// The preset as YAML, with comments; an error is the reason why there is none.
    pub preset: Result<String, String>,
}
