use super::activation::exp_of;
use super::simd::Simd;
use super::{Isa, dispatch};

/// `eˣ/Σeˣ` over every row of `width` numbers, in place; at most 2e-7 off. The greatest of a row is taken off first, so that nothing
/// overflows; a row that holds NaN becomes NaN.
pub fn softmax(values: &mut [f32], width: usize) {
    softmax_on(Isa::best(), values, width);
}

/// [`softmax`] of one row, and `ln Σeˣ` of what it was.
pub fn softmax_with_log_sum(row: &mut [f32]) -> f64 {
    let (mut greatest, mut sum) = (0.0, 0.0);
    row_on(Isa::best(), row, &mut greatest, &mut sum);
    f64::from(sum).ln() + f64::from(greatest)
}

dispatch!(fn softmax_on(values: &mut [f32], width: usize) = softmax_of);
dispatch!(fn row_on(row: &mut [f32], greatest: &mut f32, sum: &mut f32) = row_of);

#[inline(always)]
fn softmax_of<V: Simd, N: Simd>(values: &mut [f32], width: usize) {
    for row in values.chunks_exact_mut(width.max(1)) {
        row_of::<V, N>(row, &mut 0.0, &mut 0.0);
    }
}

#[inline(always)]
fn row_of<V: Simd, N: Simd>(row: &mut [f32], greatest: &mut f32, sum: &mut f32) {
    *greatest = f32::NEG_INFINITY;
    for x in row.iter() {
        *greatest = if *x > *greatest || x.is_nan() { *x } else { *greatest };
    }
    // Eight sums at every width of vectors: the same bits from all instruction sets that fuse alike.
    let (shift, mut sums) = (N::splat(*greatest), N::splat(0.0));
    let mut chunks = row.chunks_exact_mut(N::LANES);
    for chunk in &mut chunks {
        let e = exp_of(N::load(chunk).sub(shift));
        sums = sums.add(e);
        e.store(chunk);
    }
    let mut lanes = [0.0; 16];
    sums.store(&mut lanes);
    *sum = lanes[..8].iter().sum();
    let rest = chunks.into_remainder();
    if !rest.is_empty() {
        exp_of(N::load_part(rest).sub(shift)).store_part(rest);
        *sum += rest.iter().sum::<f32>();
    }
    row.iter_mut().for_each(|x| *x /= *sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_width_are_their_definition_on_every_instruction_set() {
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
                    assert!(fused.get_or_insert_with(|| bits.clone()) == &bits, "other bits");
                }
            }
        }
    }

    #[test]
    fn the_log_of_the_sum_is_exact_where_the_sum_would_overflow() {
        let mut row = [1000.0, 999.0, -5.0];
        let expected = 1000.0 + (1.0 + (-1.0f64).exp()).ln();
        assert!((softmax_with_log_sum(&mut row) - expected).abs() < 1e-6);
    }

    #[test]
    fn great_numbers_do_not_overflow_and_no_number_is_not_lost() {
        for isa in Isa::available() {
            let mut x = [1e30, 1e30, -1e30, 0.0, f32::NAN, 1.0];
            softmax_on(isa, &mut x, 3);
            assert_eq!(x[..2], [0.5, 0.5]);
            assert!(x[2] < 1e-37 && x[3..].iter().all(|x| x.is_nan()), "{isa:?} {x:?}");
        }
    }
}
