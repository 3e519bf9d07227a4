use super::simd::Simd;
use super::{Isa, dispatch};

/// Replaces every `x` by `tanh x`; absolute error at most 2e-7, odd, and exactly ±1 beyond ±9.1.
pub fn tanh(values: &mut [f32]) {
    map_tanh(Isa::best(), values);
}

/// Replaces every `x` by `1/(1 + e⁻ˣ)`; absolute error at most 2e-7.
pub fn sigmoid(values: &mut [f32]) {
    map_sigmoid(Isa::best(), values);
}

/// Replaces every `x` by `e^x`; error at most 4 ulp for −87 ≤ x ≤ 88; `x` is clamped to this range.
pub fn exp(values: &mut [f32]) {
    map_exp(Isa::best(), values);
}

dispatch!(fn map_exp(values: &mut [f32]) = exp_all);
dispatch!(fn map_tanh(values: &mut [f32]) = tanh_all);
dispatch!(fn map_sigmoid(values: &mut [f32]) = sigmoid_all);

/// An elementwise function. A trait rather than a closure: a closure may not be inlined into the instruction set's code.
pub(super) trait Lanewise {
    fn of<V: Simd>(x: V) -> V;
}

/// `(eˣ − e⁻ˣ)/(eˣ + e⁻ˣ)`; absolute error at most 2e-7.
#[derive(Debug, Clone, Copy)]
pub struct Tanh;

/// `1/(1 + e⁻ˣ)`; absolute error at most 2e-7.
#[derive(Debug, Clone, Copy)]
pub struct Sigmoid;

struct Exp;

#[inline(always)]
fn exp_all<V: Simd, N: Simd>(values: &mut [f32]) {
    map::<V, Exp>(values);
}

impl Lanewise for Exp {
    #[inline(always)]
    fn of<V: Simd>(x: V) -> V {
        exp_of(x)
    }
}

#[inline(always)]
fn tanh_all<V: Simd, N: Simd>(values: &mut [f32]) {
    map::<V, Tanh>(values);
}

#[inline(always)]
fn sigmoid_all<V: Simd, N: Simd>(values: &mut [f32]) {
    map::<V, Sigmoid>(values);
}

#[inline(always)]
fn map<V: Simd, F: Lanewise>(values: &mut [f32]) {
    let mut chunks = values.chunks_exact_mut(V::LANES);
    for chunk in &mut chunks {
        F::of(V::load(chunk)).store(chunk);
    }
    // The tail uses the same vector code: a value's bits do not depend on its position.
    let tail = chunks.into_remainder();
    if !tail.is_empty() {
        F::of(V::load_part(tail)).store_part(tail);
    }
}

impl Lanewise for Sigmoid {
    /// `eˣ/(1 + eˣ)`.
    #[inline(always)]
    fn of<V: Simd>(x: V) -> V {
        let e = exp_of(x);
        e.div(V::splat(1.0).add(e))
    }
}

impl Lanewise for Tanh {
    /// `m/(m + 2)` with `m = e^{2|x|} − 1 = 2ⁿ·p + (2ⁿ − 1)`, where `p = e^r − 1` and `r = 2|x| − n·ln 2`: for `n = 0` that is `p` alone,
    /// which preserves relative accuracy near 0. `p` is `r` times the polynomial of degree 5 with the least
    /// maximal relative error for `(e^r − 1)/r`, 1.3e-8, and exact at 0; its coefficients are those for `r/2`.
    #[inline(always)]
    fn of<V: Simd>(x: V) -> V {
        let (one, two) = (V::splat(1.0), V::splat(2.0));
        let a = V::splat(43.0).min(x.abs());
        let shifted = a.mul_add(V::splat(2.0 * std::f32::consts::LOG2_E), V::splat(ROUND));
        let n = shifted.sub(V::splat(ROUND));
        let half = n.mul_add(V::splat(-0.5 * std::f32::consts::LN_2), a);
        let mut p = V::splat(1.388_252_3e-3 * 64.0);
        for c in [8.366_514e-3 * 32.0, 4.166_72e-2 * 16.0, 1.666_654_4e-1 * 8.0, 0.499_999_98 * 4.0, 2.0] {
            p = p.mul_add(half, V::splat(c));
        }
        let power = shifted.power_of_two();
        let m = power.mul_add(p.mul(half), power.sub(one));
        m.div(m.add(two)).copysign(x)
    }
}

/// `1.5·2²³`: adding it to a number rounds to an integer, which is then in the low bits of the sum.
const ROUND: f32 = 12_582_912.0;

