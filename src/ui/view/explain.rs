//! The explanation of the focused panel: a few sentences beside it.

mod recurrent;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget as _};

use super::gradient::{decay, rho};
use super::{layout, saturation, title};
use crate::escape;
use crate::metrics::Task;
use crate::number;
use crate::protocol::{AlertKind, ParamNorms, RunInfo};
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::run_state::{BEST, BRANCH, CHANGE, EARLY_STOPPING, ForecastErrors, SEAM, UNDONE};
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// Longest row: longer ones are hard to read.
const WIDEST: u16 = 72;
/// The narrowest box beside a panel.
const NARROWEST: u16 = 38;

/// Draws the explanation of the focused panel in `area`, beside the panel as far as there is space.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let focus = dash.view.focus(&dash.run);
    let panel = layout::places(dash, area).into_iter().find(|(panel, _)| *panel == focus);
    let panel = panel.map_or(Rect::default(), |(_, place)| place);
    let paragraphs = paragraphs(dash, focus, theme);
    let wrapped = |width: u16| {
        let wide = usize::from(width).saturating_sub(4);
        let mut rows = Vec::new();
        for paragraph in &paragraphs {
            if !rows.is_empty() {
                rows.push(String::new());
            }
            rows.extend(text::wrap(paragraph, wide));
        }
        rows
    };
    let widest = area.width.saturating_sub(4).min(WIDEST);
    // As wide as can be, or as what is left beside the panel.
    let beside = area.width.saturating_sub(panel.width);
    let widths = [Some(widest), Some(beside).filter(|width| (NARROWEST..widest).contains(width))];
    let candidates = widths.into_iter().flatten().flat_map(|width| {
        let height = wrapped(width).len() as u16 + 2;
        let is_cut = height > area.height;
        places(area, width, height.min(area.height)).into_iter().map(move |place| (is_cut, place))
    });
    // All of the text, then the panel; of equal places the first: the widest, in the middle.
    let covered = |(is_cut, place): &(bool, Rect)| (*is_cut, place.intersection(panel).area());
    let Some((_, place)) = candidates.min_by_key(covered) else { return };
    let rows = wrapped(place.width);
    Clear.render(place, buf);
    let title = title(dash, focus, name(dash, focus), theme);
    let hint = [("Esc".into(), theme.style(Role::Key)), (" back".into(), theme.style(Role::Dim))];
    let hidden = rows.len().saturating_sub(usize::from(place.height.saturating_sub(2)));
    let more = [(format!("{hidden} lines more").into(), theme.style(Role::Dim))];
    let left: &[Piece<'_>] = if hidden > 0 { &more } else { &[] };
    let frame = PanelFrame { focused: true, title: &title, note: &[], left, right: &hint };
    let inner = frame.render(place, buf, theme);
    for (y, row) in (inner.top()..inner.bottom()).zip(rows) {
        text::put(buf, inner.x + 1, y, usize::from(inner.width), &[(row.into(), theme.style(Role::Text))]);
    }
}

/// The places of a box in `area`: in the middle, at the sides and in the corners.
fn places(area: Rect, width: u16, height: u16) -> Vec<Rect> {
    let [right, bottom] = [area.width.saturating_sub(width), area.height.saturating_sub(height)];
    let columns = [right / 2, 0, right];
    let at = |x: u16| [bottom / 2, bottom, 0].map(|y| Rect { x: area.x + x, y: area.y + y, width, height });
    columns.into_iter().flat_map(at).collect()
}

