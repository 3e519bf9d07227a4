use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::address::find;
use super::{MAX_LINE, VERSION};
use crate::protocol::CommandRequest;
use crate::run::FrameStream;

/// How long a run may take for its first line.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a run cannot be controlled.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The run has no socket that answers.
    #[error("{} does not answer", .0.display())]
    Silent(PathBuf),
    /// The connection has failed.
    #[error("the connection to {} is lost", run.display())]
    Lost {
        /// The run folder.
        run: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The run has another version of the protocol.
    #[error("{} is trained by another version of unrolled (protocol {version}, expected {VERSION})", run.display())]
    Version {
        /// The run folder.
        run: PathBuf,
        /// Its version.
        version: u64,
    },
    /// The run refuses a request.
    #[error("{0}")]
    Refused(String),
}

/// A connection to a live run.
#[derive(Debug)]
pub struct Client {
    run: PathBuf,
    stream: BufReader<UnixStream>,
}

/// All events of a live run.
#[derive(Debug)]
pub struct Frames {
    /// Bytes of the recording so far.
    pub bytes: u64,
    /// The recording so far, then what follows.
    pub stream: FrameStream<BufReader<UnixStream>>,
}

#[derive(Deserialize)]
struct Header {
    bytes: u64,
}

impl Client {
    /// Connects to the run in the folder `run`.
    ///
    /// # Errors
    /// [`ControlError::Silent`] if no process of this host trains it.
    pub fn connect(run: &Path) -> Result<Self, ControlError> {
        let silent = || ControlError::Silent(run.to_owned());
        let path = find(run).ok_or_else(silent)?;
        let stream = UnixStream::connect(path).map_err(|_| silent())?;
        let mut client = Self { run: run.to_owned(), stream: BufReader::new(stream) };
        client.stream.get_ref().set_read_timeout(Some(PATIENCE)).map_err(|error| client.lost(error))?;
        let greeting = client.read()?;
        match greeting.get("unrolled").and_then(Value::as_u64) {
            Some(version) if version == u64::from(VERSION) => {}
            version => return Err(ControlError::Version { run: client.run, version: version.unwrap_or(0) }),
        }
        Ok(client)
    }

    /// Sends a command, and waits until the trainer has taken it; returns what it has done, in words, where there is more to say than the
    /// command itself.
    ///
    /// # Errors
    /// [`ControlError::Refused`] with the reason if it cannot be applied.
    pub fn command(&mut self, request: &CommandRequest) -> Result<Option<String>, ControlError> {
        let line = serde_json::to_value(request).map_err(|error| self.lost(error.into()))?;
        let answer = self.request(&line)?;
        Ok(answer.get("done").and_then(Value::as_str).map(str::to_owned))
    }

    /// The state of the run, as a JSON object.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn status(&mut self) -> Result<Value, ControlError> {
        self.request(&json!({ "request": "status" }))
    }

    /// Reads all events of the run from here on.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn frames(mut self) -> Result<Frames, ControlError> {
        let header = self.request(&json!({ "request": "frames" }))?;
        let header: Header = serde_json::from_value(header).map_err(|error| self.lost(error.into()))?;
        // A run that is paused has no events.
        self.stream.get_ref().set_read_timeout(None).map_err(|error| self.lost(error))?;
        let run = self.run;
        let stream = FrameStream::new(self.stream).map_err(|source| ControlError::Lost { run, source })?;
        Ok(Frames { bytes: header.bytes, stream })
    }

    fn request(&mut self, line: &Value) -> Result<Value, ControlError> {
        use std::io::Write;

        let sent = self.stream.get_ref().write_all(format!("{line}\n").as_bytes());
        sent.map_err(|error| self.lost(error))?;
        self.read()
    }

    /// Reads an answer.
    fn read(&mut self) -> Result<Value, ControlError> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(16 * MAX_LINE as u64).read_until(b'\n', &mut line);
        read.map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                let what = format!("it does not answer within {} s", PATIENCE.as_secs());
                self.lost(io::Error::new(error.kind(), what))
            }
            _ => self.lost(error),
        })?;
        let answer: Value = serde_json::from_slice(&line).map_err(|_| {
            let what = if line.is_empty() { "the run has closed it" } else { "an answer cannot be read" };
            self.lost(io::Error::new(io::ErrorKind::InvalidData, what))
        })?;
        match answer.get("error") {
            Some(error) => Err(ControlError::Refused(error.as_str().unwrap_or_default().to_owned())),
            None => Ok(answer),
        }
    }

    fn lost(&self, source: io::Error) -> ControlError {
        ControlError::Lost { run: self.run.clone(), source }
    }
}
