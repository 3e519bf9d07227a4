//! Inference: a run's weights put to use, without its data. A [`Predictor`] classifies, tags or forecasts, and is evaluated on other data;
//! a [`Generator`] continues a text.
//!
//! ```text
//! run folder: spec.yaml ─ preset ─→ nn::Model ─┐
//!             checkpoints/… ─→ Params ─────────┴─→ Network ─→ Classifier · Tagger · Forecaster · Generator
//!             labels.json, vocabulary.json, scale.json ─────────▲
//! ```

mod classifier;
mod error;
mod evaluation;
mod evaluator;
mod forecast_stream;
mod forecaster;
mod generator;
mod language_model;
mod network;
mod stream;
mod tagger;

use std::path::Path;

use crate::data::{DataSpec, TargetForm};
use crate::nn::Shape;
use crate::run::checkpoint::Which;

pub use classifier::{Classifier, Prefix};
pub use error::InferError;
pub use evaluation::{Evaluation, Mistake, Sentences, most_likely};
pub(crate) use evaluator::{Evaluator, Totals};
pub use forecast_stream::ForecastStream;
pub use forecaster::{Forecast, ForecastEvaluation, Forecaster, WorstForecast};
pub use generator::Generator;
pub use language_model::{LanguageModel, TextEvaluation};
pub(crate) use network::Network;
pub use stream::{NetworkStream, StreamState};
pub use tagger::{TaggedSentence, TaggedWord, Tagger};

/// A trained network, by its task.
#[derive(Debug)]
pub enum Predictor {
    /// Texts, or sequences of numbers: a class, or several labels.
    Classifier(Classifier),
    /// Sentences: the class of every word.
    Tagger(Tagger),
    /// Series: the next values.
    Forecaster(Forecaster),
    /// Texts: how well they are predicted.
    LanguageModel(LanguageModel),
}

impl Predictor {
    /// Opens the run in the folder `run`, from `spec.yaml`, a checkpoint, and those of `labels.json`, `vocabulary.json` and `scale.json` that
    /// its kind of data has.
    ///
    /// # Errors
    /// When one of them is missing, has changed since training, or is inconsistent with the others, or when the network has no prediction
    /// for user data.
    pub fn open(run: &Path, which: Which) -> Result<Self, InferError> {
        let predictor = Self::open_unchecked(run, which)?;
        predictor.network().check_files()?;
        Ok(predictor)
    }

    fn open_unchecked(run: &Path, which: Which) -> Result<Self, InferError> {
        let spec = Network::spec(run, None, &[])?;
        let output = spec.model().map_err(|e| InferError::Task(e.to_string()))?.output();
        let refuse = |message: &str| Err(InferError::Task(format!("{}: {message}", run.display())));
        match (&spec.data, spec.form().targets, output) {
            (DataSpec::Series(series), ..) => {
                let series = series.clone();
                Ok(Self::Forecaster(Forecaster::open(run, spec, series, which)?))
            }
            (DataSpec::Tags(_), ..) => Ok(Self::Tagger(Tagger::open(run, spec, which)?)),
            (_, TargetForm::Classes(_) | TargetForm::Labels(_), Shape::Vector { .. }) => {
                Ok(Self::Classifier(Classifier::open(run, spec, which)?))
            }
            (DataSpec::Text(_), ..) => Ok(Self::LanguageModel(LanguageModel::open(run, spec, which)?)),
            // The other sources are generated.
            _ => refuse(
                "this network was trained on generated sequences, so there are no other data to predict; its metrics are in \
                 metrics.jsonl",
            ),
        }
    }

    /// The number of updates of the weights.
    pub fn step(&self) -> u64 {
        self.network().step
    }

    fn network(&self) -> &Network {
        match self {
            Self::Classifier(classifier) => &classifier.network,
            Self::Tagger(tagger) => &tagger.network,
            Self::Forecaster(forecaster) => &forecaster.network,
            Self::LanguageModel(model) => &model.network,
        }
    }
}