fn name(dash: &Dashboard, panel: Panel) -> &'static str {
    match panel {
        Panel::Loss => "Loss",
        Panel::Accuracy if dash.run.forecast_errors().is_some() => "Forecast errors",
        Panel::Accuracy => "Accuracy",
        Panel::Gradient => "Gradient per unrolled step",
        Panel::Hidden => "Hidden state",
        Panel::Saturation => "Saturated and dead",
        Panel::GradientNorm => "Gradient norm",
        Panel::Predictions => "Prediction after every token",
        Panel::Influence => "Influence of each token",
        Panel::Attention => "Attention",
        Panel::Trainings => "Trainings",
        Panel::Forecast => "Forecast",
        Panel::Samples => "Samples",
        Panel::Confusion => "Confusion",
        Panel::Entities => "Entities",
        Panel::Words if token(dash) == "symbol" => "Worst symbols",
        Panel::Words => "Worst words",
        Panel::Labels => "Labels",
        Panel::Findings => "Findings",
        Panel::Waterfall => "Gradient over training",
        Panel::Tensors => "Weights, gradients, updates",
        Panel::Histograms => "Distribution of the weights",
        Panel::Kernel => "Kernel",
        Panel::Neighbours => "Nearest embeddings",
        Panel::Log => "Log",
        Panel::Runs => "Runs",
    }
}

