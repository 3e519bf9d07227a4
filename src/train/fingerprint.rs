//! The fingerprint of data, by which a change between two parts of a training is recognised.

use serde::{Deserialize, Serialize};

use super::session::Session;
use crate::data::{Batches, Dataset, Inputs, Targets};
use crate::number::count;

/// Counts and checksums of the data of a training.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DataFingerprint {
    /// Sequences.
    train: usize,
    validation: usize,
    /// Checksums (CRC-32): of the vocabulary, of the labels, and of inputs and targets; 0 where they are streamed.
    vocabulary: u32,
    labels: u32,
    train_content: u32,
    validation_content: u32,
}

impl Session {
    /// The fingerprint of its data.
    pub(super) fn fingerprint(&self) -> DataFingerprint {
        let json = |value: Option<Vec<u8>>| crc32fast::hash(&value.unwrap_or_default());
        DataFingerprint {
            train: self.train.len(),
            validation: self.validation.as_ref().map_or(0, Batches::len),
            vocabulary: json(serde_json::to_vec(&self.vocabularies).ok()),
            labels: json(serde_json::to_vec(&self.labels).ok()),
            train_content: content(&self.train),
            validation_content: self.validation.as_ref().map_or(0, content),
        }
    }
}

impl DataFingerprint {
    /// What is different in the data now, in words.
    pub fn difference(&self, now: &Self) -> Option<String> {
        let sequences = |name: &str, before: usize, now: usize| {
            (before != now)
                .then(|| format!("{name}: {} before, {} now", count(before as u64), count(now as u64)))
        };
        let differs = |what: &str, before: u32, now: u32| (before != now).then(|| what.to_owned());
        [
            sequences("training sequences", self.train, now.train),
            sequences("validation sequences", self.validation, now.validation),
            differs("other labels", self.labels, now.labels),
            differs("another vocabulary", self.vocabulary, now.vocabulary),
            differs("other training data", self.train_content, now.train_content),
            differs("other validation data", self.validation_content, now.validation_content),
        ]
        .into_iter()
        .flatten()
        .next()
    }
}

fn content(batches: &Batches) -> u32 {
    match batches {
        Batches::InMemory { data, .. } => dataset(data),
        // Read anew every epoch: its vocabulary and its number of sequences are compared.
        Batches::Streamed(_) => 0,
    }
}

fn dataset(data: &Dataset) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    let mut bytes = Vec::with_capacity(64 * 1024);
    let mut add = |number: [u8; 4]| {
        bytes.extend_from_slice(&number);
        if bytes.len() >= 64 * 1024 - 4 {
            hash.update(&bytes);
            bytes.clear();
        }
    };
    match &data.inputs {
        Inputs::Tokens(ids) => ids.iter().for_each(|id| add(id.to_le_bytes())),
        Inputs::Channels(ids) => ids.iter().for_each(|id| add(id.to_le_bytes())),
        Inputs::Real(numbers) => numbers.iter().for_each(|number| add(number.to_le_bytes())),
    }
    match &data.targets {
        Targets::Classes(ids) => ids.iter().for_each(|id| add(id.to_le_bytes())),
        Targets::Steps(ids) => ids.iter().for_each(|id| add(id.to_le_bytes())),
        Targets::Real(numbers) | Targets::Labels(numbers) => {
            numbers.iter().for_each(|number| add(number.to_le_bytes()));
        }
    }
    hash.update(&bytes);
    hash.finalize()
}
