use std::fmt;
use std::ops::RangeInclusive;

use ndarray::ArrayView3;

use super::cache::Cache;
use super::error::LayerConfigError;
use super::extent::Extent;
use super::params::ParamSpec;
use super::{Block, Lookup, Mask, Observer, Signal, Weights};
use crate::protocol::Direction;
use crate::rng::Rng;

/// Inputs that a layer can read at most.
pub const MAX_INPUTS: usize = 8;

/// One layer: its configuration and its arithmetic. Parameters, activations and gradients lie outside it.
pub trait Layer: fmt::Debug + Send + Sync {
    /// What `forward` saves for `backward`, of one shard.
    type Cache: Cache
    where
        Self: Sized;

    /// Keras's class name.
    fn class(&self) -> &'static str;

    /// The configuration in a few words, for the model table.
    fn detail(&self) -> String {
        String::new()
    }

    /// How many inputs it reads; at most [`MAX_INPUTS`].
    fn arity(&self) -> RangeInclusive<usize> {
        1..=1
    }

    /// The shape of its output, or why it cannot read `inputs` (as many as [`Layer::arity`] allows).
    ///
    /// # Errors
    /// When inputs or configuration do not fit, with what would fit.
    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError>;

    /// Its parameters when it reads `inputs`, in Keras's order.
    fn params(&self, _inputs: &[Shape]) -> Vec<ParamSpec> {
        Vec::new()
    }

    /// How the mask passes on.
    fn mask(&self) -> MaskRule {
        MaskRule::Keep
    }

    /// Empty unless recurrent: the directions in which it reads, `None` when there is but one.
    fn directions(&self) -> &'static [Option<Direction>] {
        &[]
    }

    /// Writes the output for `ctx.inputs`, and saves in `cache` what `backward` needs.
    fn forward(&self, ctx: ForwardContext<'_>, cache: &mut Self::Cache, output: &mut LayerOutput)
    where
        Self: Sized;

    /// *Adds* ∂L/∂parameters to `ctx.param_grads` and *writes* ∂L/∂inputs to `ctx.input_grads`, from ∂L/∂output in `ctx.upstream_grad`,
    /// which it may overwrite.
    fn backward(&self, ctx: BackwardContext<'_>, cache: &mut Self::Cache)
    where
        Self: Sized;

    /// Whether it can read [`Signal::Rows`]; its ∂L/∂input is then that of the rows, `[1, rows, features]`.
    fn reads_rows(&self) -> bool {
        false
    }

    /// Whether its one parameter is a table `[rows, width]` of which a batch touches few rows. `backward` then leaves the gradient of
    /// each row of [`LayerOutput::lookup`]'s distinct ids in `upstream_grad`, `[1, ids, width]`, and nothing in `param_grads`.
    fn has_sparse_gradient(&self) -> bool {
        false
    }

    /// Numbers that a recurrent layer saves of every step of a sequence and can recompute: see
    /// [`Model::recurrent_bytes`](super::Model::recurrent_bytes).
    fn recurrent_numbers(&self) -> usize {
        0
    }

    /// Numbers of 4 bytes in its cache: see
    /// [`Model::activation_bytes`](super::Model::activation_bytes).
    fn cache_numbers(&self, _extent: &Extent) -> usize {
        0
    }

    /// The attention weights of each head in the last forward pass, before any dropout: `[batch, query time, key time]`, rows summing
    /// to 1. Empty unless the layer attends.
    fn attention<'a>(&self, _cache: &'a Self::Cache) -> Vec<ArrayView3<'a, f32>>
    where
        Self: Sized,
    {
        Vec::new()
    }
}

/// The shape of a layer's input or output, without the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Token ids, `[time]`, all below `vocabulary`.
    Ids {
        /// Time steps.
        time: usize,
        /// How many ids there are.
        vocabulary: usize,
    },
    /// `[time, features]`.
    Sequence {
        /// Time steps.
        time: usize,
        /// Numbers a step.
        features: usize,
    },
    /// `[features]`.
    Vector {
        /// Numbers.
        features: usize,
    },
}

impl Shape {
    /// As Keras prints it: the batch is `None`.
    pub fn keras(self) -> Vec<Option<usize>> {
        match self {
            Self::Ids { time, .. } => vec![None, Some(time)],
            Self::Sequence { time, features } => vec![None, Some(time), Some(features)],
            Self::Vector { features } => vec![None, Some(features)],
        }
    }

    /// Numbers a row.
    ///
    /// # Errors
    /// For token ids: the layer `who` needs an Embedding before it.
    pub fn features(self, who: &str) -> Result<usize, LayerConfigError> {
        match self {
            Self::Sequence { features, .. } | Self::Vector { features } => Ok(features),
            Self::Ids { .. } => Err(LayerConfigError::new(
                format!("{who} reads numbers, but token ids reach it"),
                "put an Embedding before it",
            )),
        }
    }

