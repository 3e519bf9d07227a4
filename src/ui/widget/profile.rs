//! Curves over the positions of a sequence, on a logarithmic axis.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::chart::{self, Chart, Curve, LineStyle, Sample};
use super::ticks;
use crate::ui::theme::Theme;

/// A curve.
pub struct Profile<'a> {
    /// The value at each position, as exponent of 10; one that is not finite breaks the curve.
    pub exponents: &'a [f64],
    /// Its line.
    pub line: LineStyle,
    /// Its colour.
    pub style: Style,
}

/// Draws `profiles` over the positions 0 to `last`, with exponents from `y.0` to `y.1`.
pub fn render(
    profiles: &[Profile<'_>],
    last: usize,
    y: (f64, f64),
    area: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) {
    let y_ticks = ticks::logarithmic(y.0, y.1, ticks::fitting(area.height.saturating_sub(1)));
    let columns = chart::columns(chart::plot(area, &y_ticks), theme.glyphs);
    let samples: Vec<Vec<Sample>> =
        profiles.iter().map(|profile| samples(profile.exponents, last, columns)).collect();
    let curves: Vec<Curve<'_>> = profiles
        .iter()
        .zip(&samples)
        .map(|(profile, samples)| Curve { samples, line: profile.line, style: profile.style })
        .collect();
    let last = last as f64;
    Chart {
        y,
        y_ticks: &y_ticks,
        x: (0.0, last),
        x_ticks: &ticks::counts(0.0, last, usize::from(area.width) / 6),
        x_name: "t",
        curves: &curves,
        rules: &[],
        events: &[],
        cursor: None,
    }
    .render(area, buf, theme);
}

/// The values at the positions 0 to `last` in columns; where several share one, their range.
pub fn samples(exponents: &[f64], last: usize, columns: usize) -> Vec<Sample> {
    let mut samples = vec![Sample::default(); columns];
    for (t, value) in exponents.iter().copied().enumerate().filter(|(_, value)| value.is_finite()) {
        let column = (t * columns.saturating_sub(1)) / last.max(1);
        let Some(sample) = samples.get_mut(column) else { continue };
        let (low, high) = sample.span.unwrap_or((value, value));
        sample.span = Some((low.min(value), high.max(value)));
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_share_columns_and_what_is_not_finite_breaks_the_curve() {
        let spans = |values: &[f64], columns| -> Vec<Option<(f64, f64)>> {
            samples(values, values.len() - 1, columns).into_iter().map(|sample| sample.span).collect()
        };
        assert_eq!(spans(&[0.0, f64::NEG_INFINITY, 2.0], 3), [Some((0.0, 0.0)), None, Some((2.0, 2.0))]);
        assert_eq!(spans(&[0.0, 1.0, 2.0, 3.0], 2), [Some((0.0, 2.0)), Some((3.0, 3.0))]);
        assert_eq!(spans(&[1.0], 2), [Some((1.0, 1.0)), None]);
        assert!(spans(&[1.0], 0).is_empty());
    }
}
