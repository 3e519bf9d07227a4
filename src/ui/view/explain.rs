//! What am I looking at: a few sentences over the focused panel.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget as _};

use super::gradient::fading;
use crate::escape;
use crate::number;
use crate::protocol::{LayerHealth, ParamNorms, RunInfo};
use crate::ui::dashboard::Dashboard;
use crate::ui::run_state::ForecastErrors;
use crate::ui::theme::{Role, Theme};
use crate::ui::view_state::{Norm, Panel};
use crate::ui::widget::frame::Frame;
use crate::ui::widget::text;

/// Longest row: longer ones are hard to read.
const WIDEST: u16 = 72;

/// Draws the explanation of the focused panel in the middle of `area`.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let focus = dash.view.focus;
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
    let title = [(format!("{} {}", focus.number(), name(dash, focus)).into(), theme.style(Role::Title))];
    let hint = [("Esc".into(), theme.style(Role::Key)), (" back".into(), theme.style(Role::Dim))];
    let frame = Frame { focused: true, title: &title, note: &[], left: &[], right: &hint };
    let inner = frame.render(place, buf, theme);
    for (y, row) in (inner.top()..inner.bottom()).zip(rows) {
        text::put(buf, inner.x + 1, y, usize::from(inner.width), &[(row.into(), theme.style(Role::Text))]);
    }
}

fn name(dash: &Dashboard, panel: Panel) -> &'static str {
    match panel {
        Panel::Loss => "Loss",
        Panel::Accuracy if dash.run.forecast_errors().is_some() => "Errors of forecasts",
        Panel::Accuracy => "Accuracy",
        Panel::Gradient => "Gradient per unrolled step",
        Panel::Hidden => "Hidden state",
    }
}

fn paragraphs(dash: &Dashboard, panel: Panel) -> Vec<String> {
    match panel {
        Panel::Loss => {
            let mut said = vec![
                "How wrong the network is: the dim line is every batch, the bright one its running mean, \
                 the diamonds the validation data after each epoch."
                    .into(),
                "Both should fall. When training falls on and validation rises, the network learns its \
                 examples by heart: stop, or use fewer units or dropout. A loss that jumps or ends in × \
                 asks for a lower learning rate."
                    .into(),
            ];
            said.extend(updates(dash.run.param_norms()));
            said
        }
        Panel::Accuracy if dash.run.forecast_errors().is_some() => {
            dash.run.forecast_errors().map_or_else(Vec::new, forecasts)
        }
        Panel::Accuracy if dash.run.accuracy().train.is_empty() && dash.run.latest().is_some() => vec![
            "This task has no classes, and so no accuracy. Instead: the length of the whole gradient at \
             every step, before clipping. Single tall spikes are the mark of exploding gradients; \
             clipping (global_clipnorm) holds them."
                .into(),
        ],
        Panel::Accuracy if dash.run.info().is_some_and(RunInfo::has_labels) => vec![
            "The share of all labels that the network gets right, each by itself: told from a probability of \
             0.5 on. Where labels are rare, telling none is right most of the time: the F1 after each epoch \
             says more."
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
            let norm = dash.view.norm;
            let mut said = gradient(norm);
            said.extend(
                dash.view
                    .profiles(&dash.run)
                    .map(|profiles| format!("Now: {}.", fading(&profiles.latest, norm))),
            );
            said.extend(dash.view.health(&dash.run).map(passing));
            said
        }
        Panel::Hidden => {
            let shown = dash.view.activations(&dash.run).map_or("h", |a| a.quantity.as_str());
            vec![
                quantity(shown),
                "Look for the word at which columns change, and whether the change lives on until the last \
                 row: of the hidden state only the last row reaches the layers above (unless \
                 return_sequences). Columns of one full colour are saturated units: little gradient passes \
                 through them. Where units outnumber the columns, neighbours share one and the strongest \
                 shows. g shows the next quantity."
                    .into(),
            ]
        }
    }
}

