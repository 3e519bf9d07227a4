use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::RunError;
use super::frames::FrameStream;
use crate::protocol::Event;

/// Reads the recording of a run while another process, maybe of another host, writes it.
///
/// The file is opened again each time: a network file system shows what other hosts have written only then, and thinning of probes
/// replaces it.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    /// The file read last, how far, and how many events after that are known already: its writer may be behind them.
    place: Option<(u64, u64, u64)>,
    /// The number of events read that are no pictures.
    seq: u64,
    /// The number of the last [`Undone`](crate::protocol::Undone) that was read.
    undone: u64,
}

impl Tail {
    /// Starts after the first `seq` events, pictures not counted, of the run in the folder `run`; `undone` is the number of the last
    /// [`Undone`](crate::protocol::Undone) of them, 0 without any.
    pub fn new(run: &Path, seq: u64, undone: u64) -> Self {
        Self { path: run.join("frames.bin"), place: None, seq, undone }
    }

    /// Reads the events that have come since the last call.
    ///
    /// # Errors
    /// If the recording cannot be read, or is damaged.
    pub fn read(&mut self, take: &mut dyn FnMut(Event)) -> Result<(), RunError> {
        let mut file = File::open(&self.path).map_err(RunError::io("open", &self.path))?;
        let data = file.metadata().map_err(RunError::io("read", &self.path))?;
        let known = self.place.filter(|(inode, offset, _)| *inode == data.ino() && *offset <= data.len());
        // In a file that is new here, what is known comes first.
        let (mut offset, mut known_events) =
            known.map_or((0, self.seq), |(_, offset, events)| (offset, events));
        file.seek(SeekFrom::Start(offset)).map_err(RunError::io("read", &self.path))?;
        let damaged = |error: std::io::Error| RunError::io("read", &self.path)(error);
        let input = BufReader::with_capacity(64 * 1024, file);
        let mut frames = match offset {
            // Not even a header yet.
            0 if data.len() < super::frames::HEADER as u64 => return Ok(()),
            0 => {
                offset = super::frames::HEADER as u64;
                FrameStream::new(input).map_err(damaged)?
            }
            _ => FrameStream::after_header(input),
        };
        while let Some(frame) = frames.next_frame().map_err(damaged)? {
            offset += frame.bytes.len() as u64;
            let mut is_known = known_events > 0;
            if let Some(undone) = frame.undone().filter(|undone| undone.number > self.undone) {
                // The recording has gone back: what was known behind this event is void.
                (is_known, known_events) = (false, 0);
                (self.undone, self.seq) = (undone.number, undone.seq.saturating_sub(1));
            }
            if frame.is_scalar() {
                known_events = known_events.saturating_sub(1);
                self.seq += u64::from(!is_known);
            }
            if let Some(event) = frame.event().filter(|_| !is_known) {
                take(event);
            }
        }
        self.place = Some((data.ino(), offset, known_events));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Level, LogLine, RunStatus, Saved, Undone};
    use crate::run::{Folder, Recorder, ResumePoint};

    fn line(text: String) -> Event {
        Event::Log(LogLine { level: Level::Info, text })
    }

    #[test]
    fn an_event_that_is_known_before_it_is_written_is_not_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(&dir.path().join("run")).unwrap();
        let mut recorder = Recorder::start(&folder, 1 << 20).unwrap();
        let path = folder.path().join("frames.bin");
        // The file has its header alone.
        while std::fs::metadata(&path).map_or(0, |data| data.len()) < crate::run::frames::HEADER as u64 {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let mut tail = Tail::new(folder.path(), 2, 0);
        tail.read(&mut |event| panic!("{event:?} is known")).unwrap();
        for i in 0..4 {
            recorder.record(line(i.to_string())).unwrap();
        }
        recorder.finish().unwrap();
        let mut read = Vec::new();
        tail.read(&mut |event| read.push(event)).unwrap();
        assert_eq!(read, [line("2".into()), line("3".into())]);
    }

    #[test]
    fn a_recording_that_has_gone_back_is_read_on_from_there() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(&dir.path().join("run")).unwrap();
        let mut recorder = Recorder::start(&folder, 1 << 20).unwrap();
        let saved = Saved { step: 1, path: "checkpoints/step-1".into(), ..Saved::default() };
        let mut tail = Tail::new(folder.path(), 0, 0);
        recorder.record(line("before".into())).unwrap();
        recorder.record(Event::Saved(saved.clone())).unwrap();
        (0..9).for_each(|i| assert!(recorder.record(line(format!("void {i}"))).is_ok()));
        recorder.sync().unwrap();
        tail.read(&mut drop).unwrap();
        let to = ResumePoint { checkpoint: saved, epoch: 1, before_validation: false, metrics_bytes: None };
        let (left, rewound) = recorder.rewind(to);
        rewound.unwrap();
        let (by, changes) = ("test".to_owned(), Vec::new());
        let undone =
            Event::Undone(Undone { step: 1, epoch: 1, by, from: 9, changes, number: 1, seq: left + 1 });
        recorder.record(undone.clone()).unwrap();
        recorder.record(line("after".into())).unwrap();
        recorder.sync().unwrap();
        let mut read = Vec::new();
        tail.read(&mut |event| read.push(event)).unwrap();
        recorder.record(line("last".into())).unwrap();
        recorder.finish().unwrap();
        tail.read(&mut |event| read.push(event)).unwrap();
        assert_eq!(read, [undone, line("after".into()), line("last".into())]);
    }

    #[test]
    fn every_event_is_read_once_also_where_the_file_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(&dir.path().join("run")).unwrap();
        let path = folder.path().join("frames.bin");
        let mut recorder = Recorder::start(&folder, 1 << 20).unwrap();
        let mut tail = Tail::new(folder.path(), 1, 0);
        let (mut events, mut read) = (Vec::new(), Vec::new());
        for i in 0..20 {
            let event = line(i.to_string());
            events.push(event.clone());
            recorder.record(event).unwrap();
            // It is flushed at once.
            let event = Event::Status(RunStatus::Training);
            events.push(event.clone());
            recorder.record(event).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(3));
            tail.read(&mut |event| read.push(event)).unwrap();
        }
        recorder.finish().unwrap();
        tail.read(&mut |event| read.push(event)).unwrap();
        assert_eq!(read, events[1..]);
        // Another file with the same beginning.
        std::fs::copy(&path, dir.path().join("other")).unwrap();
        std::fs::rename(dir.path().join("other"), &path).unwrap();
        tail.read(&mut |event| panic!("{event:?} is known")).unwrap();
    }
}
