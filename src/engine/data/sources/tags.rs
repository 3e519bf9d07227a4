//! `source: tags`: sentences with a tag for every word in CoNLL formats, a word a line, an empty line after each sentence.

mod evaluation_set;
mod words;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::columns::Column;
use crate::data::dataset::{Dataset, Targets};
use crate::data::error::{DataError, listed, refuse};
use crate::data::files::encoding::Encoding;
use crate::data::files::text_file;
use crate::data::form::{Form, InputForm, TargetForm};
use crate::data::fraction::Fraction;
use crate::data::known::Known;
use crate::data::opened::{Data, Opened};
use crate::data::source::{Context, FoldSizes, PathSetting, RequiredFile, Source, TokenUse};
use crate::data::sources::labelled::split::{self, split_by_fingerprint};
use crate::data::sources::labelled::{GivenValidation, Validation};
use crate::data::text::conll::{Token, sentences};
use crate::data::text::corpus::blank;
use crate::data::text::interner::{Words, fingerprint_of};
use crate::data::text::notes::{cased_note, overlap_note};
use crate::data::text::sentences::{encode_sentences, vocabularies};
use crate::data::text::tokens::{TokenRules, TokenSpec};
use crate::data::text::unseen::{Unseen, unseen_note};
use crate::data::text::vocabularies::Vocabularies;
use crate::number;
use crate::protocol::{ClassCount, DataFacts};

pub use evaluation_set::TaggedSentences;
pub use words::split_words;

/// A file (plain or gzip) of tagged sentences, `{source: tags, path: …}`, in one of the CoNLL formats: a word a line with its columns,
/// separated by tabs or blanks, an empty line after each sentence.
///
/// The word is in the first column, or in the second where the first one numbers the words of a sentence. The tag is in the last column,
/// or in that of the universal part of speech where rows have eight columns or more and a number (CoNLL-X, CoNLL-U); `tag` names another.
/// Lines that start with `#` and are no words are comments; multiword tokens (`3-4`) and empty nodes (`8.1`) are skipped: their words
/// have lines of their own, or are not in the text. `-DOCSTART-` parts documents. Words are not normalized. A sentence starts at the first
/// step and is truncated at `tokens.length`. The preset chooses the features of a word: see
/// [`ChannelSpec`](crate::data::text::channels::ChannelSpec). Entries that appear once are unknown by default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagsSpec {
    /// The training file.
    pub path: PathBuf,
    /// The column of the tag: its number, from 1, or its name in CoNLL-U, such as `XPOS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Column>,
    /// The character encoding.
    #[serde(default, skip_serializing_if = "Encoding::is_default")]
    pub encoding: Encoding,
    /// The validation data: a file, a share of the sentences, or a fold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
    /// Instructions to obtain the data, shown when a file is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
}

impl Source for TagsSpec {
    fn description(&self) -> String {
        self.path.display().to_string()
    }

    fn check(&self) -> Result<(), DataError> {
        match &self.validation {
            Some(Validation::Given(GivenValidation { text: None, label: None, labels: None, .. })) | None => {
                Ok(())
            }
            Some(Validation::Given(_)) => {
                refuse("data.validation", "text, label or labels", "{path: FILE}: tagged sentences have none")
            }
            Some(validation) => validation.check(),
        }
    }

    fn token_use(&self) -> TokenUse {
        TokenUse::Required(TokenRules::TAGS)
    }

    fn form(&self, tokens: Option<&TokenSpec>) -> Form {
        Form { inputs: InputForm::of_tokens(tokens, true), targets: TargetForm::Steps(Vec::new()) }
    }

    fn open(&self, context: Context<'_>) -> Result<Opened, DataError> {
        let tokens = context.required_tokens()?;
        Ok(self.load(tokens, context.known, (context.seed, context.fraction), context.progress)?.into())
    }

    fn files(&self) -> Vec<RequiredFile<'_>> {
        let needs = self.needs.as_deref();
        let validation = self.given().map(|given| &given.path);
        let paths = std::iter::once(&self.path).chain(validation);
        paths.map(|path| RequiredFile { path, needs }).collect()
    }

    fn paths_mut(&mut self) -> Vec<PathSetting<'_>> {
        vec![PathSetting { key: &["data", "path"], path: &mut self.path }]
    }

    fn validation_path_mut(&mut self) -> Option<&mut PathBuf> {
        self.validation.as_mut().and_then(Validation::path_mut)
    }

    fn remove_validation(&mut self) {
        self.validation = None;
    }

    fn fold_sizes(&self, folds: usize, seed: u64) -> Result<Option<FoldSizes>, DataError> {
        let text = self.text(&self.path)?;
        let found = sentences(&self.path, &text, self.tag.as_ref())?;
        let sizes = split::folds(fingerprints(&found.all), folds, seed);
        Ok(Some(FoldSizes { path: self.path.clone(), unit: "sentences", sizes }))
    }
}

