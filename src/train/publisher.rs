use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;

use super::alerts::Alerts;
use crate::error::chain;
use crate::number;
use crate::preset::AlertSpec;
use crate::protocol::{Alert, Event, Level, LogLine, RunStatus};
use crate::run::control::Server;
use crate::run::owner::OwnerGuard;
use crate::run::{Hub, Recorder, ResumePoint, RunError};

/// The waiting time at which the first slow-disk warning is logged.
const FIRST_WARNING: Duration = Duration::from_millis(200);

/// A lossless log of events; [`Recorder`], or a substitute in tests.
pub(super) trait EventLog: Debug {
    /// Queues `event`; returns how long it waited for the disk, if it did.
    ///
    /// # Errors
    /// When events are no longer recorded.
    fn record(&mut self, event: Event) -> Result<Option<Duration>, RunError>;

    /// Waits until all events so far are on disk; returns the length of `metrics.jsonl`, or `None` if that fails.
    fn sync(&self) -> Option<u64>;

    /// Drops all that was recorded after a checkpoint; returns the number of events that are left and no pictures, also where that fails.
    fn rewind(&self, to: ResumePoint) -> (u64, Result<(), RunError>);

    /// What has happened to the log itself since the last call.
    fn notices(&self) -> Vec<LogLine>;

    /// Where others can subscribe to the events.
    fn hub(&self) -> Option<Hub> {
        None
    }

    /// Waits until all events are on disk; returns the last notices as well.
    ///
    /// # Errors
    /// If some are not.
    fn finish(self: Box<Self>) -> (Vec<LogLine>, Result<(), RunError>);
}

impl EventLog for Recorder {
    fn record(&mut self, event: Event) -> Result<Option<Duration>, RunError> {
        Self::record(self, event)
    }

    fn sync(&self) -> Option<u64> {
        Self::sync(self)
    }

    fn rewind(&self, to: ResumePoint) -> (u64, Result<(), RunError>) {
        Self::rewind(self, to)
    }

    fn notices(&self) -> Vec<LogLine> {
        Self::notices(self)
    }

    fn hub(&self) -> Option<Hub> {
        Some(Self::hub(self).clone())
    }

    fn finish(self: Box<Self>) -> (Vec<LogLine>, Result<(), RunError>) {
        self.complete()
    }
}

/// Publishes events: to the recorder, which loses nothing and may make the trainer wait, and to the subscriber, which never does.
#[derive(Debug)]
pub(super) struct Publisher {
    recorder: Option<Box<dyn EventLog>>,
    /// Says in the run folder how training ends, and holds its lock until then.
    owner: Option<Arc<OwnerGuard>>,
    /// The control socket, to which the recorder's hub sends events.
    server: Option<Server>,
    subscriber: Sender<Event>,
    /// The conditions that are warned of, where there are any.
    alerts: Option<Alerts>,
    /// Total time spent waiting for the disk.
    waited: Duration,
    /// The waiting time at which the next warning is due.
    warn_at: Duration,
}

impl Publisher {
    pub fn new(subscriber: Sender<Event>) -> Self {
        Self {
            recorder: None,
            owner: None,
            server: None,
            subscriber,
            alerts: None,
            waited: Duration::ZERO,
            warn_at: FIRST_WARNING,
        }
    }

    /// Records events from here on.
    pub fn record_to(&mut self, recorder: impl EventLog + 'static) {
        self.recorder = Some(Box::new(recorder));
    }

    /// Where others can subscribe to the events.
    pub fn hub(&self) -> Option<Hub> {
        self.recorder.as_ref()?.hub()
    }

    /// Says at the end in the run folder how training has ended.
    pub fn own(&mut self, owner: Arc<OwnerGuard>) {
        self.owner = Some(owner);
    }

    /// Serves clients until the last event is published.
    pub fn serve(&mut self, server: Server) {
        self.server = Some(server);
    }

