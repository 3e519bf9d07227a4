//! A metric over the run, on training and validation data.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::status::separated;
use super::title;
use crate::escape;
use crate::number;
use crate::ui::dashboard::Dashboard;
use crate::ui::earlier_runs::Window;
use crate::ui::panel::Panel;
use crate::ui::run_state::axis::XAxis;
use crate::ui::run_state::series::{Series, Summary};
use crate::ui::run_state::{BEST, Curves, RunState};
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::chart::{self, Chart, Curve, LineStyle, Sample};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};
use crate::ui::widget::ticks::{self, Tick};

/// The mark of the training curve in the legend.
pub(super) const TRAIN: char = '━';
/// The mark of a point on validation data.
pub(super) const VALIDATION: char = '◆';

/// The mark of the parent's curve in the legend.
const PARENT: char = '┄';

/// A metric as a panel shows it.
struct Metric<'a> {
    name: &'static str,
    curves: &'a Curves,
    /// Whether values are shares, 0 to 1, shown in per cent.
    share: bool,
    /// The name and the metric of the run that this one was branched from.
    parent: Option<(&'a str, &'a Curves)>,
    /// Reference values: the accuracy of guessing, or the error of baseline forecasts.
    rules: Vec<f64>,
}

fn metric(dash: &Dashboard, panel: Panel) -> Metric<'_> {
    // The chance level of a multi-label task depends on the frequencies of its labels: none is shown.
    let classes = dash.run.info().filter(|info| !info.has_labels()).map_or(0, |info| info.data.classes.len());
    let parent = |of: fn(&RunState) -> Option<&Curves>| {
        let parent = dash.parent.as_ref().filter(|_| dash.run.branched().is_some())?;
        Some((parent.name.as_str(), of(&parent.run)?))
    };
    if let Some(errors) = dash.run.forecast_errors().filter(|_| panel == Panel::Accuracy) {
        let rules = errors.baselines.iter().map(|(_, rmse)| *rmse).collect();
        let parent = parent(|run| run.forecast_errors().map(|errors| &errors.rmse));
        return Metric { name: "RMSE", curves: &errors.rmse, share: false, parent, rules };
    }
    let plain = |name, curves, parent| Metric { name, curves, share: false, parent, rules: Vec::new() };
    match panel {
        Panel::Loss => plain("Loss", dash.run.loss(), parent(|run| Some(run.loss()))),
        Panel::GradientNorm => {
            plain("Gradient norm", dash.run.grad_norm(), parent(|run| Some(run.grad_norm())))
        }
        // a task without classes, a regression, has no accuracy; the gradient norm is shown instead
        _ if dash.run.accuracy().train.is_empty() && dash.run.latest().is_some() => {
            plain("Gradient norm", dash.run.grad_norm(), parent(|run| Some(run.grad_norm())))
        }
        _ => Metric {
            name: "Accuracy",
            curves: dash.run.accuracy(),
            share: true,
            parent: parent(|run| Some(run.accuracy())),
            rules: (classes > 1).then(|| 1.0 / classes as f64).into_iter().collect(),
        },
    }
}