impl TagsSpec {
    /// The validation file.
    fn given(&self) -> Option<&GivenValidation> {
        match &self.validation {
            Some(Validation::Given(given)) => Some(given),
            _ => None,
        }
    }

    fn text(&self, path: &Path) -> Result<String, DataError> {
        text_file::read_as(path, self.needs.as_deref(), self.encoding)
    }

    /// Reads the sentences; the classes are the sorted tags, of a file that is divided by `seed` those of all its sentences.
    fn load(
        &self,
        spec: &TokenSpec,
        trained: Option<&Known>,
        (seed, fraction): (u64, Fraction),
        progress: &mut dyn FnMut(String),
    ) -> Result<Data, DataError> {
        let mut read = |path: &Path| {
            progress(format!("reading {}", path.display()));
            self.text(path)
        };
        let text = read(&self.path)?;
        let given = self.given().map(|v| Ok((v.path.as_path(), read(&v.path)?))).transpose()?;
        let found = sentences(&self.path, &text, self.tag.as_ref())?;
        let mut notes: Vec<String> = found.note().into_iter().collect();
        let tags: BTreeMap<&str, usize> = count_tags(&found.all);
        let known_tags = |counts: &BTreeMap<&str, usize>| {
            // A tag that is held out alone is one of the data, without an example to train on.
            let count = |tag: &str| counts.get(tag).copied().unwrap_or(0);
            let found: Vec<_> = tags.keys().map(|tag| ((*tag).to_owned(), count(tag))).collect();
            Ok::<_, DataError>(trained.map(|known| known.classes(&self.path, &found)).transpose()?.flatten())
        };
        // Other tags than those of the network are an error before sentences are held out.
        known_tags(&tags)?;
        if tags.len() < 2 && trained.is_none_or(|known| known.labels.is_none()) {
            let found = format!("a single tag, {}", listed(tags.keys().copied()));
            return Err(DataError::content(&self.path, None, found, "at least two tags"));
        }
        let (mut train, mut held_out) = (found.all, None);
        if let Some(validation) = self.validation.as_ref().filter(|_| given.is_none()) {
            let (kept, out) = self.split(train, validation, seed)?;
            (train, held_out) = (kept, Some(out));
        }
        train = fraction.keep(train, seed);
        let counts = count_tags(&train);
        let labels: Vec<String> = match known_tags(&counts)? {
            Some((classes, note)) => {
                notes.extend(note);
                classes.into_iter().map(|class| class.label).collect()
            }
            None => tags.keys().map(|tag| (*tag).to_owned()).collect(),
        };
        if let Some((path, text)) = &given {
            let found = sentences(path, text, self.tag.as_ref())?;
            notes.extend(found.note());
            let known: HashSet<u64> = fingerprints(&train).map(|(print, _)| print).collect();
            let shared = fingerprints(&found.all).filter(|(print, _)| known.contains(print)).count();
            notes.extend(overlap_note(shared, found.all.len(), "validation sentences"));
            held_out = Some(found.all);
        }
        let vocabularies = self.vocabularies(spec, trained, &train, &mut notes)?;
        let train_set = dataset(&train, &labels, &mut Unseen::default(), &vocabularies, spec)?;
        let mut unseen = Unseen::default();
        let validation = held_out
            .as_ref()
            .map(|held_out| dataset(held_out, &labels, &mut unseen, &vocabularies, spec))
            .transpose()?;
        let words = held_out.iter().flatten().flatten().count();
        let path = self.given().map_or(&self.path, |given| &given.path);
        unseen.check(path, words, &labels)?;
        let unseen = unseen.counts();
        notes.extend(unseen_note(&unseen, "tag", "word"));
        notes.extend(cased_note(tags.iter().map(|(tag, count)| (*tag, *count)), "tags"));
        let counted = held_out.as_ref().unwrap_or(&train);
        let words = counted.iter().flatten().count();
        // Without a channel of words none is unknown.
        let known = spec.known_words(&vocabularies);
        let is_unknown = |word: &str| known.is_some_and(|known| known.id(word).is_none());
        let unknown = counted.iter().flatten().filter(|token| is_unknown(token.word)).count();
        let class = |label: &String| ClassCount {
            label: label.clone(),
            count: counts.get(label.as_str()).copied().unwrap_or(0),
        };
        let facts = DataFacts {
            source: self.path.display().to_string(),
            train: train_set.len(),
            validation: validation.as_ref().map_or(0, Dataset::len),
            classes: labels.iter().map(class).collect(),
            vocabulary: known.unwrap_or(vocabularies.first()).len(),
            length: spec.length,
            skipped: 0,
            unknown: unknown as f64 / words.max(1) as f64,
            ..DataFacts::default()
        };
        let vocabularies = Some(vocabularies);
        Ok(Data { validation, vocabularies, labels, unseen, notes, ..Data::of(train_set, facts) })
    }

