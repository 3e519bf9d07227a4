use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ClassCount;

/// What stands at a path, as far as looking at it tells. All names and texts in it are foreign: escape them before they reach a terminal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// The file or folder.
    pub path: PathBuf,
    /// What it is, in words: `a table with a header`.
    pub kind: String,
    /// Sequences that were looked at: texts, sentences, rows of a series; tokens of one long text.
    pub rows: usize,
    /// What [`rows`](Self::rows) counts: `texts`.
    pub unit: String,
    /// Whether more follow that were not looked at.
    pub more: bool,
    /// Rows of name and value: encoding, delimiter, validation data.
    pub facts: Vec<(String, String)>,
    /// The columns of a table, or the keys of JSON lines.
    pub columns: Vec<ColumnFound>,
    /// The classes with their texts (or words), in sorted order.
    pub classes: Vec<ClassCount>,
    /// Whether a sequence may have several of them at once, or none.
    #[serde(default)]
    pub several: bool,
    /// How long the sequences are.
    pub lengths: Option<Lengths>,
    /// How many words (or characters) there are.
    pub vocabulary: Option<Coverage>,
    /// What a person should know or mend, in sentences.
    pub notes: Vec<String>,
    /// Settings that fit, as rows of name and value: `tokens.length`, the layers.
    pub suggested: Vec<(String, String)>,
}

/// A column of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnFound {
    /// As the header has it, else `column 2`.
    pub name: String,
    /// What it is taken for: `text`, `label`, `date`, `values`; empty when it is left out.
    pub role: String,
    /// What is in it.
    pub why: String,
}

/// How long sequences are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lengths {
    /// `words` or `characters`.
    pub unit: String,
    /// The shortest.
    pub least: usize,
    /// The longest.
    pub most: usize,
    /// Per cent, and the length that so many sequences do not exceed: 50, 90, 95 and 99.
    pub quantiles: Vec<(u8, usize)>,
    /// Lengths from one on up to and with another, and how many sequences have them; without gaps, from the least to the most.
    pub bins: Vec<(usize, usize, usize)>,
}

impl Lengths {
    /// The length that `percent` of the sequences do not exceed, where that was asked.
    pub fn quantile(&self, percent: u8) -> Option<usize> {
        self.quantiles.iter().find(|(of, _)| *of == percent).map(|(_, length)| *length)
    }
}

/// How many different tokens there are, and how far the most frequent of them reach.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// `words` or `characters`.
    pub unit: String,
    /// Different ones.
    pub distinct: usize,
    /// All, counted as often as they come.
    pub running: u64,
    /// So many of the most frequent, and their share of all, 0 to 1.
    pub shares: Vec<(usize, f64)>,
}

/// A preset for somebody's own data: what was found, and what comes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// What was found, with the settings that the preset has.
    pub findings: Findings,
    /// What the preset is called: a file name without its ending.
    pub name: String,
    /// The preset as YAML, with comments; in words what is wanting where there can be none.
    pub preset: Result<String, String>,
}
