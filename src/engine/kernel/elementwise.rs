use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use serde::{Deserialize, Serialize};

/// Keras's elementwise activation functions beside those of [`Function`](super::Function) that have vector code. Formulas and derivatives
/// are side by side in the table below, in double precision. Source: `keras/src/activations/activations.py`.
///
/// In a preset `{name: leaky_relu, negative_slope: 0.1}`, or the name alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum Elementwise {
    /// Exponential linear unit (Clevert et al. 2016).
    Elu {
        /// The limit for −∞ is −alpha.
        #[serde(default = "one")]
        alpha: f64,
    },
    /// Self-normalizing `elu` (Klambauer et al. 2017).
    Selu,
    /// Continuously differentiable `elu` (Barron 2017).
    Celu {
        /// The limit for −∞ is −alpha.
        #[serde(default = "one")]
        alpha: f64,
    },
    /// Gaussian error linear unit (Hendrycks & Gimpel 2016).
    Gelu {
        /// Whether Φ is approximated by a tanh.
        #[serde(default)]
        approximate: bool,
    },
    /// Also called swish (Ramachandran et al. 2017).
    Silu,
    /// A smooth `relu`.
    Softplus,
    /// A `tanh` with slower saturation.
    Softsign,
    /// `eᶻ`.
    Exponential,
    /// `relu` with a slope below 0.
    LeakyRelu {
        /// That slope.
        #[serde(default = "fifth")]
        negative_slope: f64,
    },
    /// `relu`, 6 at most.
    Relu6,
    /// `relu` with arguments.
    #[serde(rename = "relu")]
    ReluWith {
        /// The slope below the threshold.
        #[serde(default)]
        negative_slope: f64,
        /// The maximum.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_value: Option<f64>,
        /// The function begins here.
        #[serde(default)]
        threshold: f64,
    },
    /// `z·tanh(softplus z)` (Misra 2019).
    Mish,
    /// The identity between −1 and 1.
    HardTanh,
    /// Also called `hard_swish` (Howard et al. 2019).
    HardSilu,
    /// The identity without an interval around 0.
    HardShrink {
        /// Half the interval.
        #[serde(default = "half")]
        threshold: f64,
    },
    /// The same, continuous.
    SoftShrink {
        /// Half the interval.
        #[serde(default = "half")]
        threshold: f64,
    },
    /// `z − tanh z`.
    TanhShrink,
    /// The identity above a threshold.
    Threshold {
        /// The threshold.
        threshold: f64,
        /// The value below it.
        default_value: f64,
    },
    /// The logarithm of the sigmoid.
    LogSigmoid,
    /// A smooth `relu` without exponentials (Barron 2021).
    Squareplus {
        /// How smooth.
        #[serde(default = "four")]
        b: f64,
    },
    /// The identity above 1, a parabola between −1 and 1.
    SparsePlus,
    /// `(z + 1)/2` between 0 and 1.
    SparseSigmoid,
}

fn one() -> f64 {
    1.0
}

fn half() -> f64 {
    0.5
}

fn fifth() -> f64 {
    0.2
}

fn four() -> f64 {
    4.0
}

/// `α` and `λ` of Klambauer et al. 2017.
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
/// `√(2/π)` and the coefficient of z³ of the approximate `gelu`.
const GELU_SCALE: f64 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
const GELU_CUBE: f64 = 0.044_715;

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// `ln(1 + eᶻ)`.
fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p() + if z.is_nan() { z } else { 0.0 }
}

fn hard_sigmoid(z: f64) -> f64 {
    (z / 6.0 + 0.5).clamp(0.0, 1.0)
}

/// 1 where `condition` holds, else 0.
fn where_true(condition: bool) -> f64 {
    f64::from(u8::from(condition))
}