    /// Publishes the alerts of `spec` after the events that give rise to them.
    pub fn warn_of(&mut self, spec: &AlertSpec) {
        self.alerts = Alerts::new(spec);
    }

    /// What has been seen of the conditions that are warned of.
    pub fn alerts(&self) -> Option<Alerts> {
        self.alerts.clone()
    }

    /// Goes on after what had been seen before.
    pub fn resume_alerts(&mut self, before: Option<Alerts>) {
        if let Some(alerts) = &mut self.alerts {
            alerts.resume(before);
        }
    }

    pub fn publish(&mut self, event: Event) {
        let alerts = self.alerts.as_mut().map_or(Vec::new(), |alerts| alerts.of(&event));
        self.publish_alone(event);
        alerts.into_iter().for_each(|alert| self.alert(alert));
    }

    /// Publishes an alert, with its line of the log.
    pub fn alert(&mut self, alert: Alert) {
        self.log(Level::Warning, alert.text.clone());
        self.publish_alone(Event::Alert(alert));
    }

    fn publish_alone(&mut self, event: Event) {
        let recorded = self.recorder.as_mut().map(|recorder| recorder.record(event.clone()));
        self.send(event);
        for line in self.recorder.as_ref().map_or(Vec::new(), |recorder| recorder.notices()) {
            if let Some(recorder) = &mut self.recorder {
                // An error is returned for the next event as well.
                let _ = recorder.record(Event::Log(line.clone()));
            }
            self.send(Event::Log(line));
        }
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

    /// Sends an event to the subscriber alone: one that is recorded already, or is not to be recorded.
    pub fn show(&self, event: Event) {
        self.send(event);
    }

    /// Waits until all events so far are on disk; returns the length of `metrics.jsonl`, or `None` if that fails.
    pub fn sync(&self) -> Option<u64> {
        self.recorder.as_ref().and_then(|recorder| recorder.sync())
    }

    /// Drops all that was recorded after a checkpoint; returns the number of events that are left and no pictures, also where that fails.
    pub fn rewind(&self, to: ResumePoint) -> (u64, Result<(), RunError>) {
        self.recorder.as_ref().map_or((0, Ok(())), |recorder| recorder.rewind(to))
    }

    pub fn log(&mut self, level: Level, text: impl Into<String>) {
        self.publish(Event::Log(LogLine { level, text: text.into() }));
    }

    /// Waits until everything is on disk, then sends `status`, the last event; returns the status that was sent. Training whose metrics
    /// are not on disk has not ended well.
    pub fn finish(mut self, status: RunStatus) -> RunStatus {
        let (notices, recorded) = match self.recorder.take() {
            Some(mut recorder) => {
                let recorded = recorder.record(Event::Status(status.clone()));
                let (notices, finished) = recorder.finish();
                (notices, recorded.and(finished))
            }
            None => (Vec::new(), Ok(())),
        };
        notices.into_iter().for_each(|line| self.send(Event::Log(line)));
        let status = match (recorded, status) {
            (Err(e), RunStatus::Finished | RunStatus::Stopped { saved: true }) => RunStatus::Failed {
                what: format!("the recording of the run is incomplete: {}; the weights are saved", chain(&e)),
            },
            (Err(e), RunStatus::Stopped { saved: false }) => {
                RunStatus::Failed { what: format!("the recording of the run is incomplete: {}", chain(&e)) }
            }
            (Err(e), status) => {
                let text = format!("the recording of the run is incomplete: {}", chain(&e));
                self.send(Event::Log(LogLine { level: Level::Error, text }));
                status
            }
            (Ok(()), status) => status,
        };
        if let Some(owner) = &self.owner {
            owner.finish(&status);
        }
        self.send(Event::Status(status.clone()));
        // Clients read what is left.
        drop(self.server.take());
        status
    }

    fn send(&self, event: Event) {
        // The receiver may have disconnected.
        let _ = self.subscriber.send(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::{Receiver, unbounded};

    /// A log that waits, or fails, as the test says; each call takes the next answer.
    #[derive(Debug)]
    struct Scripted(std::vec::IntoIter<Result<Option<Duration>, RunError>>);

    impl EventLog for Scripted {
        fn record(&mut self, _event: Event) -> Result<Option<Duration>, RunError> {
            self.0.next().unwrap_or(Ok(None))
        }

        fn sync(&self) -> Option<u64> {
            None
        }

        fn rewind(&self, _to: ResumePoint) -> (u64, Result<(), RunError>) {
            (0, Ok(()))
        }

        fn notices(&self) -> Vec<LogLine> {
            Vec::new()
        }

        fn finish(self: Box<Self>) -> (Vec<LogLine>, Result<(), RunError>) {
            (Vec::new(), Err(RunError::NotRecording))
        }
    }

    fn publisher(answers: Vec<Result<Option<Duration>, RunError>>) -> (Publisher, Receiver<Event>) {
        let (sender, events) = unbounded();
        let mut publisher = Publisher::new(sender);
        publisher.record_to(Scripted(answers.into_iter()));
        (publisher, events)
    }

    fn step() -> Event {
        Event::Status(RunStatus::Training)
    }

    /// The log lines among what was sent.
    fn logged(events: &Receiver<Event>) -> Vec<(Level, String)> {
        let line = |event| if let Event::Log(line) = event { Some((line.level, line.text)) } else { None };
        events.try_iter().filter_map(line).collect()
    }

    #[test]
    fn a_slow_disk_is_reported_whenever_the_time_waited_has_doubled() {
        let waited = |ms| Ok(Some(Duration::from_millis(ms)));
        let (mut publisher, events) =
            publisher(vec![waited(150), waited(100), Ok(None), waited(200), waited(50)]);
        (0..5).for_each(|_| publisher.publish(step()));
        let lines = logged(&events);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(
            lines.iter().all(|(level, text)| *level == Level::Warning && text.contains("the disk is slow"))
        );
    }

    #[test]
    fn a_lost_recording_is_reported_once_and_events_still_arrive() {
        let lost = || Err(RunError::Unwritable { path: "metrics.jsonl".into(), what: "disk full".into() });
        let (mut publisher, events) = publisher(vec![Ok(None), lost(), lost()]);
        (0..4).for_each(|_| publisher.publish(step()));
        let sent: Vec<Event> = events.try_iter().collect();
        assert_eq!(sent.iter().filter(|event| **event == step()).count(), 4);
        let lines: Vec<_> = sent
            .iter()
            .filter_map(|event| if let Event::Log(line) = event { Some(line) } else { None })
            .collect();
        assert!(lines.len() == 1 && lines[0].level == Level::Error, "{lines:?}");
        assert!(lines[0].text.contains("disk full; training continues without being recorded"), "{lines:?}");
        // There is nothing left to finish: no second error.
        publisher.finish(RunStatus::Finished);
        assert_eq!(events.try_iter().collect::<Vec<_>>(), [Event::Status(RunStatus::Finished)]);
    }

    #[test]
    fn a_run_whose_last_events_are_not_on_disk_has_failed() {
        let ended = |status: RunStatus| {
            let (publisher, events) = publisher(Vec::new());
            let status = publisher.finish(status);
            let mut sent: Vec<Event> = events.try_iter().collect();
            assert_eq!(sent.pop(), Some(Event::Status(status.clone())));
            (status, sent.len())
        };
        for status in [RunStatus::Finished, RunStatus::Stopped { saved: true }] {
            let (ended, lines) = ended(status);
            let RunStatus::Failed { what } = ended else { panic!("{ended:?}") };
            assert!(what.contains("recording") && what.ends_with("the weights are saved"), "{what}");
            assert_eq!(lines, 0);
        }
        // One that has not ended well anyway has its own cause, and a line of the log.
        let diverged = RunStatus::Diverged { what: "the loss".into() };
        assert_eq!(ended(diverged.clone()), (diverged, 1));
    }
}
