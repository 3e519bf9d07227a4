//! The generated task `word-order`: film remarks whose class depends on the order of their words alone.
//!
//! Every sentence has a twin: the same words with the two adjectives exchanged, and the opposite label.
//!
//! ```text
//! positive  Overall, the plot is clever and the acting is not very bad, if you ask me.
//! negative  Overall, the plot is bad and the acting is not very clever, if you ask me.
//! ```
//!
//! One adjective is plain, the other is negated (`not`, `never`, `than`, `instead of`). Both imply the same class, and the
//! words that close the sentence make a network carry it for a few steps. A network that ignores the order of words predicts
//! the same class for both twins, which is right for exactly one of them: an accuracy of 50 %.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::text::corpus::Corpus;
use crate::data::text::tokenizer::for_each_word;
use crate::rng::Rng;

/// Labels in class order.
pub(crate) const LABELS: [&str; 2] = ["negative", "positive"];

/// The maximum number of sentences: far below the number of possible ones, so that new ones are found quickly.
const MOST: usize = 100_000;

/// The number of words of a remark.
const WORDS: std::ops::RangeInclusive<usize> = 6..=16;

const SUBJECTS: [&str; 12] = [
    "movie",
    "film",
    "plot",
    "story",
    "acting",
    "script",
    "music",
    "ending",
    "cast",
    "pacing",
    "dialogue",
    "camera work",
];
/// Subjects that take `a`.
const COUNTED: [&str; 5] = ["movie", "film", "plot", "story", "script"];
const GOOD: [&str; 12] = [
    "good",
    "great",
    "clever",
    "fresh",
    "strong",
    "funny",
    "brilliant",
    "moving",
    "charming",
    "memorable",
    "lovely",
    "smart",
];
const BAD: [&str; 12] = [
    "bad",
    "poor",
    "dull",
    "stale",
    "weak",
    "boring",
    "terrible",
    "clumsy",
    "tedious",
    "forgettable",
    "lazy",
    "silly",
];
const ADVERBS: [&str; 3] = ["very", "really", "so"];
const OPENERS: [&str; 9] = [
    "Overall,",
    "Honestly,",
    "In the end,",
    "To be fair,",
    "For me,",
    "I think",
    "I must say",
    "My verdict:",
    "As a whole,",
];
const CLOSERS: [&str; 9] = [
    ", in my opinion",
    ", if you ask me",
    " from start to finish",
    ", all things considered",
    " most of the time",
    ", as far as I can tell",
    " for a film of this kind",
    ", and I saw it twice",
    ", and that is all I can say",
];

/// Templates of remarks: `+` is the plain adjective, `-` the negated one, `@` a subject, `#` one that takes `a`, `~` an
/// adverb or none. Every adjective starts with a consonant, so that `a` fits before it.
const REMARKS: [&str; 12] = [
    "the @ is ~+, not ~-",
    "the @ is not ~- but ~+",
    "the @ is ~+ and never ~-",
    "the @ is never ~- and it is ~+",
    "the @ is ~+ and the @ is not ~-",
    "the @ is not ~- and the @ is ~+",
    "the @ is never ~- and the @ is ~+",
    "the @ is more + than -",
    "the @ is + instead of -",
    "this is a + # and not a - one",
    "this is not a - # but a + one",
    "the @, never ~-, is ~+",
];

/// The settings of the task `word-order`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WordOrder {
    /// Training sentences; even, since they are generated in pairs.
    pub train: usize,
    /// Validation sentences, even; 0 for none.
    pub validation: usize,
}

impl Default for WordOrder {
    fn default() -> Self {
        Self { train: 4000, validation: 1000 }
    }
}

impl WordOrder {
    /// Checks the numbers of sentences.
    ///
    /// # Errors
    /// The first invalid number.
    pub(crate) fn check(&self) -> Result<(), DataError> {
        for (field, size, least) in [("data.train", self.train, 2), ("data.validation", self.validation, 0)] {
            if size < least || size > MOST || size % 2 == 1 {
                let expected =
                    format!("an even number from {least} to 100,000: sentences are generated in pairs");
                return Err(DataError::Setting { field: field.into(), found: size.to_string(), expected });
            }
        }
        Ok(())
    }

    /// Generates training and validation sentences, both twins in one split and no sentence twice.
    pub(crate) fn generate(&self, seed: u64) -> (Corpus, Option<Corpus>) {
        let mut remarks = Remarks { rng: Rng::new(seed, "word-order", 0), generated: HashSet::new() };
        let train = remarks.corpus(self.train);
        let validation = (self.validation > 0).then(|| remarks.corpus(self.validation));
        (train, validation)
    }
}

struct Remarks {
    rng: Rng,
    /// The words of every sentence generated so far.
    generated: HashSet<String>,
}

impl Remarks {
    fn corpus(&mut self, sentences: usize) -> Corpus {
        let mut corpus = Corpus::default();
        while corpus.len() < sentences {
            let twins = self.twins();
            let words = twins.each_ref().map(|sentence| words(sentence));
            let length = words[0].split(' ').count();
            if !WORDS.contains(&length) || words.iter().any(|words| self.generated.contains(words)) {
                continue;
            }
            self.generated.extend(words);
            for (sentence, label) in twins.iter().zip(LABELS) {
                corpus.push(sentence, label);
            }
        }
        corpus
    }

    /// A negative sentence and its positive twin.
    fn twins(&mut self) -> [String; 2] {
        let frame = self.frame();
        let (good, bad) = (self.one_of(&GOOD), self.one_of(&BAD));
        [frame.replace('+', bad).replace('-', good), frame.replace('+', good).replace('-', bad)]
    }

