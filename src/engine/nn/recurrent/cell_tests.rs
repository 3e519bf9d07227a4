//! Every step of every cell, on every instruction set, against plain loops over the formulas in double precision.

use proptest::prelude::*;

use crate::kernel::recurrent::{
    BackwardStep, ForwardStep, Functions, PackedMatrix, Projected, backward_on, forward_on,
};
use crate::kernel::{Elementwise, FastFunction, Function, Isa, LaneFunction, Matrix, Sigmoid, Tanh};
use crate::nn::gru::GruMath;
use crate::nn::gru::reset_before::{CandidateMath, GatesMath};
use crate::nn::lstm::LstmMath;
use crate::nn::simple_rnn::SimpleRnnMath;
use crate::rng::Rng;

const F: Functions<Tanh, Sigmoid> = Functions { state: Tanh, gate: Sigmoid };
const ANY: Functions<Function, Function> =
    Functions { state: Function::Fast(FastFunction::Tanh), gate: Function::Fast(FastFunction::Sigmoid) };

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Random numbers for everything that a cell can read; `gates` of 1, 3 or 4.
#[derive(Debug, Clone)]
struct Case {
    batch: usize,
    units: usize,
    gates: usize,
    u: Vec<f32>,
    bias: Vec<f32>,
    projected: Vec<f32>,
    h_prev: Vec<f32>,
    c_prev: Vec<f32>,
    mask: Vec<bool>,
    next_delta: Vec<f32>,
    upstream_grad: Vec<f32>,
    dropout: Vec<f32>,
    carry: Vec<f32>,
    dc: Vec<f32>,
    /// The row of `projected` of each sequence; empty where they are in order, in place.
    index: Vec<u32>,
    ahead: isize,
}

impl Case {
    fn new(batch: usize, units: usize, gates: usize, masked: bool, dropping: bool, seed: u64) -> Self {
        let mut rng = Rng::new(seed, "steps", 0);
        let mut numbers = |n: usize| (0..n).map(|_| 0.5 * rng.normal() as f32).collect::<Vec<_>>();
        let (width, size) = (units * gates, batch * units);
        let dropout = numbers(size).into_iter().map(|x| if x < 0.0 { 0.0 } else { 2.0 }).collect();
        let mask = numbers(batch).into_iter().map(|x| x > -0.2).collect();
        Self {
            batch,
            units,
            gates,
            u: numbers(units * width),
            bias: numbers(width),
            projected: numbers(batch * width),
            h_prev: numbers(size),
            c_prev: numbers(size),
            mask: if masked { mask } else { Vec::new() },
            next_delta: numbers(batch * width),
            upstream_grad: numbers(size),
            dropout: if dropping { dropout } else { Vec::new() },
            carry: numbers(size),
            dc: numbers(size),
            index: Vec::new(),
            ahead: 0,
        }
    }

    /// The same whose projections are looked up, and which prefetches the step `ahead`.
    fn looked_up(self, ahead: isize) -> Self {
        let index = (0..self.batch as u32).map(|row| (row * 7 + 3) % self.batch as u32).collect();
        Self { index, ahead, ..self }
    }

