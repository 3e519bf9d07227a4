use super::simd::Simd;
use super::{Isa, dispatch};

/// An optimizer's update rule for one weight with `N` slot variables, in scalar arithmetic that [`update`] vectorizes.
///
/// An implementation's function must be `#[inline(always)]`: see [`crate::kernel`].
pub trait Update<const N: usize>: Copy + Sync {
    /// Returns the weight `w` and its slot variables after a step with the gradient `g`.
    fn step(self, w: f32, g: f32, slots: [f32; N]) -> (f32, [f32; N]);
}

/// Updates all `weights` by `rule` in one pass over memory. Multiplication and addition are never fused, so every instruction set
/// gives the same bits.
///
/// # Panics
/// If the slices differ in length: a defect of the caller.
pub fn update<const N: usize, U: Update<N>>(
    weights: &mut [f32],
    grads: &[f32],
    slots: [&mut [f32]; N],
    rule: U,
) {
    let all = slots.iter().all(|slot| slot.len() == weights.len());
    assert!(all && grads.len() == weights.len(), "gradients and slots: one value per weight");
    update_on(Isa::best(), weights, grads, slots, rule);
}

dispatch! {
    fn update_on<const N: usize, U: Update<N>>(weights: &mut [f32], grads: &[f32], slots: [&mut [f32]; N], rule: U)
    = update_all
}

/// Weights per iteration: one vector of the widest instruction set.
pub const UPDATE_BLOCK: usize = 16;

#[inline(always)]
fn update_all<V: Simd, M: Simd, const N: usize, U: Update<N>>(
    weights: &mut [f32],
    grads: &[f32],
    slots: [&mut [f32]; N],
    rule: U,
) {
    let (weights, last_weights) = weights.as_chunks_mut::<UPDATE_BLOCK>();
    let (grads, last_grads) = grads.as_chunks::<UPDATE_BLOCK>();
    let mut slots = slots.map(|slot| slot.as_chunks_mut::<UPDATE_BLOCK>());
    for (at, (weights, grads)) in weights.iter_mut().zip(grads).enumerate() {
        // Local arrays cannot alias, which lets the compiler vectorize the loop.
        let (mut w, g, mut s) = (*weights, *grads, [[0.0; UPDATE_BLOCK]; N]);
        for (s, (slot, _)) in s.iter_mut().zip(&slots) {
            *s = slot[at];
        }
        for i in 0..UPDATE_BLOCK {
            let mut own = [0.0; N];
            for (own, s) in own.iter_mut().zip(&s) {
                *own = s[i];
            }
            let (moved, own) = rule.step(w[i], g[i], own);
            w[i] = moved;
            for (s, own) in s.iter_mut().zip(own) {
                s[i] = own;
            }
        }
        *weights = w;
        for ((slot, _), s) in slots.iter_mut().zip(s) {
            slot[at] = s;
        }
    }
    for (i, (w, g)) in last_weights.iter_mut().zip(last_grads).enumerate() {
        let mut own = [0.0; N];
        for (own, (_, last)) in own.iter_mut().zip(&slots) {
            *own = last[i];
        }
        let (moved, own) = rule.step(*w, *g, own);
        *w = moved;
        for ((_, last), own) in slots.iter_mut().zip(own) {
            last[i] = own;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uses every operation that the optimizers use.
    #[derive(Clone, Copy)]
    struct Mixed;

    impl Update<2> for Mixed {
        #[inline(always)]
        fn step(self, w: f32, g: f32, [m, v]: [f32; 2]) -> (f32, [f32; 2]) {
            let m = m + (g - m) * 0.1;
            let v = (v + (g * g - v) * 0.001).max(0.0);
            (w - 0.01 * m / (v.sqrt() + 1e-7), [m, v])
        }
    }

    #[test]
    fn every_instruction_set_gives_the_bits_of_a_scalar_loop() {
        let numbers =
            |n: usize, phase: f32| (0..n).map(|i| (i as f32 * 0.7 + phase).sin()).collect::<Vec<_>>();
        for n in [0, 1, 7, 63, 64, 65, 200] {
            let (w, g, m) = (numbers(n, 0.0), numbers(n, 1.0), numbers(n, 2.0));
            let v: Vec<f32> = m.iter().map(|m| m * m).collect();
            let plain: Vec<_> = (0..n).map(|i| Mixed.step(w[i], g[i], [m[i], v[i]])).collect();
            for isa in Isa::available() {
                let (mut w, mut m, mut v) = (w.clone(), m.clone(), v.clone());
                update_on(isa, &mut w, &g, [&mut m, &mut v], Mixed);
                let all: Vec<_> = (0..n).map(|i| (w[i], [m[i], v[i]])).collect();
                assert_eq!(all, plain, "{isa:?} {n}");
            }
        }
    }
}
