use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::RunError;
use super::place::is_at;

/// Pending bytes that trigger a write.
const BUFFER_SIZE: usize = 64 * 1024;
/// Pending bytes, while nothing can be written, above which records are dropped and counted.
pub(super) const MAX_PENDING: usize = 16 << 20;
/// The time between two attempts to write while nothing can be written.
const RETRY_EVERY: Duration = Duration::from_millis(500);

/// A file that grows by whole records: they are buffered in memory, and what a failed write has left of a record is truncated.
///
/// While writing fails (a full disk), up to [`MAX_PENDING`] bytes of records stay in memory; further ones are dropped and counted, so that
/// a record of the gap can take their place once writing succeeds again.
pub(super) struct RecordFile<S = File> {
    path: PathBuf,
    file: S,
    /// Bytes of the whole records in the file.
    written: u64,
    /// Whether the file may end with a part of a record.
    is_torn: bool,
    /// Whole records that are not written yet, and the one that is being appended.
    pub pending: Vec<u8>,
    /// Where each pending record ends.
    ends: Vec<usize>,
    /// While writing fails: when to try again.
    retry_at: Option<Instant>,
    /// Records dropped since the last gap that was recorded.
    dropped: u64,
}

/// What a [`RecordFile`] writes to: a file, or a disk that tests fill.
pub(super) trait Storage {
    /// Writes some of the bytes; returns how many.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Truncates it.
    fn set_len(&self, bytes: u64) -> io::Result<()>;
    /// Makes its content durable.
    fn sync_data(&self) -> io::Result<()>;
    /// Checks that it is still at `path`.
    fn is_at(&self, path: &Path) -> Result<(), RunError>;
}

impl Storage for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        Self::set_len(self, bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        Self::sync_data(self)
    }

    fn is_at(&self, path: &Path) -> Result<(), RunError> {
        is_at(self, path)
    }
}

/// What may be appended to a [`RecordFile`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    /// A record.
    Ample,
    /// A record, but first one that says that so many were dropped here.
    AfterGap(u64),
    /// Nothing: the record is dropped, and counted.
    None,
}