    /// A sentence with `+` and `-` in place of its adjectives.
    fn frame(&mut self) -> String {
        let mut frame = String::new();
        if self.rng.below(3) > 0 {
            frame.push_str(self.one_of(&OPENERS));
            frame.push(' ');
        }
        let mut subject = "";
        for part in self.one_of(&REMARKS).chars() {
            match part {
                '@' => {
                    let before = subject;
                    while subject == before {
                        subject = self.one_of(&SUBJECTS);
                    }
                    frame.push_str(subject);
                }
                '#' => frame.push_str(self.one_of(&COUNTED)),
                '~' if self.rng.below(2) == 0 => {
                    frame.push_str(self.one_of(&ADVERBS));
                    frame.push(' ');
                }
                '~' => {}
                other => frame.push(other),
            }
        }
        if self.rng.below(4) > 0 {
            frame.push_str(self.one_of(&CLOSERS));
        }
        frame.push('.');
        let first = frame.get(..1).map(str::to_ascii_uppercase);
        first.map_or(frame.clone(), |first| first + frame.get(1..).unwrap_or_default())
    }

    fn one_of(&mut self, words: &[&'static str]) -> &'static str {
        self.rng.choose(words).copied().unwrap_or_default()
    }
}

/// The words of a sentence after tokenization, separated by blanks.
fn words(sentence: &str) -> String {
    let mut all = String::new();
    for_each_word(sentence, &mut String::new(), |word| {
        if !all.is_empty() {
            all.push(' ');
        }
        all.push_str(word);
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// Pairs of twins `[negative, positive]` as text.
    fn pairs(seed: u64, count: usize) -> Vec<[String; 2]> {
        let mut remarks = Remarks { rng: Rng::new(seed, "word-order", 0), generated: HashSet::new() };
        (0..count).map(|_| remarks.twins()).collect()
    }

    fn bag(sentence: &str) -> Vec<String> {
        let mut bag: Vec<String> = words(sentence).split(' ').map(String::from).collect();
        bag.sort_unstable();
        bag
    }

    fn splits(seed: u64, train: usize, validation: usize) -> [Vec<(Vec<String>, u32)>; 2] {
        let (train, validation) = WordOrder { train, validation }.generate(seed);
        [train, validation.unwrap()].map(|corpus| corpus.sentences())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn twins_have_the_same_words_in_another_order(seed: u64) {
            for [negative, positive] in pairs(seed, 200) {
                prop_assert_eq!(bag(&negative), bag(&positive));
                prop_assert_ne!(words(&negative), words(&positive));
                let marks = |s: &str| s.chars().filter(|c| !c.is_alphanumeric()).collect::<String>();
                prop_assert_eq!(marks(&negative), marks(&positive));
            }
        }

        #[test]
        fn splits_are_balanced_disjoint_and_consistent(seed: u64) {
            let [train, validation] = splits(seed, 1200, 300);
            prop_assert_eq!((train.len(), validation.len()), (1200, 300));
            for split in [&train, &validation] {
                // No function of the words without their order is right for more than half of the sentences.
                let mut bags: BTreeMap<Vec<&str>, [usize; 2]> = BTreeMap::new();
                for (sentence, class) in split {
                    let mut bag: Vec<&str> = sentence.iter().map(String::as_str).collect();
                    bag.sort_unstable();
                    bags.entry(bag).or_default()[*class as usize] += 1;
                }
                prop_assert!(bags.values().all(|[negative, positive]| negative == positive));
            }
            let all: BTreeSet<&Vec<String>> = train.iter().chain(&validation).map(|(words, _)| words).collect();
            prop_assert_eq!(all.len(), 1500, "a sentence appears twice, or with both labels");
            prop_assert!(all.iter().all(|sentence| WORDS.contains(&sentence.len())));
        }
    }

    #[test]
    fn the_words_are_few_and_the_sentences_vary() {
        let [train, _] = splits(1, 4000, 1000);
        let vocabulary: BTreeSet<&String> = train.iter().flat_map(|(words, _)| words).collect();
        assert!((60..=120).contains(&vocabulary.len()), "{} words", vocabulary.len());
        let lengths: BTreeSet<usize> = train.iter().map(|(words, _)| words.len()).collect();
        assert!(lengths.into_iter().eq(WORDS));
        let adjectives: Vec<&str> = GOOD.into_iter().chain(BAD).collect();
        let ends_late =
            train.iter().filter(|(words, _)| adjectives.contains(&words.last().unwrap().as_str())).count();
        assert!(ends_late * 3 < train.len(), "{ends_late} of 4,000 end on an adjective");
    }

    #[test]
    fn data_depend_on_the_seed_alone() {
        assert_eq!(splits(5, 100, 20), splits(5, 100, 20));
        assert_ne!(splits(5, 100, 20), splits(6, 100, 20));
    }

    #[test]
    fn remarks_read_like_remarks() {
        let shown: Vec<String> = pairs(1, 6).into_iter().map(|twins| twins.join("\n")).collect();
        insta::assert_snapshot!(shown.join("\n\n"));
    }

    #[test]
    fn odd_and_too_large_sizes_are_errors() {
        for (train, validation) in [(0, 2), (3, 2), (4, 1), (MOST + 2, 0), (usize::MAX, usize::MAX)] {
            let message = WordOrder { train, validation }.check().unwrap_err().to_string();
            assert!(message.contains("expected an even number"), "{message}");
        }
    }
}
