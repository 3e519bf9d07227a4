//! How far back in time the gradient of each network reaches, side by side.
//!
//! ```text
//! ╭ A rnn ‖∂L/∂U_t‖ ────────────╮╭ B lstm ─────────────────────╮
//! │ start 2.0e-5 · most 4.1e-4  ││ start 0.11 · most 0.63      │
//! │   1┤                     ⢀⠔⠊││   1┤⣀⣀⣀⣀⣀⣀⡠⠤⠤⠤⠤⠤⠤⠤⠒⠒⠒⠒⠒⠒⠒⠒│
//! │1e-4┤⣀⣀⣀⣀⡠⠤⠤⠒⠒⠒⠊⠉⠉⠉⠉⠉       ││1e-4┤                        │
//! ╰ t ─ 0 ────────────────── 30 ╯╰ t ─ 0 ────────────────── 30 ╯
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::RaceScreen;
use crate::escape::foreign;
use crate::number;
use crate::protocol::{Direction, Event, GradientProfile};
use crate::ui::compare::curves::RunCurves;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::chart::LineStyle;
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::profile::{self, Profile};
use crate::ui::widget::text::{self, Piece};

/// Columns of a panel at least.
const NARROW: u16 = 26;
/// The share of a sequence that is its start, and positions of it at least: the first has no predecessor, and so no part in ∂L/∂U.
const START: (usize, usize) = (10, 2);
/// The least share that is drawn, as exponent.
const LEAST: f64 = -8.0;

/// The gradients of a network over the positions of its first recurrent layer, in a `Bidirectional` of the forward half, as shares of the
/// greatest.
#[derive(Debug, Default)]
pub(super) struct GradientReach {
    /// Of the latest monitored step, and of that on which most reached the start.
    latest: Vec<f64>,
    farthest: Vec<f64>,
    /// The layer.
    layer: Option<usize>,
}

impl GradientReach {
    /// Folds an event of training.
    pub fn apply(&mut self, event: &Event) {
        let Event::Gradient(profile) = event else { return };
        let is_first = *self.layer.get_or_insert(profile.layer) == profile.layer;
        if !is_first || profile.direction == Some(Direction::Backward) {
            return;
        }
        let Some(shares) = shares(profile) else { return };
        if self.farthest.is_empty() || at_start(&shares) > at_start(&self.farthest) {
            self.farthest.clone_from(&shares);
        }
        self.latest = shares;
    }
}

/// The norms of a profile divided by the greatest; those of `U` where there are any: they contain what flows through a cell state.
fn shares(profile: &GradientProfile) -> Option<Vec<f64>> {
    let norms = if profile.kernel_norm.is_empty() { &profile.hnorm } else { &profile.kernel_norm };
    let greatest = norms.iter().copied().fold(0.0_f32, f32::max);
    let is_usable = greatest > 0.0 && norms.iter().all(|norm| norm.is_finite());
    is_usable.then(|| norms.iter().map(|norm| f64::from(norm / greatest)).collect())
}

/// The greatest share at the start of the sequence.
fn at_start(shares: &[f64]) -> f64 {
    let (part, least) = START;
    let count = (shares.len() / part).max(least);
    shares.iter().take(count).copied().fold(0.0, f64::max)
}

impl RaceScreen {
    /// The networks that have gradients, as far as they fit into `width`.
    fn reaching(&self, width: u16) -> Vec<(&RunCurves, &GradientReach, &str)> {
        let networks = self.standings.networks.iter().map(|network| network.name.as_str());
        let all = self.curves.iter().zip(&self.reach).zip(networks);
        let with = all.filter(|((_, reach), _)| !reach.latest.is_empty());
        with.map(|((curves, reach), name)| (curves, reach, name)).take(usize::from(width / NARROW)).collect()
    }

    /// Whether any network has gradients to show.
    pub(super) fn has_gradients(&self) -> bool {
        self.reach.iter().any(|reach| !reach.latest.is_empty())
    }

    pub(super) fn render_gradients(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let networks = self.reaching(area.width);
        let least = |reach: &GradientReach| {
            let positive = reach.latest.iter().chain(&reach.farthest).filter(|share| **share > 0.0);
            positive.copied().fold(1.0, f64::min)
        };
        let least = networks.iter().map(|(_, reach, _)| least(reach)).fold(0.1, f64::min);
        let y = (least.log10().max(LEAST) - 0.1, 0.1);
        let areas = Layout::horizontal(vec![Constraint::Fill(1); networks.len()]).split(area);
        for ((curves, reach, name), area) in networks.into_iter().zip(areas.iter()) {
            panel((curves, name), reach, y, *area, buf, theme);
        }
    }
}

fn panel(
    (curves, name): (&RunCurves, &str),
    reach: &GradientReach,
    y: (f64, f64),
    area: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) {
    let style = theme.series(curves.color());
    let title: [Piece<'_>; 3] = [
        (format!("{} ", curves.letter()).into(), style),
        (foreign(name), theme.style(Role::Title)),
        (" ‖∂L/∂U_t‖ / greatest".into(), theme.style(Role::Dim)),
    ];
    let inner = PanelFrame { focused: false, title: &title, note: &[], left: &[], right: &[] }
        .render(area, buf, theme);
    let (now, most) = (at_start(&reach.latest), at_start(&reach.farthest));
    // A network that has learned its task has little gradient left: the most that reached the start is what tells them apart.
    let words: [Piece<'_>; 2] = [
        (format!("at the start: most {}", number::metric(most)).into(), theme.style(Role::Text)),
        (format!(" · now {}", number::metric(now)).into(), theme.style(Role::Dim)),
    ];
    text::put(buf, inner.x + 1, inner.y, usize::from(inner.width).saturating_sub(1), &words);
    // The lower line of the frame has the marks of the x axis.
    let area = Rect { y: inner.y + 1, ..inner };
    if inner.height < 3 {
        return;
    }
    let last = reach.latest.len().saturating_sub(1);
    let [farthest, latest] = [&reach.farthest, &reach.latest].map(|shares| exponents(shares));
    let profiles = [
        Profile { exponents: &farthest, line: LineStyle::Behind, style: theme.style(Role::Dim) },
        Profile { exponents: &latest, line: LineStyle::Solid, style },
    ];
    profile::render(&profiles, last, y, area, buf, theme);
}

/// The shares as exponents; one of 0 is none.
fn exponents(shares: &[f64]) -> Vec<f64> {
    let exponent = |share: &f64| if *share > 0.0 { share.log10().max(LEAST) } else { f64::NEG_INFINITY };
    shares.iter().map(exponent).collect()
}
