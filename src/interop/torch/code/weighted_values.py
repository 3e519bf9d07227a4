def weighted_values(scores, value, query_mask, mask, dropout):
    """The mean of the values by the softmax of `scores` [batch, queries, keys]: of those that `mask` marks, or of all where it marks none."""
    if mask is not None:
        scores = scores - 1e9 * mask.logical_not().unsqueeze(1)
    output = dropout(scores.softmax(-1)) @ value
    return output if query_mask is None else output.masked_fill(query_mask.logical_not().unsqueeze(-1), 0.0)
