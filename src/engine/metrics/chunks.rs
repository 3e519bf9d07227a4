//! Chunks and entities: runs of words that tags mark by their beginnings and ends.
//!
//! ```text
//! IOB1   I-PER I-PER O     B-PER I-PER      begins with B only where it follows one of the same type
//! IOB2   B-PER I-PER O     B-PER I-PER      (BIO)
//! BIOES  B-PER E-PER O     S-PER            also BILOU, BMES
//! ```
//! A chunk begins with B, also after B; with I after O or after a tag of another type, so that both IOB1 and BIO are read. One that was
//! predicted is right if it has the first word, the last word and the type of one that is there.
//!
//! Source: `conlleval.pl` of the CoNLL-2000 shared task (Tjong Kim Sang & Buchholz), whose count this is; E and S as in its Python
//! versions (`conlleval.py`, `seqeval`), which take any tags as they come, also impossible sequences.

use std::collections::BTreeMap;

use super::{LabelCount, macro_average};

/// The tags of a tagger that mark chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkScheme {
    /// By class.
    tags: Vec<(Mark, String)>,
}

/// What a tag says about its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// The first word of a chunk.
    Begin,
    /// Another word of it.
    Inside,
    /// The last word.
    End,
    /// The only word.
    Single,
    /// No chunk.
    Outside,
    /// None of these.
    Other,
}

impl Mark {
    fn of(name: &str) -> Self {
        match name {
            "B" => Self::Begin,
            "I" | "M" => Self::Inside,
            "E" | "L" => Self::End,
            "S" | "U" => Self::Single,
            "O" => Self::Outside,
            _ => Self::Other,
        }
    }
}

/// Mark and type of a tag: those before and after the first hyphen.
fn parse(tag: &str) -> (Mark, String) {
    let (mark, kind) = tag.split_once('-').unwrap_or((tag, ""));
    (Mark::of(mark), kind.to_owned())
}

impl ChunkScheme {
    /// The scheme of `tags`, in the order of their classes; `None` unless all of them are marks with a type (or all without one) or `O`, and
    /// one begins or continues a chunk.
    pub fn of<'t>(tags: impl Iterator<Item = &'t str>) -> Option<Self> {
        let tags: Vec<(Mark, String)> = tags.map(parse).collect();
        let typed = tags.iter().any(|(_, kind)| !kind.is_empty());
        let fits = |(mark, kind): &(Mark, String)| match mark {
            Mark::Other => false,
            Mark::Outside => kind.is_empty(),
            _ => kind.is_empty() != typed,
        };
        let marked = tags.iter().any(|(mark, _)| matches!(mark, Mark::Begin | Mark::Inside));
        (marked && tags.len() > 1 && tags.iter().all(fits)).then_some(Self { tags })
    }

    /// The scheme with further tags, whose classes are behind the others.
    #[must_use]
    pub fn with<'t>(mut self, tags: impl Iterator<Item = &'t str>) -> Self {
        self.tags.extend(tags.map(parse));
        self
    }

    /// The chunks of a sentence with these classes: first word, word after the last one, and type.
    fn chunks(&self, classes: &[usize]) -> Vec<(usize, usize, &str)> {
        let outside = (Mark::Outside, "");
        let tag = |at: usize| {
            let tag = classes.get(at).and_then(|class| self.tags.get(*class));
            tag.map_or(outside, |(mark, kind)| (*mark, kind.as_str()))
        };
        let (mut chunks, mut start) = (Vec::new(), None);
        let mut before = outside;
        for at in 0..=classes.len() {
            let now = tag(at);
            if ends(before, now)
                && let Some(from) = start.take()
            {
                chunks.push((from, at, before.1));
            }
            if begins(before, now) {
                start = Some(at);
            }
            before = now;
        }
        chunks
    }
}

/// Whether a chunk ends between two words with these tags.
fn ends((before, kind_before): (Mark, &str), (now, kind): (Mark, &str)) -> bool {
    match (before, now) {
        (Mark::End | Mark::Single, _) => true,
        (Mark::Begin | Mark::Inside, Mark::Begin | Mark::Single | Mark::Outside) => true,
        (Mark::Outside, _) => false,
        _ => kind_before != kind,
    }
}

/// Whether a chunk begins with the second of two words with these tags.
fn begins((before, kind_before): (Mark, &str), (now, kind): (Mark, &str)) -> bool {
    match (before, now) {
        (_, Mark::Begin | Mark::Single) => true,
        (Mark::End | Mark::Single | Mark::Outside, Mark::End | Mark::Inside) => true,
        (_, Mark::Outside) => false,
        _ => kind_before != kind,
    }
}

/// The counts of chunks, by their types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkCounts {
    scheme: ChunkScheme,
    /// Chunks that were found, found wrongly and missed, of each type.
    pub types: BTreeMap<String, LabelCount>,
}

impl ChunkCounts {
    /// Nothing counted yet.
    pub fn new(scheme: ChunkScheme) -> Self {
        Self { scheme, types: BTreeMap::new() }
    }

    /// Counts the chunks of a sentence by the actual and the predicted class of each word: one is right if first word, last word and type
    /// are.
    pub fn add(&mut self, actual: &[usize], predicted: &[usize]) {
        let (actual, predicted) = (self.scheme.chunks(actual), self.scheme.chunks(predicted));
        let mut count = |kind: &str, which: fn(&mut LabelCount)| {
            which(self.types.entry(kind.to_owned()).or_default());
        };
        for chunk in &predicted {
            match actual.binary_search(chunk) {
                Ok(_) => count(chunk.2, |count| count.true_positives += 1),
                Err(_) => count(chunk.2, |count| count.false_positives += 1),
            }
        }
        for chunk in actual.iter().filter(|chunk| predicted.binary_search(chunk).is_err()) {
            count(chunk.2, |count| count.false_negatives += 1);
        }
    }

