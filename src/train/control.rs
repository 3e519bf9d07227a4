use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, at, never, select, unbounded};

use crate::protocol::{Command, CommandRequest};
use crate::run::control::RemoteCommand;

/// Pending commands, pause and pace.
#[derive(Debug)]
pub(super) struct Control {
    commands: Receiver<CommandRequest>,
    /// Commands of the control socket. A sender is kept: they may come at any time, but nobody waits for one.
    remote: (Sender<RemoteCommand>, Receiver<RemoteCommand>),
    /// Commands to be applied between two steps, and recorded.
    pub pending: Vec<PendingCommand>,
    paused: bool,
    single: bool,
    pub stop: Option<Stop>,
    /// The sender of the first command that stops.
    pub stopped_by: Option<String>,
    /// The minimum time of a step, if training is slowed down.
    pace: Option<Duration>,
    last_step: Instant,
}

/// A command that is not applied yet.
#[derive(Debug)]
pub(super) struct PendingCommand {
    pub request: CommandRequest,
    pub origin: Origin,
}

/// Where a command comes from, and so who is told what it did.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// The screen of this process.
    Screen,
    /// The options of the run, which nobody watches: a refusal is a warning of the run.
    Script,
    /// A client of the control socket. Receives what was done, in words if there are any, or why nothing was.
    Client(Sender<Result<Option<String>, String>>),
}

impl From<CommandRequest> for PendingCommand {
    fn from(request: CommandRequest) -> Self {
        Self { request, origin: Origin::Screen }
    }
}

impl From<RemoteCommand> for PendingCommand {
    fn from(RemoteCommand { request, answer }: RemoteCommand) -> Self {
        Self { request, origin: Origin::Client(answer) }
    }
}

/// Whether to save before stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    Save,
    Discard,
}

impl Control {
    pub fn new(commands: Receiver<CommandRequest>) -> Self {
        let last_step = Instant::now();
        Self {
            commands,
            remote: unbounded(),
            pending: Vec::new(),
            paused: false,
            single: false,
            stop: None,
            stopped_by: None,
            pace: None,
            last_step,
        }
    }

    /// Where the control socket sends commands to.
    pub fn remote(&self) -> Sender<RemoteCommand> {
        self.remote.0.clone()
    }

    /// Limits training to `steps_per_s` steps a second.
    pub fn set_pace(&mut self, steps_per_s: f64) {
        self.pace = Duration::try_from_secs_f64(1.0 / steps_per_s).ok();
    }

    /// Ends the limit.
    pub fn set_full_speed(&mut self) {
        self.pace = None;
    }

    /// The minimum time of a step, if training is slowed down.
    pub fn pace(&self) -> Option<Duration> {
        self.pace
    }

    /// Whether the current step is a single one while training is paused.
    pub fn is_single_step(&self) -> bool {
        self.paused
    }

    /// Whether training is paused, or was when it was stopped.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Waits until the pace allows the next step, receiving commands meanwhile.
    pub fn throttle(&mut self) {
        while let Some(pace) = self.pace.filter(|_| !self.paused && self.stop.is_none()) {
            match self.next(Some(self.last_step + pace)) {
                Ok(command) => self.receive(command),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => self.lose_senders(),
            }
        }
        // Not `now`: the next step compensates a late wake-up, but not a pause.
        let now = Instant::now();
        let due = self.pace.map_or(now, |pace| self.last_step + pace);
        self.last_step = if now - due > Duration::from_millis(100) { now } else { due };
    }

    /// Receives all pending commands without waiting.
    pub fn poll(&mut self) {
        while let Ok(command) = self.remote.1.try_recv() {
            self.receive(command.into());
        }
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.receive(command.into()),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => return self.lose_senders(),
            }
        }
    }

    /// Waits for a command until `deadline`.
    fn next(&self, deadline: Option<Instant>) -> Result<PendingCommand, RecvTimeoutError> {
        let timeout = deadline.map_or_else(never, at);
        select! {
            recv(self.commands) -> command => match command {
                Ok(command) => Ok(command.into()),
                Err(_) => Err(RecvTimeoutError::Disconnected),
            },
            recv(self.remote.1) -> command => match command {
                Ok(command) => Ok(command.into()),
                Err(_) => Err(RecvTimeoutError::Disconnected),
            },
            recv(timeout) -> _ => Err(RecvTimeoutError::Timeout),
        }
    }

    /// Waits for one command.
    pub fn wait(&mut self) {
        match self.next(None) {
            Ok(command) => self.receive(command),
            Err(_) => self.lose_senders(),
        }
    }

    /// Nobody of this process waits for training to go on: it runs to its end, at full speed. Others may still send commands through the
    /// control socket.
    fn lose_senders(&mut self) {
        self.paused = false;
        self.pace = None;
        self.commands = never();
    }

    /// Whether training is paused. A single step lets one step through.
    pub fn must_wait(&mut self) -> bool {
        self.paused && !std::mem::take(&mut self.single)
    }

    /// Receives a command. One with wrong arguments is ignored: senders check them.
    pub fn receive(&mut self, pending: PendingCommand) {
        if let Err(error) = pending.request.command.check() {
            if let Origin::Client(answer) = pending.origin {
                let _ = answer.send(Err(error.to_string()));
            }
            return;
        }
        if matches!(pending.request.command, Command::SaveAndStop | Command::Stop) {
            self.stopped_by.get_or_insert_with(|| pending.request.by.clone());
        }
        match pending.request.command {
            Command::Pause => self.paused = true,
            Command::Resume => self.paused = false,
            Command::SingleStep => (self.paused, self.single) = (true, true),
            Command::FullSpeed => self.pace = None,
            Command::SaveAndStop => self.stop = Some(Stop::Save),
            // Stopping without a checkpoint never overrides stopping with one.
            Command::Stop => self.stop = self.stop.or(Some(Stop::Discard)),
            _ => {}
        }
        self.pending.push(pending);
    }
}