    fn matrix(&self) -> Matrix<'_> {
        Matrix::new(&self.u, self.units, self.units * self.gates)
    }

    fn h_dropped(&self) -> Vec<f32> {
        let factor = |i: usize| self.dropout.get(i).copied().unwrap_or(1.0);
        self.h_prev.iter().enumerate().map(|(i, h)| h * factor(i)).collect()
    }

    /// `Σ rows[b]·U` of gate `gate` at unit `j`.
    fn product(&self, rows: &[f32], b: usize, gate: usize, j: usize) -> f64 {
        let column = gate * self.units + j;
        let at = |k: usize| f64::from(self.u[k * self.units * self.gates + column]);
        (0..self.units).map(|k| f64::from(rows[b * self.units + k]) * at(k)).sum()
    }

    /// What one instruction set computes: forward h, c, saved, gates; backward δ, δ of the product, dh, carry, dc.
    fn run<S: LaneFunction, G: LaneFunction>(
        &self,
        isa: Isa,
        reset_after: bool,
        f: Functions<S, G>,
    ) -> Vec<Vec<f32>> {
        let (n, g) = (self.units, self.gates);
        let [mut forward, mut backward] = [(); 2].map(|()| <[PackedMatrix; 2]>::default());
        if g == 3 && !reset_after {
            let (zr, candidate) = (self.matrix().columns(0..2 * n), self.matrix().columns(2 * n..3 * n));
            forward[0].pack_for(isa, zr, 2);
            forward[1].pack_for(isa, candidate, 1);
            backward[0].pack_for(isa, zr.t(), 1);
            backward[1].pack_for(isa, candidate.t(), 1);
        } else {
            forward[0].pack_for(isa, self.matrix(), g);
            backward[0].pack_for(isa, self.matrix().t(), 1);
        }
        let h_dropped = self.h_dropped();
        let size = self.batch * n;
        let mut gates = self.projected.clone();
        // As each cell counts them.
        let of_cell = if g == 4 { 5 } else { g };
        let needed = f.state.needs_input() || f.gate.needs_input();
        let mut arguments = vec![9.0; if needed { size * of_cell } else { 0 }];
        let (mut h, mut c, mut saved) = (vec![0.0; size], vec![0.0; size], vec![0.0; size]);
        let mut step = ForwardStep {
            ahead: self.ahead,
            batch: self.batch,
            units: n,
            projected: match self.index[..] {
                [] => Projected::InPlace,
                _ => Projected::Rows { table: &self.projected, index: &self.index, next: &self.index },
            },
            recurrent_bias: if g == 3 && reset_after { &self.bias } else { &[] },
            gates: &mut gates,
            h_prev: &self.h_prev,
            h_dropped: &h_dropped,
            c_prev: &self.c_prev,
            mask: &self.mask,
            h: &mut h,
            c: &mut c,
            saved: &mut saved,
            arguments: &mut arguments,
            products: &[],
        };
        match (g, reset_after) {
            (1, _) => forward_on(isa, &forward[0], &SimpleRnnMath { f: f.state }, step),
            (3, true) => forward_on(isa, &forward[0], &GruMath(f), step),
            (3, false) => {
                forward_on(isa, &forward[0], &GatesMath(f), step.reborrow());
                let ForwardStep { saved, gates, h, c, arguments, .. } = step;
                let saved = saved.to_vec();
                let step = ForwardStep { gates, h, c, arguments, saved: &mut [], h_dropped: &saved, ..step };
                forward_on(isa, &forward[1], &CandidateMath(f), step);
            }
            _ => forward_on(isa, &forward[0], &LstmMath(f), step),
        }
        if g == 1 {
            gates.copy_from_slice(&h);
        }
        let (mut delta, mut recurrent) = (vec![9.0; size * g], vec![9.0; size * g]);
        let (mut dh, mut carry, mut dc) = (vec![9.0; size], self.carry.clone(), self.dc.clone());
        let mut step = BackwardStep {
            ahead: -self.ahead,
            batch: self.batch,
            units: n,
            next_delta: &self.next_delta,
            upstream_grad: &self.upstream_grad,
            gates: &gates,
            h: &h,
            saved: &saved,
            arguments: &arguments,
            h_prev: &self.h_prev,
            h_dropped: &h_dropped,
            dropout: &self.dropout,
            c_prev: &self.c_prev,
            mask: &self.mask,
            delta: &mut delta,
            delta_recurrent: if g == 3 && reset_after { &mut recurrent } else { &mut [] },
            dh: &mut dh,
            carry: &mut carry,
            dc: &mut dc,
        };
        match (g, reset_after) {
            (1, _) => backward_on(isa, &backward[0], &SimpleRnnMath { f: f.state }, step),
            (3, true) => backward_on(isa, &backward[0], &GruMath(f), step),
            (3, false) => {
                backward_on(isa, &backward[0], &CandidateMath(f), step.reborrow());
                let candidates: Vec<f32> =
                    step.delta.chunks_exact(3 * n).flat_map(|row| row[2 * n..].to_vec()).collect();
                backward_on(
                    isa,
                    &backward[1],
                    &GatesMath(f),
                    BackwardStep { next_delta: &candidates, ..step },
                );
            }
            _ => backward_on(isa, &backward[0], &LstmMath(f), step),
        }
        if !(g == 3 && reset_after) {
            recurrent.fill(0.0);
        }
        vec![h, c, saved, gates, delta, recurrent, dh, carry, dc, arguments]
    }

    /// The formulas.
    fn plain(&self, reset_after: bool) -> Vec<Vec<f64>> {
        let (n, g) = (self.units, self.gates);
        let (size, width, h_dropped) = (self.batch * n, n * g, self.h_dropped());
        let mut out: Vec<Vec<f64>> = [size, size, size, size * g, size * g, size * g, size, size, size]
            .map(|len| vec![0.0; len])
            .into();
        let row = |b: usize| self.index.get(b).map_or(b, |row| *row as usize);
        let x = |b: usize, gate: usize, j: usize| f64::from(self.projected[row(b) * width + gate * n + j]);
        let bias = |gate: usize, j: usize| f64::from(self.bias[gate * n + j]);
        for b in 0..self.batch {
            let read = self.mask.get(b).copied().unwrap_or(true);
            let r: Vec<f64> = match (g, reset_after) {
                (3, true) => (0..n)
                    .map(|j| sigmoid(x(b, 1, j) + bias(1, j) + self.product(&h_dropped, b, 1, j)))
                    .collect(),
                (3, false) => {
                    (0..n).map(|j| sigmoid(x(b, 1, j) + self.product(&h_dropped, b, 1, j))).collect()
                }
                _ => Vec::new(),
            };
            let mut reset = h_dropped.clone();
            reset[b * n..(b + 1) * n].iter_mut().zip(&r).for_each(|(m, r)| *m = (f64::from(*m) * r) as f32);
            let mut through = vec![0.0; n];
            for j in 0..n {
                let at = b * n + j;
                let (before, c_prev) = (f64::from(self.h_prev[at]), f64::from(self.c_prev[at]));
                let factor = self.dropout.get(at).map_or(1.0, |f| f64::from(*f));
                // ∂L/∂h: through the products of step t+1, past them, and from the layers above.
                let columns = if g == 3 && !reset_after { 2 * n } else { width };
                let back: f64 = (0..columns)
                    .map(|k| f64::from(self.next_delta[b * width + k]) * f64::from(self.u[j * width + k]))
                    .sum();
                let dh = f64::from(self.carry[at]) + f64::from(self.upstream_grad[at]) + back * factor;
                let gate = |k: usize| b * width + k * n + j;
                out[6][at] = dh;
                let (h, c, saved, values, deltas, carry, dc);
                match g {
                    1 => {
                        h = (x(b, 0, j) + self.product(&h_dropped, b, 0, j)).tanh();
                        (c, saved, values) = (0.0, 0.0, vec![if read { h } else { before }]);
                        deltas = vec![dh * (1.0 - h * h)];
                        (carry, dc) = (0.0, f64::from(self.dc[at]));
                    }
                    3 => {
                        let own = |k: usize| if reset_after { bias(k, j) } else { 0.0 };
                        let z = sigmoid(x(b, 0, j) + own(0) + self.product(&h_dropped, b, 0, j));
                        let product = self.product(&h_dropped, b, 2, j) + own(2);
                        let candidate = match reset_after {
                            true => (x(b, 2, j) + r[j] * product).tanh(),
                            false => (x(b, 2, j) + self.product(&reset, b, 2, j)).tanh(),
                        };
                        h = z * before + (1.0 - z) * candidate;
                        saved = if reset_after { product } else { r[j] * f64::from(h_dropped[at]) };
                        c = 0.0;
                        values = vec![z, r[j], candidate];
                        let d_candidate = dh * (1.0 - z) * (1.0 - candidate * candidate);
                        let d_z = dh * (before - candidate) * z * (1.0 - z);
                        let d_r = d_candidate * product * r[j] * (1.0 - r[j]);
                        deltas = vec![d_z, d_r, d_candidate];
                        (carry, dc) = (dh * z, f64::from(self.dc[at]));
                        if reset_after && read {
                            for (k, d) in [d_z, d_r, d_candidate * r[j]].into_iter().enumerate() {
                                out[5][gate(k)] = d;
                            }
                        }
                        through[j] = if read { d_candidate } else { 0.0 };
                    }
                    _ => {
                        let of = |k: usize| x(b, k, j) + self.product(&h_dropped, b, k, j);
                        let (i, f, o) = (sigmoid(of(0)), sigmoid(of(1)), sigmoid(of(3)));
                        let proposed = of(2).tanh();
                        c = f * c_prev + i * proposed;
                        saved = c.tanh();
                        h = o * saved;
                        values = vec![i, f, proposed, o];
                        let d = f64::from(self.dc[at]) + dh * o * (1.0 - saved * saved);
                        deltas = vec![
                            d * proposed * i * (1.0 - i),
                            d * c_prev * f * (1.0 - f),
                            d * i * (1.0 - proposed * proposed),
                            dh * saved * o * (1.0 - o),
                        ];
                        (carry, dc) = (0.0, d * f);
                    }
                }
                out[0][at] = if read { h } else { before };
                out[1][at] = if read || g != 4 { c } else { c_prev };
                out[2][at] = saved;
                for k in 0..g {
                    out[3][gate(k)] = values[k];
                    out[4][gate(k)] = if read { deltas[k] } else { 0.0 };
                }
                out[7][at] = if read { carry } else { dh };
                out[8][at] = if read { dc } else { f64::from(self.dc[at]) };
            }
            if g == 3 && !reset_after {
                for j in 0..n {
                    let at = b * n + j;
                    let sum: f64 =
                        (0..n).map(|k| through[k] * f64::from(self.u[j * width + 2 * n + k])).sum();
                    let factor = self.dropout.get(at).map_or(1.0, |f| f64::from(*f));
                    out[4][b * width + n + j] = sum * f64::from(h_dropped[at]) * r[j] * (1.0 - r[j]);
                    out[7][at] += sum * r[j] * factor;
                }
            }
        }
        out
    }
}

