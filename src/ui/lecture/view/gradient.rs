//! The gradient at each step of time, now and at the start of the training, or where it reached farthest.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::LectureScreen;
use super::super::measured::memory;
use crate::number;
use crate::protocol::GradientProfile;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::chart::{self, Chart, Curve, LineStyle, Sample};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};
use crate::ui::widget::ticks::{self, Tick};

/// The least exponent of 10 that is drawn, below the greatest.
const DECADES: f64 = 8.0;

impl LectureScreen {
    /// Draws the gradient by hidden states, beside it that at the start; or by what the cell remembers with, of an LSTM by cell states, beside
    /// it that which reached farthest and, of an LSTM, that by hidden states.
    pub(super) fn render_gradient(&self, of_memory: bool, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let words = &self.texts.words;
        let profiles = self.training().and_then(|training| {
            let farthest = training.farthest_profile().filter(|_| of_memory);
            farthest.or(training.first_profile()).zip(training.profile())
        });
        let has_cell = of_memory && profiles.is_some_and(|(_, latest)| !latest.cnorm.is_empty());
        let title = if has_cell { words.memory_gradient } else { words.state_gradient };
        let title = [(title.into(), theme.style(Role::Title))];
        let inner = PanelFrame { focused: false, title: &title, note: &[], left: &[], right: &[] }
            .render(area, buf, theme);
        let Some((behind, latest)) = profiles.filter(|_| inner.height > 3) else {
            return self.render_waiting(inner, buf, theme);
        };
        let now = format!("{}: {} {}", words.now, words.step, number::count(latest.step));
        let what = if has_cell { "c " } else { "" };
        let when = if of_memory { words.at_best } else { words.at_start };
        let mut legend: Vec<Piece<'_>> = vec![
            (format!("━ {what}{when} ").into(), theme.style(Role::Raw)),
            (format!("━ {what}{now}").into(), theme.style(Role::Train)),
        ];
        if has_cell {
            legend.push((" ┄ h".into(), theme.style(Role::Validation)));
        }
        text::put(buf, inner.x + 1, inner.y, usize::from(inner.width).saturating_sub(2), &legend);
        // The lower line of the frame has the marks of the x axis.
        let area = Rect { y: inner.y + 1, ..inner };
        // Relative to the last step: a gradient that is small at all steps, as of a small loss, does not look like one that vanishes.
        let norms =
            |profile: &GradientProfile| relative(if of_memory { memory(profile) } else { &profile.hnorm });
        let behind = norms(behind);
        let hidden = if has_cell { relative(&latest.hnorm) } else { Vec::new() };
        let latest = norms(latest);
        let values = || behind.iter().chain(&latest).chain(&hidden).flatten().copied();
        let (low, high) =
            (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        if low > high {
            return self.render_waiting(Rect { y: area.y, ..inner }, buf, theme);
        }
        let y = (low.floor().max(high.ceil() - DECADES), high.ceil().max(low.floor() + 1.0));
        let y_ticks = ticks::logarithmic(y.0, y.1, ticks::fitting(area.height.saturating_sub(1)));
        let plot = chart::plot(area, &y_ticks);
        let columns = chart::columns(plot, theme.glyphs);
        let end = latest.len().saturating_sub(1) as f64;
        let [behind, hidden, latest] = [behind, hidden, latest].map(|norms| samples(&norms, y.0, columns));
        let mut x_ticks = vec![Tick { at: 0.0, text: "0".into() }, Tick { at: end, text: format!("{end}") }];
        x_ticks.dedup_by(|a, b| a.at == b.at);
        Chart {
            y,
            y_ticks: &y_ticks,
            x: (0.0, end.max(1.0)),
            x_ticks: &x_ticks,
            x_name: words.time,
            curves: &[
                Curve { samples: &behind, line: LineStyle::Behind, style: theme.style(Role::Raw) },
                Curve { samples: &hidden, line: LineStyle::Faint, style: theme.style(Role::Validation) },
                Curve { samples: &latest, line: LineStyle::Solid, style: theme.style(Role::Train) },
            ],
            rules: &[],
            events: &[],
            cursor: None,
        }
        .render(area, buf, theme);
    }
}

/// The exponents of the norms, divided by the last; `None` where no gradient arrives.
fn relative(norms: &[f32]) -> Vec<Option<f64>> {
    let last = norms.last().map_or(f64::NAN, |last| f64::from(*last).log10());
    norms.iter().map(|norm| Some(f64::from(*norm).log10() - last).filter(|x| x.is_finite())).collect()
}

fn samples(exponents: &[Option<f64>], low: f64, columns: usize) -> Vec<Sample> {
    let mut samples = vec![Sample::default(); columns];
    let last = exponents.len().saturating_sub(1).max(1);
    for (t, value) in exponents.iter().enumerate().filter_map(|(t, value)| Some((t, (*value)?.max(low)))) {
        if let Some(sample) = samples.get_mut(t * columns.saturating_sub(1) / last) {
            let (least, most) = sample.span.unwrap_or((value, value));
            sample.span = Some((least.min(value), most.max(value)));
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_that_of_its_shape_whatever_the_loss() {
        let large = relative(&[0.001, 0.01, 0.1]);
        let small = relative(&[1e-9, 1e-8, 1e-7]);
        let differ = |(a, b): (&Option<f64>, &Option<f64>)| (a.unwrap() - b.unwrap()).abs() > 1e-6;
        assert!(!large.iter().zip(&small).any(differ), "{large:?} {small:?}");
        assert!((large[0].unwrap() + 2.0).abs() < 1e-6 && large[2] == Some(0.0));
        assert_eq!(relative(&[0.0, 1.0]), [None, Some(0.0)], "nothing arrives");
        assert_eq!(relative(&[1.0, 0.0]), [None, None], "there is no last to compare with");
    }
}