    /// The vocabularies of the words of `train`, or those of a trained network.
    fn vocabularies(
        &self,
        spec: &TokenSpec,
        trained: Option<&Known>,
        train: &[Vec<Token<'_>>],
        notes: &mut Vec<String>,
    ) -> Result<Vocabularies, DataError> {
        let words = || train.iter().flatten().map(|token| token.word);
        let Some(known) = trained else { return Ok(vocabularies(spec, words())) };
        let mut counts = Words::default();
        words().for_each(|word| {
            counts.count(word);
        });
        let counts = counts.iter().map(|(word, _, count)| (word, count));
        if !spec.channels.is_empty() {
            let Some(vocabularies) = known.channels()? else { return Ok(vocabularies(spec, words())) };
            notes.extend(spec.known_words(&vocabularies).and_then(|words| known.unknown_note(counts, words)));
            return Ok(vocabularies);
        }
        Ok(match known.vocabulary(counts) {
            Some((vocabulary, more)) => {
                notes.extend(more);
                vocabulary.into()
            }
            None => vocabularies(spec, words()),
        })
    }

    /// Divides sentences by `seed` into those to train on and those that `validation` holds out; equal ones stay on one side.
    fn split<'a>(
        &self,
        all: Vec<Vec<Token<'a>>>,
        validation: &Validation,
        seed: u64,
    ) -> Result<(Tagged<'a>, Tagged<'a>), DataError> {
        let (_, out) = split_by_fingerprint(fingerprints(&all), validation, seed);
        let (out, count): (HashSet<usize>, usize) = (out.into_iter().collect(), all.len());
        let (held_out, train): (Vec<_>, Vec<_>) =
            all.into_iter().enumerate().partition(|(at, _)| out.contains(at));
        if train.is_empty() || held_out.is_empty() {
            let found = number::counted(count, "sentence");
            let expected = "enough sentences to hold some out: see data.validation";
            return Err(DataError::content(&self.path, None, found, expected));
        }
        let sentences = |all: Vec<(usize, _)>| all.into_iter().map(|(_, sentence)| sentence).collect();
        Ok((sentences(train), sentences(held_out)))
    }
}

/// Sentences of words with their tags.
type Tagged<'a> = Vec<Vec<Token<'a>>>;

fn count_tags<'a>(sentences: &[Vec<Token<'a>>]) -> BTreeMap<&'a str, usize> {
    let mut tags = BTreeMap::<&str, usize>::new();
    sentences.iter().flatten().for_each(|token| *tags.entry(token.tag).or_default() += 1);
    tags
}

