//! What a person has chosen to look at, and the keys that change it.

use super::Dashboard;
use super::axis::XAxis;
use super::smoothing::Smoothing;
use crate::ui::keymap::Action;

/// Each zoom level shows a quarter of the one before; after the third comes the whole again.
const ZOOM_LEVELS: u32 = 3;
/// Fewest steps that a zoomed window shows.
const FEWEST_STEPS: u64 = 8;

/// A panel of the overview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Panel {
    /// Loss over the run.
    #[default]
    Loss,
    /// Accuracy over the run; where the task has no classes the gradient's norm, and of a series the errors of its forecasts.
    Accuracy,
    /// Gradient norm per unrolled step.
    Gradient,
    /// Hidden state at every token of a probe.
    Hidden,
}

impl Panel {
    /// In the order of their numbers, from 1.
    pub const ALL: [Self; 4] = [Self::Loss, Self::Accuracy, Self::Gradient, Self::Hidden];

    /// The number on its title, which is the key that moves there.
    pub fn number(self) -> usize {
        self as usize + 1
    }

    fn moved(self, by: usize) -> Self {
        Self::ALL.iter().copied().cycle().nth(self as usize + by).unwrap_or_default()
    }
}

/// Which gradient the gradient's panel shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Norm {
    /// `‖∂L/∂h_t‖`: of the hidden state.
    #[default]
    State,
    /// `‖∂L/∂U_t‖`: each step's own contribution to that of the recurrent kernel.
    RecurrentKernel,
}

/// What is looked at, and how.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The panel that keys go to.
    pub focus: Panel,
    /// Whether the focused panel has the whole screen.
    pub full_screen: bool,
    /// Whether the focused panel is explained.
    pub explain: bool,
    /// How much curves are smoothed.
    pub smoothing: Smoothing,
    /// What the x axis of the curves counts.
    pub axis: XAxis,
    /// Levels of zoom: 0 is the whole run.
    pub zoom: u32,
    /// The step that the curves are read at.
    pub cursor: Option<u64>,
    /// The input position that the gradient and the probe are read at.
    pub position: Option<usize>,
    /// Which gradient norm per unrolled step is shown.
    pub norm: Norm,
    /// Which quantity of a recurrent layer the probe shows, by [`Activations::quantity`](crate::protocol::Activations::quantity).
    pub(super) quantity: String,
    /// Index among the recurrent layers and directions.
    pub(super) layer: usize,
    /// Index of the probe.
    pub(super) probe: usize,
    log: [bool; 4],
}

impl Default for Choice {
    fn default() -> Self {
        Self {
            focus: Panel::Loss,
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
            // norms that fade over many steps are lines on a logarithmic axis
            log: Panel::ALL.map(|panel| panel == Panel::Gradient),
        }
    }
}

impl Choice {
    /// Whether the y axis of `panel` is logarithmic.
    pub fn is_log(&self, panel: Panel) -> bool {
        self.log.get(panel as usize) == Some(&true)
    }

    /// How many times the shown part of the run goes into the whole.
    pub fn zoom_factor(&self) -> u32 {
        4_u32.pow(self.zoom)
    }

    /// Index of the probe that is looked at.
    pub fn probe(&self) -> usize {
        self.probe
    }

    fn toggle_log(&mut self) -> bool {
        match self.log.get_mut(self.focus as usize) {
            Some(log) if self.focus != Panel::Hidden => {
                *log = !*log;
                true
            }
            _ => false,
        }
    }

    /// Leaves what lies on top; false when nothing is left.
    fn leave(&mut self) -> bool {
        if self.explain || self.full_screen {
            self.full_screen &= self.explain;
            self.explain = false;
            return true;
        }
        self.position.take().is_some() | self.cursor.take().is_some()
    }
}

