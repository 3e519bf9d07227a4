use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::cache::layer_cache;
use super::error::LayerConfigError;
use super::extent::Extent;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, MaskRule, Shape};
use super::params::ParamSpec;
use super::{Block, Constraint, IndexedRows, Initializer, Regularizer};
use crate::kernel::gather_rows;

/// Looks up a vector for every token id.
///
/// ```text
/// out[t] = E[id[t]]                E: embeddings [input_dim, output_dim]
/// ∂L/∂E[i] = Σ over all t with id[t] = i of ∂L/∂out[t]
/// ```
/// Each distinct id of a shard is looked up once: layers that can (see [`Layer::reads_rows`]) read those vectors, and give back their
/// gradients, instead of one a position.
///
/// With `mask_zero`, id 0 is padding, and the mask passes on to later layers.
///
/// With `vectors`, `E` starts from pretrained vectors: the row of a word in the file is its vector, that of padding is 0,
/// all others come from `embeddings_initializer`. With `trainable: false` they are frozen. (Keras: a matrix as the layer's weights.)
///
/// Source: `keras/src/layers/core/embedding.py`. `[batch, time] → [batch, time, output_dim]`.
///
/// ```
/// use unrolled_engine::nn::{Embedding, Layer, Shape};
/// let layer = Embedding { input_dim: Some(1000), output_dim: 50, ..Embedding::default() };
/// let out = layer.output(&[Shape::Ids { time: 200, vocabulary: 1000 }]);
/// assert_eq!(out, Ok(Shape::Sequence { time: 200, features: 50 }));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    /// Number of ids; the vocabulary's size when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_dim: Option<usize>,
    /// Numbers a token.
    pub output_dim: usize,
    /// Whether id 0 is padding that later layers leave out.
    #[serde(default)]
    pub mask_zero: bool,
    /// The initializer of `E`.
    #[serde(default = "random_uniform")]
    pub embeddings_initializer: Initializer,
    /// The regularizer of `E`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embeddings_regularizer: Option<Regularizer>,
    /// The constraint of `E`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embeddings_constraint: Option<Constraint>,
    /// Pretrained vectors for `E`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vectors: Option<PretrainedVectors>,
}

/// Pretrained word vectors, read by the part that knows the vocabulary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PretrainedVectors {
    /// A file of text, plain or gzip, in the form of GloVe, fastText or word2vec: a word and its numbers a line.
    pub path: PathBuf,
    /// What to fetch and where to put it, in words: shown when the file is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
}

fn random_uniform() -> Initializer {
    Initializer::RANDOM_UNIFORM
}

impl Default for Embedding {
    fn default() -> Self {
        Self {
            input_dim: None,
            output_dim: 1,
            mask_zero: false,
            embeddings_initializer: random_uniform(),
            embeddings_regularizer: None,
            embeddings_constraint: None,
            vectors: None,
        }
    }
}

layer_cache! {
    /// The cache of an [`Embedding`] whose reader needs a vector at every position.
    EmbeddingCache {
        /// The vectors of the distinct ids, `[1, distinct, output_dim]`.
        rows: Block,
        /// Their gradients.
        row_grads: Block,
    }
}

impl Layer for Embedding {
    type Cache = EmbeddingCache;

    fn class(&self) -> &'static str {
        "Embedding"
    }

    fn detail(&self) -> String {
        let all = [(self.mask_zero, "mask_zero"), (self.vectors.is_some(), "vectors")];
        all.iter().filter(|(has, _)| *has).map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        let Shape::Ids { time, vocabulary } = inputs[0] else {
            return Err(LayerConfigError::new(
                "Embedding reads token ids, but numbers reach it",
                "let it be the first layer, or name a channel of the data under `inputs`",
            ));
        };
        if let Some(rows) = self.input_dim.filter(|rows| *rows < vocabulary) {
            return Err(LayerConfigError::of(
                "input_dim",
                format!("`input_dim` is {rows}, but there are {vocabulary} token ids"),
                format!(
                    "it must be at least {vocabulary}; leave it out to get just that, or lower `tokens.vocabulary`"
                ),
            ));
        }
        Ok(Shape::Sequence { time, features: LayerConfigError::positive("output_dim", self.output_dim)? })
    }

    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        let vocabulary = if let Shape::Ids { vocabulary, .. } = inputs[0] { vocabulary } else { 0 };
        let rows = self.input_dim.unwrap_or(vocabulary);
        let table = ParamSpec::new("embeddings", &[rows, self.output_dim], self.embeddings_initializer);
        let table = table.with_regularizer(self.embeddings_regularizer);
        vec![table.with_constraint(self.embeddings_constraint)]
    }

    fn mask(&self) -> MaskRule {
        if self.mask_zero { MaskRule::Make } else { MaskRule::Drop }
    }

    fn forward(&self, ctx: ForwardContext<'_>, cache: &mut Self::Cache, output: &mut LayerOutput) {
        let (ids, size, table) = (ctx.inputs[0].ids(), self.output_dim, ctx.weights.get(0));
        let LayerOutput { values, mask, lookup } = output;
        lookup.of_ids(ids, table.len() / size);
        let rows = if ctx.pass.to_rows { &mut *values } else { &mut cache.rows };
        rows.reshape(1, lookup.distinct().len(), size);
        gather_rows(rows.data_mut(), table, lookup.distinct(), size);
        if !ctx.pass.to_rows {
            IndexedRows::new(&cache.rows, lookup).spread(values);
        }
        if self.mask_zero {
            mask.of_ids(ids);
        }
    }

    fn backward(&self, ctx: BackwardContext<'_>, cache: &mut Self::Cache) {
        let BackwardContext { output, pass, upstream_grad, .. } = ctx;
        // Ids have no gradient, and the table's is scattered: a batch touches few of its rows.
        if !pass.to_rows {
            let EmbeddingCache { rows, row_grads } = cache;
            IndexedRows::new(rows, &output.lookup).gather(upstream_grad, row_grads);
            std::mem::swap(upstream_grad, row_grads);
        }
    }

    fn cache_numbers(&self, extent: &Extent) -> usize {
        // Ids with their places; the places of the whole vocabulary, a number and a byte each.
        let vocabulary = self.input_dim.unwrap_or(extent.features);
        2 * extent.positions() + vocabulary + vocabulary / 4
    }

    fn has_sparse_gradient(&self) -> bool {
        true
    }
}
