//! The layout of the dashboard, without the footer below it.
//!
//! ```text
//! ● training  imdb-first   epoch 2/4   val_loss 0.3512 ▼ best   ━━━━━━──────  53 %            status
//! step 418/784 · 1.2k sequences/s · learning rate 0.001 · 42 s elapsed · ETA 38 s            status
//! Overview   Gradients   States   Text   Log                             t next tab           tabs
//! ╭ 1 Gradient ‖∂L/∂h_t‖ · 1 SimpleRNN ╮╭ 2 Hidden state · 1 SimpleRNN ─────╮
//! │                                    ││  not ▒▒▓▓░░██                     │                 gradient, hidden
//! ╰ t ── 0 ──────────────────── 199 ───╯╰ example 1/2 ───────────── -1 ▒ +1 ╯
//! ╭ 3 Loss ────── ━ train ◆ validation ╮╭ 4 Accuracy ───────────────────────╮
//! │                                    ││                                   │                 metric
//! ╰ step ─ 0 ────── 200 ────── 400 ────╯╰───────────────────────────────────╯
//! warnings, errors, what to do after the end                                                  message
//! a finding or the latest log line, on high screens                                           message::log
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::{
    attention, confusion, detail, diagnosis, entities, explain, forecast, gradient, half_life, hidden,
    histograms, influence, kernel, labels, layout, log, message, metric, neighbours, predictions, preparing,
    runs, samples, saturation, status, tabs, tensors, trainings, unit, waterfall, words,
};
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::{Panel, Tab};
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::{glyph_fallback, text};

/// Minimum size of the dashboard, without the footer.
const SMALLEST: (u16, u16) = (40, 10);
/// From this height on the tabs have a row.
const TABS_ROW: u16 = 17;
/// From this height on the latest log line is shown.
const LOG_ROW: u16 = 30;

/// Draws the dashboard in `area` of `buf`.
pub fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let area = area.intersection(*buf.area());
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(dash, area, buf, theme);
    } else {
        let message = message::rows(dash, area, theme);
        let areas = Areas::of(dash, area, message.len(), theme);
        match dash.group.as_ref().filter(|_| dash.view.tab == Tab::Runs) {
            Some(group) => runs::render_head(dash, group, areas.status, buf, theme),
            None => status::render(dash, areas.status, buf, theme),
        }
        if has_panels(dash) {
            let places = layout::places(dash, areas.body);
            tabs::render(dash, &places, areas.tabs, buf, theme);
            for (each, place) in &places {
                let (place, values) = detail::split(dash, *each, *place);
                panel(dash, *each, place, buf, theme);
                if let Some(values) = values {
                    detail::render(dash, *each, values, buf, theme);
                }
            }
        } else {
            preparing::render(dash, areas.body, buf, theme);
        }
        let Areas { body, message: bottom, log, .. } = areas;
        message::render(&message, bottom, buf);
        message::log(dash, log, buf, theme);
        if dash.view.explain {
            explain::render(dash, body, buf, theme);
        }
    }
    glyph_fallback::replace(buf, area, theme.glyphs);
}

/// Whether there are panels to show: of a run once it is prepared.
fn has_panels(dash: &Dashboard) -> bool {
    dash.run.info().is_some() || dash.view.tab == Tab::Runs
}

/// The areas of the screen, from top to bottom.
struct Areas {
    status: Rect,
    tabs: Rect,
    body: Rect,
    message: Rect,
    log: Rect,
}

impl Areas {
    fn of(dash: &Dashboard, area: Rect, message_rows: usize, theme: &Theme) -> Self {
        let most = status::rows(area);
        let status_rows = match dash.group.as_ref().filter(|_| dash.view.tab == Tab::Runs) {
            Some(group) => runs::head_rows(dash, group, area.width, most, theme),
            None => most,
        };
        let tabs_row = u16::from(area.height >= TABS_ROW && has_panels(dash));
        let [status, tabs, body, message, log] = Layout::vertical([
            Constraint::Length(status_rows),
            Constraint::Length(tabs_row),
            Constraint::Fill(1),
            Constraint::Length(message_rows as u16),
            Constraint::Length(if area.height >= LOG_ROW { message::log_rows(dash, area.width) } else { 0 }),
        ])
        .areas(area);
        Self { status, tabs, body, message, log }
    }
}

