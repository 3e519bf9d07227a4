//! `source: sequences`: sequences of vectors with a class each: tables and `.ts` files of time series, recordings of words.

mod archive;
mod audio;
mod gaps;
mod mel;
mod recordings;
mod resample;
mod scale;
mod source;
mod statistics;
mod table;
mod ts;
mod wav_header;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ndarray::{Array3, ArrayViewMut2, Axis};
use serde::{Deserialize, Serialize};

use crate::data::dataset::{Dataset, Inputs, Targets};
use crate::data::error::DataError;
use crate::data::error::{listed, quoted, refuse};
use crate::data::fraction::Fraction;
use crate::data::known::Known;
use crate::data::opened::Data;
use crate::data::sources::labelled::{Validation, split};
use crate::data::text::interner::fingerprint_of;
use crate::data::text::label_set;
use crate::number;
use crate::protocol::{ClassCount, DataFacts};

pub use archive::archive;
pub use scale::{Scale, Scaling};
pub use statistics::SequenceStatistics;

/// Labelled sequences of numbers, `{source: sequences, path: …, length: 100, features: 40}`. The format is detected:
///
/// - a table (plain or gzip) in the format of the UCR archive: a sequence a row, its label in the first column, separated by tabs,
///   commas or blanks
/// - a `.ts` file, the format of the UEA archive and aeon, with one or several dimensions
/// - a folder per class with recordings (WAV), each a word: they become log-mel spectra, a frame every 10 ms
///
/// Sequences are truncated or padded with zeros at the end to `length`; `{layer: Masking}` skips the padding. No step of the data is all
/// 0: its first number becomes the smallest positive number instead. Missing values at the end are not part of the sequence; others are
/// interpolated linearly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequencesSpec {
    /// The file, or the folder of classes.
    pub path: PathBuf,
    /// Time steps of a row.
    pub length: usize,
    /// Numbers a step: 1 in a table, the dimensions of a `.ts` file, the mel bands of a recording.
    #[serde(default = "one")]
    pub features: usize,
    /// How numbers are scaled.
    #[serde(default)]
    pub scale: Scaling,
    /// The column of a table with the label, from 1; the first if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<usize>,
    /// The sample rate in Hz to which recordings are resampled.
    #[serde(default = "usual_rate")]
    pub rate: u32,
    /// Removes frames at both ends of a recording that are this many decibels below its loudest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trim: Option<f64>,
    /// Whether to skip and count invalid recordings instead of returning the error of the first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_bad_rows: bool,
    /// The validation data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
    /// Instructions to obtain the data, shown when they are missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
}

fn one() -> usize {
    1
}

fn usual_rate() -> u32 {
    16_000
}

/// The maximum of `length` and `features`.
const LONGEST: usize = 1_000_000;

/// A sequence of a file.
#[derive(Debug, Clone, PartialEq)]
struct Sequence {
    /// `[time, features]`, finite.
    values: Vec<f32>,
    /// Empty if there is none.
    label: String,
    /// Its file.
    file: PathBuf,
    /// Its line, if the file has several sequences.
    line: Option<u64>,
}

/// The sequences of one file or folder.
#[derive(Debug, Default)]
struct Sequences {
    all: Vec<Sequence>,
    /// The number of missing values within sequences.
    missing: usize,
    /// Files that are not recordings.
    skipped: Vec<String>,
    /// The errors of skipped recordings.
    broken: Vec<DataError>,
}

/// Sequences with their classes, scaled and padded.
#[derive(Debug, Clone)]
pub struct LabelledSequences {
    /// The name of each: its file, and its line if there are several.
    pub names: Vec<String>,
    /// `[sequence, time, features]`.
    pub rows: Array3<f32>,
    /// The class of each.
    pub classes: Vec<u32>,
}

/// Computes the statistics of the sequences at `path`: a table, a `.ts` file, or a folder of classes with recordings (as spectra of 40
/// bands at 16 kHz, from the headers of at most 2,000 of them).
///
/// # Errors
/// The first missing file or invalid content.
pub fn sequence_statistics(path: &Path) -> Result<SequenceStatistics, DataError> {
    let mut spec = SequencesSpec::at(path);
    if path.is_dir() {
        spec.features = 40;
        return recordings::statistics(&spec, path);
    }
    spec.features = ts::dimensions(path)?.unwrap_or(1);
    let found = spec.read(path, &mut |_| {})?;
    let lengths = found.all.iter().map(|sequence| sequence.values.len() / spec.features);
    Ok(SequenceStatistics {
        sequences: found.all.len(),
        features: spec.features,
        longest: lengths.clone().max().unwrap_or(0),
        shortest: lengths.min().unwrap_or(0),
        classes: found.classes().into_iter().map(|(label, count)| (label.to_owned(), count)).collect(),
        measured: found.all.len(),
        broken: Vec::new(),
    })
}

