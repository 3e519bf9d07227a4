class AdditiveAttention(nn.Module):
    """Additive attention over values that are their own keys (Bahdanau et al. 2015)."""

    def __init__(self, features, use_scale=True, dropout=0.0):
        super().__init__()
        self.scale = nn.Parameter(torch.randn(features) * features ** -0.5) if use_scale else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, query, value, query_mask=None, mask=None):
        compared = torch.tanh(query.unsqueeze(2) + value.unsqueeze(1))
        scores = (compared if self.scale is None else self.scale * compared).sum(-1)
        return weighted_values(scores, value, query_mask, mask, self.dropout)
