//! The hot arithmetic: matrix products, activations and other loops over slices, compiled for several instruction sets and
//! chosen at run time; and the [`Team`] of threads that shares it.
//!
//! Every loop is written once, over a small vocabulary of vectors; each instruction set is one copy of it. With FMA every product-sum is one
//! fused operation per `k`, in order of `k`, so AVX2, AVX-512 and NEON give the same bits; the portable copy rounds twice and may
//! differ in the last place. Here is also what tells how well it does: the most that a thread could compute, and the count of what
//! is allocated. This module and its children hold the program's only `unsafe`.
#![allow(unsafe_code)]

mod activation;
mod alloc;
mod count;
mod function;
mod gemm;
mod norm;
mod peak;
mod placed;
pub mod recurrent;
mod rows;
mod simd;
mod softmax;
mod tally;
mod taps;
mod team;
mod update;

use std::sync::OnceLock;

pub use activation::{exp, sigmoid, tanh};
pub use alloc::{Allocated, CountingAllocator, allocated};
pub use count::{Counted, counted};
pub use function::Function;
pub use gemm::{Matrix, matmul, matmul_bias};
pub use norm::{SumOfSquares, l2_norm};
pub use peak::multiply_add_in_registers;
pub use placed::add_placed;
pub use rows::{add_columns, add_rows, scatter_rows, sum_rows};
pub(crate) use simd::Simd;
pub use softmax::{softmax, softmax_with_log_sum};
pub use tally::tally;
pub use taps::{Entry, Taps, gather_taps, note_entries, scatter_taps};
pub use team::Team;
pub use update::{Update, update};

/// An instruction set that the loops are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isa {
    /// What every processor of the target has.
    Portable,
    /// AVX2 with FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, VL, BW and DQ (with AVX2 and FMA).
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// NEON, which every processor of this target has.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Isa {
    /// The best that this processor has, asked once.
    fn best() -> Self {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| Self::available().last().copied().unwrap_or(Self::Portable))
    }

    /// Lanes of its widest vectors.
    fn lanes(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => 16,
            _ => 8,
        }
    }

    /// As processors' makers call it.
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

    /// All that this processor has, the best last.
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

/// The instruction set that the loops run with on this processor: `AVX-512`, `AVX2`, `NEON` or `portable`.
pub fn instruction_set() -> &'static str {
    Isa::best().name()
}

/// Defines `$name(isa, args…)`, which calls `$body::<Wide, Narrow>(args…)` compiled for `isa`: `Wide` are its widest vectors,
/// `Narrow` its vectors of eight. Parameters `<const N: usize, U: Trait>` are handed on to the body after these two.
///
/// The body and all it calls must be `#[inline(always)]`: only what is inlined is compiled for the instruction set.
macro_rules! dispatch {
    (
        $vis:vis fn $name:ident $(<const $n:ident: usize, $u:ident: $bound:path>)? ($($arg:ident: $ty:ty),* $(,)?)
        $(-> $out:ty)? = $body:ident
    ) => {
        $vis fn $name $(<const $n: usize, $u: $bound>)? (isa: crate::kernel::Isa, $($arg: $ty),*) $(-> $out)? {
            use crate::kernel::simd::Portable;
            #[cfg(target_arch = "aarch64")]
            use crate::kernel::simd::Neon;
            #[cfg(target_arch = "x86_64")]
            use crate::kernel::simd::{Avx2, Avx512};
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2 $(<const $n: usize, $u: $bound>)? ($($arg: $ty),*) $(-> $out)? {
                $body::<Avx2, Avx2 $(, $n, $u)?>($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512bw,avx512dq")]
            fn avx512 $(<const $n: usize, $u: $bound>)? ($($arg: $ty),*) $(-> $out)? {
                $body::<Avx512, Avx2 $(, $n, $u)?>($($arg),*)
            }
            match isa {
                crate::kernel::Isa::Portable => $body::<Portable, Portable $(, $n, $u)?>($($arg),*),
                // SAFETY: a value `Avx2` or `Avx512` is only made by `Isa::available`, after the processor was asked.
                #[cfg(target_arch = "x86_64")]
                crate::kernel::Isa::Avx2 => unsafe { avx2($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                crate::kernel::Isa::Avx512 => unsafe { avx512($($arg),*) },
                #[cfg(target_arch = "aarch64")]
                crate::kernel::Isa::Neon => $body::<Neon, Neon $(, $n, $u)?>($($arg),*),
            }
        }
    };
}
use dispatch;
