use serde::{Deserialize, Serialize};

use super::LayerConfigError;
use crate::kernel::{Function, softmax};

/// A function of every number (softmax: of every row), by Keras's name. Source: `keras/src/activations/activations.py`.
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
    /// `x/6 + 1/2`, between 0 and 1.
    HardSigmoid,
    /// `eˣ/Σeˣ` over a row.
    Softmax,
}

impl Activation {
    /// Keras's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::HardSigmoid => "hard_sigmoid",
            Self::Softmax => "softmax",
        }
    }

    /// Checks that it is not softmax, which acts on a row: recurrent layers need elementwise functions.
    pub(super) fn for_a_state(self, field: &'static str) -> Result<(), LayerConfigError> {
        if self != Self::Softmax {
            return Ok(());
        }
        let found = format!("`{field}` is softmax");
        Err(LayerConfigError::of(
            field,
            found,
            "a recurrent layer takes tanh, relu, sigmoid, hard_sigmoid or linear",
        ))
    }

    /// Its elementwise function; `None` for softmax, which acts on a row.
    pub(super) fn function(self) -> Option<Function> {
        match self {
            Self::Linear => Some(Function::Linear),
            Self::Relu => Some(Function::Relu),
            Self::Tanh => Some(Function::Tanh),
            Self::Sigmoid => Some(Function::Sigmoid),
            Self::HardSigmoid => Some(Function::HardSigmoid),
            Self::Softmax => None,
        }
    }

    /// `a = f(z)`, in place, for rows of `width` numbers.
    pub fn apply(self, values: &mut [f32], width: usize) {
        match self.function() {
            Some(function) => function.apply(values),
            None => softmax(values, width),
        }
    }

    /// `∂L/∂z = ∂L/∂a · f′(z)`, in place, with `f′` from `a = f(z)` (see [`Function::chain`]); for softmax
    /// `a ⊙ (∂L/∂a − Σ a·∂L/∂a)` by rows of `width`.
    pub fn chain(self, d: &mut [f32], a: &[f32], width: usize) {
        if let Some(function) = self.function() {
            return function.chain(d, a);
        }
        for (d, a) in d.chunks_exact_mut(width).zip(a.chunks_exact(width)) {
            let along: f32 = d.iter().zip(a).map(|(d, a)| d * a).sum();
            d.iter_mut().zip(a).for_each(|(d, a)| *d = a * (*d - along));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Activation;

    #[test]
    fn the_derivative_is_the_slope() {
        let all = [
            Activation::Linear,
            Activation::Relu,
            Activation::Tanh,
            Activation::Sigmoid,
            Activation::HardSigmoid,
        ];
        for f in all.into_iter().chain([Activation::Softmax]) {
            let x = [-2.0f32, -0.3, 0.4, 1.7];
            let at = |x: [f32; 4]| {
                let mut v = x;
                f.apply(&mut v, 4);
                v
            };
            // The slope of Σ cᵢ·aᵢ along each x.
            let c = [0.3f32, -1.0, 0.7, 0.2];
            let loss = |x| at(x).iter().zip(c).map(|(a, c)| f64::from(a * c)).sum::<f64>();
            let mut d = c;
            f.chain(&mut d, &at(x), 4);
            for i in 0..4 {
                let (mut up, mut down) = (x, x);
                up[i] += 1e-2;
                down[i] -= 1e-2;
                let slope = (loss(up) - loss(down)) / 2e-2;
                assert!((f64::from(d[i]) - slope).abs() < 1e-4, "{f:?} at {}: {} for {slope}", x[i], d[i]);
            }
        }
    }

    #[test]
    fn not_a_number_gets_through() {
        for f in [Activation::Relu, Activation::HardSigmoid, Activation::Softmax] {
            let mut v = [f32::NAN, 1.0];
            f.apply(&mut v, 2);
            assert!(v[0].is_nan(), "{f:?}");
        }
    }

    #[test]
    fn softmax_survives_large_numbers() {
        let mut v = [1e30, 1e30, -1e30];
        Activation::Softmax.apply(&mut v, 3);
        assert_eq!(v[..2], [0.5, 0.5]);
        assert!(v[2] < 1e-37);
    }
}
