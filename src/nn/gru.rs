use super::recurrent::{Back, Cell, Order, Settings, Step, Unroll, recurrent_layer};
use super::{Activation, Misfit};
use crate::kernel::{Matrix, matmul};

recurrent_layer! {
    /// Gated recurrent unit: one gate says how much of the state stays, one how much of it the candidate sees (Cho et al. 2014).
    ///
    /// ```text
    /// z_t = σ(x_t·W_z + h_{t−1}·U_z + b_z)      r_t = σ(… r)
    /// reset_after (the default; as in cuDNN):   ĥ_t = φ(x_t·W_h + b_h + r_t ⊙ (h_{t−1}·U_h + b′_h))
    /// else (the paper's first version):         ĥ_t = φ(x_t·W_h + b_h + (r_t ⊙ h_{t−1})·U_h)
    /// h_t = z_t ⊙ h_{t−1} + (1 − z_t) ⊙ ĥ_t
    ///     W: kernel [features, 3·units], U: recurrent_kernel [units, 3·units]; columns z, r, h
    ///     b: bias [2, 3·units] (of input and state) with reset_after, else [3·units]
    /// back: δ_ĥ = ∂L/∂h ⊙ (1 − z) ⊙ φ′     δ_z = ∂L/∂h ⊙ (h_{t−1} − ĥ) ⊙ σ′
    ///       reset_after: δ_r = δ_ĥ ⊙ (h_{t−1}·U_h + b′_h) ⊙ σ′,   the product's δ′_h = δ_ĥ ⊙ r
    ///       else:        δ_r = (δ_ĥ·U_hᵀ) ⊙ h_{t−1} ⊙ σ′
    ///       ∂L/∂h_{t−1} = ∂L/∂h ⊙ z + what comes back through the products
    /// ```
    /// Where `z` is near 1 the state and its gradient pass unchanged. σ is `recurrent_activation`, φ `activation`.
    ///
    /// Source: `keras/src/layers/rnn/gru.py`. `[batch, time, features] → [batch, units]`, or `[batch, time, units]`.
    ///
    /// ```
    /// use unrolled::nn::{GRU, Layer, Shape};
    /// let layer = GRU { units: 32, ..GRU::default() };
    /// let input = [Shape::Sequence { time: 200, features: 50 }];
    /// assert_eq!(layer.output(&input), Ok(Shape::Vector { features: 32 }));
    /// let params: usize = layer.params(&input).iter().map(|p| p.shape.iter().product::<usize>()).sum();
    /// assert_eq!(params, 3 * 32 * (50 + 32 + 2));
    /// ```
    GRU {
        /// `φ`.
        activation: Activation = "crate::nn::recurrent::default::tanh" default::tanh(),
        /// `σ`.
        recurrent_activation: Activation = "crate::nn::recurrent::default::sigmoid" default::sigmoid(),
        /// Whether the reset gate acts on the product, or on the state before it.
        reset_after: bool = "crate::nn::recurrent::default::yes" true,
    }
}

