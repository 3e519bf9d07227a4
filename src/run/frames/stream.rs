//! Reads frames from a stream: a socket, or a part of a file.

use std::io::{self, ErrorKind, Read};

use super::frame_reader::parse;
use super::{FRAME_HEADER, FRAME_TRAILER, Frame, HEADER, Kind, decode, header};
use crate::protocol::{Event, Undone};

/// The longest frame that is read: far more than any event has.
const MAX_FRAME: usize = 256 << 20;

/// Reads the frames of a stream in the format of `frames.bin`, each verified.
#[derive(Debug)]
pub struct FrameStream<R> {
    input: R,
    /// The whole frame read last.
    frame: Vec<u8>,
}

/// A frame of a stream.
#[derive(Debug)]
pub(in crate::run) struct StreamedFrame<'a> {
    /// The whole frame, as in the file.
    pub bytes: &'a [u8],
    /// `None` for kinds of later versions.
    kind: Option<Kind>,
    step: u64,
}

impl StreamedFrame<'_> {
    /// Whether it is an event that is no picture.
    pub fn is_scalar(&self) -> bool {
        self.kind.is_some_and(Kind::is_scalar)
    }

    /// The change that was undone, if that is its event.
    pub fn undone(&self) -> Option<Undone> {
        match (self.kind == Some(Kind::Undone)).then(|| self.event())?? {
            Event::Undone(undone) => Some(undone),
            _ => None,
        }
    }

    /// Its event, if it has one.
    pub fn event(&self) -> Option<Event> {
        let payload = self.bytes.get(FRAME_HEADER..self.bytes.len().checked_sub(FRAME_TRAILER)?)?;
        decode(Frame { offset: 0, kind: self.kind?, step: self.step, payload })
    }
}

impl<R: Read> FrameStream<R> {
    /// Starts at the header of a recording.
    ///
    /// # Errors
    /// If it is another.
    pub fn new(mut input: R) -> io::Result<Self> {
        let mut found = [0; HEADER];
        input.read_exact(&mut found)?;
        if found != header() {
            return Err(io::Error::new(
                ErrorKind::InvalidData,
                "not a recording of this version of unrolled",
            ));
        }
        Ok(Self::after_header(input))
    }

    /// Starts at a frame.
    pub(in crate::run) fn after_header(input: R) -> Self {
        Self { input, frame: Vec::new() }
    }

    /// Returns the next event; `None` at the end of the stream, also within a frame.
    ///
    /// # Errors
    /// If the stream cannot be read, or is damaged.
    pub fn next_event(&mut self) -> io::Result<Option<Event>> {
        while let Some(frame) = self.next_frame()? {
            // Indices and kinds of later versions are skipped.
            if let Some(event) = frame.event() {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// Returns the next frame; `None` at the end of the stream, also within a frame.
    ///
    /// # Errors
    /// If the stream cannot be read, or is damaged.
    pub(in crate::run) fn next_frame(&mut self) -> io::Result<Option<StreamedFrame<'_>>> {
        self.frame.resize(FRAME_HEADER, 0);
        if !fill(&mut self.input, &mut self.frame)? {
            return Ok(None);
        }
        let length = self.frame.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
        if length > MAX_FRAME {
            return Err(damaged());
        }
        self.frame.resize(FRAME_HEADER + length + FRAME_TRAILER, 0);
        if !fill(&mut self.input, self.frame.get_mut(FRAME_HEADER..).unwrap_or_default())? {
            return Ok(None);
        }
        let (kind, step) = parse(&self.frame, length).ok_or_else(damaged)?;
        Ok(Some(StreamedFrame { bytes: &self.frame, kind: Kind::from_byte(kind), step }))
    }
}

/// The number of events in `input` that are no pictures, and the last step, epoch and validation of them.
pub(super) fn scalars(input: impl Read) -> io::Result<(u64, Vec<Event>)> {
    let (mut frames, mut count) = (FrameStream::new(input)?, 0);
    let kinds = [Kind::Step, Kind::Epoch, Kind::Validation];
    let mut latest = kinds.map(|_| Vec::new());
    while let Some(frame) = frames.next_frame()? {
        count += u64::from(frame.is_scalar());
        for (_, bytes) in kinds.iter().zip(&mut latest).filter(|(kind, _)| frame.kind == Some(**kind)) {
            bytes.clear();
            bytes.extend_from_slice(frame.bytes);
        }
    }
    let decode = |bytes: Vec<u8>| FrameStream::after_header(bytes.as_slice()).next_event().ok().flatten();
    Ok((count, latest.into_iter().filter_map(decode).collect()))
}

fn damaged() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "a frame is damaged")
}

/// Fills `into`; returns `false` at the end of the stream.
fn fill(input: &mut impl Read, into: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(into) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::framing::frame;
    use super::*;
    use crate::protocol::{Level, LogLine, RunStatus};

    fn events() -> Vec<Event> {
        let line = |text: &str| Event::Log(LogLine { level: Level::Info, text: text.into() });
        vec![line("one"), Event::Status(RunStatus::Training), line("three")]
    }

    #[test]
    fn a_stream_that_ends_within_a_frame_ends_before_it_and_a_flipped_bit_is_an_error() {
        let frames = events().iter().map(|event| frame(event, 7).unwrap()).collect::<Vec<_>>();
        let whole = [header().to_vec(), frames.concat()].concat();
        let read = |bytes: &[u8]| {
            let mut stream = FrameStream::new(bytes)?;
            let mut read = Vec::new();
            while let Some(event) = stream.next_event()? {
                read.push(event);
            }
            io::Result::Ok(read)
        };
        assert_eq!(read(&whole).unwrap(), events());
        for end in HEADER..whole.len() {
            let read = read(&whole[..end]).unwrap();
            assert!(read.len() < 3 && events().starts_with(&read));
        }
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            // A length that is too long looks like a stream that ends early.
            assert!(
                read(&flipped).map_or(true, |read| read.len() < 3 && events().starts_with(&read)),
                "{at}"
            );
        }
    }
}
