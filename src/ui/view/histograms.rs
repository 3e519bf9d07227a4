//! The distributions of the weights, now and over training.

use std::borrow::Cow;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::title;
use crate::number;
use crate::protocol::{WeightDistribution, WeightDistributions};
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::heat_map::HeatMap;
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// Lines of a tensor at least where its course over training is shown, that of its name counted.
const LEAST_COURSE: usize = 4;
/// The same where the panel does not fill the screen.
const COURSE: usize = 7;

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let rows = dash.run.weight_history();
    let tensors = rows.last().map_or(0, |latest| latest.tensors.len());
    let each = usize::from(area.height.saturating_sub(2)) / tensors.max(1);
    let least = if dash.view.full_screen { LEAST_COURSE } else { COURSE };
    let is_course = each >= least && rows.len() > 1;
    let over = if dash.view.full_screen || is_course { " over training" } else { "" };
    let title = title(dash, Panel::Histograms, &format!("Distribution of the weights{over}"), theme);
    let step = rows.last().map(|row| format!("step {}", number::count(row.step)));
    let left = step.map(|step| vec![(step.into(), theme.style(Role::Dim))]).unwrap_or_default();
    let right = [("brighter: more weights · 0 in the middle".into(), theme.style(Role::Dim))];
    let focused = dash.view.focus(&dash.run) == Panel::Histograms;
    let frame = PanelFrame { focused, title: &title, note: &[], left: &left, right: &right };
    frame.render(area, buf, theme);
    let inner = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    };
    let Some(latest) = rows.last() else {
        let words = "waiting for the first monitored step";
        text::put(buf, inner.x, inner.y, usize::from(inner.width), &[(words.into(), theme.style(Role::Dim))]);
        return;
    };
    if is_course {
        courses(rows, each, inner, buf, theme);
    } else {
        now(latest, inner, buf, theme);
    }
}

/// A row a tensor: its distribution at the latest step.
fn now(latest: &WeightDistributions, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let values: Vec<f32> =
        latest.tensors.iter().flat_map(|tensor| shades(tensor, tensor.limit).into_iter()).collect();
    let labels: Vec<Cow<'_, str>> = latest.tensors.iter().map(|tensor| tensor.name.as_str().into()).collect();
    let notes: Vec<Piece<'_>> = latest
        .tensors
        .iter()
        .map(|tensor| {
            (format!("±{}", number::metric(f64::from(tensor.limit))).into(), theme.style(Role::Text))
        })
        .collect();
    map(&values, &labels, &notes).render(area, buf, theme);
}

/// A few rows a tensor, one under the other: its distribution at steps spread over training, on one scale.
fn courses(rows: &[Arc<WeightDistributions>], each: usize, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let Some(latest) = rows.last() else { return };
    for (i, tensor) in latest.tensors.iter().enumerate() {
        let band = Rect { y: area.y + (i * each) as u16, height: each as u16, ..area };
        let of = |row: &'_ Arc<WeightDistributions>| row.tensors.get(i).cloned();
        let limit = rows.iter().filter_map(of).map(|tensor| tensor.limit).fold(0.0_f32, f32::max);
        let metric = |x: f32| number::metric(f64::from(x));
        let words = format!(
            " ±{} · mean {} · standard deviation {}",
            metric(limit),
            metric(tensor.mean),
            metric(tensor.deviation)
        );
        let head =
            [(tensor.name.as_str().into(), theme.style(Role::Title)), (words.into(), theme.style(Role::Dim))];
        text::put(buf, band.x, band.y, usize::from(band.width), &head);
        // A blank line between two tensors, where there is space.
        let most = each - 1 - usize::from(each > LEAST_COURSE);
        let last = rows.len() - 1;
        let gaps = most.saturating_sub(1).max(1);
        let shown: Vec<&Arc<WeightDistributions>> = match rows.len() <= most {
            true => rows.iter().collect(),
            false => (0..most).filter_map(|k| rows.get((k * last + gaps / 2) / gaps)).collect(),
        };
        let values: Vec<f32> = shown
            .iter()
            .flat_map(|row| row.tensors.get(i).map(|tensor| shades(tensor, limit)).unwrap_or_default())
            .collect();
        let labels: Vec<Cow<'_, str>> = shown.iter().map(|row| number::count(row.step).into()).collect();
        let place = Rect { y: band.y + 1, height: most as u16, ..band };
        map(&values, &labels, &[]).render(place, buf, theme);
    }
}

fn map<'a>(values: &'a [f32], labels: &'a [Cow<'a, str>], notes: &'a [Piece<'a>]) -> HeatMap<'a> {
    HeatMap { values, columns: WeightDistribution::BINS, labels, notes, scale: 1.0, selected: None }
}

/// The bins as shades from 0 to 1, over `[−limit, limit]`. Roots, so that small counts are seen beside large ones.
fn shades(tensor: &WeightDistribution, limit: f32) -> Vec<f32> {
    let count = WeightDistribution::BINS;
    let mut bins = vec![0.0_f32; count];
    for (i, found) in tensor.bins.iter().enumerate() {
        // The bin of the middle of this one.
        let middle = (tensor.edge(i) + tensor.edge(i + 1)) / 2.0;
        let share = if limit > 0.0 { (middle / limit + 1.0) / 2.0 } else { 0.5 };
        let to = ((share * count as f32) as usize).min(count - 1);
        bins.iter_mut().skip(to).take(1).for_each(|bin| *bin += *found as f32);
    }
    let greatest = bins.iter().copied().fold(0.0_f32, f32::max);
    bins.iter().map(|bin| if greatest > 0.0 { (bin / greatest).sqrt() } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_narrower_distribution_is_narrower_on_the_scale_of_all() {
        let bins = vec![4; WeightDistribution::BINS];
        let tensor = WeightDistribution { limit: 0.5, bins, ..WeightDistribution::default() };
        assert!(shades(&tensor, 0.5).iter().all(|shade| *shade == 1.0));
        let wide = shades(&tensor, 1.0);
        let filled: Vec<usize> = (0..wide.len()).filter(|i| wide[*i] > 0.0).collect();
        assert_eq!((filled[0], filled[filled.len() - 1]), (10, 30));
        assert!((0..wide.len()).all(|i| (wide[i] - wide[wide.len() - 1 - i]).abs() < 0.5), "{wide:?}");
        let zeros = WeightDistribution { limit: 0.0, ..tensor };
        assert_eq!(shades(&zeros, 0.0)[20], 1.0);
    }
}
