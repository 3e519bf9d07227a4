//! What the user chose to see of a run, and the keys that change it.

mod effect;
mod pointer;
mod unit_keys;
mod units;

use std::collections::{BTreeMap, BTreeSet};

use super::keymap::Action;
use super::panel::{CursorAxis, Panel, Tab};
use super::run_state::axis::XAxis;
use super::run_state::smoothing::Smoothing;
use super::run_state::{Profiles, RecurrentLayer, RunState};
use crate::protocol::{Activations, AttentionWeights, LayerHealth, LogLine, ProbeFrame};
pub use units::{UnitOrder, Units};

/// Each zoom level shows a quarter of the previous one; after the third comes the whole run again.
const ZOOM_LEVELS: u32 = 3;
/// Minimum number of steps in a zoomed window.
const MIN_STEPS: u64 = 8;

/// The gradient that the gradient panel shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Norm {
    /// `‖∂L/∂h_t‖`: with respect to the hidden state.
    #[default]
    State,
    /// `‖∂L/∂c_t‖`: with respect to the cell state of an LSTM.
    CellState,
    /// `‖∂L/∂U_t‖`: the contribution of each step to the gradient of the recurrent kernel.
    RecurrentKernel,
}

/// What the user chose to see of a run, and how. It only reads the [`RunState`]: one view can be applied to several runs.
#[derive(Debug, Clone)]
pub struct ViewState {
    /// The tab in front.
    pub tab: Tab,
    /// The panel that keys go to, of each tab in which another one than the first was chosen.
    focus: BTreeMap<Tab, Panel>,
    /// Whether the focused panel fills the screen, in detail.
    pub full_screen: bool,
    /// Whether the focused panel is explained.
    pub explain: bool,
    /// The smoothing of curves.
    pub smoothing: Smoothing,
    /// The unit of the curves' x axis.
    pub axis: XAxis,
    /// The zoom level: 0 is the whole run.
    pub zoom: u32,
    /// The step of the cursor in the curves.
    pub cursor: Option<u64>,
    /// The input position of the cursor in the gradient and the example.
    pub position: Option<usize>,
    /// The gradient norm per unrolled step that is shown.
    pub norm: Norm,
    /// The [`Activations::quantity`] of a recurrent layer that is shown.
    quantity: String,
    /// Index among the recurrent layers and directions.
    layer: usize,
    /// Index of the probe.
    probe: usize,
    /// Index among the heads of attention layers.
    head: usize,
    /// The order of the units in heat maps, and the chosen unit.
    pub units: Units,
    /// Whether the neighbours of the most frequent words were requested.
    pub has_requested_neighbours: bool,
    /// The panels with a logarithmic axis.
    log: BTreeSet<Panel>,
    /// Rows of the log after the last one that is shown.
    pub log_rows_after: usize,
    /// Which forecasts of a series are shown: that of so many rows ahead, or all of a window.
    pub lead: usize,
    /// Which cell of the confusion matrix is chosen: its place among those that are not empty.
    pub cell: usize,
    /// The candidate for the next token of the samples that is chosen, from 0.
    pub candidate: usize,
    /// The temperature of samples that was requested last.
    pub temperature: Option<f64>,
    /// Warnings up to this number are dismissed.
    dismissed_warnings: u64,
    /// A change of the learning rate that no step has used yet: the step it was requested at, and the factor.
    rate_change: Option<(u64, f64)>,
}

impl Default for ViewState {
    fn default() -> Self {
        Self {
            tab: Tab::Overview,
            // The keys of its cursor go through the whole training.
            focus: BTreeMap::from([(Tab::Overview, Panel::Loss)]),
            full_screen: false,
            explain: false,
            smoothing: Smoothing::default(),
            axis: XAxis::Step,
            zoom: 0,
            cursor: None,
            position: None,
            norm: Norm::State,
            quantity: "h".into(),
            layer: 0,
            probe: 0,
            head: 0,
            units: Units::default(),
            has_requested_neighbours: false,
            // an exponential decay is a straight line on a logarithmic axis
            log: BTreeSet::from([Panel::Gradient]),
            log_rows_after: 0,
            lead: 0,
            cell: 0,
            candidate: 0,
            temperature: None,
            dismissed_warnings: 0,
            rate_change: None,
        }
    }
}

