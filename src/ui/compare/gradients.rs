//! The gradient norms per unrolled step of all runs, at the last monitored step of each.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::CompareScreen;
use super::chart::bounds;
use super::curves::RunCurves;
use crate::escape::foreign;
use crate::protocol::{Direction, GradientProfile};
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::chart::{self, Chart, Curve, Sample};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text;
use crate::ui::widget::ticks;

impl CompareScreen {
    pub(super) fn render_gradients(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let Some(layer @ (number, direction)) = self.layers.get(self.layer).copied() else { return };
        let class = self
            .curves
            .iter()
            .find_map(|curves| curves.gradients.get(&layer).and(curves.classes.get(number)));
        let direction = match direction {
            None => "",
            Some(Direction::Forward) => " fwd",
            Some(Direction::Backward) => " bwd",
        };
        let class = class.map_or("", String::as_str);
        let title = [
            ("‖∂L/∂h_t‖".into(), theme.style(Role::Title)),
            (format!(" · {number} {}{direction}", foreign(class)).into(), theme.style(Role::Text)),
        ];
        let note = match self.layers.len() {
            1 => Vec::new(),
            count => vec![vec![(format!("{} of {count}", self.layer + 1).into(), theme.style(Role::Dim))]],
        };
        let inner = PanelFrame { focused: false, title: &title, note: &note, left: &[], right: &[] }
            .render(area, buf, theme);
        let profiles: Vec<(&RunCurves, &GradientProfile)> =
            self.curves.iter().filter_map(|curves| Some((curves, curves.gradients.get(&layer)?))).collect();
        let half_lives: Vec<String> = profiles
            .iter()
            .filter_map(|(curves, profile)| {
                let half_life = f64::from(profile.half_life?);
                let doubles = if half_life < 0.0 { "doubles in " } else { "" };
                Some(format!("{} {doubles}{:.1}", curves.letter(), half_life.abs()))
            })
            .collect();
        let words = match half_lives.is_empty() {
            true => "no half-life".to_owned(),
            false => format!("half-life in steps: {}", half_lives.join("  ")),
        };
        let room = usize::from(inner.width).saturating_sub(2);
        text::put(buf, inner.x + 1, inner.y, room, &[(words.into(), theme.style(Role::Dim))]);
        // The lower line of the frame has the marks of the x axis.
        let area = Rect { y: inner.y + 1, ..inner };
        let last =
            profiles.iter().map(|(_, profile)| profile.hnorm.len()).max().unwrap_or(0).saturating_sub(1)
                as f64;
        let sampled = |columns: usize| -> Vec<Vec<Sample>> {
            profiles.iter().map(|(_, profile)| samples(&profile.hnorm, last, columns)).collect()
        };
        let Some(y) = bounds(&sampled(usize::from(area.width) * 2), true).filter(|_| inner.height > 2) else {
            return;
        };
        let y_ticks = ticks::logarithmic(y.0, y.1, ticks::fitting(area.height.saturating_sub(1)));
        let columns = chart::columns(chart::plot(area, &y_ticks), theme.glyphs);
        let samples = sampled(columns);
        let curves: Vec<Curve<'_>> = profiles
            .iter()
            .zip(&samples)
            .map(|((curves, _), samples)| Curve {
                samples,
                line: curves.line(),
                style: theme.series(curves.color()),
            })
            .collect();
        let x_ticks = ticks::counts(0.0, last, usize::from(area.width) / 6);
        Chart {
            y,
            y_ticks: &y_ticks,
            x: (0.0, last),
            x_ticks: &x_ticks,
            x_name: "t",
            curves: &curves,
            rules: &[],
            events: &[],
            cursor: None,
        }
        .render(area, buf, theme);
    }
}

/// The norms over the positions 0 to `last`, as exponents; a norm of 0 breaks the curve.
fn samples(norms: &[f32], last: f64, columns: usize) -> Vec<Sample> {
    let mut samples = vec![Sample::default(); columns];
    for (t, norm) in norms.iter().enumerate() {
        let share = if last > 0.0 { t as f64 / last } else { 0.0 };
        let column = ((share * columns as f64) as usize).min(columns.saturating_sub(1));
        let value = f64::from(*norm).log10();
        let Some(sample) = samples.get_mut(column) else { continue };
        if value.is_finite() {
            let (low, high) = sample.span.unwrap_or((value, value));
            sample.span = Some((low.min(value), high.max(value)));
        }
    }
    samples
}