/// From each function's line: `f(z)`, and `f′` from the output `a = f(z)` or, where the output does not determine it, from the input `z`.
/// Comparisons are such that NaN propagates.
macro_rules! formulas {
    ($($name:ident $({ $($field:ident),* })?: |$z:ident| $f:expr, $from:ident |$at:ident| $slope:expr;)*) => {
        impl Elementwise {
            /// `a = f(z)`, in place.
            pub fn apply(self, values: &mut [f32]) {
                match self {
                    $(Self::$name $({ $($field),* })? => values.iter_mut().for_each(|value| {
                        let $z = f64::from(*value);
                        *value = ($f) as f32;
                    }),)*
                }
            }

            /// `∂L/∂z = ∂L/∂a · f′`, in place; `at` is `z` where [`Elementwise::needs_input`], else `a`.
            pub fn chain(self, d: &mut [f32], at: &[f32]) {
                match self {
                    $(Self::$name $({ $($field),* })? => {
                        $($(let _ = $field;)*)? // not every derivative has all of them
                        d.iter_mut().zip(at).for_each(|(d, at)| {
                            let $at = f64::from(*at);
                            *d = (f64::from(*d) * ($slope)) as f32;
                        });
                    })*
                }
            }

            /// Whether the derivative is computed from the input, which must be saved for it.
            pub fn needs_input(self) -> bool {
                match self {
                    $(Self::$name { .. } => stringify!($from) == "input",)*
                }
            }
        }
    };
}

formulas! {
    Elu { alpha }: |z| if z > 0.0 { z } else { alpha * z.exp_m1() }, output |a| if a > 0.0 { 1.0 } else { a + alpha };
    Selu: |z| SELU_SCALE * if z > 0.0 { z } else { SELU_ALPHA * z.exp_m1() },
        output |a| if a > 0.0 { SELU_SCALE } else { a + SELU_SCALE * SELU_ALPHA };
    Celu { alpha }: |z| if z > 0.0 { z } else { alpha * (z / alpha).exp_m1() },
        output |a| if a > 0.0 { 1.0 } else { a / alpha + 1.0 };
    Gelu { approximate }: |z| z * gelu_gate(z, approximate), input |z| gelu_derivative(z, approximate);
    Silu: |z| z * sigmoid(z), input |z| sigmoid(z) * (1.0 + z * sigmoid(-z));
    Softplus: |z| softplus(z), output |a| -(-a).exp_m1();
    Softsign: |z| z / (1.0 + z.abs()), output |a| (1.0 - a.abs()).powi(2);
    Exponential: |z| z.exp(), output |a| a;
    LeakyRelu { negative_slope }: |z| if z > 0.0 { z } else { negative_slope * z },
        output |a| if a > 0.0 { 1.0 } else { negative_slope };
    Relu6: |z| z.clamp(0.0, 6.0), output |a| where_true(a > 0.0 && a < 6.0);
    ReluWith { negative_slope, max_value, threshold }:
        |z| if z > threshold { z.clamp(0.0, max_value.unwrap_or(f64::INFINITY)) } else { negative_slope * (z - threshold) },
        input |z| if z > threshold { where_true(z > 0.0 && z < max_value.unwrap_or(f64::INFINITY)) } else { negative_slope };
    Mish: |z| z * softplus(z).tanh(),
        input |z| { let t = softplus(z).tanh(); t + z * (1.0 - t * t) * sigmoid(z) };
    HardTanh: |z| z.clamp(-1.0, 1.0), output |a| where_true(a.abs() < 1.0);
    HardSilu: |z| z * hard_sigmoid(z), input |z| hard_sigmoid(z) + where_true(z.abs() < 3.0) * z / 6.0;
    HardShrink { threshold }: |z| if z.abs() <= threshold { 0.0 } else { z }, output |a| where_true(a != 0.0);
    SoftShrink { threshold }: |z| if z.abs() <= threshold { 0.0 } else { z - threshold.copysign(z) },
        output |a| where_true(a != 0.0);
    TanhShrink: |z| z - z.tanh(), input |z| z.tanh().powi(2);
    Threshold { threshold, default_value }: |z| if z <= threshold { default_value } else { z },
        input |z| where_true(z > threshold);
    LogSigmoid: |z| -softplus(-z), output |a| -a.exp_m1();
    Squareplus { b }: |z| (z + (z * z + b).sqrt()) / 2.0, output |a| a * a / (a * a + b / 4.0);
    SparsePlus: |z| if z <= -1.0 { 0.0 } else if z < 1.0 { (z + 1.0).powi(2) / 4.0 } else { z },
        output |a| a.min(1.0).sqrt();
    SparseSigmoid: |z| ((z + 1.0) / 2.0).clamp(0.0, 1.0), output |a| 0.5 * where_true(a > 0.0 && a < 1.0);
}

