//! The nearest neighbours of words among the embeddings.

use super::session::Session;
use crate::data::Vocabulary;
use crate::nn::{InputRef, LayerSpec};
use crate::protocol::{EmbeddingNeighbours, WordNeighbours};
use crate::sort::SmallSort as _;

/// Spellings that are proposed for a word that is not in the vocabulary.
const SPELLINGS: usize = 5;
/// Edits up to which a spelling is near, of a word of so many letters or more.
const EDITS: [(usize, usize); 3] = [(0, 1), (4, 2), (8, 3)];

/// The nearest neighbours of `word` in the first Embedding after `step` updates, or those of the most frequent words.
///
/// # Errors
/// Why there are none, in words.
pub(super) fn neighbours(
    session: &Session,
    word: Option<&str>,
    step: u64,
) -> Result<EmbeddingNeighbours, &'static str> {
    let embedding = session.spec.model.iter().enumerate().find_map(|(i, placed)| match &placed.spec {
        LayerSpec::Embedding(layer) => Some((i, placed, layer.output_dim)),
        _ => None,
    });
    let (layer, placed, width) = embedding.ok_or("the model has no Embedding")?;
    let known = session.vocabularies.as_ref().ok_or("the data have no vocabulary")?;
    let channel = match placed.inputs.first() {
        Some(InputRef::Channel(name)) => Some(name),
        _ => None,
    };
    let vocabulary = match channel {
        Some(name) => known.of(name).ok_or("the data have no vocabulary for the Embedding")?,
        None => known.first(),
    };
    let table = session.stepper.params().of(layer).get(0);
    let embeddings = Embeddings::new(table, width, vocabulary.len());
    let ids = match word {
        Some(word) => {
            let tokens = session.spec.token_spec().filter(|_| channel.is_none());
            let read = tokens.map(|tokens| vocabulary.encode(word, tokens.tokenizer()));
            let read = read.filter(|ids| ids.len() == 1).and_then(|ids| ids.first().copied());
            let found = vocabulary.id(word).or(read).or_else(|| vocabulary.id(&word.to_lowercase()));
            found.filter(|id| *id >= Vocabulary::FIRST).into_iter().collect()
        }
        // Ids are by frequency.
        None => embeddings.ids().take(EmbeddingNeighbours::WORDS).collect::<Vec<u32>>(),
    };
    let most = if word.is_some() { EmbeddingNeighbours::MOST } else { EmbeddingNeighbours::FEW };
    let named = |(id, similarity): (u32, f32)| (vocabulary.word(id).to_owned(), similarity);
    let words: Vec<WordNeighbours> = ids
        .into_iter()
        .map(|id| WordNeighbours {
            word: vocabulary.word(id).to_owned(),
            neighbours: embeddings.nearest(id, most).into_iter().map(named).collect(),
        })
        .collect();
    let spellings = match word.filter(|_| words.is_empty()) {
        Some(word) => spellings(word, embeddings.ids().map(|id| vocabulary.word(id))),
        None => Vec::new(),
    };
    let vocabulary = embeddings.ids().count();
    Ok(EmbeddingNeighbours { step, layer, vocabulary, word: word.map(str::to_owned), words, spellings })
}

/// The words that differ from `word` by the fewest edits.
fn spellings<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Vec<String> {
    let word = word.to_lowercase();
    let letters = word.chars().count();
    let most = EDITS.into_iter().rev().find(|(least, _)| letters >= *least).map_or(1, |(_, edits)| edits);
    let near = known.filter(|other| other.chars().count().abs_diff(letters) <= most);
    let mut near: Vec<(usize, &str)> =
        near.map(|other| (strsim::damerau_levenshtein(&word, &other.to_lowercase()), other)).collect();
    near.retain(|(edits, _)| *edits <= most);
    // Stable: of equal ones the more frequent.
    near.small_sort_by_key(|(edits, _)| *edits);
    near.into_iter().take(SPELLINGS).map(|(_, other)| other.to_owned()).collect()
}

/// Rows of an embedding with their norms.
struct Embeddings<'a> {
    rows: Vec<&'a [f32]>,
    norms: Vec<f32>,
}

impl<'a> Embeddings<'a> {
    fn new(table: &'a [f32], width: usize, words: usize) -> Self {
        let rows: Vec<&[f32]> = table.chunks_exact(width.max(1)).take(words).collect();
        let norms = rows.iter().map(|row| dot(row, row).sqrt()).collect();
        Self { rows, norms }
    }

    /// The ids of words, without padding and the unknown word.
    fn ids(&self) -> impl Iterator<Item = u32> {
        Vocabulary::FIRST..u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    /// The `most` nearest words by cosine similarity; rows of zeros are near nothing.
    fn nearest(&self, id: u32, most: usize) -> Vec<(u32, f32)> {
        let of = |id: u32| Some((*self.rows.get(id as usize)?, *self.norms.get(id as usize)?));
        let Some((row, norm)) = of(id).filter(|(_, norm)| *norm > 0.0) else { return Vec::new() };
        let similarity = |other: u32| {
            let (other_row, other_norm) = of(other).filter(|(_, norm)| *norm > 0.0)?;
            Some((other, dot(row, other_row) / (norm * other_norm))).filter(|(_, cosine)| cosine.is_finite())
        };
        let mut all: Vec<(u32, f32)> =
            self.ids().filter(|other| *other != id).filter_map(similarity).collect();
        let nearer = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if all.len() > most {
            all.select_nth_unstable_by(most, nearer);
            all.truncate(most);
        }
        all.small_sort_by(nearer);
        all
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_are_those_of_the_greatest_cosine_and_not_of_the_greatest_length() {
        // padding, unknown, then words
        let table = [0.0, 0.0, 9.0, 9.0, 1.0, 0.0, 8.0, 6.0, 0.5, 0.1, -2.0, 0.0, 0.0, 0.0];
        let embeddings = Embeddings::new(&table, 2, 7);
        let nearest = embeddings.nearest(2, 10);
        let ids: Vec<u32> = nearest.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, [4, 3, 5], "a row of zeros is near nothing");
        assert!((nearest[1].1 - 0.8).abs() < 1e-6 && (nearest[2].1 + 1.0).abs() < 1e-6, "{nearest:?}");
        assert_eq!(embeddings.nearest(2, 1), nearest[..1]);
        assert!(embeddings.nearest(6, 3).is_empty() && embeddings.nearest(99, 3).is_empty());
    }

    #[test]
    fn near_spellings_come_by_edits_and_then_by_frequency() {
        let known = ["the", "movie", "movies", "moving", "Movei", "cat"];
        assert_eq!(spellings("movei", known.into_iter()), ["Movei", "movie", "movies"]);
        assert_eq!(spellings("cut", known.into_iter()), ["cat"]);
        assert!(spellings("zzzzzz", known.into_iter()).is_empty());
    }
}
