//! The prediction after every token of the examples, side by side.

mod difference;

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{class_name, title, visible};
use crate::metrics::is_predicted;
use crate::number;
use crate::protocol::{ProbeChange, ProbeFrame, ProbeText, RunInfo, TokenPrediction};
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// The least columns of an example.
const NARROWEST: u16 = 26;
/// Most columns of an example that is one of several.
const WIDEST: u16 = 48;
/// Columns between two examples.
const GAP: u16 = 2;
/// Columns of the bar of a probability.
const BAR: usize = 8;

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let title = title(dash, Panel::Predictions, "Prediction after every token", theme);
    let right = match dash.run.looks_back_to() {
        Some(step) => vec![(format!("step {}", number::count(step)).into(), theme.style(Role::Cursor))],
        None => Vec::new(),
    };
    let frame = PanelFrame {
        focused: dash.view.focus(&dash.run) == Panel::Predictions,
        title: &title,
        note: &[],
        left: &[],
        right: &right,
    };
    let inner = frame.render(area, buf, theme);
    let area = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let probes = dash.run.info().map_or(&[][..], |info| &info.probes);
    let chosen = dash.view.probe_index();
    let of = probes.get(chosen).and_then(|probe| probe.variant.as_ref()).map(|variant| variant.of);
    let said = difference::sentence(&dash.run, chosen);
    let said = said.map_or_else(Vec::new, |said| text::wrap(&said, usize::from(area.width)));
    // With space for a few tokens above.
    let rows = (said.len() as u16).min(area.height.saturating_sub(5));
    let (examples, below) =
        (Rect { height: area.height - rows, ..area }, Rect { y: area.bottom() - rows, height: rows, ..area });
    // With its head and a blank line.
    let tallest = probes.iter().map(|probe| probe.tokens.len()).max().unwrap_or(0) as u16 + 2;
    for (probe, place) in places((chosen, of), probes.len(), tallest, examples) {
        if let Some(text) = probes.get(probe) {
            Example { dash, probe, text, frame: dash.run.probe(probe) }.render(place, buf, theme);
        }
    }
    for (y, row) in (below.top()..below.bottom()).zip(said) {
        text::put(buf, below.x, y, usize::from(below.width), &[(row.into(), theme.style(Role::Title))]);
    }
}

/// As many examples as fit, with the chosen one, and before it the one that it is a variant of: their numbers, each with its place; in several
/// rows where all tokens have a line in each.
fn places(
    (chosen, of): (usize, Option<usize>),
    examples: usize,
    tallest: u16,
    area: Rect,
) -> Vec<(usize, Rect)> {
    let most = usize::from((area.width + GAP) / (NARROWEST + GAP)).clamp(1, examples.max(1));
    let wide = (area.width + GAP) / most as u16;
    let wide = if most > 1 { wide.min(WIDEST + GAP) } else { wide };
    let columns = most;
    let rows =
        (usize::from(area.height) / usize::from(tallest.max(1))).clamp(1, examples.div_ceil(columns).max(1));
    let high = if rows > 1 { tallest } else { area.height };
    let most = columns * rows;
    // The chosen one is the last if there are more before it.
    let first = (chosen + 1).saturating_sub(most);
    let place = |i: usize| {
        let x = area.x + wide * (i % columns) as u16;
        let y = area.y + high * (i / columns) as u16;
        let width = wide.saturating_sub(GAP).min(area.right().saturating_sub(x));
        Rect { x, y, width, height: high }
    };
    let of = of.filter(|of| *of < chosen && most > 1);
    let others = |from: usize| (from..examples).filter(move |probe| *probe != chosen && Some(*probe) != of);
    let shown: Vec<usize> = match of {
        Some(of) => [of, chosen].into_iter().chain(others(0)).take(most).collect(),
        None => (first..examples).take(most).collect(),
    };
    shown.into_iter().enumerate().map(|(i, probe)| (probe, place(i))).collect()
}

/// An example with its predictions.
struct Example<'a> {
    dash: &'a Dashboard,
    probe: usize,
    text: &'a ProbeText,
    frame: Option<&'a ProbeFrame>,
}

