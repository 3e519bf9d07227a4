//! A race on the screen: curves above, standings below.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use unicode_width::UnicodeWidthStr;

use super::RaceScreen;
use crate::escape::foreign;
use crate::metrics::mean_and_deviation;
use crate::number;
use crate::protocol::RunStatus;
use crate::run::race::Standing;
use crate::ui::compare::chart::MetricChart;
use crate::ui::menu::{SMALLEST, too_small};
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::text::{self, Piece};

/// Columns from which the loss has a chart of its own.
const WIDE: u16 = 100;
/// Rows of the charts from which the gradients have some of them.
const TALL: u16 = 22;
/// Rows of a chart at least.
const CHART: u16 = 6;
/// The columns of the standings after place, letter, line and name: their widths and headings.
const COLUMNS: [(usize, &str); 6] =
    [(BAR, "progress"), (8, "epoch"), (9, "this seed"), (14, "mean of seeds"), (8, "tokens/s"), (7, "time")];
/// The number of characters of a bar of progress.
const BAR: usize = 8;
/// Columns before a name.
const BEFORE: usize = 11;

impl RaceScreen {
    /// Draws the screen into `area` of `frame`.
    pub(in crate::ui) fn render(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return too_small(frame, area, theme);
        }
        let buf = frame.buffer_mut();
        let verdict = self.verdict.as_deref().unwrap_or_default();
        let verdict = text::wrap(verdict, usize::from(area.width).saturating_sub(2));
        let rows = self.standings.networks.len() as u16 + 1 + verdict.len().min(3) as u16;
        let table = if self.alone { 0 } else { rows.min(area.height.saturating_sub(CHART + 1).max(2)) };
        let parts = [Constraint::Length(1), Constraint::Fill(1), Constraint::Length(table)];
        let [head, charts, table] = Layout::vertical(parts).areas(area);
        self.render_head(head, buf, theme);
        let has_gradients = self.has_gradients();
        let has_room = area.width >= WIDE && charts.height >= TALL && !self.alone;
        let parts = match has_gradients {
            true if self.gradients => [Constraint::Length(0), Constraint::Fill(1)],
            true if has_room => [Constraint::Fill(3), Constraint::Fill(2)],
            _ => [Constraint::Fill(1), Constraint::Length(0)],
        };
        let [charts, gradients] = Layout::vertical(parts).areas(charts);
        if !charts.is_empty() {
            self.render_charts(charts, buf, theme);
        }
        if !gradients.is_empty() {
            self.render_gradients(gradients, buf, theme);
        }
        self.render_table(table, &verdict, buf, theme);
    }

    fn render_head(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let standings = &self.standings;
        let seed = standings.begun.checked_sub(1).and_then(|i| standings.seeds.get(i));
        let seed = match seed {
            Some(seed) => format!(" · seed {seed} ({} of {})", standings.begun, standings.seeds.len()),
            None => String::new(),
        };
        let state = match (self.events.is_none(), standings.is_stopping, standings.is_paused) {
            (true, ..) => (" · over".to_owned(), Role::Good),
            (_, true, _) => (" · stopping; q quits at once".to_owned(), Role::Warning),
            (.., true) => (" · paused".to_owned(), Role::Warning),
            _ => (String::new(), Role::Text),
        };
        let pace = match self.pace.filter(|_| self.events.is_some()) {
            Some(pace) => format!(" · slowed down to {pace} steps/s each"),
            None => String::new(),
        };
        let pieces: [Piece<'_>; 5] = [
            (format!(" {}", foreign(&standings.name)).into(), theme.style(Role::Title)),
            (seed.into(), theme.style(Role::Text)),
            (format!(" · equal {}", self.budget).into(), theme.style(Role::Dim)),
            (state.0.into(), theme.style(state.1)),
            // The last: it is what a narrow screen can do without.
            (pace.into(), theme.style(Role::Dim)),
        ];
        text::put(buf, area.x, area.y, usize::from(area.width), &pieces);
    }

    fn render_charts(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let name = self.metric();
        let chart = |name, focused| MetricChart {
            name,
            axis: self.axis,
            log: self.log,
            smoothing: self.smoothing,
            focused,
            curves: &self.curves,
            earlier: &self.earlier,
        };
        if area.width < WIDE || name == "loss" {
            return chart(name, true).render(area, buf, theme);
        }
        let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).areas(area);
        chart(name, true).render(left, buf, theme);
        chart("loss", false).render(right, buf, theme);
    }

    fn render_table(&self, area: Rect, verdict: &[String], buf: &mut Buffer, theme: &Theme) {
        if area.height == 0 {
            return;
        }
        let standings = &self.standings;
        let metric = standings.judged.as_ref().map_or("value", |judged| judged.name.as_str());
        let names =
            standings.networks.iter().map(|network| foreign(&network.name).width()).max().unwrap_or(0);
        let names = names.clamp(7, 16);
        let width = usize::from(area.width);
        let shown = shown_columns(width.saturating_sub(BEFORE + names));
        let mut head = format!("{:BEFORE$}{:names$}", "", "network");
        for (columns, title) in COLUMNS.iter().take(shown) {
            match *title {
                // At the left, as the bar.
                "progress" => head += &format!("  {title:columns$}"),
                title => head += &format!("  {title:>columns$}"),
            }
        }
        let head =
            [(head.into(), theme.style(Role::Title)), (format!("  {metric}").into(), theme.style(Role::Dim))];
        text::put(buf, area.x, area.y, width, &head);
        let below = area.height.saturating_sub(1);
        let lines = (verdict.len() as u16).min(3).min(below.saturating_sub(1));
        let rows = usize::from(below - lines);
        let order = standings.order();
        for (row, i) in order.iter().take(rows).enumerate() {
            let Some((network, curves)) = standings.networks.get(*i).zip(self.curves.get(*i)) else {
                continue;
            };
            let y = area.y + 1 + row as u16;
            if row + 1 == rows && order.len() > rows {
                let more = format!("    and {}", number::counted(order.len() - row, "network"));
                text::put(buf, area.x, y, width, &[(more.into(), theme.style(Role::Dim))]);
                break;
            }
            let has_turn = self.events.is_some() && standings.current == Some(*i) && !network.is_over();
            let style = theme.series(curves.color());
            let name = foreign(&network.name);
            let name = text::clip(&name, names);
            let gap = " ".repeat(names.saturating_sub(name.width()));
            let value =
                |value: Option<f64>| value.map_or("–".to_owned(), |value| number::named(metric, value));
            let epoch = format!("{}/{}", network.epochs.0, network.epochs.1);
            let per_second = network.total.0 as f64 / network.total.1.max(1e-9);
            let speed = if network.total.0 > 0 { number::rate(per_second) } else { "–".to_owned() };
            let mut pieces: Vec<Piece<'_>> = vec![
                (format!("{:>2}", row + 1).into(), theme.style(Role::Text)),
                (if has_turn { "▸ " } else { "  " }.into(), theme.style(Role::Good)),
                (format!("{} {} ", curves.letter(), curves.sample()).into(), style),
                (format!("{name}{gap}").into(), theme.style(Role::Text)),
            ];
            let cells = [
                (bar(network), style),
                (word(network).unwrap_or(&epoch).to_owned(), theme.style(state_role(network))),
                (value(network.value), style),
                (mean(network, metric), theme.style(Role::Text)),
                (speed, theme.style(Role::Dim)),
                (number::duration(network.total.1), theme.style(Role::Dim)),
            ];
            for ((columns, _), (cell, style)) in COLUMNS.iter().zip(cells).take(shown) {
                pieces.push((format!("  {cell:>columns$}").into(), style));
            }
            text::put(buf, area.x, y, width, &pieces);
        }
        for (i, line) in verdict.iter().take(usize::from(lines)).enumerate() {
            let role = if self.events.is_none() { Role::Title } else { Role::Text };
            let pieces = [(format!(" {}", foreign(line)).into(), theme.style(role))];
            text::put(buf, area.x, area.bottom() - lines + i as u16, width, &pieces);
        }
    }
}