/// Measures the training time without pauses, and the throughput of the last half second.
#[derive(Debug)]
pub(super) struct Clock {
    before: Duration,
    since: Option<Instant>,
    window: (Duration, usize),
    /// The throughput of the previous window.
    rate: Option<f64>,
}

impl Clock {
    pub fn start() -> Self {
        Self { before: Duration::ZERO, since: Some(Instant::now()), window: (Duration::ZERO, 0), rate: None }
    }

    /// Goes on after so many seconds of training.
    pub fn resume_after(seconds: f64) -> Self {
        let before = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        Self { before, window: (before, 0), ..Self::start() }
    }

    /// The training time so far.
    pub fn elapsed(&self) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Whether it stands still.
    pub fn is_paused(&self) -> bool {
        self.since.is_none()
    }

    pub fn pause(&mut self) {
        self.before = self.elapsed();
        self.since = None;
    }

    pub fn resume(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// Excludes the time since `begin` of [`Clock::elapsed`] (validation) from the throughput.
    pub fn exclude_since(&mut self, begin: Duration) {
        self.window.0 += self.elapsed().saturating_sub(begin);
    }

    /// Counts `sequences`; returns the sequences per second of the last half second or more, or at first of the time so far.
    pub fn count(&mut self, sequences: usize) -> f64 {
        let now = self.elapsed();
        self.window.1 += sequences;
        let seconds = now.saturating_sub(self.window.0).as_secs_f64();
        let rate = self.window.1 as f64 / seconds.max(1e-9);
        if seconds > 0.5 {
            (self.rate, self.window) = (Some(rate), (now, 0));
        }
        self.rate.unwrap_or(rate)
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::*;

    #[test]
    fn the_throughput_of_a_resumed_training_does_not_count_the_time_before() {
        let mut clock = Clock::resume_after(1e6);
        assert!(clock.elapsed().as_secs_f64() >= 1e6);
        assert!(clock.count(1000) > 1.0);
    }

    #[test]
    fn a_single_step_pauses_and_lets_one_step_through() {
        let (send, receive) = unbounded();
        let mut control = Control::new(receive);
        assert!(!control.must_wait());
        send.send(Command::SingleStep.by("test")).unwrap();
        control.poll();
        assert!(!control.must_wait());
        assert!(control.must_wait());
        send.send(Command::Resume.by("test")).unwrap();
        control.wait();
        assert!(!control.must_wait());
    }

    #[test]
    fn throughput_excludes_validation_and_nothing_else() {
        let at = |ms: u64| Clock { before: Duration::from_millis(ms), since: None, ..Clock::start() };
        let mut clock = at(100);
        assert_eq!(clock.count(50).round(), 500.0);
        // Epochs shorter than a window: training before a validation of 300 ms still counts.
        clock.before += Duration::from_millis(300);
        clock.exclude_since(Duration::from_millis(100));
        clock.before += Duration::from_millis(100);
        assert_eq!(clock.count(10).round(), 300.0);
        clock.before += Duration::from_millis(400);
        assert_eq!(clock.count(540).round(), 1000.0);
        // The next window.
        clock.before += Duration::from_millis(300);
        assert_eq!(clock.count(9999).round(), 1000.0);
        clock.before += Duration::from_millis(700);
        assert_eq!(clock.count(1).round(), 10_000.0);
    }

    #[test]
    fn commands_wait_in_order_and_invalid_ones_are_ignored() {
        let (send, receive) = unbounded();
        let mut control = Control::new(receive);
        for factor in [2.0, 0.5, f64::NAN, -1.0, 0.0, 3.0] {
            send.send(Command::ScaleLearningRate { factor }.by("test")).unwrap();
        }
        control.poll();
        let factors = [2.0, 0.5, 3.0].map(|factor| Command::ScaleLearningRate { factor }.by("test"));
        let pending: Vec<_> = control.pending.into_iter().map(|pending| pending.request).collect();
        assert_eq!(pending, factors);
    }

    #[test]
    fn a_pace_slows_steps_down_until_full_speed() {
        let (send, receive) = unbounded();
        let mut control = Control::new(receive);
        control.set_pace(100.0);
        let begin = Instant::now();
        (0..5).for_each(|_| control.throttle());
        assert!(begin.elapsed() >= Duration::from_millis(49));
        control.set_pace(1e-3);
        send.send(Command::FullSpeed.by("test")).unwrap();
        // Would last a quarter of an hour.
        control.throttle();
        assert_eq!(control.pace, None);
    }

    #[test]
    fn a_training_whose_senders_are_gone_has_no_pace_and_can_be_paused_by_others() {
        let (send, receive) = unbounded();
        let mut control = Control::new(receive);
        control.set_pace(100.0);
        drop(send);
        control.poll();
        assert_eq!(control.pace(), None);
        let (answer, _) = unbounded();
        control.remote().send(RemoteCommand { request: Command::Pause.by("test"), answer }).unwrap();
        control.poll();
        control.poll();
        assert!(control.must_wait(), "nobody has resumed it");
    }

    #[test]
    fn saving_overrides_stopping_and_a_paused_run_ends_when_disconnected() {
        let (send, receive) = unbounded();
        let mut control = Control::new(receive);
        for command in [Command::Pause, Command::SaveAndStop, Command::Stop] {
            send.send(command.by("test")).unwrap();
        }
        control.poll();
        assert_eq!(control.stop, Some(Stop::Save));
        assert!(control.must_wait());
        drop(send);
        control.wait();
        assert!(!control.must_wait());
    }
}
