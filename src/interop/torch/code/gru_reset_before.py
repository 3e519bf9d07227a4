class ResetBeforeGRU(StepwiseRNN):
    """A GRU whose reset gate acts on the state before the product with its weights (Cho et al. 2014): gates r, z, n."""

    gates = 3
    second_bias = False

    def step(self, x, h, c, w_hh, b_hh):
        x_r, x_z, x_n = x.chunk(3, -1)
        w_r, w_z, w_n = w_hh.chunk(3, 0)
        r, z = self.gate(x_r + F.linear(h, w_r)), self.gate(x_z + F.linear(h, w_z))
        n = self.activation(x_n + F.linear(r * h, w_n))
        return z * h + (1 - z) * n, c
