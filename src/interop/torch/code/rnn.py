class StepwiseRNN(nn.Module):
    """A recurrent layer written out, with the parameters of nn.RNN(batch_first=True)."""

    gates = 1
    second_bias = True

    def __init__(self, input_size, hidden_size, bias=True, bidirectional=False, activation=torch.tanh, gate=torch.sigmoid):
        super().__init__()
        self.hidden_size, self.activation, self.gate = hidden_size, activation, gate
        self.suffixes = ["_l0", "_l0_reverse"] if bidirectional else ["_l0"]
        bound = hidden_size ** -0.5
        for suffix in self.suffixes:
            shapes = {"weight_ih": (self.gates * hidden_size, input_size), "weight_hh": (self.gates * hidden_size, hidden_size)}
            if bias:
                shapes["bias_ih"] = (self.gates * hidden_size,)
            if bias and self.second_bias:
                shapes["bias_hh"] = (self.gates * hidden_size,)
            for name, shape in shapes.items():
                self.register_parameter(name + suffix, nn.Parameter(torch.empty(shape).uniform_(-bound, bound)))

    def forward(self, x, mask=None, state=None):
        """Returns the outputs [batch, time, features], and the last states (h, c), [directions, batch, units] each."""
        outputs, states = [], []
        for direction, suffix in enumerate(self.suffixes):
            w_ih, w_hh = getattr(self, "weight_ih" + suffix), getattr(self, "weight_hh" + suffix)
            b_ih, b_hh = getattr(self, "bias_ih" + suffix, None), getattr(self, "bias_hh" + suffix, None)
            h, c = (part[direction] for part in state) if state is not None else x.new_zeros(2, len(x), self.hidden_size)
            inputs, output = F.linear(x, w_ih, b_ih), torch.zeros_like(h)
            steps = range(x.shape[1])
            given = {}
            for t in reversed(steps) if direction else steps:
                new_h, new_c = self.step(inputs[:, t], h, c, w_hh, b_hh)
                if mask is None:
                    h, c, output = new_h, new_c, new_h
                else:
                    now = mask[:, t].unsqueeze(-1)
                    h, c, output = (torch.where(now, new, old) for new, old in [(new_h, h), (new_c, c), (new_h, output)])
                given[t] = output
            outputs.append(torch.stack([given[t] for t in steps], 1))
            states.append((h, c))
        return torch.cat(outputs, -1), tuple(torch.stack(parts) for parts in zip(*states))

    def step(self, x, h, c, w_hh, b_hh):
        return self.activation(x + F.linear(h, w_hh, b_hh)), c
