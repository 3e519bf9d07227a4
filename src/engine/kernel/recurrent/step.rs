use crate::kernel::{FastFunction, Function, Sigmoid, Tanh};

/// The activation functions of a cell.
#[derive(Debug, Clone, Copy)]
pub struct Functions<S, G> {
    /// `φ`: of the candidate state.
    pub state: S,
    /// `σ`: of the gates.
    pub gate: G,
}

/// The functions of a cell, for which of its kernels they are.
#[derive(Debug, Clone, Copy)]
pub enum CellFunctions {
    /// tanh and sigmoid, the defaults of Keras and PyTorch.
    Default(Functions<Tanh, Sigmoid>),
    /// Any.
    Any(Functions<Function, Function>),
}

impl CellFunctions {
    /// Those of the candidate state and of the gates.
    pub fn new(state: Function, gate: Function) -> Self {
        match (state, gate) {
            (Function::Fast(FastFunction::Tanh), Function::Fast(FastFunction::Sigmoid)) => {
                Self::Default(Functions { state: Tanh, gate: Sigmoid })
            }
            (state, gate) => Self::Any(Functions { state, gate }),
        }
    }
}

/// Where the input projections `x_t·W + b` of a step are.
#[derive(Debug, Clone, Copy)]
pub enum Projected<'a> {
    /// In `ForwardStep::gates`, to be replaced.
    InPlace,
    /// That of sequence `b` is row `index[b]` of `table`, `[rows, gates·units]`.
    Rows {
        /// The projections of distinct inputs.
        table: &'a [f32],
        /// A row for every sequence.
        index: &'a [u32],
        /// The same of the step that is computed next.
        next: &'a [u32],
    },
}

/// The buffers of one step forward. Rows are sequences. What a cell neither reads nor writes may be empty.
#[derive(Debug)]
pub struct ForwardStep<'a> {
    /// Sequences.
    pub batch: usize,
    /// Size of the state.
    pub units: usize,
    /// Where in the buffers of all steps the one is that is computed next, 1 for the step behind this and −1 for that before: it is
    /// prefetched. 0 where it is near the processor anyway, or there is none.
    pub ahead: isize,
    /// Input projections.
    pub projected: Projected<'a>,
    /// The recurrent bias `[gates·units]`; empty without.
    pub recurrent_bias: &'a [f32],
    /// Out: activated gates `[batch, gates·units]`; of a cell with one gate, whose value is the state, in only.
    pub gates: &'a mut [f32],
    /// The hidden state h_{t−1}, `[batch, units]`.
    pub h_prev: &'a [f32],
    /// The same after recurrent dropout: the factor of `U`.
    pub h_dropped: &'a [f32],
    /// The cell state c_{t−1}.
    pub c_prev: &'a [f32],
    /// Which sequences take the step; the others' states stay. Empty: all.
    pub mask: &'a [bool],
    /// Out: the hidden state h_t.
    pub h: &'a mut [f32],
    /// Out: the cell state c_t, where there is one.
    pub c: &'a mut [f32],
    /// Out: what else the cell saves for the step backward, `[batch, units]`.
    pub saved: &'a mut [f32],
    /// Out: the arguments of the activation functions, `[batch, arguments·units]`, where a derivative is computed from them; else empty.
    pub arguments: &'a mut [f32],
    /// The products with `U`, `[gates, batch, units]`, where each gate has a dropout mask of its own: `h_dropped` is not multiplied then.
    /// Else empty.
    pub products: &'a [f32],
}

/// The buffers of one step backward.
#[derive(Debug)]
pub struct BackwardStep<'a> {
    /// Sequences.
    pub batch: usize,
    /// Size of the state.
    pub units: usize,
    /// Where in the buffers of all steps the one is that is computed next, 1 for the step behind this and −1 for that before: it is
    /// prefetched. 0 where it is near the processor anyway, or there is none.
    pub ahead: isize,
    /// ∂L/∂(recurrent product) of step t+1, `[batch, gates·units]`; empty at the last.
    pub next_delta: &'a [f32],
    /// The upstream gradient of h_t, `[batch, units]`; empty where nothing reads h_t.
    pub upstream_grad: &'a [f32],
    /// Activated gates.
    pub gates: &'a [f32],
    /// The hidden state h_t.
    pub h: &'a [f32],
    /// What else the cell saved.
    pub saved: &'a [f32],
    /// The arguments of the activation functions, where a derivative is computed from them; else empty.
    pub arguments: &'a [f32],
    /// The hidden state h_{t−1}.
    pub h_prev: &'a [f32],
    /// The same after recurrent dropout.
    pub h_dropped: &'a [f32],
    /// The factors of recurrent dropout `[batch, units]`; empty without.
    pub dropout: &'a [f32],
    /// The cell state c_{t−1}.
    pub c_prev: &'a [f32],
    /// Which sequences took the step. Empty: all.
    pub mask: &'a [bool],
    /// Out: δ = ∂L/∂(input projection), `[batch, gates·units]`.
    pub delta: &'a mut [f32],
    /// Out, where it differs from `delta`: ∂L/∂(recurrent product).
    pub delta_recurrent: &'a mut [f32],
    /// Out: ∂L/∂h_t.
    pub dh: &'a mut [f32],
    /// In: the part of ∂L/∂h_t that did not pass through the product with `U`. Out: that of ∂L/∂h_{t−1}.
    pub carry: &'a mut [f32],
    /// In: the part of ∂L/∂c_t from step t+1. Out: ∂L/∂c_{t−1}.
    pub dc: &'a mut [f32],
}

impl ForwardStep<'_> {
    /// The same buffers once more, for a second product.
    pub fn reborrow(&mut self) -> ForwardStep<'_> {
        let Self { gates, h, c, saved, arguments, .. } = self;
        ForwardStep { gates, h, c, saved, arguments, ..*self }
    }
}

impl BackwardStep<'_> {
    /// The same buffers once more, for a second product.
    pub fn reborrow(&mut self) -> BackwardStep<'_> {
        let Self { delta, delta_recurrent, dh, carry, dc, .. } = self;
        BackwardStep { delta, delta_recurrent, dh, carry, dc, ..*self }
    }
}
