use std::arch::aarch64::*;

use super::Simd;

/// Eight lanes of NEON: two vectors of four, of which 32 registers hold as many as AVX2's 16 hold of eight.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Neon(float32x4_t, float32x4_t);

impl Neon {
    #[inline(always)]
    fn zip(self, b: Self, f: impl Fn(float32x4_t, float32x4_t) -> float32x4_t) -> Self {
        Self(f(self.0, b.0), f(self.1, b.1))
    }
}

// SAFETY of every block: what every processor of the target has needs no asking for.
impl Simd for Neon {
    type Half = Self;
    const LANES: usize = 8;
    #[inline(always)]
    fn splat(x: f32) -> Self {
        // SAFETY: every processor of the target has NEON.
        let all = unsafe { vdupq_n_f32(x) };
        Self(all, all)
    }
    #[inline(always)]
    fn load(from: &[f32]) -> Self {
        let (low, high) = from[..Self::LANES].split_at(4);
        // SAFETY: as above, and either slice holds four numbers.
        unsafe { Self(vld1q_f32(low.as_ptr()), vld1q_f32(high.as_ptr())) }
    }
    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        let (low, high) = to[..Self::LANES].split_at_mut(4);
        // SAFETY: as above, and either slice holds four numbers.
        unsafe {
            vst1q_f32(low.as_mut_ptr(), self.0);
            vst1q_f32(high.as_mut_ptr(), self.1);
        }
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        // SAFETY: as above.
        self.zip(b, |a, b| unsafe { vaddq_f32(a, b) })
    }
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        // SAFETY: as above.
        self.zip(b, |a, b| unsafe { vsubq_f32(a, b) })
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        // SAFETY: as above.
        self.zip(b, |a, b| unsafe { vmulq_f32(a, b) })
    }
    #[inline(always)]
    fn div(self, b: Self) -> Self {
        // SAFETY: as above.
        self.zip(b, |a, b| unsafe { vdivq_f32(a, b) })
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        // SAFETY: as above.
        unsafe { Self(vfmaq_f32(c.0, self.0, b.0), vfmaq_f32(c.1, self.1, b.1)) }
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        // Not `vminq`, which gives NaN where either is NaN. SAFETY: as above.
        self.zip(b, |a, b| unsafe { vbslq_f32(vcltq_f32(a, b), a, b) })
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        // SAFETY: as above.
        self.zip(b, |a, b| unsafe { vbslq_f32(vcgtq_f32(a, b), a, b) })
    }
    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: as above.
        unsafe { Self(vabsq_f32(self.0), vabsq_f32(self.1)) }
    }
    #[inline(always)]
    fn copysign(self, sign: Self) -> Self {
        // SAFETY: as above.
        self.zip(sign, |a, sign| unsafe { vbslq_f32(vdupq_n_u32(0x8000_0000), sign, a) })
    }
    #[inline(always)]
    fn select_less(self, b: Self, yes: Self, no: Self) -> Self {
        // SAFETY: as above.
        unsafe {
            let (low, high) = (vcltq_f32(self.0, b.0), vcltq_f32(self.1, b.1));
            Self(vbslq_f32(low, yes.0, no.0), vbslq_f32(high, yes.1, no.1))
        }
    }
    #[inline(always)]
    fn power_of_two(self) -> Self {
        // SAFETY: as above.
        self.zip(self, |x, _| unsafe {
            let n = vshlq_n_s32::<23>(vreinterpretq_s32_f32(x));
            vreinterpretq_f32_s32(vaddq_s32(n, vdupq_n_s32(0x3f80_0000)))
        })
    }
}