/// What the errors of forecasts are held against, and where the rest of them stands.
fn forecasts(errors: &ForecastErrors) -> Vec<String> {
    let (lines, (above, say)) = match errors.baselines.as_slice() {
        [_] => ("line, which needs no network: the last value again", ("it", "it says")),
        _ => (
            "lines, which need no network: the last value again, and the value a season before",
            ("them", "they say"),
        ),
    };
    let rest = match errors.variable.is_empty() {
        true => "Mean absolute errors",
        false => "Of several variables the first is shown; the others, and mean absolute errors,",
    };
    vec![
        format!(
            "How far the forecasts of the held-out part are off, in the units of the series: the root of the \
             mean squared error after each epoch. It should fall below the dotted {lines}."
        ),
        format!(
            "What stays above {above} has learnt less than {say}. {rest} stand in metrics.jsonl and under \
             unrolled evaluate."
        ),
    ]
}

/// How far a step moves the weights; nothing before the first watched step.
fn updates(params: &[ParamNorms]) -> Option<String> {
    // What begins at 0, as a bias does, moves by a great share of itself at first, and means nothing by it.
    let matrices =
        params.iter().filter(|param| param.name.ends_with("kernel") || param.name.ends_with("embeddings"));
    let ratios = matrices.filter_map(|param| Some((param.name.as_str(), param.ratio()?)));
    let (name, most) = ratios.max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(format!(
        "Now a step moves the weights by {} of their size at most (‖Δw‖/‖w‖ of {}). About 0.001 is usual; \
         far more is unstable, far less is slow.",
        number::metric(most),
        escape::foreign(name)
    ))
}

fn gradient(norm: Norm) -> Vec<String> {
    match norm {
        Norm::State => vec![
            "How strongly the loss depends on the hidden state at each position t of the input, first to \
             last. Going back in time the gradient is multiplied at every step."
                .into(),
            "A line that falls steeply to the left is the vanishing gradient: the network cannot learn from \
             words that stand early. One that rises to the left explodes. A flat line reaches all words \
             alike: LSTM and GRU are built for that. The dim line is the first watched step of this run. \
             g shows what each step gives the recurrent kernel."
                .into(),
        ],
        Norm::RecurrentKernel => vec![
            "What each position t gives by itself to the gradient of the recurrent kernel U: the size of \
             ∂L/∂U_t, the state before times what came back to t. All of them add up to ∂L/∂U."
                .into(),
            "Only positions that stand high teach the network what to do with its memory. The first has no \
             state before it and gives 0. The dim line is the first watched step of this run. g shows the \
             gradient of the hidden state again."
                .into(),
        ],
    }
}

/// What saturation and spectral radius mean for the gradient's way back.
fn passing(health: &LayerHealth) -> String {
    let percent = |share: f32| number::percent(f64::from(share));
    let parts = match health.quantities.as_slice() {
        [_, gates @ ..] if !gates.is_empty() => gates,
        all => all,
    };
    let ends = parts.iter().map(|part| {
        let name = escape::foreign(&part.quantity);
        format!("{name} {} low {} high", percent(part.left), percent(part.right))
    });
    let saturated = ends.collect::<Vec<_>>().join(", ");
    let block = match health.quantities.len() {
        0 | 1 => String::from("U"),
        _ => format!("U’s block of {}", escape::foreign(&health.proposal)),
    };
    let radius = health.spectral_radius().map_or(String::new(), |radius| {
        format!("ρ {radius:.2} is the spectral radius of {block}: below 1 gradients tend to fade, far above 1 to explode. ")
    });
    format!(
        "{radius}Saturated, where little gradient passes: {saturated}. Dead units: {}.",
        percent(health.dead())
    )
}

/// What one quantity of a recurrent layer is.
fn quantity(name: &str) -> String {
    let what = match name {
        "h" => "What the layer remembers after reading each word",
        "c" => {
            "The cell state, the long memory of an LSTM: after each word f of it stays and i of the candidate comes in"
        }
        "i" => "The input gate: how much of the candidate each word writes to the cell state, from 0 to 1",
        "f" => {
            "The forget gate: how much of the cell state lives on past each word, from 0 to 1; near 1 it remembers"
        }
        "o" => {
            "The output gate: how much of the cell state shows in the hidden state after each word, from 0 to 1"
        }
        "z" => {
            "The update gate: how much of the hidden state lives on past each word, from 0 to 1; near 1 it remembers"
        }
        "r" => "The reset gate: how much of the state before the candidate sees at each word, from 0 to 1",
        "g" | "candidate" => "The candidate: the new content that each word proposes",
        _ => "One quantity of the layer after reading each word",
    };
    format!("{what}. Top to bottom: a row a word, a column a unit, blue below 0, orange above.")
}