/// Draws the panel of the loss or of the accuracy.
pub(super) fn render(dash: &Dashboard, panel: Panel, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let view = &dash.view;
    let metric = metric(dash, panel);
    let log = view.is_log(panel);
    let mut title = title(dash, panel, metric.name, theme);
    let errors = dash.run.forecast_errors().filter(|_| panel == Panel::Accuracy);
    if let Some(errors) = errors.filter(|errors| !errors.variable.is_empty()) {
        title.push((format!(" · {}", escape::foreign(&errors.variable)).into(), theme.style(Role::Title)));
    }
    if log {
        title.push((" log".into(), theme.style(Role::Dim)));
    }
    let with_parent = |validation, label| {
        let parent = metric.parent_legend(dash, label, theme);
        let own = metric.legend(dash, validation, theme);
        parent.map(|parent| own.into_iter().chain([parent]).collect::<Vec<_>>())
    };
    let own = ["validation", "val", ""].map(|validation| Some(metric.legend(dash, validation, theme)));
    let labels = [("val", None), ("val", Some("parent ")), ("", Some("parent ")), ("", Some(""))];
    let of_branch = labels.map(|(validation, label)| with_parent(validation, label));
    let note: Vec<Vec<Piece<'_>>> = of_branch.into_iter().chain(own).flatten().collect();
    let frame = PanelFrame {
        focused: view.focus(&dash.run) == panel,
        title: &title,
        note: &note,
        left: &[],
        right: &[],
    };
    let inner = frame.render(area, buf, theme);
    let Some(window) = dash.view.window(&dash.run).filter(|_| inner.height > 1) else {
        let pieces = [("waiting for the first step".into(), theme.style(Role::Dim))];
        text::put(buf, inner.x + 1, inner.y, usize::from(inner.width), &pieces);
        return;
    };
    let train = metric.curves.train.within(view.axis, window.0, window.1);
    let validation = metric.curves.validation.within(view.axis, window.0, window.1);
    let refused = log && train.finite + validation.finite > 0 && train.min.min(validation.min) <= 0.0;
    let mut reading = metric.reading(dash, usize::from(inner.width).saturating_sub(1), theme);
    if let Some(errors) = errors.filter(|_| reading.is_empty()) {
        let word = |(words, rmse): &(&str, f64)| (format!("{words} {}", number::metric(*rmse)), Role::Dim);
        reading = separated(errors.baselines.iter().map(word).collect(), theme);
    }
    let row = if refused {
        let warning = "log scale: values ≤ 0 are omitted";
        vec![(warning.into(), theme.style(Role::Warning))]
    } else {
        reading
    };
    let taken = u16::from(!row.is_empty());
    text::put(buf, inner.x + 1, inner.y, usize::from(inner.width).saturating_sub(1), &row);
    // the lower line of the frame carries the marks of the x axis
    let chart_area = Rect { y: inner.y + taken, height: inner.height - taken + 1, ..inner };
    let Some(y) = bounds([&train, &validation], &metric.rules, log, metric.share) else { return };
    let y = match metric.parent {
        Some((_, parent)) => {
            let parent = parent.train_or_validation().within(view.axis, window.0, window.1);
            with_parent_range(y, bounds([&parent, &Summary::EMPTY], &[], log, metric.share))
        }
        None => y,
    };
    let most = ticks::fitting(chart_area.height.saturating_sub(1));
    let (y, y_ticks) = y_axis(y, (log, metric.share), most, chart::lines(chart_area, theme.glyphs));
    let plot = chart::plot(chart_area, &y_ticks);
    let columns = chart::columns(plot, theme.glyphs);
    let sampled = |series: &Series| series.columns(view.axis, window.0, window.1, columns);
    let (train, validation) = (sampled(&metric.curves.train), sampled(&metric.curves.validation));
    let raw = samples(&train, log, |column| (column.min, column.max));
    let smoothed = samples(&train, log, |column| {
        let value = column.smoothed(view.smoothing);
        (value, value)
    });
    let validation = samples(&validation, log, |column| (column.min, column.max));
    let (behind, front) = (theme.style(Role::Raw), theme.style(Role::Train));
    let after = Curve {
        samples: &validation,
        line: LineStyle::Marked(VALIDATION),
        style: theme.style(Role::Validation),
    };
    let parent = metric.parent.map_or(Vec::new(), |(_, parent)| {
        samples(&sampled(parent.train_or_validation()), log, |column| {
            let value = column.smoothed(view.smoothing);
            (value, value)
        })
    });
    let band = dash.earlier.as_ref().filter(|_| metric.name != "RMSE").map_or(Vec::new(), |earlier| {
        let shown = Window { axis: view.axis, bounds: window, columns, smoothing: view.smoothing };
        let band = match metric.name {
            "Loss" => earlier.loss_band(shown),
            "Accuracy" => earlier.accuracy_band(shown),
            _ => earlier.grad_norm_band(shown),
        };
        let in_scale = |(low, high): (f64, f64)| match log {
            true => (low > 0.0).then(|| (low.log10(), high.log10())),
            false => Some((low, high)),
        };
        // What lies beyond the axis is left out.
        let in_axis =
            |(low, high): (f64, f64)| (high >= y.0 && low <= y.1).then(|| (low.max(y.0), high.min(y.1)));
        let span = |span: Option<(f64, f64)>| span.and_then(in_scale).and_then(in_axis);
        band.into_iter().map(|each| Sample { span: span(each), gap: None }).collect()
    });
    let band = Curve { samples: &band, line: LineStyle::Behind, style: theme.style(Role::Border) };
    let parent = Curve { samples: &parent, line: LineStyle::Faint, style: theme.style(Role::Text) };
    let with_smoothed = [
        band,
        parent,
        Curve { samples: &raw, line: LineStyle::Behind, style: behind },
        Curve { samples: &smoothed, line: LineStyle::Solid, style: front },
        after,
    ];
    let without = [band, parent, Curve { samples: &raw, line: LineStyle::Solid, style: front }, after];
    let smooth = view.smoothing.factor() > 0.0;
    let cursor = view.cursor.and_then(|step| metric.cursor_curve().nearest(step));
    let rules: Vec<f64> = metric.rules.iter().map(|rule| if log { rule.log10() } else { *rule }).collect();
    let alerts = dash.run.marks().iter().copied().filter(|_| panel == Panel::Loss);
    let best = dash.run.monitored().map(|monitored| (monitored.best_at, BEST));
    let best = best.filter(|_| matches!(panel, Panel::Loss | Panel::Accuracy));
    let events: Vec<(f64, char)> =
        alerts.chain(best).map(|(place, letter)| (place.on(view.axis), letter)).collect();
    Chart {
        y,
        y_ticks: &y_ticks,
        x: window,
        x_ticks: &x_ticks(view.axis, window, usize::from(plot.width)),
        x_name: view.axis.name(),
        curves: if smooth { &with_smoothed } else { &without },
        rules: &rules,
        events: &events,
        cursor: cursor.map(|(place, _)| place.on(view.axis)),
    }
    .render(chart_area, buf, theme);
}

