//! `source: text`: one long text for language models.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::data::dataset::{Dataset, Inputs, Targets};
use crate::data::error::DataError;
use crate::data::error::refuse;
use crate::data::files::encoding::Encoding;
use crate::data::files::text_file;
use crate::data::form::{Form, InputForm, TargetForm};
use crate::data::fraction::Fraction;
use crate::data::known::Known;
use crate::data::opened::{Data, Opened};
use crate::data::source::{Context, PathSetting, RequiredFile, Source, TokenUse};
use crate::data::sources::labelled::{GivenValidation, Validation};
use crate::data::text::interner::{Words, fingerprint};
use crate::data::text::notes::overlap_note;
use crate::data::text::tokenizer::{Level, for_each_word};
use crate::data::text::tokens::{TokenRules, TokenSpec};
use crate::data::text::vocabulary::Vocabulary;
use crate::number;
use crate::protocol::{ClassCount, DataFacts};

/// A text file (plain or gzip) whose next token is predicted at every step: `{source: text, path: …}`.
///
/// The text is divided into windows of `tokens.length`; the targets of a window are its tokens shifted by one. With stateful layers
/// the text becomes `train.batch_size` parallel streams, and each window of a batch continues the window at the same position of the
/// batch before (truncated back-propagation through time, Williams & Peng 1990; the layout is that of
/// Zaremba, Sutskever & Vinyals 2014). The rest of each stream, less than a window, is not used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextSpec {
    /// The file.
    pub path: PathBuf,
    /// What is for validation: a share of the text, at its end, or another file.
    #[serde(default = "tenth")]
    pub validation: Validation,
    /// The character encoding.
    #[serde(default, skip_serializing_if = "Encoding::is_default")]
    pub encoding: Encoding,
    /// Instructions to obtain the file, shown when it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
}

/// Bytes from which on a line hardly recurs by chance.
const LONG_LINE: usize = 30;

fn tenth() -> Validation {
    Validation::Share(0.1)
}

impl Default for TextSpec {
    fn default() -> Self {
        Self { path: PathBuf::new(), validation: tenth(), encoding: Encoding::default(), needs: None }
    }
}

impl Source for TextSpec {
    fn description(&self) -> String {
        self.path.display().to_string()
    }

    fn check(&self) -> Result<(), DataError> {
        let expected = "a share of the text, 0 or more and below 1, or {path: FILE}";
        match &self.validation {
            Validation::Share(share) if (0.0..1.0).contains(share) => Ok(()),
            Validation::Share(share) => refuse("data.validation", share, expected),
            Validation::Fold { .. } => refuse("data.validation", "a fold of one text", expected),
            Validation::Given(GivenValidation { text: None, label: None, labels: None, .. }) => Ok(()),
            Validation::Given(_) => refuse("data.validation", "text, label or labels", expected),
        }
    }

    fn token_use(&self) -> TokenUse {
        TokenUse::Required(TokenRules::LANGUAGE)
    }

    fn form(&self, tokens: Option<&TokenSpec>) -> Form {
        Form { inputs: InputForm::of_tokens(tokens, false), targets: TargetForm::Next }
    }

    fn open(&self, context: Context<'_>) -> Result<Opened, DataError> {
        let tokens = context.required_tokens()?;
        Ok(self.load(tokens, context.known, (context.streams, context.fraction), context.progress)?.into())
    }

