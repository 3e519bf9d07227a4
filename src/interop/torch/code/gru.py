class StepwiseGRU(StepwiseRNN):
    """The same with the parameters of nn.GRU: gates r, z, n."""

    gates = 3

    def step(self, x, h, c, w_hh, b_hh):
        x_r, x_z, x_n = x.chunk(3, -1)
        h_r, h_z, h_n = F.linear(h, w_hh, b_hh).chunk(3, -1)
        r, z = self.gate(x_r + h_r), self.gate(x_z + h_z)
        n = self.activation(x_n + r * h_n)
        return z * h + (1 - z) * n, c
