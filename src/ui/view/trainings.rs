//! The trainings of a preset with several seeds or folds, with mean and standard deviation of their best values.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::title;
use crate::escape;
use crate::metrics::mean_and_deviation;
use crate::number;
use crate::protocol::RunStatus;
use crate::ui::dashboard::Dashboard;
use crate::ui::earlier_runs::EndedTraining;
use crate::ui::panel::Panel;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// Columns of a name.
const NAME: usize = 10;
/// Columns of a value at least.
const VALUE: usize = 9;
/// Columns of an epoch.
const EPOCH: usize = 8;

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let Some(earlier) = &dash.earlier else { return };
    let title = title(dash, Panel::Trainings, "Trainings", theme);
    let note = [vec![(format!("{} of {}", earlier.now(), earlier.planned()).into(), theme.style(Role::Dim))]];
    let metric = metric(dash);
    let left = mean(dash).map(|words| vec![(words.into(), theme.style(Role::Title))]).unwrap_or_default();
    let frame = PanelFrame {
        focused: dash.view.focus(&dash.run) == Panel::Trainings,
        title: &title,
        note: &note,
        left: &left,
        right: &[],
    };
    let inner = frame.render(area, buf, theme);
    let width = usize::from(inner.width).saturating_sub(2);
    // What the best one is of stands above it.
    let best = format!("best {metric}");
    let value = text::width(&best).max(VALUE).min(width.saturating_sub(NAME + EPOCH + 3));
    let best = text::clip(&best, value);
    let mut rows = vec![vec![(
        format!("{:NAME$} {best:>value$}  {:>EPOCH$}", "", "at epoch").into(),
        theme.style(Role::Dim),
    )]];
    rows.extend(earlier.ended().iter().map(|training| row(training, metric, value, theme)));
    if earlier.ended().len() < earlier.planned() {
        rows.push(row(&EndedTraining::of(dash.live(), "now".into()), metric, value, theme));
    }
    // The heading, and the latest.
    let most = usize::from(inner.height);
    let skipped = rows.len().saturating_sub(most);
    let shown = rows.iter().take(1).chain(rows.iter().skip(1 + skipped));
    for (y, row) in (inner.top()..inner.bottom()).zip(shown) {
        text::put(buf, inner.x + 1, y, width, row);
    }
}

/// The metric that decides which epoch is the best.
fn metric(dash: &Dashboard) -> &str {
    dash.run.info().and_then(|info| info.monitor.as_ref()).map_or("", |monitor| monitor.metric.as_str())
}

/// Mean and standard deviation of the best values of the trainings that have finished, once there are two.
pub(super) fn mean(dash: &Dashboard) -> Option<String> {
    let (earlier, metric) = (dash.earlier.as_ref()?, metric(dash));
    let live = dash.live();
    let is_finished = live.status() == Some(&RunStatus::Finished);
    let own = live.monitored().filter(|_| is_finished).map(|monitored| monitored.best);
    let ended = earlier.ended().iter().filter(|training| training.state.is_none());
    let values: Vec<f64> =
        ended.filter_map(|training| training.best).map(|(best, _)| best).chain(own).collect();
    let (mean, deviation) = mean_and_deviation(&values)?;
    let deviation = match metric.ends_with("accuracy") {
        true => format!("{:.1}", deviation? * 100.0),
        false => number::metric(deviation?),
    };
    Some(format!("best {metric} {} ± {deviation} of {}", number::named(metric, mean), values.len()))
}

/// A training with its best value in so many `columns`.
fn row<'a>(training: &EndedTraining, metric: &str, columns: usize, theme: &Theme) -> Vec<Piece<'a>> {
    let name = format!("{:NAME$} ", text::clip(&escape::foreign(&training.name), NAME));
    let mut pieces = vec![(name.into(), theme.style(Role::Text))];
    if let Some((best, epoch)) = training.best {
        let value = number::named(metric, best);
        pieces.push((format!("{value:>columns$}").into(), theme.style(Role::Validation)));
        pieces.push((format!("  {epoch:>EPOCH$}").into(), theme.style(Role::Dim)));
    }
    if let Some(state) = training.state {
        pieces.push((format!("  {state}").into(), theme.style(Role::Bad)));
    }
    pieces
}
