use serde::{Deserialize, Serialize};

use crate::kernel;

/// A function of every number, by Keras's name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x`.
    #[default]
    Linear,
    /// `max(x, 0)`.
    Relu,
    /// `(eˣ − e⁻ˣ)/(eˣ + e⁻ˣ)`.
    Tanh,
    /// `1/(1 + e⁻ˣ)`.
    Sigmoid,
}

impl Activation {
    /// Keras's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
        }
    }

    /// `a = f(z)`, in place.
    pub fn apply(self, values: &mut [f32]) {
        match self {
            Self::Linear => {}
            Self::Relu => values.iter_mut().for_each(|x| *x = if *x < 0.0 { 0.0 } else { *x }),
            Self::Tanh => kernel::tanh(values),
            Self::Sigmoid => kernel::sigmoid(values),
        }
    }

    /// `∂L/∂z = ∂L/∂a · f′(z)`, in place, with `f′` from `a = f(z)`: `1 − a²` for tanh, `a(1 − a)` for sigmoid, `[a > 0]` for relu.
    pub fn chain(self, d: &mut [f32], a: &[f32]) {
        let pairs = d.iter_mut().zip(a);
        match self {
            Self::Linear => {}
            Self::Relu => pairs.for_each(|(d, a)| *d = if *a > 0.0 { *d } else { 0.0 }),
            Self::Tanh => pairs.for_each(|(d, a)| *d *= 1.0 - a * a),
            Self::Sigmoid => pairs.for_each(|(d, a)| *d *= a * (1.0 - a)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Activation;

    #[test]
    fn the_derivative_is_the_slope() {
        for f in [Activation::Linear, Activation::Relu, Activation::Tanh, Activation::Sigmoid] {
            for x in [-2.0f32, -0.3, 0.4, 1.7] {
                let at = |x: f32| {
                    let mut v = [x];
                    f.apply(&mut v);
                    v[0]
                };
                let mut d = [1.0];
                f.chain(&mut d, &[at(x)]);
                let slope = (at(x + 1e-2) - at(x - 1e-2)) / 2e-2;
                assert!((d[0] - slope).abs() < 1e-4, "{f:?} at {x}: {} for {slope}", d[0]);
            }
        }
    }

    #[test]
    fn relu_lets_not_a_number_through() {
        let mut v = [f32::NAN];
        Activation::Relu.apply(&mut v);
        assert!(v[0].is_nan());
    }
}