    fn files(&self) -> Vec<RequiredFile<'_>> {
        let paths = [Some(&self.path), self.given().map(|given| &given.path)];
        let file = |path| RequiredFile { path, needs: self.needs.as_deref() };
        paths.into_iter().flatten().map(|path| file(path.as_path())).collect()
    }

    fn paths_mut(&mut self) -> Vec<PathSetting<'_>> {
        vec![PathSetting { key: &["data", "path"], path: &mut self.path }]
    }

    fn validation_path_mut(&mut self) -> Option<&mut PathBuf> {
        self.validation.path_mut()
    }

    fn remove_validation(&mut self) {
        self.validation = Validation::Share(0.0);
    }

    fn vocabulary_at_least(
        &self,
        tokens: &TokenSpec,
        _seed: u64,
        least: u64,
    ) -> Result<Option<usize>, DataError> {
        let text = self.text(&self.path)?;
        let (words, numbers) = numbers(&text, tokens.level);
        let mut counts = vec![0_u64; words.distinct()];
        self.divide(&numbers).0.iter().for_each(|number| counts[*number as usize] += 1);
        Ok(Some(counts.into_iter().filter(|count| *count >= least).count() + Vocabulary::FIRST as usize))
    }
}

/// A text to evaluate a language model on.
#[derive(Debug, Clone)]
pub struct EvaluationText {
    /// Windows with the next tokens as targets, as in training.
    pub data: Dataset,
    /// The number of parallel streams; the windows of a batch are one of each.
    pub streams: usize,
    /// Tokens that are in no window.
    pub unread: usize,
    /// The share of the tokens that are not in the vocabulary.
    pub unknown: f64,
    /// The mean number of characters of a token, with the white space after it.
    pub characters: f64,
    /// The file.
    pub source: String,
}

impl TextSpec {
    /// The validation file.
    fn given(&self) -> Option<&GivenValidation> {
        match &self.validation {
            Validation::Given(given) => Some(given),
            _ => None,
        }
    }

    fn text(&self, path: &Path) -> Result<String, DataError> {
        text_file::read_as(path, self.needs.as_deref(), self.encoding)
    }

