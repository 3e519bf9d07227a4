//! The keys that order the units of heat maps and choose one of them.

use super::ViewState;
use crate::protocol::Activations;
use crate::ui::panel::Panel;
use crate::ui::run_state::{RecurrentLayer, RunState};

impl ViewState {
    /// Whether the heat map of the states fills the screen, or one of its units does: keys choose units.
    pub fn chooses_units(&self, run: &RunState) -> bool {
        self.full_screen && self.focus(run) == Panel::Hidden && self.activations(run).is_some()
    }

    /// Whether one unit fills the screen.
    pub fn shows_unit(&self, run: &RunState) -> bool {
        self.units.is_open && self.chooses_units(run)
    }

    /// The chosen unit: its layer, the shown quantity of it, and its number.
    pub fn unit<'r>(&self, run: &'r RunState) -> Option<(RecurrentLayer, &'r Activations, usize)> {
        let shown = self.activations(run)?;
        Some(((shown.layer, shown.direction), shown, self.units.chosen_of(shown.units)?))
    }

    /// The row of the heat map under the cursor, or its last one.
    pub fn row(&self, run: &RunState) -> Option<usize> {
        let shown = self.activations(run)?;
        let rows = shown.values.len().checked_div(shown.units).unwrap_or(0);
        let first =
            run.info().and_then(|info| info.probes.get(self.probe)).map_or(0, |probe| probe.first_step);
        let at = self.position.and_then(|at| at.checked_sub(first)).filter(|row| *row < rows);
        at.or(rows.checked_sub(1))
    }

    /// The number of units of the chosen layer, and those whose state never changes over the examples.
    pub fn constant_units(&self, run: &RunState) -> Option<(usize, Vec<usize>)> {
        super::units::constant(run, self.layer(run)?)
    }

    /// Chooses the unit at the left or right of the chosen one.
    pub(super) fn move_unit(&mut self, by: isize, run: &RunState) -> bool {
        let Some(shown) = self.activations(run) else { return false };
        self.units.move_by(by, (shown.layer, shown.direction), shown.units);
        true
    }

    /// Shows the chosen unit alone; without one that of the largest value at the cursor.
    pub(super) fn open_unit(&mut self, run: &RunState) -> bool {
        let Some(shown) = self.activations(run) else { return false };
        let values = self.row(run).and_then(|row| shown.values.chunks(shown.units.max(1)).nth(row));
        let largest = values.unwrap_or_default().iter().enumerate();
        let largest = largest.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).map(|(unit, _)| unit);
        self.units.chosen = self.units.chosen_of(shown.units).or(largest);
        self.units.is_open = self.units.chosen.is_some();
        self.units.is_open
    }

    /// Changes the order of the units where a heat map of them is shown.
    pub(super) fn turn_unit_order(&mut self, run: &RunState) -> bool {
        let has_units = self.tab.panels(run).contains(&Panel::Hidden);
        if has_units {
            self.units.turn(run);
        }
        has_units
    }
}
