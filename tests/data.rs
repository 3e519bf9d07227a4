//! Data as a user has them: files good and broken, folders, and Keras's answers on the same text.
//!
//! Messages are snapshots in `tests/messages`; `INSTA_UPDATE=always cargo test` writes them again.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "data/folders.rs"]
mod folders;
#[path = "data/formats.rs"]
mod formats;
#[path = "data/fractions.rs"]
mod fractions;
#[path = "common/messages.rs"]
mod messages;
#[path = "data/others.rs"]
mod others;
#[path = "data/tables.rs"]
mod tables;
#[path = "data/tokens.rs"]
mod tokens;
#[path = "data/validation.rs"]
mod validation;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use messages::assert_messages;
use proptest::prelude::*;
use unrolled::data::{
    self, Column, Data, DataError, DataSpec, Encoding, Format, GeneratedSpec, GivenValidation, Inputs,
    LabelledSpec, Level, Side, TagsSpec, Targets, TextSpec, TokenSpec, Validation, Vocabulary, WordOrder,
};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path)
}

fn csv(path: impl Into<PathBuf>) -> LabelledSpec {
    let (text, label) = (Some("text".into()), Some("label".into()));
    LabelledSpec { format: Some(Format::Csv), text, label, ..found(path) }
}

/// Whatever it is.
fn found(path: impl Into<PathBuf>) -> LabelledSpec {
    LabelledSpec { path: path.into(), ..LabelledSpec::default() }
}

fn validated_by(path: impl Into<PathBuf>) -> Option<Validation> {
    Some(Validation::Given(GivenValidation { path: path.into(), ..GivenValidation::default() }))
}

fn tokens(length: usize) -> TokenSpec {
    TokenSpec {
        level: Level::Word,
        ngrams: 1,
        vocabulary: 100,
        length,
        padding: Side::Pre,
        truncating: Side::Pre,
        channels: Vec::new(),
    }
}

fn load(spec: impl Into<Source>) -> Result<Data, DataError> {
    data::load(&spec.into().0, Some(&tokens(4)), 1, 1, &mut |_| {})
}

/// The message of a load that fails, with paths from `folder`.
fn message(folder: &Path, spec: impl Into<Source>) -> String {
    shortened(folder, &load(spec).unwrap_err())
}

/// The message with paths from `folder`, which is another one in every run.
fn shortened(folder: &Path, error: &DataError) -> String {
    error.to_string().replace(&folder.display().to_string(), "DIR")
}

/// A spec of any kind, so that tests can name the struct alone.
struct Source(DataSpec);

impl From<LabelledSpec> for Source {
    fn from(spec: LabelledSpec) -> Self {
        Self(DataSpec::Labelled(spec))
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(vec![], Compression::fast());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

/// The labels of a file or folder, and each training text as its tokens with its label.
fn texts(spec: LabelledSpec, level: Level) -> (Vec<String>, Vec<(String, String)>) {
    let tokens = TokenSpec { level, length: 12, ..tokens(1) };
    let data = data::load(&DataSpec::Labelled(spec), Some(&tokens), 1, 1, &mut |_| {}).unwrap();
    let (vocabulary, Targets::Classes(classes)) = (data.vocabularies.unwrap(), &data.train.targets) else {
        unreachable!()
    };
    let between = if level == Level::Character { "" } else { " " };
    let ids = data.train.inputs.tokens().unwrap();
    let text = |row: ndarray::ArrayView1<'_, u32>| {
        let words: Vec<&str> =
            row.iter().filter(|id| **id > 0).map(|id| vocabulary.first().word(*id)).collect();
        words.join(between)
    };
    let label = |class: &u32| data.labels[*class as usize].clone();
    let all = ids.rows().into_iter().map(text).zip(classes.iter().map(label)).collect();
    (data.labels, all)
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(text, label)| ((*text).to_owned(), (*label).to_owned())).collect()
}