impl Metric<'_> {
    /// The curve under the cursor: that of the validation data if there is no other.
    fn cursor_curve(&self) -> &Series {
        self.curves.train_or_validation()
    }

    fn format(&self, value: f64) -> String {
        if self.share { number::percent(value) } else { number::metric(value) }
    }

    /// The legend: the curves with their latest values.
    fn legend<'a>(&self, dash: &Dashboard, name: &str, theme: &Theme) -> Vec<Piece<'a>> {
        let mut pieces = Vec::new();
        let (train, validation) = (&self.curves.train, &self.curves.validation);
        if let Some(value) = train.reading(dash.view.smoothing) {
            let words = if name.is_empty() { "" } else { " train" };
            pieces.push((format!("{TRAIN}{words} {}", self.format(value)).into(), theme.style(Role::Train)));
        }
        if let Some(value) = validation.value() {
            if !pieces.is_empty() {
                pieces.push((" ".into(), theme.style(Role::Text)));
            }
            let space = if name.is_empty() { "" } else { " " };
            let text = format!("{VALIDATION}{space}{name} {}", self.format(value));
            pieces.push((text.into(), theme.style(Role::Validation)));
        }
        pieces
    }

    /// The legend of the parent's curve, with its name or the `label` instead, and its value at the step of the cursor, or the latest step of this run; `None` without a parent.
    fn parent_legend<'a>(&self, dash: &Dashboard, label: Option<&str>, theme: &Theme) -> Option<Piece<'a>> {
        let (name, curves) = self.parent?;
        let step = dash.view.cursor.or(dash.run.latest().map(|latest| latest.step))?;
        let (_, summary) = curves.train_or_validation().nearest(step).filter(|(_, at)| at.finite > 0)?;
        let value = self.format(summary.smoothed(dash.view.smoothing));
        let name = || format!("{} ", text::clip_name(&escape::foreign(name), 24));
        let label = label.map_or_else(name, str::to_owned);
        Some((format!(" {PARENT} {label}{value}").into(), theme.style(Role::Text)))
    }

    /// The values at the cursor, in the longest wording that fits; empty without a cursor.
    fn reading<'a>(&self, dash: &Dashboard, columns: usize, theme: &Theme) -> Vec<Piece<'a>> {
        let view = &dash.view;
        let nearest = view.cursor.and_then(|step| self.cursor_curve().nearest(step));
        let Some((place, summary)) = nearest else { return Vec::new() };
        let value = if summary.finite > 0 { self.format(summary.mean()) } else { "not finite".into() };
        let points = self.cursor_curve().points_per_bucket();
        let mean = if points > 1 { format!("{value}, mean of {points}") } else { value.clone() };
        let smoothed = self.format(summary.smoothed(view.smoothing));
        let step = (format!("step {}", number::count(place.step)), Role::Cursor);
        let epoch = (format!("epoch {:.2}", place.epoch), Role::Cursor);
        let time = (number::duration(place.seconds), Role::Cursor);
        let short = (smoothed.clone(), Role::Train);
        let smooth = view.smoothing.factor() > 0.0 && !self.curves.train.is_empty();
        let wordings = [
            vec![
                step.clone(),
                epoch,
                time.clone(),
                (mean, Role::Text),
                (format!("smoothed {smoothed}"), Role::Train),
            ],
            vec![step.clone(), time, (value.clone(), Role::Text), short.clone()],
            vec![step, (value, Role::Text), short],
        ];
        let shown = |mut words: Vec<(String, Role)>| {
            words.truncate(words.len() - usize::from(!smooth));
            words
        };
        let mut wordings = wordings.map(|words| separated(shown(words), theme)).into_iter();
        let last = wordings.next_back().unwrap_or_default();
        wordings.find(|pieces| text::width_of(pieces) <= columns).unwrap_or(last)
    }
}