/// `e^x` for −87 ≤ x ≤ 88, clamped otherwise: `2^n·e^r` with `n = round(x·log2 e)` and `|r| ≤ ln2/2` (Cody & Waite 1980), `e^r` by the
/// polynomial `1 + r + r²·q(r)` of degree 5 with the least relative error, 1.1e-7.
#[inline(always)]
pub(super) fn exp_of<V: Simd>(x: V) -> V {
    // ln 2 in two parts: the first has trailing zeros, so that `n·LN2_HIGH` is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // `min` and `max` return their second operand for NaN: NaN propagates.
    let x = V::splat(-87.0).max(V::splat(88.0).min(x));
    let shifted = x.mul_add(V::splat(std::f32::consts::LOG2_E), V::splat(ROUND));
    let n = shifted.sub(V::splat(ROUND));
    let r = n.mul_add(V::splat(-LN2_LOW), n.mul_add(V::splat(-LN2_HIGH), x));
    let mut p = V::splat(8.312_525e-3);
    for c in [4.189_011_3e-2, 1.666_711_4e-1, 0.499_992_3, 1.0, 1.0] {
        p = p.mul_add(r, V::splat(c));
    }
    p.mul(shifted.power_of_two())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<f32> {
        let stride = if cfg!(miri) { 997 } else { 1 };
        let grid = (-120_000..=120_000).step_by(stride).map(|i| i as f32 * 1e-3 / 4.0);
        let tiny = (0..60).map(|e| 10f32.powi(-e) * 0.7);
        grid.chain(tiny.clone().map(|x| -x))
            .chain(tiny)
            .chain([0.0, -0.0, 100.0, -1e30, f32::INFINITY])
            .collect()
    }

    #[test]
    fn every_instruction_set_is_within_two_e_minus_seven() {
        let x = samples();
        for isa in Isa::available() {
            let mut t = x.clone();
            map_tanh(isa, &mut t);
            let mut s = x.clone();
            map_sigmoid(isa, &mut s);
            for ((x, t), s) in x.iter().zip(&t).zip(&s) {
                let exact = f64::from(*x);
                assert!((f64::from(*t) - exact.tanh()).abs() <= 2e-7, "{isa:?} tanh {x} = {t}");
                assert!(
                    (f64::from(*s) - 1.0 / (1.0 + (-exact).exp())).abs() <= 2e-7,
                    "{isa:?} sigmoid {x} = {s}"
                );
            }
        }
    }

    /// All bit patterns of f32, with an odd stride.
    #[test]
    fn error_bounds_hold_over_all_of_f32() {
        let stride = if cfg!(miri) { 9_999_991 } else { 1009 };
        let x: Vec<f32> =
            (0..=u32::MAX).step_by(stride).map(f32::from_bits).filter(|x| !x.is_nan()).collect();
        for isa in Isa::available() {
            let of = |f: fn(Isa, &mut [f32])| {
                let mut y = x.clone();
                f(isa, &mut y);
                y
            };
            let pairs = of(map_tanh).into_iter().zip(of(map_sigmoid)).zip(of(map_exp));
            for (x, ((t, s), e)) in x.iter().zip(pairs) {
                let exact = f64::from(*x);
                assert!((f64::from(t) - exact.tanh()).abs() <= 2e-7, "{isa:?} tanh {x} = {t}");
                let sigmoid = 1.0 / (1.0 + (-exact).exp());
                assert!((f64::from(s) - sigmoid).abs() <= 2e-7, "{isa:?} sigmoid {x} = {s}");
                assert!(ulps(e, exact.clamp(-87.0, 88.0).exp()) <= 4.0, "{isa:?} exp {x} = {e}");
            }
        }
    }

    /// Returns the error of `x` against a positive number in units in the last place.
    fn ulps(x: f32, exact: f64) -> f64 {
        let nearest = exact as f32;
        (f64::from(x) - exact).abs() / (f64::from(nearest.next_up()) - f64::from(nearest))
    }

    #[test]
    fn exp_has_a_small_relative_error() {
        for isa in Isa::available() {
            let x: Vec<f32> =
                (-8700..=8800).step_by(if cfg!(miri) { 97 } else { 1 }).map(|i| i as f32 * 0.01).collect();
            let mut e = x.clone();
            map_exp(isa, &mut e);
            for (x, e) in x.iter().zip(&e) {
                assert!(ulps(*e, f64::from(*x).exp()) <= 4.0, "{isa:?} exp {x} = {e}");
            }
        }
    }

    #[test]
    fn tanh_has_a_small_relative_error_near_zero_and_is_odd() {
        let x = samples();
        let (mut up, mut down) = (x.clone(), x.iter().map(|x| -x).collect::<Vec<_>>());
        tanh(&mut up);
        tanh(&mut down);
        for ((x, u), d) in x.iter().zip(&up).zip(&down) {
            assert_eq!(u.to_bits(), (-d).to_bits());
            if x.abs() < 0.5 && *x != 0.0 {
                assert!((f64::from(*u) / f64::from(*x).tanh() - 1.0).abs() < 4e-7, "tanh {x} = {u}");
            }
        }
    }

    #[test]
    fn nan_propagates() {
        let mut x = [f32::NAN, 1.0];
        tanh(&mut x);
        assert!(x[0].is_nan());
        let mut x = [f32::NAN, 1.0];
        sigmoid(&mut x);
        assert!(x[0].is_nan());
    }

    #[test]
    fn fused_instruction_sets_give_the_same_bits_at_every_length() {
        let fused: Vec<Isa> = Isa::available().into_iter().filter(|isa| *isa != Isa::Portable).collect();
        for n in 0..70 {
            let x: Vec<f32> = (0..n).map(|i| (i as f32 * 0.37 - 5.0).sin() * 4.0).collect();
            for f in [map_tanh, map_sigmoid, map_exp] {
                let bits = |isa: Isa| {
                    let mut y = x.clone();
                    f(isa, &mut y);
                    y.into_iter().map(f32::to_bits).collect::<Vec<_>>()
                };
                assert!(fused.windows(2).all(|w| bits(w[0]) == bits(w[1])));
            }
        }
    }
}