impl Dashboard {
    /// Does what a key asks for, if it concerns the dashboard: whether it did.
    pub fn act(&mut self, action: Action) -> bool {
        let choice = &mut self.choice;
        match action {
            Action::Back => return choice.leave() || self.warning.take().is_some(),
            Action::Open => choice.full_screen = true,
            Action::Explain => choice.explain = !choice.explain,
            Action::FocusNext => choice.focus = choice.focus.moved(1),
            Action::FocusPrevious => choice.focus = choice.focus.moved(Panel::ALL.len() - 1),
            Action::Focus(number) => {
                match Panel::ALL.iter().find(|panel| panel.number() == usize::from(number)) {
                    Some(panel) => choice.focus = *panel,
                    None => return false,
                }
            }
            Action::SmoothMore => choice.smoothing = choice.smoothing.more(),
            Action::SmoothLess => choice.smoothing = choice.smoothing.less(),
            Action::SmoothOff => choice.smoothing = Smoothing::OFF,
            Action::XAxis => choice.axis = choice.axis.next(),
            Action::LogScale => return choice.toggle_log(),
            Action::Zoom => self.zoom(),
            Action::NextLayer => return self.turn_layer(1),
            Action::PreviousLayer => return self.turn_layer(-1),
            Action::NextProbe => return self.turn_probe(),
            Action::Quantity => return self.turn_quantity(),
            Action::Left => return self.move_cursor(-1),
            Action::Right => return self.move_cursor(1),
            Action::PageUp => return self.move_cursor(-10),
            Action::PageDown => return self.move_cursor(10),
            Action::First => return self.move_cursor(i64::MIN),
            Action::Last => return self.move_cursor(i64::MAX),
            Action::Up if choice.focus == Panel::Hidden => return self.move_cursor(-1),
            Action::Down if choice.focus == Panel::Hidden => return self.move_cursor(1),
            _ => return false,
        }
        true
    }

    /// The part of the run that the curves show, in units of the chosen axis; `None` before the first step.
    ///
    /// While training, the whole ends at the next halving of the run's length (a power of two for seconds): the
    /// curve grows into the room at its right instead of being redrawn at every step.
    pub fn window(&self) -> Option<(f64, f64)> {
        let (_, last) = self.loss.train.extent()?;
        let axis = self.choice.axis;
        let latest = last.on(axis);
        let whole = self.horizon(latest);
        let width = whole / f64::from(self.choice.zoom_factor());
        let from = match self.choice.cursor.and_then(|step| self.loss.train.nearest(step)) {
            Some((place, _)) => place.on(axis) - width / 2.0,
            None => latest - width,
        };
        let from = from.clamp(0.0, whole - width);
        Some((from, from + width))
    }

