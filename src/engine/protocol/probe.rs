use serde::{Deserialize, Serialize};

/// The weights with which one head of an attention layer has read a probe, rows summing to 1.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AttentionWeights {
    /// The layer's number.
    pub layer: usize,
    /// The head, from 0.
    pub head: usize,
    /// Columns of `values`: the steps that are attended to.
    pub keys: usize,
    /// The entry of [`ProbeText::tokens`](super::ProbeText::tokens) of the first row; `None` where queries are other steps than the tokens.
    pub first_query: Option<usize>,
    /// That of the first column.
    pub first_key: Option<usize>,
    /// Row-major `[query, key]`. Of tokens the last [`AttentionWeights::MOST`], without padding: a row may then sum to less than 1. Of
    /// other steps the first ones.
    pub values: Vec<f32>,
}

impl AttentionWeights {
    /// Maximum number of queries, and of keys.
    pub const MOST: usize = 64;
    /// Maximum number of heads of a layer.
    pub const MOST_HEADS: usize = 8;

    /// Rows of `values`.
    pub fn queries(&self) -> usize {
        self.values.len().checked_div(self.keys).unwrap_or(0)
    }
}

/// Which tokens of a probe each row of an activation map has read, where a row is no token: row `r` those from `first + r·stride` on, `span`
/// of them. Tokens before the first and behind the last are padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenWindow {
    /// The first token of the first row; below 0 for padding before the text.
    pub first: i64,
    /// Tokens between two rows.
    pub stride: usize,
    /// Tokens of a row.
    pub span: usize,
}

impl TokenWindow {
    /// The tokens of row `row`, of `tokens` in all, without padding.
    pub fn tokens(&self, row: usize, tokens: usize) -> std::ops::Range<usize> {
        let first = self.first.saturating_add((row * self.stride) as i64);
        let end = first.saturating_add(self.span as i64);
        let place = |at: i64| usize::try_from(at.max(0)).unwrap_or(usize::MAX).min(tokens);
        place(first)..place(end)
    }
}

/// What each token of a probe contributes to the leading output of a network with a single output, by two measures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TokenInfluence {
    /// The leading output, an index of [`ProbeFrame::prediction`](super::ProbeFrame::prediction): the most probable class, or the first number.
    pub output: usize,
    /// The entry of [`ProbeText::tokens`](super::ProbeText::tokens) of the first value of both lists: the last [`TokenInfluence::MOST`] are
    /// measured.
    pub first: usize,
    /// By how much the output falls when the token alone is replaced by padding (Zeiler & Fergus 2014): exact, not by a derivative.
    pub occlusion: Vec<f32>,
    /// `∂output/∂e · e`, summed over the embedding `e` of the token's position (gradient × input; Shrikumar et al. 2017).
    pub gradient_input: Vec<f32>,
}

impl TokenInfluence {
    /// Maximum number of tokens that are measured.
    pub const MOST: usize = 64;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_over_the_ends_has_the_tokens_that_are_there() {
        let window = TokenWindow { first: -1, stride: 2, span: 3 };
        let tokens: Vec<_> = (0..4).map(|row| window.tokens(row, 5)).collect();
        assert_eq!(tokens, [0..2, 1..4, 3..5, 5..5]);
    }
}
