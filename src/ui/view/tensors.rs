//! The norms of every weight tensor, its gradient and its update.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::gradient::rho;
use super::title;
use crate::number;
use crate::protocol::{Direction, ParamNorms};
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// Columns of a number.
const COLUMN: usize = 9;
/// Columns of a name at most.
const NAME: usize = 28;
/// An update of so large a part of its weights is coloured as a warning: about a thousandth is usual.
const LARGE_UPDATE: f64 = 0.1;

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let title = title(dash, Panel::Tensors, "Weights, gradients, updates", theme);
    let left = clipping(dash, theme);
    let focused = dash.view.focus(&dash.run) == Panel::Tensors;
    let frame = PanelFrame { focused, title: &title, note: &[], left: &left, right: &[] };
    let inner = frame.render(area, buf, theme);
    let width = usize::from(inner.width).saturating_sub(2);
    let norms = dash.run.param_norms();
    if norms.is_empty() {
        let words = "waiting for the first monitored step";
        text::put(buf, inner.x + 1, inner.y, width, &[(words.into(), theme.style(Role::Dim))]);
        return;
    }
    let columns = Columns::of(norms, width);
    text::put(buf, inner.x + 1, inner.y, width, &columns.header(theme));
    for (y, norms) in (inner.y + 1..inner.bottom()).zip(norms) {
        text::put(buf, inner.x + 1, y, width, &columns.row(dash, norms, theme));
    }
    let hidden = norms.len().saturating_sub(usize::from(inner.height).saturating_sub(1));
    if hidden > 0 && inner.height > 1 {
        let words = format!("↓ {} more", hidden + 1);
        let blank = " ".repeat(width);
        text::put(buf, inner.x + 1, inner.bottom() - 1, width, &[(blank.into(), theme.style(Role::Dim))]);
        text::put(buf, inner.x + 1, inner.bottom() - 1, width, &[(words.into(), theme.style(Role::Dim))]);
    }
}

/// Which columns have space.
struct Columns {
    name: usize,
    /// Numbers of a row: the ratio first, then the gradient, the radius, the weights, the update.
    numbers: usize,
}

impl Columns {
    fn of(norms: &[ParamNorms], width: usize) -> Self {
        let name = norms.iter().map(|norms| text::width(&norms.name)).max().unwrap_or(0).min(NAME);
        let numbers = (width.saturating_sub(name) / (COLUMN + 1)).clamp(1, 5);
        Self { name: name.min(width.saturating_sub(numbers * (COLUMN + 1)).max(8)), numbers }
    }

    fn header<'a>(&self, theme: &Theme) -> Vec<Piece<'a>> {
        let heads = ["Δ÷weights", "gradient", rho(theme), "weights", "update"];
        let mut words = " ".repeat(self.name);
        for head in heads.iter().take(self.numbers) {
            words.push_str(&format!(" {head:>COLUMN$}"));
        }
        vec![(words.into(), theme.style(Role::Dim))]
    }

    fn row<'a>(&self, dash: &Dashboard, norms: &ParamNorms, theme: &Theme) -> Vec<Piece<'a>> {
        let name = text::clip_name(&norms.name, self.name).into_owned();
        let ratio = norms.ratio();
        let role = match ratio {
            Some(ratio) if ratio > LARGE_UPDATE || !ratio.is_finite() => Role::Warning,
            _ => Role::Text,
        };
        let none = || "–".to_owned();
        let numbers = [
            ratio.map_or_else(none, |ratio| format!("{ratio:.1e}")),
            number::metric(norms.gradient),
            radius(dash, &norms.name).map_or_else(String::new, |radius| format!("{radius:.2}")),
            number::metric(norms.weight),
            number::metric(norms.update),
        ];
        let wide = self.name;
        let mut pieces = vec![(format!("{name:<wide$}").into(), theme.style(Role::Title))];
        for (i, number) in numbers.into_iter().take(self.numbers).enumerate() {
            let role = if i == 0 { role } else { Role::Text };
            pieces.push((format!(" {number:>COLUMN$}").into(), theme.style(role)));
        }
        pieces
    }
}

/// The spectral radius of a recurrent kernel.
fn radius(dash: &Dashboard, name: &str) -> Option<f32> {
    let (layer, rest) = name.split_once('.')?;
    let direction = match rest {
        "recurrent_kernel" => None,
        "fwd.recurrent_kernel" => Some(Direction::Forward),
        "bwd.recurrent_kernel" => Some(Direction::Backward),
        _ => return None,
    };
    dash.run.health((layer.parse().ok()?, direction))?.spectral_radius()
}

/// The norm of the whole gradient before and after clipping.
fn clipping<'a>(dash: &Dashboard, theme: &Theme) -> Vec<Piece<'a>> {
    let squares: f64 = dash.run.param_norms().iter().map(|norms| norms.gradient.powi(2)).sum();
    if dash.run.param_norms().is_empty() {
        return Vec::new();
    }
    let before = squares.sqrt();
    let dim = theme.style(Role::Dim);
    let mut pieces =
        vec![("gradient ".into(), dim), (number::metric(before).into(), theme.style(Role::Text))];
    match dash.run.clipped_norm() {
        Some(after) if after < before * (1.0 - 1e-6) => {
            pieces.push((" clipped to ".into(), dim));
            pieces.push((number::metric(after).into(), theme.style(Role::Warning)));
        }
        Some(_) => pieces.push((" below the bound of clipping".into(), dim)),
        None => pieces.push((" not clipped".into(), dim)),
    }
    pieces
}