    fn horizon(&self, latest: f64) -> f64 {
        let over = self.status().is_some_and(|status| status.is_over());
        let total = self.total_steps().zip(self.info());
        match (self.choice.axis, total) {
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

    fn zoom(&mut self) {
        let steps = self.loss.train.extent().map_or(0, |(_, last)| last.step);
        let next = self.choice.zoom + 1;
        let fits = next <= ZOOM_LEVELS && steps / 4_u64.pow(next) >= FEWEST_STEPS;
        self.choice.zoom = if fits { next } else { 0 };
    }

    fn turn_layer(&mut self, by: isize) -> bool {
        let layers = self.info.as_ref().map_or(0, |info| info.model.recurrent().count());
        self.choice.layer =
            (self.choice.layer + layers).saturating_add_signed(by).checked_rem(layers).unwrap_or(0);
        layers > 0
    }

    fn turn_probe(&mut self) -> bool {
        let probes = self.info.as_ref().map_or(0, |info| info.probes.len());
        self.choice.probe = (self.choice.probe + 1).checked_rem(probes).unwrap_or(0);
        probes > 0
    }

    fn turn_quantity(&mut self) -> bool {
        if self.choice.focus == Panel::Gradient {
            self.choice.norm = match self.choice.norm {
                Norm::State => Norm::RecurrentKernel,
                Norm::RecurrentKernel => Norm::State,
            };
            return true;
        }
        let names: Vec<&str> = self.quantities().map(|a| a.quantity.as_str()).collect();
        let shown = self.activations().map(|a| a.quantity.as_str());
        let next = names.iter().cycle().skip_while(|name| Some(**name) != shown).nth(1);
        let Some(next) = next.filter(|_| names.len() > 1) else { return false };
        self.choice.quantity = (*next).to_owned();
        true
    }

    fn move_cursor(&mut self, by: i64) -> bool {
        match self.choice.focus {
            Panel::Loss | Panel::Accuracy => self.move_step(by),
            Panel::Gradient => {
                let last = self.profiles().and_then(|profiles| profiles.latest.hnorm.len().checked_sub(1));
                self.move_position(by, 0, last)
            }
            Panel::Hidden => {
                let probe = self.info.as_ref().and_then(|info| info.probes.get(self.choice.probe));
                let first = probe.map_or(0, |probe| probe.first_step);
                let last = probe.and_then(|probe| first.saturating_add(probe.tokens.len()).checked_sub(1));
                self.move_position(by, first, last)
            }
        }
    }

    /// Moves the curves' cursor by hundredths of what is shown, and by a drawn point at least.
    fn move_step(&mut self, by: i64) -> bool {
        let Some((first, last)) = self.loss.train.extent() else { return false };
        let shown = last.step.saturating_sub(first.step) / u64::from(self.choice.zoom_factor());
        let unit = (shown / 100).max(self.loss.train.points_per_bucket());
        let from = self.choice.cursor.unwrap_or(last.step);
        let to = from
            .saturating_add_signed(by.saturating_mul(unit as i64))
            .clamp(first.step, last.step.max(first.step));
        self.choice.cursor = Some(to);
        true
    }

    fn move_position(&mut self, by: i64, first: usize, last: Option<usize>) -> bool {
        let Some(last) = last.filter(|last| *last >= first) else { return false };
        let by = isize::try_from(by).unwrap_or(if by < 0 { isize::MIN } else { isize::MAX });
        // the first press shows where the cursor is
        let to = self.choice.position.map_or(last, |from| from.clamp(first, last).saturating_add_signed(by));
        self.choice.position = Some(to.clamp(first, last));
        true
    }
}

/// `total` halved as often as it still holds `latest`, ten times at most.
fn halved_to(total: f64, latest: f64) -> f64 {
    (0..=10).rev().map(|k| total / f64::from(1 << k)).find(|end| *end >= latest).unwrap_or(latest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Event, RunStatus, StepMetrics};

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
    fn focus_goes_round_and_by_number() {
        let mut dash = Dashboard::new();
        assert!(dash.act(Action::FocusPrevious));
        assert_eq!(dash.choice().focus, Panel::Hidden);
        assert!(dash.act(Action::FocusNext));
        assert_eq!(dash.choice().focus, Panel::Loss);
        assert!(dash.act(Action::Focus(3)));
        assert_eq!(dash.choice().focus, Panel::Gradient);
        assert!(!dash.act(Action::Focus(5)));
        assert!(!dash.act(Action::PauseResume), "what concerns the trainer is not the dashboard's");
    }

    #[test]
    fn back_leaves_one_thing_at_a_time() {
        let mut dash = trained(10);
        for action in [Action::Left, Action::Open, Action::Explain] {
            assert!(dash.act(action));
        }
        assert!(dash.act(Action::Back));
        assert!(!dash.choice().explain && dash.choice().full_screen);
        assert!(dash.act(Action::Back));
        assert!(!dash.choice().full_screen && dash.choice().cursor.is_some());
        assert!(dash.act(Action::Back));
        assert!(dash.choice().cursor.is_none());
        assert!(!dash.act(Action::Back));
    }

    #[test]
    fn the_cursor_starts_at_the_latest_step_and_stays_within_the_run() {
        let mut dash = trained(1000);
        assert!(dash.act(Action::Left));
        assert_eq!(dash.choice().cursor, Some(991));
        assert!(dash.act(Action::Right) && dash.act(Action::Right));
        assert_eq!(dash.choice().cursor, Some(1000));
        assert!(dash.act(Action::First));
        assert_eq!(dash.choice().cursor, Some(1));
        assert!(!Dashboard::new().act(Action::Left), "nothing to read yet");
    }

    #[test]
    fn zoom_narrows_round_the_cursor_and_comes_back_to_the_whole() {
        let mut dash = trained(1600);
        dash.apply(&Event::Status(RunStatus::Finished));
        assert_eq!(dash.window(), Some((0.0, 1600.0)));
        dash.act(Action::Zoom);
        assert_eq!(dash.window(), Some((1200.0, 1600.0)), "without a cursor: the latest");
        (0..8).for_each(|_| assert!(dash.act(Action::PageUp)));
        let (from, to) = dash.window().unwrap();
        let cursor = dash.choice().cursor.unwrap() as f64;
        assert_eq!((from, to), (cursor - 200.0, cursor + 200.0));
        (0..3).for_each(|_| assert!(dash.act(Action::Zoom)));
        assert_eq!(dash.window(), Some((0.0, 1600.0)));
    }

    #[test]
    fn a_short_run_is_not_zoomed_to_nothing() {
        let mut dash = trained(20);
        dash.act(Action::Zoom);
        assert_eq!(dash.choice().zoom, 0);
    }

    #[test]
    fn the_whole_halves_until_the_curve_fills_at_least_half_of_it() {
        assert_eq!(halved_to(800.0, 800.0), 800.0);
        assert_eq!(halved_to(800.0, 401.0), 800.0);
        assert_eq!(halved_to(800.0, 400.0), 400.0);
        assert_eq!(halved_to(800.0, 900.0), 900.0, "longer than planned");
    }
}
