//! Precision, recall and F1 of each label of a network that predicts several, with the course of F1.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::title;
use crate::escape::foreign;
use crate::metrics::LabelCount;
use crate::number;
use crate::protocol::ValidationExamples;
use crate::sort::SmallSort as _;
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// Columns of the name of a label at most.
const NAME: usize = 20;
/// Validations of the course of F1.
const COURSE: usize = 16;
/// Characters of a course, from 0 to 1.
pub(super) const LEVELS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// The character of a value from 0 to 1 in a course.
pub(super) fn level(value: f64) -> &'static str {
    let at = (value.clamp(0.0, 1.0) * LEVELS.len() as f64) as usize;
    LEVELS.get(at.min(LEVELS.len() - 1)).copied().unwrap_or(" ")
}

/// The columns of precision, recall, F1 and support.
pub(super) struct Measures {
    columns: [usize; 4],
    names: [&'static str; 4],
}

impl Measures {
    /// With whole words.
    pub const WIDE: Self = Self { columns: [11, 9, 9, 9], names: ["precision", "recall", "F1", "support"] };
    /// In as few columns as the numbers need.
    pub const NARROW: Self = Self { columns: [8, 8, 8, 6], names: ["prec.", "recall", "F1", "n"] };

    /// Columns of all together.
    pub const fn width(&self) -> usize {
        self.columns[0] + self.columns[1] + self.columns[2] + self.columns[3]
    }

    /// The names above them.
    pub fn head(&self) -> String {
        self.names.iter().zip(self.columns).map(|(name, wide)| format!("{name:>wide$}")).collect()
    }

    /// The numbers of a class or label.
    pub fn of<'a>(&self, (shares, support): ([f64; 3], u64), theme: &Theme) -> [Piece<'a>; 2] {
        let shares: String = shares
            .iter()
            .zip(self.columns)
            .map(|(x, wide)| format!("{:>wide$}", number::percent(*x)))
            .collect();
        let wide = self.columns[3];
        [
            (shares.into(), theme.style(Role::Text)),
            (format!("{:>wide$}", number::count(support)).into(), theme.style(Role::Dim)),
        ]
    }
}

/// Draws the frame of a panel about the validation `latest`, whose epoch it names; returns the inside.
pub(super) fn validation_frame(
    dash: &Dashboard,
    (panel, name): (Panel, &str),
    latest: Option<&ValidationExamples>,
    area: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) -> Rect {
    let title = title(dash, panel, name, theme);
    let role = if dash.view.cursor.is_some() { Role::Cursor } else { Role::Dim };
    let epoch =
        |latest: &ValidationExamples| vec![(format!("epoch {}", latest.epoch).into(), theme.style(role))];
    let note: Vec<Vec<Piece<'_>>> = latest.map(epoch).into_iter().collect();
    let focused = dash.view.focus(&dash.run) == panel;
    let frame = PanelFrame { focused, title: &title, note: &note, left: &[], right: &[] };
    let inner = frame.render(area, buf, theme);
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let run = &dash.run;
    let history: Vec<&ValidationExamples> = dash.run.history().examples(dash.view.cursor).collect();
    let latest = history.last().copied();
    let inner = validation_frame(dash, (Panel::Labels, "Labels"), latest, area, buf, theme);
    let width = usize::from(inner.width);
    let Some(latest) = latest else {
        let words = "waiting for the first validation";
        text::put(buf, inner.x, inner.y, width, &[(words.into(), theme.style(Role::Dim))]);
        return;
    };
    let labels = run.info().map_or(&[][..], |info| &info.data.classes);
    let name = |label: usize| {
        let name = labels.get(label).map_or_else(|| label.to_string(), |l| foreign(&l.label).into_owned());
        text::clip_name(&name, NAME).into_owned()
    };
    let longest = (0..latest.labels.len()).map(|label| text::width(&name(label))).max().unwrap_or(0).max(5);
    let is_wide = width >= longest + Measures::WIDE.width();
    let measures = if is_wide { Measures::WIDE } else { Measures::NARROW };
    let longest = longest.min(width.saturating_sub(measures.width()));
    let has_course = width > longest + measures.width() + 4 + COURSE;
    let mut head = format!("{:longest$}{}", "label", measures.head());
    if has_course {
        head += "  F1 by validations";
    }
    text::put(buf, inner.x, inner.y, width, &[(head.into(), theme.style(Role::Dim))]);
    let rows = usize::from(inner.height.saturating_sub(1));
    // Where not all have a place, those that are worst.
    let mut order: Vec<usize> = (0..latest.labels.len()).collect();
    let f1 = |label: &usize| latest.labels.get(*label).map_or(0.0, |count| count.f1());
    if order.len() > rows {
        order.small_sort_by(|a, b| f1(a).total_cmp(&f1(b)));
    }
    for (y, label) in (inner.y + 1..inner.bottom()).zip(order) {
        let Some(count) = latest.labels.get(label).copied() else { continue };
        let name = text::clip_name(&name(label), longest).into_owned();
        let gap = " ".repeat(longest.saturating_sub(text::width(&name)));
        let shares = [count.precision(), count.recall(), count.f1()];
        let mut pieces: Vec<Piece<'_>> = vec![(format!("{name}{gap}").into(), theme.style(Role::Text))];
        pieces.extend(measures.of((shares, count.support()), theme));
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
