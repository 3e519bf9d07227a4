class MultiHeadAttention(nn.Module):
    """Attention with several heads of any size (Vaswani et al. 2017). A query that reaches no key gets the mean of all values."""

    def __init__(self, query_size, value_size, heads, key_dim, value_dim, bias=True, dropout=0.0):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.q_proj = nn.Linear(query_size, heads * key_dim, bias=bias)
        self.k_proj = nn.Linear(value_size, heads * key_dim, bias=bias)
        self.v_proj = nn.Linear(value_size, heads * value_dim, bias=bias)
        self.out_proj = nn.Linear(heads * value_dim, query_size, bias=bias)

    def forward(self, query, value, query_mask=None, mask=None):
        # [batch, heads, time, size]
        q, k, v = (
            x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for x in (self.q_proj(query), self.k_proj(value), self.v_proj(value))
        )
        scores = q @ k.mT * k.shape[-1] ** -0.5
        reach = None
        if query_mask is not None:
            reach = query_mask.unsqueeze(1).unsqueeze(-1)
        if mask is not None:
            keys = mask.unsqueeze(1).unsqueeze(2)
            reach = keys if reach is None else reach & keys
        if reach is not None:
            scores = scores.masked_fill(reach.logical_not(), torch.finfo(scores.dtype).min)
        weights = scores.softmax(-1)
        if reach is not None and self.dropout > 0:
            # With dropout it gets nothing.
            weights = weights.masked_fill(reach.logical_not(), 0.0)
        weights = F.dropout(weights, self.dropout, self.training)
        return self.out_proj((weights @ v).transpose(1, 2).flatten(2))
