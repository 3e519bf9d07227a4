use std::ops::Range;

use super::recurrent::{Cell, SavedStep, Settings, functions, recurrent_layer};
use super::{Activation, Block, LayerConfigError};
use crate::kernel::recurrent::{
    BackwardStep, BackwardView, CellFunctions, CellMath, ForwardStep, ForwardView, Functions, PackedMatrix,
    cell_backward, cell_forward,
};
use crate::kernel::{LaneFunction, Matrix, Simd};

recurrent_layer! {
    /// Long short-term memory: a cell state that gates write to, forget and read (Hochreiter & Schmidhuber 1997; forget gate: Gers et
    /// al. 2000).
    ///
    /// ```text
    /// i_t = σ(x_t·W_i + h_{t−1}·U_i + b_i)    input gate      f_t = σ(x_t·W_f + h_{t−1}·U_f + b_f)    forget gate
    /// g_t = φ(x_t·W_c + h_{t−1}·U_c + b_c)    candidate       o_t = σ(x_t·W_o + h_{t−1}·U_o + b_o)    output gate
    /// c_t = f_t ⊙ c_{t−1} + i_t ⊙ g_t                         h_t = o_t ⊙ φ(c_t)
    ///
    /// backward, with ∂L/∂h_t = upstream gradient + δ_{t+1}·Uᵀ, and ∂L/∂c_t from step t+1:
    /// ∂L/∂c_t += ∂L/∂h_t ⊙ o_t ⊙ φ′(c_t)
    /// δ_i = ∂L/∂c_t ⊙ g_t ⊙ σ′      δ_f = ∂L/∂c_t ⊙ c_{t−1} ⊙ σ′      δ_g = ∂L/∂c_t ⊙ i_t ⊙ φ′      δ_o = ∂L/∂h_t ⊙ φ(c_t) ⊙ σ′
    /// ∂L/∂c_{t−1} = ∂L/∂c_t ⊙ f_t
    /// ∂L/∂h_{t−1} = upstream gradient + δ_i·U_iᵀ + δ_f·U_fᵀ + δ_g·U_cᵀ + δ_o·U_oᵀ
    /// ∂L/∂U = Σ_t h_{t−1}ᵀ·δ_t      ∂L/∂W = Σ_t x_tᵀ·δ_t      ∂L/∂b = Σ_t δ_t      ∂L/∂x_t = δ_t·Wᵀ
    /// ```
    /// Keras's names: W is `kernel` `[features, 4·units]`, U `recurrent_kernel` `[units, 4·units]`, b `bias` `[4·units]`. Each has four
    /// blocks of `units` columns in Keras's order i, f, c, o; the block c feeds the candidate g_t.
    ///
    /// Along the cell state the gradient is multiplied by `f` alone: near 1 it reaches far back. `unit_forget_bias` initializes `b_f` with 1
    /// for that (Jozefowicz et al. 2015). σ is `recurrent_activation`, φ `activation`.
    ///
    /// Source: `keras/src/layers/rnn/lstm.py`. `[batch, time, features] → [batch, units]`, or `[batch, time, units]`.
    ///
    /// ```
    /// use unrolled_engine::nn::{LSTM, Layer, Shape};
    /// let layer = LSTM { units: 32, ..LSTM::default() };
    /// let input = [Shape::Sequence { time: 200, features: 50 }];
    /// assert_eq!(layer.output(&input), Ok(Shape::Vector { features: 32 }));
    /// let params: usize = layer.params(&input).iter().map(|p| p.shape.iter().product::<usize>()).sum();
    /// assert_eq!(params, 4 * 32 * (50 + 32 + 1));
    /// ```
    LSTM {
        /// `φ`.
        activation: Activation = "crate::nn::defaults::tanh" crate::nn::defaults::tanh(),
        /// `σ`.
        recurrent_activation: Activation = "crate::nn::defaults::sigmoid" crate::nn::defaults::sigmoid(),
        /// Whether `b_f` is initialized with 1.
        unit_forget_bias: bool = "crate::nn::defaults::yes" true,
    }
}

/// Of i, f, g and o, and c, the argument of φ(c).
const ARGUMENTS: usize = 5;

/// The formulas above, for one vector of units.
pub(super) struct LstmMath<S, G>(pub Functions<S, G>);

impl<S: LaneFunction, G: LaneFunction> CellMath<4> for LstmMath<S, G> {
    #[inline(always)]
    fn gates<V: Simd>(&self, sums: &mut [V; 4], at: &mut ForwardView<'_, '_>) {
        let Functions { state: phi, gate: sigma } = self.0;
        for (gate, sum) in sums.iter().enumerate() {
            at.save_argument(sigma, (gate, ARGUMENTS), *sum);
        }
        let [i, f, g, o] = *sums;
        let (i, f, g, o) = (sigma.of(i), sigma.of(f), phi.of(g), sigma.of(o));
        // c_t = f ⊙ c_{t−1} + i ⊙ g
        let c = f.mul_add(at.c_prev(), i.mul(g));
        at.save_argument(phi, (4, ARGUMENTS), c);
        at.save_gates([i, f, g, o]);
        // What `forward` reads.
        (sums[0], sums[3]) = (c, o);
    }

