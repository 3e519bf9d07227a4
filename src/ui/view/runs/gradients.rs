//! How far back in time the gradient of each run reaches, side by side.
//!
//! ```text
//! ╭ A rnn ‖∂L/∂U_t‖ / greatest ─╮╭ B lstm ─────────────────────╮
//! │ ━ best 4.1e-4 ━ now 2.0e-5  ││ ━ best 0.63 ━ now 0.11      │
//! │   1┤                     ⢀⠔⠊││   1┤⣀⣀⣀⣀⣀⣀⡠⠤⠤⠤⠤⠤⠤⠤⠒⠒⠒⠒⠒⠒⠒⠒│
//! │1e-4┤⣀⣀⣀⣀⡠⠤⠤⠒⠒⠒⠊⠉⠉⠉⠉⠉       ││1e-4┤                        │
//! ╰ t ─ 0 ────────────────── 30 ╯╰ t ─ 0 ────────────────── 30 ╯
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::{beside, letter, name_role};
use crate::escape::foreign;
use crate::number;
use crate::protocol::GradientProfile;
use crate::run::gradient_reach::Shares;
use crate::ui::dashboard::Dashboard;
use crate::ui::group::Group;
use crate::ui::race;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::chart::LineStyle;
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::profile::{self, Profile};
use crate::ui::widget::text::{self, Piece};

/// The least share that is drawn, as exponent.
const LEAST: f64 = -8.0;
/// Columns from which the title says that the norms are shares of the greatest, which the y axis says as well.
const WITH_GREATEST: u16 = 52;
/// The gradient of a run in the chosen layer, as shares of the greatest.
struct Reach<'a> {
    number: usize,
    profile: &'a GradientProfile,
    latest: Shares,
    farthest: &'a Shares,
    /// The median over the last monitored batches.
    half_life: Option<f32>,
}

fn reach<'a>(dash: &'a Dashboard, group: &'a Group, number: usize) -> Option<Reach<'a>> {
    let run = group.run(number, &dash.run);
    let layer = dash.view.layer(run).or_else(|| run.recurrent_layers().next())?;
    let profile = &run.profiles(layer)?.latest;
    let farthest = group.members.get(number)?.reach.farthest(layer)?;
    let history = run.gradient_history(layer);
    let half_life =
        history.and_then(|history| history.half_life(profile.step)).map(|half_life| half_life.median);
    Some(Reach { number, profile, latest: Shares::of(profile)?, farthest, half_life })
}

/// Draws a panel for each run that has any.
pub(super) fn render(dash: &Dashboard, group: &Group, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let numbers = beside(group, area.width, |number| reach(dash, group, number).is_some());
    let shown: Vec<Reach<'_>> = numbers.into_iter().filter_map(|number| reach(dash, group, number)).collect();
    let positive =
        shown.iter().flat_map(|reach| reach.latest.positions.iter().chain(&reach.farthest.positions));
    let least = positive.copied().filter(|share| *share > 0.0).fold(0.1, f64::min);
    let y = (least.log10().max(LEAST) - 0.1, 0.1);
    let areas = Layout::horizontal(vec![Constraint::Fill(1); shown.len()]).split(area);
    for (reach, area) in shown.iter().zip(areas.iter()) {
        panel(group, reach, y, *area, buf, theme);
    }
}

fn panel(group: &Group, reach: &Reach<'_>, y: (f64, f64), area: Rect, buf: &mut Buffer, theme: &Theme) {
    let Some(member) = group.members.get(reach.number) else { return };
    let of = if reach.profile.kernel_norm.is_empty() { "h" } else { "U" };
    let greatest = if area.width < WITH_GREATEST { "" } else { " / greatest" };
    let title: [Piece<'_>; 3] = [
        letter(&member.curves, theme),
        (foreign(&member.name), theme.style(name_role(group, reach.number))),
        (format!(" ‖∂L/∂{of}_t‖{greatest}").into(), theme.style(Role::Dim)),
    ];
    let half_life = reach.half_life.map(|half_life| {
        let doubles = if half_life < 0.0 { "doubles in" } else { "half-life" };
        let said = format!("{doubles} {:.1}", half_life.abs());
        [format!("{said} now"), said].map(|said| vec![(said.into(), theme.style(Role::Dim))])
    });
    let note: Vec<Vec<Piece<'_>>> = half_life.into_iter().flatten().collect();
    let inner = PanelFrame { focused: false, title: &title, note: &note, left: &[], right: &[] }
        .render(area, buf, theme);
    let (now, most) = (reach.latest.at_start(), reach.farthest.at_start());
    // A network that has learned its task has little gradient left: the most that reached the start is what tells them apart.
    let width = usize::from(inner.width).saturating_sub(1);
    let color = theme.series(member.curves.color());
    let words = |at: &'static str| -> [Piece<'_>; 5] {
        [
            (at.into(), theme.style(Role::Dim)),
            ("━".into(), theme.style(Role::Dim)),
            (format!(" best {} ", number::metric(most)).into(), theme.style(Role::Text)),
            ("━".into(), color),
            (format!(" now {}", number::metric(now)).into(), theme.style(Role::Text)),
        ]
    };
    let wordings = ["share that reaches the start: ", "at start: ", ""].map(words);
    let fitting = wordings.iter().find(|words| text::width_of(*words) <= width);
    fitting.or(wordings.last()).map(|words| text::put(buf, inner.x + 1, inner.y, width, words));
    // The lower line of the frame has the marks of the x axis.
    let area = Rect { y: inner.y + 1, ..inner };
    if inner.height < 3 {
        return;
    }
    let last = reach.latest.positions.len().saturating_sub(1);
    let [farthest, latest] =
        [&reach.farthest.positions, &reach.latest.positions].map(|shares| exponents(shares));
    let profiles = [
        Profile { exponents: &farthest, line: LineStyle::Behind, style: theme.style(Role::Dim) },
        Profile { exponents: &latest, line: LineStyle::Solid, style: color },
    ];
    profile::render(&profiles, last, y, area, buf, theme);
}

/// The shares as exponents; one of 0 is none.
fn exponents(shares: &[f64]) -> Vec<f64> {
    let exponent = |share: &f64| if *share > 0.0 { share.log10().max(LEAST) } else { f64::NEG_INFINITY };
    shares.iter().map(exponent).collect()
}

/// Which runs can learn from the start of a sequence and which cannot, as far as their gradients say; `None` where they do not differ.
pub(in crate::ui::view) fn sentence(group: &Group) -> Option<String> {
    let most = group.members.iter().filter_map(|member| Some((member.name.as_str(), member.reach.most()?)));
    let reason = race::reach(most)?;
    let said = reason.replacen('o', "O", 1);
    let is_over = group.race().is_none_or(|race| race.events.is_none());
    // The pictures show the gradient as it is now, too.
    Some(said + if is_over { " A network that has learned has little gradient left now." } else { "" })
}
