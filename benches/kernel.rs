//! One thread: GFLOP/s of the matrix product at shapes of recurrent training, beside those of the crate matrixmultiply, and of the cells'
//! forward and backward steps, ns per value of activations and of gather and scatter. Several threads: the overhead of a [`ThreadPool`], time to sum a gradient and of an Adam update.
//!
//! `cargo bench --bench kernel`
#![allow(clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2};
use unrolled::kernel::recurrent::{BackwardStep, ForwardStep, PackedMatrix, Projected};
use unrolled::kernel::{
    AlignedVec, ConvWindow, Matrix, NonzeroEntry, RowGroups, ThreadPool, exp, gather_sum_backward,
    gather_windows, matmul, scatter_add, scatter_windows, sigmoid, softmax, tanh,
};
use unrolled::nn::{
    Block, Cell, Embedding, GRU, GlobalAveragePooling1D, Gradient, Input, LSTM, LayerNode, Loss, Mode, Model,
    Shape, Shard, SimpleRNN, TargetsView,
};
use unrolled::optim::{Adam, Limit, Optimizer, OptimizerSpec};
use unrolled::rng::Rng;

/// Returns the shortest time of many runs, in seconds: the least disturbed one on a shared machine.
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
    products();
    cells();
    values();
    lookups();
    thread_pool();
}

fn products() {
    println!(
        "{:>24} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}   GFLOP/s of A·B, A·Bᵀ, Aᵀ·B; of matrixmultiply",
        "m×k×n", "nn", "nt", "tn", "nn", "nt", "tn"
    );
    let shapes = [
        (32, 8, 8),
        (32, 50, 8),
        (6400, 50, 8),
        (50, 6400, 8),
        (32, 32, 128),
        (32, 512, 128),
        (64, 64, 256),
        (64, 256, 256),
        (128, 128, 512),
        (1, 128, 512),
        (32, 128, 512),
        (64, 1024, 256),
        (256, 64, 1024),
        (512, 256, 1024),
        (128, 512, 2048),
    ];
    for (m, k, n) in shapes {
        let [mut c, mut other_c] = [(); 2].map(|()| Array2::<f32>::zeros((m, n)));
        let (a, b) = (vec![0.5_f32; m * k], vec![0.25_f32; k * n]);
        let flops = 2.0 * (m * k * n) as f64;
        let repeat = (1e6 / flops).ceil() as usize;
        let rate =
            |run: &mut dyn FnMut()| flops * repeat as f64 / best(|| (0..repeat).for_each(|_| run())) / 1e9;
        let views = [(false, false), (false, true), (true, false)];
        let own = views.map(|(transposes_a, transposes_b)| {
            let a = if transposes_a { Matrix::new(&a, k, m).t() } else { Matrix::new(&a, m, k) };
            let b = if transposes_b { Matrix::new(&b, n, k).t() } else { Matrix::new(&b, k, n) };
            let c = c.as_slice_mut().unwrap_or_default();
            rate(&mut || matmul(black_box(c), a, b, false))
        });
        let others = views.map(|(transposes_a, transposes_b)| {
            let view = |data, rows, cols, transposes| {
                let size = if transposes { (cols, rows) } else { (rows, cols) };
                let view = ArrayView2::from_shape(size, data).unwrap_or_else(|_| unreachable!("its size"));
                if transposes { view.reversed_axes() } else { view }
            };
            let (a, b) = (view(&a, m, k, transposes_a), view(&b, k, n, transposes_b));
            rate(&mut || general_mat_mul(1.0, &a, &b, 0.0, black_box(&mut other_c)))
        });
        let rates: String = own.iter().chain(&others).map(|rate| format!(" {rate:>10.1}")).collect();
        println!("{:>24}{rates}", format!("{m}×{k}×{n}"));
    }
}

