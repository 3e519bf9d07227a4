//! A metric of several runs in one panel.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::Axis;
use super::curves::RunCurves;
use crate::escape::foreign;
use crate::number;
use crate::ui::run_state::series::Summary;
use crate::ui::run_state::smoothing::Smoothing;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::chart::{self, Chart, Curve, LineStyle, Sample};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};
use crate::ui::widget::ticks::{self, Tick};

/// So many times the range of the usual curve are shown at least.
const FARTHEST: f64 = 5.0;

/// A panel with a curve of one metric for each run.
pub struct MetricChart<'a> {
    /// The name of the metric.
    pub name: &'a str,
    /// The unit of the x axis.
    pub axis: Axis,
    /// Whether the y axis is logarithmic.
    pub log: bool,
    /// Of metrics of single steps.
    pub smoothing: Smoothing,
    /// Whether the frame is that of the focus.
    pub focused: bool,
    /// The runs.
    pub curves: &'a [&'a RunCurves],
    /// Earlier runs of the same, which stay behind them.
    pub earlier: &'a [RunCurves],
    /// Where the cursor is on the x axis.
    pub cursor: Option<f64>,
}

impl MetricChart<'_> {
    /// Draws the panel into `area`.
    pub fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let name = self.name;
        let scale = if self.log { ", log" } else { "" };
        let title: [Piece<'_>; 2] = [
            (foreign(name), theme.style(Role::Title)),
            (format!(" by {}{scale}", self.axis.name()).into(), theme.style(Role::Dim)),
        ];
        let smooth = RunCurves::is_of_steps(name) && self.smoothing != Smoothing::OFF;
        let factor = format!("smoothed {}", self.smoothing.factor());
        let mut note = Vec::new();
        let dim = |words: String| vec![(words.into(), theme.style(Role::Dim))];
        match (self.earlier.is_empty(), smooth) {
            (false, true) => note.push(dim(format!("earlier seeds dim · {factor}"))),
            (false, false) => note.push(dim("earlier seeds dim".to_owned())),
            _ => {}
        }
        if smooth {
            note.push(dim(factor));
        }
        note.push(Vec::new());
        let inner = PanelFrame { focused: self.focused, title: &title, note: &note, left: &[], right: &[] }
            .render(area, buf, theme);
        let area = Rect { height: inner.height + 1, ..inner };
        let all = || self.earlier.iter().chain(self.curves.iter().copied());
        let end = all().filter_map(|curves| curves.end(name, self.axis)).fold(0.0, f64::max);
        let nothing = |buf: &mut Buffer| {
            let words = [("nothing was recorded".into(), theme.style(Role::Dim))];
            text::put(buf, inner.x + 1, inner.y, usize::from(inner.width), &words);
        };
        if end <= 0.0 || inner.height < 2 {
            return nothing(buf);
        }
        let smoothing = if smooth { self.smoothing } else { Smoothing::OFF };
        // Twice: the marks of the y axis decide how wide the plot is.
        let sampled = |columns: usize| -> Vec<Vec<Sample>> {
            let of = |curves: &RunCurves| {
                samples(&curves.columns(name, self.axis, end, columns), self.log, smoothing, smooth)
            };
            all().map(of).collect()
        };
        let Some(y) = bounds(&sampled(usize::from(area.width) * 2), self.log) else { return nothing(buf) };
        let most = ticks::fitting(area.height.saturating_sub(1));
        let y_ticks = y_ticks(name, y, self.log, most);
        let plot = chart::plot(area, &y_ticks);
        let samples = sampled(chart::columns(plot, theme.glyphs));
        let curves: Vec<Curve<'_>> = all()
            .zip(&samples)
            .enumerate()
            .map(|(i, (curves, samples))| {
                let style = theme.series(curves.color());
                match i < self.earlier.len() {
                    true => {
                        Curve { samples, line: LineStyle::Behind, style: style.add_modifier(Modifier::DIM) }
                    }
                    false => Curve { samples, line: curves.line(), style },
                }
            })
            .collect();
        let x_ticks = x_ticks(self.axis, end, usize::from(plot.width));
        let (x, x_name) = ((0.0, end), self.axis.name());
        Chart {
            y,
            y_ticks: &y_ticks,
            x,
            x_ticks: &x_ticks,
            x_name,
            curves: &curves,
            rules: &[],
            events: &[],
            cursor: self.cursor,
        }
        .render(area, buf, theme);
    }
}

