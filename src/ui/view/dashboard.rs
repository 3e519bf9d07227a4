//! The layout of the dashboard, without the footer below it.
//!
//! ```text
//! ● training  imdb-first   epoch 2/4  ━━━━━━━━━━──────────  53 %                               status
//! step 418/784 · 1.2k sequences/s · learning rate 0.0010 · 42 s elapsed · ETA 38 s           status
//! ╭ 1 Loss ────── ━ train ◆ validation ╮╭ 2 Accuracy ───────────────────────╮
//! │                                    ││                                   │                 metric
//! ╰ step ─ 0 ────── 200 ────── 400 ────╯╰───────────────────────────────────╯
//! ╭ 3 Gradient ‖∂L/∂h_t‖ · 1 SimpleRNN ╮╭ 4 Hidden state · 1 SimpleRNN ─────╮
//! │                                    ││  not ▒▒▓▓░░██                     │                 gradient, hidden
//! ╰ t ── 0 ──────────────────── 199 ───╯╰ example 1/2 ───────────── -1 ▒ +1 ╯
//! warnings, errors, what to do after the end                                                  message
//! the latest log line, on high screens                                                        message::log
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::{explain, gradient, hidden, message, metric, preparing, status};
use crate::ui::dashboard::Dashboard;
use crate::ui::theme::{Role, Theme};
use crate::ui::view_state::Panel;
use crate::ui::widget::{glyph_fallback, text};

/// Minimum size of the dashboard, without the footer.
const SMALLEST: (u16, u16) = (40, 10);
/// From this size on the four panels form a 2×2 grid.
const GRID: (u16, u16) = (72, 14);
/// From this height on narrow screens stack the four panels.
const COLUMN: u16 = 34;
/// From this height on the latest log line is shown.
const LOG_ROW: u16 = 30;

/// Draws the dashboard in `area` of `buf`.
pub fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let area = area.intersection(*buf.area());
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(dash, area, buf, theme);
    } else {
        let status_rows = status::rows(area);
        let message = message::rows(dash, area, theme);
        let log_rows = u16::from(area.height >= LOG_ROW);
        let [top, body, bottom, log] = Layout::vertical([
            Constraint::Length(status_rows),
            Constraint::Fill(1),
            Constraint::Length(message.len() as u16),
            Constraint::Length(log_rows),
        ])
        .areas(area);
        status::render(dash, top, buf, theme);
        if dash.run.info().is_some() {
            panels(dash, body, buf, theme);
        } else {
            preparing::render(dash, body, buf, theme);
        }
        message::render(&message, bottom, buf);
        message::log(dash, log, buf, theme);
        if dash.view.explain {
            explain::render(dash, body, buf, theme);
        }
    }
    glyph_fallback::replace(buf, area, theme.glyphs);
}

fn panels(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let focus = dash.view.focus;
    let halves = |area: Rect| -> [Rect; 2] { Layout::horizontal([Constraint::Fill(1); 2]).areas(area) };
    if dash.view.full_screen || area.height < 4 {
        panel(dash, focus, area, buf, theme);
    } else if area.width >= GRID.0 && area.height >= GRID.1 {
        let [upper, lower]: [Rect; 2] = Layout::vertical([Constraint::Fill(1); 2]).areas(area);
        let places = halves(upper).into_iter().chain(halves(lower));
        Panel::ALL.into_iter().zip(places).for_each(|(each, place)| panel(dash, each, place, buf, theme));
    } else if area.height >= COLUMN {
        let places: [Rect; 4] = Layout::vertical([Constraint::Fill(1); 4]).areas(area);
        Panel::ALL.into_iter().zip(places).for_each(|(each, place)| panel(dash, each, place, buf, theme));
    } else {
        panel(dash, focus, area, buf, theme);
    }
}

fn panel(dash: &Dashboard, panel: Panel, area: Rect, buf: &mut Buffer, theme: &Theme) {
    match panel {
        Panel::Loss | Panel::Accuracy => metric::render(dash, panel, area, buf, theme),
        Panel::Gradient => gradient::render(dash, area, buf, theme),
        Panel::Hidden => hidden::render(dash, area, buf, theme),
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