fn cells() {
    println!("{:>24} {:>10} {:>10}   GFLOP/s of a cell's step", "sequences×units", "forward", "backward");
    for (batch, units) in [(32, 8), (16, 64), (32, 128), (64, 256)] {
        let cells: [&dyn Cell; 3] = [
            &SimpleRNN { units, ..SimpleRNN::default() },
            &LSTM { units, ..LSTM::default() },
            &GRU { units, ..GRU::default() },
        ];
        for cell in cells {
            let (forward, backward) = steps(cell, batch, units);
            println!("{:>24} {forward:>10.1} {backward:>10.1}", format!("{} {batch}×{units}", cell.class()));
        }
    }
}

/// Returns GFLOP/s of a cell's forward and backward step, counting the product with `U` alone.
fn steps(cell: &dyn Cell, batch: usize, units: usize) -> (f64, f64) {
    let gates = cell.gates().len();
    let (size, width) = (batch * units, gates * units);
    // Aligned as in training.
    let of = AlignedVec::filled;
    let (u, table, bias) = (of(units * width, 0.01), of(batch * width, 0.1), of(width, 0.1));
    let index: Vec<u32> = (0..batch as u32).collect();
    let [state, upstream] = [0.5, 0.01].map(|value| of(size, value));
    let [mut h, mut c, mut saved, mut dh, mut carry, mut dc] = [(); 6].map(|()| of(size, 0.0));
    let [mut made, mut delta, mut of_product] = [(); 3].map(|()| of(batch * width, 0.0));
    let [mut forward, mut backward] = [(); 2].map(|()| <[PackedMatrix; 2]>::default());
    cell.pack_forward(Matrix::new(&u, units, width), &mut forward);
    cell.pack_backward(Matrix::new(&u, units, width), &mut backward);
    let mut scratch = Block::default();
    let flops = 2.0 * (size * width) as f64;
    let repeat = (1e6 / flops).ceil() as usize;
    let rate = |mut step: Box<dyn FnMut() + '_>| {
        flops * repeat as f64 / best(|| (0..repeat).for_each(|_| step())) / 1e9
    };
    let forward = rate(Box::new(|| {
        let step = ForwardStep {
            ahead: 0,
            batch,
            units,
            projected: Projected::Rows { next: &[], table: &table, index: &index },
            recurrent_bias: &bias,
            gates: &mut made,
            h_prev: &state,
            h_dropped: &state,
            c_prev: &state,
            mask: &[],
            h: &mut h,
            c: &mut c,
            saved: &mut saved,
            arguments: &mut [],
            products: &[],
        };
        cell.step_forward(black_box(&forward), step);
    }));
    let next_delta = vec![0.01; batch * width];
    let backward = rate(Box::new(|| {
        let step = BackwardStep {
            ahead: 0,
            batch,
            units,
            next_delta: &next_delta,
            upstream_grad: &upstream,
            gates: &made,
            h: &h,
            saved: &saved,
            arguments: &[],
            h_prev: &state,
            h_dropped: &state,
            dropout: &[],
            c_prev: &state,
            mask: &[],
            delta: &mut delta,
            delta_recurrent: &mut of_product,
            dh: &mut dh,
            carry: &mut carry,
            dc: &mut dc,
        };
        cell.step_backward(black_box(&backward), step, &mut scratch);
    }));
    (forward, backward)
}

/// Prints nanoseconds per value, of `count` values, of the best of many runs.
fn per_value(name: &str, count: usize, run: impl FnMut()) {
    println!("{name:>24} {:>10.3} ns per value", best(run) / count as f64 * 1e9);
}

fn values() {
    let input: Vec<f32> = (0..4096).map(|i| (i as f32 * 0.01).sin() * 3.0).collect();
    let mut values = input.clone();
    let softmax_of_rows: fn(&mut [f32]) = |values| softmax(values, 64);
    let all = [("exp", exp as fn(&mut [f32])), ("tanh", tanh), ("sigmoid", sigmoid)];
    for (name, f) in all.into_iter().chain([("softmax, rows of 64", softmax_of_rows)]) {
        per_value(name, input.len(), || {
            values.copy_from_slice(&input);
            f(black_box(&mut values));
        });
    }
}

