use super::activation::{Lanewise, Sigmoid, Tanh};
use super::simd::Simd;
use super::{Elementwise, Isa, dispatch};

/// An elementwise activation function with its derivative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Function {
    /// One with vector code.
    Fast(FastFunction),
    /// Any other, number by number.
    Other(Elementwise),
}

/// A function with vector code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FastFunction {
    /// `x`.
    Linear,
    /// `max(x, 0)`.
    Relu,
    /// `(eˣ − e⁻ˣ)/(eˣ + e⁻ˣ)`; absolute error at most 2e-7.
    Tanh,
    /// `1/(1 + e⁻ˣ)`; absolute error at most 2e-7.
    Sigmoid,
    /// `x/6 + 1/2`, clipped to [0, 1].
    HardSigmoid,
}

/// A function in the registers of a kernel. That of a recurrent cell is compiled for [`Tanh`] and [`Sigmoid`], its defaults, and once for any
/// [`Function`]: there the match in every vector, and what a derivative from the argument takes, are part of the loop.
pub(crate) trait LaneFunction: Copy {
    /// Whether [`Function::needs_input`] holds for any of them.
    const MAY_NEED_INPUT: bool = false;

    /// `f(z)` in every lane.
    fn of<V: Simd>(self, z: V) -> V;

    /// `d · f′(z)` in every lane, from `a = f(z)`, or from `z` where it needs the input.
    fn slope<V: Simd>(self, d: V, a: V) -> V;

    /// See [`Function::needs_input`].
    #[inline(always)]
    fn needs_input(self) -> bool {
        false
    }
}

impl Function {
    /// `a = f(z)`, in place.
    pub fn apply(self, values: &mut [f32]) {
        match self {
            Self::Fast(FastFunction::Linear) => {}
            Self::Fast(f) => apply_on(Isa::best(), values, f),
            Self::Other(f) => f.apply(values),
        }
    }

    /// `∂L/∂z = ∂L/∂a · f′(z)`, in place, with `f′` from `a = f(z)`: `1 − a²` for tanh, `a(1 − a)` for sigmoid, `[a > 0]` for relu. Where
    /// [`Function::needs_input`], `at` is `z` instead.
    pub fn chain(self, d: &mut [f32], at: &[f32]) {
        match self {
            Self::Fast(FastFunction::Linear) => {}
            Self::Fast(f) => chain_on(Isa::best(), d, at, f),
            Self::Other(f) => f.chain(d, at),
        }
    }

    /// Whether the derivative is computed from `z`: see [`Elementwise::needs_input`].
    pub fn needs_input(self) -> bool {
        matches!(self, Self::Other(f) if f.needs_input())
    }
}

impl LaneFunction for FastFunction {
    #[inline(always)]
    fn of<V: Simd>(self, z: V) -> V {
        let (zero, one) = (V::splat(0.0), V::splat(1.0));
        match self {
            Self::Linear => z,
            Self::Relu => z.select_less(zero, zero, z),
            Self::Tanh => LaneFunction::of(Tanh, z),
            Self::Sigmoid => LaneFunction::of(Sigmoid, z),
            // `min` and `max` return their second operand for NaN: NaN propagates.
            Self::HardSigmoid => zero.max(one.min(z.div(V::splat(6.0)).add(V::splat(0.5)))),
        }
    }

    #[inline(always)]
    fn slope<V: Simd>(self, d: V, a: V) -> V {
        let (zero, one) = (V::splat(0.0), V::splat(1.0));
        match self {
            Self::Linear => d,
            Self::Relu => zero.select_less(a, d, zero),
            Self::Tanh => Tanh.slope(d, a),
            Self::Sigmoid => Sigmoid.slope(d, a),
            Self::HardSigmoid => zero.select_less(a, a.select_less(one, d.div(V::splat(6.0)), zero), zero),
        }
    }
}

impl LaneFunction for Tanh {
    #[inline(always)]
    fn of<V: Simd>(self, z: V) -> V {
        <Self as Lanewise>::of(z)
    }

    /// `d · (1 − a²)`.
    #[inline(always)]
    fn slope<V: Simd>(self, d: V, a: V) -> V {
        d.mul(V::splat(1.0).sub(a.mul(a)))
    }
}

impl LaneFunction for Sigmoid {
    #[inline(always)]
    fn of<V: Simd>(self, z: V) -> V {
        <Self as Lanewise>::of(z)
    }

    /// `d · a(1 − a)`.
    #[inline(always)]
    fn slope<V: Simd>(self, d: V, a: V) -> V {
        d.mul(a.mul(V::splat(1.0).sub(a)))
    }
}

impl LaneFunction for Function {
    const MAY_NEED_INPUT: bool = true;

    #[inline(always)]
    fn of<V: Simd>(self, z: V) -> V {
        match self {
            Self::Fast(f) => f.of(z),
            Self::Other(f) => {
                let mut lanes = [0.0; MAX_LANES];
                z.store(&mut lanes);
                apply_lanes(f, &mut lanes[..V::LANES]);
                V::load(&lanes)
            }
        }
    }

