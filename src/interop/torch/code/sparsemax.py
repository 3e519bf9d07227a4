def sparsemax(x):
    """The nearest point of the probability simplex (Martins & Astudillo 2016)."""
    sorted_x = x.sort(-1, descending=True).values
    sums = sorted_x.cumsum(-1)
    counts = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype, device=x.device)
    size = (1 + counts * sorted_x > sums).sum(-1, keepdim=True)
    threshold = (sums.gather(-1, size - 1) - 1) / size
    return (x - threshold).clamp(min=0)
