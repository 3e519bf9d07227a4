//! A run as plain lines, without a screen: the second renderer of the event stream.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::escape::foreign;
use crate::metrics::{Confusion, Metrics};
use crate::number::{self, count, counted, duration, metric, percent, rate};
use crate::protocol::{
    EpochMetrics, Event, Level, Resumed, RunInfo, RunStatus, StepMetrics, ValidationMetrics,
};

/// Lines that steps get within an epoch.
const LINES_AN_EPOCH: usize = 5;
/// Classes up to which an epoch's confusion matrix is printed.
const SHOWN_CLASSES: usize = 4;
/// No step since the last line.
const NOTHING: (f64, Option<f64>, u32) = (0.0, Some(0.0), 0);

/// How long to sleep where nothing is left to take: woken for every step, the thread would drive one that trains off its core.
const NAP: Duration = Duration::from_millis(20);
/// Lines that wait for a reader who has stopped reading, at most.
const WAITING: usize = 1000;

/// Prints plain lines to `out` until the trainer has ended; returns the error that ended the printing before that.
///
/// A stalled reader (Ctrl-S, a pipe that nobody empties) makes only the printing wait: events are taken as they come, and the number of
/// dropped lines is printed.
///
/// # Errors
/// When the system gives no thread.
pub fn print(events: &Receiver<Event>, out: impl Write) -> io::Result<Option<io::Error>> {
    print_on(events, None, out)
}

/// As [`print()`], from the middle of a run that `info` describes.
///
/// # Errors
/// As [`print()`].
pub fn print_on(
    events: &Receiver<Event>,
    info: Option<Box<RunInfo>>,
    mut out: impl Write,
) -> io::Result<Option<io::Error>> {
    let start = Lines { info: info.map(|info| *info), ..Lines::default() };
    let (lines, to_print) = bounded(WAITING);
    thread::scope(|scope| {
        let follower = thread::Builder::new()
            .name("lines".into())
            .spawn_scoped(scope, move || start.follow(events, &lines))?;
        let mut refused = None;
        for line in to_print {
            // Whoever read may be gone; the run is not theirs alone.
            let printed = writeln!(out, "{}", foreign(&line)).and_then(|()| out.flush());
            refused = refused.or(printed.err().filter(|error| error.kind() != io::ErrorKind::BrokenPipe));
        }
        follower.join().map_err(|_| io::Error::other("the thread that makes lines was lost"))?;
        Ok(refused)
    })
}

/// Folds events into plain lines: one an epoch, some in between, each complete when it is written and without cursor movement.
struct Lines {
    info: Option<RunInfo>,
    /// Sums since the last line: loss, accuracy, steps.
    sum: (f64, Option<f64>, u32),
    /// Lines dropped since the last that was sent.
    left_out: u64,
    /// The fingerprint of the weights that were saved last, and their step.
    saved: Option<(String, u64)>,
}

impl Default for Lines {
    fn default() -> Self {
        Self { info: None, sum: NOTHING, left_out: 0, saved: None }
    }
}

impl Lines {
    /// Sends lines until the last event.
    fn follow(mut self, events: &Receiver<Event>, to: &Sender<String>) {
        for event in events {
            let last = matches!(&event, Event::Status(status) if status.is_over());
            for line in self.fold(&event) {
                if last {
                    // How it ended is worth waiting for.
                    let _ = self.note().into_iter().chain([line]).try_for_each(|line| to.send(line));
                } else {
                    self.offer(line, to);
                }
            }
            if !last && events.is_empty() {
                thread::sleep(NAP);
            }
        }
    }

    fn offer(&mut self, line: String, to: &Sender<String>) {
        let note = self.note().map_or(Ok(()), |note| to.try_send(note));
        let offered = note.and_then(|()| {
            self.left_out = 0;
            to.try_send(line)
        });
        self.left_out += u64::from(matches!(offered, Err(TrySendError::Full(_))));
    }

    fn note(&self) -> Option<String> {
        (self.left_out > 0)
            .then(|| format!("… {} lines left out: they were not read in time", count(self.left_out)))
    }

    fn fold(&mut self, event: &Event) -> Vec<String> {
        match event {
            Event::Prepared(info) => {
                let lines = facts(info);
                self.info = Some((**info).clone());
                lines
            }
            Event::Status(status) => self.status(status).into_iter().collect(),
            Event::Step(step) => self.step(step).into_iter().collect(),
            Event::Validation(metrics) => vec![self.validation(metrics)],
            Event::Epoch(epoch) => self.epoch(epoch),
            Event::Log(line) => {
                let mark = match line.level {
                    Level::Info => "",
                    Level::Warning => "warning: ",
                    Level::Error => "error: ",
                };
                vec![format!("{mark}{}", line.text)]
            }
            Event::Sample(sample) => {
                let text = format!("{}{}", sample.prime, sample.text);
                text.lines().map(|line| format!("  │ {line}")).collect()
            }
            Event::Gradient(_)
            | Event::Instruments(_)
            | Event::Weights(_)
            | Event::Probe(_)
            | Event::Examples(_)
            | Event::UnitResponse(_)
            | Event::Neighbours(_)
            | Event::Command(_)
            | Event::ProbeAdded(_)
            | Event::Undone(_)
            | Event::Alert(_) => Vec::new(),
            Event::Saved(saved) => {
                self.saved =
                    Some((saved.weights.clone(), saved.step)).filter(|(weights, _)| !weights.is_empty());
                Vec::new()
            }
            Event::Resumed(resumed) => vec![resumed_line(resumed)],
        }
    }