/// The range and the marks of a y axis; exponents if logarithmic, shares in per cent.
fn y_axis(
    y: (f64, f64),
    (log, share): (bool, bool),
    most: usize,
    lines: (u16, usize),
) -> ((f64, f64), Vec<Tick>) {
    match (log, share) {
        (true, _) => (y, ticks::logarithmic(y.0, y.1, most)),
        (false, false) => ticks::even(y.0, y.1, most, lines),
        (false, true) => {
            let ((low, high), percents) = ticks::even(y.0 * 100.0, y.1 * 100.0, most, lines);
            let shares = percents.into_iter().filter(|tick| (0.0..=100.0 + 1e-9).contains(&tick.at));
            ((low / 100.0, high / 100.0), in_percent(shares))
        }
    }
}

fn in_percent(percents: impl Iterator<Item = Tick>) -> Vec<Tick> {
    percents.map(|tick| Tick { at: tick.at / 100.0, text: tick.text + " %" }).collect()
}

/// The range `y` of a run with that of its parent, as far as that does not flatten the run.
fn with_parent_range(y: (f64, f64), parent: Option<(f64, f64)>) -> (f64, f64) {
    let Some((low, high)) = parent else { return y };
    let most = (y.1 - y.0) * 2.0;
    (low.min(y.0).max(y.0 - most), high.max(y.1).min(y.1 + most))
}

/// The marks of a linear y axis, shares in per cent.
pub(super) fn linear_ticks(y: (f64, f64), share: bool, most: usize) -> Vec<Tick> {
    if !share {
        return ticks::linear(y.0, y.1, most);
    }
    in_percent(ticks::linear(y.0 * 100.0, y.1 * 100.0, most).into_iter())
}

pub(super) fn x_ticks(axis: XAxis, window: (f64, f64), columns: usize) -> Vec<Tick> {
    let widest = match axis {
        XAxis::Step => number::count(window.1 as u64).len(),
        XAxis::Epoch => 4,
        XAxis::Time => 7,
    };
    let most = columns / (widest + 3);
    match axis {
        XAxis::Step => ticks::counts(window.0, window.1, most),
        XAxis::Epoch => ticks::linear(window.0, window.1, most),
        XAxis::Time => ticks::seconds(window.0, window.1, most),
    }
}

/// The range of the y axis, with a margin; exponents if logarithmic, `None` if there is nothing to draw.
///
/// It includes the `rules`, except for shares.
pub(super) fn bounds(
    [train, validation]: [&Summary; 2],
    rules: &[f64],
    log: bool,
    share: bool,
) -> Option<(f64, f64)> {
    let rules = || rules.iter().copied().filter(|_| !share);
    let high = rules().fold(train.max.max(validation.max), f64::max);
    let low =
        if log { train.least_positive.min(validation.least_positive) } else { train.min.min(validation.min) };
    let low = rules().filter(|rule| !log || *rule > 0.0).fold(low, f64::min);
    let (low, high) = if log { (low.log10(), high.log10()) } else { (low, high) };
    if !(low.is_finite() && high.is_finite() && high - low < f64::INFINITY) {
        return None;
    }
    let margin = ticks::margin(low, high, log);
    let (low, high) = (low - margin, high + margin);
    Some(if share && !log { (low.max(0.0), high.min(1.0)) } else { (low, high) })
}

pub(super) fn samples(columns: &[Summary], log: bool, span: impl Fn(&Summary) -> (f64, f64)) -> Vec<Sample> {
    columns
        .iter()
        .map(|column| {
            let (low, high) = span(column);
            let refused = column.non_finite || log && column.finite > 0 && high <= 0.0;
            let low = if log { low.min(high).max(column.least_positive).log10() } else { low };
            let high = if log { high.log10() } else { high };
            let drawn = column.finite > 0 && low.is_finite() && high.is_finite();
            Sample { span: drawn.then_some((low.min(high), high)), gap: refused.then_some('×') }
        })
        .collect()
}