fn paragraphs(dash: &Dashboard, panel: Panel, theme: &Theme) -> Vec<String> {
    match panel {
        Panel::Loss => {
            let mut texts = vec![
                "The loss measures how wrong the network is: the dim line is every batch, the bright one its \
                 moving average, the diamonds are the validation data after each epoch."
                    .into(),
                "Both should fall. If the training loss keeps falling while the validation loss rises, that is \
                 overfitting: stop, or use fewer units or dropout. A loss that jumps or ends in × needs a lower \
                 learning rate."
                    .into(),
            ];
            texts.extend(updates(dash.run.param_norms()));
            let best = dash.run.monitored().map(|_| BEST);
            texts.extend(letters(dash.run.marks().iter().map(|(_, letter)| *letter).chain(best)));
            texts
        }
        Panel::Accuracy if dash.run.forecast_errors().is_some() => {
            dash.run.forecast_errors().map_or_else(Vec::new, forecasts)
        }
        Panel::Accuracy if dash.run.accuracy().train.is_empty() && dash.run.latest().is_some() => {
            vec![format!("This task has no classes and so no accuracy. Instead: {GRADIENT_NORM}")]
        }
        Panel::Saturation => saturation::explained(dash),
        Panel::GradientNorm => vec![format!("Here is {GRADIENT_NORM}")],
        Panel::Predictions => vec![
            by_token(dash),
            "Examples stand side by side as far as there is space. a adds a text of your own, which the network \
             reads from then on; w replaces a word or hides it, m puts the words in reverse order. A network without \
             memory, such as an average of embeddings, gives the same answer to both orders at the end; a recurrent \
             network does not."
                .into(),
        ],
        Panel::Influence => vec![
            "Occlusion: by how much the prediction falls when the token alone is hidden, as if it were padding. Orange \
             tokens speak for the predicted class, blue ones against it."
                .into(),
            "Gradient × input: the same by a derivative, which is cheaper and sees only small changes. Where both \
             disagree, trust the occlusion: it was measured."
                .into(),
        ],
        Panel::Attention => vec![
            "Each row is a token that reads, each column a token that is read: the weights of a row add up to 1 with those of padding, which are not shown. g shows \
             the next head or layer. Behind each row stands what it reads most."
                .into(),
            "A network with attention looks back at any word directly: the gradient need not travel through all steps \
             between."
                .into(),
        ],
        Panel::Runs => {
            let text = dash.group.as_ref().map(|group| group.explanation()).unwrap_or_default();
            text.split("\n\n").map(str::to_owned).collect()
        }
        Panel::Trainings => vec![
            "The same network trained with several seeds or folds, one after another: the best value of each, and their \
             mean with standard deviation. The dim band in the curves runs from the lowest to the highest of the trainings \
             that have ended: differences within it are chance."
                .into(),
        ],
        Panel::Forecast => vec![
            "The forecasts of the last windows of the validation part, in the units of the series, against the truth \
             and two baselines without a network: the last value, and the value one season before. A forecast is \
             worth something where its RMSE is below both."
                .into(),
            "[ and ] choose how many rows ahead: the farther, the harder. Windows one after another show how a \
             forecast fans out from its last known value. Enter shows the errors by distance."
                .into(),
        ],
        Panel::Samples => vec![
            "What the model writes after a beginning, sampling token after token from its prediction. The temperature \
             divides the logits: below 1 the text is more predictable, above 1 more varied, 0 always takes the most \
             probable token."
                .into(),
            "Beside it are the ten most probable tokens after the beginning; in full screen Enter or a number writes one \
             of them, and the text goes on from there. The perplexity is the number of equally probable tokens that the \
             model is as uncertain between: e to the loss. While it is trained it reads the true tokens (teacher forcing); \
             here it reads its own."
                .into(),
        ],
        Panel::Confusion => vec![
            "A row for each class of the validation data, a column for each prediction: what is off the diagonal is \
             wrong. Precision is the share of predictions of a class that are right, recall the share of its \
             sequences that are found, F1 their harmonic mean."
                .into(),
            "A column that is full while the others are empty is a network that says one class always. ↑ and ↓ choose a \
             cell, Enter lists some of its texts, in brackets words that the vocabulary does not have."
                .into(),
        ],
        Panel::Entities => vec![
            "An entity is right if its first word, its last word and its type are (as conlleval counts): a tag alone does \
             not earn it. Precision is the share of entities found that are right, recall the share of entities there \
             that are found, F1 their harmonic mean."
                .into(),
            "Micro counts all entities together, so that frequent types decide; macro is the mean of the types, so that \
             rare ones count as much."
                .into(),
        ],
        Panel::Words if token(dash) == "symbol" => vec![
            "The symbols of the validation data at which another target than predicted is right, the most frequent first. \
             Where several symbols may follow, no network is always right."
                .into(),
        ],
        Panel::Words => vec![
            "The words of the validation data that have another tag than predicted, the most frequent first. Behind \
             them, as [UNK], all words that the vocabulary does not have."
                .into(),
        ],
        Panel::Labels => vec![
            "Each label of the validation data by itself, predicted from a probability of 0.5 on: precision is the share of \
             its predictions that are right, recall the share of its sequences that are found, F1 their harmonic mean. A \
             rare label with an F1 of 0 is never predicted."
                .into(),
        ],
        Panel::Findings => vec![
            "Overfitting, a plateau, one class always, an echo of the last value, dead layers and a vanishing gradient, \
             each with the measured numbers that show it. What is not measured is not found."
                .into(),
        ],
        Panel::Waterfall => vec![
            "The gradient through time, a row for each monitored step of training from top to bottom, a column for each \
             time step of the input. Brighter is larger, each decade alike. Where the left side stays dark, what was \
             read early does not change the weights: the gradient vanishes on its way back through time."
                .into(),
            "The half-life is the number of steps back over which the norm halves, the median over the last monitored \
             batches; in brackets the range of the middle half of them. Enter shows its course over training."
                .into(),
        ],
        Panel::Tensors => vec![
            "The L2 norm of each weight tensor, of its gradient before clipping and of its last update. Δ÷weights is the \
             update as a part of the weights: about a thousandth (1e-3) is usual, far more is unstable, far less hardly \
             learns."
                .into(),
            format!(
                "{} is the spectral radius of a recurrent kernel: below 1 states fade, above 1 they can grow from step to \
                 step.",
                rho(theme)
            ),
        ],
        Panel::Histograms => vec![
            "The values of every weight tensor, a row each, from the largest negative one at the left to the largest \
             positive one at the right: brighter where there are more. Enter shows their course over training."
                .into(),
        ],
        Panel::Kernel => vec![
            "The weights of the recurrent kernel of the chosen layer, or of the first kernel: a row for what is read, a \
             column for each unit of each gate. Of large kernels each cell is the largest of a block of weights."
                .into(),
        ],
        Panel::Neighbours => vec![
            "An Embedding gives every word a vector, which training moves. Words that the task uses alike move towards each \
             other: the cosine similarity of their vectors is near 1, of unrelated ones near 0, of opposites below 0."
                .into(),
            "a asks for a word of your own; ▲ and ▼ say how its neighbours have come nearer or gone since they were first \
             looked at. Before training neighbours are chance, unless the vectors are pretrained."
                .into(),
        ],
        Panel::Log => vec![
            "What happened, the latest at the bottom: validations, checkpoints, commands, warnings. ↑ and ↓ scroll."
                .into(),
        ],
        Panel::Accuracy if dash.run.info().is_some_and(RunInfo::has_labels) => vec![
            "Binary accuracy: the share of all labels that are right, each predicted from a probability of 0.5 \
             on. Where labels are rare, predicting none is right most of the time: the F1 score after each \
             epoch says more."
                .into(),
        ],
        Panel::Accuracy => vec![
            "The share of sequences that the network classifies correctly. The dotted line is the chance level: \
             a network that stays on it has learned nothing yet."
                .into(),
            "The gap between training and validation is overfitting: what does not generalize to unseen data."
                .into(),
        ],
        Panel::Gradient => {
            let norm = dash.view.norm;
            let mut texts = recurrent::gradient(norm);
            texts.extend(
                dash.view
                    .profiles(&dash.run)
                    .and_then(|profiles| Some(format!("Now: {}.", decay(dash, profiles).into_iter().next()?))),
            );
            texts.extend(dash.view.health(&dash.run).map(|health| recurrent::saturation(health, theme)));
            texts
        }
        Panel::Hidden if dash.view.activations(&dash.run).is_some_and(|a| a.window.is_some()) => vec![
            "What each filter of the convolution finds in each window of neighbouring words: a row a window, a column \
             a filter. A maximum over time keeps of each column the largest value alone, wherever it is: Enter lists \
             the window that is the strongest of each filter."
                .into(),
        ],
        Panel::Hidden if dash.view.shows_unit(&dash.run) => vec![
            "One unit: above its value after each token, below how active it was over the training so far. At the right are \
             the tokens of the validation data that move it most, with how often they occur and by how much its value \
             changes on average when they are read."
                .into(),
            "A unit that one kind of token moves up and another down has learned to tell them apart. ← and → show the \
             neighbours of the unit, ↑ and ↓ move along the text, g shows its gates."
                .into(),
        ],
        Panel::Hidden => {
            let shown = dash.view.activations(&dash.run).map_or("h", |a| a.quantity.as_str());
            let frame = dash.view.probe(&dash.run);
            let noun = token(dash);
            let mut texts = vec![
                recurrent::quantity(shown, noun),
                format!("Look for the {noun} at which columns change, and whether the change persists until the last row: \
                 only the last hidden state reaches the layers above (unless return_sequences). Columns of one \
                 full colour are units in saturation: little gradient passes through them. If there are more units \
                 than columns, neighbours share one, which shows the largest value. g shows the next quantity, o orders the \
                 units by activity or by similarity; in full screen ← and → choose a unit, and Enter shows what drives it."),
            ];
            texts.extend(frame.filter(|frame| !frame.by_token.is_empty()).map(|_| by_token(dash)));
            texts
        }
    }
}