impl ViewState {
    /// The panel that keys go to.
    pub fn focus(&self, run: &RunState) -> Panel {
        let panels = self.tab.panels(run);
        let chosen = self.focus.get(&self.tab).copied().filter(|panel| panels.contains(panel));
        chosen.or_else(|| panels.first().copied()).unwrap_or_default()
    }

    /// The number of `panel` in its title, which is the key that focuses it: its place in the tab in front, from 1.
    pub fn number(&self, panel: Panel, run: &RunState) -> usize {
        1 + self.tab.panels(run).iter().position(|each| *each == panel).unwrap_or(0)
    }

    /// Focuses the panel at `place` of the tab in front; false if there is none.
    fn focus_at(&mut self, place: usize, run: &RunState) -> bool {
        let panel = self.tab.panels(run).get(place).copied();
        panel.map(|panel| self.focus.insert(self.tab, panel)).is_some()
    }

    fn move_focus(&mut self, by: isize, run: &RunState) -> bool {
        let panels = self.tab.panels(run).len();
        let at = self.number(self.focus(run), run) - 1 + panels;
        self.focus_at(at.saturating_add_signed(by).checked_rem(panels).unwrap_or(0), run)
    }

    fn move_tab(&mut self, by: isize, run: &RunState) {
        let tabs = Tab::of(run);
        let at = tabs.iter().position(|tab| *tab == self.tab).unwrap_or(0) + tabs.len();
        if let Some(tab) = at.saturating_add_signed(by).checked_rem(tabs.len()).and_then(|at| tabs.get(at)) {
            (self.tab, self.explain) = (*tab, false);
        }
    }

    /// Whether the y axis of `panel` is logarithmic.
    pub fn is_log(&self, panel: Panel) -> bool {
        self.log.contains(&panel)
    }

    /// How many times shorter the window is than the whole run.
    pub fn zoom_factor(&self) -> u32 {
        4_u32.pow(self.zoom)
    }

    /// Index of the chosen probe.
    pub fn probe_index(&self) -> usize {
        self.probe
    }

    fn toggle_log(&mut self, run: &RunState) -> bool {
        let focus = self.focus(run);
        if focus.has_log_axis() && !self.log.remove(&focus) {
            self.log.insert(focus);
        }
        focus.has_log_axis()
    }

    /// Shows the last example, which was added just now.
    pub fn show_last_probe(&mut self, run: &RunState) {
        self.probe = run.info().map_or(0, |info| info.probes.len().saturating_sub(1));
    }

    /// Closes the topmost of explanation, full screen and cursors; false if nothing is open.
    fn close(&mut self, run: &RunState) -> bool {
        if !self.explain && self.shows_unit(run) {
            self.units.is_open = false;
            return true;
        }
        if self.explain || self.full_screen {
            self.full_screen &= self.explain;
            self.explain = false;
            return true;
        }
        self.position.take().is_some() | self.cursor.take().is_some()
    }

    fn dismiss_warning(&mut self, run: &RunState) -> bool {
        let shown = self.warning(run).is_some();
        self.dismissed_warnings = run.warnings();
        shown
    }

    /// Forgets what belongs to the run that was shown before: how it is viewed stays.
    pub fn begin_run(&mut self) {
        let view = Self::default();
        (self.cursor, self.dismissed_warnings) = (view.cursor, view.dismissed_warnings);
        (self.rate_change, self.temperature) = (view.rate_change, view.temperature);
        self.log_rows_after = view.log_rows_after;
        self.units.begin_run();
        self.has_requested_neighbours = false;
    }

    /// The run has gone back to `step`: a cursor on a later one is gone.
    pub fn go_back(&mut self, step: u64) {
        self.cursor = self.cursor.filter(|cursor| *cursor <= step);
        self.rate_change = None;
    }

