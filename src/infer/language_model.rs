use std::path::Path;

use super::network::{Network, damaged};
use super::{InferError, NetworkStream};
use crate::data::{DataSpec, Targets, TextSpec, TokenSpec, Vocabulary, test_of};
use crate::metrics::{EvaluationResult, bits_per_token};
use crate::nn::{Mode, Shard};
use crate::preset::RunSpec;
use crate::run::{checkpoint::Which, read_json};
use crate::step::{network_input, network_targets};

/// The number of windows of a batch, where no state is carried from one to the next.
const BATCH: usize = 64;

/// A trained language model.
#[derive(Debug)]
pub struct LanguageModel {
    pub(super) network: Network,
    tokens: TokenSpec,
    vocabulary: Vocabulary,
}

/// How well a language model predicts the tokens of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct TextEvaluation {
    /// Loss a token in nats, accuracy, perplexity, bits a token, bits a character.
    pub result: EvaluationResult,
    /// The share of the tokens that are not in the vocabulary.
    pub unknown: f64,
    /// The number of tokens at the ends of streams that fill no window.
    pub unread: usize,
    /// The number of streams, each of which begins without a context.
    pub streams: usize,
    /// The file.
    pub source: String,
}

impl LanguageModel {
    pub(super) fn open(run: &Path, spec: RunSpec, which: Which) -> Result<Self, InferError> {
        let network = Network::open(run, spec, which)?;
        let Some(tokens) = network.spec.token_spec() else {
            return Err(InferError::Task(format!("{}: spec.yaml has no tokens", run.display())));
        };
        let vocabulary: Vocabulary = read_json(run, "vocabulary.json")?;
        if let Some(what) = vocabulary.incompatibility(tokens.vocabulary) {
            return Err(damaged(run, "vocabulary.json", what));
        }
        Ok(Self { network, tokens, vocabulary })
    }

    /// A stream of tokens for this network, before the first one.
    ///
    /// # Errors
    /// When the network does not read texts token by token.
    pub fn stream(&self) -> Result<NetworkStream<'_>, InferError> {
        NetworkStream::new(&self.network)
    }

    /// Reads the tokens of `text`, which continue those of `stream`.
    ///
    /// # Errors
    /// When a probability is not finite.
    pub fn read_on(&self, stream: &mut NetworkStream<'_>, text: &str) -> Result<(), InferError> {
        let ids = self.vocabulary.encode(text, self.tokens.level);
        ids.into_iter().try_for_each(|id| stream.read(id).map(drop))
    }

    /// The `most` most likely tokens after what `stream` has read, with their probabilities among all tokens but padding and the unknown one,
    /// the most likely first; `None` before the first token.
    pub fn next_tokens(&self, stream: &NetworkStream<'_>, most: usize) -> Option<Vec<(&str, f32)>> {
        let known = stream.answer()?.iter().copied().take(self.vocabulary.len()).enumerate();
        let mut words: Vec<(usize, f32)> = known.skip(Vocabulary::FIRST as usize).collect();
        let sum: f32 = words.iter().map(|(_, p)| p).sum();
        words.sort_by(|a, b| b.1.total_cmp(&a.1));
        words.truncate(most);
        Some(words.into_iter().map(|(id, p)| (self.vocabulary.word(id as u32), p / sum)).collect())
    }

    /// Evaluates the network on the run's validation text, or on all of the file `moved`, with the overrides `set` of the spec, in windows and
    /// streams as in training: of the run's own text the loss is that of its last validation.
    ///
    /// # Errors
    /// When the text is missing, invalid or too short, when nothing is held out, and when an output is not finite.
    pub fn evaluate(&self, moved: Option<&Path>, set: &[String]) -> Result<TextEvaluation, InferError> {
        let spec = self.network.spec_with(moved, set)?;
        let DataSpec::Text(text) = &spec.data else {
            let message = format!("{}: this network continues a text", spec.data.source().description());
            return Err(InferError::Task(message));
        };
        let model = &self.network.model;
        let carries = model.is_stateful();
        let streams = if carries { self.network.spec.train.batch_size } else { 1 };
        // Of a folder of training and test data the test data are evaluated, of others all data.
        let test = moved.and_then(test_of);
        let path = test.unwrap_or_else(|| text.path.clone());
        let text = &TextSpec { path, ..text.clone() };
        let known = (&self.vocabulary, &self.tokens);
        let Some(found) = text.evaluation_text(moved.is_some(), streams, known)? else {
            let message = "the run has no validation data; name some with --data";
            return Err(InferError::Task(message.to_owned()));
        };
        let (mut evaluator, mut shard) =
            (self.network.evaluator(None), Shard::new(model, &self.network.params));
        let (all, batch) = (found.data.len(), if carries { found.streams } else { BATCH });
        for start in (0..all).step_by(batch) {
            let rows = start..(start + batch).min(all);
            if !carries {
                shard.reset_states();
            }
            shard.load(
                network_input(&found.data.inputs).part(rows.clone()),
                network_targets(&found.data.targets, rows),
            );
            shard.forward(model, &self.network.params, Mode::Evaluate);
            evaluator.add(shard.score(model), self.network.params.regularization_loss());
        }
        debug_assert!(
            matches!(found.data.targets, Targets::Steps(_)),
            "a language model has a target a step"
        );
        let mut result = evaluator.result();
        let loss = result.metrics.get("loss").unwrap_or(f64::NAN);
        if !loss.is_finite() {
            return Err(self.network.not_finite());
        }
        result.metrics.set("bits_per_character", bits_per_token(loss) / found.characters);
        let (unknown, unread, streams) = (found.unknown, found.unread, found.streams);
        Ok(TextEvaluation { result, unknown, unread, streams, source: found.source })
    }
}
