//! The panels of the dashboard, and the tabs that group them.

use super::run_state::RunState;
use crate::metrics::{ChunkScheme, Confusion, Task};

/// A panel of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Panel {
    /// Gradient norm per unrolled step.
    Gradient,
    /// Hidden state after every token of an example.
    Hidden,
    /// The shares of saturated values and of dead units.
    Saturation,
    /// Loss over the run.
    #[default]
    Loss,
    /// Accuracy over the run; the gradient norm for tasks without classes, the forecast errors for series.
    Accuracy,
    /// Norm of the whole gradient over the run.
    GradientNorm,
    /// The prediction after every token of the examples, side by side.
    Predictions,
    /// What each token of an example contributes to the prediction.
    Influence,
    /// The attention weights over the tokens of an example.
    Attention,
    /// The trainings with several seeds or folds, with mean and standard deviation.
    Trainings,
    /// Forecasts of the validation part of a series against the truth.
    Forecast,
    /// Texts that a language model writes.
    Samples,
    /// The confusion matrix, with the measures of each class.
    Confusion,
    /// The measures of each type of entity that tags mark.
    Entities,
    /// The words that a tagger gives a wrong tag most often.
    Words,
    /// The measures of each of several labels.
    Labels,
    /// What is found in the run.
    Findings,
    /// Gradient norm per unrolled step over training.
    Waterfall,
    /// The norms of every weight tensor, its gradient and its update.
    Tensors,
    /// The distributions of the weights.
    Histograms,
    /// The values of a kernel.
    Kernel,
    /// The words whose embeddings are nearest.
    Neighbours,
    /// The lines of the log.
    Log,
    /// The runs of a race or a comparison over one another and side by side.
    Runs,
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
            Self::Loss | Self::Accuracy | Self::GradientNorm | Self::Runs => CursorAxis::Steps,
            // As they were at that step.
            Self::Forecast
            | Self::Samples
            | Self::Confusion
            | Self::Entities
            | Self::Words
            | Self::Labels
            | Self::Findings => CursorAxis::Steps,
            Self::Gradient | Self::Waterfall => CursorAxis::Positions,
            // As they were at that step.
            Self::Neighbours => CursorAxis::Steps,
            Self::Tensors | Self::Histograms | Self::Kernel | Self::Trainings | Self::Saturation => {
                CursorAxis::Nothing
            }
            Self::Hidden | Self::Predictions | Self::Influence | Self::Attention => CursorAxis::Tokens,
            Self::Log => CursorAxis::Rows,
        }
    }

    /// Whether its values stand beside it where it fills the screen; others have them within.
    pub fn has_values_beside(self) -> bool {
        matches!(
            self,
            Self::Gradient
                | Self::Waterfall
                | Self::Hidden
                | Self::Loss
                | Self::Accuracy
                | Self::GradientNorm
                | Self::Predictions
        )
    }

    /// Whether its y axis can be logarithmic.
    pub fn has_log_axis(self) -> bool {
        matches!(self, Self::Gradient | Self::Loss | Self::Accuracy | Self::GradientNorm)
    }
}

/// Panels of the overview up to which it has no findings.
const FEW: usize = 4;

/// A tab of the dashboard: panels about one subject, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Tab {
    /// The runs of a race or a comparison.
    Runs,
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
    /// What belongs to the task: forecasts, samples, classes; and what is found in the run.
    Task,
    /// The log.
    Log,
}

impl Tab {
    /// All tabs, in their order.
    const ALL: [Self; 8] = [
        Self::Runs,
        Self::Overview,
        Self::Gradients,
        Self::States,
        Self::Text,
        Self::Task,
        Self::Weights,
        Self::Log,
    ];

    /// The tabs that have something to show of `run`.
    pub fn of(run: &RunState) -> Vec<Self> {
        Self::ALL.into_iter().filter(|tab| !tab.panels(run).is_empty()).collect()
    }

