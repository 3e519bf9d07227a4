use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crc::{CRC_32_ISCSI, Crc};

use super::TensorBoardError;
use crate::interop::protobuf::Message;

/// The tag of an epoch's loss.
const EPOCH: &[u8] = b"epoch_loss";

/// CRC-32C, Castagnoli's.
const CRC32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// One `events.out.tfevents` file: a TFRecord file of `Event` messages.
///
/// ```text
/// record = length u64 · masked CRC-32C of it u32 · data · masked CRC-32C of the data u32, little-endian
/// mask   = rotate right by 15, + 0xa282ead8
/// ```
#[derive(Debug)]
pub(super) struct EventFile {
    path: PathBuf,
    out: BufWriter<File>,
}

impl EventFile {
    /// Creates a new file in `folder`, whose name begins with `seconds` since 1970: TensorBoard reads those of a folder in that order.
    pub fn create(folder: &Path, seconds: f64) -> Result<Self, TensorBoardError> {
        let error = |path: &Path| {
            let path = path.to_owned();
            move |source| TensorBoardError::Io { path, source }
        };
        fs::create_dir_all(folder).map_err(error(folder))?;
        let mut number = 0;
        let (path, file) = loop {
            let name = format!("events.out.tfevents.{:010}.unrolled.{number}", seconds.max(0.0) as u64);
            let path = folder.join(name);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                file => break (path.clone(), file.map_err(error(&path))?),
            }
        };
        let mut file = Self { path, out: BufWriter::new(file) };
        file.write(&Message::default().double(1, seconds).bytes(3, b"brain.Event:2"))?;
        Ok(file)
    }

    /// Adds a summary of `values`, at a time in seconds since 1970.
    pub fn summary(&mut self, seconds: f64, step: u64, values: &[Message]) -> Result<(), TensorBoardError> {
        let summary = values.iter().fold(Message::default(), |summary, value| summary.message(1, value));
        self.write(&Message::default().double(1, seconds).int(2, step).message(5, &summary))
    }

    /// Says that training goes on from `step`: what other files of the folder have of later steps is void.
    pub fn restart(&mut self, seconds: f64, step: u64) -> Result<(), TensorBoardError> {
        let start = Message::default().int(1, 1);
        self.write(&Message::default().double(1, seconds).int(2, step).message(7, &start))
    }

    /// Removes the file.
    pub fn discard(self) {
        // What cannot be removed is as good as it was.
        let _ = fs::remove_file(&self.path);
    }

    /// Makes what was written visible to TensorBoard.
    pub fn flush(&mut self) -> Result<(), TensorBoardError> {
        self.out.flush().map_err(|source| TensorBoardError::Io { path: self.path.clone(), source })
    }

    fn write(&mut self, event: &Message) -> Result<(), TensorBoardError> {
        record(&mut self.out, event.as_bytes())
            .map_err(|source| TensorBoardError::Io { path: self.path.clone(), source })
    }
}

/// What the event files of a folder have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// The highest step of the training data.
    pub step: u64,
    /// Epochs with metrics of their own.
    pub epochs: u64,
}

/// What the event files in `train` and `validation` of a folder have; `None` if there are none. A file that ends within a record, or is
/// damaged further on, counts up to there.
///
/// # Errors
/// If a file cannot be read.
pub fn written(folder: &Path) -> Result<Option<Written>, TensorBoardError> {
    let mut all = None;
    for (part, is_train) in [("train", true), ("validation", false)] {
        let Ok(entries) = fs::read_dir(folder.join(part)) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if !path.file_name().is_some_and(|name| name.to_string_lossy().contains("tfevents")) {
                continue;
            }
            let all = all.get_or_insert(Written::default());
            let bytes = fs::read(&path).map_err(|source| TensorBoardError::Io { path, source })?;
            for event in records(&bytes).filter(|_| is_train) {
                let is_epoch = event.windows(EPOCH.len()).any(|window| window == EPOCH);
                match step(event) {
                    Some(epoch) if is_epoch => all.epochs = all.epochs.max(epoch + 1),
                    Some(step) => all.step = all.step.max(step),
                    None => {}
                }
            }
        }
    }
    Ok(all)
}

/// The data of the records at the start of `bytes`, up to one that is damaged.
fn records(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_first_chunk::<8>()?;
        let (check, rest) = rest.split_first_chunk::<4>()?;
        let size = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        if masked(length) != u32::from_le_bytes(*check) || rest.len() < size.checked_add(4)? {
            return None;
        }
        let (data, rest) = rest.split_at(size);
        let (check, rest) = rest.split_first_chunk::<4>()?;
        bytes = rest;
        (masked(data) == u32::from_le_bytes(*check)).then_some(data)
    })
}

/// The step of an event that [`EventFile`] has written: behind the time. `None` if it has none.
fn step(event: &[u8]) -> Option<u64> {
    // Field 1, eight bytes; field 2, a varint.
    let mut varint = event.get(9..).and_then(|rest| rest.strip_prefix(&[2 << 3]))?.iter();
    let (mut step, mut shift) = (0_u64, 0);
    loop {
        let byte = *varint.next()?;
        step |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(step);
        }
        shift += 7;
    }
}

fn record(out: &mut impl Write, data: &[u8]) -> std::io::Result<()> {
    let length = (data.len() as u64).to_le_bytes();
    out.write_all(&length)?;
    out.write_all(&masked(&length).to_le_bytes())?;
    out.write_all(data)?;
    out.write_all(&masked(data).to_le_bytes())
}

fn masked(data: &[u8]) -> u32 {
    CRC32C.checksum(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interop::tensorboard::summary;

    #[test]
    fn what_files_have_is_found_also_where_one_is_torn() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(written(dir.path()).unwrap(), None);
        let folder = dir.path().join("train");
        for steps in [[3, 70_000], [5, 20]] {
            let mut file = EventFile::create(&folder, 1e9).unwrap();
            file.summary(1e9, 6, &[summary::scalar("epoch_loss", 0.5)]).unwrap();
            for step in steps {
                file.summary(1e9, step, &[summary::scalar("batch_loss", 0.5)]).unwrap();
            }
            file.flush().unwrap();
        }
        assert_eq!(written(dir.path()).unwrap(), Some(Written { step: 70_000, epochs: 7 }));
        let first = folder.join("events.out.tfevents.1000000000.unrolled.0");
        let bytes = fs::read(&first).unwrap();
        let without_its_end = Some(Written { step: 20, epochs: 7 });
        fs::write(&first, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(written(dir.path()).unwrap(), without_its_end);
        let mut flipped = bytes.clone();
        *flipped.last_mut().unwrap() ^= 1;
        fs::write(&first, flipped).unwrap();
        assert_eq!(written(dir.path()).unwrap(), without_its_end);
        let other = tempfile::tempdir().unwrap();
        EventFile::create(&other.path().join("validation"), 1e9).unwrap();
        assert_eq!(written(other.path()).unwrap(), Some(Written::default()));
    }

    #[test]
    fn records_are_those_of_tensorflow() {
        // Written by TensorFlow 2.21: tf.io.TFRecordWriter("x").write(b"unrolled").
        let mut out = Vec::new();
        record(&mut out, b"unrolled").unwrap();
        assert_eq!(out[..12], [8, 0, 0, 0, 0, 0, 0, 0, 255, 134, 36, 15]);
        assert_eq!(out[12..20], *b"unrolled");
        assert_eq!(out[20..], [158, 139, 144, 242]);
    }
}
