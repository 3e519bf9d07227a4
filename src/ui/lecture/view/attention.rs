//! The weights with which the tokens of an example look at one another.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::LectureScreen;
use crate::escape::foreign;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::heat_map::HeatMap;
use crate::ui::widget::panel_frame::PanelFrame;

impl LectureScreen {
    pub(super) fn render_attention(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let words = &self.texts.words;
        let title = [(words.attention.into(), theme.style(Role::Title))];
        let inner = PanelFrame { focused: false, title: &title, note: &[], left: &[], right: &[] }
            .render(area, buf, theme);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let training = self.training();
        let weights = training.and_then(|training| training.attention(self.choice.probe));
        let tokens = training.and_then(|training| training.tokens(self.choice.probe));
        let Some((weights, tokens)) = weights.zip(tokens) else {
            return self.render_waiting(inner, buf, theme);
        };
        let first = weights.first_query.unwrap_or(0);
        let labels: Vec<Cow<'_, str>> =
            tokens.iter().skip(first).take(weights.queries()).map(|token| foreign(token)).collect();
        let greatest = weights.values.iter().copied().fold(0.0_f32, f32::max);
        HeatMap {
            values: &weights.values,
            columns: weights.keys,
            labels: &labels,
            notes: &[],
            scale: greatest.max(f32::MIN_POSITIVE),
            selected: None,
        }
        .render(inner, buf, theme);
    }
}
