use super::simd::Simd;
use super::{Isa, dispatch};

/// Replaces every `x` by `tanh x`; at most 2e-7 off, odd, and exactly ±1 beyond ±9.1.
pub fn tanh(values: &mut [f32]) {
    map_tanh(Isa::best(), values);
}

/// Replaces every `x` by `1/(1 + e⁻ˣ)`; at most 2e-7 off.
pub fn sigmoid(values: &mut [f32]) {
    map_sigmoid(Isa::best(), values);
}

/// Replaces every `x` by `e^x`; at most 3e-7 off relative to it. Clamped to |x| ≤ 87.
pub fn exp(values: &mut [f32]) {
    map_exp(Isa::best(), values);
}

dispatch!(fn map_exp(values: &mut [f32]) = exp_all);
dispatch!(fn map_tanh(values: &mut [f32]) = tanh_all);
dispatch!(fn map_sigmoid(values: &mut [f32]) = sigmoid_all);

/// A function of every lane. A trait and no closure: a closure is not sure to be inlined in the instruction set's copy.
pub(super) trait Lanewise {
    fn of<V: Simd>(x: V) -> V;
}

pub(super) struct Tanh;
pub(super) struct Sigmoid;
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
    // The tail goes through the same lanes: a value's bits never depend on its place.
    let rest = chunks.into_remainder();
    if !rest.is_empty() {
        F::of(V::load_part(rest)).store_part(rest);
    }
}

impl Lanewise for Sigmoid {
    #[inline(always)]
    fn of<V: Simd>(x: V) -> V {
        let one = V::splat(1.0);
        one.div(one.add(exp_of(V::splat(0.0).sub(x))))
    }
}

impl Lanewise for Tanh {
    /// Near 0 an odd polynomial keeps relative accuracy; elsewhere `1 − 2/(e^{2|x|} + 1)`.
    #[inline(always)]
    fn of<V: Simd>(x: V) -> V {
        let (one, two) = (V::splat(1.0), V::splat(2.0));
        let a = x.abs();
        let far = one.sub(two.div(exp_of(two.mul(a)).add(one)));
        // tanh x = x + x³·p(x²) on |x| < 0.625; coefficients of the Cephes library (Moshier 1989), relative error below 1e-7.
        let s = x.mul(x);
        let mut p = V::splat(-5.704_988_7e-3);
        for c in [2.063_909e-2, -5.373_971_6e-2, 1.333_144_2e-1, -3.333_328e-1] {
            p = p.mul_add(s, V::splat(c));
        }
        let near = p.mul(s).mul_add(a, a);
        a.select_less(V::splat(0.625), near, far).copysign(x)
    }
}

/// `e^x` for `|x| ≤ 87`, clamped beyond: `2^n·e^r` with `n = round(x·log2 e)` and `|r| ≤ ln2/2` (Cody & Waite 1980), `e^r` by
/// its Taylor series to degree 7 (truncation below 6e-9 relative).
#[inline(always)]
pub(super) fn exp_of<V: Simd>(x: V) -> V {
    // ln 2 in two parts: the first has trailing zeros, so that `n·LN2_HIGH` is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let round = V::splat(12_582_912.0); // 1.5·2²³: adding it rounds to a whole number
    // The bound comes first: `min` and `max` give their second operand where a lane is NaN.
    let x = V::splat(-87.0).max(V::splat(87.0).min(x));
    let shifted = x.mul_add(V::splat(std::f32::consts::LOG2_E), round);
    let n = shifted.sub(round);
    let r = n.mul_add(V::splat(-LN2_LOW), n.mul_add(V::splat(-LN2_HIGH), x));
    let mut p = V::splat(1.0 / 5040.0);
    for c in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
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

    /// Over all of f32, bit pattern by bit pattern, but for a stride that shares no factor with a power of two.
    #[test]
    fn all_over_the_numbers_the_bounds_hold() {
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
                let exp = exact.clamp(-87.0, 87.0).exp();
                assert!((f64::from(e) / exp - 1.0).abs() <= 3e-7, "{isa:?} exp {x} = {e}");
            }
        }
    }

    #[test]
    fn exp_is_relatively_exact() {
        for isa in Isa::available() {
            let x: Vec<f32> =
                (-8700..=8700).step_by(if cfg!(miri) { 97 } else { 1 }).map(|i| i as f32 * 0.01).collect();
            let mut e = x.clone();
            map_exp(isa, &mut e);
            for (x, e) in x.iter().zip(&e) {
                assert!((f64::from(*e) / f64::from(*x).exp() - 1.0).abs() <= 3e-7, "{isa:?} exp {x} = {e}");
            }
        }
    }

    #[test]
    fn tanh_is_relatively_exact_near_zero_and_odd() {
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
    fn not_a_number_stays_visible() {
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
            let bits = |isa: Isa| {
                let mut y = x.clone();
                map_tanh(isa, &mut y);
                y.into_iter().map(f32::to_bits).collect::<Vec<_>>()
            };
            assert!(fused.windows(2).all(|w| bits(w[0]) == bits(w[1])));
        }
    }
}
