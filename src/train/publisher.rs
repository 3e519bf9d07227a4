use std::time::Duration;

use crossbeam_channel::Sender;

use crate::error::chain;
use crate::number;
use crate::protocol::{Event, Level, LogLine};
use crate::run::Recorder;

/// The waiting time at which the first slow-disk warning is logged.
const FIRST_WARNING: Duration = Duration::from_millis(200);

/// Publishes events: to the recorder, which loses nothing and may make the trainer wait, and to the subscriber, which never does.
#[derive(Debug)]
pub(super) struct Publisher {
    recorder: Option<Recorder>,
    subscriber: Sender<Event>,
    /// Total time spent waiting for the disk.
    waited: Duration,
    /// The waiting time at which the next warning is due.
    warn_at: Duration,
}

impl Publisher {
    pub fn new(subscriber: Sender<Event>) -> Self {
        Self { recorder: None, subscriber, waited: Duration::ZERO, warn_at: FIRST_WARNING }
    }

    /// Records events from here on.
    pub fn record_to(&mut self, recorder: Recorder) {
        self.recorder = Some(recorder);
    }

    pub fn publish(&mut self, event: Event) {
        let recorded = self.recorder.as_mut().map(|recorder| recorder.record(event.clone()));
        self.send(event);
        match recorded {
            None | Some(Ok(None)) => {}
            Some(Ok(Some(waited))) => {
                self.waited += waited;
                // One line for every doubling: a slow disk must not flood the log.
                if self.waited >= self.warn_at {
                    self.warn_at = self.waited * 2;
                    let waited = number::duration(self.waited.as_secs_f64());
                    let text = format!("the disk is slow: training has waited {waited} for it so far");
                    self.send(Event::Log(LogLine { level: Level::Warning, text }));
                }
            }
            Some(Err(e)) => {
                self.recorder = None;
                let text = format!("{}; training continues without being recorded", chain(&e));
                self.send(Event::Log(LogLine { level: Level::Error, text }));
            }
        }
    }

    pub fn log(&mut self, level: Level, text: impl Into<String>) {
        self.publish(Event::Log(LogLine { level, text: text.into() }));
    }

    /// Waits until everything is on disk, then sends the last event.
    pub fn finish(mut self, last: Event) {
        let recorded = self.recorder.take().map(|mut recorder| {
            recorder.record(last.clone())?;
            recorder.finish()
        });
        if let Some(Err(e)) = recorded {
            self.send(Event::Log(LogLine { level: Level::Error, text: chain(&e) }));
        }
        self.send(last);
    }

    fn send(&self, event: Event) {
        // The receiver may have disconnected.
        let _ = self.subscriber.send(event);
    }
}
