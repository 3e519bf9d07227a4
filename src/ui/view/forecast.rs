//! Forecasts of the validation part against the truth, in the units of the series, with the baselines.
//!
//! ```text
//! ╭ 1 Forecast · passengers · each 12 rows ahead ───────────── epoch 40 ╮
//! │ RMSE  forecast 18.23 · last value 49.21 · season 31.85 │
//! │600┤                              ⢠⡄      truth                       │
//! │400┤⣀⡠⠔⠊⠑⢄⣀⠔⠊                      ━ forecast from ·  ┄ baselines      │
//! ╰ 1958-01          1959-01          1960-01 ───────────────────────────╯
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::title;
use crate::escape::foreign;
use crate::number;
use crate::protocol::{SeriesExcerpt, ValidationExamples};
use crate::ui::dashboard::Dashboard;
use crate::ui::forecast_lines::{ForecastLines, Lead};
use crate::ui::panel::Panel;
use crate::ui::theme::{Colors, Role, Theme};
use crate::ui::widget::chart::{self, Chart, Curve, LineStyle, Pattern, Sample};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};
use crate::ui::widget::ticks::{self, Tick};

/// Columns between two marks of the x axis.
const TICKS_EVERY: u16 = 14;
/// How much beyond the range of the truth is shown, as a share of it.
const BEYOND: f64 = 0.35;
/// Rows of the table of errors by lead in detail at most.
const TABLE: u16 = 8;

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let run = &dash.run;
    let series = run.info().and_then(|info| info.data.series.as_deref());
    let examples = run.history().latest_examples(dash.view.cursor);
    let horizon = series.map_or(1, |series| series.horizon);
    let lead = Lead::of(dash.view.lead, horizon);
    let mut title = title(dash, Panel::Forecast, "Forecast", theme);
    if let Some(series) = series {
        title.push((format!(" · {}", foreign(&series.variable)).into(), theme.style(Role::Text)));
        title.push((format!(" · {}", lead.name(horizon)).into(), theme.style(Role::Dim)));
    }
    let note: Vec<Vec<Piece<'_>>> = examples
        .map(|examples| {
            let role = if dash.view.cursor.is_some() { Role::Cursor } else { Role::Dim };
            vec![(format!("epoch {}", examples.epoch).into(), theme.style(role))]
        })
        .into_iter()
        .collect();
    let legend: [Piece<'_>; 4] = [
        ("─ truth ".into(), theme.style(Role::Text)),
        (
            if theme.colors == Colors::Mono { "━f forecast " } else { "━ forecast " }.into(),
            theme.style(Role::Validation),
        ),
        ("┄ last value".into(), theme.style(Role::Dim)),
        (
            if series.is_some_and(|s| s.season.is_some()) { " ┄ season" } else { "" }.into(),
            theme.style(Role::Raw),
        ),
    ];
    let hint: [Piece<'_>; 2] =
        [("[ ]".into(), theme.style(Role::Key)), (" rows ahead".into(), theme.style(Role::Dim))];
    let frame = PanelFrame {
        focused: dash.view.focus(run) == Panel::Forecast,
        title: &title,
        note: &note,
        left: &legend,
        right: if horizon > 1 { &hint } else { &[] },
    };
    let inner = frame.render(area, buf, theme);
    let (Some(series), Some(examples)) = (series, examples) else {
        let words = match series {
            Some(_) => "waiting for the first validation",
            None => "the series has no validation part (data.validation)",
        };
        text::put(
            buf,
            inner.x + 1,
            inner.y,
            usize::from(inner.width),
            &[(words.into(), theme.style(Role::Dim))],
        );
        return;
    };
    let table = if dash.view.full_screen && horizon > 1 { TABLE.min(inner.height / 3) } else { 0 };
    let [head, plot, below] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(table)])
            .areas(inner);
    let lines = ForecastLines::new(series, &examples.forecasts, lead);
    errors(&lines, series, head, buf, theme);
    draw(&lines, series, plot, buf, theme);
    by_lead(series, examples, below, buf, theme);
}

/// The errors of the rows that are drawn.
fn errors(lines: &ForecastLines, series: &SeriesExcerpt, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let forecast = lines.forecast_rmse(series);
    let baselines = [("last value", &lines.last), ("season", &lines.seasonal)];
    let baselines = baselines.map(|(name, line)| (name, lines.rmse(series, line)));
    let best = baselines.iter().filter_map(|(_, rmse)| *rmse).fold(f64::INFINITY, f64::min);
    let role = match forecast {
        Some(rmse) if rmse < best => Role::Good,
        Some(_) => Role::Warning,
        None => Role::Dim,
    };
    let shown = |rmse: Option<f64>| rmse.map_or("–".to_owned(), number::metric);
    let mut pieces: Vec<Piece<'_>> = vec![
        (" RMSE  ".into(), theme.style(Role::Dim)),
        (format!("forecast {}", shown(forecast)).into(), theme.style(role)),
    ];
    for (name, rmse) in baselines.into_iter().filter(|(_, rmse)| rmse.is_some()) {
        pieces.push((format!(" · {name} {}", shown(rmse)).into(), theme.style(Role::Dim)));
    }
    text::put(buf, area.x, area.y, usize::from(area.width), &pieces);
}

