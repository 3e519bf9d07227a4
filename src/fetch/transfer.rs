//! Downloads a file from one address into a partial file, with resumption and retries.

use std::io::{self, Read};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, LAST_MODIFIED};

use super::http::{self, HttpError, Response, Retry};
use super::partial::Partial;
use super::{FetchError, FetchOptions, File, Progress, Size};
use crate::durable::FileError;
use crate::number;

/// Bytes read at a time.
const CHUNK: usize = 1 << 16;
/// Maximum pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// How often a pause polls for cancellation.
const POLL: Duration = Duration::from_millis(20);

/// Why a transfer failed.
#[derive(Debug)]
pub(super) enum TransferError {
    /// The server or the network.
    Remote(HttpError),
    /// This machine: another address would not help.
    Local(FetchError),
}

impl From<HttpError> for TransferError {
    fn from(error: HttpError) -> Self {
        Self::Remote(error)
    }
}

impl From<FileError> for TransferError {
    fn from(error: FileError) -> Self {
        Self::Local(error.into())
    }
}

/// Completes `part` with the bytes of `address`, retrying where that may help. Returns whether they came in several pieces.
///
/// # Errors
/// [`TransferError::Remote`] if the address does not serve the file, [`TransferError::Local`] on an I/O error or cancellation.
pub(super) fn complete(
    agent: &Agent,
    address: &str,
    file: &File<'_>,
    part: &mut Partial,
    options: &FetchOptions<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<bool, TransferError> {
    let (mut tries, mut pause, mut most) = (0, options.pause, part.bytes());
    let before = most;
    loop {
        progress(Progress::Connecting { address: address.to_owned(), from: part.bytes() });
        let error = match attempt(agent, address, file, part, options, progress) {
            Ok(from) => return Ok(from > 0),
            Err(TransferError::Remote(error)) => error,
            Err(local) => return Err(local),
        };
        // Only progress beyond the previous maximum resets the attempts.
        if part.bytes() > most && !error.slow {
            (tries, pause, most) = (0, options.pause, part.bytes());
        }
        let begun = most > before;
        tries += 1;
        let retry = error.retry == Retry::Yes || (error.retry == Retry::IfBegun && begun);
        if !retry || tries >= options.attempts {
            return Err(error.into());
        }
        progress(Progress::Retrying { why: error.why, pause });
        wait(pause, options).map_err(TransferError::Local)?;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// One request. Returns the offset from which the server sent bytes.
fn attempt(
    agent: &Agent,
    address: &str,
    file: &File<'_>,
    part: &mut Partial,
    options: &FetchOptions<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<u64, TransferError> {
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
    let response = http::get(agent, address, (from, version.as_deref()), options)?;
    let total = match response.status().as_u16() {
        200 => {
            let length = http::header(&response, &CONTENT_LENGTH).and_then(|length| length.parse().ok());
            check_length(length, file.size)?;
            part.restart(address, version_of(&response).as_deref())?;
            length
        }
        206 => match http::header(&response, &CONTENT_RANGE).and_then(parse_content_range) {
            Some((start, total)) if start == from && check_length(total, file.size).is_ok() => total,
            _ => {
                part.restart(address, None)?;
                return Err(HttpError::transient("it went on with something else").into());
            }
        },
        // Range not satisfiable: nothing after the last byte present.
        416 => {
            let total = http::header(&response, &CONTENT_RANGE)
                .and_then(parse_content_range)
                .and_then(|(_, total)| total);
            if total == Some(from) && check_length(total, file.size).is_ok() {
                return Ok(from);
            }
            part.restart(address, None)?;
            return Err(HttpError::transient("it has fewer bytes than are here").into());
        }
        408 | 429 | 500..=599 => return Err(HttpError::transient(status_message(&response)).into()),
        _ => return Err(HttpError::permanent(status_message(&response)).into()),
    };
    let from = part.bytes();
    let of = total.or(file.size.exactly());
    let most = of.unwrap_or(limit);
    receive(response, part, (of, most), options, progress)?;
    match part.bytes() {
        bytes if bytes > most => {
            part.restart(address, None)?;
            Err(HttpError::permanent(format!("it gave more than {most} bytes")).into())
        }
        bytes if bytes < of.unwrap_or_default() => {
            Err(HttpError::transient(format!("the connection broke after {bytes} of {most} bytes")).into())
        }
        _ => Ok(from),
    }
}

/// Appends the body to `part`, until it ends or there are more than `most` bytes.
fn receive(
    response: Response,
    part: &mut Partial,
    (of, most): (Option<u64>, u64),
    options: &FetchOptions<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), TransferError> {
    let mut body = response.into_body().into_reader();
    let mut chunk = vec![0; CHUNK];
    let (mut since, mut received) = (Instant::now(), 0);
    loop {
        if since.elapsed() >= options.window {
            let speed = received as f64 / since.elapsed().as_secs_f64();
            if speed < options.min_speed as f64 {
                let (speed, seconds) = (number::bytes(speed as u64), since.elapsed().as_secs());
                let why = format!("the server sends {speed} per second for {seconds} s: too slow");
                return Err(HttpError::slow(why).into());
            }
            (since, received) = (Instant::now(), 0);
        }
        if options.stop.load(Ordering::Relaxed) {
            return Err(TransferError::Local(FetchError::Stopped));
        }
        let bytes = match body.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(n) => chunk.get(..n).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(HttpError::transient(format!("the connection broke: {error}")).into()),
        };
        received += bytes.len() as u64;
        part.add(bytes).map_err(|error| {
            let more = of.unwrap_or_default().saturating_sub(part.bytes());
            TransferError::Local(FetchError::of_disk(error, &part.path, more))
        })?;
        progress(Progress::Received { bytes: part.bytes(), of });
        if part.bytes() > most {
            return Ok(());
        }
    }
}

/// Returns an error if a length is not that of the file.
fn check_length(length: Option<u64>, size: Size) -> Result<(), HttpError> {
    match (length, size) {
        (Some(length), Size::Exactly(bytes)) if length != bytes => Err(HttpError::permanent(format!(
            "it has {length} bytes there, and {bytes} were expected: another file"
        ))),
        (Some(length), _) if length > size.limit() => {
            Err(HttpError::permanent(format!("it has {length} bytes there: far too many")))
        }
        _ => Ok(()),
    }
}

/// Parses the first byte and the total length of a `Content-Range`: `bytes 7-9/10`, `bytes */10`, `bytes 7-9/*` (RFC 9110, 14.4).
fn parse_content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let total = total.trim().parse().ok();
    match range.trim() {
        "*" => Some((0, total)),
        range => Some((range.split_once('-')?.0.parse().ok()?, total)),
    }
}

/// Returns a validator of this version of the file: a strong ETag, else Last-Modified.
fn version_of(response: &Response) -> Option<String> {
    let strong = http::header(response, &ETAG).filter(|tag| tag.starts_with('"'));
    strong.or_else(|| http::header(response, &LAST_MODIFIED)).map(str::to_owned)
}

fn status_message(response: &Response) -> String {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or("unknown");
    format!("the server says {} ({reason})", status.as_u16())
}

/// Waits; returns [`FetchError::Stopped`] on cancellation.
fn wait(pause: Duration, options: &FetchOptions<'_>) -> Result<(), FetchError> {
    let end = Instant::now() + pause;
    loop {
        if options.stop.load(Ordering::Relaxed) {
            return Err(FetchError::Stopped);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(POLL));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_full_disk_error_names_the_missing_space() {
        let part = Path::new("a.part");
        let message = FetchError::of_disk(io::ErrorKind::StorageFull.into(), part, 2048).to_string();
        assert!(message.contains("a.part is full: 2.0 KiB more are needed"), "{message}");
        let error = FetchError::of_disk(io::ErrorKind::PermissionDenied.into(), part, 0);
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!((error.to_string(), cause), ("cannot write a.part".into(), "permission denied".into()));
    }

    #[test]
    fn content_ranges_are_parsed() {
        assert_eq!(parse_content_range("bytes 7-9/10"), Some((7, Some(10))));
        assert_eq!(parse_content_range("bytes 7-9/*"), Some((7, None)));
        assert_eq!(parse_content_range("bytes */10"), Some((0, Some(10))));
        for strange in ["", "bytes", "items 7-9/10", "bytes 7", "bytes x-9/10", "bytes -9/10"] {
            assert_eq!(parse_content_range(strange), None, "{strange}");
        }
    }
}
