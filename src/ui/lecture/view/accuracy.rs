//! The accuracy of the networks of a page over their training.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::LectureScreen;
use super::super::measured::Training;
use crate::number;
use crate::ui::run_state::axis::XAxis;
use crate::ui::run_state::series::{Series, Summary};
use crate::ui::run_state::smoothing::Smoothing;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::chart::{self, Chart, Curve, LineStyle, Pattern, Sample};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};
use crate::ui::widget::ticks::{self, Tick};

/// The mark of a point on unseen data.
const UNSEEN: char = '◆';
/// The least accuracy at the lower end of the axis.
const LOW: f64 = 0.4;

impl LectureScreen {
    pub(super) fn render_accuracy(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let words = &self.texts.words;
        let title = [(words.accuracy.into(), theme.style(Role::Title))];
        let legend = |train: &'static str, unseen: &'static str| -> Vec<Piece<'_>> {
            vec![
                (format!("━ {train} ").into(), theme.style(Role::Train)),
                (format!("{UNSEEN} {unseen}").into(), theme.style(Role::Validation)),
            ]
        };
        let note = [legend(words.training_data, words.unseen_data)];
        let inner = PanelFrame { focused: false, title: &title, note: &note, left: &[], right: &[] }
            .render(area, buf, theme);
        let Some(training) = self.training().filter(|training| !training.run.accuracy().train.is_empty())
        else {
            return self.render_waiting(inner, buf, theme);
        };
        let width = usize::from(inner.width).saturating_sub(2);
        let results = self.results(width, theme);
        let taken = u16::from(!results.is_empty() && inner.height > 5);
        if taken > 0 {
            text::put(buf, inner.x + 1, inner.y, width, &results);
        }
        // The lower line of the frame has the marks of the x axis.
        let area = Rect { y: inner.y + taken, height: (inner.height + 1).saturating_sub(taken), ..inner };
        let end = training.run.total_steps().unwrap_or(1).max(1) as f64;
        let low = lowest(&self.trainings, end);
        let most = ticks::fitting(area.height.saturating_sub(1));
        let (y, percents) = ticks::even(low * 100.0, 104.0, most, chart::lines(area, theme.glyphs));
        let y = (y.0 / 100.0, y.1 / 100.0);
        let y_ticks: Vec<Tick> = percents
            .into_iter()
            .filter(|tick| tick.at <= 100.0 + 1e-9)
            .map(|tick| Tick { at: tick.at / 100.0, text: tick.text + " %" })
            .collect();
        let columns = chart::columns(chart::plot(area, &y_ticks), theme.glyphs);
        let of = |series: &Series, smoothing: Smoothing| samples(series, end, columns, smoothing);
        // The other networks of the page, each with its number.
        let others: Vec<(usize, Vec<Sample>)> = self
            .trainings
            .iter()
            .enumerate()
            .filter(|(i, training)| *i != self.network && !training.run.accuracy().train.is_empty())
            .map(|(i, training)| (i, of(&training.run.accuracy().train, Smoothing::default())))
            .collect();
        let train = of(&training.run.accuracy().train, Smoothing::default());
        let unseen = of(&training.run.accuracy().validation, Smoothing::OFF);
        let named = |(i, samples)| Curve {
            samples,
            line: LineStyle::Named {
                pattern: Pattern::Dotted,
                mark: char::from_digit(i as u32 + 1, 10).unwrap_or('+'),
                offset: 6 * i,
            },
            style: theme.style(Role::Dim),
        };
        let mut curves: Vec<Curve<'_>> =
            others.iter().map(|(i, samples)| named((*i, samples.as_slice()))).collect();
        curves.push(Curve { samples: &train, line: LineStyle::Solid, style: theme.style(Role::Train) });
        curves.push(Curve {
            samples: &unseen,
            line: LineStyle::Marked(UNSEEN),
            style: theme.style(Role::Validation),
        });
        let guessing = training.run.info().is_some_and(|info| info.data.classes.len() == 2);
        let width = usize::from(chart::plot(area, &y_ticks).width);
        Chart {
            y,
            y_ticks: &y_ticks,
            x: (0.0, end),
            x_ticks: &ticks::counts(0.0, end, width / 8),
            x_name: self.texts.words.step,
            curves: &curves,
            rules: if guessing { &[0.5] } else { &[] },
            events: &[],
            cursor: None,
        }
        .render(area, buf, theme);
    }

    /// The networks of the page that have been trained with their accuracy; the chosen one bright. Where they do not fit, the others are
    /// without their names, then not there: what is in training is never cut.
    fn results(&self, width: usize, theme: &Theme) -> Vec<Piece<'static>> {
        if self.trainings.len() < 2 {
            return Vec::new();
        }
        let is_chosen = |i: usize| i == self.network;
        let piece = |i: usize, training: &Training, is_named: bool| -> Piece<'static> {
            let name = if is_named { self.text().network(i).name } else { "" };
            let gap = if name.is_empty() { "" } else { " " };
            let accuracy = training.accuracy().map_or("–".to_owned(), number::percent);
            let role = if is_chosen(i) { Role::Title } else { Role::Dim };
            (format!("{}: {name}{gap}{accuracy}  ", i + 1).into(), theme.style(role))
        };
        let pieces = |names: bool, others: bool| -> Vec<Piece<'static>> {
            let trainings = self.trainings.iter().enumerate();
            let shown =
                trainings.filter(|(i, training)| is_chosen(*i) || others && training.accuracy().is_some());
            shown.map(|(i, training)| piece(i, training, names || is_chosen(i))).collect()
        };
        let fits = |pieces: &Vec<Piece<'_>>| text::width_of(pieces) <= width + 2;
        [(true, true), (false, true), (false, false)]
            .into_iter()
            .map(|(names, others)| pieces(names, others))
            .find(fits)
            .unwrap_or_else(|| pieces(false, false))
    }
}

/// The lower end of the axis: a tenth below which no curve lies.
fn lowest(trainings: &[Training], end: f64) -> f64 {
    let series = trainings.iter().map(|training| &training.run.accuracy().validation);
    let least = series.map(|series| series.within(XAxis::Step, 0.0, end).min).fold(LOW, f64::min);
    (least * 10.0).floor() / 10.0
}

fn samples(series: &Series, end: f64, columns: usize, smoothing: Smoothing) -> Vec<Sample> {
    let value = |column: &Summary| column.smoothed(smoothing);
    let sample = |column: &Summary| Sample {
        span: (column.finite > 0).then(|| (value(column), value(column))),
        gap: None,
    };
    series.columns(XAxis::Step, 0.0, end, columns).iter().map(sample).collect()
}
