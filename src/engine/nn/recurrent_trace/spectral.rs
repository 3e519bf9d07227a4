use crate::kernel::{Matrix, l2_norm, matmul};

/// Squarings: the power is 2^14, and a factor of `√n` between norm and radius is 0.02 % of the result at n = 512.
const SQUARINGS: i32 = 14;

/// The spectral radius of `a` `[n, n]`, the greatest magnitude of its eigenvalues, by Gelfand's formula (1941):
/// `ρ(A) = lim ‖A^m‖^(1/m)`, here with the Frobenius norm and m = 2^14, by repeated squaring.
///
/// Unlike power iteration this does not need a dominant real eigenvalue: conjugate pairs, which a recurrent kernel mostly has, and
/// whole circles of them (it begins orthogonal) are no worse than others. Every power is scaled by a power of two, to a norm near 1, before it
/// is squared: that rounds nothing that is not far below the greatest, and nothing overflows; the scales' logarithms are summed. Costs 14
/// products `n × n`; NaN for what is not finite.
pub(super) fn spectral_radius(a: Vec<f32>, n: usize) -> f32 {
    let (mut power, mut square) = (a, vec![0.0; n * n]);
    // ‖A^(2^k)‖^(1/2^k) is the norm at hand to the power 2^−k, by all scales before, the j-th to the power 2^−j.
    let mut log2 = 0.0;
    for k in 0.. {
        let norm = l2_norm(&power);
        if norm == 0.0 {
            return 0.0;
        }
        let root = f64::from(-k).exp2();
        if k == SQUARINGS {
            log2 += norm.log2() * root;
            break;
        }
        // What an f32 can hold the inverse of.
        let exponent = norm.log2().floor().clamp(-126.0, 126.0);
        log2 += exponent * root;
        let scale = (-exponent).exp2() as f32;
        power.iter_mut().for_each(|x| *x *= scale);
        matmul(&mut square, Matrix::new(&power, n, n), Matrix::new(&power, n, n), false);
        std::mem::swap(&mut power, &mut square);
    }
    log2.exp2() as f32
}

#[cfg(test)]
mod tests {
    use super::spectral_radius;
    use crate::nn::Initializer;
    use crate::rng::Rng;

    fn assert_near(a: &[f32], n: usize, expected: f32) {
        let found = spectral_radius(a.to_vec(), n);
        assert!((found - expected).abs() <= 1e-3 * expected, "{found} for {expected}");
    }

    #[test]
    fn matrices_of_known_spectrum() {
        assert_near(&[3.0, 0.0, 0.0, 0.0, -5.0, 0.0, 0.0, 0.0, 0.5], 3, 5.0);
        let (sin, cos) = 0.7_f32.sin_cos();
        assert_near(&[cos, -sin, sin, cos], 2, 1.0);
        assert_near(&[0.0, 1e6, 1e-6, 0.0], 2, 1.0);
        assert_near(&[1.0, 1.0, 0.0, 1.0], 2, 1.0);
        assert_near(&[0.9, 50.0, 0.0, 0.8], 2, 0.9);
        // x³ − x − 1: its real root is 1.3247, the complex pair lies within.
        assert_near(&[0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0], 3, 1.324_718);
        assert_near(&[1e-20, 0.0, 0.0, 2e-20], 2, 2e-20);
        assert_near(&[1e20, 0.0, 0.0, 2e20], 2, 2e20);
        assert_near(&[1e-39, 0.0, 0.0, 2e-39], 2, 2e-39);
        assert_near(&[0.0, 1.0, 1e-40, 0.0], 2, 1e-20);
        assert_near(&[0.0, 1e19, 1e-21, 0.0], 2, 0.1);
        assert_near(&[1e38, 1e38, 1e38, 1e38], 2, 2e38);
    }

    #[test]
    fn a_kernel_as_it_begins_has_radius_one() {
        for n in [8, 33, 100] {
            let mut kernel = vec![0.0; n * n];
            Initializer::ORTHOGONAL.fill(&[n, n], &mut kernel, &mut Rng::new(3, "test", 0));
            assert_near(&kernel, n, 1.0);
        }
    }

    #[test]
    fn nilpotent_zero_empty_and_not_finite() {
        assert_eq!(spectral_radius(vec![0.0, 7.0, 3.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0], 3), 0.0);
        assert_eq!(spectral_radius(vec![0.0; 16], 4), 0.0);
        assert_eq!(spectral_radius(Vec::new(), 0), 0.0);
        assert!(spectral_radius(vec![f32::NAN, 1.0, 1.0, 1.0], 2).is_nan());
    }
}