    #[inline(always)]
    fn forward<V: Simd>(&self, [c, _, _, o]: [V; 4], at: &mut ForwardView<'_, '_>) {
        let phi_c = self.0.state.of(c);
        at.save(phi_c);
        at.set_c(c);
        // h_t = o ⊙ φ(c_t)
        at.set_h(o.mul(phi_c));
    }

    #[inline(always)]
    fn backward<V: Simd>(&self, product: V, at: &mut BackwardView<'_, '_>) {
        let Some(dh) = at.total_dh(product) else { return };
        let Functions { state: phi, gate: sigma } = self.0;
        let (i, f, g, o): (V, V, V, V) = (at.gate(0), at.gate(1), at.gate(2), at.gate(3));
        let phi_c: V = at.saved();
        // ∂L/∂c_t = ∂L/∂h_t ⊙ o ⊙ φ′(c_t) + what came from step t+1
        let dc = at.slope(phi, (4, ARGUMENTS), dh.mul(o), phi_c).add(at.dc());
        let delta_i = at.slope(sigma, (0, ARGUMENTS), dc.mul(g), i);
        let delta_f = at.slope(sigma, (1, ARGUMENTS), dc.mul(at.c_prev()), f);
        let delta_g = at.slope(phi, (2, ARGUMENTS), dc.mul(i), g);
        let delta_o = at.slope(sigma, (3, ARGUMENTS), dh.mul(phi_c), o);
        at.set_deltas([delta_i, delta_f, delta_g, delta_o]);
        // ∂L/∂c_{t−1} = ∂L/∂c_t ⊙ f; all of ∂L/∂h_{t−1} passes through δ·Uᵀ
        at.set_dc_prev(dc.mul(f));
        at.set_dh_prev(V::splat(0.0));
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

    fn candidate_gate(&self) -> usize {
        2
    }

    fn detail(&self) -> String {
        self.activation.name().into()
    }

    fn has_cell_state(&self) -> bool {
        true
    }

    fn arguments(&self) -> usize {
        let needed = self.activation.needs_input() || self.recurrent_activation.needs_input();
        if needed { ARGUMENTS } else { 0 }
    }

    fn bias_ones(&self) -> Range<usize> {
        if self.unit_forget_bias { self.units..2 * self.units } else { 0..0 }
    }

    fn check(&self) -> Result<(), LayerConfigError> {
        self.activation.for_a_state("activation")?;
        self.recurrent_activation.for_a_state("recurrent_activation")
    }

    fn pack_forward(&self, recurrent: Matrix<'_>, packed: &mut [PackedMatrix; 2]) {
        packed[0].pack(recurrent, 4);
    }

    fn pack_backward(&self, recurrent: Matrix<'_>, packed: &mut [PackedMatrix; 2]) {
        packed[0].pack(recurrent.t(), 1);
    }

    fn step_forward(&self, packed: &[PackedMatrix; 2], step: ForwardStep<'_>) {
        let packed = &packed[0];
        match functions(self.activation, self.recurrent_activation) {
            CellFunctions::Default(f) => cell_forward(packed, &LstmMath(f), step),
            CellFunctions::Any(f) => cell_forward(packed, &LstmMath(f), step),
        }
    }

    /// `∂L/∂c_t += ∂L/∂h_t ⊙ o_t ⊙ φ′(c_t)`.
    fn add_cell_state_gradient<'a>(&self, step: SavedStep<'a>, dh: &[f32], dc: &mut [f32]) {
        let units = self.units;
        let mut through_h = vec![0.0; units];
        for (row, (dh, dc)) in dh.chunks_exact(units).zip(dc.chunks_exact_mut(units)).enumerate() {
            if step.mask.get(row) == Some(&false) {
                continue;
            }
            let part = |values: &'a [f32], i: usize, of: usize| {
                values.get((row * of + i) * units..(row * of + i + 1) * units).unwrap_or_default()
            };
            let o = part(step.gates, 3, self.gates().len());
            through_h.iter_mut().zip(dh.iter().zip(o)).for_each(|(to, (dh, o))| *to = dh * o);
            let (phi_c, c) = (part(step.saved, 0, 1), part(step.arguments, 4, ARGUMENTS));
            self.activation.chain(&mut through_h, phi_c, c, units);
            dc.iter_mut().zip(&through_h).for_each(|(dc, more)| *dc += more);
        }
    }

    fn step_backward(&self, packed: &[PackedMatrix; 2], step: BackwardStep<'_>, _scratch: &mut Block) {
        let packed = &packed[0];
        let step = BackwardStep { h: &[], h_prev: &[], h_dropped: &[], ..step };
        match functions(self.activation, self.recurrent_activation) {
            CellFunctions::Default(f) => cell_backward(packed, &LstmMath(f), step),
            CellFunctions::Any(f) => cell_backward(packed, &LstmMath(f), step),
        }
    }
}
