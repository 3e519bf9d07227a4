class StepwiseLSTM(StepwiseRNN):
    """The same with the parameters of nn.LSTM: gates i, f, g, o."""

    gates = 4

    def step(self, x, h, c, w_hh, b_hh):
        i, f, g, o = (x + F.linear(h, w_hh, b_hh)).chunk(4, -1)
        c = self.gate(f) * c + self.gate(i) * self.activation(g)
        return self.gate(o) * self.activation(c), c
