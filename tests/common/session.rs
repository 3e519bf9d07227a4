//! A program in a pseudo-terminal: what it draws, keys, signals, its end.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtyPair, PtySize, SlavePty, native_pty_system};

/// A timeout that only a failing test reaches.
pub const LONG: Duration = Duration::from_secs(120);
pub const SIZE: PtySize = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };

/// What shows another screen.
const ALTERNATE: &[u8] = b"\x1b[?1049h";

/// A terminal with a program in it.
pub struct Session {
    pub master: Box<dyn MasterPty + Send>,
    /// Kept open to read the settings of the terminal after the program has ended.
    _slave: Box<dyn SlavePty + Send>,
    pub child: Box<dyn Child + Send + Sync>,
    pub keys: Box<dyn Write + Send>,
    pub output: Receiver<Vec<u8>>,
    pub reader: JoinHandle<()>,
    pub screen: vt100::Parser,
    pub termios_before: String,
    /// Whether a program has shown another screen than the one that was there before.
    pub has_switched_screens: bool,
}

/// A terminal with a program in it, which nobody reads.
pub struct Unread {
    master: Box<dyn MasterPty + Send>,
    slave: Box<dyn SlavePty + Send>,
    child: Box<dyn Child + Send + Sync>,
    termios_before: String,
}

impl Unread {
    pub fn open(mut command: CommandBuilder) -> Self {
        let PtyPair { master, slave } = native_pty_system().openpty(SIZE).unwrap();
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        let termios_before = termios(master.as_ref());
        let child = slave.spawn_command(command).unwrap();
        Self { master, slave, child, termios_before }
    }

    /// The real program, in `folder`.
    pub fn program(folder: &Path, args: &[&str]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_unrolled"));
        command.args(args);
        command.cwd(folder);
        Self::open(command)
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Reads it from here on.
    pub fn read(self) -> Session {
        let Self { master, slave, child, termios_before } = self;
        let mut from_terminal = master.try_clone_reader().unwrap();
        let (send, output) = channel();
        let reader = spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(n @ 1..) = from_terminal.read(&mut chunk) {
                if send.send(chunk[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        let keys = master.take_writer().unwrap();
        let screen = vt100::Parser::new(SIZE.rows, SIZE.cols, 0);
        Session {
            master,
            _slave: slave,
            child,
            keys,
            output,
            reader,
            screen,
            termios_before,
            has_switched_screens: false,
        }
    }
}

impl Session {
    pub fn open(command: CommandBuilder) -> Self {
        Unread::open(command).read()
    }

    /// The real program, in `folder`.
    pub fn program(folder: &Path, args: &[&str]) -> Self {
        Unread::program(folder, args).read()
    }

    /// The real program training word-order in `folder/run`: eight steps an epoch, with `set` on top.
    pub fn training(folder: &Path, set: &[&str]) -> Self {
        let small = ["data.train=256", "data.validation=64", "watch.pace=200"];
        let set = small.iter().chain(set).flat_map(|set| ["--set", *set]);
        let args: Vec<&str> = ["train", "word-order", "--run", "run"].into_iter().chain(set).collect();
        let mut session = Self::program(folder, &args);
        session.wait_until("steps", |screen| step(screen) >= 1);
        session
    }

    pub fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |screen| screen.contents().contains(text));
    }

    pub fn wait_until(&mut self, what: &str, reached: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + LONG;
        while !reached(self.screen.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(chunk) = self.output.recv_timeout(left) else {
                panic!("{what:?} never appears:\n{}", self.screen.screen().contents())
            };
            self.has_switched_screens |= chunk.windows(ALTERNATE.len()).any(|part| part == ALTERNATE);
            self.screen.process(&chunk);
        }
    }

    pub fn step(&self) -> u64 {
        step(self.screen.screen())
    }

    /// Resizes the terminal, but not the emulated screen, which cannot be very small.
    pub fn resize(&self, rows: u16, cols: u16) {
        self.master.resize(PtySize { rows, cols, ..SIZE }).unwrap();
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Presses the key of an answer, once the dialog on the screen takes one.
    pub fn answer(&mut self, key: &str) {
        sleep(Duration::from_millis(400));
        self.press(key);
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.child.process_id().unwrap().try_into().unwrap());
        rustix::process::kill_process(pid.unwrap(), signal).unwrap();
    }

    pub fn exit_code(&mut self) -> u32 {
        let deadline = Instant::now() + LONG;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(Instant::now() < deadline, "the program does not end");
            sleep(Duration::from_millis(5));
        }
    }

    /// Waits for the end of the program; the terminal must be restored, and `last_words` must be on the screen.
    pub fn ends_restored(mut self, code: u32, last_words: &str) {
        assert_eq!(self.exit_code(), code);
        self.wait_for(last_words);
        self.wait_until("the screen that was there before", |screen| !screen.alternate_screen());
        self.wait_until("the cursor", |screen| !screen.hide_cursor());
        let screen = self.screen.screen();
        assert!(!screen.bracketed_paste(), "bracketed paste is on");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        assert_eq!(termios(self.master.as_ref()), self.termios_before);
    }

    /// Closes the terminal of the running program.
    pub fn hang_up(mut self) -> u32 {
        drop(self.output);
        // The reader closes its handle at its next message.
        self.master.resize(PtySize { rows: 20, ..SIZE }).unwrap();
        self.reader.join().unwrap();
        drop((self.keys, self.master));
        let deadline = Instant::now() + LONG;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(Instant::now() < deadline, "the program does not notice that its terminal is gone");
            sleep(Duration::from_millis(5));
        }
    }
}

/// The number in `step 12/1,500` on a dashboard; 0 before the first.
pub fn step(screen: &vt100::Screen) -> u64 {
    let contents = screen.contents();
    let said = contents.split("step ").find_map(|rest| {
        let (number, _) = rest.split_once('/')?;
        number.replace(',', "").parse().ok()
    });
    said.unwrap_or(0)
}

fn termios(terminal: &dyn MasterPty) -> String {
    format!("{:?}", terminal.get_termios().unwrap())
}