/// What is drawn of each column: the smoothed value, or the extremes.
fn samples(columns: &[Summary], log: bool, smoothing: Smoothing, smooth: bool) -> Vec<Sample> {
    let sample = |column: &Summary| {
        let value = column.smoothed(smoothing);
        let (low, high) = if smooth { (value, value) } else { (column.min, column.max) };
        let refused = column.non_finite || (log && column.finite > 0 && high <= 0.0);
        let (low, high) =
            if log { (low.max(column.least_positive.min(high)).log10(), high.log10()) } else { (low, high) };
        let is_drawn = column.finite > 0 && low.is_finite() && high.is_finite();
        Sample { span: is_drawn.then_some((low.min(high), high)), gap: refused.then_some('×') }
    };
    columns.iter().map(sample).collect()
}

/// The range of the y axis, with a margin; `None` if there is nothing to draw. A curve far above the others, as that of a run that
/// diverges, does not flatten them: it leaves the chart at its top.
fn bounds(curves: &[Vec<Sample>], log: bool) -> Option<(f64, f64)> {
    let spans =
        |curve: &Vec<Sample>| -> Vec<(f64, f64)> { curve.iter().filter_map(|sample| sample.span).collect() };
    let of = |spans: Vec<(f64, f64)>| {
        let low = spans.iter().map(|(low, _)| *low).fold(f64::INFINITY, f64::min);
        let high = spans.iter().map(|(_, high)| *high).fold(f64::NEG_INFINITY, f64::max);
        (!spans.is_empty()).then_some((low, high))
    };
    let ranges: Vec<(f64, f64)> = curves.iter().map(spans).filter_map(of).collect();
    let low = ranges.iter().map(|(low, _)| *low).fold(f64::INFINITY, f64::min);
    let mut tops: Vec<f64> = ranges.iter().map(|(_, high)| *high).collect();
    tops.sort_unstable_by(f64::total_cmp);
    // Of two the lower one.
    let usual = tops.get(tops.len().checked_sub(1)? / 2).copied()?;
    // And a tenfold value: runs that have hardly begun have no range to speak of.
    let tenfold = if log { usual + 1.0 } else { usual.abs() * 10.0 };
    let most = (low + (usual - low) * FARTHEST).max(tenfold);
    let high = tops.into_iter().rev().find(|top| *top <= most).unwrap_or(usual);
    if !(low.is_finite() && high.is_finite() && (high - low).is_finite()) {
        return None;
    }
    let margin = ticks::margin(low, high, log);
    Some((low - margin, high + margin))
}

fn y_ticks(name: &str, y: (f64, f64), log: bool, most: usize) -> Vec<Tick> {
    match (log, name.ends_with("accuracy")) {
        (true, _) => ticks::logarithmic(y.0, y.1, most),
        (false, false) => ticks::linear(y.0, y.1, most),
        (false, true) => ticks::linear(y.0 * 100.0, y.1 * 100.0, most)
            .into_iter()
            .map(|tick| Tick { at: tick.at / 100.0, text: tick.text + " %" })
            .collect(),
    }
}

fn x_ticks(axis: Axis, end: f64, columns: usize) -> Vec<Tick> {
    let widest = match axis {
        Axis::Steps | Axis::Tokens => number::count(end as u64).len(),
        Axis::Epochs => 4,
        Axis::Seconds => 7,
    };
    let most = columns / (widest + 3);
    match axis {
        Axis::Steps | Axis::Tokens => ticks::counts(0.0, end, most),
        Axis::Epochs => ticks::linear(0.0, end, most),
        Axis::Seconds => ticks::seconds(0.0, end, most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(values: &[f64]) -> Vec<Sample> {
        values.iter().map(|x| Sample { span: Some((*x, *x)), gap: None }).collect()
    }

    #[test]
    fn a_run_that_diverges_does_not_flatten_the_others() {
        let (good, better) = (curve(&[0.7, 0.4, 0.2]), curve(&[0.69, 0.3, 0.1]));
        let bad = curve(&[0.7, 3e4, 7e37]);
        let (low, high) = bounds(&[good.clone(), bad.clone(), better.clone()], false).unwrap();
        assert!(low < 0.1 && (0.7..0.8).contains(&high), "{low} {high}");
        // Of two runs the one that diverges is not the measure.
        assert!(bounds(&[bad.clone(), good.clone()], false).unwrap().1 < 0.8);
        // What is merely worse stays, and a run alone is shown whole.
        assert!(bounds(&[good, better, curve(&[0.7, 1.4])], false).unwrap().1 > 1.4);
        assert!(bounds(&[curve(&[0.69, 0.691]), curve(&[0.69, 4.9])], false).unwrap().1 > 4.9);
        assert!(bounds(&[bad], false).unwrap().1 > 7e37);
        assert_eq!(bounds(&[Vec::new()], false), None);
        assert_eq!(bounds(&[], false), None);
    }
}
