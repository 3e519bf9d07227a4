use std::ops::Range;

use crate::kernel::l2_norm;

/// A bound on gradients. Source: `keras/src/optimizers/base_optimizer.py`, `_clip_gradients`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Clip {
    /// Each tensor by itself: `g ← g·c/max(‖g‖, c)`.
    Norm(f64),
    /// All tensors together: `g ← g·c/max(‖all g‖, c)`.
    GlobalNorm(f64),
    /// Each number by itself, into `[−c, c]`.
    Value(f64),
}

impl Clip {
    /// Clips `grads`, of which each of `tensors` is a part; `norm` is their L2 norm together.
    pub fn apply(self, grads: &mut [f32], tensors: impl Iterator<Item = Range<usize>>, norm: f64) {
        match self {
            Self::Norm(bound) => {
                for tensor in tensors {
                    let part = &mut grads[tensor];
                    shrink(part, l2_norm(part), bound);
                }
            }
            Self::GlobalNorm(bound) => shrink(grads, norm, bound),
            Self::Value(bound) => grads.iter_mut().for_each(|g| *g = g.clamp(-bound as f32, bound as f32)),
        }
    }
}

fn shrink(grads: &mut [f32], norm: f64, bound: f64) {
    if norm > bound {
        let scale = (bound / norm) as f32;
        grads.iter_mut().for_each(|g| *g *= scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_bounds_what_it_names() {
        let grads = [3.0f32, 4.0, 0.0, 12.0];
        let norm = l2_norm(&grads);
        assert_eq!(norm, 13.0);
        let clipped = |clip: Clip| {
            let mut g = grads;
            clip.apply(&mut g, [0..2, 2..4].into_iter(), norm);
            g
        };
        assert_eq!(clipped(Clip::Norm(5.0)), [3.0, 4.0, 0.0, 5.0]);
        assert_eq!(clipped(Clip::GlobalNorm(6.5)), [1.5, 2.0, 0.0, 6.0]);
        assert_eq!(clipped(Clip::GlobalNorm(20.0)), grads);
        assert_eq!(clipped(Clip::Value(3.5)), [3.0, 3.5, 0.0, 3.5]);
    }
}
