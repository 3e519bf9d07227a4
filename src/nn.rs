//! Networks: one layer a file with its forward, its backward and its maths; initialisers, loss, model.
//!
//! A [`Layer`] is its configuration and no more. Parameters lie in one flat [`Params`] and do not change during a step;
//! what a step remembers lies in a [`Tape`], which belongs to a [`Shard`] of the batch, as do the gradients. So shards of
//! one batch run on several threads, and their gradients are summed in a fixed order: the bits do not depend on the threads.
//!
//! At public boundaries tensors are `[batch, time, features]`; inside they are time-major [`Block`]s, `[time, batch, features]`,
//! because a recurrent layer works step by step on whole batches.

mod activation;
mod bidirectional;
mod block;
mod concatenate;
mod dense;
mod embedding;
mod flatten;
mod gru;
mod init;
mod layer;
mod loss;
mod lstm;
mod model;
mod observe;
mod params;
mod penalty;
mod pooling;
mod recurrent;
mod shard;
mod simple_rnn;
mod spec;
mod targets;

pub use activation::Activation;
pub use bidirectional::{Bidirectional, Merge};
pub use block::{Block, Ids, Mask, Signal};
pub use concatenate::Concatenate;
pub use dense::Dense;
pub use embedding::Embedding;
pub use flatten::Flatten;
pub use gru::GRU;
pub use init::Initializer;
pub use layer::{Layer, MAX_INPUTS, MaskRule, Misfit, Mode, ParamSpec, Pass, Shape, Tape};
pub use loss::{Loss, Score};
pub use lstm::LSTM;
pub use model::{BuildError, Model};
pub use observe::{GradientNorms, Observer, Unrolled};
pub use params::{Param, Params, Weights};
pub use penalty::Penalty;
pub use pooling::GlobalAveragePooling1D;
pub use recurrent::{Cell, Held, Unroll};
pub use shard::{Input, Shard};
pub use simple_rnn::SimpleRNN;
pub use spec::{LayerSpec, Placed};
pub use targets::{Answers, Targets};
