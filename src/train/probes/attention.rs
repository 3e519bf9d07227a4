use std::ops::Range;

use ndarray::ArrayView2;

use crate::protocol::{AttentionWeights, ProbeText};

/// The steps of one axis of attention weights that are shown of a probe, and the token of the first, where steps are those of the text.
fn shown(steps: usize, time: usize, text: &ProbeText) -> (Range<usize>, Option<usize>) {
    let most = AttentionWeights::MOST;
    if steps != time || text.tokens.is_empty() {
        return (0..steps.min(most), None);
    }
    let end = (text.first_step + text.tokens.len()).min(steps);
    let first = end.saturating_sub(most).max(text.first_step.min(end));
    (first..end, Some(first - text.first_step.min(first)))
}

/// The weights `[query, key]` of a head for one probe, without padding; `time` is the number of steps of the data.
pub(super) fn of_head(
    (layer, head): (usize, usize),
    weights: ArrayView2<'_, f32>,
    time: usize,
    text: &ProbeText,
) -> AttentionWeights {
    let (queries, first_query) = shown(weights.nrows(), time, text);
    let (keys, first_key) = shown(weights.ncols(), time, text);
    let columns = keys.len();
    let values = queries.flat_map(|query| keys.clone().map(move |key| weights[(query, key)])).collect();
    AttentionWeights { layer, head, keys: columns, first_query, first_key, values }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn padding_is_left_out_and_of_long_texts_the_last_tokens_are_shown() {
        let text = |first_step, tokens| ProbeText {
            text: String::new(),
            tokens: vec!["w".into(); tokens],
            first_step,
            ..ProbeText::default()
        };
        let weights = Array2::from_shape_fn((5, 5), |(q, k)| (10 * q + k) as f32);
        let found = of_head((2, 1), weights.view(), 5, &text(2, 3));
        let values = vec![22.0, 23.0, 24.0, 32.0, 33.0, 34.0, 42.0, 43.0, 44.0];
        let (first_query, first_key) = (Some(0), Some(0));
        assert_eq!(found, AttentionWeights { layer: 2, head: 1, keys: 3, first_query, first_key, values });
        // One query over all tokens; steps that are none of the text have no tokens.
        let found = of_head((2, 0), weights.slice(ndarray::s![..1, ..]), 5, &text(2, 3));
        assert_eq!((found.first_query, found.first_key, found.queries(), found.keys), (None, Some(0), 1, 3));
        assert_eq!(shown(100, 100, &text(10, 90)), (36..100, Some(26)));
        assert_eq!(shown(100, 7, &text(0, 7)), (0..64, None));
    }
}
