//! The sizes of buffers, known before they are allocated.

/// The size of a shard of which [`Model::activation_bytes`](super::Model::activation_bytes) counts the buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardSize {
    /// Sequences.
    pub rows: usize,
    /// Distinct token ids among them.
    pub distinct: usize,
    /// Whether gates are recomputed in the backward pass: see [`Model::recurrent_bytes`](super::Model::recurrent_bytes).
    pub recompute: bool,
    /// The passes made.
    pub passes: Passes,
}

/// The passes that have used the buffers of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passes {
    /// Forward in evaluation.
    Evaluate,
    /// Forward and backward in training.
    Train,
    /// The same with an observer, for whom recurrent layers save δ of all steps unless they recompute gates.
    Watch,
}

impl Passes {
    /// Whether one of them is a backward pass.
    pub fn trains(self) -> bool {
        self != Self::Evaluate
    }
}

/// The size of a layer's input in one shard.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Time steps of its first input.
    pub time: usize,
    /// Numbers a step of its first input; of ids the size of their vocabulary.
    pub features: usize,
    /// Time steps of its last input: those that a layer with two attends to.
    pub keys: usize,
    /// Sequences.
    pub rows: usize,
    /// Distinct token ids, where the first input comes in [rows](super::Signal::Rows).
    pub distinct: Option<usize>,
    /// Whether gates are recomputed in the backward pass.
    pub recompute: bool,
    /// The passes made.
    pub passes: Passes,
}

impl Extent {
    /// Steps of all sequences.
    pub fn positions(&self) -> usize {
        self.rows * self.time
    }

    /// `numbers`, if there is a backward pass.
    pub fn in_training(&self, numbers: usize) -> usize {
        if self.passes.trains() { numbers } else { 0 }
    }
}