/// What the panel of the gradient norm shows.
const GRADIENT_NORM: &str = "the norm of the whole gradient at every step, before clipping. Single tall spikes are a sign of \
                             exploding gradients; clipping (global_clipnorm) limits them.";

/// From which step the predictions before the last row are, if not from that of the states.
fn predicted_earlier(dash: &Dashboard) -> String {
    let frame = dash.view.probe(&dash.run);
    let earlier = frame.and_then(|frame| dash.run.predicted(frame.probe).filter(|step| *step < frame.step));
    earlier.map_or_else(String::new, |step| {
        let step = number::count(step);
        format!(" Those before the last row are of step {step}: to make so many takes long beside a step.")
    })
}

/// Explains the predictions behind the rows.
fn by_token(dash: &Dashboard) -> String {
    let has_targets =
        dash.run.info().is_some_and(|info| info.probes.iter().any(|probe| !probe.targets.is_empty()));
    match dash.run.info().map(|info| info.task) {
        Some(Task::Tags | Task::Language) if has_targets => {
            "Behind each row is the prediction at that step (sequence to sequence), green where it is the target.".into()
        }
        Some(Task::Tags) => {
            "Behind each row is the predicted class of that step (sequence to sequence) with its probability.".into()
        }
        Some(Task::Language) => {
            "Behind each row is the most probable next token with its probability.".into()
        }
        _ => format!(
            "Behind each row is what the network would predict if the input ended there (sequence to vector): see which {} turns it.{}",
            token(dash),
            predicted_earlier(dash)
        ),
    }
}