    /// The sum over all types; its precision, recall and F1 are the micro averages.
    pub fn total(&self) -> LabelCount {
        self.types.values().copied().sum()
    }

    /// The macro average of `metric`: its unweighted mean over the types that occur or are predicted, as `seqeval` has it.
    pub fn macro_average(&self, metric: impl Fn(LabelCount) -> f64) -> f64 {
        macro_average(self.types.values().copied(), metric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(tags: &str) -> Vec<String> {
        let tags: Vec<&str> = tags.split_whitespace().collect();
        let scheme = ChunkScheme { tags: tags.iter().map(|tag| parse(tag)).collect() };
        let classes: Vec<usize> = (0..tags.len()).collect();
        scheme.chunks(&classes).iter().map(|(from, to, kind)| format!("{from}-{to} {kind}")).collect()
    }

    #[test]
    fn chunks_of_all_schemes_are_those_of_conlleval() {
        for (tags, expected) in [
            ("B-A I-A O B-B", &["0-2 A", "3-4 B"][..]),
            // IOB1: two of the same type beside each other.
            ("I-A I-A B-A I-A O", &["0-2 A", "2-4 A"]),
            ("I-A I-B O I-B", &["0-1 A", "1-2 B", "3-4 B"]),
            ("B-A B-A", &["0-1 A", "1-2 A"]),
            ("O I-A", &["1-2 A"]),
            // The type changes within a chunk.
            ("B-A I-B I-B", &["0-1 A", "1-3 B"]),
            ("B-A I-A E-A S-B O S-B S-B", &["0-3 A", "3-4 B", "5-6 B", "6-7 B"]),
            ("E-A I-A O E-A E-A", &["0-1 A", "1-2 A", "3-4 A", "4-5 A"]),
            ("B M E S B E", &["0-3 ", "3-4 ", "4-6 "]),
            ("B-A L-A U-A O", &["0-2 A", "2-3 A"]),
            ("O O", &[]),
        ] {
            assert_eq!(chunks(tags), expected, "{tags}");
        }
    }

    #[test]
    fn tags_of_entities_are_told_from_others() {
        let is = |tags: &str| ChunkScheme::of(tags.split_whitespace()).is_some();
        for tags in ["B-PER I-PER O", "I-NP O", "B I O", "B M E S", "B-A E-A I-A O S-A", "B-A-B O"] {
            assert!(is(tags), "{tags}");
        }
        for tags in ["NOUN VERB", "O", "B-PER", "I-A NOUN O", "NN NNP O", "S O", "B I-A O", "X-Y B-Y O"] {
            assert!(!is(tags), "{tags}");
        }
    }

    #[test]
    fn precision_recall_and_f1_are_those_worked_out_by_hand() {
        let scheme =
            ChunkScheme::of(["B-A", "B-B", "I-A", "O"].into_iter()).unwrap().with(["B-C"].into_iter());
        let mut counts = ChunkCounts::new(scheme);
        // A right, A too short, C (which no network predicts) missed, B where nothing is.
        counts.add(&[0, 2, 3, 0, 2, 4, 3], &[0, 2, 3, 0, 3, 3, 1]);
        let total = counts.total();
        assert_eq!((total.true_positives, total.false_positives, total.false_negatives), (1, 2, 2));
        assert!((total.f1() - 1.0 / 3.0).abs() < 1e-15);
        assert_eq!(counts.types["C"].recall(), 0.0);
        assert_eq!(counts.types["A"].precision(), 0.5);
        assert_eq!(counts.types.keys().collect::<Vec<_>>(), ["A", "B", "C"]);
    }

    #[test]
    fn each_type_and_both_averages_are_those_of_seqeval() {
        // The first example of its documentation, and a type that is found where none is.
        let tags = ["O", "B-MISC", "I-MISC", "B-PER", "I-PER", "B-LOC"];
        let class = |name: &str| tags.iter().position(|tag| *tag == name).unwrap();
        let classes = |text: &str| text.split_whitespace().map(class).collect::<Vec<_>>();
        let mut counts = ChunkCounts::new(ChunkScheme::of(tags.into_iter()).unwrap());
        counts.add(&classes("O O O B-MISC I-MISC I-MISC O"), &classes("O O B-MISC I-MISC I-MISC I-MISC O"));
        counts.add(&classes("B-PER I-PER O"), &classes("B-PER I-PER O"));
        let all = |count: LabelCount| [count.precision(), count.recall(), count.f1()];
        assert_eq!(all(counts.types["MISC"]), [0.0; 3], "a word too many");
        assert_eq!(all(counts.types["PER"]), [1.0; 3]);
        assert_eq!(all(counts.total()), [0.5; 3]);
        assert_eq!(counts.macro_average(LabelCount::f1), 0.5);
        counts.add(&classes("O O"), &classes("O B-LOC"));
        assert_eq!(counts.types["LOC"].support(), 0);
        assert_eq!(all(counts.total()), [1.0 / 3.0, 0.5, 0.4]);
        assert!((counts.macro_average(LabelCount::f1) - 1.0 / 3.0).abs() < 1e-15);
    }
}