    #[inline(always)]
    fn slope<V: Simd>(self, d: V, a: V) -> V {
        match self {
            Self::Fast(f) => f.slope(d, a),
            Self::Other(f) => {
                let (mut lanes, mut at) = ([0.0; MAX_LANES], [0.0; MAX_LANES]);
                d.store(&mut lanes);
                a.store(&mut at);
                chain_lanes(f, &mut lanes[..V::LANES], &at[..V::LANES]);
                V::load(&lanes)
            }
        }
    }

    #[inline(always)]
    fn needs_input(self) -> bool {
        self.needs_input()
    }
}

/// Lanes of the widest vector.
const MAX_LANES: usize = 16;

/// Out of line: the call costs nothing beside the function, and a kernel stays small.
#[cold]
#[inline(never)]
fn apply_lanes(f: Elementwise, values: &mut [f32]) {
    f.apply(values);
}

#[cold]
#[inline(never)]
fn chain_lanes(f: Elementwise, d: &mut [f32], at: &[f32]) {
    f.chain(d, at);
}

dispatch!(fn apply_on(values: &mut [f32], f: FastFunction) = apply_all);
dispatch!(fn chain_on(d: &mut [f32], a: &[f32], f: FastFunction) = chain_all);

#[inline(always)]
fn apply_all<V: Simd, N: Simd>(values: &mut [f32], f: impl LaneFunction) {
    let mut chunks = values.chunks_exact_mut(V::LANES);
    for chunk in &mut chunks {
        f.of(V::load(chunk)).store(chunk);
    }
    // The tail uses the same vector code: a value's bits do not depend on its position.
    let tail = chunks.into_remainder();
    if !tail.is_empty() {
        f.of(V::load_part(tail)).store_part(tail);
    }
}

#[inline(always)]
fn chain_all<V: Simd, N: Simd>(d: &mut [f32], a: &[f32], f: impl LaneFunction) {
    let mut chunks = d.chunks_exact_mut(V::LANES);
    let mut from = a.chunks_exact(V::LANES);
    for (d, a) in (&mut chunks).zip(&mut from) {
        f.slope(V::load(d), V::load(a)).store(d);
    }
    let (d, a) = (chunks.into_remainder(), from.remainder());
    if !d.is_empty() && d.len() <= a.len() {
        f.slope(V::load_part(d), V::load_part(&a[..d.len()])).store_part(d);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: [FastFunction; 5] = [
        FastFunction::Linear,
        FastFunction::Relu,
        FastFunction::Tanh,
        FastFunction::Sigmoid,
        FastFunction::HardSigmoid,
    ];

    fn all() -> impl Iterator<Item = Function> {
        let other = crate::kernel::elementwise::tests::all().into_iter().map(Function::Other);
        FAST.into_iter().map(Function::Fast).chain(other)
    }

    dispatch!(fn apply_any_on(values: &mut [f32], f: Function) = apply_all);
    dispatch!(fn chain_any_on(d: &mut [f32], a: &[f32], f: Function) = chain_all);

    #[test]
    fn instruction_sets_agree_at_every_length() {
        for f in all() {
            for n in 0..40 {
                let z: Vec<f32> = (0..n).map(|i| (i as f32 * 0.37 - 5.0).sin() * 4.0).collect();
                let of = |isa| {
                    let (mut a, mut d) = (z.clone(), z.iter().map(|z| z + 1.0).collect::<Vec<_>>());
                    apply_any_on(isa, &mut a, f);
                    chain_any_on(isa, &mut d, &a, f);
                    a.into_iter().chain(d).collect::<Vec<_>>()
                };
                let plain = of(Isa::Portable);
                let fused: Vec<_> = Isa::available().into_iter().skip(1).map(of).collect();
                assert!(fused.windows(2).all(|w| w[0] == w[1]), "{f:?} {n}");
                for values in fused {
                    assert!(values.iter().zip(&plain).all(|(a, b)| (a - b).abs() < 5e-7), "{f:?} {n}");
                }
            }
        }
    }

    #[test]
    fn nan_propagates() {
        for f in all() {
            for isa in Isa::available() {
                let mut z = [f32::NAN, 1.0];
                apply_any_on(isa, &mut z, f);
                assert!(z[0].is_nan() && !z[1].is_nan(), "{f:?} {isa:?}");
            }
        }
    }

    #[test]
    fn the_kernel_for_any_function_gives_the_bits_of_the_fast_one() {
        let z: Vec<f32> = (0..39).map(|i| (i as f32 * 0.37 - 5.0).sin() * 4.0).collect();
        for f in FAST {
            for isa in Isa::available() {
                let (mut fast, mut any) = (z.clone(), z.clone());
                apply_on(isa, &mut fast, f);
                apply_any_on(isa, &mut any, Function::Fast(f));
                assert_eq!(fast, any, "{f:?} {isa:?}");
                let (mut d_fast, mut d_any) = (z.clone(), z.clone());
                chain_on(isa, &mut d_fast, &fast, f);
                chain_any_on(isa, &mut d_any, &any, Function::Fast(f));
                assert_eq!(d_fast, d_any, "{f:?} {isa:?}");
            }
        }
    }
}