    /// The latest warning of the run, unless it was dismissed.
    pub fn warning<'r>(&self, run: &'r RunState) -> Option<&'r LogLine> {
        run.warning().filter(|_| run.warnings() > self.dismissed_warnings)
    }

    /// Notes that the user multiplied the learning rate, which the next step will use.
    pub fn scale_learning_rate(&mut self, factor: f64, run: &RunState) {
        let step = run.latest().map_or(0, |latest| latest.step);
        let earlier = self.rate_change.filter(|change| change.0 == step).map_or(1.0, |change| change.1);
        self.rate_change = Some((step, earlier * factor));
    }

    /// The learning rate of the latest step, with the change that the user has requested since.
    pub fn learning_rate(&self, run: &RunState) -> Option<f64> {
        let latest = run.latest()?;
        let factor = self.rate_change.filter(|change| change.0 == latest.step).map_or(1.0, |change| change.1);
        Some(latest.learning_rate * factor)
    }

    /// The chosen recurrent layer, or convolution in a network without one.
    pub fn layer(&self, run: &RunState) -> Option<RecurrentLayer> {
        run.shown_layers().nth(self.layer)
    }

    /// The gradient profiles of the chosen layer.
    pub fn profiles<'r>(&self, run: &'r RunState) -> Option<&'r Profiles> {
        run.profiles(self.layer(run)?)
    }

    /// Saturation and spectral radii of the chosen layer.
    pub fn health<'r>(&self, run: &'r RunState) -> Option<&'r LayerHealth> {
        run.health(self.layer(run)?)
    }

    /// The latest frame of the chosen probe.
    pub fn probe<'r>(&self, run: &'r RunState) -> Option<&'r ProbeFrame> {
        run.probe(self.probe)
    }

    /// The chosen quantity of the chosen layer at the chosen probe; the hidden state if the layer has no such quantity.
    pub fn activations<'r>(&self, run: &'r RunState) -> Option<&'r Activations> {
        self.quantities(run).find(|a| a.quantity == self.quantity).or_else(|| self.quantities(run).next())
    }

    /// The weights of every head of attention at the chosen probe.
    pub fn heads<'r>(&self, run: &'r RunState) -> impl Iterator<Item = &'r AttentionWeights> + use<'r> {
        self.probe(run).map_or(&[][..], |frame| &frame.attention).iter()
    }

    /// The weights of the chosen head of attention at the chosen probe.
    pub fn attention<'r>(&self, run: &'r RunState) -> Option<&'r AttentionWeights> {
        self.heads(run).nth(self.head).or_else(|| self.heads(run).next())
    }

    /// All quantities of the chosen layer, the hidden state first.
    fn quantities<'r>(&self, run: &'r RunState) -> impl Iterator<Item = &'r Activations> + use<'r> {
        let layer = self.layer(run);
        let activations = self.probe(run).map_or(&[][..], |frame| &frame.activations);
        activations.iter().filter(move |a| Some((a.layer, a.direction)) == layer)
    }

    /// Whether a candidate for the next token of the samples can be chosen: their panel fills the screen of a run in training.
    pub fn offers_candidates(&self, run: &RunState) -> bool {
        let is_shown = self.full_screen && !self.explain && self.focus(run) == Panel::Samples;
        is_shown && self.cursor.is_none() && !run.is_over() && !candidates(run).is_empty()
    }

    /// The candidate that `action` chooses: that under the cursor, or one by its number.
    pub fn chosen_candidate<'r>(&self, action: Action, run: &'r RunState) -> Option<&'r str> {
        let place = match action {
            Action::Open => self.candidate,
            Action::Focus(number) => usize::from(number).checked_sub(1)?,
            _ => return None,
        };
        let (token, _) = candidates(run).get(place).filter(|_| self.offers_candidates(run))?;
        Some(token)
    }

    /// Applies a key's action if it concerns the view; returns whether it did.
    pub fn act(&mut self, action: Action, run: &RunState) -> bool {
        match action {
            Action::Back => return self.close(run) || self.dismiss_warning(run),
            Action::Open if self.full_screen && self.focus(run) == Panel::Hidden => {
                return self.open_unit(run);
            }
            Action::Open => (self.full_screen, self.units.is_open) = (true, false),
            Action::UnitOrder => return self.turn_unit_order(run),
            Action::Explain => self.explain = !self.explain,
            Action::NextTab => self.move_tab(1, run),
            Action::PreviousTab => self.move_tab(-1, run),
            Action::FocusNext => return self.move_focus(1, run),
            Action::FocusPrevious => return self.move_focus(-1, run),
            Action::Focus(number) => return self.focus_at(usize::from(number).wrapping_sub(1), run),
            Action::SmoothMore => self.smoothing = self.smoothing.more(),
            Action::SmoothLess => self.smoothing = self.smoothing.less(),
            Action::SmoothOff => self.smoothing = Smoothing::OFF,
            Action::XAxis => self.axis = self.axis.next(),
            Action::LogScale => return self.toggle_log(run),
            Action::Zoom => self.next_zoom(run),
            Action::ZoomOut => self.zoom = self.zoom.saturating_sub(1),
            Action::NextLayer if self.focus(run) == Panel::Forecast => self.turn_lead(1, run),
            Action::PreviousLayer if self.focus(run) == Panel::Forecast => self.turn_lead(-1, run),
            Action::Up if self.focus(run) == Panel::Confusion => self.cell = self.cell.saturating_sub(1),
            Action::Down if self.focus(run) == Panel::Confusion => {
                let confusion = run.history().confusions(self.cursor).next_back();
                let counts = confusion.map_or(&[][..], |confusion| &confusion.matrix.counts);
                let last = counts.iter().filter(|count| **count > 0).count().saturating_sub(1);
                self.cell = (self.cell + 1).min(last);
            }
            Action::Up if self.offers_candidates(run) => self.candidate = self.candidate.saturating_sub(1),
            Action::Down if self.offers_candidates(run) => {
                let last = candidates(run).len().saturating_sub(1);
                self.candidate = (self.candidate + 1).min(last);
            }
            Action::NextLayer => return self.turn_layer(1, run),
            Action::PreviousLayer => return self.turn_layer(-1, run),
            Action::NextProbe => return self.turn_probe(run),
            Action::Quantity => return self.turn_quantity(run),
            Action::Left if self.chooses_units(run) => return self.move_unit(-1, run),
            Action::Right if self.chooses_units(run) => return self.move_unit(1, run),
            Action::Left => return self.move_cursor(-1, run),
            Action::Right => return self.move_cursor(1, run),
            Action::PageUp => return self.move_cursor(-10, run),
            Action::PageDown => return self.move_cursor(10, run),
            Action::First => return self.move_cursor(i64::MIN, run),
            Action::Last => return self.move_cursor(i64::MAX, run),
            Action::Up | Action::Down => {
                let has_rows = matches!(self.focus(run).cursor_axis(), CursorAxis::Tokens | CursorAxis::Rows);
                return has_rows && self.move_cursor(if action == Action::Up { -1 } else { 1 }, run);
            }
            _ => return false,
        }
        true
    }

    /// The part of the run that the curves show, in units of the x axis; `None` before the first step.
    ///
    /// While training, the axis ends at the smallest halving of the run's length that contains the latest step (a power of
    /// two for seconds): the curve grows into the free space at its right instead of being redrawn at every step.
    pub fn window(&self, run: &RunState) -> Option<(f64, f64)> {
        let (_, last) = run.loss().train.extent()?;
        let axis = self.axis;
        let latest = last.on(axis);
        let whole = self.horizon(latest, run);
        let width = whole / f64::from(self.zoom_factor());
        let from = match self.cursor.and_then(|step| run.loss().train.nearest(step)) {
            Some((place, _)) => place.on(axis) - width / 2.0,
            None => latest - width,
        };
        let from = from.clamp(0.0, whole - width);
        Some((from, from + width))
    }

    fn horizon(&self, latest: f64, run: &RunState) -> f64 {
        let over = run.is_over();
        let total = run.total_steps().zip(run.info());
        match (self.axis, total) {
            _ if over => latest,
            (XAxis::Time, _) => {
                let doublings = (latest / 10.0).max(1.0).log2().ceil();
                10.0 * doublings.exp2()
            }
            (XAxis::Step, Some((total, _))) => halved_to(total as f64, latest),
            (XAxis::Epoch, Some((_, info))) => halved_to(info.epochs as f64, latest),
            (_, None) => latest,
        }
        .max(f64::MIN_POSITIVE)
    }

    fn next_zoom(&mut self, run: &RunState) {
        let steps = run.loss().train.extent().map_or(0, |(_, last)| last.step);
        let next = self.zoom + 1;
        let fits = next <= ZOOM_LEVELS && steps / 4_u64.pow(next) >= MIN_STEPS;
        self.zoom = if fits { next } else { 0 };
    }

    fn turn_layer(&mut self, by: isize, run: &RunState) -> bool {
        let layers = run.shown_layers().count();
        self.layer = (self.layer + layers).saturating_add_signed(by).checked_rem(layers).unwrap_or(0);
        layers > 0
    }

    /// Chooses the forecasts of more or fewer rows ahead, or those of whole windows.
    fn turn_lead(&mut self, by: isize, run: &RunState) {
        let series = run.info().and_then(|info| info.data.series.as_ref());
        let leads = series.map_or(1, |series| series.horizon + 1);
        self.lead = (self.lead + leads).saturating_add_signed(by) % leads;
    }

    fn turn_probe(&mut self, run: &RunState) -> bool {
        let probes = run.info().map_or(0, |info| info.probes.len());
        self.probe = (self.probe + 1).checked_rem(probes).unwrap_or(0);
        probes > 0
    }

    fn turn_quantity(&mut self, run: &RunState) -> bool {
        if self.focus(run) == Panel::Gradient {
            let has_cells = self.profiles(run).is_some_and(|profiles| !profiles.latest.cnorm.is_empty());
            self.norm = match self.norm {
                Norm::State if has_cells => Norm::CellState,
                Norm::State | Norm::CellState => Norm::RecurrentKernel,
                Norm::RecurrentKernel => Norm::State,
            };
            return true;
        }
        if self.focus(run) == Panel::Attention {
            let heads = self.heads(run).count();
            self.head = (self.head + 1).checked_rem(heads).unwrap_or(0);
            return heads > 1;
        }
        let names: Vec<&str> = self.quantities(run).map(|a| a.quantity.as_str()).collect();
        let shown = self.activations(run).map(|a| a.quantity.as_str());
        let next = names.iter().cycle().skip_while(|name| Some(**name) != shown).nth(1);
        let Some(next) = next.filter(|_| names.len() > 1) else { return false };
        self.quantity = (*next).to_owned();
        true
    }

    fn move_cursor(&mut self, by: i64, run: &RunState) -> bool {
        match self.focus(run).cursor_axis() {
            CursorAxis::Steps => self.move_step(by, run),
            CursorAxis::Positions => {
                let last = self.profiles(run).and_then(|profiles| profiles.latest.hnorm.len().checked_sub(1));
                self.move_position(by, 0, last)
            }
            CursorAxis::Tokens => {
                let probe = run.info().and_then(|info| info.probes.get(self.probe));
                let first = probe.map_or(0, |probe| probe.first_step);
                let last = probe.and_then(|probe| first.saturating_add(probe.tokens.len()).checked_sub(1));
                self.move_position(by, first, last)
            }
            CursorAxis::Nothing => false,
            CursorAxis::Rows => {
                let by = isize::try_from(by).unwrap_or(if by < 0 { isize::MIN } else { isize::MAX });
                let most = run.log().count().saturating_sub(1);
                self.log_rows_after =
                    self.log_rows_after.saturating_add_signed(by.saturating_neg()).min(most);
                true
            }
        }
    }

    /// Moves the curves' cursor by hundredths of the window, and by at least one drawn point.
    fn move_step(&mut self, by: i64, run: &RunState) -> bool {
        let Some((first, last)) = run.loss().train.extent() else { return false };
        let shown = last.step.saturating_sub(first.step) / u64::from(self.zoom_factor());
        let unit = (shown / 100).max(run.loss().train.points_per_bucket());
        let from = self.cursor.unwrap_or(last.step);
        let to = from
            .saturating_add_signed(by.saturating_mul(unit as i64))
            .clamp(first.step, last.step.max(first.step));
        self.cursor = Some(to);
        true
    }

    fn move_position(&mut self, by: i64, first: usize, last: Option<usize>) -> bool {
        let Some(last) = last.filter(|last| *last >= first) else { return false };
        let by = isize::try_from(by).unwrap_or(if by < 0 { isize::MIN } else { isize::MAX });
        // without a cursor the first press shows it at the last position
        let to = match self.position {
            None if by == isize::MIN => first,
            None => last,
            Some(from) => from.clamp(first, last).saturating_add_signed(by),
        };
        self.position = Some(to.clamp(first, last));
        true
    }
}

