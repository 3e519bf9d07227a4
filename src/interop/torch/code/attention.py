class Attention(nn.Module):
    """Dot-product attention over values that are their own keys (Luong et al. 2015); with `concat` the tanh of their sum."""

    def __init__(self, use_scale=False, concat=False, dropout=0.0):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(())) if use_scale else None
        self.concat_score_weight = nn.Parameter(torch.ones(())) if concat else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, query, value, query_mask=None, mask=None):
        if self.concat_score_weight is not None:
            sums = query.unsqueeze(2) + value.unsqueeze(1)
            scores = self.concat_score_weight * torch.tanh(sums if self.scale is None else self.scale * sums).sum(-1)
        else:
            scores = query @ value.mT
            scores = scores if self.scale is None else self.scale * scores
        return weighted_values(scores, value, query_mask, mask, self.dropout)
