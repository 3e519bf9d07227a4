def run_masked(rnn, x, mask, state=None):
    """Runs `rnn` over the steps that `mask` marks. At the others it repeats its output; before the first it gives 0."""
    lengths = mask.sum(1)
    order = torch.argsort(mask.logical_not().int(), dim=1, stable=True)
    x = x.gather(1, order.unsqueeze(-1).expand_as(x))
    packed = pack_padded_sequence(x, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False)
    packed, last = rnn(packed, state)
    output, _ = pad_packed_sequence(packed, batch_first=True, total_length=x.shape[1])
    place = mask.cumsum(1) - 1
    output = output.gather(1, place.clamp(min=0).unsqueeze(-1).expand(-1, -1, output.shape[-1]))
    output = output.masked_fill((place < 0).unsqueeze(-1), 0.0)
    # A sequence of which no step is marked keeps its state.
    some = (lengths > 0).view(1, -1, 1)
    if isinstance(last, tuple):
        before = state if state is not None else tuple(map(torch.zeros_like, last))
        return output, tuple(torch.where(some, new, old) for new, old in zip(last, before))
    before = state if state is not None else torch.zeros_like(last)
    return output, torch.where(some, last, before)
