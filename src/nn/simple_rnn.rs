use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::dense::{affine, affine_backward};
use super::layer::{Layer, MaskRule, Misfit, ParamSpec, Pass, Shape, Tape};
use super::{Activation, Block, Initializer, Mask, Observer, Signal, Unrolled, Weights};
use crate::kernel::{Matrix, matmul};
use crate::protocol::Direction;

/// The simplest recurrent layer: the hidden state is a function of the input and of the state before (Elman 1990).
///
/// ```text
/// z_t = x_t·W + h_{t−1}·U + b    h_t = f(z_t)    h_{−1} = 0
///     W: kernel [features, units]   U: recurrent_kernel [units, units]   b: bias [units]
/// back-propagation through time, from the last step to the first (Werbos 1990):
/// ∂L/∂h_t = ∂L/∂out_t + δ_{t+1}·Uᵀ       δ_t = ∂L/∂h_t ⊙ f′(z_t)
/// ∂L/∂W = Σ x_tᵀ·δ_t    ∂L/∂U = Σ h_{t−1}ᵀ·δ_t    ∂L/∂b = Σ δ_t    ∂L/∂x_t = δ_t·Wᵀ
/// ```
/// The factor `diag(f′)·Uᵀ` at every step is why the gradient vanishes or explodes (Bengio et al. 1994). At a masked position
/// the state is carried on, `h_t = h_{t−1}`, and its derivative with it. `go_backwards` reads from the last position to the first;
/// with `return_sequences` the output is then in the order of reading, as in Keras.
///
/// Source: `keras/src/layers/rnn/simple_rnn.py`. `[batch, time, features] → [batch, units]`, or `[batch, time, units]`.
///
/// ```
/// use unrolled::nn::{Layer, Shape, SimpleRNN};
/// let layer = SimpleRNN { units: 8, return_sequences: true, ..SimpleRNN::default() };
/// let out = layer.output(&[Shape::Sequence { time: 200, features: 50 }]);
/// assert_eq!(out, Ok(Shape::Sequence { time: 200, features: 8 }));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimpleRNN {
    /// Size of the hidden state.
    pub units: usize,
    /// `f`: tanh, relu or linear.
    #[serde(default = "tanh")]
    pub activation: Activation,
    /// Whether there is a `b`.
    #[serde(default = "yes")]
    pub use_bias: bool,
    /// Whether the output is the state after every step, or after the last only.
    #[serde(default)]
    pub return_sequences: bool,
    /// Whether to read from the last position to the first.
    #[serde(default)]
    pub go_backwards: bool,
}

fn tanh() -> Activation {
    Activation::Tanh
}

fn yes() -> bool {
    true
}

impl Default for SimpleRNN {
    fn default() -> Self {
        Self { units: 1, activation: tanh(), use_bias: true, return_sequences: false, go_backwards: false }
    }
}

// Slots of the tape: 0 the hidden state after reading each input position, 1 δ of each, 2 ∂L/∂h of the step at hand.

impl SimpleRNN {
    /// The input position that is read at `step`, counted in the order of reading.
    fn position(&self, step: usize, time: usize) -> usize {
        if self.go_backwards { time - 1 - step } else { step }
    }
}