/// `gelu(z)/z`: Φ(z), or `(1 + tanh(√(2/π)·(z + 0.044715·z³)))/2`.
fn gelu_gate(z: f64, approximate: bool) -> f64 {
    match approximate {
        true => 0.5 * (1.0 + (GELU_SCALE * (z + GELU_CUBE * z.powi(3))).tanh()),
        false => 0.5 * (1.0 + libm::erf(z * FRAC_1_SQRT_2)),
    }
}

/// Φ(z) + z·Φ′(z), or that of the approximation.
fn gelu_derivative(z: f64, approximate: bool) -> f64 {
    let gate = gelu_gate(z, approximate);
    let slope = match approximate {
        true => 2.0 * gate * (1.0 - gate) * GELU_SCALE * (1.0 + 3.0 * GELU_CUBE * z * z),
        false => (-0.5 * z * z).exp() * GELU_SCALE / 2.0,
    };
    gate + z * slope
}

impl Elementwise {
    /// The bounds beyond which a value is saturated; infinite where the function never is.
    pub fn flat_ends(self) -> (f32, f32) {
        match self {
            Self::Relu6 => (f32::MIN_POSITIVE, 6.0 - 1e-6),
            Self::HardTanh => (f32::EPSILON - 1.0, 1.0 - f32::EPSILON),
            Self::SparseSigmoid => (f32::MIN_POSITIVE, 1.0 - f32::EPSILON),
            Self::Softsign => (-0.95, 0.95),
            Self::SparsePlus => (f32::MIN_POSITIVE, f32::INFINITY),
            _ => (f32::NEG_INFINITY, f32::INFINITY),
        }
    }

