//! A server on this machine that says what a test wants it to.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// What a client asked, and how many bytes of a file it got.
#[derive(Debug, Clone)]
pub struct Seen {
    pub path: String,
    pub range: Option<String>,
    pub if_range: Option<String>,
    pub sent: usize,
}

/// Answers one request after the other, each on a connection of its own, and ends after the last.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    thread: JoinHandle<()>,
}

impl Server {
    pub fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<Seen>>>::default());
        let record = Arc::clone(&seen);
        let thread = thread::spawn(move || {
            for answer in answers {
                let (stream, _) = listener.accept().unwrap();
                answer.give(stream, &record);
            }
        });
        Self { address, seen, thread }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Until it is gone.
    pub fn wait(&self) {
        while !self.thread.is_finished() {
            thread::yield_now();
        }
    }
}

/// What the server says to one question.
#[derive(Clone)]
pub struct Answer {
    status: String,
    version: String,
    headers: Vec<String>,
    body: Vec<u8>,
    /// After so many bytes of the body from its start the connection breaks.
    cut: Option<usize>,
    by_range: bool,
    measured: bool,
}

impl Answer {
    /// Bytes.
    pub fn of(body: &[u8]) -> Self {
        let (status, version) = ("200 OK".into(), "\"1\"".into());
        Self {
            status,
            version,
            headers: Vec::new(),
            body: body.into(),
            cut: None,
            by_range: false,
            measured: true,
        }
    }

    /// A status without bytes.
    pub fn head(status: &str) -> Self {
        Self { status: status.into(), ..Self::of(b"") }
    }

    pub fn with(mut self, header: &str) -> Self {
        self.headers.push(header.into());
        self
    }

    /// What the server calls this version of the file; nothing if empty.
    pub fn version(self, version: &str) -> Self {
        Self { version: version.into(), ..self }
    }

    pub fn cut(self, at: usize) -> Self {
        Self { cut: Some(at), ..self }
    }

    /// Gives the range that it is asked for, if that is of the same version.
    pub fn by_range(self) -> Self {
        Self { by_range: true, ..self }
    }

    /// Says nothing of a length.
    pub fn unmeasured(self) -> Self {
        Self { measured: false, ..self }
    }

    fn give(self, stream: TcpStream, record: &Mutex<Vec<Seen>>) {
        let mut seen = Seen { path: String::new(), range: None, if_range: None, sent: 0 };
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap() > 2 {
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("range") => seen.range = Some(value.into()),
                Some((name, value)) if name.eq_ignore_ascii_case("if-range") => {
                    seen.if_range = Some(value.into())
                }
                _ if seen.path.is_empty() => seen.path = line.split(' ').nth(1).unwrap().into(),
                _ => {}
            }
            line.clear();
        }
        let same = seen.if_range.as_ref().is_none_or(|version| *version == self.version);
        let from: usize = match &seen.range {
            Some(range) if self.by_range && same => {
                range.strip_prefix("bytes=").unwrap().trim_end_matches('-').parse().unwrap()
            }
            _ => 0,
        };
        let total = self.body.len();
        let mut head = match from {
            0 => format!("HTTP/1.1 {}\r\n", self.status),
            _ => format!(
                "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{}/{total}\r\n",
                total - 1
            ),
        };
        if self.measured {
            head += &format!("Content-Length: {}\r\n", total - from);
        }
        if !self.version.is_empty() {
            head += &format!("ETag: {}\r\n", self.version);
        }
        self.headers.iter().for_each(|header| head += &format!("{header}\r\n"));
        let body = &self.body[from..self.cut.unwrap_or(total)];
        seen.sent = body.len();
        record.lock().unwrap().push(seen);
        // A client may have heard enough.
        let mut stream = reader.into_inner();
        let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes());
        let _ = stream.write_all(body);
    }
}

pub fn ok(body: &[u8]) -> Answer {
    Answer::of(body)
}

/// Breaks off after so many bytes from the start of the file.
pub fn cut(body: &[u8], at: usize) -> Answer {
    Answer::of(body).by_range().cut(at)
}

pub fn ranged(body: &[u8]) -> Answer {
    Answer::of(body).by_range()
}

pub fn status(code: u16) -> Answer {
    Answer::head(&format!("{code} As It Is"))
}

pub fn redirect(code: u16, to: &str) -> Answer {
    status(code).with(&format!("Location: {to}"))
}
