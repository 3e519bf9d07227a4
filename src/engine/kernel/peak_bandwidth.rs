use std::hint::black_box;

use super::simd::Simd;
use super::{Isa, dispatch};

/// Independent sums: enough to hide the latency of an addition.
const SUMS: usize = 8;

/// Reads all of `values` once, a vector after the other, and returns their number in bytes.
///
/// Repeated on data of the size of a cache and divided by the elapsed time this is the bandwidth that one thread reads from that cache with.
pub fn read_in_order(values: &[f32]) -> u64 {
    let mut bytes = 0;
    read_on(Isa::best(), values, &mut bytes);
    bytes
}

dispatch! {
    fn read_on(values: &[f32], bytes: &mut u64) = read_all
}

#[inline(always)]
fn read_all<V: Simd, N: Simd>(values: &[f32], bytes: &mut u64) {
    let mut sums = [V::splat(0.0); SUMS];
    let blocks = values.chunks_exact(SUMS * V::LANES);
    *bytes = (blocks.len() * SUMS * V::LANES * size_of::<f32>()) as u64;
    for block in blocks {
        for (sum, vector) in sums.iter_mut().zip(block.chunks_exact(V::LANES)) {
            *sum = sum.add(V::load(vector));
        }
    }
    let mut total = sums[0];
    for sum in &sums[1..] {
        total = total.add(*sum);
    }
    let mut lanes = [0.0; 16];
    total.store(&mut lanes);
    black_box(lanes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_reads_all_but_the_last_incomplete_block() {
        for isa in Isa::available() {
            let mut bytes = 0;
            read_on(isa, &[1.0; 1000], &mut bytes);
            let block = SUMS * isa.lanes();
            assert_eq!(bytes as usize, 1000 / block * block * 4, "{isa:?}");
        }
    }
}