/// A fingerprint of the words of each sentence, all in one class.
pub fn fingerprints<'s>(sentences: &'s [Vec<Token<'_>>]) -> impl ExactSizeIterator<Item = (u64, usize)> + 's {
    sentences.iter().map(|sentence| {
        let words: Vec<&str> = sentence.iter().map(|token| token.word).collect();
        (fingerprint_of(words.join("\n").as_bytes()), 0)
    })
}

/// The words as ids and the tags as indices into `labels`; those that `labels` have not are in `unseen`, with indices behind them.
fn dataset<'a>(
    sentences: &[Vec<Token<'a>>],
    labels: &[String],
    unseen: &mut Unseen,
    vocabularies: &Vocabularies,
    tokens: &TokenSpec,
) -> Result<Dataset, DataError> {
    let mut targets = blank(sentences.len(), tokens.length)?;
    for (row, sentence) in sentences.iter().enumerate() {
        for (token, target) in sentence.iter().zip(targets.row_mut(row)) {
            *target = unseen.class(token.tag, labels);
        }
    }
    let words = |sentence: &Vec<Token<'a>>| sentence.iter().map(|token| token.word).collect();
    let words: Vec<Vec<&str>> = sentences.iter().map(words).collect();
    Ok(Dataset { inputs: encode_sentences(vocabularies, tokens, &words)?, targets: Targets::Steps(targets) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::text::tokenizer::Level;
    use crate::data::text::tokens::Side;
    use crate::data::text::vocabulary::Vocabulary;

    fn load(train: &str, validation: &str) -> Result<Data, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let path = put("train", train);
        let validation = match validation.parse() {
            Ok(share) => Some(Validation::Share(share)),
            Err(_) => (!validation.is_empty()).then(|| {
                Validation::Given(GivenValidation {
                    path: put("validation", validation),
                    ..GivenValidation::default()
                })
            }),
        };
        let (padding, truncating) = (Side::Post, Side::Post);
        let tokens = TokenSpec {
            level: Level::Word,
            ngrams: 1,
            vocabulary: 40,
            length: 3,
            padding,
            truncating,
            channels: Vec::new(),
        };
        TagsSpec { path, validation, ..TagsSpec::default() }.load(
            &tokens,
            None,
            (1, Fraction::ALL),
            &mut |_| {},
        )
    }

    #[test]
    fn rare_words_are_unknown_and_sentences_are_padded_at_the_end() {
        let train = "the D\nthe D\nthe D\nthe D\n\ncat N\ncat N\n\ndog N\n";
        let data = load(train, "The D\ncat N\n").unwrap();
        assert_eq!(data.labels, ["D", "N"]);
        let (inputs, Targets::Steps(targets)) = (data.train.inputs.tokens().unwrap(), &data.train.targets)
        else {
            panic!("a class a step")
        };
        let id = |word: &str| data.vocabularies.as_ref().unwrap().first().id(word).unwrap();
        let (the, cat, unknown) = (id("the"), id("cat"), Vocabulary::UNKNOWN);
        assert_eq!(inputs, ndarray::array![[the, the, the], [cat, cat, 0], [unknown, 0, 0]]);
        assert_eq!(targets, &ndarray::array![[0, 0, 0], [1, 1, 0], [1, 0, 0]]);
        let validation = data.validation.unwrap();
        assert_eq!(validation.inputs.tokens().unwrap(), ndarray::array![[unknown, cat, 0]]);
        assert_eq!((data.facts.unknown, data.facts.classes[0].count), (0.5, 4));
    }

    #[test]
    fn a_tag_that_only_the_validation_file_has_is_counted_and_said() {
        let data = load("a X\nb Y\n", "a X\nb Z\n\na Z\n\na X\nb Y\n").unwrap();
        assert_eq!(data.labels, ["X", "Y"]);
        assert_eq!(data.unseen, [ClassCount { label: "Z".into(), count: 2 }]);
        let Targets::Steps(targets) = &data.validation.as_ref().unwrap().targets else { panic!("steps") };
        assert_eq!(targets, &ndarray::array![[0, 2, 0], [2, 0, 0], [0, 1, 0]]);
        assert!(
            data.notes.iter().any(|note| note.starts_with("2 words of the validation data have a tag")),
            "{:?}",
            data.notes
        );
        assert!(
            data.notes.iter().any(|note| note.starts_with("2 of 3 validation sentences")),
            "{:?}",
            data.notes
        );
        assert!(load("a X\nb X\n", "").unwrap_err().to_string().contains("found a single tag, \"X\""));
    }

    #[test]
    fn a_share_of_the_sentences_validates_and_equal_ones_stay_together() {
        let text: String = (0..40).map(|n| format!("w{} X\nb Y\n\n", n / 2)).collect();
        let data = load(&text, "0.2").unwrap();
        let validation = data.validation.unwrap();
        assert_eq!((data.train.len(), validation.len()), (32, 8));
        assert_eq!(data.facts.classes.iter().map(|class| class.count).sum::<usize>(), 64);
        assert!(
            load("a X\nb Y\n", "0.2").unwrap_err().to_string().contains("enough sentences to hold some out")
        );
    }
}
