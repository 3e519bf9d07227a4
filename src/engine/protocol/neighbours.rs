use serde::{Deserialize, Serialize};

/// The words whose embeddings are nearest to those of others.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EmbeddingNeighbours {
    /// The number of updates before it.
    pub step: u64,
    /// The number of the Embedding layer.
    pub layer: usize,
    /// Words of its vocabulary, without padding and the unknown word.
    pub vocabulary: usize,
    /// The requested word, text of the user: escape it before printing. `None` for the most frequent words.
    pub word: Option<String>,
    /// The word with its nearest ones, or each of the most frequent words, up to [`EmbeddingNeighbours::WORDS`]; empty if the word is not in
    /// the vocabulary.
    pub words: Vec<WordNeighbours>,
    /// Words of the vocabulary that are spelled nearly like one that it does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spellings: Vec<String>,
}

impl EmbeddingNeighbours {
    /// Maximum number of the most frequent words.
    pub const WORDS: usize = 8;
    /// Neighbours of each of the most frequent words.
    pub const FEW: usize = 4;
    /// Neighbours of a requested word.
    pub const MOST: usize = 10;
}

/// A word with its nearest neighbours. Words are text of the data: escape them before printing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WordNeighbours {
    /// The word.
    pub word: String,
    /// The words of the nearest embeddings with their cosine similarity, −1 to 1, the nearest first.
    pub neighbours: Vec<(String, f32)>,
}