impl SequencesSpec {
    /// The default settings for the data at `path`.
    pub fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            length: LONGEST,
            features: 1,
            scale: Scaling::default(),
            label: None,
            rate: usual_rate(),
            trim: None,
            skip_bad_rows: false,
            validation: None,
            needs: None,
        }
    }

    /// Checks the settings themselves.
    fn check_settings(&self) -> Result<(), DataError> {
        for (field, number) in [("data.length", self.length), ("data.features", self.features)] {
            if !(1..=LONGEST).contains(&number) {
                return refuse(field, number, format!("a number from 1 to {LONGEST}"));
            }
        }
        if self.label == Some(0) {
            return refuse("data.label", 0, "the number of a column, from 1");
        }
        if !(4_000..=192_000).contains(&self.rate) {
            return refuse("data.rate", self.rate, "samples a second from 4000 to 192000");
        }
        if let Some(trim) = self.trim.filter(|trim| !(trim.is_finite() && *trim > 0.0)) {
            return refuse("data.trim", trim, "decibels above 0");
        }
        match &self.validation {
            Some(Validation::Given(given))
                if given.text.is_some() || given.label.is_some() || given.labels.is_some() =>
            {
                refuse("data.validation", "columns", "a path alone: sequences have no text")
            }
            Some(validation) => validation.check(),
            None => Ok(()),
        }
    }

    /// The path of separate validation data.
    fn given(&self) -> Option<&Path> {
        match &self.validation {
            Some(Validation::Given(given)) => Some(&given.path),
            _ => None,
        }
    }

    /// Reads all data; the validation split depends on `seed`, and so does which of the training data are used.
    fn load(
        &self,
        (seed, fraction): (u64, Fraction),
        trained: Option<&Known>,
        progress: &mut dyn FnMut(String),
    ) -> Result<Data, DataError> {
        let mut train = self.read(&self.path, progress)?;
        let mut skipped = std::mem::take(&mut train.skipped);
        let mut broken = std::mem::take(&mut train.broken);
        let (mut missing, mut validation, mut labels) = (train.missing, None, Vec::new());
        if let Some(path) = self.given() {
            let read = self.read(path, progress)?;
            missing += read.missing;
            skipped.extend_from_slice(&read.skipped);
            broken.extend(read.broken);
            validation = Some(read.all);
        } else if let Some(setting) = &self.validation {
            let (train_part, held_out) = train.split(setting, seed);
            if train_part.is_empty() || held_out.is_empty() {
                let found = format!("{} sequences", number::count(train.all.len() as u64));
                let expected = "enough sequences to hold some out: see data.validation";
                return Err(DataError::content(&self.path, None, found, expected));
            }
            // Classes of the whole data, even where no sequence of a class is left for training.
            labels = train.labels();
            let held_out: BTreeSet<usize> = held_out.into_iter().collect();
            let parts = std::mem::take(&mut train.all).into_iter().enumerate();
            let (held_out, trained): (Vec<_>, Vec<_>) = parts.partition(|(at, _)| held_out.contains(at));
            validation = Some(held_out.into_iter().map(|(_, sequence)| sequence).collect());
            train.all = trained.into_iter().map(|(_, sequence)| sequence).collect();
        }
        if labels.is_empty() {
            labels = train.labels();
        }
        train.all = fraction.keep(train.all, seed);
        let counts: BTreeMap<&str, usize> = train.classes().into_iter().collect();
        let count = |label: &String| (label.clone(), counts.get(label.as_str()).copied().unwrap_or_default());
        let found: Vec<(String, usize)> = labels.iter().map(count).collect();
        let known_classes = trained.map(|known| known.classes(&self.path, &found)).transpose()?.flatten();
        let mut trained_notes = Vec::new();
        let classes: Vec<ClassCount> = match known_classes {
            Some((classes, note)) => {
                trained_notes.extend(note);
                classes
            }
            None => {
                check_several(&self.path, &labels)?;
                found.into_iter().map(|(label, count)| ClassCount { label, count }).collect()
            }
        };
        let labels: Vec<String> = classes.iter().map(|class| class.label.clone()).collect();
        let known_scale =
            trained.map(|known| known.scale("data.features", self.features)).transpose()?.flatten();
        let scale = match (known_scale, self.scale) {
            (Some(known), _) => known,
            (None, Scaling::None) => Scale::none(self.features),
            (None, Scaling::Standard) => {
                Scale::fit(train.all.iter().map(|sequence| self.truncated(sequence)), self.features)
            }
        };
        let mut notes = self.notes(train.all.iter().chain(validation.iter().flatten()), missing, &skipped);
        notes.append(&mut trained_notes);
        if let Some(first) = broken.first() {
            let count = number::count(broken.len() as u64);
            notes.push(format!("{count} invalid recordings are skipped; the first: {first}"));
        }
        let train = self.dataset(&train.all, &labels, &scale)?;
        let validation = validation.map(|all| self.dataset(&all, &labels, &scale)).transpose()?;
        let facts = DataFacts {
            source: self.path.display().to_string(),
            train: train.len(),
            validation: validation.as_ref().map_or(0, Dataset::len),
            classes,
            length: self.length,
            skipped: skipped.len() + broken.len(),
            ..DataFacts::default()
        };
        Ok(Data { validation, labels, notes, scale: Some(scale), ..Data::of(train, facts) })
    }

    /// Reads the sequences at `path`, each with a label.
    fn read(&self, path: &Path, progress: &mut dyn FnMut(String)) -> Result<Sequences, DataError> {
        progress(format!("reading {}", path.display()));
        let kind = path.metadata().map_err(|e| DataError::read(path, self.needs.as_deref(), e))?;
        let found = if kind.is_dir() { recordings::folder(self, path)? } else { self.file(path)? };
        if let Some(stranger) = found.all.iter().find(|sequence| sequence.label.is_empty()) {
            let expected = "a sequence with the name of its class";
            return Err(DataError::content(path, stranger.line, "no label", expected));
        }
        if found.all.is_empty() {
            return Err(DataError::content(path, None, "no sequence", "a sequence a line, with its label"));
        }
        Ok(found)
    }

    /// The sequences in a file.
    fn file(&self, path: &Path) -> Result<Sequences, DataError> {
        if audio::is_wav(path) {
            return recordings::file(self, path);
        }
        if self.skip_bad_rows {
            return refuse(
                "data.skip_bad_rows",
                true,
                "a folder of recordings: rows of a table cannot be skipped",
            );
        }
        let text = crate::data::files::text_file::read(path, self.needs.as_deref())?;
        if ts::is_ts(&text) { ts::read(self, path, &text) } else { table::read(self, path, &text) }
    }

    /// Reads sequences for prediction, with or without labels: their names, and their values `[sequence, time, features]`.
    ///
    /// # Errors
    /// As loading the training data; `scale` must be that of the run.
    pub fn unlabelled(&self, path: &Path, scale: &Scale) -> Result<(Vec<String>, Array3<f32>), DataError> {
        let kind = path.metadata().map_err(|e| DataError::read(path, None, e))?;
        // Every recording gets a prediction or an error.
        let strict = Self { skip_bad_rows: false, ..self.clone() };
        let found = if kind.is_dir() { recordings::folder(&strict, path)? } else { strict.file(path)? };
        Ok((found.names(), self.rows(&found.all, scale)?))
    }

    /// The validation sequences (or, if `whole`, all at its path), encoded by existing `labels` and an existing `scale`, and their path.
    ///
    /// # Errors
    /// As loading the training data; also for a label that is not among `labels`.
    pub fn evaluation_set(
        &self,
        whole: bool,
        seed: u64,
        labels: &[String],
        scale: &Scale,
    ) -> Result<(LabelledSequences, String), DataError> {
        let path = self.given().filter(|_| !whole).unwrap_or(&self.path);
        let mut found = self.read(path, &mut |_| {})?;
        if let (Some(setting), None, false) = (&self.validation, self.given(), whole) {
            let (_, held_out) = found.split(setting, seed);
            found.all = held_out.iter().filter_map(|at| found.all.get(*at).cloned()).collect();
        }
        let (names, rows) = (found.names(), self.rows(&found.all, scale)?);
        let classes = classes_of(&found.all, labels)?;
        Ok((LabelledSequences { names, rows, classes }, path.display().to_string()))
    }

    /// The steps of a sequence within `length`.
    fn truncated<'s>(&self, sequence: &'s Sequence) -> &'s [f32] {
        let end = sequence.values.len().min(self.length.saturating_mul(self.features));
        sequence.values.get(..end).unwrap_or_default()
    }

    /// Encodes sequences, scaled and padded.
    fn dataset(&self, all: &[Sequence], labels: &[String], scale: &Scale) -> Result<Dataset, DataError> {
        let targets = Targets::Classes(classes_of(all, labels)?);
        Ok(Dataset { inputs: Inputs::Real(self.rows(all, scale)?), targets })
    }

    /// `[sequence, time, features]`, scaled, padded at the end.
    fn rows(&self, all: &[Sequence], scale: &Scale) -> Result<Array3<f32>, DataError> {
        let (length, features) = (self.length, self.features);
        let size = all.len().checked_mul(length).and_then(|size| size.checked_mul(features));
        let mut values = Vec::new();
        let size = size.filter(|size| values.try_reserve_exact(*size).is_ok());
        let rows = size.and_then(|size| {
            values.resize(size, 0.0);
            Array3::from_shape_vec((all.len(), length, features), values).ok()
        });
        let mut rows = rows.ok_or_else(|| DataError::Setting {
            field: "data.length".into(),
            found: length.to_string(),
            expected: format!("a length at which {} sequences fit in memory", all.len()),
        })?;
        for (row, sequence) in rows.axis_iter_mut(Axis(0)).zip(all) {
            let row: ArrayViewMut2<'_, f32> = row;
            if let Some(row) = row.into_slice() {
                scale.apply(self.truncated(sequence), row);
            }
        }
        Ok(rows)
    }

    /// Notes for the user.
    fn notes<'s>(
        &self,
        all: impl Iterator<Item = &'s Sequence>,
        missing: usize,
        skipped: &[String],
    ) -> Vec<String> {
        let count = |n: usize| number::count(n as u64);
        let lengths: Vec<usize> = all.map(|sequence| sequence.values.len() / self.features).collect();
        let mut notes = Vec::new();
        let long = lengths.iter().filter(|length| **length > self.length).count();
        if long > 0 {
            let all = count(lengths.len());
            let most = lengths.iter().copied().max().unwrap_or(0);
            notes.push(format!(
                "{} of {all} sequences are longer than data.length, {} steps, and truncated; the longest has {}",
                count(long),
                count(self.length),
                count(most)
            ));
        }
        if missing > 0 {
            notes
                .push(format!("{} missing values are interpolated between their neighbours", count(missing)));
        }
        if !skipped.is_empty() {
            notes.push(format!(
                "skipped, as their names do not end in .wav: {}",
                listed(skipped.iter().map(String::as_str))
            ));
        }
        notes
    }
}

