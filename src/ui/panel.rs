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
}

impl Panel {
    /// What its cursor moves along.
    pub fn cursor_axis(self) -> CursorAxis {
        match self {
            Self::Loss | Self::Accuracy | Self::GradientNorm => CursorAxis::Steps,
            Self::Gradient => CursorAxis::Positions,
            Self::Hidden | Self::Predictions => CursorAxis::Tokens,
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
    /// The log.
    Log,
}

impl Tab {
    /// All tabs, in their order.
    const ALL: [Self; 5] = [Self::Overview, Self::Gradients, Self::States, Self::Text, Self::Log];

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
        // Without classes the panel of the accuracy shows the gradient norm.
        let norm_is_elsewhere = run.accuracy().train.is_empty() && run.forecast_errors().is_none();
        let panels = match self {
            Self::Overview if is_recurrent => vec![
                (Panel::Gradient, true),
                (Panel::Hidden, true),
                (Panel::Loss, true),
                (Panel::Accuracy, true),
                (Panel::Predictions, has_probes),
                (Panel::GradientNorm, !norm_is_elsewhere),
            ],
            Self::Overview => vec![
                (Panel::Predictions, has_probes),
                (Panel::GradientNorm, !norm_is_elsewhere),
                (Panel::Loss, true),
                (Panel::Accuracy, true),
            ],
            Self::Gradients => vec![(Panel::Gradient, is_recurrent), (Panel::GradientNorm, true)],
            Self::States => vec![(Panel::Hidden, is_recurrent)],
            Self::Text => vec![(Panel::Predictions, has_probes)],
            Self::Log => vec![(Panel::Log, true)],
        };
        panels.into_iter().filter(|(_, is_there)| *is_there).map(|(panel, _)| panel).collect()
    }
}
