//! A kernel as a heat map: a row an input, a column an output.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::hidden::legend;
use super::title;
use crate::number;
use crate::protocol::{Direction, KernelPicture, WeightDistribution};
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::run_state::HeatScale;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::heat_map::{HeatMap, has_halves};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// From this width on there is space for what a cell is.
const WIDE: u16 = 64;

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let shown = chosen(dash);
    let scale = shown.map_or(1.0, |(_, picture)| HeatScale::of(&picture.values));
    let mut title = title(dash, Panel::Kernel, "Kernel", theme);
    if let Some((tensor, _)) = shown {
        let sizes: Vec<String> = tensor.shape.iter().map(usize::to_string).collect();
        title.push((format!(" · {} {}", tensor.name, sizes.join("×")).into(), theme.style(Role::Text)));
        let of_scale = (format!(" · ±{scale}").into(), theme.style(Role::Text));
        // The legend has it as well.
        let wide = text::width_of(&title) + text::width_of(std::slice::from_ref(&of_scale));
        if wide + 6 <= usize::from(area.width) {
            title.push(of_scale);
        }
    }
    let inner = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    };
    let per_line = if has_halves(theme) { 2 } else { 1 };
    let (rows, values) =
        shown.map(|(_, picture)| fitting(picture, per_line * usize::from(inner.height))).unwrap_or_default();
    let right = shown.map(|(_, picture)| legend(scale, &picture.values, false, theme)).unwrap_or_default();
    let left = shown
        .filter(|_| area.width >= WIDE)
        .map(|(tensor, _)| vec![(reduction(tensor, values.len()).into(), theme.style(Role::Dim))]);
    // A picture is that of the latest step, wherever the cursor is.
    let latest = dash.run.weight_history().last().filter(|_| dash.view.cursor.is_some());
    let note: Vec<Vec<Piece<'_>>> = latest
        .map(|latest| vec![(format!("step {}", number::count(latest.step)).into(), theme.style(Role::Dim))])
        .into_iter()
        .collect();
    let frame = PanelFrame {
        focused: dash.view.focus(&dash.run) == Panel::Kernel,
        title: &title,
        note: &note,
        left: &left.unwrap_or_default(),
        right: &right,
    };
    frame.render(area, buf, theme);
    let Some((_, picture)) = shown else {
        let words = "waiting for the first monitored step";
        text::put(buf, inner.x, inner.y, usize::from(inner.width), &[(words.into(), theme.style(Role::Dim))]);
        return;
    };
    let labels: Vec<Cow<'_, str>> = vec!["".into(); rows];
    let map = HeatMap {
        values: &values,
        columns: picture.columns,
        labels: &labels,
        notes: &[],
        scale,
        selected: None,
    };
    map.render(inner, buf, theme);
}

/// The recurrent kernel of the chosen layer, or the first kernel of a network without one.
fn chosen(dash: &Dashboard) -> Option<(&WeightDistribution, &KernelPicture)> {
    let tensors = &dash.run.weight_history().last()?.tensors;
    let name = dash.view.layer(&dash.run).map(|(layer, direction)| match direction {
        None => format!("{layer}.recurrent_kernel"),
        Some(Direction::Forward) => format!("{layer}.fwd.recurrent_kernel"),
        Some(Direction::Backward) => format!("{layer}.bwd.recurrent_kernel"),
    });
    let pictures = || tensors.iter().filter_map(|tensor| Some((tensor, tensor.picture.as_ref()?)));
    let of_layer = pictures().find(|(tensor, _)| Some(&tensor.name) == name.as_ref());
    of_layer.or_else(|| pictures().next())
}

/// At most so many rows: of more, neighbours share one, which has the largest.
fn fitting(picture: &KernelPicture, most: usize) -> (usize, Vec<f32>) {
    let columns = picture.columns.max(1);
    let group = picture.rows().div_ceil(most.max(1)).max(1);
    let mut values = Vec::new();
    for rows in picture.values.chunks(group * columns) {
        values.extend((0..columns).map(|column| {
            let of_column = rows.iter().skip(column).step_by(columns).copied();
            of_column.max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0)
        }));
    }
    (values.len() / columns, values)
}

/// What a cell is, where so many are shown.
fn reduction(tensor: &WeightDistribution, shown: usize) -> String {
    let all: usize = tensor.shape.iter().product();
    match all == shown {
        true => "a row an input, a column an output".into(),
        false => "the largest of each block of weights".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_share_a_line_show_the_largest_with_its_sign() {
        let picture = KernelPicture { columns: 2, values: vec![0.1, 2.0, -0.5, 1.0, 0.3, 0.0] };
        assert_eq!(fitting(&picture, 2), (2, vec![-0.5, 2.0, 0.3, 0.0]));
        assert_eq!(fitting(&picture, 9), (3, picture.values.clone()));
        assert_eq!(fitting(&KernelPicture::default(), 4), (0, Vec::new()));
    }
}
