//! What am I looking at: a few sentences over the focused panel.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget as _};

use super::gradient::fading;
use crate::ui::state::{Dashboard, Panel};
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::frame::Frame;
use crate::ui::widget::text;

/// Longest row: longer ones are hard to read.
const WIDEST: u16 = 72;

/// Draws the explanation of the focused panel in the middle of `area`.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let focus = dash.choice().focus;
    let width = area.width.saturating_sub(4).min(WIDEST);
    let mut rows = Vec::new();
    for paragraph in paragraphs(dash, focus) {
        if !rows.is_empty() {
            rows.push(String::new());
        }
        rows.extend(text::wrap(&paragraph, usize::from(width).saturating_sub(4)));
    }
    let height = (rows.len() as u16 + 2).min(area.height);
    let place =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    Clear.render(place, buf);
    let title = [(format!("{} {}", focus.number(), name(focus)).into(), theme.style(Role::Title))];
    let hint = [("Esc".into(), theme.style(Role::Key)), (" back".into(), theme.style(Role::Dim))];
    let frame = Frame { focused: true, title: &title, note: &[], left: &[], right: &hint };
    let inner = frame.render(place, buf, theme);
    for (y, row) in (inner.top()..inner.bottom()).zip(rows) {
        text::put(buf, inner.x + 1, y, usize::from(inner.width), &[(row.into(), theme.style(Role::Text))]);
    }
}

fn name(panel: Panel) -> &'static str {
    match panel {
        Panel::Loss => "Loss",
        Panel::Accuracy => "Accuracy",
        Panel::Gradient => "Gradient per unrolled step",
        Panel::Hidden => "Hidden state",
    }
}

fn paragraphs(dash: &Dashboard, panel: Panel) -> Vec<String> {
    match panel {
        Panel::Loss => vec![
            "How wrong the network is: the dim line is every batch, the bright one its running mean, the \
             diamonds the validation data after each epoch."
                .into(),
            "Both should fall. When training falls on and validation rises, the network learns its \
             examples by heart: stop, or use fewer units or dropout. A loss that jumps or ends in × asks \
             for a lower learning rate."
                .into(),
        ],
        Panel::Accuracy if dash.accuracy().train.is_empty() && dash.latest().is_some() => vec![
            "This task has no classes, and so no accuracy. Instead: the length of the whole gradient at \
             every step, before clipping. Single tall spikes are the mark of exploding gradients; \
             clipping (global_clipnorm) holds them."
                .into(),
        ],
        Panel::Accuracy => vec![
            "The share of sequences that the network gets right. The dotted line is what guessing \
             reaches: a curve that stays on it has learned nothing yet."
                .into(),
            "The gap between training and validation is what does not carry over to sequences never seen."
                .into(),
        ],
        Panel::Gradient => {
            let mut said = vec![
                "How strongly the loss depends on the hidden state at each position t of the input, from \
                 the first on the left to the last on the right. Going back in time the gradient is \
                 multiplied at every step."
                    .into(),
                "A line that falls steeply to the left is the vanishing gradient: the network cannot \
                 learn from words that stand early. One that rises to the left explodes. A flat line \
                 reaches all words alike: LSTM and GRU are built for that. The dim line is the first \
                 watched step of this run."
                    .into(),
            ];
            said.extend(dash.profiles().map(|profiles| format!("Now: {}.", fading(&profiles.latest))));
            said
        }
        Panel::Hidden => vec![
            "What the layer remembers after reading each word, top to bottom: a row a word, a column a \
             unit, blue below 0, orange above."
                .into(),
            "Look for the word at which columns change, and whether the change lives on until the last \
             row: only the last row reaches the layers above (unless return_sequences). Columns of one \
             full colour are saturated units: little gradient passes through them. Where units outnumber \
             the columns, neighbours share one and the strongest shows."
                .into(),
        ],
    }
}
