//! The pictures of an earlier step of a run that is not replayed.

use std::path::Path;

use super::recording::Recording;
use crate::ui::run_state::RunState;

/// The recording of a run, opened once an earlier step is looked at.
#[derive(Debug, Default)]
pub struct LookBack(Option<Recording>);

impl LookBack {
    /// Shows the pictures of `run` at `step` from its recording; without a step the latest.
    pub fn show(&mut self, run: &mut RunState, step: Option<u64>) {
        let Some(step) = step else { return run.look_back(None) };
        let Some(info) = run.info() else { return };
        let (folder, every) = (info.folder.clone(), info.watch_every as u64);
        let has = [run.recurrent_layers().next().is_some(), !info.probes.is_empty()];
        let pictures = self.of(&folder).and_then(|recording| recording.pictures_at(step, every, has));
        run.look_back(pictures);
    }

    /// The recording in the run folder `folder`, opened again where it was replaced; `None` if it cannot be read.
    pub fn of(&mut self, folder: &Path) -> Option<&Recording> {
        let is_of = |recording: &Recording| recording.folder() == folder && recording.is_current();
        if !self.0.as_ref().is_some_and(is_of) {
            self.0 = Recording::open(folder).ok();
        }
        self.0.as_ref()
    }
}
