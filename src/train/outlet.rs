use std::time::Duration;

use crossbeam_channel::Sender;

use crate::number;
use crate::protocol::{Event, Level, LogLine};
use crate::run::Recorder;

/// So long training has waited for the disk when it is first told.
const WORTH_TELLING: Duration = Duration::from_millis(200);

/// Where events go: to the recorder, which loses nothing and may make the trainer wait, and to whoever watches, which never does.
#[derive(Debug)]
pub(super) struct Outlet {
    recorder: Option<Recorder>,
    watcher: Sender<Event>,
    /// For the disk, in all.
    waited: Duration,
    /// When to tell of it next.
    tell_at: Duration,
}

impl Outlet {
    pub fn new(watcher: Sender<Event>) -> Self {
        Self { recorder: None, watcher, waited: Duration::ZERO, tell_at: WORTH_TELLING }
    }

    /// From here on events are recorded as well.
    pub fn record_to(&mut self, recorder: Recorder) {
        self.recorder = Some(recorder);
    }

    pub fn emit(&mut self, event: Event) {
        let recorded = self.recorder.as_mut().map(|recorder| recorder.record(event.clone()));
        self.show(event);
        match recorded {
            None | Some(Ok(None)) => {}
            Some(Ok(Some(waited))) => {
                self.waited += waited;
                // One line for every doubling: a slow disk must not flood the log.
                if self.waited >= self.tell_at {
                    self.tell_at = self.waited * 2;
                    let waited = number::duration(self.waited.as_secs_f64());
                    let text = format!("the disk is slow: training has waited {waited} for it so far");
                    self.show(Event::Log(LogLine { level: Level::Warning, text }));
                }
            }
            Some(Err(e)) => {
                self.recorder = None;
                let text = format!("{e}; training goes on without being recorded");
                self.show(Event::Log(LogLine { level: Level::Error, text }));
            }
        }
    }

    pub fn log(&mut self, level: Level, text: impl Into<String>) {
        self.emit(Event::Log(LogLine { level, text: text.into() }));
    }

    /// Waits until everything is on disk, then tells the watcher what was the last.
    pub fn finish(mut self, last: Event) {
        let recorded = self.recorder.take().map(|mut recorder| {
            recorder.record(last.clone())?;
            recorder.finish()
        });
        if let Some(Err(e)) = recorded {
            self.show(Event::Log(LogLine { level: Level::Error, text: e.to_string() }));
        }
        self.show(last);
    }

    fn show(&self, event: Event) {
        // Nobody need watch.
        let _ = self.watcher.send(event);
    }
}