    /// The tokens to train on, and those held out at the end.
    fn divide<'n>(&self, numbers: &'n [u32]) -> (&'n [u32], &'n [u32]) {
        let Validation::Share(share) = self.validation else { return (numbers, &[]) };
        let held_out = (numbers.len() as f64 * share).round() as usize;
        numbers.split_at(numbers.len() - held_out.min(numbers.len()))
    }

    /// The validation text (or, if `whole`, all of the file at its path), encoded by an existing vocabulary, in at most `streams` streams;
    /// `None` without validation data.
    ///
    /// # Errors
    /// As loading the training data.
    pub fn evaluation_text(
        &self,
        whole: bool,
        streams: usize,
        (vocabulary, tokens): (&Vocabulary, &TokenSpec),
    ) -> Result<Option<EvaluationText>, DataError> {
        let path = self.given().filter(|_| !whole).map_or(&self.path, |given| &given.path);
        let text = self.text(path)?;
        let mut ids = vocabulary.encode(&text, tokens.level);
        let characters = text.chars().count() as f64 / ids.len().max(1) as f64;
        if !whole && self.given().is_none() {
            ids = self.divide(&ids).1.to_vec();
            if ids.is_empty() {
                return Ok(None);
            }
        }
        // A short text has fewer streams.
        let (steps, length) = (ids.len().saturating_sub(1), tokens.length.max(1));
        let streams = streams.min(steps / length).max(1);
        // Of another text than that of training at most a twentieth is lost at the ends of streams.
        let is_whole = |streams: &usize| (steps - steps / streams / length * length * streams) * 20 <= steps;
        let streams = match whole {
            true => (1..=streams).rev().find(is_whole).unwrap_or(1),
            false => streams,
        };
        let data = Self { path: path.clone(), ..self.clone() }.windows("", &ids, streams, tokens.length)?;
        let unread = ids.len().saturating_sub(1 + data.len() * tokens.length);
        let unknown = ids.iter().filter(|id| **id == Vocabulary::UNKNOWN).count() as f64;
        let unknown = unknown / ids.len().max(1) as f64;
        let source = path.display().to_string();
        Ok(Some(EvaluationText { data, streams, unread, unknown, characters, source }))
    }

    /// Reads the text and divides it into `streams` streams; trained on is the last `fraction` of what is not held out.
    fn load(
        &self,
        tokens: &TokenSpec,
        trained: Option<&Known>,
        (streams, fraction): (usize, Fraction),
        progress: &mut dyn FnMut(String),
    ) -> Result<Data, DataError> {
        progress(format!("reading {}", self.path.display()));
        let text = self.text(&self.path)?;
        let (words, numbers) = numbers(&text, tokens.level);
        progress(format!("encoding {} tokens", number::count(numbers.len() as u64)));
        let (train_part, held_out) = self.divide(&numbers);
        let (_, train_part) = train_part.split_at(train_part.len() - fraction.of(train_part.len()));
        let mut counts = vec![0_u64; words.distinct()];
        train_part.iter().for_each(|number| counts[*number as usize] += 1);
        let seen = words.iter().map(|(word, number, _)| (word, counts[number as usize]));
        let seen = seen.filter(|(_, count)| *count > 0);
        let mut notes = Vec::new();
        let vocabulary = match trained.and_then(|known| known.vocabulary(seen.clone())) {
            Some((vocabulary, more)) => {
                notes.extend(more);
                vocabulary
            }
            None => Vocabulary::of_counts(seen, tokens.vocabulary),
        };
        let mut id_of = vec![Vocabulary::UNKNOWN; words.distinct()];
        for (word, number, _) in words.iter() {
            id_of[number as usize] = vocabulary.id(word).unwrap_or(Vocabulary::UNKNOWN);
        }
        let ids = |part: &[u32]| part.iter().map(|number| id_of[*number as usize]).collect::<Vec<u32>>();
        let (train_ids, mut held_out) = (ids(train_part), ids(held_out));
        if let Some(GivenValidation { path, .. }) = self.given() {
            progress(format!("reading {}", path.display()));
            let other = self.text(path)?;
            notes.extend(overlap(&text, &other));
            held_out = vocabulary.encode(&other, tokens.level);
        }
        let train = self.windows("for training", &train_ids, streams, tokens.length)?;
        let validation = match held_out.as_slice() {
            [] => None,
            part => Some(self.windows("held out for validation", part, streams, tokens.length)?),
        };
        let labels = Vec::<String>::from(vocabulary.clone());
        let mut classes: Vec<_> =
            labels.iter().map(|label| ClassCount { label: label.clone(), count: 0 }).collect();
        train_ids.iter().for_each(|id| classes[*id as usize].count += 1);
        let counted = if held_out.is_empty() { &train_ids } else { &held_out };
        let unknown = counted.iter().filter(|id| **id == Vocabulary::UNKNOWN).count();
        let facts = DataFacts {
            source: self.path.display().to_string(),
            train: train.len(),
            validation: validation.as_ref().map_or(0, Dataset::len),
            classes,
            vocabulary: vocabulary.len(),
            length: tokens.length,
            skipped: 0,
            unknown: unknown as f64 / counted.len().max(1) as f64,
            ..DataFacts::default()
        };
        Ok(Data {
            validation,
            vocabularies: Some(vocabulary.into()),
            labels,
            notes,
            ..Data::of(train, facts)
        })
    }

    fn windows(&self, part: &str, ids: &[u32], streams: usize, length: usize) -> Result<Dataset, DataError> {
        windows(ids, streams, length).ok_or_else(|| {
            let found = format!("{} tokens {part}", number::count(ids.len() as u64)).trim_end().to_owned();
            let least = number::count(streams.saturating_mul(length).saturating_add(1) as u64);
            let expected = match streams {
                1 => format!("at least {least}: tokens.length and one more"),
                _ => format!("at least {least}: train.batch_size × tokens.length and one more"),
            };
            DataError::content(&self.path, None, found, expected)
        })
    }
}