/// Compares a step forward and backward with its formulas, and the bits of instruction sets.
fn check(case: &Case, reset_after: bool) -> Result<(), TestCaseError> {
    let plain = case.plain(reset_after);
    let mut fused: Option<Vec<Vec<u32>>> = None;
    for isa in Isa::available() {
        let got = case.run(isa, reset_after, F);
        prop_assert!(case.run(isa, reset_after, ANY) == got, "the kernel for any function gives other bits");
        let names = ["h", "c", "saved", "gates", "δ", "δ of the product", "∂h", "carry", "∂c"];
        for ((name, got), want) in names.iter().zip(&got).zip(&plain) {
            for (got, want) in got.iter().zip(want) {
                prop_assert!(
                    (f64::from(*got) - want).abs() <= 2e-5 * want.abs().max(1.0),
                    "{name} {isa:?}: {got} for {want}"
                );
            }
        }
        if isa != Isa::Portable {
            let bits: Vec<Vec<u32>> = got.iter().map(|v| v.iter().map(|x| x.to_bits()).collect()).collect();
            prop_assert!(fused.get_or_insert_with(|| bits.clone()) == &bits, "other bits");
        }
    }
    Ok(())
}

/// Functions that the kernel for any computes, with vector code and without, from their values and from their arguments.
#[test]
fn steps_with_other_functions_have_the_same_bits_on_every_instruction_set() {
    let other = |f: Elementwise| Function::Other(f);
    let fast = |f: FastFunction| Function::Fast(f);
    let functions = [
        Functions { state: fast(FastFunction::Relu), gate: fast(FastFunction::HardSigmoid) },
        Functions { state: fast(FastFunction::Linear), gate: fast(FastFunction::Sigmoid) },
        Functions { state: other(Elementwise::Silu), gate: fast(FastFunction::Sigmoid) },
        Functions { state: other(Elementwise::Gelu { approximate: false }), gate: other(Elementwise::Silu) },
    ];
    for (gates, reset_after) in [(1, true), (3, true), (3, false), (4, true)] {
        for (units, masked) in [(8, false), (16, true), (21, false)] {
            let case = Case::new(if cfg!(miri) { 2 } else { 7 }, units, gates, masked, true, 5);
            for f in functions {
                let all: Vec<_> =
                    Isa::available().into_iter().map(|isa| case.run(isa, reset_after, f)).collect();
                assert!(all.windows(2).skip(1).all(|pair| pair[0] == pair[1]), "{f:?}: other bits");
                for (got, want) in all.iter().flatten().flatten().zip(all[0].iter().flatten().cycle()) {
                    assert!((got - want).abs() <= 2e-5 * want.abs().max(1.0), "{f:?}: {got} for {want}");
                }
                let arguments = &all[0][9];
                assert_eq!(arguments.is_empty(), !f.state.needs_input() && !f.gate.needs_input());
                assert!(!arguments.contains(&9.0), "{f:?}: an argument that was not saved");
            }
        }
    }
}

/// Rows of eight units fill half a vector of sixteen lanes: two at a time pass through the cell's arithmetic, where no row is masked.
#[test]
fn steps_of_eight_units_are_their_formulas_with_any_number_of_sequences() {
    for batch in 1..if cfg!(miri) { 4 } else { 20 } {
        for (masked, dropping) in [(false, false), (false, true), (true, false)] {
            for gates in [1, 4] {
                let case = Case::new(batch, 8, gates, masked, dropping, batch as u64);
                check(&case, true).unwrap();
                check(&case.clone().looked_up(1), true).unwrap();
                check(&case.looked_up(-1), true).unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 150 }, failure_persistence: None, ..ProptestConfig::default()
    })]
    #[test]
    fn steps_are_their_formulas_on_every_instruction_set(
        batch in 0usize..20, units in 1usize..40, kind in 0usize..4, masked: bool, dropping: bool, seed: u64,
    ) {
        let (gates, reset_after) = [(1, true), (3, true), (3, false), (4, true)][kind];
        let case = Case::new(batch, units, gates, masked, dropping, seed);
        check(&case, reset_after)?;
    }
}
