//! GFLOP/s of the matrix product at shapes of recurrent training, and ns per value of the activations, one thread; what a [`Team`] of
//! threads takes to start and to end, to sum a gradient and to move weights.
//!
//! `cargo bench --bench kernel`
#![allow(clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use ndarray::Array2;
use unrolled::kernel::{Matrix, Team, matmul, sigmoid, tanh};
use unrolled::nn::{
    Answers, Embedding, GlobalAveragePooling1D, Gradient, Input, Loss, Mode, Model, Placed, Shape, Shard,
};
use unrolled::optim::{Adam, Limit, Optimizer, OptimizerSpec};
use unrolled::rng::Rng;

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
    arithmetic();
    team();
}

fn arithmetic() {
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

fn team() {
    for threads in [1, 2, 4] {
        let Ok(mut team) = Team::new(threads) else { return };
        let mut items = [0_u64; 4];
        let seconds = best(|| team.run(&mut items, |i, item| *item += i as u64));
        println!("{:>24} {:>10.2} µs on {threads} threads", "4 items of no work", seconds * 1e6);
    }
    for (vocabulary, width) in [(10_000, 50), (20_000, 128)] {
        for threads in [1, 2] {
            let Ok(mut team) = Team::new(threads) else { return };
            let (sum, update) = step(vocabulary, width, &mut team);
            let what = format!("{vocabulary}×{width} embeddings");
            println!("{what:>24} {sum:>10.3} ms to sum, {update:.3} ms Adam, {threads} threads");
        }
    }
}

/// Milliseconds to sum four shards of 32 × 200 tokens, common ones more often, and to move all weights.
fn step(vocabulary: usize, width: usize, team: &mut Team) -> (f64, f64) {
    let layers: [Placed; 2] = [
        Embedding { output_dim: width, ..Embedding::default() }.into(),
        GlobalAveragePooling1D::default().into(),
    ];
    let shape = Shape::Ids { time: 200, vocabulary };
    let Ok(model) = Model::build(&layers, shape, Loss::MeanSquaredError) else { return (0.0, 0.0) };
    let mut params = model.params();
    params.initialize(1);
    let mut rng = Rng::new(1, "bench", 0);
    let mut id = |_| ((rng.uniform() * (vocabulary as f64).ln()).exp() as u32).min(vocabulary as u32 - 1);
    let shards: Vec<Shard> = (0..4)
        .map(|_| {
            let ids = Array2::from_shape_fn((32, 200), &mut id);
            let targets = Array2::zeros((32, width));
            let mut shard = Shard::new(&model, &params);
            shard.load(Input::Ids(ids.view()), Answers::Real(targets.view()));
            shard.forward(&model, &params, Mode::Train { seed: 1, step: 0, first_row: 0 });
            shard.backward(&model, &params, 128.0, None);
            shard
        })
        .collect();
    let mut gradient = Gradient::new(&model, &params);
    let sum = best(|| gradient.sum(&params, shards.iter(), team));
    let mut adam = Optimizer::new(&OptimizerSpec::Adam(Adam::default()), params.values().len());
    let update = best(|| adam.step(params.values_mut(), gradient.values(), Limit::default(), team));
    (sum * 1e3, update * 1e3)
}