impl Sequences {
    /// The labels in sorted order, each with its number of sequences.
    fn classes(&self) -> Vec<(&str, usize)> {
        let mut counts = BTreeMap::<&str, usize>::new();
        self.all.iter().for_each(|sequence| *counts.entry(&sequence.label).or_default() += 1);
        counts.into_iter().collect()
    }

    /// The labels in sorted order.
    fn labels(&self) -> Vec<String> {
        self.classes().into_iter().map(|(label, _)| label.to_owned()).collect()
    }

    /// The name of each sequence.
    fn names(&self) -> Vec<String> {
        let name = |sequence: &Sequence| match sequence.line {
            Some(line) => format!("{}:{line}", sequence.file.display()),
            None => sequence.file.display().to_string(),
        };
        self.all.iter().map(name).collect()
    }

    /// The indices of the training and of the held-out sequences; equal sequences stay on one side.
    fn split(&self, setting: &Validation, seed: u64) -> (Vec<usize>, Vec<usize>) {
        split::split_by_fingerprint(self.fingerprints(), setting, seed)
    }

    /// The fingerprint and the class of each sequence.
    fn fingerprints(&self) -> impl Iterator<Item = (u64, usize)> {
        let classes: Vec<&str> = self.classes().into_iter().map(|(label, _)| label).collect();
        self.all.iter().map(move |sequence| {
            let bytes: Vec<u8> = sequence.values.iter().flat_map(|x| x.to_le_bytes()).collect();
            (fingerprint_of(&bytes), classes.binary_search(&sequence.label.as_str()).unwrap_or(0))
        })
    }
}

/// Checks that there are at least two labels.
fn check_several(path: &Path, labels: &[impl AsRef<str>]) -> Result<(), DataError> {
    match labels {
        [label] => {
            let found = format!("a single label, {}", quoted(label.as_ref()));
            Err(DataError::content(path, None, found, "at least two classes"))
        }
        _ => Ok(()),
    }
}

/// The index of each sequence's label in `labels`, which are sorted.
fn classes_of(all: &[Sequence], labels: &[String]) -> Result<Vec<u32>, DataError> {
    let class = |sequence: &Sequence| match label_set::position(labels, &sequence.label) {
        Some(class) => Ok(class as u32),
        None => Err(DataError::content(
            &sequence.file,
            sequence.line,
            format!("the label {}", quoted(&sequence.label)),
            format!("a label of the training data: {}", listed(labels.iter().map(String::as_str))),
        )),
    };
    all.iter().map(class).collect()
}

#[cfg(test)]
mod tests;
