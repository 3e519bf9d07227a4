use super::simd::Simd;
use super::{Isa, dispatch};

/// Partial sums: enough to hide the latency of an addition.
const LANES: usize = 16;

/// Returns the L2 norm, summed in f64 in a fixed order: `√Σ x²`.
pub fn l2_norm(values: &[f32]) -> f64 {
    let mut sum = SumOfSquares::default();
    sum.add(values);
    sum.total().sqrt()
}

/// Accumulates `Σ x²` over several slices, in f64 and in a fixed order: the same bits from every instruction set.
#[derive(Debug, Clone, Copy, Default)]
pub struct SumOfSquares([f64; LANES]);

impl SumOfSquares {
    /// Adds the squares of `values`.
    pub fn add(&mut self, values: &[f32]) {
        add_on(Isa::best(), &mut self.0, values);
    }

    /// [`SumOfSquares::add`] for callers that are compiled for an instruction set.
    #[inline(always)]
    pub(super) fn add_inlined(&mut self, values: &[f32]) {
        add_to(&mut self.0, values);
    }

    /// Returns the sum so far.
    pub fn total(self) -> f64 {
        self.0.iter().sum()
    }
}

dispatch!(fn add_on(lanes: &mut [f64; LANES], values: &[f32]) = add_all);

#[inline(always)]
fn add_all<V: Simd, N: Simd>(lanes: &mut [f64; LANES], values: &[f32]) {
    add_to(lanes, values);
}

/// A scalar loop that the compiler vectorizes; it never fuses multiplication and addition.
#[inline(always)]
fn add_to(lanes: &mut [f64; LANES], values: &[f32]) {
    let mut sums = *lanes;
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for (sum, x) in sums.iter_mut().zip(block) {
            *sum += f64::from(*x) * f64::from(*x);
        }
    }
    for (sum, x) in sums.iter_mut().zip(rest) {
        *sum += f64::from(*x) * f64::from(*x);
    }
    *lanes = sums;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_values_do_not_overflow_and_every_element_counts() {
        assert_eq!(l2_norm(&[]), 0.0);
        let mut values = [0.0; 2 * LANES + 3];
        (values[0], values[2 * LANES + 2]) = (3.0, 4.0);
        assert_eq!(l2_norm(&values), 5.0);
        assert!((l2_norm(&[f32::MAX; 4]) / f64::from(f32::MAX) - 2.0).abs() < 1e-12);
        assert!(l2_norm(&[f32::NAN, 1.0]).is_nan());
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits_at_every_length() {
        for n in 0..70 {
            let x: Vec<f32> = (0..n).map(|i| (i as f32 * 0.37 - 5.0).sin() * 4.0).collect();
            let sums = Isa::available().into_iter().map(|isa| {
                let mut sum = SumOfSquares([0.5; LANES]);
                add_on(isa, &mut sum.0, &x);
                sum.total().to_bits()
            });
            let sums: Vec<u64> = sums.collect();
            assert!(sums.iter().all(|sum| *sum == sums[0]), "{n}: {sums:?}");
        }
    }
}
