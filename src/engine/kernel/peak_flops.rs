use std::hint::black_box;

use super::simd::Simd;
use super::{Isa, dispatch};

/// Independent chains of multiply-adds: enough to saturate two FMA units with a latency of four to six cycles, few enough for
/// sixteen registers.
const CHAINS: usize = 12;

/// Runs `rounds` rounds of fused multiply-adds in registers alone, with the instructions of the matrix products, and returns the
/// number of floating-point operations (a multiply-add is two).
///
/// Divided by the elapsed time this is the peak FLOPS of one thread, independent of memory bandwidth.
pub fn multiply_add_in_registers(rounds: u64) -> u64 {
    let mut operations = 0;
    chains(Isa::best(), rounds, &mut operations, [(); CHAINS]);
    operations
}

/// Runs `rounds` fused multiply-adds in registers, each of which needs the result of the one before: divided by `rounds`, the elapsed
/// time is the latency of one.
pub fn dependent_multiply_adds(rounds: u64) {
    chains(Isa::best(), rounds, &mut 0, [(); 1]);
}

dispatch! {
    fn chains<const CHAINS: usize>(rounds: u64, operations: &mut u64, which: [(); CHAINS]) = chains_of
}

#[inline(always)]
fn chains_of<W: Simd, N: Simd, const CHAINS: usize>(rounds: u64, operations: &mut u64, _: [(); CHAINS]) {
    // All converge to 1, so that no number becomes subnormal or infinite.
    let (factor, term) = (W::splat(black_box(0.75)), W::splat(black_box(0.25)));
    let mut chains = [factor; CHAINS];
    for (i, chain) in chains.iter_mut().enumerate() {
        *chain = W::splat(i as f32);
    }
    for _ in 0..rounds {
        for chain in &mut chains {
            *chain = chain.mul_add(factor, term);
        }
    }
    let mut sum = chains[0];
    for chain in &chains[1..] {
        sum = sum.add(*chain);
    }
    let mut lanes = [0.0; 16];
    sum.store(&mut lanes);
    black_box(lanes);
    *operations = 2 * rounds * (CHAINS * W::LANES) as u64;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_counts_its_operations() {
        for isa in Isa::available() {
            let (mut few, mut many) = (0, 0);
            chains(isa, 1, &mut few, [(); CHAINS]);
            chains(isa, 1000, &mut many, [(); CHAINS]);
            assert!(few >= 2 * 8 * CHAINS as u64, "{isa:?}: {few}");
            assert_eq!(many, 1000 * few, "{isa:?}");
        }
    }
}