/// The candidates for the next token of the latest sample.
fn candidates(run: &RunState) -> &[(String, f32)] {
    run.history().samples(None).next_back().map_or(&[], |sample| &sample.candidates)
}

/// Returns `total` halved as often as it still contains `latest`, ten times at most.
fn halved_to(total: f64, latest: f64) -> f64 {
    (0..=10).rev().map(|k| total / f64::from(1 << k)).find(|end| *end >= latest).unwrap_or(latest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Event, RunStatus, StepMetrics};
    use crate::ui::dashboard::Dashboard;

    fn trained(steps: u64) -> Dashboard {
        let mut dash = Dashboard::new();
        for step in 1..=steps {
            dash.apply(&Event::Step(StepMetrics {
                step,
                epoch: 1,
                loss: 1.0,
                accuracy: Some(0.5),
                learning_rate: 0.001,
                grad_norm: 1.0,
                sequences_per_s: 1.0,
                seconds: step as f64,
            }));
        }
        dash
    }

    #[test]
    fn back_leaves_one_thing_at_a_time() {
        let mut dash = trained(10);
        for action in [Action::Left, Action::Open, Action::Explain] {
            assert!(dash.act(action));
        }
        assert!(dash.act(Action::Back));
        assert!(!dash.view.explain && dash.view.full_screen);
        assert!(dash.act(Action::Back));
        assert!(!dash.view.full_screen && dash.view.cursor.is_some());
        assert!(dash.act(Action::Back));
        assert!(dash.view.cursor.is_none());
        assert!(!dash.act(Action::Back));
    }

    #[test]
    fn the_cursor_starts_at_the_latest_step_and_stays_within_the_run() {
        let mut dash = trained(1000);
        assert!(dash.act(Action::Left));
        assert_eq!(dash.view.cursor, Some(991));
        assert!(dash.act(Action::Right) && dash.act(Action::Right));
        assert_eq!(dash.view.cursor, Some(1000));
        assert!(dash.act(Action::First));
        assert_eq!(dash.view.cursor, Some(1));
        assert!(!Dashboard::new().act(Action::Left), "nothing to read yet");
    }

    #[test]
    fn zoom_narrows_round_the_cursor_and_comes_back_to_the_whole() {
        let mut dash = trained(1600);
        dash.apply(&Event::Status(RunStatus::Finished));
        assert_eq!(dash.view.window(&dash.run), Some((0.0, 1600.0)));
        dash.act(Action::Zoom);
        assert_eq!(dash.view.window(&dash.run), Some((1200.0, 1600.0)), "without a cursor: the latest");
        (0..8).for_each(|_| assert!(dash.act(Action::PageUp)));
        let (from, to) = dash.view.window(&dash.run).unwrap();
        let cursor = dash.view.cursor.unwrap() as f64;
        assert_eq!((from, to), (cursor - 200.0, cursor + 200.0));
        assert!(dash.act(Action::Zoom) && dash.act(Action::ZoomOut));
        assert_eq!(dash.view.window(&dash.run), Some((from, to)), "one level back");
        (0..3).for_each(|_| assert!(dash.act(Action::Zoom)));
        assert_eq!(dash.view.window(&dash.run), Some((0.0, 1600.0)));
        assert!(dash.act(Action::ZoomOut) && dash.view.zoom == 0, "it is the whole");
    }

    #[test]
    fn a_short_run_is_not_zoomed_to_nothing() {
        let mut dash = trained(20);
        dash.act(Action::Zoom);
        assert_eq!(dash.view.zoom, 0);
    }

    #[test]
    fn the_whole_halves_until_the_curve_fills_at_least_half_of_it() {
        assert_eq!(halved_to(800.0, 800.0), 800.0);
        assert_eq!(halved_to(800.0, 401.0), 800.0);
        assert_eq!(halved_to(800.0, 400.0), 400.0);
        assert_eq!(halved_to(800.0, 900.0), 900.0, "longer than planned");
    }

    #[test]
    fn a_requested_learning_rate_shows_until_the_next_step_reports_its_own() {
        let mut dash = trained(10);
        dash.view.scale_learning_rate(0.5, &dash.run);
        dash.view.scale_learning_rate(0.5, &dash.run);
        assert_eq!(dash.view.learning_rate(&dash.run), Some(0.00025));
        let next = trained(11).run.latest().copied().unwrap();
        dash.apply(&Event::Step(next));
        assert_eq!(dash.view.learning_rate(&dash.run), Some(0.001));
    }

    #[test]
    fn home_shows_the_cursor_at_the_first_position_and_other_keys_at_the_last() {
        for (by, shown) in [(i64::MIN, 3), (i64::MAX, 9), (-1, 9), (1, 9), (-10, 9)] {
            let mut view = ViewState::default();
            assert!(view.move_position(by, 3, Some(9)));
            assert_eq!(view.position, Some(shown));
        }
    }
}
