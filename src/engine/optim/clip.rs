/// Gradient clipping. Source: `keras/src/optimizers/base_optimizer.py`, `_clip_gradients`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Clip {
    /// By the norm of each tensor: `g ← g·c/max(‖g‖, c)`.
    Norm(f64),
    /// By the norm of all tensors together: `g ← g·c/max(‖all g‖, c)`.
    GlobalNorm(f64),
    /// Elementwise, into `[−c, c]`.
    Value(f64),
}

impl Clip {
    /// A limit above which gradients of a network that learns are hardly ever clipped.
    const HIGH: f64 = 1e3;

    /// Whether gradients that grow are clipped before they are too large for anything.
    pub fn is_effective(self) -> bool {
        let (Self::Norm(bound) | Self::GlobalNorm(bound) | Self::Value(bound)) = self;
        bound <= Self::HIGH
    }

    /// Clips a gradient, given as `tensors` with their L2 norms; `norm` is the norm of all together. Returns the part that is applied
    /// during the update, which reads every element anyway.
    pub fn apply<'a>(self, tensors: impl Iterator<Item = (&'a mut [f32], f64)>, norm: f64) -> Limit {
        match self {
            Self::Norm(bound) => {
                for (tensor, norm) in tensors {
                    let scale = shrink(norm, bound);
                    tensor.iter_mut().for_each(|g| *g *= scale);
                }
                Limit::default()
            }
            Self::GlobalNorm(bound) => Limit { scale: shrink(norm, bound), ..Limit::default() },
            Self::Value(bound) => Limit { bound: bound as f32, ..Limit::default() },
        }
    }

    /// The L2 norm of a gradient after clipping, from its own norm, those of its `tensors`, and its `values`, all before.
    pub fn clipped_norm(self, norm: f64, tensors: impl Iterator<Item = f64>, values: &[f32]) -> f64 {
        match self {
            Self::Norm(bound) => tensors.map(|norm| norm.min(bound).powi(2)).sum::<f64>().sqrt(),
            Self::GlobalNorm(bound) => norm.min(bound),
            Self::Value(bound) => {
                let clipped = values.iter().map(|g| f64::from(*g).clamp(-bound, bound));
                clipped.map(|g| g * g).sum::<f64>().sqrt()
            }
        }
    }
}

/// Returns the factor that clips a vector of norm `norm` to `bound`.
fn shrink(norm: f64, bound: f64) -> f32 {
    if norm > bound { (bound / norm) as f32 } else { 1.0 }
}

/// Elementwise clipping during the update: `g ← clamp(g·scale, ±bound)`. The default changes nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    scale: f32,
    bound: f32,
}

impl Default for Limit {
    fn default() -> Self {
        Self { scale: 1.0, bound: f32::INFINITY }
    }
}

impl Limit {
    /// Returns the clipped `g`.
    #[inline(always)]
    pub fn of(self, g: f32) -> f32 {
        (g * self.scale).max(-self.bound).min(self.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::l2_norm;

    #[test]
    fn each_kind_of_clipping_bounds_its_norm() {
        let grads = [3.0f32, 4.0, 0.0, 12.0];
        let norm = l2_norm(&grads);
        assert_eq!(norm, 13.0);
        let clipped = |clip: Clip| {
            let mut g = grads;
            let after = clip.clipped_norm(norm, [5.0, 12.0].into_iter(), &grads);
            let (first, second) = g.split_at_mut(2);
            let limit = clip.apply([(first, 5.0), (second, 12.0)].into_iter(), norm);
            let g = g.map(|g| limit.of(g));
            assert!((after - l2_norm(&g)).abs() < 1e-6, "{clip:?}: {after}");
            g
        };
        assert_eq!(clipped(Clip::Norm(5.0)), [3.0, 4.0, 0.0, 5.0]);
        assert_eq!(clipped(Clip::GlobalNorm(6.5)), [1.5, 2.0, 0.0, 6.0]);
        assert_eq!(clipped(Clip::GlobalNorm(20.0)), grads);
        assert_eq!(clipped(Clip::Value(3.5)), [3.0, 3.5, 0.0, 3.5]);
    }
}
