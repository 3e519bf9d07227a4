use super::recurrent::{Cell, Settings, functions, recurrent_layer};
use super::{Activation, Block, LayerConfigError};
use crate::kernel::recurrent::{
    BackwardStep, BackwardView, CellFunctions, CellMath, ForwardStep, ForwardView, PackedMatrix,
    cell_backward, cell_forward,
};
use crate::kernel::{LaneFunction, Matrix, Simd};

recurrent_layer! {
    /// The simplest recurrent layer: the hidden state is a function of the input and of the state before (Elman 1990).
    ///
    /// ```text
    /// h_t = f(x_t·W + h_{t−1}·U + b)    h_{−1} = 0
    ///
    /// backward, by back-propagation through time (Werbos 1990), from the last step to the first:
    /// ∂L/∂h_t = upstream gradient + δ_{t+1}·Uᵀ       δ_t = ∂L/∂h_t ⊙ f′       ∂L/∂h_{t−1} = upstream gradient + δ_t·Uᵀ
    /// ∂L/∂U = Σ_t h_{t−1}ᵀ·δ_t      ∂L/∂W = Σ_t x_tᵀ·δ_t      ∂L/∂b = Σ_t δ_t      ∂L/∂x_t = δ_t·Wᵀ
    /// ```
    /// Keras's names: W is `kernel` `[features, units]`, U `recurrent_kernel` `[units, units]`, b `bias` `[units]`.
    ///
    /// The factor `diag(f′)·Uᵀ` at every step is why the gradient vanishes or explodes (Bengio et al. 1994). What all recurrent
    /// layers share (masks, order of reading, dropout, the gradients of `W` and `b`) is in `nn/recurrent.rs`.
    ///
    /// Source: `keras/src/layers/rnn/simple_rnn.py`. `[batch, time, features] → [batch, units]`, or `[batch, time, units]`.
    ///
    /// ```
    /// use unrolled_engine::nn::{Layer, Shape, SimpleRNN};
    /// let layer = SimpleRNN { units: 8, return_sequences: true, ..SimpleRNN::default() };
    /// let out = layer.output(&[Shape::Sequence { time: 200, features: 50 }]);
    /// assert_eq!(out, Ok(Shape::Sequence { time: 200, features: 8 }));
    /// ```
    SimpleRNN {
        /// `f`.
        activation: Activation = "crate::nn::defaults::tanh" crate::nn::defaults::tanh(),
    }
}

/// The formulas above, for one vector of units.
pub(super) struct SimpleRnnMath<F> {
    pub f: F,
}

impl<F: LaneFunction> CellMath<1> for SimpleRnnMath<F> {
    #[inline(always)]
    fn forward<V: Simd>(&self, [sum]: [V; 1], at: &mut ForwardView<'_, '_>) {
        // h_t = f(x_t·W + b + h_{t−1}·U)
        at.save_argument(self.f, (0, 1), sum);
        at.set_h(self.f.of(sum));
    }

    #[inline(always)]
    fn backward<V: Simd>(&self, product: V, at: &mut BackwardView<'_, '_>) {
        let Some(dh) = at.total_dh(product) else { return };
        // δ_t = ∂L/∂h_t ⊙ f′; all of ∂L/∂h_{t−1} passes through δ_t·Uᵀ
        let delta = at.slope(self.f, (0, 1), dh, at.h());
        at.set_delta(0, delta);
        at.set_dh_prev(V::splat(0.0));
    }
}

impl SimpleRNN {
    /// There is no gate: with sigmoid, tanh is computed by the kernel for the defaults.
    fn functions(&self) -> CellFunctions {
        functions(self.activation, Activation::Sigmoid)
    }
}

impl Cell for SimpleRNN {
    fn class(&self) -> &'static str {
        "SimpleRNN"
    }

    fn settings(&self) -> Settings {
        self.common()
    }

    fn gates(&self) -> &'static [&'static str] {
        &["h"]
    }

    fn activations(&self) -> Vec<Activation> {
        vec![self.activation]
    }

    fn candidate_gate(&self) -> usize {
        0
    }

    fn detail(&self) -> String {
        self.activation.name().into()
    }

    fn check(&self) -> Result<(), LayerConfigError> {
        self.activation.for_a_state("activation")
    }

    fn saves(&self) -> bool {
        false
    }

    fn arguments(&self) -> usize {
        usize::from(self.activation.needs_input())
    }

    fn pack_forward(&self, recurrent: Matrix<'_>, packed: &mut [PackedMatrix; 2]) {
        packed[0].pack(recurrent, 1);
    }

    fn pack_backward(&self, recurrent: Matrix<'_>, packed: &mut [PackedMatrix; 2]) {
        packed[0].pack(recurrent.t(), 1);
    }

    fn step_forward(&self, packed: &[PackedMatrix; 2], step: ForwardStep<'_>) {
        let packed = &packed[0];
        match self.functions() {
            CellFunctions::Default(f) => cell_forward(packed, &SimpleRnnMath { f: f.state }, step),
            CellFunctions::Any(f) => cell_forward(packed, &SimpleRnnMath { f: f.state }, step),
        }
    }

    fn step_backward(&self, packed: &[PackedMatrix; 2], step: BackwardStep<'_>, _scratch: &mut Block) {
        let packed = &packed[0];
        let step = BackwardStep { gates: &[], h_prev: &[], h_dropped: &[], ..step };
        match self.functions() {
            CellFunctions::Default(f) => cell_backward(packed, &SimpleRnnMath { f: f.state }, step),
            CellFunctions::Any(f) => cell_backward(packed, &SimpleRnnMath { f: f.state }, step),
        }
    }
}