/// What a row of the hidden states is: a token of a text or a symbol, or a step of numbers.
fn token(dash: &Dashboard) -> &'static str {
    match dash.run.info().map(|info| &info.data) {
        Some(data) if data.vocabulary == 0 => "time step",
        Some(data) if data.has_symbols => "symbol",
        _ => "token",
    }
}

/// The alerts that mark a step.
const ALERTS: [AlertKind; 5] = [
    AlertKind::LossSpike,
    AlertKind::DeadUnits,
    AlertKind::HalfLife,
    AlertKind::Overfitting,
    AlertKind::Divergence,
];

/// Explains the letters at the top of the chart that there are; `None` without any.
fn letters(marks: impl Iterator<Item = char>) -> Option<String> {
    let mut seen: Vec<char> = marks.collect();
    seen.sort_unstable();
    seen.dedup();
    let meaning = |letter: char| {
        let alert = |kind: AlertKind| match kind {
            AlertKind::LossSpike => "a spike of the loss",
            AlertKind::DeadUnits => "units that have died",
            AlertKind::HalfLife => "a gradient that vanishes within a few words",
            AlertKind::Overfitting => "overfitting begins",
            AlertKind::Divergence => "the training diverges",
        };
        let what = match letter {
            CHANGE => "a setting of the training changed by a command",
            UNDONE => "a change undone: training went on from here without it",
            SEAM => "resumed from a checkpoint",
            BEST => "the end of the best epoch",
            EARLY_STOPPING => "early stopping",
            BRANCH => "branched from its parent, whose dotted line goes on without the change",
            _ => ALERTS.into_iter().find(|kind| kind.letter() == letter).map(alert)?,
        };
        Some(format!("{letter} {what}"))
    };
    let words: Vec<String> = seen.into_iter().filter_map(meaning).collect();
    (!words.is_empty()).then(|| format!("Marks at the top: {}. The log (L) says more.", words.join(", ")))
}

/// Explains the forecast errors and their baselines.
fn forecasts(errors: &ForecastErrors) -> Vec<String> {
    let (lines, above) = match errors.baselines.as_slice() {
        [_] => ("line, a baseline without a network: the last value", "it"),
        _ => ("lines, baselines without a network: the last value, and the value one season before", "them"),
    };
    let rest = match errors.variable.is_empty() {
        true => "Mean absolute errors",
        false => "Of several variables the first is shown; the others and mean absolute errors",
    };
    vec![
        format!(
            "RMSE, the root mean squared error of the forecasts on the validation part after each epoch, in the \
             units of the series. It should fall below the dotted {lines}."
        ),
        format!(
            "A network that stays above {above} is worse than the baseline. {rest} are in metrics.jsonl and in \
             unrolled evaluate."
        ),
    ]
}

/// The update-to-weight ratio; `None` before the first monitored step.
fn updates(params: &[ParamNorms]) -> Option<String> {
    // Biases start at 0: their ratio is meaningless at first.
    let matrices =
        params.iter().filter(|param| param.name.ends_with("kernel") || param.name.ends_with("embeddings"));
    let ratios = matrices.filter_map(|param| Some((param.name.as_str(), param.ratio()?)));
    let (name, most) = ratios.max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(format!(
        "Now a step changes the weights by at most {} of their norm (‖Δw‖/‖w‖ of {}). About 0.001 is usual; \
         much more is unstable, much less is slow.",
        number::metric(most),
        escape::foreign(name)
    ))
}

#[cfg(test)]
mod tests;
