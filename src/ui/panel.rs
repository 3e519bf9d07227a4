//! The panels of the dashboard, and the tabs that group them.

use super::run_state::RunState;
use crate::metrics::Task;

/// A panel of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Panel {
    /// Gradient norm per unrolled step.
    Gradient,
    /// Hidden state after every token of an example.
    Hidden,
    /// Loss over the run.
    #[default]
    Loss,
    /// Accuracy over the run; the gradient norm for tasks without classes, the forecast errors for series.
    Accuracy,
    /// Norm of the whole gradient over the run.
    GradientNorm,
    /// The prediction after every token of the examples, side by side.
    Predictions,
    /// Gradient norm per unrolled step over training.
    Waterfall,
    /// The norms of every weight tensor, its gradient and its update.
    Tensors,
    /// The weights of an attention layer.
    Attention,
    /// The distributions of the weights.
    Histograms,
    /// The values of a kernel.
    Kernel,
    /// The lines of the log.
    Log,
}

/// What the cursor of a panel moves along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorAxis {
    /// The steps of the run.
    Steps,
    /// The time steps of the input.
    Positions,
    /// The tokens of the chosen example.
    Tokens,
    /// The rows of a list, from its end back.
    Rows,
    /// Nothing: it has no cursor.
    Nothing,
}

impl Panel {
    /// What its cursor moves along.
    pub fn cursor_axis(self) -> CursorAxis {
        match self {
            Self::Loss | Self::Accuracy | Self::GradientNorm => CursorAxis::Steps,
            Self::Gradient | Self::Waterfall => CursorAxis::Positions,
            Self::Hidden | Self::Predictions | Self::Attention => CursorAxis::Tokens,
            Self::Tensors | Self::Histograms | Self::Kernel => CursorAxis::Nothing,
            Self::Log => CursorAxis::Rows,
        }
    }

    /// Whether its y axis can be logarithmic.
    pub fn has_log_axis(self) -> bool {
        matches!(self, Self::Gradient | Self::Loss | Self::Accuracy | Self::GradientNorm)
    }
}

/// A tab of the dashboard: panels about one subject, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Tab {
    /// Gradient and states beside loss and accuracy.
    #[default]
    Overview,
    /// The gradient through time.
    Gradients,
    /// States, cells and gates of recurrent layers.
    States,
    /// The examples, with the prediction after every token.
    Text,
    /// The values of the weights.
    Weights,
    /// The log.
    Log,
}

impl Tab {
    /// All tabs, in their order.
    const ALL: [Self; 6] =
        [Self::Overview, Self::Gradients, Self::States, Self::Text, Self::Weights, Self::Log];

    /// The tabs that have something to show of `run`.
    pub fn of(run: &RunState) -> Vec<Self> {
        Self::ALL.into_iter().filter(|tab| !tab.panels(run).is_empty()).collect()
    }

    /// Its name.
    pub fn name(self, run: &RunState) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Gradients => "Gradients",
            Self::States => "States",
            Self::Text if run.info().is_some_and(|info| info.task == Task::Regression) => "Examples",
            Self::Text => "Text",
            Self::Weights => "Weights",
            Self::Log => "Log",
        }
    }

    /// Its panels for `run`, the most important first; none if it has nothing to show.
    pub fn panels(self, run: &RunState) -> Vec<Panel> {
        let Some(info) = run.info() else {
            return if self == Self::Overview { vec![Panel::Loss] } else { Vec::new() };
        };
        let is_recurrent = run.recurrent_layers().next().is_some();
        let has_probes = !info.probes.is_empty();
        let has_states = is_recurrent || has_probes && run.shown_layers().next().is_some();
        let attends = has_probes && info.model.layers.iter().any(|row| row.class.contains("Attention"));
        // Without classes the panel of the accuracy shows the gradient norm.
        let norm_is_elsewhere = run.accuracy().train.is_empty() && run.forecast_errors().is_none();
        let panels = match self {
            Self::Overview if is_recurrent => vec![
                (Panel::Gradient, true),
                (Panel::Hidden, true),
                (Panel::Loss, true),
                (Panel::Accuracy, true),
                (Panel::Predictions, has_probes),
                (Panel::Attention, attends),
                (Panel::GradientNorm, !norm_is_elsewhere),
            ],
            Self::Overview => vec![
                (Panel::Hidden, has_states),
                (Panel::Attention, attends),
                (Panel::Predictions, has_probes),
                (Panel::GradientNorm, !norm_is_elsewhere),
                (Panel::Loss, true),
                (Panel::Accuracy, true),
            ],
            Self::Gradients => vec![
                (Panel::Waterfall, is_recurrent),
                (Panel::Gradient, is_recurrent),
                (Panel::Tensors, true),
                (Panel::GradientNorm, true),
            ],
            Self::States => vec![(Panel::Hidden, has_states), (Panel::Attention, attends)],
            Self::Text => vec![(Panel::Predictions, has_probes)],
            Self::Weights => vec![(Panel::Histograms, true), (Panel::Kernel, true)],
            Self::Log => vec![(Panel::Log, true)],
        };
        panels.into_iter().filter(|(_, is_there)| *is_there).map(|(panel, _)| panel).collect()
    }
}
