/// L2 norm, summed in f64 in eight lanes and a fixed order: `√Σ x²`.
pub fn l2_norm(values: &[f32]) -> f64 {
    let (chunks, rest) = values.as_chunks::<8>();
    let mut lanes = [0.0f64; 8];
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(*x) * f64::from(*x);
        }
    }
    (lanes.iter().sum::<f64>() + rest.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>()).sqrt()
}

#[cfg(test)]
mod tests {
    use super::l2_norm;

    #[test]
    fn large_numbers_do_not_overflow_and_no_number_is_left_out() {
        assert_eq!(l2_norm(&[]), 0.0);
        assert_eq!(l2_norm(&[3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0]), 5.0);
        assert!((l2_norm(&[f32::MAX; 4]) / f64::from(f32::MAX) - 2.0).abs() < 1e-12);
        assert!(l2_norm(&[f32::NAN, 1.0]).is_nan());
    }
}
