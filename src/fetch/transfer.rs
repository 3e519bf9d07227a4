//! The bytes of one file, from one address, into what is there of it already.

use std::io::{self, Read};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, LAST_MODIFIED};

use super::http::{self, Again, Response, Trouble};
use super::part::Partial;
use super::{FetchError, File, Progress, Size, Way};
use crate::durable::FileError;

/// Bytes read at a time.
const CHUNK: usize = 1 << 16;
/// The pause between two tries, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often a pause looks whether it is to end.
const GLANCE: Duration = Duration::from_millis(20);

/// What ends a transfer early.
#[derive(Debug)]
pub(super) enum Fault {
    /// The other side, or the way there.
    There(Trouble),
    /// This side: nothing that another address could mend.
    Here(FetchError),
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        Self::There(trouble)
    }
}

impl From<FileError> for Fault {
    fn from(error: FileError) -> Self {
        Self::Here(error.into())
    }
}

/// Completes `part` with the bytes of `address`, trying again where that may help; whether they came in more than one piece.
///
/// # Errors
/// [`Fault::There`] when the address does not give the file, [`Fault::Here`] when the disk refuses or it is stopped.
pub(super) fn complete(
    agent: &Agent,
    address: &str,
    file: &File<'_>,
    part: &mut Partial,
    way: &Way<'_>,
    tell: &mut dyn FnMut(Progress),
) -> Result<bool, Fault> {
    let (mut tries, mut pause, mut most) = (0, way.pause, part.bytes());
    let before = most;
    loop {
        tell(Progress::Asking { address: address.to_owned(), from: part.bytes() });
        let trouble = match once(agent, address, file, part, way, tell) {
            Ok(from) => return Ok(from > 0),
            Err(Fault::There(trouble)) => trouble,
            Err(here) => return Err(here),
        };
        // Who begins anew each time and breaks off earlier gets no further.
        if part.bytes() > most {
            (tries, pause, most) = (0, way.pause, part.bytes());
        }
        let begun = most > before;
        tries += 1;
        let again = trouble.again == Again::Yes || (trouble.again == Again::IfBegun && begun);
        if !again || tries >= way.tries {
            return Err(trouble.into());
        }
        tell(Progress::Again { why: trouble.why, pause });
        wait(pause, way).map_err(Fault::Here)?;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One question and its answer; from which byte on the server answered.
fn once(
    agent: &Agent,
    address: &str,
    file: &File<'_>,
    part: &mut Partial,
    way: &Way<'_>,
    tell: &mut dyn FnMut(Progress),
) -> Result<u64, Fault> {
    let limit = file.size.limit();
    let from = part.bytes();
    if file.size == Size::Exactly(from) {
        return Ok(from);
    }
    if from > limit {
        part.restart(address, None)?;
    }
    let from = part.bytes();
    let version = part.version(address);
    let response = http::ask(agent, address, (from, version.as_deref()), way)?;
    let total = match response.status().as_u16() {
        200 => {
            let length = http::header(&response, &CONTENT_LENGTH).and_then(|length| length.parse().ok());
            expected(length, file.size)?;
            part.restart(address, version_of(&response).as_deref())?;
            length
        }
        206 => match http::header(&response, &CONTENT_RANGE).and_then(range) {
            Some((start, total)) if start == from && expected(total, file.size).is_ok() => total,
            _ => {
                part.restart(address, None)?;
                return Err(Trouble::passing("it went on with something else").into());
            }
        },
        // There is nothing after the last byte that is here.
        416 => {
            let total = http::header(&response, &CONTENT_RANGE).and_then(range).and_then(|(_, total)| total);
            if total == Some(from) && expected(total, file.size).is_ok() {
                return Ok(from);
            }
            part.restart(address, None)?;
            return Err(Trouble::passing("it has fewer bytes than are here").into());
        }
        408 | 429 | 500..=599 => return Err(Trouble::passing(said(&response)).into()),
        _ => return Err(Trouble::lasting(said(&response)).into()),
    };
    let from = part.bytes();
    let of = total.or(file.size.exactly());
    let most = of.unwrap_or(limit);
    receive(response, part, (of, most), way, tell)?;
    match part.bytes() {
        bytes if bytes > most => {
            part.restart(address, None)?;
            Err(Trouble::lasting(format!("it gave more than {most} bytes")).into())
        }
        bytes if bytes < of.unwrap_or_default() => {
            Err(Trouble::passing(format!("the connection broke after {bytes} of {most} bytes")).into())
        }
        _ => Ok(from),
    }
}

/// Reads what the server sends, until it ends or there are more than `most` bytes.
fn receive(
    response: Response,
    part: &mut Partial,
    (of, most): (Option<u64>, u64),
    way: &Way<'_>,
    tell: &mut dyn FnMut(Progress),
) -> Result<(), Fault> {
    let mut body = response.into_body().into_reader();
    let mut chunk = vec![0; CHUNK];
    loop {
        if way.stop.load(Ordering::Relaxed) {
            return Err(Fault::Here(FetchError::Stopped));
        }
        let bytes = match body.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(n) => chunk.get(..n).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Trouble::passing(format!("the connection broke: {error}")).into()),
        };
        part.add(bytes).map_err(|error| {
            let more = of.unwrap_or_default().saturating_sub(part.bytes());
            Fault::Here(FetchError::of_disk(error, &part.path, more))
        })?;
        tell(Progress::Received { bytes: part.bytes(), of });
        if part.bytes() > most {
            return Ok(());
        }
    }
}

