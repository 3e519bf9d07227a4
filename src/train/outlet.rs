use crossbeam_channel::Sender;

use crate::number;
use crate::protocol::{Event, Level, LogLine};
use crate::run::Recorder;

/// Where events go: to the recorder, which loses nothing and may make the trainer wait, and to whoever watches, which never does.
#[derive(Debug)]
pub(super) struct Outlet {
    recorder: Option<Recorder>,
    watcher: Sender<Event>,
}

impl Outlet {
    pub fn new(watcher: Sender<Event>) -> Self {
        Self { recorder: None, watcher }
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
            Some(Ok(Some(stall))) => {
                // One line for every doubling: a slow disk must not flood the log.
                if stall.count.is_power_of_two() {
                    let waited = number::duration(stall.waited.as_secs_f64());
                    let text = format!(
                        "the disk is slow: training waited {waited} for it (wait number {})",
                        stall.count
                    );
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
