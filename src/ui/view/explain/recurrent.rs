//! What is explained of recurrent layers: gradients through time, saturation, states and gates.

use crate::escape;
use crate::number;
use crate::protocol::LayerHealth;
use crate::ui::theme::Theme;
use crate::ui::view::gradient::rho;
use crate::ui::view_state::Norm;

/// Explains a gradient norm per unrolled step.
pub(super) fn gradient(norm: Norm) -> Vec<String> {
    match norm {
        Norm::State => vec![
            "The norm of the loss's gradient with respect to the hidden state at each position t of the input, \
             first (0) to last. Backpropagation through time (BPTT) multiplies it at every step back."
                .into(),
            "A line that falls steeply to the left is the vanishing gradient: the network cannot learn from \
             early words. One that rises to the left is the exploding gradient. A flat line reaches all words \
             alike: LSTM and GRU are built for that. The dim line is the first monitored step of this run, · \
             marks a gradient of 0, as at padding. g shows each step's contribution to the recurrent kernel."
                .into(),
        ],
        Norm::CellState => vec![
            "The norm of the loss's gradient with respect to the cell state c of an LSTM at each position t, through the \
             hidden state as well. From step to step it is multiplied by the forget gate alone."
                .into(),
            "With forget gates near 1 it stays level where the gradient of the hidden state falls: that is how an LSTM \
             learns from what it read long before. g shows each step's contribution to the recurrent kernel."
                .into(),
        ],
        Norm::RecurrentKernel => vec![
            "The contribution of each position t to the gradient of the recurrent kernel U: the norm of \
             ∂L/∂U_t, the previous state times the upstream gradient at t. Together they add up to ∂L/∂U."
                .into(),
            "Only positions with a large norm teach the network how to use its memory. The first has no \
             previous state and contributes 0 (·). The dim line is the first monitored step of this run. g shows \
             the gradient of the hidden state again."
                .into(),
        ],
    }
}

/// Explains what saturation and spectral radius mean for the gradient.
pub(super) fn saturation(health: &LayerHealth, theme: &Theme) -> String {
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
        format!(
            "{} {radius:.2} is the spectral radius of {block}: below 1 gradients tend to vanish, far above 1 to explode. ",
            rho(theme)
        )
    });
    format!(
        "{radius}Saturated, where little gradient passes: {saturated}. Dead units: {}.",
        percent(health.dead())
    )
}

/// Explains a quantity of a recurrent layer.
pub(super) fn quantity(name: &str, noun: &str) -> String {
    let what = match name {
        "h" => "The hidden state: what the layer remembers after each word",
        "c" => {
            "The cell state, the long-term memory of an LSTM: at each word f of it stays and i of the candidate is added"
        }
        "i" => "The input gate: how much of the candidate each word writes to the cell state, from 0 to 1",
        "f" => {
            "The forget gate: how much of the cell state is kept at each word, from 0 to 1; near 1 it remembers"
        }
        "o" => {
            "The output gate: how much of the cell state the hidden state shows after each word, from 0 to 1"
        }
        "z" => {
            "The update gate: how much of the hidden state is kept at each word, from 0 to 1; near 1 it remembers"
        }
        "r" => "The reset gate: how much of the previous state the candidate sees at each word, from 0 to 1",
        "g" | "candidate" => "The candidate: the new content that each word proposes",
        _ => "One quantity of the layer after reading each word",
    };
    let what = what.replace("word", noun);
    format!("{what}. A row per {noun} from top to bottom, a column per unit; blue is below 0, orange above.")
}
