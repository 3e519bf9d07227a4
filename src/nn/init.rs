use serde::{Deserialize, Serialize};

use crate::rng::Rng;

/// How weights begin. Names and definitions are Keras 3's (`keras/src/initializers`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initializer {
    /// All 0.
    Zeros,
    /// All 1.
    Ones,
    /// Uniform in ±√(6/(fan in + fan out)) (Glorot & Bengio 2010).
    GlorotUniform,
    /// Uniform in ±0.05: Keras's `RandomUniform`, the default of `Embedding`.
    Uniform,
    /// Rows or columns, whichever are fewer, orthonormal (Saxe et al. 2013).
    Orthogonal,
}

impl Initializer {
    /// Draws `values`, a tensor of `shape`, row-major.
    pub fn fill(self, shape: &[usize], values: &mut [f32], rng: &mut Rng) {
        let mut uniform = |limit: f64| {
            for v in values.iter_mut() {
                *v = ((rng.uniform() * 2.0 - 1.0) * limit) as f32;
            }
        };
        match self {
            Self::Zeros => values.fill(0.0),
            Self::Ones => values.fill(1.0),
            Self::Uniform => uniform(0.05),
            Self::GlorotUniform => {
                let (fan_in, fan_out) = fans(shape);
                uniform((6.0 / (fan_in + fan_out) as f64).sqrt());
            }
            Self::Orthogonal => {
                let cols = shape.last().copied().unwrap_or(1).max(1);
                orthogonal(values, values.len() / cols, cols, rng);
            }
        }
    }
}

/// Inputs and outputs of a weight tensor: the last two sizes times the receptive field before them.
fn fans(shape: &[usize]) -> (usize, usize) {
    match *shape {
        [] => (1, 1),
        [n] => (n, n),
        [ref field @ .., fan_in, fan_out] => {
            let field = field.iter().product::<usize>();
            (fan_in * field, fan_out * field)
        }
    }
}

/// Orthonormal rows, or columns if these are fewer: Gram & Schmidt on normal vectors in f64, each vector twice, which keeps the
/// products of two of them at rounding error (Giraud et al. 2005). The result is distributed as Q of a QR with positive diagonal.
fn orthogonal(values: &mut [f32], rows: usize, cols: usize, rng: &mut Rng) {
    let (count, size) = (rows.min(cols), rows.max(cols));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    while vectors.len() < count {
        let mut v: Vec<f64> = (0..size).map(|_| rng.normal()).collect();
        for _ in 0..2 {
            for u in &vectors {
                let along: f64 = u.iter().zip(&v).map(|(a, b)| a * b).sum();
                v.iter_mut().zip(u).for_each(|(x, a)| *x -= along * a);
            }
        }
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        if norm > 1e-6 {
            v.iter_mut().for_each(|x| *x /= norm);
            vectors.push(v);
        }
    }
    for (i, value) in values.iter_mut().enumerate() {
        let (row, col) = (i / cols, i % cols);
        *value = if rows <= cols { vectors[row][col] } else { vectors[col][row] } as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(init: Initializer, shape: &[usize]) -> Vec<f32> {
        let mut values = vec![9.0; shape.iter().product()];
        init.fill(shape, &mut values, &mut Rng::new(1, "weights", 0));
        values
    }

    #[test]
    fn orthogonal_vectors_are_orthonormal_either_way() {
        for (rows, cols) in [(8, 8), (64, 64), (5, 20), (20, 5), (1, 3)] {
            let w = drawn(Initializer::Orthogonal, &[rows, cols]);
            let at =
                |i: usize, k: usize| f64::from(if rows <= cols { w[i * cols + k] } else { w[k * cols + i] });
            for i in 0..rows.min(cols) {
                for j in 0..rows.min(cols) {
                    let dot: f64 = (0..rows.max(cols)).map(|k| at(i, k) * at(j, k)).sum();
                    assert!(
                        (dot - f64::from(u8::from(i == j))).abs() < 1e-5,
                        "{rows}×{cols}: {i}·{j} = {dot}"
                    );
                }
            }
        }
    }

    #[test]
    fn uniform_draws_have_their_variance_and_bounds() {
        // A uniform draw in ±a has variance a²/3.
        for (init, shape, limit) in [
            (Initializer::GlorotUniform, vec![200, 300], (6.0f64 / 500.0).sqrt()),
            (Initializer::GlorotUniform, vec![5, 100, 120], (6.0f64 / 1100.0).sqrt()),
            (Initializer::Uniform, vec![1000, 50], 0.05),
        ] {
            let w = drawn(init, &shape);
            let variance = w.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / w.len() as f64;
            assert!((variance / (limit * limit / 3.0) - 1.0).abs() < 0.02, "{init:?} {shape:?}: {variance}");
            assert!(w.iter().all(|x| f64::from(x.abs()) <= limit * 1.000_001));
        }
    }

    #[test]
    fn constants_are_constant() {
        assert!(drawn(Initializer::Zeros, &[3]).iter().all(|x| *x == 0.0));
        assert!(drawn(Initializer::Ones, &[3]).iter().all(|x| *x == 1.0));
    }
}
