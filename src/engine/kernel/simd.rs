//! A trait of SIMD vectors of `f32`, so that a loop is written once for every instruction set.

#[cfg(target_arch = "aarch64")]
mod arm;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "aarch64")]
pub(super) use arm::Neon;
pub(super) use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

/// Loads the cache line of `at`, which is used soon, into the second-level cache: a hint, without effect on other processors than x86-64.
/// Any address will do.
#[inline(always)]
pub(super) fn prefetch(at: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has the instruction. It reads nothing that the program could see, and no address is invalid.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// A vector of `f32` lanes. Arithmetic propagates NaN.
///
/// # Safety of the implementations
/// A value of a vector type may only be made (`splat`, `load`, `load_part`) inside code dispatched by [`super::Isa`]: then the processor has
/// the instructions that all other methods use. `load` and `store` check their length.
pub(crate) trait Simd: Copy {
    /// The vector of eight lanes: of half as many where this has sixteen, else of the same.
    type Half: Simd;
    /// Number of lanes.
    const LANES: usize;
    /// Returns the lanes of `low`, followed by those of `high`. Panics unless `Half` has half as many lanes.
    #[inline(always)]
    fn join(low: Self::Half, high: Self::Half) -> Self {
        let mut lanes = [0.0; 16];
        low.store(&mut lanes);
        high.store(&mut lanes[Self::Half::LANES..]);
        assert!(Self::LANES == 2 * Self::Half::LANES, "two halves");
        Self::load(&lanes)
    }
    /// Returns `x` in every lane.
    fn splat(x: f32) -> Self;
    /// Loads the first `LANES` elements of `from`. Panics if it is shorter.
    fn load(from: &[f32]) -> Self;
    /// Stores to the first `LANES` elements of `to`. Panics if it is shorter.
    fn store(self, to: &mut [f32]);
    /// Loads all of `from`, at most `LANES` elements, and 0 in the other lanes.
    #[inline(always)]
    fn load_part(from: &[f32]) -> Self {
        let mut padded = [0.0; 16];
        padded[..from.len()].copy_from_slice(from);
        Self::load(&padded)
    }
    /// Stores the first lanes to all of `to`, at most `LANES` elements.
    #[inline(always)]
    fn store_part(self, to: &mut [f32]) {
        let mut padded = [0.0; 16];
        self.store(&mut padded);
        to.copy_from_slice(&padded[..to.len()]);
    }
    /// Whether products and cells are compiled several times, for whole vectors, tall and wide tiles and packed operands, which makes them
    /// fast and large.
    const SPECIALIZES: bool = true;
    /// Whether [`Simd::transpose`] is faster than copying number by number.
    const TRANSPOSES: bool = false;
    /// Transposes a square of `LANES` vectors: lane `i` of vector `j` becomes lane `j` of vector `i`. Does nothing unless
    /// [`Simd::TRANSPOSES`].
    #[inline(always)]
    fn transpose(_square: &mut [Self; 16]) {}
    /// `self + b`.
    fn add(self, b: Self) -> Self;
    /// `self − b`.
    fn sub(self, b: Self) -> Self;
    /// `self · b`.
    fn mul(self, b: Self) -> Self;
    /// `self / b`.
    fn div(self, b: Self) -> Self;
    /// `self · b + c`: one rounding where the instruction set has FMA, else two.
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// The minimum; `b` where a lane is NaN.
    fn min(self, b: Self) -> Self;
    /// The maximum; `b` where a lane is NaN.
    fn max(self, b: Self) -> Self;
    /// `|self|`.
    fn abs(self) -> Self;
    /// `|self|` with the sign of `sign`.
    fn copysign(self, sign: Self) -> Self;
    /// `yes` where `self < b`, else `no` (also where a lane is NaN).
    fn select_less(self, b: Self, yes: Self, no: Self) -> Self;
    /// `2ⁿ` for `self = 1.5·2²³ + n`, `-126 ≤ n ≤ 127`: the low bits of the sum are `n`, shifted into the exponent.
    fn power_of_two(self) -> Self;
}