    /// `  weights 1dc0dc75292cbf00 of step 80`.
    fn weights(&self) -> String {
        let saved = self.saved.as_ref();
        saved.map_or(String::new(), |(weights, step)| format!("  weights {weights} of step {}", count(*step)))
    }

    fn status(&self, status: &RunStatus) -> Option<String> {
        match status {
            RunStatus::Preparing { what } => Some(what.clone()),
            RunStatus::Training | RunStatus::Validating => None,
            RunStatus::Paused => Some("paused".into()),
            RunStatus::Finished => {
                let folder = self.info.as_ref().map(|info| format!(": {}", info.folder.display()));
                Some(format!("finished{}{}", folder.unwrap_or_default(), self.weights()))
            }
            RunStatus::Stopped { saved: true } => Some(format!("stopped, saved{}", self.weights())),
            RunStatus::Stopped { saved: false } => Some("stopped".into()),
            RunStatus::Diverged { what } => Some(format!("diverged: {what}")),
            // Why is said once, on stderr, by whoever ends the program; a training that was refused has not begun.
            RunStatus::Failed { .. } => self.info.as_ref().map(|_| "failed".into()),
        }
    }

    /// Without the run's facts (who left the screen has seen them) there are lines for epochs only.
    fn step(&mut self, step: &StepMetrics) -> Option<String> {
        let (epochs, an_epoch) = self.info.as_ref().map(|info| (info.epochs, info.steps_per_epoch))?;
        let (loss, accuracy, steps) = &mut self.sum;
        *loss += step.loss;
        *accuracy = accuracy.zip(step.accuracy).map(|(sum, share)| sum + share);
        *steps += 1;
        let every = an_epoch.div_ceil(LINES_AN_EPOCH).max(1) as u64;
        let within = (step.step - 1) % an_epoch.max(1) as u64 + 1;
        if !within.is_multiple_of(every) || within == an_epoch as u64 {
            return None;
        }
        let (loss, accuracy, steps) = std::mem::replace(&mut self.sum, NOTHING);
        let n = f64::from(steps);
        Some(format!(
            "epoch {}/{epochs}  step {within}/{an_epoch}  loss {}{}  gradient {}  {} sequences/s",
            step.epoch,
            metric(loss / n),
            accuracy.map_or(String::new(), |sum| format!("  accuracy {}", percent(sum / n))),
            metric(step.grad_norm),
            rate(step.sequences_per_s),
        ))
    }

    fn validation(&self, metrics: &ValidationMetrics) -> String {
        let place = match &self.info {
            Some(RunInfo { epochs, steps_per_epoch, .. }) => {
                let within = metrics.step.saturating_sub(1) % (*steps_per_epoch).max(1) as u64 + 1;
                format!("epoch {}/{epochs}  step {within}/{steps_per_epoch}", metrics.epoch)
            }
            None => format!("epoch {}  step {}", metrics.epoch, metrics.step),
        };
        format!("{place}{}  {}", shown(&metrics.metrics), duration(metrics.seconds))
    }

    fn epoch(&mut self, epoch: &EpochMetrics) -> Vec<String> {
        self.sum = NOTHING;
        let epochs = self.info.as_ref().map_or(String::new(), |info| format!("/{}", info.epochs));
        let (metrics, seconds) = (shown(&epoch.metrics), duration(epoch.seconds));
        let mut lines = vec![format!("epoch {}{epochs}{metrics}  {seconds}", epoch.epoch)];
        let matrix = epoch.confusion.as_ref();
        lines.extend(matrix.filter(|m| m.classes <= SHOWN_CLASSES).map(|matrix| self.confusion(matrix)));
        lines
    }

    /// `true neg → 451 neg, 49 pos; true pos → …`, in one line.
    fn confusion(&self, matrix: &Confusion) -> String {
        let labels = self.info.as_ref().map(|info| info.data.classes.as_slice()).unwrap_or_default();
        let label = |class: usize| labels.get(class).map_or(class.to_string(), |c| c.label.clone());
        let row = |class: usize| {
            let taken = |p: usize| format!("{} {}", count(matrix.count(class, p)), label(p));
            let taken: Vec<String> = (0..matrix.classes).map(taken).collect();
            format!("{} → {}", label(class), taken.join(", "))
        };
        format!("  true → predicted: {}", (0..matrix.classes).map(row).collect::<Vec<_>>().join("; "))
    }
}

/// `resumed after step 120, in epoch 2`, with what was changed.
fn resumed_line(resumed: &Resumed) -> String {
    let parent = resumed.parent.as_ref().map(|parent| format!("branched from {}", parent.display()));
    let how = parent.unwrap_or("resumed".into());
    let changes = resumed.changes.join(" ");
    let changes = if changes.is_empty() { String::new() } else { format!(", with {changes}") };
    format!("{how} after step {}, in epoch {}{changes}", count(resumed.step), resumed.epoch)
}