    /// Time steps and features.
    ///
    /// # Errors
    /// For ids and for vectors, which have no time.
    pub fn sequence(self, who: &str) -> Result<(usize, usize), LayerConfigError> {
        match self {
            Self::Sequence { time, features } => Ok((time, features)),
            Self::Ids { .. } => self.features(who).map(|f| (0, f)),
            Self::Vector { features } => Err(LayerConfigError::new(
                format!("{who} reads a sequence [time, features], but one vector [{features}] reaches it"),
                "give the recurrent layer before it `return_sequences: true`, or take this layer out",
            )),
        }
    }
}

/// How a mask passes through a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaskRule {
    /// It passes on to the next layer.
    Keep,
    /// It ends here.
    Drop,
    /// That of the first input passes on; its inputs may have different masks, and different lengths.
    First,
    /// A step is data where it is in any input; where one input has no mask, neither has the output.
    Any,
    /// A new one is written to [`LayerOutput::mask`].
    Make,
}

/// Whether the network is training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Training: dropout is active, and depends on these numbers and the layer alone.
    Train {
        /// The run's seed.
        seed: u64,
        /// Optimizer updates made before.
        step: u64,
        /// The place in the batch of the shard's first sequence.
        first_row: usize,
    },
    /// Evaluation and prediction.
    Evaluate,
}

/// The context of one pass through one layer.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// Training or evaluation.
    pub mode: Mode,
    /// The layer's number.
    pub layer: usize,
    /// The mask that reaches the layer: its first input's.
    pub mask: Option<&'a Mask>,
    /// Whether recurrent layers save gates of one segment of time only, and recompute them in the backward pass.
    pub recompute: bool,
    /// Whether all layers that read it [read rows](Layer::reads_rows).
    pub to_rows: bool,
    /// Sequences of the whole batch, by which activity penalties are divided.
    pub batch: usize,
    /// The mask of each input.
    pub masks: [Option<&'a Mask>; MAX_INPUTS],
}

impl Pass<'_> {
    /// The random numbers of this layer for one sequence of the shard, in training: by seed, step, layer and the sequence's
    /// place in the batch, so that neither shards nor threads change it. `purpose` separates several uses in a layer.
    pub fn dropout_rng(&self, purpose: &str, row: usize) -> Option<Rng> {
        let Mode::Train { seed, step, first_row } = self.mode else { return None };
        // Layers and rows are below 2^16 and 2^24: one index for the three.
        let index = (step << 40) ^ ((self.layer as u64) << 24) ^ (first_row + row) as u64;
        Some(Rng::new(seed, purpose, index))
    }
}

/// What a layer writes for the layers that read it, of one shard; reused from step to step.
#[derive(Debug, Default)]
pub struct LayerOutput {
    /// The output, `[time, batch, features]`; of a layer read in rows the vectors of the distinct ids, `[1, distinct, features]`.
    pub values: Block,
    /// The mask, of a layer that makes one.
    pub mask: Mask,
    /// Distinct ids, of a layer that looks them up.
    pub lookup: Lookup,
}

impl LayerOutput {
    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.values.bytes() + self.mask.bytes() + self.lookup.bytes()
    }
}

/// What [`Layer::forward`] reads.
#[derive(Debug, Clone, Copy)]
pub struct ForwardContext<'a> {
    /// Mode and masks.
    pub pass: &'a Pass<'a>,
    /// The layer's parameters.
    pub weights: Weights<'a>,
    /// Its inputs.
    pub inputs: &'a [Signal<'a>],
}

/// What [`Layer::backward`] reads and writes.
#[expect(missing_debug_implementations)] // an observer has none
pub struct BackwardContext<'a> {
    /// Mode and masks, as in `forward`.
    pub pass: &'a Pass<'a>,
    /// The layer's parameters.
    pub weights: Weights<'a>,
    /// Its inputs.
    pub inputs: &'a [Signal<'a>],
    /// What `forward` wrote.
    pub output: &'a LayerOutput,
    /// ∂L/∂output; may be overwritten.
    pub upstream_grad: &'a mut Block,
    /// ∂L/∂parameters, tensor after tensor in the order of [`Layer::params`]; added to.
    pub param_grads: &'a mut [f32],
    /// ∂L/∂input, a block for each input; written. `None` where no layer before it needs them.
    pub input_grads: Option<&'a mut [Block]>,
    /// On watched steps: receives every unrolled step of a recurrent layer.
    pub observer: Option<&'a mut dyn Observer>,
}