/// The mean and the standard deviation with the seeds that have ended.
fn mean(network: &Standing, metric: &str) -> String {
    let values: Vec<f64> = network.values.iter().copied().flatten().collect();
    let deviation =
        |x: f64| if metric.ends_with("accuracy") { format!("{:.1}", x * 100.0) } else { number::metric(x) };
    match mean_and_deviation(&values) {
        Some((mean, Some(sd))) => format!("{} ± {}", number::named(metric, mean), deviation(sd)),
        Some((mean, None)) => number::named(metric, mean),
        None => "–".to_owned(),
    }
}

/// How many columns of the standings fit into `width`; those at the right are left out first.
fn shown_columns(width: usize) -> usize {
    let ends = COLUMNS.iter().scan(0, |used, (columns, _)| {
        *used += columns + 2;
        Some(*used)
    });
    ends.take_while(|end| *end <= width).count()
}

/// The share of the steps that are made, as a bar.
fn bar(network: &Standing) -> String {
    let (made, all) = network.steps;
    let share = if all > 0 { made as f64 / all as f64 } else { 0.0 };
    let full = ((share * BAR as f64).floor() as usize).min(BAR);
    format!("{}{}", "█".repeat(full), "░".repeat(BAR - full))
}

/// The state of a training that does not just train.
fn word(network: &Standing) -> Option<&str> {
    match network.status.as_ref()? {
        RunStatus::Training | RunStatus::Validating | RunStatus::Finished => None,
        RunStatus::Stopped { .. } => Some("stopped"),
        other => Some(other.word()),
    }
}

fn state_role(network: &Standing) -> Role {
    match &network.status {
        Some(RunStatus::Diverged { .. } | RunStatus::Failed { .. }) => Role::Bad,
        _ => Role::Text,
    }
}