/// Lookups of 32 sequences of 200 tokens in a table, and the scatter of their gradients.
fn lookups() {
    let (time, batch, distinct, features, filters, taps) = (200, 32, 1000, 50, 128, 5);
    let positions = time * batch;
    let index: Vec<u32> = (0..positions).map(|i| (i * 7919 % distinct) as u32).collect();
    let from = vec![0.5; positions * features];
    let mut table = vec![0.0; distinct * features];
    per_value("scatter_add", from.len(), || scatter_add(black_box(&mut table), &index, &from, features));
    let few = &from[..batch * features];
    let mut groups = RowGroups::default();
    per_value("gather_sum_backward", from.len(), || {
        gather_sum_backward(black_box(&mut table), &mut groups, &index, &[], few, features)
    });
    let window =
        ConvWindow { index: &index, time, batch, kernel_size: taps, stride: 1, dilation: 1, padding: 0 };
    let mut out = vec![0.0; (time - taps + 1) * batch * filters];
    let products = vec![0.5; taps * distinct * filters];
    per_value("gather_windows", out.len() * taps, || {
        gather_windows(black_box(&mut out), &[], &products, filters, window);
    });
    // As below global max pooling: one step of every filter and sequence.
    let entry = |i: usize| NonzeroEntry {
        step: (i * 31 % (time - taps)) as u32,
        sequence: (i / filters) as u32,
        column: (i % filters) as u32,
        value: 0.01,
    };
    let entries: Vec<NonzeroEntry> = (0..batch * filters).map(entry).collect();
    let w = vec![0.5; filters * taps * features];
    let (x, mut d_w) = (table.clone(), w.clone());
    per_value("scatter_windows", 2 * entries.len() * taps * features, || {
        scatter_windows(&entries, (&x, black_box(&mut table)), (&w, &mut d_w), features, window);
    });
}

fn thread_pool() {
    for threads in [1, 2, 4] {
        let Ok(mut pool) = ThreadPool::new(threads) else { return };
        let mut items = [0_u64; 4];
        let seconds = best(|| pool.run(&mut items, |i, item| *item += i as u64));
        println!("{:>24} {:>10.2} µs on {threads} threads", "4 empty items", seconds * 1e6);
    }
    for (vocabulary, width) in [(10_000, 50), (20_000, 128)] {
        for threads in [1, 2] {
            let Ok(mut pool) = ThreadPool::new(threads) else { return };
            let (sum, update) = step(vocabulary, width, &mut pool);
            let what = format!("{vocabulary}×{width} embeddings");
            println!("{what:>24} {sum:>10.3} ms to sum, {update:.3} ms Adam, {threads} threads");
        }
    }
}

/// Returns milliseconds to sum the gradients of four shards of 32 × 200 tokens (log-uniform frequencies) and to update all weights.
fn step(vocabulary: usize, width: usize, pool: &mut ThreadPool) -> (f64, f64) {
    let layers: [LayerNode; 2] = [
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
            shard.load(Input::Ids(ids.view()), TargetsView::Real(targets.view()));
            shard.forward(&model, &params, Mode::Train { seed: 1, step: 0, first_row: 0 });
            shard.backward(&model, &params, 128.0, None);
            shard
        })
        .collect();
    let mut gradient = Gradient::new(&model, &params);
    let sum = best(|| gradient.sum(&params, shards.iter(), pool));
    let mut adam = Optimizer::new(&OptimizerSpec::Adam(Adam::default()), params.values().len());
    let update = best(|| adam.step(params.values_mut(), gradient.values(), Limit::default(), pool));
    (sum * 1e3, update * 1e3)
}
