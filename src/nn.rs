//! Networks: one layer a file with its forward, its backward and its maths; initializers, loss, model.
//!
//! A [`Layer`] is its configuration and no more. Parameters lie in one flat [`Params`] and do not change during a step;
//! what a step saves lies in a [`Cache`] of the layer's own type, which belongs to a [`Shard`] of the batch, as do the gradients. So shards of
//! one batch run on several threads, and [`Gradient`] sums their gradients in a fixed order: the bits do not depend on the threads.
//!
//! At public boundaries tensors are `[batch, time, features]`; inside they are time-major [`Block`]s, `[time, batch, features]`,
//! because a recurrent layer works step by step on whole batches.

mod activation;
mod additive_attention;
mod affine;
mod attention;
mod average_pooling1d;
mod axes;
mod bidirectional;
mod block;
mod cache;
mod concatenate;
mod constraint;
mod conv1d;
mod defaults;
mod dense;
mod dropout;
mod embedding;
mod error;
mod flatten;
mod global_average_pooling1d;
mod global_max_pooling1d;
mod gradient;
mod gru;
mod initializer;
mod keras_object;
mod layer;
mod layer_name;
mod layer_normalization;
mod loss;
mod loss_spec;
mod loss_terms;
mod lstm;
mod masking;
mod max_pooling1d;
mod metrics;
mod model;
mod multi_head_attention;
mod observe;
mod params;
mod pooling;
mod recurrent;
mod recurrent_spec;
mod recurrent_trace;
mod regularizer;
mod repeat_vector;
mod score;
mod shard;
mod simple_rnn;
mod spatial_dropout1d;
mod spec;
mod stepwise;
mod targets;
mod window;

pub use activation::Activation;
pub use additive_attention::AdditiveAttention;
pub use attention::{Attention, ScoreMode};
pub use average_pooling1d::AveragePooling1D;
pub use axes::Axes;
pub use bidirectional::{Bidirectional, Merge};
pub use block::{Block, Ids, IndexedRows, Lookup, Mask, Signal};
pub use cache::Cache;
pub use concatenate::Concatenate;
pub use constraint::Constraint;
pub use conv1d::Conv1D;
pub use dense::Dense;
pub use dropout::Dropout;
pub use embedding::{Embedding, PretrainedVectors};
pub use error::LayerConfigError;
pub use flatten::Flatten;
pub use global_average_pooling1d::GlobalAveragePooling1D;
pub use global_max_pooling1d::GlobalMaxPooling1D;
pub use gradient::Gradient;
pub use gru::GRU;
pub use initializer::{Distribution, FanMode, Initializer};
pub use keras_object::KerasObject;
pub use layer::{
    BackwardContext, Extent, ForwardContext, Layer, LayerOutput, MAX_INPUTS, MaskRule, Mode, Pass, Shape,
};
pub use layer_normalization::LayerNormalization;
pub use loss::Loss;
pub use loss_spec::LossSpec;
pub use lstm::LSTM;
pub use masking::Masking;
pub use max_pooling1d::MaxPooling1D;
pub use model::{BuildError, Model};
pub use multi_head_attention::MultiHeadAttention;
pub use observe::{GradientNorms, Observer, Unrolled};
pub use params::{Param, ParamSpec, Params, Weights};
pub use recurrent::{CarriedState, CarriedStateError, Cell, PackedWeights, Quantity, RecurrentBuffers};
pub use recurrent_spec::RecurrentSpec;
pub use recurrent_trace::RecurrentTrace;
pub use regularizer::Regularizer;
pub use repeat_vector::RepeatVector;
pub use score::Score;
pub use shard::{Input, Shard};
pub use simple_rnn::SimpleRNN;
pub use spatial_dropout1d::SpatialDropout1D;
pub use spec::{InputRef, LayerNode, LayerSpec};
pub use stepwise::Stepwise;
pub use targets::{TargetRows, TargetsView};
pub use window::Padding;