/// What is at a point of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The name of a tab.
    Tab(Tab),
    /// A panel, with its place.
    Panel(Panel, Rect),
}

/// Returns what [`render`] draws at column `x` and row `y` in `area`.
pub fn target_at(dash: &Dashboard, area: Rect, (x, y): (u16, u16), theme: &Theme) -> Option<Target> {
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 || !has_panels(dash) {
        return None;
    }
    let areas = Areas::of(dash, area, message::rows(dash, area, theme).len(), theme);
    let is_in = |place: &Rect| place.contains((x, y).into());
    let tab =
        tabs::places(dash, areas.tabs).into_iter().find(|(_, place)| is_in(place) && areas.tabs.height > 0);
    let panel = || layout::places(dash, areas.body).into_iter().find(|(_, place)| is_in(place));
    tab.map(|(tab, _)| Target::Tab(tab)).or_else(|| panel().map(|(panel, place)| Target::Panel(panel, place)))
}

fn panel(dash: &Dashboard, panel: Panel, area: Rect, buf: &mut Buffer, theme: &Theme) {
    match panel {
        Panel::Loss | Panel::Accuracy | Panel::GradientNorm => metric::render(dash, panel, area, buf, theme),
        Panel::Gradient => gradient::render(dash, area, buf, theme),
        Panel::Hidden if dash.view.shows_unit(&dash.run) => unit::render(dash, area, buf, theme),
        Panel::Hidden => hidden::render(dash, area, buf, theme),
        Panel::Saturation => saturation::render(dash, area, buf, theme),
        Panel::Predictions => predictions::render(dash, area, buf, theme),
        Panel::Influence => influence::render(dash, area, buf, theme),
        Panel::Attention => attention::render(dash, area, buf, theme),
        Panel::Trainings => trainings::render(dash, area, buf, theme),
        Panel::Forecast => forecast::render(dash, area, buf, theme),
        Panel::Samples => samples::render(dash, area, buf, theme),
        Panel::Confusion => confusion::render(dash, area, buf, theme),
        Panel::Entities => entities::render(dash, area, buf, theme),
        Panel::Words => words::render(dash, area, buf, theme),
        Panel::Labels => labels::render(dash, area, buf, theme),
        Panel::Findings => diagnosis::render(dash, area, buf, theme),
        Panel::Waterfall => {
            let (map, chart) = half_life::split(dash, area);
            waterfall::render(dash, map, buf, theme);
            chart.into_iter().for_each(|chart| half_life::render(dash, chart, buf, theme));
        }
        Panel::Tensors => tensors::render(dash, area, buf, theme),
        Panel::Histograms => histograms::render(dash, area, buf, theme),
        Panel::Kernel => kernel::render(dash, area, buf, theme),
        Panel::Neighbours => neighbours::render(dash, area, buf, theme),
        Panel::Log => log::render(dash, area, buf, theme),
        Panel::Runs => runs::render(dash, area, buf, theme),
    }
}

fn too_small(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let (width, height) = SMALLEST;
    // The footer needs another row.
    let words = format!("Terminal too small: needs {width}×{}", height + 1);
    let rows = text::wrap(&words, usize::from(area.width));
    for (y, row) in (area.top()..area.bottom()).zip(rows) {
        text::put(buf, area.x, y, usize::from(area.width), &[(row.into(), theme.style(Role::Text))]);
    }
    if area.height > 4 {
        let last = Rect { y: area.bottom() - 1, height: 1, ..area };
        status::render(dash, last, buf, theme);
    }
}