impl<S: Storage> RecordFile<S> {
    /// Continues a file that has `written` bytes of whole records; what follows them is overwritten.
    pub fn new(path: PathBuf, file: S, written: u64) -> Self {
        Self {
            path,
            file,
            written,
            is_torn: false,
            pending: Vec::with_capacity(2 * BUFFER_SIZE),
            ends: Vec::new(),
            retry_at: None,
            dropped: 0,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of all records, if they are in the file.
    pub fn bytes(&self) -> Option<u64> {
        (self.pending.is_empty() && self.dropped == 0).then_some(self.written)
    }

    /// Whether the last attempt to write failed.
    pub fn is_failing(&self) -> bool {
        self.retry_at.is_some()
    }

    /// Claims space for a record.
    pub fn space(&mut self) -> Space {
        if self.pending.len() >= MAX_PENDING {
            self.dropped += 1;
            return Space::None;
        }
        self.gap().map_or(Space::Ample, Space::AfterGap)
    }

    /// The number of dropped records, if there are any that no gap has counted.
    pub fn gap(&mut self) -> Option<u64> {
        Some(std::mem::take(&mut self.dropped)).filter(|dropped| *dropped > 0)
    }

    /// Ends the header of a new file that was appended to [`pending`](Self::pending).
    pub fn end_header(&mut self) {
        self.ends.push(self.pending.len());
    }

    /// Ends the record that was appended to [`pending`](Self::pending); writes if the buffer is full.
    pub fn end_record(&mut self) -> Result<(), RunError> {
        self.ends.push(self.pending.len());
        if self.pending.len() < BUFFER_SIZE { Ok(()) } else { self.flush() }
    }

    /// Writes the pending records, which makes them visible to other processes; not too soon after a failed attempt.
    pub fn flush(&mut self) -> Result<(), RunError> {
        match self.retry_at {
            Some(time) if Instant::now() < time => Ok(()),
            _ => self.write(),
        }
    }

    /// Writes the pending records so that they survive a loss of power.
    pub fn sync(&mut self) -> Result<(), RunError> {
        self.write()?;
        self.file.sync_data().map_err(RunError::io("sync", &self.path))
    }

    /// [`sync`](Self::sync), and checks that the file is still at its path.
    pub fn finish(&mut self) -> Result<(), RunError> {
        self.sync()?;
        self.file.is_at(&self.path)
    }

    fn write(&mut self) -> Result<(), RunError> {
        let written = self.write_pending();
        self.retry_at = written.is_err().then(|| Instant::now() + RETRY_EVERY);
        written.map_err(RunError::io("write", &self.path))
    }

    /// Writes as many whole records as possible.
    fn write_pending(&mut self) -> io::Result<()> {
        if self.is_torn {
            self.file.set_len(self.written)?;
            self.is_torn = false;
        }
        let (mut count, mut failure) = (0, None);
        while let (None, Some(rest @ [_, ..])) = (&failure, self.pending.get(count..)) {
            match self.file.write_at(rest, self.written + count as u64) {
                Ok(0) => failure = Some(ErrorKind::WriteZero.into()),
                Ok(more) => count += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => failure = Some(error),
            }
        }
        let records = self.ends.partition_point(|end| *end <= count);
        let whole = records.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(0);
        self.written += whole as u64;
        self.pending.drain(..whole);
        self.ends.drain(..records);
        self.ends.iter_mut().for_each(|end| *end -= whole);
        let Some(failure) = failure else { return Ok(()) };
        self.is_torn = count > whole && self.file.set_len(self.written).is_err();
        Err(failure)
    }

    /// Updates the path after a rename; what `earlier` has dropped is not forgotten.
    pub fn replaces(self, earlier: &mut Self) -> Self {
        Self { path: earlier.path.clone(), dropped: self.dropped + earlier.gap().unwrap_or(0), ..self }
    }
}

impl RecordFile {
    /// A handle of the file, the bytes of the whole records in it, and the records that are not written yet.
    pub fn records(&self) -> io::Result<(File, u64, Vec<u8>)> {
        Ok((self.file.try_clone()?, self.written, self.pending.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    fn append(file: &mut RecordFile<Disk>, record: &[u8]) {
        match file.space() {
            Space::Ample => {}
            Space::AfterGap(count) => append(file, format!("gap {count}\n").as_bytes()),
            Space::None => return,
        }
        file.pending.extend_from_slice(record);
        let _ = file.end_record();
    }

    /// A disk with space for so many bytes.
    #[derive(Debug, Clone, Default)]
    struct Disk(Rc<RefCell<(Vec<u8>, usize)>>);

    impl Storage for Disk {
        fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
            let (content, space) = &mut *self.0.borrow_mut();
            let offset = offset as usize;
            let count = bytes.len().min(space.saturating_sub(offset));
            if count == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            content.resize(content.len().max(offset + count), 0);
            content[offset..offset + count].copy_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn set_len(&self, bytes: u64) -> io::Result<()> {
            self.0.borrow_mut().0.truncate(bytes as usize);
            Ok(())
        }

        fn sync_data(&self) -> io::Result<()> {
            Ok(())
        }

        fn is_at(&self, _: &Path) -> Result<(), RunError> {
            Ok(())
        }
    }

    impl Disk {
        fn with_space(&self, bytes: usize) {
            self.0.borrow_mut().1 = bytes;
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.borrow().0.clone()).unwrap()
        }
    }

    #[test]
    fn a_full_disk_has_whole_records_and_the_others_follow_when_there_is_space() {
        let disk = Disk::default();
        let mut file = RecordFile::new("metrics.jsonl".into(), disk.clone(), 0);
        let records: Vec<String> = (0..40).map(|n| format!("record {n}\n")).collect();
        records.iter().for_each(|record| append(&mut file, record.as_bytes()));
        for space in 0..400 {
            disk.with_space(space);
            assert_eq!(file.sync().is_err(), space < records.concat().len());
            assert_eq!(file.is_failing(), space < records.concat().len());
            let written = disk.text();
            assert!(written.len() <= space && records.concat().starts_with(&written));
            assert!(written.is_empty() || written.ends_with('\n'), "{written}");
            // No record that fits is missing.
            assert!(space >= records.concat().len() || written.len() + 10 >= space, "{written}");
        }
        assert_eq!(disk.text(), records.concat());
    }

    #[test]
    fn memory_is_bounded_and_what_does_not_fit_is_counted() {
        let disk = Disk::default();
        let mut file = RecordFile::new("metrics.jsonl".into(), disk.clone(), 0);
        let record = [vec![b'x'; 99_999], vec![b'\n']].concat();
        (0..1_000).for_each(|_| append(&mut file, &record));
        assert!(file.is_failing() && file.pending.len() < MAX_PENDING + record.len());
        disk.with_space(1 << 30);
        file.sync().unwrap();
        (0..3).for_each(|_| append(&mut file, b"later\n"));
        file.sync().unwrap();
        let text = disk.text();
        let (written, rest) = text.split_once("gap ").unwrap();
        let (dropped, later) = rest.split_once('\n').unwrap();
        assert_eq!(written.len() / record.len() + dropped.parse::<usize>().unwrap(), 1_000);
        assert_eq!(later, "later\n".repeat(3));
    }

    #[test]
    fn while_writing_fails_it_is_tried_again_after_a_time_and_not_for_every_record() {
        let disk = Disk::default();
        let mut file = RecordFile::new("metrics.jsonl".into(), disk.clone(), 0);
        append(&mut file, b"one\n");
        assert!(file.flush().is_err());
        disk.with_space(100);
        assert!(file.flush().is_ok() && disk.text().is_empty(), "not yet");
        std::thread::sleep(RETRY_EVERY);
        assert!(file.flush().is_ok() && !file.is_failing());
        assert_eq!(disk.text(), "one\n");
    }
}