impl Layer for SimpleRNN {
    fn class(&self) -> &'static str {
        "SimpleRNN"
    }

    fn detail(&self) -> String {
        let sequences = if self.return_sequences { ", return_sequences" } else { "" };
        let backwards = if self.go_backwards { ", go_backwards" } else { "" };
        format!("{}{sequences}{backwards}", self.activation.name())
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Misfit> {
        let (time, _) = inputs[0].sequence("SimpleRNN")?;
        let features = Misfit::positive("units", self.units)?;
        if self.activation == Activation::Sigmoid {
            let found = "`activation` is sigmoid";
            return Err(Misfit::of("activation", found, "a SimpleRNN takes tanh, relu or linear"));
        }
        Ok(if self.return_sequences {
            Shape::Sequence { time, features }
        } else {
            Shape::Vector { features }
        })
    }

    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        let features = inputs[0].features("SimpleRNN").unwrap_or(0);
        let mut all = vec![
            ParamSpec::new("kernel", &[features, self.units], Initializer::GlorotUniform),
            ParamSpec::new("recurrent_kernel", &[self.units, self.units], Initializer::Orthogonal),
        ];
        if self.use_bias {
            all.push(ParamSpec::new("bias", &[self.units], Initializer::Zeros));
        }
        all
    }

    fn mask(&self) -> MaskRule {
        if self.return_sequences { MaskRule::Keep } else { MaskRule::Drop }
    }

    fn directions(&self) -> &'static [Option<Direction>] {
        &[None]
    }

    fn forward(&self, pass: &Pass<'_>, weights: Weights<'_>, inputs: &[Signal<'_>], tape: &mut Tape) {
        let (x, units) = (inputs[0].real(), self.units);
        let (time, batch, features) = x.dim();
        let Tape { out, slots, .. } = tape;
        let [h, ..] = slots;
        // The input's part of every step at once; the state's part is added step by step.
        h.reshape(time, batch, units);
        let bias = self.use_bias.then(|| weights.get(2));
        affine(h.data_mut(), x.data(), weights.get(0), bias, features, units);
        let recurrent = Matrix::new(weights.get(1), units, units);
        for step in 0..time {
            let t = self.position(step, time);
            if step == 0 {
                self.activation.apply(h.step_mut(t), units);
                keep_masked(h.step_mut(t), None, pass.mask, t, units);
            } else {
                let (before, now) = h.pair_mut(self.position(step - 1, time), t);
                matmul(now, Matrix::new(before, batch, units), recurrent, true);
                self.activation.apply(now, units);
                keep_masked(now, Some(before), pass.mask, t, units);
            }
        }
        if self.return_sequences {
            out.reshape(time, batch, units);
            for step in 0..time {
                out.step_mut(step).copy_from_slice(h.step(self.position(step, time)));
            }
        } else {
            out.reshape(1, batch, units);
            out.data_mut().copy_from_slice(h.step(self.position(time - 1, time)));
        }
    }

    fn backward(
        &self,
        pass: &Pass<'_>,
        weights: Weights<'_>,
        inputs: &[Signal<'_>],
        tape: &mut Tape,
        d_out: &mut Block,
        grads: &mut [f32],
        d_in: Option<&mut [Block]>,
        mut observer: Option<&mut dyn Observer>,
    ) {
        let (x, units) = (inputs[0].real(), self.units);
        let (time, batch, features) = x.dim();
        let [h, delta, dh, ..] = &mut tape.slots;
        delta.reshape(time, batch, units);
        dh.zeroed(1, batch, units);
        let recurrent = Matrix::new(weights.get(1), units, units);
        for step in (0..time).rev() {
            let t = self.position(step, time);
            // ∂L/∂h_t: what came back through step t+1 is there; add what the output asks.
            if self.return_sequences {
                dh.data_mut().iter_mut().zip(d_out.step(step)).for_each(|(sum, d)| *sum += d);
            } else if step + 1 == time {
                dh.data_mut().copy_from_slice(d_out.data());
            }
            if let Some(observer) = observer.as_deref_mut() {
                let square = |data| ArrayView2::from_shape((batch, units), data);
                if let (Ok(h), Ok(dh)) = (square(h.step(t)), square(dh.data())) {
                    observer.unrolled(Unrolled { layer: pass.layer, direction: None, t, h, dh });
                }
            }
            let now = delta.step_mut(t);
            now.copy_from_slice(dh.data());
            self.activation.chain(now, h.step(t), units);
            match pass.mask {
                None => matmul(dh.data_mut(), Matrix::new(now, batch, units), recurrent.t(), false),
                Some(mask) => {
                    // A masked row took no step: no δ, and ∂L/∂h goes on unchanged.
                    let rows = now.chunks_exact_mut(units).zip(dh.data_mut().chunks_exact_mut(units));
                    for ((now, dh), read) in rows.zip(mask.step(t)) {
                        if *read { dh.fill(0.0) } else { now.fill(0.0) }
                    }
                    matmul(dh.data_mut(), Matrix::new(now, batch, units), recurrent.t(), true);
                }
            }
        }
        // h_{t−1}ᵀ·δ_t of all steps as one product: states and δ shifted by one position.
        let (d_kernel, rest) = grads.split_at_mut(features * units);
        let (d_recurrent, d_bias) = rest.split_at_mut(units * units);
        if time > 1 {
            let (before, after) =
                if self.go_backwards { (1..time, 0..time - 1) } else { (0..time - 1, 1..time) };
            let rows = (time - 1) * batch;
            let states = Matrix::new(h.steps(before), rows, units);
            matmul(d_recurrent, states.t(), Matrix::new(delta.steps(after), rows, units), true);
        }
        affine_backward(
            delta.data(),
            x,
            weights.get(0),
            d_kernel,
            units,
            d_in.and_then(<[Block]>::first_mut),
        );
        if self.use_bias {
            super::dense::add_columns(d_bias, delta.data());
        }
    }

    fn activations<'a>(&self, tape: &'a Tape) -> Vec<(Option<Direction>, &'static str, &'a Block)> {
        vec![(None, "h", &tape.slots[0])]
    }
}

/// Masked rows keep the state before, or 0 at the first step.
fn keep_masked(now: &mut [f32], before: Option<&[f32]>, mask: Option<&Mask>, t: usize, units: usize) {
    let Some(mask) = mask else { return };
    for (row, read) in mask.step(t).iter().enumerate().filter(|(_, read)| !**read) {
        debug_assert!(!read);
        let place = row * units..(row + 1) * units;
        match before {
            Some(before) => now[place.clone()].copy_from_slice(&before[place]),
            None => now[place].fill(0.0),
        }
    }
}
