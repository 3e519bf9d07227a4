use serde::{Deserialize, Serialize};

use crate::data::{Forecasts, Targets};
use crate::metrics::{
    ChunkCounts, ChunkScheme, Confusion, Details, EvaluationResult, LabelCounts, Metrics, Task,
    bits_per_token, is_predicted, perplexity,
};
use crate::nn::{Model, Score};

/// Losses and errors, summed over rows, from which the metrics of training follow.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Totals {
    score: Score,
    /// The regularization penalty, once for each row.
    penalty: f64,
}

impl Totals {
    /// Adds a batch: its `score`, and the regularization `penalty` of the weights at that time.
    pub fn add(&mut self, score: Score, penalty: f64) {
        self.score.add(score);
        self.penalty += (penalty + score.activity_penalty()) * score.count;
    }

    /// The metrics of `task`. The loss is that of Keras: the mean over the rows, and the penalty.
    pub fn metrics(&self, task: Task) -> Metrics {
        let Self { score, penalty } = self;
        let mut metrics = Metrics::from([("loss", score.mean_loss() + penalty / score.count)]);
        if !matches!(task, Task::Regression | Task::Forecast) {
            metrics.set("accuracy", score.accuracy());
        }
        match task {
            Task::Regression => {
                metrics.set("mae", score.mae());
                metrics.set("rmse", score.rmse());
            }
            Task::Language => {
                metrics.set("perplexity", perplexity(score.mean_loss()));
                metrics.set("bits_per_token", bits_per_token(score.mean_loss()));
            }
            // The errors of forecasts are in the units of the series: see `Details`.
            Task::Forecast | Task::Binary | Task::Classes | Task::Labels | Task::Tags => {}
        }
        metrics
    }
}

/// Evaluates a network, batch by batch.
#[derive(Debug)]
pub(crate) struct Evaluator {
    task: Task,
    totals: Totals,
    /// The number of rows whose predicted class is legal, if the task has several legal ones.
    legal: Option<f64>,
    details: Details,
    chunks: Option<ChunkCounts>,
}

impl Evaluator {
    /// Creates an evaluator for a `model` of `task`, with a confusion matrix for up to `classes` classes; errors of `forecasts` are in the
    /// units of the series.
    pub fn new(task: Task, model: &Model, classes: usize, forecasts: Option<&Forecasts>) -> Self {
        let details = match (task, model.classes(), model.labels(), forecasts) {
            (Task::Binary | Task::Classes | Task::Tags, Some(n), ..) if n <= classes => {
                Details::Classes(Confusion::new(n))
            }
            (Task::Labels, _, Some(n), _) => Details::Labels(LabelCounts::new(n)),
            (Task::Forecast, .., Some(forecasts)) => {
                Details::Forecast { errors: forecasts.errors(), baselines: forecasts.baselines().to_vec() }
            }
            _ => Details::None,
        };
        Self { task, totals: Totals::default(), legal: None, details, chunks: None }
    }

    /// Also counts the chunks of a tagger whose tags `tags`, in the order of their classes, mark them; `unseen` are tags of the data alone.
    #[must_use]
    pub fn with_chunks<'t>(
        mut self,
        tags: impl Iterator<Item = &'t str>,
        unseen: impl Iterator<Item = &'t str>,
    ) -> Self {
        let scheme = ChunkScheme::of(tags).filter(|_| self.task == Task::Tags);
        self.chunks = scheme.map(|scheme| ChunkCounts::new(scheme.with(unseen)));
        self
    }

    /// The counts of chunks, if there are any.
    pub fn chunks(&mut self) -> Option<&mut ChunkCounts> {
        self.chunks.as_mut()
    }

    /// Adds the score of a batch, and the regularization `penalty` of the weights.
    pub fn add(&mut self, score: Score, penalty: f64) {
        self.totals.add(score, penalty);
    }

    /// Adds the number of rows whose predicted class is legal.
    pub fn add_legal(&mut self, rows: f64) {
        *self.legal.get_or_insert(0.0) += rows;
    }

    /// The confusion matrix, if there is one.
    pub fn confusion(&mut self) -> Option<&mut Confusion> {
        if let Details::Classes(confusion) = &mut self.details { Some(confusion) } else { None }
    }

    /// Whether [`add_output`](Self::add_output) has any effect.
    pub fn needs_outputs(&self) -> bool {
        matches!(self.details, Details::Labels(_) | Details::Forecast { .. })
    }

    /// Adds the `output` of the network for a sequence: the `row`-th of the batch with these `targets`, the number `sequence` of all.
    pub fn add_output(
        &mut self,
        output: &[f32],
        (targets, row): (&Targets, usize),
        (forecasts, sequence): (Option<&Forecasts>, usize),
    ) {
        match (&mut self.details, targets, forecasts) {
            (Details::Labels(counts), Targets::Labels(all), _) if row < all.nrows() => {
                let has = all.row(row);
                counts.add(has.iter().zip(output).map(|(has, p)| (*has > 0.5, is_predicted(*p))));
            }
            (Details::Forecast { errors, .. }, _, Some(forecasts)) => {
                forecasts.add_errors(sequence, output, errors);
            }
            _ => {}
        }
    }

    /// Every metric of the task.
    pub fn result(self) -> EvaluationResult {
        let Self { task, totals, legal, details, chunks } = self;
        let mut metrics = totals.metrics(task);
        if let Some(legal) = legal {
            metrics.set("legal", legal / totals.score.count);
        }
        details.set_metrics(&mut metrics);
        if let Some(total) = chunks.as_ref().map(ChunkCounts::total) {
            metrics.set("entity_precision", total.precision());
            metrics.set("entity_recall", total.recall());
            metrics.set("entity_f1", total.f1());
        }
        EvaluationResult { count: totals.score.count as u64, metrics, details, chunks }
    }
}