fn draw(lines: &ForecastLines, series: &SeriesExcerpt, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let rows = lines.rows.clone();
    let truth: Vec<Option<f64>> = series.values.clone();
    let Some(y) = bounds(lines, &truth) else { return };
    if area.height < 3 || rows.is_empty() {
        return;
    }
    let y_ticks = ticks::linear(y.0, y.1, ticks::fitting(area.height.saturating_sub(1)));
    let columns = chart::columns(chart::plot(area, &y_ticks), theme.glyphs);
    let samples = |line: &[Option<f64>]| samples(line, &rows, columns);
    // A path of a fan begins at the last known value.
    let paths: Vec<Vec<Option<f64>>> = lines
        .forecasts
        .iter()
        .zip(&lines.origins)
        .map(|(line, origin)| {
            let mut line = line.clone();
            if let Some(origin) = origin {
                line.iter_mut()
                    .skip(*origin)
                    .take(1)
                    .for_each(|at| *at = truth.get(*origin).copied().flatten());
            }
            line
        })
        .collect();
    let forecasts: Vec<Vec<Sample>> = paths.iter().map(|line| samples(line)).collect();
    let (last, seasonal, truth) = (samples(&lines.last), samples(&lines.seasonal), samples(&truth));
    let mut curves = vec![
        Curve { samples: &last, line: LineStyle::Faint, style: theme.style(Role::Dim) },
        Curve { samples: &seasonal, line: LineStyle::Faint, style: theme.style(Role::Raw) },
        Curve { samples: &truth, line: LineStyle::Behind, style: theme.style(Role::Text) },
    ];
    let style = theme.style(Role::Validation);
    // Without colours only its letter tells it from the truth.
    let line = match theme.colors {
        Colors::Mono => LineStyle::Named { pattern: Pattern::Solid, mark: 'f', offset: 4 },
        _ => LineStyle::Solid,
    };
    curves.extend(forecasts.iter().map(|samples| Curve { samples, line, style }));
    let x = (rows.start as f64, rows.end.saturating_sub(1) as f64);
    let x_ticks = x_ticks(series, &rows, area.width);
    Chart {
        y,
        y_ticks: &y_ticks,
        x,
        x_ticks: &x_ticks,
        x_name: if series.dates.is_empty() { "row" } else { "" },
        curves: &curves,
        rules: &[],
        events: &[],
        cursor: None,
    }
    .render(area, buf, theme);
}

/// The range of the truth and, not far beyond it, of forecasts: those of an untrained network would flatten the rest.
fn bounds(lines: &ForecastLines, truth: &[Option<f64>]) -> Option<(f64, f64)> {
    let range = |line: &[Option<f64>]| {
        let values = line.iter().skip(lines.rows.start).copied().flatten();
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
    };
    let (low, high) = range(truth);
    if low > high {
        return None;
    }
    let span = (high - low).max(high.abs().max(low.abs()) * 1e-6).max(f64::MIN_POSITIVE);
    let (mut least, mut most) = (low, high);
    for line in &lines.forecasts {
        let (from, to) = range(line);
        (least, most) = (least.min(from.max(low - BEYOND * span)), most.max(to.min(high + BEYOND * span)));
    }
    let margin = ticks::margin(least, most, false);
    Some((least - margin, most + margin))
}

/// The values of `rows` in columns.
fn samples(line: &[Option<f64>], rows: &std::ops::Range<usize>, columns: usize) -> Vec<Sample> {
    let mut samples = vec![Sample::default(); columns];
    let last = rows.len().saturating_sub(1).max(1);
    for (i, row) in rows.clone().enumerate() {
        let Some(value) = line.get(row).copied().flatten() else { continue };
        let Some(sample) = samples.get_mut(i * columns.saturating_sub(1) / last) else { continue };
        let (low, high) = sample.span.unwrap_or((value, value));
        sample.span = Some((low.min(value), high.max(value)));
    }
    samples
}

/// Dates, or the numbers of rows of the file.
fn x_ticks(series: &SeriesExcerpt, rows: &std::ops::Range<usize>, width: u16) -> Vec<Tick> {
    let count = usize::from(width / TICKS_EVERY).clamp(1, rows.len().max(1));
    let at = |i: usize| rows.start + i * rows.len() / count;
    (0..count)
        .map(at)
        .map(|row| Tick {
            at: row as f64,
            text: match series.dates.get(row) {
                Some(date) => foreign(date).into_owned(),
                None => number::count((series.before + row + 1) as u64),
            },
        })
        .collect()
}

/// The errors by the rows ahead: how fast a forecast becomes worse with its distance.
fn by_lead(
    series: &SeriesExcerpt,
    examples: &ValidationExamples,
    area: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) {
    if area.height < 2 {
        return;
    }
    let width = usize::from(area.width).saturating_sub(1);
    let head = format!(" {:>10}  {:>12}  {:>12}  {:>12}", "rows ahead", "forecast", "last value", "season");
    text::put(buf, area.x, area.y, width, &[(head.into(), theme.style(Role::Title))]);
    let most = usize::from(area.height - 1);
    let stride = series.horizon.div_ceil(most.max(1));
    let leads = (1..=series.horizon).step_by(stride.max(1)).take(most);
    for (y, rows) in (area.y + 1..area.bottom()).zip(leads) {
        let lines = ForecastLines::new(series, &examples.forecasts, Lead::Ahead(rows));
        let shown = |rmse: Option<f64>| rmse.map_or("–".to_owned(), number::metric);
        let forecast = lines.forecast_rmse(series);
        let [last, season] = [&lines.last, &lines.seasonal].map(|line| lines.rmse(series, line));
        let best = [last, season].into_iter().flatten().fold(f64::INFINITY, f64::min);
        let role = if forecast.is_some_and(|rmse| rmse < best) { Role::Good } else { Role::Warning };
        let pieces: [Piece<'_>; 3] = [
            (format!(" {rows:>10}  ").into(), theme.style(Role::Dim)),
            (format!("{:>12}", shown(forecast)).into(), theme.style(role)),
            (format!("  {:>12}  {:>12}", shown(last), shown(season)).into(), theme.style(Role::Text)),
        ];
        text::put(buf, area.x, y, width, &pieces);
    }
}
