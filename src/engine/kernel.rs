//! The hot arithmetic: matrix products, activations and other loops over slices, compiled for several instruction sets and
//! chosen at run time; and the [`ThreadPool`] that runs them in parallel.
//!
//! Every loop is written once, generic over a SIMD vector type, and compiled once for each instruction set. With FMA every multiply-add is
//! one fused operation per `k`, in order of `k`, so AVX2, AVX-512 and NEON give the same bits; the portable version rounds twice and may
//! differ in the last place. The module also measures: peak FLOPS of a thread, work of the kernels, and allocations. It and its
//! children contain the program's only `unsafe`.
#![allow(unsafe_code)]

mod activation;
mod aligned_vec;
mod allocation_count;
mod conv_window;
mod count_outside;
mod distribution;
mod elementwise;
mod function;
mod gather_scatter;
mod gemm;
mod matrix;
mod norm;
mod peak_bandwidth;
mod peak_flops;
pub mod profile;
pub mod recurrent;
mod simd;
mod softmax;
mod thread_pool;
mod update;
mod work_count;

use std::sync::OnceLock;

pub use activation::{Sigmoid, Tanh, exp, sigmoid, tanh};
pub use aligned_vec::AlignedVec;
pub use allocation_count::{AllocationCount, CountingAllocator, allocation_count};
pub use conv_window::{ConvWindow, NonzeroEntry, collect_nonzeros, gather_windows, scatter_windows};
pub use count_outside::count_outside;
pub use distribution::{Moments, count_in_bins};
pub use elementwise::Elementwise;
pub(crate) use function::LaneFunction;
pub use function::{FastFunction, Function};
pub use gather_scatter::{
    RowGroups, RowState, add_column_sums, add_rows, complete_rows, gather_rows, gather_sum,
    gather_sum_backward, scatter_add,
};
pub use gemm::{matmul, matmul_bias};
pub use matrix::Matrix;
pub use norm::{SumOfSquares, l2_norm};
pub use peak_bandwidth::read_in_order;
pub use peak_flops::{dependent_multiply_adds, multiply_add_in_registers};
pub(crate) use simd::Simd;
pub use softmax::{softmax, softmax_with_log_sum};
pub use thread_pool::ThreadPool;
pub use update::{UPDATE_BLOCK, Update, update};
pub use work_count::{WorkCount, work_count};

/// An instruction set that the loops are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isa {
    /// The baseline of the compilation target.
    Portable,
    /// AVX2 with FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, VL, BW and DQ (with AVX2 and FMA).
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// NEON, part of the baseline of this target.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Isa {
    /// Returns the best one that this processor supports; detected once.
    fn best() -> Self {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| Self::available().last().copied().unwrap_or(Self::Portable))
    }

    /// Returns the number of `f32` lanes of its widest vectors.
    fn lanes(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => 16,
            _ => 8,
        }
    }

    /// Returns its usual name.
    fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "AVX-512",
            #[cfg(target_arch = "aarch64")]
            Self::Neon => "NEON",
        }
    }

    /// Returns all that this processor supports, the best last.
    pub(crate) fn available() -> Vec<Self> {
        let mut all = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                all.push(Self::Avx2);
                let wide = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
                if wide && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512dq") {
                    all.push(Self::Avx512);
                }
            }
        }
        #[cfg(target_arch = "aarch64")]
        all.push(Self::Neon);
        all
    }
}

/// Returns the name of the instruction set in use on this processor: `AVX-512`, `AVX2`, `NEON` or `portable`.
pub fn instruction_set() -> &'static str {
    Isa::best().name()
}

/// Defines `$name(isa, args…)`, which calls `$body::<Wide, Narrow>(args…)` compiled for `isa`: `Wide` is its widest vector type,
/// `Narrow` its vector type of eight lanes. Generic parameters `<const N: usize, U: Trait>` are passed to the body after these two.
///
/// The body and everything it calls must be `#[inline(always)]`: only inlined code is compiled for the instruction set.
macro_rules! dispatch {
    (
        $vis:vis fn $name:ident $(<const $n:ident: usize $(, $u:ident: $bound:path)?>)? ($($arg:ident: $ty:ty),* $(,)?)
        $(-> $out:ty)? = $body:ident
    ) => {
        $vis fn $name $(<const $n: usize $(, $u: $bound)?>)? (isa: crate::kernel::Isa, $($arg: $ty),*) $(-> $out)? {
            use crate::kernel::simd::Portable;
            #[cfg(target_arch = "aarch64")]
            use crate::kernel::simd::Neon;
            #[cfg(target_arch = "x86_64")]
            use crate::kernel::simd::{Avx2, Avx512};
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2 $(<const $n: usize $(, $u: $bound)?>)? ($($arg: $ty),*) $(-> $out)? {
                $body::<Avx2, Avx2 $(, $n $(, $u)?)?>($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512bw,avx512dq")]
            fn avx512 $(<const $n: usize $(, $u: $bound)?>)? ($($arg: $ty),*) $(-> $out)? {
                $body::<Avx512, Avx2 $(, $n $(, $u)?)?>($($arg),*)
            }
            match isa {
                crate::kernel::Isa::Portable => $body::<Portable, Portable $(, $n $(, $u)?)?>($($arg),*),
                // SAFETY: a value `Avx2` or `Avx512` is only made by `Isa::available`, after run-time detection.
                #[cfg(target_arch = "x86_64")]
                crate::kernel::Isa::Avx2 => unsafe { avx2($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                crate::kernel::Isa::Avx512 => unsafe { avx512($($arg),*) },
                #[cfg(target_arch = "aarch64")]
                crate::kernel::Isa::Neon => $body::<Neon, Neon $(, $n $(, $u)?)?>($($arg),*),
            }
        }
    };
}
use dispatch;
