//! Precision, recall and F1 of each type of entity or chunk that tags mark, with their averages and the course of F1.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::labels::{Measures, level, validation_frame};
use crate::escape::foreign;
use crate::metrics::{LabelCount, macro_average};
use crate::protocol::ValidationExamples;
use crate::sort::SmallSort as _;
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::text::{self, Piece};

/// Columns of the name of a type at most.
const NAME: usize = 20;
/// Validations of the course of F1.
const COURSE: usize = 16;
/// The averages.
const AVERAGES: [&str; 2] = ["micro", "macro"];

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let history: Vec<&ValidationExamples> = dash.run.history().examples(dash.view.cursor).collect();
    let latest = history.last().copied();
    let inner = validation_frame(dash, (Panel::Entities, "Entities"), latest, area, buf, theme);
    let width = usize::from(inner.width);
    let said = match latest {
        None => Some("waiting for the first validation"),
        Some(latest) if latest.entities.is_empty() => {
            Some("no entity in the validation data, and none found")
        }
        _ => None,
    };
    if let Some(said) = said {
        text::put(buf, inner.x, inner.y, width, &[(said.into(), theme.style(Role::Dim))]);
        return;
    }
    let Some(latest) = latest else { return };
    let name = |kind: &str| match kind {
        "" => "entity".to_owned(),
        kind => text::clip_name(&foreign(kind), NAME).into_owned(),
    };
    let names = latest.entities.iter().map(|entity| text::width(&name(&entity.kind)));
    let longest = names.max().unwrap_or(0).max(6);
    let is_wide = width >= longest + Measures::WIDE.width();
    let measures = if is_wide { Measures::WIDE } else { Measures::NARROW };
    let longest = longest.min(width.saturating_sub(measures.width()));
    let has_course = width > longest + measures.width() + 4 + COURSE;
    let mut head = format!("{:longest$}{}", "entity", measures.head());
    if has_course {
        head += "  F1 by validations";
    }
    text::put(buf, inner.x, inner.y, width, &[(head.into(), theme.style(Role::Dim))]);
    let mut row = |y: u16, (name, role): (&str, Role), shares: [f64; 3], support: u64, course: String| {
        let name = text::clip_name(name, longest).into_owned();
        let gap = " ".repeat(longest.saturating_sub(text::width(&name)));
        let mut pieces: Vec<Piece<'_>> = vec![(format!("{name}{gap}").into(), theme.style(role))];
        pieces.extend(measures.of((shares, support), theme));
        if has_course {
            pieces.push((format!("  {course}").into(), theme.style(Role::Validation)));
        }
        text::put(buf, inner.x, y, width, &pieces);
    };
    let first = history.len().saturating_sub(COURSE);
    let shown = || history.iter().skip(first);
    // The averages first: they are what a model is reported with.
    for (i, average) in AVERAGES.into_iter().enumerate() {
        let y = inner.y + 1 + i as u16;
        if y >= inner.bottom() {
            return;
        }
        let of = |examples: &ValidationExamples| averaged(examples, average);
        let course = shown().map(|examples| level(of(examples)[2])).collect();
        let support = latest.entities.iter().map(|entity| entity.count.support()).sum();
        row(y, (average, Role::Title), of(latest), support, course);
    }
    let rows = usize::from(inner.height).saturating_sub(1 + AVERAGES.len());
    // Where not all have a place, those that are worst.
    let mut order: Vec<_> = latest.entities.iter().collect();
    if order.len() > rows {
        order.small_sort_by(|a, b| a.count.f1().total_cmp(&b.count.f1()));
    }
    for (y, entity) in (inner.y + 1 + AVERAGES.len() as u16..inner.bottom()).zip(order) {
        let f1 = |examples: &&ValidationExamples| {
            let same = examples.entities.iter().find(|other| other.kind == entity.kind);
            same.map_or(" ", |other| level(other.count.f1()))
        };
        let course = shown().map(f1).collect();
        row(y, (&name(&entity.kind), Role::Text), shares(entity.count), entity.count.support(), course);
    }
}

fn shares(count: LabelCount) -> [f64; 3] {
    [count.precision(), count.recall(), count.f1()]
}

/// Precision, recall and F1 over all types: of all entities together (micro), or the mean of the types (macro).
fn averaged(examples: &ValidationExamples, average: &str) -> [f64; 3] {
    let counts = || examples.entities.iter().map(|entity| entity.count);
    match average {
        "micro" => shares(counts().sum()),
        _ => {
            [LabelCount::precision, LabelCount::recall, LabelCount::f1].map(|of| macro_average(counts(), of))
        }
    }
}
