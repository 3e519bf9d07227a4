//! What the screen asks the trainer for by itself, as it is looked at: the tokens or windows that drive the chosen unit, and neighbours of embeddings.

use super::RunScreen;
use crate::protocol::{Command, LayerUnit};
use crate::ui::panel::{Panel, Tab};
use crate::ui::run_state::UnitHistory;

impl RunScreen {
    /// Requests from the trainer what is looked at and was not requested yet.
    pub(super) fn request(&mut self) {
        let Some(commands) = self.commands.as_ref().filter(|_| !self.dashboard.run.is_over()) else { return };
        let (run, view) = (&self.dashboard.run, &mut self.dashboard.view);
        // This is looked at with every event: whether a unit is shown is quickly known.
        let chosen = view.shows_unit(run).then(|| view.unit(run)).flatten();
        let unit = chosen.map(|((layer, direction), shown, unit)| LayerUnit {
            layer,
            direction,
            quantity: shown.quantity.clone(),
            unit,
        });
        if view.units.requested != unit {
            view.units.requested.clone_from(&unit);
            // A trainer that has ended ignores commands, and its status shows that.
            let _ = commands.send(Command::WatchUnit { unit });
        }
        let is_there = view.tab == Tab::Weights && view.tab.panels(run).contains(&Panel::Neighbours);
        if is_there && !view.has_requested_neighbours {
            view.has_requested_neighbours = true;
            let _ = commands.send(Command::ShowNeighbours { word: None });
        }
    }

    /// Reads how active the units were so far from the recording, once the history of another example than `before` is shown.
    pub(super) fn read_unit_history(&mut self, before: Option<usize>) {
        let now = self.dashboard.unit_history.as_ref().map(|history| history.example);
        let (Some(example), Some(info)) = (now.filter(|_| now != before), self.dashboard.run.info()) else {
            return;
        };
        let (folder, every) = (info.folder.clone(), info.watch_every as u64);
        let Some(recording) = self.recording.of(&folder) else { return };
        let mut history = UnitHistory::new(example);
        for step in UnitHistory::steps_of(recording.last_step(), every) {
            let pictures = recording.pictures_at(step, every, [false, true]);
            pictures
                .iter()
                .filter_map(|pictures| pictures.probe(example))
                .for_each(|frame| history.add(frame));
        }
        if let Some(frame) = self.dashboard.run.probe(example) {
            history.add(frame);
        }
        self.dashboard.unit_history = Some(history);
    }
}