impl Cell for GRU {
    fn class(&self) -> &'static str {
        "GRU"
    }

    fn settings(&self) -> Settings {
        self.common()
    }

    fn gates(&self) -> &'static [&'static str] {
        &["z", "r", "candidate"]
    }

    fn activations(&self) -> Vec<Activation> {
        vec![self.recurrent_activation, self.recurrent_activation, self.activation]
    }

    fn proposal(&self) -> usize {
        2
    }

    fn detail(&self) -> String {
        let before = if self.reset_after { "" } else { ", reset before" };
        format!("{}{before}", self.activation.name())
    }

    fn has_recurrent_bias(&self) -> bool {
        self.reset_after
    }

    fn check(&self) -> Result<(), Misfit> {
        self.activation.for_a_state("activation")?;
        self.recurrent_activation.for_a_state("recurrent_activation")
    }

    fn step(&self, step: Step<'_>) {
        let Step { batch, recurrent, recurrent_bias, gates, h_before, h_met, h, kept, room, .. } = step;
        let n = self.units;
        let met = Matrix::new(h_met, batch, n);
        if self.reset_after {
            // All three products at once; the candidate's waits for r.
            match recurrent_bias {
                Some(bias) => {
                    room.data_mut().chunks_exact_mut(3 * n).for_each(|row| row.copy_from_slice(bias))
                }
                None => room.data_mut().fill(0.0),
            }
            matmul(room.data_mut(), met, recurrent, true);
        } else {
            let products = &mut room.data_mut()[..batch * 2 * n];
            matmul(products, met, recurrent.columns(0..2 * n), false);
        }
        let width = room.data().len() / batch.max(1);
        let width = if self.reset_after { width } else { 2 * n };
        for (row, gates) in gates.chunks_exact_mut(3 * n).enumerate() {
            let products = &room.data()[row * width..(row + 1) * width];
            let (zr, candidate) = gates.split_at_mut(2 * n);
            zr.iter_mut().zip(products).for_each(|(g, p)| *g += p);
            self.recurrent_activation.apply(zr, n);
            let (r, kept) = (&zr[n..], &mut kept[row * n..(row + 1) * n]);
            if self.reset_after {
                kept.copy_from_slice(&products[2 * n..]);
                candidate.iter_mut().zip(r).zip(kept).for_each(|((g, r), p)| *g += r * *p);
            } else {
                kept.iter_mut().zip(r).zip(&h_met[row * n..]).for_each(|((k, r), h)| *k = r * h);
            }
        }
        if !self.reset_after {
            let products = &mut room.data_mut()[..batch * n];
            matmul(products, Matrix::new(kept, batch, n), recurrent.columns(2 * n..3 * n), false);
            for (gates, products) in gates.chunks_exact_mut(3 * n).zip(products.chunks_exact(n)) {
                gates[2 * n..].iter_mut().zip(products).for_each(|(g, p)| *g += p);
            }
        }
        for (row, gates) in gates.chunks_exact_mut(3 * n).enumerate() {
            self.activation.apply(&mut gates[2 * n..], n);
            let place = row * n..(row + 1) * n;
            let states = h[place.clone()].iter_mut().zip(&h_before[place]);
            for ((h, before), (z, candidate)) in states.zip(gates[..n].iter().zip(&gates[2 * n..])) {
                *h = z * before + (1.0 - z) * candidate;
            }
        }
    }

    fn back(&self, back: Back<'_>) {
        let Back {
            batch,
            recurrent,
            gates,
            kept,
            h_before,
            h_met,
            dropped,
            delta,
            delta_recurrent,
            dh,
            room,
            ..
        } = back;
        let n = self.units;
        for (row, (delta, gates)) in delta.chunks_exact_mut(3 * n).zip(gates.chunks_exact(3 * n)).enumerate()
        {
            let (dh, before) = (&dh[row * n..(row + 1) * n], &h_before[row * n..(row + 1) * n]);
            for k in 0..n {
                delta[k] = dh[k] * (before[k] - gates[2 * n + k]);
                delta[2 * n + k] = dh[k] * (1.0 - gates[k]);
            }
            self.activation.chain(&mut delta[2 * n..], &gates[2 * n..], n);
        }
        // What passes along the state itself.
        for (dh, gates) in dh.chunks_exact_mut(n).zip(gates.chunks_exact(3 * n)) {
            dh.iter_mut().zip(gates).for_each(|(dh, z)| *dh *= z);
        }
        if self.reset_after {
            let rows = delta.chunks_exact_mut(3 * n).zip(delta_recurrent.chunks_exact_mut(3 * n));
            for ((delta, own), (gates, kept)) in rows.zip(gates.chunks_exact(3 * n).zip(kept.chunks_exact(n)))
            {
                for k in 0..n {
                    delta[n + k] = delta[2 * n + k] * kept[k];
                }
                self.recurrent_activation.chain(&mut delta[..2 * n], &gates[..2 * n], n);
                own.copy_from_slice(delta);
                own[2 * n..].iter_mut().zip(&gates[n..2 * n]).for_each(|(d, r)| *d *= r);
            }
            let products = &mut room.data_mut()[..batch * n];
            matmul(products, Matrix::new(delta_recurrent, batch, 3 * n), recurrent.t(), false);
            add_dropped(dh, products, dropped);
        } else {
            let products = &mut room.data_mut()[..batch * n];
            let candidates = Matrix::strided(&delta[2 * n..], batch, n, 3 * n);
            matmul(products, candidates, recurrent.columns(2 * n..3 * n).t(), false);
            let rows = delta.chunks_exact_mut(3 * n).zip(gates.chunks_exact(3 * n));
            for ((delta, gates), (product, met)) in
                rows.zip(products.chunks_exact_mut(n).zip(h_met.chunks_exact(n)))
            {
                for k in 0..n {
                    delta[n + k] = product[k] * met[k];
                    product[k] *= gates[n + k];
                }
                self.recurrent_activation.chain(&mut delta[..2 * n], &gates[..2 * n], n);
            }
            add_dropped(dh, products, dropped);
            matmul(
                products,
                Matrix::strided(delta, batch, 2 * n, 3 * n),
                recurrent.columns(0..2 * n).t(),
                false,
            );
            add_dropped(dh, products, dropped);
        }
    }

    fn recurrent_gradient(&self, unroll: &Unroll, order: Order, d_recurrent: &mut [f32]) {
        if self.reset_after {
            return unroll.add_recurrent_gradient(order, &unroll.delta_recurrent, d_recurrent);
        }
        let (n, rows) = (self.units, unroll.kept.rows());
        let mut gates = vec![0.0; n * 3 * n];
        unroll.add_recurrent_gradient(order, &unroll.delta, &mut gates);
        let deltas = Matrix::strided(&unroll.delta.data()[2 * n..], rows, n, 3 * n);
        self.add_split(&gates, Matrix::new(unroll.kept.data(), rows, n), deltas, d_recurrent);
    }

    fn step_gradient(&self, unroll: &Unroll, order: Order, step: usize, d_recurrent: &mut [f32]) {
        if self.reset_after {
            return unroll.add_step_gradient(order, step, &unroll.delta_recurrent, d_recurrent);
        }
        let (n, t) = (self.units, order.position(step));
        let (_, batch, _) = unroll.kept.dim();
        let mut gates = vec![0.0; n * 3 * n];
        unroll.add_step_gradient(order, step, &unroll.delta, &mut gates);
        let deltas = Matrix::strided(&unroll.delta.step(t)[2 * n..], batch, n, 3 * n);
        self.add_split(&gates, Matrix::new(unroll.kept.step(t), batch, n), deltas, d_recurrent);
    }
}

impl GRU {
    /// Adds to `sum` a gradient of `U` without `reset_after`: z and r met the state, so their columns are those of `gates`, and the
    /// candidate met `reset` = r ⊙ state, so its columns are `resetᵀ·deltas`.
    fn add_split(&self, gates: &[f32], reset: Matrix<'_>, deltas: Matrix<'_>, sum: &mut [f32]) {
        let n = self.units;
        let mut candidates = vec![0.0; n * n];
        matmul(&mut candidates, reset.t(), deltas, false);
        let rows = sum.chunks_exact_mut(3 * n).zip(gates.chunks_exact(3 * n));
        for ((sum, gates), candidates) in rows.zip(candidates.chunks_exact(n)) {
            let parts = gates[..2 * n].iter().chain(candidates);
            sum.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
        }
    }
}

/// `dh += products ⊙ dropped`, or `+= products` where nothing was dropped.
fn add_dropped(dh: &mut [f32], products: &[f32], dropped: &[f32]) {
    if dropped.is_empty() {
        dh.iter_mut().zip(products).for_each(|(dh, p)| *dh += p);
    } else {
        dh.iter_mut().zip(products).zip(dropped).for_each(|((dh, p), m)| *dh += p * m);
    }
}
