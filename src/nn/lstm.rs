use std::ops::Range;

use super::recurrent::{Back, Cell, Order, Settings, Step, Unroll, recurrent_layer};
use super::{Activation, Misfit};
use crate::kernel::{Matrix, matmul};

recurrent_layer! {
    /// Long short-term memory: a cell state that gates write to, forget and read (Hochreiter & Schmidhuber 1997; forget gate: Gers et
    /// al. 2000).
    ///
    /// ```text
    /// i_t = σ(x_t·W_i + h_{t−1}·U_i + b_i)    f_t = σ(… f)    g_t = φ(… c)    o_t = σ(… o)
    /// c_t = f_t ⊙ c_{t−1} + i_t ⊙ g_t         h_t = o_t ⊙ φ(c_t)
    ///     W: kernel [features, 4·units], U: recurrent_kernel [units, 4·units], b: bias [4·units]; columns i, f, c, o
    /// back: ∂L/∂c_t += ∂L/∂h_t ⊙ o_t ⊙ φ′(c_t)
    ///       δ_i = ∂L/∂c ⊙ g ⊙ σ′    δ_f = ∂L/∂c ⊙ c_{t−1} ⊙ σ′    δ_g = ∂L/∂c ⊙ i ⊙ φ′    δ_o = ∂L/∂h ⊙ φ(c) ⊙ σ′
    ///       ∂L/∂c_{t−1} = ∂L/∂c_t ⊙ f_t       ∂L/∂h_{t−1} = δ·Uᵀ
    /// ```
    /// Along the cell state the gradient is multiplied by `f` alone: near 1 it reaches far back. `unit_forget_bias` begins `b_f` at 1
    /// for that (Jozefowicz et al. 2015). σ is `recurrent_activation`, φ `activation`.
    ///
    /// Source: `keras/src/layers/rnn/lstm.py`. `[batch, time, features] → [batch, units]`, or `[batch, time, units]`.
    ///
    /// ```
    /// use unrolled::nn::{LSTM, Layer, Shape};
    /// let layer = LSTM { units: 32, ..LSTM::default() };
    /// let input = [Shape::Sequence { time: 200, features: 50 }];
    /// assert_eq!(layer.output(&input), Ok(Shape::Vector { features: 32 }));
    /// let params: usize = layer.params(&input).iter().map(|p| p.shape.iter().product::<usize>()).sum();
    /// assert_eq!(params, 4 * 32 * (50 + 32 + 1));
    /// ```
    LSTM {
        /// `φ`.
        activation: Activation = "crate::nn::recurrent::default::tanh" default::tanh(),
        /// `σ`.
        recurrent_activation: Activation = "crate::nn::recurrent::default::sigmoid" default::sigmoid(),
        /// Whether `b_f` begins at 1.
        unit_forget_bias: bool = "crate::nn::recurrent::default::yes" true,
    }
}

impl Cell for LSTM {
    fn class(&self) -> &'static str {
        "LSTM"
    }

    fn settings(&self) -> Settings {
        self.common()
    }

    fn gates(&self) -> &'static [&'static str] {
        &["i", "f", "g", "o"]
    }

    fn activations(&self) -> Vec<Activation> {
        let gate = self.recurrent_activation;
        vec![gate, gate, self.activation, gate]
    }

    fn proposal(&self) -> usize {
        2
    }

    fn detail(&self) -> String {
        self.activation.name().into()
    }

    fn has_cell_state(&self) -> bool {
        true
    }

    fn bias_ones(&self) -> Range<usize> {
        if self.unit_forget_bias { self.units..2 * self.units } else { 0..0 }
    }

    fn check(&self) -> Result<(), Misfit> {
        self.activation.for_a_state("activation")?;
        self.recurrent_activation.for_a_state("recurrent_activation")
    }

    fn step(&self, step: Step<'_>) {
        let Step { batch, recurrent, gates, h_met, c_before, h, c, kept, .. } = step;
        let n = self.units;
        matmul(gates, Matrix::new(h_met, batch, n), recurrent, true);
        for (row, gates) in gates.chunks_exact_mut(4 * n).enumerate() {
            let place = row * n..(row + 1) * n;
            self.recurrent_activation.apply(&mut gates[..2 * n], n);
            self.activation.apply(&mut gates[2 * n..3 * n], n);
            self.recurrent_activation.apply(&mut gates[3 * n..], n);
            let ([i, f, g, o], c) = (quarters(gates, n), &mut c[place.clone()]);
            for (k, before) in c_before[place.clone()].iter().enumerate() {
                c[k] = f[k] * before + i[k] * g[k];
            }
            // φ(c) is kept for the way back.
            let squashed = &mut kept[place.clone()];
            squashed.copy_from_slice(c);
            self.activation.apply(squashed, n);
            h[place].iter_mut().zip(o).zip(squashed).for_each(|((h, o), s)| *h = o * *s);
        }
    }

    fn back(&self, back: Back<'_>) {
        let Back { batch, recurrent, gates, kept, dropped, c_before, delta, dh, dc, .. } = back;
        let n = self.units;
        for (row, (delta, gates)) in delta.chunks_exact_mut(4 * n).zip(gates.chunks_exact(4 * n)).enumerate()
        {
            let place = row * n..(row + 1) * n;
            let [i, f, g, o] = quarters(gates, n);
            let (squashed, before) = (&kept[place.clone()], &c_before[place.clone()]);
            let (dh, dc) = (&dh[place.clone()], &mut dc[place]);
            // ∂L/∂c through h = o·φ(c); the last quarter of δ is room for it.
            let (first, d_o) = delta.split_at_mut(3 * n);
            d_o.iter_mut().zip(dh).zip(o).for_each(|((d, dh), o)| *d = dh * o);
            self.activation.chain(d_o, squashed, n);
            dc.iter_mut().zip(&*d_o).for_each(|(dc, d)| *dc += d);
            for k in 0..n {
                first[k] = dc[k] * g[k];
                first[n + k] = dc[k] * before[k];
                first[2 * n + k] = dc[k] * i[k];
                d_o[k] = dh[k] * squashed[k];
                dc[k] *= f[k];
            }
            self.recurrent_activation.chain(&mut first[..2 * n], &gates[..2 * n], n);
            self.activation.chain(&mut first[2 * n..], g, n);
            self.recurrent_activation.chain(d_o, o, n);
        }
        matmul(dh, Matrix::new(delta, batch, 4 * n), recurrent.t(), false);
        dh.iter_mut().zip(dropped).for_each(|(d, m)| *d *= m);
    }

    fn recurrent_gradient(&self, unroll: &Unroll, order: Order, d_recurrent: &mut [f32]) {
        unroll.add_recurrent_gradient(order, &unroll.delta, d_recurrent);
    }

    fn step_gradient(&self, unroll: &Unroll, order: Order, step: usize, d_recurrent: &mut [f32]) {
        unroll.add_step_gradient(order, step, &unroll.delta, d_recurrent);
    }
}

/// The four gates of one row.
fn quarters(gates: &[f32], n: usize) -> [&[f32]; 4] {
    [&gates[..n], &gates[n..2 * n], &gates[2 * n..3 * n], &gates[3 * n..]]
}