impl Example<'_> {
    fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let is_chosen = self.probe == self.dash.view.probe_index();
        let width = usize::from(area.width);
        if area.height == 0 || width == 0 {
            return;
        }
        let head = format!("example {}", self.probe + 1);
        let role = if is_chosen { Role::Title } else { Role::Dim };
        let mut pieces: Vec<Piece<'_>> = vec![(head.into(), theme.style(role))];
        if let Some(variant) = &self.text.variant {
            let change = match variant.change {
                ProbeChange::Reverse => "reversed",
                ProbeChange::Replace { .. } => "replaced",
                ProbeChange::Occlude { .. } => "hidden",
            };
            pieces.push((format!(" · {} {change}", variant.of + 1).into(), theme.style(Role::Dim)));
        }
        if let Some(target) = &self.text.truth {
            let target = class_name(self.dash.run.info(), target);
            pieces.push((format!(" · target {target}").into(), theme.style(Role::Dim)));
        }
        text::put(buf, area.x, area.y, width, &pieces);
        let tokens: Vec<Cow<'_, str>> = self.text.tokens.iter().map(|token| visible(token)).collect();
        let labels = tokens.iter().map(|token| text::width(token)).max().unwrap_or(0).min(width / 2);
        let rows = usize::from(area.height - 1);
        let selected = self.dash.view.position.and_then(|at| at.checked_sub(self.text.first_step));
        let selected = selected.filter(|row| is_chosen && *row < tokens.len());
        let changed = self.text.variant.as_ref().and_then(|variant| match variant.change {
            ProbeChange::Replace { token, .. } | ProbeChange::Occlude { token } => Some(token),
            ProbeChange::Reverse => None,
        });
        // The last tokens, or those around the cursor; a row says how many there are before.
        let last = selected.map_or(tokens.len(), |row| (row + 1).max(rows.min(tokens.len())));
        let first = last.saturating_sub(rows);
        for (at, token) in tokens.iter().enumerate().take(last).skip(first) {
            let y = area.y + 1 + (at - first) as u16;
            if at == first && first > 0 && rows > 1 {
                let more = format!("↑ {} more", first + 1);
                text::put(buf, area.x, y, width, &[(more.into(), theme.style(Role::Dim))]);
                continue;
            }
            let role = match selected == Some(at) {
                true => Role::Selected,
                false if changed == Some(at) => Role::Key,
                false => Role::Text,
            };
            let style = theme.style(role);
            text::put(buf, area.x, y, labels, &[(token.as_ref().into(), style)]);
            let answer = self.frame.and_then(|frame| frame.by_token.get(at));
            let target = self.text.targets.get(at).filter(|target| !target.is_empty());
            let x = area.x + labels as u16 + 1;
            let room = width.saturating_sub(labels + 1);
            match answer {
                Some(answer) => {
                    let info = self.dash.run.info();
                    text::put(buf, x, y, room, &prediction(answer, target, info, room, theme));
                }
                None if at + 1 == last => {
                    text::put(buf, x, y, room, &[(self.waiting().into(), theme.style(Role::Dim))]);
                }
                None => {}
            }
        }
    }

    /// Why there is no prediction.
    fn waiting(&self) -> &'static str {
        match self.frame {
            None => "waiting for the next monitored step",
            Some(_) => "no prediction in this recording",
        }
    }
}