/// Metrics by name, two blanks before each.
fn shown(metrics: &Metrics) -> String {
    metrics.iter().map(|(name, value)| format!("  {name} {}", number::named(name, value))).collect()
}

fn facts(info: &RunInfo) -> Vec<String> {
    let data = &info.data;
    let skipped = if data.skipped > 0 {
        format!(", {} bad rows skipped", count(data.skipped as u64))
    } else {
        String::new()
    };
    let steps = match data.vocabulary {
        0 => counted(data.length, "step"),
        words => format!(
            "{} tokens, vocabulary {}, {} of tokens unknown",
            data.length,
            count(words as u64),
            percent(data.unknown)
        ),
    };
    vec![
        format!("{}: {}", info.name, info.title),
        format!("run    {}", info.folder.display()),
        format!(
            "data   {}: {} + {} sequences of {}{skipped}",
            data.source,
            count(data.train as u64),
            count(data.validation as u64),
            steps,
        ),
        format!(
            "model  {}; {} parameters{}",
            info.model.layers.iter().map(|row| row.class.as_str()).collect::<Vec<_>>().join(" → "),
            count(info.model.params() as u64),
            match info.model.frozen() {
                0 => String::new(),
                frozen => format!(", {} of them not trainable", count(frozen as u64)),
            },
        ),
        format!(
            "train  {}, {}, batch size {}, {} of {}, seed {}, {}",
            info.loss,
            info.optimizer,
            info.batch_size,
            counted(info.epochs, "epoch"),
            counted(info.steps_per_epoch, "step"),
            info.seed,
            counted(info.threads, "thread"),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use crossbeam_channel::unbounded;

    use super::*;

    fn ended(more: &[(&str, f64)], confusion: Option<Confusion>) -> Event {
        let metrics = [("loss", 0.5), ("val_loss", 0.25)].iter().chain(more).copied().collect();
        Event::Epoch(Box::new(EpochMetrics { epoch: 2, step: 14, metrics, confusion, seconds: 1.5 }))
    }

    #[test]
    fn an_epoch_of_classes_has_a_line_and_one_for_its_confusion_matrix() {
        let mut lines = Lines::default();
        let matrix = Confusion { classes: 2, counts: vec![451, 49, 60, 1440], ..Confusion::default() };
        assert_eq!(
            lines.fold(&ended(&[("val_accuracy", 0.5), ("val_f1", 0.75)], Some(matrix))),
            [
                "epoch 2  loss 0.5000  val_loss 0.2500  val_accuracy 50.0 %  val_f1 0.7500  1.5 s",
                "  true → predicted: 0 → 451 0, 49 1; 1 → 60 0, 1,440 1",
            ]
        );
        let many = Some(Confusion::new(5));
        let line = "epoch 2  loss 0.5000  val_loss 0.2500  val_mae 0.7500  1.5 s";
        assert_eq!(lines.fold(&ended(&[("val_mae", 0.75)], many)), [line]);
    }

    #[test]
    fn validation_between_epochs_has_a_line_of_its_own() {
        let metrics = [("val_loss", 0.25), ("val_accuracy", 0.5)].into();
        let metrics = ValidationMetrics { step: 5, epoch: 2, metrics, seconds: 1.5 };
        let line = "epoch 2  step 5  val_loss 0.2500  val_accuracy 50.0 %  1.5 s";
        assert_eq!(Lines::default().fold(&Event::Validation(metrics)), [line]);
    }

    /// Takes nothing until it is told to.
    struct Stalled {
        go_on: Receiver<()>,
        taken: Vec<u8>,
    }

    impl Write for &mut Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.go_on.recv();
            self.taken.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stalls_holds_back_no_events_and_reads_the_end() {
        let (send, events) = unbounded();
        let (go_on, wait) = channel();
        let mut reader = Stalled { go_on: wait, taken: Vec::new() };
        let sender = thread::spawn(move || {
            for epoch in 1..=5000 {
                let metrics = [("loss", 0.5)].into();
                let metrics = Box::new(EpochMetrics {
                    epoch,
                    step: epoch as u64,
                    metrics,
                    confusion: None,
                    seconds: 1.0,
                });
                send.send(Event::Epoch(metrics)).unwrap();
            }
            while !send.is_empty() {
                thread::yield_now();
            }
            // Only now does the reader read on.
            drop(go_on);
            send.send(Event::Status(RunStatus::Finished)).unwrap();
        });
        print(&events, &mut reader).unwrap();
        sender.join().unwrap();
        let text = String::from_utf8(reader.taken).unwrap();
        assert!(text.starts_with("epoch 1  loss 0.5"), "{text}");
        assert!(text.contains("lines left out"), "{text}");
        assert!(text.ends_with("finished\n"), "{text}");
        let read = text.lines().filter(|line| line.starts_with("epoch")).count();
        assert!((WAITING..WAITING + 10).contains(&read), "{read} lines");
    }
}
