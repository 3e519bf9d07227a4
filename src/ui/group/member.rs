//! One of the runs of a group.

use std::path::Path;

use super::curves::RunCurves;
use super::reach::GradientReach;
use crate::protocol::Event;
use crate::run::{Position, Reader};
use crate::ui::replay::LookBack;
use crate::ui::run_state::RunState;

/// A run that is shown with others.
#[derive(Debug)]
pub struct Member {
    /// Its name. Untrusted text: escape it before printing.
    pub name: String,
    /// Its metrics.
    pub curves: RunCurves,
    /// How far back its gradient has reached.
    pub reach: GradientReach,
    /// Why there is nothing recorded of it, or not all.
    pub error: Option<String>,
    /// Its state; empty while it is in front.
    pub(super) run: RunState,
    pub(super) look_back: LookBack,
    /// The recording, and as far as it was read.
    recording: Option<(Reader, Position)>,
}

impl Member {
    /// A run of which nothing is known yet, with the colour and line of `slot`.
    pub(super) fn new(name: String, slot: usize) -> Self {
        Self {
            name,
            curves: RunCurves::new(slot),
            reach: GradientReach::default(),
            error: None,
            run: RunState::in_group(),
            look_back: LookBack::default(),
            recording: None,
        }
    }

    /// Folds an event of the run, whose state is `front` if it is in front.
    pub(super) fn fold(&mut self, event: &Event, front: Option<&mut RunState>) {
        self.curves.apply(event);
        self.reach.apply(event);
        front.unwrap_or(&mut self.run).apply(event);
    }

    /// Forgets all but the name; returns the curves.
    pub(super) fn restart(&mut self) -> RunCurves {
        let fresh = Self::new(std::mem::take(&mut self.name), self.curves.slot());
        std::mem::replace(self, fresh).curves
    }

    /// Reads what has been recorded of the run in `folder` since; returns whether that is anything.
    pub(super) fn read_on(&mut self, folder: &Path, mut front: Option<&mut RunState>) -> bool {
        let is_other =
            |(reader, at): &(Reader, Position)| !reader.is_current() || at.bytes() > reader.bytes();
        if self.recording.as_ref().is_none_or(is_other) {
            // It was rewritten: from its start.
            self.restart();
            if let Some(front) = front.as_deref_mut() {
                *front = RunState::in_group();
            }
            match Reader::open(folder) {
                Ok(reader) => self.recording = Some((reader, Position::START)),
                Err(error) => self.error = Some(error.to_string()),
            }
        }
        let Some((reader, at)) = self.recording.take() else { return false };
        let mut position = at;
        match reader.events_at(at) {
            Err(error) => self.error = Some(error.to_string()),
            Ok(mut events) => {
                for event in events.by_ref() {
                    match event {
                        Ok(Event::Prepared(mut info)) => {
                            // The run may have been moved since.
                            folder.clone_into(&mut info.folder);
                            self.fold(&Event::Prepared(info), front.as_deref_mut());
                        }
                        Ok(event) => self.fold(&event, front.as_deref_mut()),
                        Err(error) => {
                            self.error = Some(error.to_string());
                            break;
                        }
                    }
                }
                position = events.position();
            }
        }
        self.recording = Some((reader, position));
        position > at
    }
}