    /// The parameters that are out of range, each with its valid range: none in a usable function.
    pub fn fault(self) -> Option<(&'static str, f64, &'static str)> {
        let positive = |name, value: f64| (name, value, "it must be above 0", value > 0.0);
        let not_negative = |name, value: f64| (name, value, "it must be 0 or more", value >= 0.0);
        let any = |name, value: f64| (name, value, "it must be finite", true);
        let all = match self {
            Self::Elu { alpha } => [Some(not_negative("alpha", alpha)), None, None],
            Self::Celu { alpha } => [Some(positive("alpha", alpha)), None, None],
            Self::LeakyRelu { negative_slope } => {
                [Some(not_negative("negative_slope", negative_slope)), None, None]
            }
            Self::ReluWith { negative_slope, max_value, threshold } => [
                Some(not_negative("negative_slope", negative_slope)),
                max_value.map(|max| not_negative("max_value", max)),
                Some(not_negative("threshold", threshold)),
            ],
            Self::HardShrink { threshold } | Self::SoftShrink { threshold } => {
                [Some(not_negative("threshold", threshold)), None, None]
            }
            Self::Threshold { threshold, default_value } => {
                [Some(any("threshold", threshold)), Some(any("default_value", default_value)), None]
            }
            Self::Squareplus { b } => [Some(not_negative("b", b)), None, None],
            _ => [None; 3],
        };
        let faulty = |(_, value, _, holds): &(&str, f64, &str, bool)| !holds || !value.is_finite();
        all.into_iter().flatten().find(faulty).map(|(name, value, help, _)| (name, value, help))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Every function, with other parameters than its defaults where it has some.
    pub(crate) fn all() -> Vec<Elementwise> {
        use Elementwise::*;
        vec![
            Elu { alpha: 0.7 },
            Selu,
            Celu { alpha: 1.3 },
            Gelu { approximate: false },
            Gelu { approximate: true },
            Silu,
            Softplus,
            Softsign,
            Exponential,
            LeakyRelu { negative_slope: 0.1 },
            Relu6,
            ReluWith { negative_slope: 0.1, max_value: Some(1.5), threshold: 0.5 },
            Mish,
            HardTanh,
            HardSilu,
            HardShrink { threshold: 0.4 },
            SoftShrink { threshold: 0.4 },
            TanhShrink,
            Threshold { threshold: 0.3, default_value: -0.2 },
            LogSigmoid,
            Squareplus { b: 3.0 },
            SparsePlus,
            SparseSigmoid,
        ]
    }

    #[test]
    fn the_derivative_is_the_slope() {
        for f in all() {
            // None of these is a kink of a function above.
            for z in [-7.3f32, -3.2, -2.1, -0.77, -0.13, 0.11, 0.42, 0.93, 1.21, 2.9, 5.3, 8.1] {
                let of = |z: f32| {
                    let mut value = [z];
                    f.apply(&mut value);
                    f64::from(value[0])
                };
                let (up, down) = (z + 2e-3, z - 2e-3);
                let slope = (of(up) - of(down)) / f64::from(up - down);
                let mut d = [1.0f32];
                f.chain(&mut d, &[if f.needs_input() { z } else { of(z) as f32 }]);
                let found = f64::from(d[0]);
                assert!(
                    (found - slope).abs() < 5e-4 * slope.abs().max(1.0),
                    "{f:?} at {z}: {found} for {slope}"
                );
            }
        }
    }

    #[test]
    fn values_are_those_of_the_definitions() {
        use Elementwise::*;
        // Of Keras 3 in double precision, at −1.5 and 0.75.
        for (f, expected) in [
            (Elu { alpha: 1.0 }, [-0.776_869_839_851_570_2, 0.75]),
            (Selu, [-1.365_814_353_367_252_9, 0.788_025_740_516_610_3]),
            (Gelu { approximate: false }, [-0.100_210_806_890_635_45, 0.580_029_482_818_365_7]),
            (Gelu { approximate: true }, [-0.100_428_423_800_054_15, 0.579_960_555_028_755_9]),
            (Silu, [-0.273_638_285_709_534_47, 0.509_384_024_381_544_7]),
            (Softplus, [0.201_413_277_982_752_4, 1.136_871_006_114_899_9]),
            (Mish, [-0.298_099_742_166_806_74, 0.610_018_335_218_293_4]),
            (HardSilu, [-0.375, 0.468_75]),
            (LogSigmoid, [-1.701_413_277_982_752_4, -0.386_871_006_114_899_94]),
            (Squareplus { b: 4.0 }, [0.5, 1.443_000_468_164_691_3]),
            (SparsePlus, [0.0, 0.765_625]),
        ] {
            let mut values = [-1.5f32, 0.75];
            f.apply(&mut values);
            for (found, expected) in values.iter().zip(expected) {
                assert!((f64::from(*found) - expected).abs() < 1e-6, "{f:?}: {found} for {expected}");
            }
        }
    }

    #[test]
    fn not_a_number_gets_through_and_large_numbers_overflow_nowhere_else() {
        for f in all() {
            let mut values = [f32::NAN, -80.0, 80.0];
            f.apply(&mut values);
            assert!(values[0].is_nan(), "{f:?}");
            assert!(values[1..].iter().all(|a| a.is_finite()), "{f:?}: {values:?}");
            let at = if f.needs_input() { [f32::NAN, -80.0, 80.0] } else { values };
            let mut d = [1.0; 3];
            f.chain(&mut d, &at);
            assert!(d[1..].iter().all(|d| d.is_finite()), "{f:?}: {d:?}");
        }
    }

    #[test]
    fn parameters_out_of_range_are_found() {
        use Elementwise::*;
        assert_eq!(all().into_iter().find_map(Elementwise::fault), None);
        for (f, field) in [
            (Celu { alpha: 0.0 }, "alpha"),
            (LeakyRelu { negative_slope: -0.1 }, "negative_slope"),
            (ReluWith { negative_slope: 0.0, max_value: Some(-1.0), threshold: 0.0 }, "max_value"),
            (Threshold { threshold: f64::NAN, default_value: 0.0 }, "threshold"),
        ] {
            assert_eq!(f.fault().map(|(name, ..)| name), Some(field));
        }
    }
}
