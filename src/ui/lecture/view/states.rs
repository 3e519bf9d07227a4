//! The state of a network after each token of an example, and its answer there.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::LectureScreen;
use crate::escape::foreign;
use crate::protocol::{ProbeText, TokenPrediction};
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::heat_map::HeatMap;
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::Piece;

impl LectureScreen {
    pub(super) fn render_states(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let words = &self.texts.words;
        let title = [(words.states.into(), theme.style(Role::Title))];
        let inner = PanelFrame { focused: false, title: &title, note: &[], left: &[], right: &[] }
            .render(area, buf, theme);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let probe = self.choice.probe;
        let run = self.training().map(|training| (training, &training.run));
        let Some((states, frame, text)) = run.and_then(|(training, run)| {
            Some((training.states(probe)?, run.probe(probe)?, run.info()?.probes.get(probe)?))
        }) else {
            return self.render_waiting(inner, buf, theme);
        };
        let labels: Vec<Cow<'_, str>> = text.tokens.iter().map(|token| foreign(token)).collect();
        let last = labels.len().saturating_sub(1);
        let notes: Vec<Piece<'_>> = frame
            .by_token
            .iter()
            .enumerate()
            // A network that gives one answer: on its page only that is shown.
            .map(|(i, said)| match text.targets.is_empty() && !self.page().is_chain && i < last {
                true => (Cow::Borrowed(""), Style::new()),
                false => note(said, text, i, theme),
            })
            .collect();
        HeatMap {
            values: &states.values,
            columns: states.units,
            labels: &labels,
            notes: &notes,
            // States are those of tanh.
            scale: 1.0,
            selected: self.page().is_chain.then_some(self.choice.token),
        }
        .render(inner, buf, theme);
    }
}

/// The answer after a token: the probability of `positive`, or the next symbol, coloured by whether it is right.
fn note(said: &TokenPrediction, text: &ProbeText, at: usize, theme: &Theme) -> Piece<'static> {
    let Some((name, share)) = said.outputs.first() else { return ("".into(), Style::new()) };
    match text.targets.get(at) {
        Some(target) => {
            let (mark, role) = if target == name { ("✓", Role::Good) } else { ("✗", Role::Bad) };
            (format!("→ {} {mark}", foreign(name)).into(), theme.style(role))
        }
        None => {
            let positive = said.outputs.iter().find(|(name, _)| name == "positive").map_or(*share, |o| o.1);
            (format!("{positive:.2}").into(), theme.style(Role::Text))
        }
    }
}