/// A note for the user if most lines of the validation text are in the training text as well.
fn overlap(train: &str, validation: &str) -> Option<String> {
    let lines = |text: &'_ str| -> Vec<u64> {
        let long = text.lines().filter(|line| line.trim().len() >= LONG_LINE);
        long.map(fingerprint).collect()
    };
    let (known, lines): (HashSet<u64>, _) = (lines(train).into_iter().collect(), lines(validation));
    let shared = lines.iter().filter(|line| known.contains(line)).count();
    overlap_note(shared, lines.len(), "long lines of the validation text")
}

/// The distinct tokens, and the text as their numbers.
fn numbers(text: &str, level: Level) -> (Words, Vec<u32>) {
    let (mut words, mut numbers) = (Words::default(), Vec::new());
    match level {
        Level::Character => {
            let mut bytes = [0; 4];
            numbers.extend(text.chars().map(|c| words.count(c.encode_utf8(&mut bytes))));
        }
        Level::Word => for_each_word(text, &mut String::new(), |word| numbers.push(words.count(word))),
        Level::Symbol => numbers.extend(text.split_whitespace().map(|symbol| words.count(symbol))),
    }
    (words, numbers)
}

/// Windows of `length` tokens with the next tokens as targets: sequence `w·streams + s` is window `w` of stream `s`. `None`
/// if there is not one window a stream.
fn windows(ids: &[u32], streams: usize, length: usize) -> Option<Dataset> {
    let stream = ids.len().checked_sub(1)?.checked_div(streams)?;
    let count = stream.checked_div(length).filter(|count| *count > 0)?;
    let table = |shift: usize| {
        let starts = (0..count).flat_map(|w| (0..streams).map(move |s| s * stream + w * length + shift));
        let rows = starts.filter_map(|start| ids.get(start..start + length)).flatten().copied().collect();
        Array2::from_shape_vec((count * streams, length), rows).ok()
    };
    Some(Dataset { inputs: Inputs::Tokens(table(0)?), targets: Targets::Steps(table(1)?) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dataset::sampler::Sampler;
    use crate::data::text::tokens::Side;

    fn text(content: &[u8], validation: f64, streams: usize, length: usize) -> Result<Data, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.txt");
        std::fs::write(&path, content).unwrap();
        let spec = TextSpec { path, validation: Validation::Share(validation), ..TextSpec::default() };
        let (padding, truncating) = (Side::Post, Side::Post);
        let tokens = TokenSpec {
            level: Level::Character,
            ngrams: 1,
            vocabulary: 60,
            length,
            padding,
            truncating,
            channels: Vec::new(),
        };
        spec.load(&tokens, None, (streams, Fraction::ALL), &mut |_| {})
    }

    /// The characters of a row.
    fn row(data: &Data, rows: &Array2<u32>, row: usize) -> String {
        let vocabulary = data.vocabularies.as_ref().unwrap().first();
        rows.row(row).iter().map(|id| vocabulary.word(*id)).collect()
    }

    fn tables(data: &Dataset) -> (&Array2<u32>, &Array2<u32>) {
        match (&data.inputs, &data.targets) {
            (Inputs::Tokens(inputs), Targets::Steps(targets)) => (inputs, targets),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_windows_of_a_stream_are_at_one_position_of_consecutive_batches() {
        let alphabet: Vec<u8> = (b'a'..=b'z').chain(b'A'..=b'Z').collect();
        let data = text(&alphabet, 0.5, 2, 4).unwrap();
        let (inputs, targets) = tables(&data.train);
        let mut sampler = Sampler::new(1, data.train.len(), 2).unshuffled();
        assert_eq!((data.train.len(), sampler.batches()), (6, 3));
        let read: Vec<Vec<String>> = (0..3)
            .map(|batch| sampler.batch(1, batch).iter().map(|i| row(&data, inputs, *i)).collect())
            .collect();
        assert_eq!(read, [["abcd", "mnop"], ["efgh", "qrst"], ["ijkl", "uvwx"]]);
        assert_eq!((row(&data, targets, 0), row(&data, targets, 3)), ("bcde".into(), "rstu".into()));
        // The held-out part contributes nothing to the vocabulary.
        let held_out = data.validation.as_ref().unwrap();
        assert!(tables(held_out).0.iter().all(|id| *id == Vocabulary::UNKNOWN));
        assert_eq!((data.facts.unknown, data.facts.vocabulary), (1.0, 28));
        assert_eq!(data.facts.classes.iter().map(|class| class.count).sum::<usize>(), 26);
    }

    #[test]
    fn one_stream_is_the_whole_text_in_its_order() {
        let data = text("aé\nb".repeat(25).as_bytes(), 0.0, 1, 9).unwrap();
        let (inputs, _) = tables(&data.train);
        let all: String = (0..inputs.nrows()).map(|i| row(&data, inputs, i)).collect();
        assert_eq!(all, "aé\nb".repeat(25).chars().take(99).collect::<String>());
        assert!(data.validation.is_none());
    }

    #[test]
    fn the_error_of_a_short_text_names_the_required_length() {
        let error = |content: &[u8], validation| text(content, validation, 4, 8).unwrap_err().to_string();
        let message = error(&[b'x'; 32], 0.0);
        assert!(
            message.ends_with(
                "found 32 tokens for training; expected at least 33: train.batch_size × tokens.length and one more"
            ),
            "{message}"
        );
        assert!(
            error(&[b'x'; 200], 0.1)
                .contains("found 20 tokens held out for validation; expected at least 33")
        );
        assert!(error(b"", 0.1).ends_with("found an empty file; expected text"));
        assert!(text(&[b'x'; 33], 0.0, 4, 8).is_ok());
    }

    #[test]
    fn another_file_validates_and_is_evaluated_by_the_same_vocabulary() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let long = "a line that is longer than forty bytes is one of a text\n";
        let path = put("train.txt", &(long.repeat(2) + &"ab".repeat(40)));
        let given = GivenValidation {
            path: put("valid.txt", &(long.to_owned() + "abcdabcdz")),
            ..GivenValidation::default()
        };
        let spec = TextSpec { path, validation: Validation::Given(given), ..TextSpec::default() };
        let (padding, truncating, channels) = (Side::Post, Side::Post, Vec::new());
        let tokens = TokenSpec {
            level: Level::Character,
            ngrams: 1,
            vocabulary: 60,
            length: 4,
            padding,
            truncating,
            channels,
        };
        let data = spec.load(&tokens, None, (2, Fraction::ALL), &mut |_| {}).unwrap();
        assert_eq!(data.train.len(), 2 * ((2 * long.len() + 80 - 1) / 2 / 4));
        assert_eq!(data.validation.unwrap().len(), 2 * ((long.len() + 9 - 1) / 2 / 4));
        assert!(
            data.notes[0].starts_with("1 of 1 long lines of the validation text also appear"),
            "{:?}",
            data.notes
        );
        let vocabulary = data.vocabularies.unwrap().first().clone();
        let found = spec.evaluation_text(false, 64, (&vocabulary, &tokens)).unwrap().unwrap();
        assert_eq!((found.streams, found.data.len(), found.characters), (16, 16, 1.0));
        assert_eq!(found.unread, long.len() + 9 - 1 - 64);
        assert!(
            (found.unknown - 5.0 / (long.len() + 9) as f64).abs() < 1e-12,
            "c, d and z are unknown: {}",
            found.unknown
        );
        assert!(
            spec.evaluation_text(true, 1, (&vocabulary, &tokens))
                .unwrap()
                .unwrap()
                .source
                .ends_with("train.txt")
        );
        assert_eq!(spec.vocabulary_at_least(&tokens, 1, 30).unwrap(), Some(4));
    }

    #[test]
    fn errors_of_invalid_bytes_name_line_and_column() {
        let message = text(b"one\ntwo\xe9 three", 0.0, 1, 1).unwrap_err().to_string();
        assert!(
            message.contains("text.txt:2: found the byte 0xe9 at byte column 4, which is not"),
            "{message}"
        );
    }
}