    /// Its name.
    pub fn name(self, run: &RunState) -> &'static str {
        match self {
            Self::Runs => "Runs",
            Self::Overview => "Overview",
            Self::Gradients => "Gradients",
            Self::States => "States",
            Self::Text => "Text",
            Self::Task => match self.panels(run).first() {
                Some(Panel::Forecast) => "Forecast",
                Some(Panel::Samples) => "Samples",
                Some(Panel::Entities) => "Entities",
                Some(Panel::Confusion) if run.info().is_some_and(|info| info.data.has_symbols) => "Symbols",
                Some(Panel::Confusion) if run.info().is_some_and(|info| info.task == Task::Tags) => "Tags",
                Some(Panel::Confusion) => "Classes",
                Some(Panel::Labels) => "Labels",
                _ => "Findings",
            },
            Self::Weights => "Weights",
            Self::Log => "Log",
        }
    }

    /// Its panels for `run`, the most important first; none if it has nothing to show.
    pub fn panels(self, run: &RunState) -> Vec<Panel> {
        let mut panels = self.main_panels(run);
        if !panels.is_empty() {
            let further = self.further_panels(run).into_iter().filter(|panel| !panels.contains(panel));
            panels.extend(further.collect::<Vec<_>>());
        }
        panels
    }

    /// The panels of other tabs that are shown behind its own where these leave space: what is read beside them.
    fn further_panels(self, run: &RunState) -> Vec<Panel> {
        match self {
            // What the network keeps of the same tokens, what it learns from them, and what their vectors are near to.
            Self::Text if !self.main_panels(run).is_empty() => {
                let shown = [Self::States, Self::Gradients, Self::Weights].map(|tab| tab.main_panels(run));
                let wanted = [Panel::Hidden, Panel::Gradient, Panel::Neighbours];
                let is_there = |panel: &Panel| shown.iter().any(|panels| panels.contains(panel));
                wanted.into_iter().filter(is_there).collect()
            }
            // Tables leave space that forecasts and samples fill.
            Self::Task
                if !matches!(self.main_panels(run).first(), Some(Panel::Forecast | Panel::Samples)) =>
            {
                vec![Panel::Accuracy, Panel::Loss]
            }
            _ => Vec::new(),
        }
    }

    /// The panels that are about its subject, which every screen shows first.
    pub fn main_panels(self, run: &RunState) -> Vec<Panel> {
        if self == Self::Runs {
            return if run.is_in_group() { vec![Panel::Runs] } else { Vec::new() };
        }
        let Some(info) = run.info() else {
            return if self == Self::Overview { vec![Panel::Loss] } else { Vec::new() };
        };
        let is_recurrent = run.recurrent_layers().next().is_some();
        let has_probes = !info.probes.is_empty();
        // Without classes the panel of the accuracy shows the gradient norm.
        let norm_is_elsewhere = run.accuracy().train.is_empty() && run.forecast_errors().is_none();
        let has_states = is_recurrent || has_probes && run.shown_layers().next().is_some();
        let has_attention =
            has_probes && info.model.layers.iter().any(|layer| layer.class.contains("Attention"));
        let has_embeddings =
            info.reads_tokens() && info.model.layers.iter().any(|layer| layer.class == "Embedding");
        let has_influence =
            has_probes && info.reads_tokens() && !matches!(info.task, Task::Tags | Task::Language);
        // Numbers have no tokens.
        let is_of_numbers = matches!(info.task, Task::Regression | Task::Forecast) && !info.reads_tokens();
        let has_predictions = has_probes && !is_of_numbers;
        let has_forecasts = info.data.series.is_some();
        let has_samples = info.task == Task::Language && run.history().samples(None).next().is_some();
        let has_classes = matches!(info.task, Task::Binary | Task::Classes | Task::Tags)
            && info.data.validation > 0
            && info.data.classes.len() <= Confusion::MAX_CLASSES;
        let has_entities = info.task == Task::Tags && info.data.validation > 0 && {
            let tags = info.data.classes.iter().map(|class| class.label.as_str());
            ChunkScheme::of(tags).is_some()
        };
        let has_labels = info.has_labels() && info.data.validation > 0;
        let is_one_of_several = run.is_one_of_several();
        // What the network is for stands beside the gradient.
        let is_shown = has_forecasts || has_samples;
        let panels = match self {
            Self::Runs => Vec::new(),
            Self::Overview if is_recurrent => vec![
                (Panel::Gradient, true),
                (Panel::Forecast, has_forecasts),
                (Panel::Samples, has_samples),
                (Panel::Hidden, !is_shown),
                (Panel::Loss, true),
                (Panel::Accuracy, true),
                // A tab of their own shows them first.
                (Panel::Trainings, is_one_of_several),
                (Panel::Hidden, is_shown),
                (Panel::Predictions, has_predictions),
                (Panel::Attention, has_attention),
                (Panel::GradientNorm, !norm_is_elsewhere),
                (Panel::Influence, has_influence),
                (Panel::Confusion, has_classes),
                (Panel::Labels, has_labels),
                (Panel::Findings, true),
            ],
            Self::Overview => vec![
                (Panel::Forecast, has_forecasts),
                (Panel::Samples, has_samples),
                (Panel::Hidden, has_states),
                (Panel::Attention, has_attention),
                (Panel::Predictions, has_predictions),
                (Panel::GradientNorm, !norm_is_elsewhere && !has_attention && !has_states),
                (Panel::Loss, true),
                (Panel::Accuracy, true),
                (Panel::Trainings, is_one_of_several),
                (Panel::Influence, has_influence),
                (Panel::Confusion, has_classes),
                (Panel::Labels, has_labels),
                (Panel::Findings, true),
            ],
            Self::Task => vec![
                (Panel::Forecast, has_forecasts),
                (Panel::Samples, has_samples),
                (Panel::Entities, has_entities),
                (Panel::Confusion, has_classes),
                (Panel::Words, has_classes && info.task == Task::Tags),
                (Panel::Labels, has_labels),
                (Panel::Accuracy, has_forecasts),
                (Panel::Findings, true),
            ],
            Self::Gradients => vec![
                (Panel::Waterfall, is_recurrent),
                (Panel::Gradient, is_recurrent),
                (Panel::Tensors, true),
                (Panel::GradientNorm, true),
            ],
            Self::States => vec![
                (Panel::Hidden, has_states),
                (Panel::Saturation, has_states),
                (Panel::Attention, has_attention),
            ],
            Self::Weights => {
                vec![(Panel::Histograms, true), (Panel::Kernel, true), (Panel::Neighbours, has_embeddings)]
            }
            Self::Text => vec![
                (Panel::Predictions, has_predictions),
                (Panel::Influence, has_influence),
                (Panel::Attention, has_attention),
            ],
            Self::Log => vec![(Panel::Log, true)],
        };
        let panels = panels.into_iter().filter(|(_, is_there)| *is_there).map(|(panel, _)| panel);
        let mut panels: Vec<Panel> = panels.collect();
        if self == Self::Overview && panels.len() <= FEW {
            // Curves need the space more than words do; a tab has them.
            panels.retain(|panel| *panel != Panel::Findings);
        }
        panels
    }
}