/// A bar of the probability of the leading class, then its name and the probability; of numbers the first.
fn prediction<'a>(
    prediction: &TokenPrediction,
    target: Option<&String>,
    info: Option<&RunInfo>,
    room: usize,
    theme: &Theme,
) -> Vec<Piece<'a>> {
    let Some((name, value)) = prediction.outputs.first() else { return Vec::new() };
    if name.is_empty() {
        let numbers = prediction.outputs.iter().map(|(_, value)| number::metric(f64::from(*value)));
        let numbers = numbers.collect::<Vec<_>>().join(" ");
        return vec![(numbers.into(), theme.style(Role::Text))];
    }
    if info.is_some_and(RunInfo::has_labels) {
        return vec![(labels(prediction, info).into(), theme.style(Role::Text))];
    }
    let role = match target {
        Some(target) if target == name => Role::Good,
        Some(_) => Role::Bad,
        None => Role::Text,
    };
    let words = format!("{} {value:.2}", class_name(info, name));
    let mut pieces = Vec::new();
    if room >= BAR + 2 + text::width(&words) {
        let full = (value.clamp(0.0, 1.0) * BAR as f32).round() as usize;
        let style: Style = theme.style(if target.is_some() { role } else { Role::Train });
        pieces.push(("━".repeat(full).into(), style));
        pieces.push(("─".repeat(BAR - full).into(), theme.style(Role::Border)));
        pieces.push((" ".into(), theme.style(Role::Text)));
    }
    pieces.push((words.into(), theme.style(role)));
    if let Some(target) = target.filter(|target| *target != name) {
        pieces.push((format!(" ({})", class_name(info, target)).into(), theme.style(Role::Dim)));
    }
    pieces
}

/// The predicted ones of several labels, of which none or more than one may be; the most likely one if none is.
pub(super) fn labels(prediction: &TokenPrediction, info: Option<&RunInfo>) -> String {
    let words = |(name, value): &(String, f32)| format!("{} {value:.2}", class_name(info, name));
    let outputs = &prediction.outputs;
    let predicted: Vec<String> = outputs.iter().filter(|(_, p)| is_predicted(*p)).map(words).collect();
    match outputs.first() {
        Some(likeliest) if predicted.is_empty() => format!("none ({})", words(likeliest)),
        _ => predicted.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_examples_stand_side_by_side_as_fit_with_the_chosen_one() {
        let numbers = |chosen, examples, width| {
            let places = places((chosen, None), examples, 10, Rect::new(0, 0, width, 10));
            assert!(places.iter().all(|(_, place)| place.right() <= width), "{places:?}");
            places.into_iter().map(|(probe, _)| probe).collect::<Vec<_>>()
        };
        assert_eq!(numbers(0, 1, 30), [0]);
        assert_eq!(numbers(2, 5, 30), [2]);
        assert_eq!(numbers(2, 5, 56), [1, 2]);
        assert_eq!(numbers(0, 5, 56), [0, 1]);
        assert_eq!(numbers(4, 5, 300), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn of_several_labels_all_that_are_predicted_are_named() {
        let after = |outputs: &[(&str, f32)]| {
            let outputs = outputs.iter().map(|(name, p)| ((*name).to_owned(), *p)).collect();
            labels(&TokenPrediction { outputs }, None)
        };
        assert_eq!(after(&[("food", 0.98), ("sport", 0.7), ("rare", 0.1)]), "food 0.98, sport 0.70");
        assert_eq!(after(&[("food", 0.5), ("sport", 0.2)]), "none (food 0.50)");
    }

    #[test]
    fn examples_stand_in_several_rows_where_all_their_tokens_have_a_line() {
        let places = places((4, None), 5, 10, Rect::new(3, 2, 56, 25));
        let at: Vec<(usize, u16, u16)> =
            places.iter().map(|(probe, place)| (*probe, place.x, place.y)).collect();
        assert_eq!(at, [(1, 3, 2), (2, 32, 2), (3, 3, 12), (4, 32, 12)]);
        assert!(places.iter().all(|(_, place)| place.height == 10), "{places:?}");
    }

    #[test]
    fn the_example_that_was_changed_stands_before_the_chosen_one() {
        let numbers = |chosen, of, width| {
            let places = places((chosen, Some(of)), 5, 10, Rect::new(0, 0, width, 10));
            places.into_iter().map(|(probe, _)| probe).collect::<Vec<_>>()
        };
        assert_eq!(numbers(4, 0, 56), [0, 4]);
        assert_eq!(numbers(4, 0, 84), [0, 4, 1]);
        assert_eq!(numbers(2, 1, 300), [1, 2, 0, 3, 4]);
        assert_eq!(numbers(4, 0, 30), [4], "there is space for one alone");
    }
}
