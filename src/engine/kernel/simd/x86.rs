use std::arch::x86_64::*;

use super::Simd;

/// Eight lanes of AVX2 with FMA.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Avx2(__m256);

// SAFETY of every block: a value of this type exists only where the processor has the instructions (see `Simd`).
impl Simd for Avx2 {
    type Half = Self;
    const LANES: usize = 8;
    #[inline(always)]
    fn splat(x: f32) -> Self {
        // SAFETY: called only in code dispatched by `Isa` (see `Simd`).
        Self(unsafe { _mm256_set1_ps(x) })
    }
    #[inline(always)]
    fn load(from: &[f32]) -> Self {
        let from = &from[..Self::LANES];
        // SAFETY: as above, and the slice holds all lanes.
        Self(unsafe { _mm256_loadu_ps(from.as_ptr()) })
    }
    #[inline(always)]
    fn load_part(from: &[f32]) -> Self {
        // A window of eight masks, of which the first `from.len()` are set.
        const LANE_MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
        let mask = &LANE_MASKS[Self::LANES - from.len()..][..Self::LANES];
        // SAFETY: as above, the window holds eight numbers, and lanes beyond the slice are not read.
        Self(unsafe {
            let mask = _mm256_loadu_si256(mask.as_ptr().cast());
            _mm256_maskload_ps(from.as_ptr(), mask)
        })
    }
    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        let to = &mut to[..Self::LANES];
        // SAFETY: as above, and the slice holds all lanes.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), self.0) }
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_add_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_sub_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_mul_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn div(self, b: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_div_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_fmadd_ps(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_min_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_max_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0) })
    }
    #[inline(always)]
    fn copysign(self, sign: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_or_ps(self.abs().0, _mm256_and_ps(_mm256_set1_ps(-0.0), sign.0)) })
    }
    #[inline(always)]
    fn select_less(self, b: Self, yes: Self, no: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_blendv_ps(no.0, yes.0, _mm256_cmp_ps::<_CMP_LT_OQ>(self.0, b.0)) })
    }
    #[inline(always)]
    fn power_of_two(self) -> Self {
        // SAFETY: as above.
        Self(unsafe {
            let n = _mm256_slli_epi32::<23>(_mm256_castps_si256(self.0));
            _mm256_castsi256_ps(_mm256_add_epi32(n, _mm256_set1_epi32(0x3f80_0000)))
        })
    }
}

/// Sixteen lanes of AVX-512.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Avx512(__m512);

// SAFETY of every block: a value of this type exists only where the processor has the instructions (see `Simd`).
impl Simd for Avx512 {
    type Half = Avx2;
    const LANES: usize = 16;
    #[inline(always)]
    fn join(low: Avx2, high: Avx2) -> Self {
        // SAFETY: called only in code dispatched by `Isa` (see `Simd`).
        unsafe {
            let low = _mm512_castpd256_pd512(_mm256_castps_pd(low.0));
            Self(_mm512_castpd_ps(_mm512_insertf64x4::<1>(low, _mm256_castps_pd(high.0))))
        }
    }
    const TRANSPOSES: bool = true;
    #[inline(always)]
    fn splat(x: f32) -> Self {
        // SAFETY: called only in code dispatched by `Isa` (see `Simd`).
        Self(unsafe { _mm512_set1_ps(x) })
    }
    #[inline(always)]
    fn load(from: &[f32]) -> Self {
        let from = &from[..Self::LANES];
        // SAFETY: as above, and the slice holds all lanes.
        Self(unsafe { _mm512_loadu_ps(from.as_ptr()) })
    }
    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        let to = &mut to[..Self::LANES];
        // SAFETY: as above, and the slice holds all lanes.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), self.0) }
    }
    #[inline(always)]
    fn load_part(from: &[f32]) -> Self {
        let mask = low(from.len());
        // SAFETY: as above, and lanes beyond the slice are not read.
        Self(unsafe { _mm512_maskz_loadu_ps(mask, from.as_ptr()) })
    }
    #[inline(always)]
    fn store_part(self, to: &mut [f32]) {
        let mask = low(to.len());
        // SAFETY: as above, and lanes beyond the slice are not written.
        unsafe { _mm512_mask_storeu_ps(to.as_mut_ptr(), mask, self.0) }
    }
    #[inline(always)]
    fn transpose(square: &mut [Self; 16]) {
        // Squares of two are transposed in squares of four, and so on: vectors a distance apart exchange the lanes that far apart.
        let mut distance = 1;
        while distance < 16 {
            let from = |other: bool| -> [i32; 16] {
                std::array::from_fn(|lane| match (lane & distance == 0, other) {
                    (true, false) => lane as i32,
                    (true, true) => (lane + distance) as i32,
                    (false, false) => (16 + lane - distance) as i32,
                    (false, true) => (16 + lane) as i32,
                })
            };
            let (low, high) = (from(false), from(true));
            for i in (0..16).filter(|i| i & distance == 0) {
                let (a, b) = (square[i].0, square[i + distance].0);
                // SAFETY: as above; lanes are numbered 0 to 31.
                unsafe {
                    let (low, high) = (_mm512_loadu_epi32(low.as_ptr()), _mm512_loadu_epi32(high.as_ptr()));
                    square[i].0 = _mm512_permutex2var_ps(a, low, b);
                    square[i + distance].0 = _mm512_permutex2var_ps(a, high, b);
                }
            }
            distance *= 2;
        }
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_add_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_sub_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_mul_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn div(self, b: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_div_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_fmadd_ps(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_min_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_max_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_andnot_ps(_mm512_set1_ps(-0.0), self.0) })
    }
    #[inline(always)]
    fn copysign(self, sign: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_or_ps(self.abs().0, _mm512_and_ps(_mm512_set1_ps(-0.0), sign.0)) })
    }
    #[inline(always)]
    fn select_less(self, b: Self, yes: Self, no: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, b.0), no.0, yes.0) })
    }
    #[inline(always)]
    fn power_of_two(self) -> Self {
        // SAFETY: as above.
        Self(unsafe {
            let n = _mm512_slli_epi32::<23>(_mm512_castps_si512(self.0));
            _mm512_castsi512_ps(_mm512_add_epi32(n, _mm512_set1_epi32(0x3f80_0000)))
        })
    }
}

/// The first `n` of sixteen lanes.
#[inline(always)]
fn low(n: usize) -> __mmask16 {
    assert!(n <= 16, "at most a vector");
    ((1_u32 << n) - 1) as __mmask16
}
