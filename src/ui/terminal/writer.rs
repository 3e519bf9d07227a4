//! The writer thread, the only one that waits for a slow terminal.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::event::{PollFd, PollFlags, poll};

/// The result of writing a frame.
#[derive(Debug)]
pub struct WriteResult {
    /// The frame's buffer, returned for reuse.
    pub buffer: Vec<u8>,
    /// An error means that the terminal is gone.
    pub result: io::Result<()>,
}

/// Writes to the terminal: takes whole frames, one at a time, and never blocks its owner.
///
/// A stalled SSH link blocks `write` for minutes without any error; here it blocks a thread that has nothing else to do.
#[derive(Debug)]
pub struct Writer {
    frames: Sender<Vec<u8>>,
    done: Receiver<WriteResult>,
    busy: bool,
    spare: Vec<u8>,
}

impl Writer {
    /// Starts the thread that writes to `tty`; it ends when the writer is dropped and the last frame is out.
    pub fn start(mut tty: File) -> io::Result<Self> {
        let (frames, to_write) = bounded::<Vec<u8>>(1);
        let (report, done) = bounded(1);
        std::thread::Builder::new().name("terminal writer".into()).spawn(move || {
            for buffer in to_write {
                let result = write_whole(&mut tty, &buffer);
                if report.send(WriteResult { buffer, result }).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self::over(frames, done))
    }

    /// A writer with another receiver: it receives a frame from `frames`, then reports to `done`.
    pub fn over(frames: Sender<Vec<u8>>, done: Receiver<WriteResult>) -> Self {
        Self { frames, done, busy: false, spare: Vec::new() }
    }

    /// Whether a frame is still being written.
    pub fn busy(&self) -> bool {
        self.busy
    }

    /// Results of written frames, to be passed to [`Writer::finished`].
    pub fn done(&self) -> &Receiver<WriteResult> {
        &self.done
    }

    /// Handles the result of a frame; returns `false` if the terminal is gone.
    pub fn finished(&mut self, written: WriteResult) -> bool {
        self.busy = false;
        self.spare = written.buffer;
        self.spare.clear();
        written.result.is_ok()
    }

    /// Returns an empty buffer for the next frame.
    pub fn take_buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.spare)
    }

    /// Sends a frame; to be called only while not [`busy`](Self::busy). `false` when the writing thread has ended.
    pub fn send(&mut self, frame: Vec<u8>) -> bool {
        self.busy = self.frames.try_send(frame).is_ok();
        self.busy
    }

    /// Sends `bytes` after the current frame and waits until they are written, for at most `patience`.
    pub fn send_and_wait(&mut self, bytes: &[u8], patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        self.wait(deadline) && self.send(bytes.to_vec()) && self.wait(deadline)
    }

    fn wait(&mut self, deadline: Instant) -> bool {
        !self.busy || self.done.recv_deadline(deadline).is_ok_and(|written| self.finished(written))
    }
}

/// `write_all` for a terminal that another program may have left in non-blocking mode.
fn write_whole(tty: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match tty.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                match poll(&mut [PollFd::new(tty, PollFlags::OUT)], None) {
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::OwnedFd;

    #[test]
    fn a_stalled_terminal_blocks_nobody_and_gets_every_byte_later() {
        let (mut far_end, near_end) = std::io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&near_end, true).unwrap();
        let mut writer = Writer::start(File::from(OwnedFd::from(near_end))).unwrap();
        let frame = vec![b'x'; 1 << 20]; // more than any pipe holds
        assert!(writer.send(frame));
        assert!(writer.done().recv_timeout(Duration::from_millis(20)).is_err());
        assert!(!writer.send_and_wait(b"bye", Duration::ZERO), "the pipe is full");
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            far_end.read_to_end(&mut all).map(|_| all.len())
        });
        assert!(writer.send_and_wait(b"bye", Duration::from_secs(20)));
        drop(writer);
        assert_eq!(reader.join().unwrap().unwrap(), (1 << 20) + 3);
    }

    #[test]
    fn a_terminal_that_is_gone_is_reported() {
        let (far_end, near_end) = std::io::pipe().unwrap();
        drop(far_end);
        let mut writer = Writer::start(File::from(OwnedFd::from(near_end))).unwrap();
        assert!(!writer.send_and_wait(b"frame", Duration::from_secs(20)));
    }
}
