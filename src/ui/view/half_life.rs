//! The half-life of the gradient through time over training: the median over several batches within its quartiles.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::gradient::layer_name;
use crate::ui::dashboard::Dashboard;
use crate::ui::run_state::{GradientRow, HalfLife};
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::chart::{self, Chart, Curve, LineStyle, Sample};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};
use crate::ui::widget::ticks;

/// The mark where most batches have no clear slope.
const UNCLEAR: char = '·';
/// The mark where the gradient does not fall towards the beginning.
const FLAT: char = '↑';
/// Steps from which on the norm is as good as constant.
const CONSTANT: f32 = 1000.0;
/// Rows of the chart, and those from which on the panel above it leaves space for it.
const ROWS: u16 = 13;
const TALL: u16 = 28;

/// The places of the panel, where it fills the screen, and of the chart below it.
pub(super) fn split(dash: &Dashboard, area: Rect) -> (Rect, Option<Rect>) {
    if !dash.view.full_screen || area.height < TALL {
        return (area, None);
    }
    let upper = Rect { height: area.height - ROWS, ..area };
    (upper, Some(Rect { y: upper.bottom(), height: ROWS, ..area }))
}

/// Draws the chart.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let layer = dash.view.layer(&dash.run);
    let rows = layer.and_then(|layer| dash.run.gradient_history(layer)).map_or(&[][..], |of| of.rows());
    let mut title: Vec<Piece<'_>> = vec![("Half-life".into(), theme.style(Role::Title))];
    let name = layer.map(|layer| format!(" in steps · {}", layer_name(dash, layer)));
    title.extend(name.map(|name| (name.into(), theme.style(Role::Text))));
    let note = [
        [legend(theme), vec![(format!(" {FLAT} does not fall").into(), theme.style(Role::Bad))]].concat(),
        legend(theme),
        legend(theme).into_iter().take(2).collect(),
    ];
    let frame = PanelFrame { focused: false, title: &title, note: &note, left: &[], right: &[] };
    let inner = frame.render(area, buf, theme);
    let Some(last) = rows.last().filter(|_| inner.height > 2) else {
        let words = [("waiting for the first monitored step with a gradient".into(), theme.style(Role::Dim))];
        text::put(buf, inner.x + 1, inner.y, usize::from(inner.width).saturating_sub(2), &words);
        return;
    };
    let area = Rect { height: inner.height + 1, ..inner };
    let y = bounds(rows);
    let y_ticks = ticks::logarithmic(y.0, y.1, ticks::fitting(area.height.saturating_sub(1)));
    let plot = chart::plot(area, &y_ticks);
    let columns = chart::columns(plot, theme.glyphs);
    let x = (0.0, last.step.max(1) as f64);
    let median = samples(rows, columns, x.1, |half_life| {
        let at = place(half_life.median);
        at.map(|at| (at, at))
    });
    let band = samples(rows, columns, x.1, |half_life| {
        let [low, high] = half_life.quartiles;
        place(low).map(|low| (low, place(high).unwrap_or(y.1)))
    });
    let band: Vec<Sample> = band.into_iter().map(|sample| Sample { gap: None, ..sample }).collect();
    Chart {
        y,
        y_ticks: &y_ticks,
        x,
        x_ticks: &ticks::counts(x.0, x.1, usize::from(plot.width) / 12),
        x_name: "step",
        curves: &[
            Curve { samples: &band, line: LineStyle::Behind, style: theme.style(Role::Raw) },
            Curve { samples: &median, line: LineStyle::Solid, style: theme.style(Role::Train) },
        ],
        rules: &[],
        events: &[],
        cursor: dash.view.cursor.map(|step| step as f64),
    }
    .render(area, buf, theme);
}

fn legend<'a>(theme: &Theme) -> Vec<Piece<'a>> {
    vec![
        ("━ median".into(), theme.style(Role::Train)),
        (" ━ quartiles".into(), theme.style(Role::Raw)),
        (format!(" {UNCLEAR} no clear slope").into(), theme.style(Role::Dim)),
    ]
}

/// The place of a half-life on the logarithmic axis; `None` where the norm is constant or grows.
fn place(half_life: f32) -> Option<f64> {
    (half_life > 0.0 && half_life < CONSTANT).then(|| f64::from(half_life).log10())
}

/// The decades of all that has a place, at least one.
fn bounds(rows: &[GradientRow]) -> (f64, f64) {
    let all = rows.iter().filter_map(|row| row.half_life);
    let places = all.flat_map(|HalfLife { median, quartiles: [low, high], .. }| [median, low, high]);
    let (low, high) = places
        .filter_map(place)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), at| (low.min(at), high.max(at)));
    match low <= high {
        true => (low.floor(), high.ceil().max(low.floor() + 1.0)),
        false => (0.0, 1.0),
    }
}

/// The columns of a curve up to step `last`; `span` is what a half-life has on it.
fn samples(
    rows: &[GradientRow],
    columns: usize,
    last: f64,
    span: impl Fn(HalfLife) -> Option<(f64, f64)>,
) -> Vec<Sample> {
    let mut samples = vec![Sample::default(); columns];
    for row in rows {
        let column = (row.step as f64 / last * columns as f64) as usize;
        let Some(sample) = samples.get_mut(column.min(columns.saturating_sub(1))) else { continue };
        match row.half_life.map(&span) {
            Some(Some((low, high))) => {
                let (lowest, highest) = sample.span.unwrap_or((low, high));
                sample.span = Some((low.min(lowest), high.max(highest)));
            }
            Some(None) => sample.gap = Some(FLAT),
            None => sample.gap = Some(UNCLEAR),
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(step: u64, half_life: Option<[f32; 3]>) -> GradientRow {
        let half_life = half_life.map(|[low, median, high]| HalfLife {
            median,
            quartiles: [low, high],
            clear: 5,
            batches: 9,
        });
        GradientRow { step, norms: vec![1.0].into(), read: 0..1, half_life }
    }

    #[test]
    fn steps_without_a_clear_slope_are_gaps_and_a_constant_norm_has_its_mark() {
        let rows = [
            row(0, Some([2.0, 10.0, -40.0])),
            row(50, None),
            row(75, Some([900.0, 2e5, -3.0])),
            row(100, Some([5.0, 20.0, 80.0])),
        ];
        assert_eq!(bounds(&rows), (0.0, 3.0));
        assert_eq!(bounds(&rows[1..2]), (0.0, 1.0));
        let median = samples(&rows, 4, 100.0, |of| place(of.median).map(|at| (at, at)));
        let spans: Vec<bool> = median.iter().map(|sample| sample.span.is_some()).collect();
        let gaps: Vec<Option<char>> = median.iter().map(|sample| sample.gap).collect();
        assert_eq!(spans, [true, false, false, true]);
        assert_eq!(gaps, [None, None, Some(UNCLEAR), Some(FLAT)]);
        assert_eq!(median[0].span, Some((1.0, 1.0)));
    }
}
