//! Precision, recall and F1 of each label of a network that predicts several, with the course of F1.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::title;
use crate::escape::foreign;
use crate::metrics::LabelCount;
use crate::number;
use crate::protocol::ValidationExamples;
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// Columns of the name of a label at most.
const NAME: usize = 20;
/// Columns of precision, recall, F1 and support, each after a blank.
const MEASURES: usize = 4 * 10;
/// Validations of the course of F1.
const COURSE: usize = 16;
/// Characters of a course, from 0 to 1.
pub(super) const LEVELS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// The character of a value from 0 to 1 in a course.
pub(super) fn level(value: f64) -> &'static str {
    let at = (value.clamp(0.0, 1.0) * LEVELS.len() as f64) as usize;
    LEVELS.get(at.min(LEVELS.len() - 1)).copied().unwrap_or(" ")
}

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let run = &dash.run;
    let title = title(dash, Panel::Labels, "Labels", theme);
    let history: Vec<&ValidationExamples> = run.history().examples(dash.view.cursor).collect();
    let latest = history.last().copied();
    let note: Vec<Vec<Piece<'_>>> = latest
        .map(|latest| {
            let role = if dash.view.cursor.is_some() { Role::Cursor } else { Role::Dim };
            vec![(format!("epoch {}", latest.epoch).into(), theme.style(role))]
        })
        .into_iter()
        .collect();
    let focused = dash.view.focus(run) == Panel::Labels;
    let inner =
        PanelFrame { focused, title: &title, note: &note, left: &[], right: &[] }.render(area, buf, theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let width = usize::from(inner.width);
    let Some(latest) = latest else {
        let words = "waiting for the first validation";
        text::put(buf, inner.x, inner.y, width, &[(words.into(), theme.style(Role::Dim))]);
        return;
    };
    let labels = run.info().map_or(&[][..], |info| &info.data.classes);
    let name = |label: usize| {
        let name = labels.get(label).map_or_else(|| label.to_string(), |l| foreign(&l.label).into_owned());
        text::clip(&name, NAME).into_owned()
    };
    let longest = (0..latest.labels.len()).map(|label| text::width(&name(label))).max().unwrap_or(0).max(5);
    let has_course = width > longest + MEASURES + 2 + COURSE;
    let mut head = format!("{:longest$}", "label");
    head += &["precision", "recall", "F1", "support"].map(|name| format!("{name:>10}")).concat();
    if has_course {
        head += "  F1 by validations";
    }
    text::put(buf, inner.x, inner.y, width, &[(head.into(), theme.style(Role::Dim))]);
    let rows = usize::from(inner.height.saturating_sub(1));
    // Where not all have a place, those that are worst.
    let mut order: Vec<usize> = (0..latest.labels.len()).collect();
    let f1 = |label: &usize| latest.labels.get(*label).map_or(0.0, |count| count.f1());
    if order.len() > rows {
        order.sort_by(|a, b| f1(a).total_cmp(&f1(b)));
    }
    for (y, label) in (inner.y + 1..inner.bottom()).zip(order) {
        let Some(count) = latest.labels.get(label).copied() else { continue };
        let name = name(label);
        let gap = " ".repeat(longest.saturating_sub(text::width(&name)));
        let measures = [count.precision(), count.recall(), count.f1()];
        let measures = measures.map(|x| format!("{:>10}", number::percent(x))).concat();
        let mut pieces: Vec<Piece<'_>> = vec![
            (format!("{name}{gap}").into(), theme.style(Role::Text)),
            (measures.into(), theme.style(Role::Text)),
            (format!("{:>10}", number::count(count.support())).into(), theme.style(Role::Dim)),
        ];
        if has_course {
            let first = history.len().saturating_sub(COURSE);
            let of = |examples: &&ValidationExamples| {
                examples.labels.get(label).map_or(" ", |count: &LabelCount| level(count.f1()))
            };
            let course: String = history.iter().skip(first).map(of).collect();
            pieces.push((format!("  {course}").into(), theme.style(Role::Validation)));
        }
        text::put(buf, inner.x, y, width, &pieces);
    }
}

#[cfg(test)]
mod tests {
    use super::level;

    #[test]
    fn the_levels_go_from_0_to_1() {
        assert_eq!([0.0, 0.5, 1.0, f64::NAN, 7.0].map(level), ["▁", "▅", "█", "▁", "█"]);
    }
}
