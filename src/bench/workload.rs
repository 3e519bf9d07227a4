use serde::Deserialize;

use super::stage::Stage;
use super::zipf::Zipf;
use crate::data::{Batch, Dataset, Inputs, Targets};
use crate::nn::{Activation, BuildError, Dense, Embedding, Loss, Model, Shape};
use crate::rng::Rng;
use ndarray::Array2;

/// The number of batches used in turn, so that the data of a step are not in the cache.
const BATCHES: usize = 16;
/// The exponent by which the k-th most frequent token has probability `∝ k^−1.2`: somewhat like words of a language.
const EXPONENT: f64 = 1.2;

/// A network and the data of its training steps: `task`, sizes and layers in a file of workloads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// Its name; in a file the key before the braces.
    #[serde(skip)]
    pub name: String,
    task: Task,
    /// The number of token ids.
    vocab: usize,
    /// The dimension of the embedding.
    embed: usize,
    /// The number of sequences of a step.
    batch: usize,
    /// The number of tokens of a sequence.
    length: usize,
    stack: Vec<Stage>,
}

/// The task of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Task {
    /// One of two classes a sequence: binary cross-entropy of a sigmoid.
    Binary,
    /// The next token at every step: categorical cross-entropy of a softmax over the vocabulary.
    Lm,
}

impl Workload {
    /// The number of sequences of a step.
    pub fn sequences(&self) -> usize {
        self.batch
    }

    /// The number of tokens of a step.
    pub fn tokens(&self) -> usize {
        self.batch * self.length
    }

    /// The network: an Embedding without a mask, the stack, and a Dense with the task's activation.
    ///
    /// # Errors
    /// The first layer that does not fit; layers are numbered from 0, the Embedding.
    pub fn model(&self) -> Result<Model, BuildError> {
        let mut layers = vec![Embedding { output_dim: self.embed, ..Embedding::default() }.into()];
        for (i, stage) in self.stack.iter().enumerate() {
            layers.extend(stage.layers(self.task == Task::Lm || i + 1 < self.stack.len()));
        }
        let (units, activation, loss) = match self.task {
            Task::Binary => (1, Activation::Sigmoid, Loss::BinaryCrossentropy),
            Task::Lm => (self.vocab, Activation::Softmax, Loss::SparseCategoricalCrossentropy),
        };
        layers.push(Dense { units, activation, ..Dense::default() }.into());
        Model::build(&layers, Shape::Ids { time: self.length, vocabulary: self.vocab }, loss)
    }

    /// The training data: ids sampled by Zipf's law, random targets.
    pub fn data(&self) -> Dataset {
        let mut rng = Rng::new(0, "bench", 0);
        let (shape, zipf) = ((BATCHES * self.batch, self.length), Zipf::new(EXPONENT, self.vocab));
        let inputs = Array2::from_shape_simple_fn(shape, || zipf.draw(&mut rng));
        let targets = match self.task {
            Task::Binary => Targets::Classes((0..shape.0).map(|_| rng.below(2) as u32).collect()),
            Task::Lm => Targets::Steps(Array2::from_shape_simple_fn(shape, || rng.below(self.vocab) as u32)),
        };
        Dataset { inputs: Inputs::Tokens(inputs), targets }
    }

    /// `data` divided into batches.
    pub fn batches(&self, data: &Dataset) -> Vec<Batch> {
        let batch = |i: usize| {
            let mut batch = Batch::default();
            batch.fill(data, i * self.batch..(i + 1) * self.batch);
            batch
        };
        (0..BATCHES).map(batch).collect()
    }

    /// The first invalid field with a message, if there is one.
    pub(super) fn misfit(&self) -> Option<(&'static str, String)> {
        /// Ids are `u32`, and larger steps would take too long.
        const MOST: usize = 1 << 24;
        for (field, size) in [("batch", self.batch), ("length", self.length), ("vocab", self.vocab)] {
            if !(1..=MOST).contains(&size) {
                return Some((field, format!("found {size}; expected a whole number from 1 to {MOST}")));
            }
        }
        if self.batch.saturating_mul(self.length) > MOST {
            let message = format!("{} × {} tokens a step are too many", self.batch, self.length);
            return Some(("length", format!("{message}; {MOST} are possible")));
        }
        self.model().err().map(|error| ("stack", error.to_string()))
    }
}