/// Refuses a length that is not that of the file, before its bytes come.
fn expected(length: Option<u64>, size: Size) -> Result<(), Trouble> {
    match (length, size) {
        (Some(length), Size::Exactly(bytes)) if length != bytes => Err(Trouble::lasting(format!(
            "it has {length} bytes there, and {bytes} were expected: another file"
        ))),
        (Some(length), _) if length > size.limit() => {
            Err(Trouble::lasting(format!("it has {length} bytes there: far too many")))
        }
        _ => Ok(()),
    }
}

/// The first byte and the whole length that a `Content-Range` names: `bytes 7-9/10`, `bytes */10`, `bytes 7-9/*` (RFC 9110, 14.4).
fn range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let total = total.trim().parse().ok();
    match range.trim() {
        "*" => Some((0, total)),
        range => Some((range.split_once('-')?.0.parse().ok()?, total)),
    }
}

/// What tells this version of the file from others: a strong entity tag, else the date of its last change.
fn version_of(response: &Response) -> Option<String> {
    let strong = http::header(response, &ETAG).filter(|tag| tag.starts_with('"'));
    strong.or_else(|| http::header(response, &LAST_MODIFIED)).map(str::to_owned)
}

fn said(response: &Response) -> String {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or("unknown");
    format!("the server says {} ({reason})", status.as_u16())
}

/// Waits, unless it is stopped.
fn wait(pause: Duration, way: &Way<'_>) -> Result<(), FetchError> {
    let end = Instant::now() + pause;
    loop {
        if way.stop.load(Ordering::Relaxed) {
            return Err(FetchError::Stopped);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(GLANCE));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_full_disk_is_told_with_what_is_missing() {
        let part = Path::new("a.part");
        let told = FetchError::of_disk(io::ErrorKind::StorageFull.into(), part, 2048).to_string();
        assert!(told.contains("a.part is full: 2.0 KiB more are needed"), "{told}");
        let told = FetchError::of_disk(io::ErrorKind::PermissionDenied.into(), part, 0).to_string();
        assert!(told.starts_with("cannot write") && told.contains("a.part: permission denied"), "{told}");
    }

    #[test]
    fn ranges_are_read_as_servers_write_them() {
        assert_eq!(range("bytes 7-9/10"), Some((7, Some(10))));
        assert_eq!(range("bytes 7-9/*"), Some((7, None)));
        assert_eq!(range("bytes */10"), Some((0, Some(10))));
        for strange in ["", "bytes", "items 7-9/10", "bytes 7", "bytes x-9/10", "bytes -9/10"] {
            assert_eq!(range(strange), None, "{strange}");
        }
    }
}
