//! GFLOP/s of the matrix product at shapes of recurrent training, and ns per value of the activations, one thread.
//!
//! `cargo bench --bench kernel`
#![allow(clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use unrolled::kernel::{Matrix, matmul, sigmoid, tanh};

/// The best of many runs: the least disturbed one on a shared machine.
fn best(mut run: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut best = f64::INFINITY;
    while start.elapsed() < Duration::from_millis(200) {
        let begin = Instant::now();
        run();
        best = best.min(begin.elapsed().as_secs_f64());
    }
    best
}

fn main() {
    println!("{:>24} {:>10} {:>10} {:>10}   GFLOP/s of A·B, A·Bᵀ, Aᵀ·B", "m×k×n", "nn", "nt", "tn");
    let shapes = [
        (32, 8, 8),
        (32, 50, 8),
        (6400, 50, 8),
        (50, 6400, 8),
        (32, 32, 128),
        (64, 64, 256),
        (1, 128, 512),
        (32, 128, 512),
        (128, 512, 2048),
    ];
    for (m, k, n) in shapes {
        let (a, b, mut c) = (vec![0.5f32; m * k], vec![0.25f32; k * n], vec![0.0f32; m * n]);
        let flops = 2.0 * (m * k * n) as f64;
        let repeat = (1e6 / flops).ceil() as usize;
        let mut rate = |a: Matrix<'_>, b: Matrix<'_>| {
            let seconds = best(|| (0..repeat).for_each(|_| matmul(black_box(&mut c), a, b, false)));
            flops * repeat as f64 / seconds / 1e9
        };
        let nn = rate(Matrix::new(&a, m, k), Matrix::new(&b, k, n));
        let nt = rate(Matrix::new(&a, m, k), Matrix::new(&b, n, k).t());
        let tn = rate(Matrix::new(&a, k, m).t(), Matrix::new(&b, k, n));
        println!("{:>24} {nn:>10.1} {nt:>10.1} {tn:>10.1}", format!("{m}×{k}×{n}"));
    }
    let input: Vec<f32> = (0..4096).map(|i| (i as f32 * 0.01).sin() * 3.0).collect();
    let mut values = input.clone();
    for (name, f) in [("tanh", tanh as fn(&mut [f32])), ("sigmoid", sigmoid)] {
        let seconds = best(|| {
            values.copy_from_slice(&input);
            f(black_box(&mut values));
        });
        println!("{name:>24} {:>10.2} ns per value", seconds / 4096.0 * 1e9);
    }
}
