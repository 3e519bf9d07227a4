use super::activation::exp_of;
use super::simd::Simd;
use super::{Isa, dispatch};

/// Softmax `eˣ/Σeˣ` of every row of `width` numbers, in place; absolute error at most 2e-7. The row's maximum is subtracted first, so that
/// nothing overflows; a row with a NaN becomes NaN.
pub fn softmax(values: &mut [f32], width: usize) {
    softmax_on(Isa::best(), values, width);
}

/// [`softmax`] of one row; returns `ln Σeˣ` of its former values.
pub fn softmax_with_log_sum(row: &mut [f32]) -> f64 {
    let (mut max, mut sum) = (0.0, 0.0);
    row_on(Isa::best(), row, &mut max, &mut sum);
    f64::from(sum).ln() + f64::from(max)
}

dispatch!(fn softmax_on(values: &mut [f32], width: usize) = softmax_of);
dispatch!(fn row_on(row: &mut [f32], max: &mut f32, sum: &mut f32) = row_of);

#[inline(always)]
fn softmax_of<V: Simd, N: Simd>(values: &mut [f32], width: usize) {
    for row in values.chunks_exact_mut(width.max(1)) {
        row_of::<V, N>(row, &mut 0.0, &mut 0.0);
    }
}

#[inline(always)]
fn row_of<V: Simd, N: Simd>(row: &mut [f32], max: &mut f32, sum: &mut f32) {
    *max = f32::NEG_INFINITY;
    for x in row.iter() {
        *max = if *x > *max || x.is_nan() { *x } else { *max };
    }
    // Eight partial sums at every vector width: the same bits from all instruction sets with FMA.
    let (shift, mut sums) = (N::splat(*max), N::splat(0.0));
    let mut chunks = row.chunks_exact_mut(N::LANES);
    for chunk in &mut chunks {
        let e = exp_of(N::load(chunk).sub(shift));
        sums = sums.add(e);
        e.store(chunk);
    }
    let mut lanes = [0.0; 16];
    sums.store(&mut lanes);
    *sum = lanes[..8].iter().sum();
    let tail = chunks.into_remainder();
    if !tail.is_empty() {
        exp_of(N::load_part(tail).sub(shift)).store_part(tail);
        *sum += tail.iter().sum::<f32>();
    }
    let sum = *sum;
    for x in row {
        *x /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_width_equal_the_definition_on_every_instruction_set() {
        for width in 1..70 {
            let x: Vec<f32> = (0..3 * width).map(|i| (i as f32 * 0.73).sin() * 12.0 + 80.0).collect();
            let mut fused: Option<Vec<u32>> = None;
            for isa in Isa::available() {
                let mut got = x.clone();
                softmax_on(isa, &mut got, width);
                for (x, got) in x.chunks(width).zip(got.chunks(width)) {
                    let sum: f64 = x.iter().map(|x| f64::from(*x).exp()).sum();
                    for (x, got) in x.iter().zip(got) {
                        let exact = f64::from(*x).exp() / sum;
                        assert!(
                            (f64::from(*got) - exact).abs() <= 2e-7,
                            "{isa:?} {width}: {got} for {exact}"
                        );
                    }
                }
                if isa != Isa::Portable {
                    let bits = got.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                    assert!(fused.get_or_insert_with(|| bits.clone()) == &bits, "bits differ");
                }
            }
        }
    }

    #[test]
    fn log_sum_is_exact_where_the_sum_would_overflow() {
        let mut row = [1000.0, 999.0, -5.0];
        let expected = 1000.0 + (1.0 + (-1.0f64).exp()).ln();
        assert!((softmax_with_log_sum(&mut row) - expected).abs() < 1e-6);
    }

    #[test]
    fn large_values_do_not_overflow_and_nan_propagates() {
        for isa in Isa::available() {
            let mut x = [1e30, 1e30, -1e30, 0.0, f32::NAN, 1.0];
            softmax_on(isa, &mut x, 3);
            assert_eq!(x[..2], [0.5, 0.5]);
            assert!(x[2] < 1e-37 && x[3..].iter().all(|x| x.is_nan()), "{isa:?} {x:?}");
        }
    }
}
