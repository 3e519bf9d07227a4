use crate::kernel::{Matrix, matmul};

/// `‖Σ_b m_bᵀ·δ_b‖_F` over some rows `m_b` and `δ_b`, without the sum of their outer products:
///
/// ```text
/// ‖Σ_b m_bᵀ·δ_b‖² = Σ_{b,b'} (m_b·m_b')·(δ_b·δ_b')
/// ```
/// `rows²·(a + b)` products instead of `rows·a·b`, for rows of `a` and `b` numbers. Rows are first brought to the size of 1, so that
/// neither a gradient that vanishes nor one that explodes overflows or underflows an `f32` when it is squared.
#[derive(Debug, Default)]
pub(super) struct OuterSum {
    states: Vec<f32>,
    deltas: Vec<f32>,
    products: [Vec<f32>; 2],
}

impl OuterSum {
    /// Whether it is cheaper than the sum.
    pub fn pays(rows: usize, a: usize, b: usize) -> bool {
        rows * (a + b) < a * b
    }

    /// Buffers for `rows` rows of `a` and `b` numbers, to be filled: `m` and `δ`.
    pub fn rows(&mut self, rows: usize, a: usize, b: usize) -> (&mut [f32], &mut [f32]) {
        self.states.resize(rows * a, 0.0);
        self.deltas.resize(rows * b, 0.0);
        self.products.iter_mut().for_each(|products| products.resize(rows * rows, 0.0));
        (&mut self.states, &mut self.deltas)
    }

    /// The norm, of `rows` rows.
    pub fn norm(&mut self, rows: usize) -> f64 {
        let [states, deltas] = &mut self.products;
        let scale = squared(&mut self.states, rows, states) * squared(&mut self.deltas, rows, deltas);
        let sum: f64 = states.iter().zip(deltas).map(|(m, d)| f64::from(*m) * f64::from(*d)).sum();
        // Rounding may leave a sum of nothing below 0.
        scale * if sum < 0.0 { 0.0 } else { sum.sqrt() }
    }
}

/// The products of all pairs of `rows` rows, each divided by the square of the greatest number, which is returned.
fn squared(values: &mut [f32], rows: usize, products: &mut [f32]) -> f64 {
    let greatest = greatest(values);
    if greatest > 0.0 {
        values.iter_mut().for_each(|x| *x /= greatest);
    }
    let matrix = Matrix::new(values, rows, values.len() / rows.max(1));
    matmul(products, matrix, matrix.t(), false);
    f64::from(greatest)
}

/// The greatest magnitude of what is a number: in lanes, so that no comparison waits for the one before it.
fn greatest(values: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 16];
    let (blocks, rest) = values.as_chunks::<16>();
    let greater =
        |greatest: &mut f32, x: &f32| *greatest = if x.abs() > *greatest { x.abs() } else { *greatest };
    for block in blocks {
        lanes.iter_mut().zip(block).for_each(|(lane, x)| greater(lane, x));
    }
    lanes.iter_mut().zip(rest).for_each(|(lane, x)| greater(lane, x));
    lanes.into_iter().fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_magnitude_is_found_at_every_place() {
        for n in 0..50 {
            let mut values = vec![0.5; n];
            assert_eq!(greatest(&values), if n > 0 { 0.5 } else { 0.0 });
            for at in 0..n {
                values[at] = -3.0;
                values[(at + 1) % n.max(2)..].iter_mut().take(1).for_each(|x| *x = f32::NAN);
                assert_eq!(greatest(&values), 3.0, "{at} of {n}");
                values.fill(0.5);
            }
        }
    }

    #[test]
    fn the_norm_is_that_of_the_sum_at_any_scale() {
        let (rows, a, b) = (5, 7, 11);
        for scale in [1e-38_f32, 1e-25, 1.0, 1e25, 1e37] {
            let mut outer = OuterSum::default();
            let (states, deltas) = outer.rows(rows, a, b);
            states.iter_mut().enumerate().for_each(|(i, m)| *m = (i as f32 * 0.7).sin());
            deltas.iter_mut().enumerate().for_each(|(i, d)| *d = (i as f32 * 1.3).cos() * scale);
            let mut squares = 0.0;
            for (i, j) in (0..a).flat_map(|i| (0..b).map(move |j| (i, j))) {
                let products = (0..rows).map(|r| f64::from(states[r * a + i]) * f64::from(deltas[r * b + j]));
                squares += products.sum::<f64>().powi(2);
            }
            let (found, plain) = (outer.norm(rows), squares.sqrt());
            assert!((found / plain - 1.0).abs() < 1e-5, "{found} for {plain}");
        }
    }

    #[test]
    fn nothing_is_nothing_and_what_is_not_a_number_stays_visible() {
        let mut outer = OuterSum::default();
        outer.rows(2, 3, 4);
        assert_eq!(outer.norm(2), 0.0);
        outer.rows(1, 1, 1).0[0] = 1.0;
        outer.rows(1, 1, 1).1[0] = f32::NAN;
        assert!(outer.norm(1).is_nan());
    }
}
