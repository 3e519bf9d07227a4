use std::collections::BTreeSet;

/// A definition that a generated module may need, in the order in which the module has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Snippet {
    BoundedRelu,
    Squareplus,
    SparsePlus,
    SparseSigmoid,
    Sparsemax,
    AveragePool,
    Carried,
    RunMasked,
    Rnn,
    Lstm,
    Gru,
    GruResetBefore,
    WeightedValues,
    Attention,
    AdditiveAttention,
    MultiHeadAttention,
}

/// Definitions that a module needs, in its order.
pub(super) type Snippets = BTreeSet<Snippet>;

impl Snippet {
    /// The definition.
    pub fn text(self) -> &'static str {
        match self {
            Self::BoundedRelu => include_str!("code/bounded_relu.py"),
            Self::Squareplus => include_str!("code/squareplus.py"),
            Self::SparsePlus => include_str!("code/sparse_plus.py"),
            Self::SparseSigmoid => include_str!("code/sparse_sigmoid.py"),
            Self::Sparsemax => include_str!("code/sparsemax.py"),
            Self::AveragePool => include_str!("code/average_pool.py"),
            Self::Carried => include_str!("code/carried.py"),
            Self::RunMasked => include_str!("code/run_masked.py"),
            Self::Rnn => include_str!("code/rnn.py"),
            Self::Lstm => include_str!("code/lstm.py"),
            Self::Gru => include_str!("code/gru.py"),
            Self::GruResetBefore => include_str!("code/gru_reset_before.py"),
            Self::WeightedValues => include_str!("code/weighted_values.py"),
            Self::Attention => include_str!("code/attention.py"),
            Self::AdditiveAttention => include_str!("code/additive_attention.py"),
            Self::MultiHeadAttention => include_str!("code/multi_head_attention.py"),
        }
    }
}
