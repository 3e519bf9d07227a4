use super::count::{count, looked_up, numbers};
use super::rows::add;
use super::simd::Simd;
use super::{Isa, dispatch};

/// A window that moves over time: output step `t` reads, at tap `k`, the input step `t·stride + k·dilation − before`, where there is
/// one; there it finds row `index[step·batch + b]` for sequence `b`.
#[derive(Debug, Clone, Copy)]
pub struct Taps<'a> {
    /// Which row each input position holds, `[time, batch]`; empty: every position its own.
    pub index: &'a [u32],
    /// Input steps.
    pub time: usize,
    /// Sequences.
    pub batch: usize,
    /// Steps that the window reads.
    pub taps: usize,
    /// Input steps between two outputs.
    pub stride: usize,
    /// Input steps between two taps.
    pub dilation: usize,
    /// Input steps before the sequence that the first window covers.
    pub before: usize,
}

impl Taps<'_> {
    /// The row that sequence `b` finds at tap `k` of output step `t`.
    #[inline(always)]
    fn row(&self, t: usize, k: usize, b: usize) -> Option<usize> {
        let step = (t * self.stride + k * self.dilation).checked_sub(self.before)?;
        if step >= self.time {
            return None;
        }
        let position = step * self.batch + b;
        Some(if self.index.is_empty() { position } else { self.index[position] as usize })
    }
}

/// `out[t, b] = bias + Σₖ table[k, row at tap k]`: a convolution whose products are known for every row. `out` is
/// `[steps, batch, width]`, `table` `[taps, rows, width]`; an empty `bias` is 0.
pub fn gather_taps(out: &mut [f32], bias: &[f32], table: &[f32], width: usize, taps: Taps<'_>) {
    let lookups = out.len() / width.max(1) * taps.taps;
    let moved = looked_up(lookups, width, table) + size_of_val(taps.index);
    count(0, moved + numbers(out.len() + bias.len()));
    gather_on(Isa::best(), out, bias, table, width, taps);
}

/// One number of a sparse gradient: `value` at column `column` of output step `step` of sequence `sequence`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// Output step.
    pub step: u32,
    /// Row of the step.
    pub sequence: u32,
    /// Filter.
    pub column: u32,
    /// ∂L/∂z there.
    pub value: f32,
}

/// Notes the entries of `d` `[steps, batch, width]` that are not 0, until there are more than `most`; whether it noted all.
pub fn note_entries(entries: &mut Vec<Entry>, d: &[f32], batch: usize, width: usize, most: usize) -> bool {
    entries.clear();
    for (row, values) in d.chunks_exact(width).enumerate() {
        for (first, part) in values.chunks(64).enumerate() {
            // Most parts are zero altogether.
            if part.iter().fold(0, |bits, x| bits | x.to_bits()) << 1 == 0 {
                continue;
            }
            for (i, value) in part.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                if entries.len() == most {
                    return false;
                }
                let (step, sequence) = ((row / batch) as u32, (row % batch) as u32);
                entries.push(Entry { step, sequence, column: (first * 64 + i) as u32, value: *value });
            }
        }
    }
    true
}

/// The gradients of a convolution from a sparse ∂L/∂z: `d_w[column, k] += z·x[row]` and `d_x[row] += z·w[column, k]` at every tap `k`.
/// `w` and `d_w` are `[filters, taps, features]`, `x` and `d_x` `[rows, features]`; an empty `d_x` is not wanted.
pub fn scatter_taps(
    entries: &[Entry],
    (x, d_x): (&[f32], &mut [f32]),
    (w, d_w): (&[f32], &mut [f32]),
    features: usize,
    taps: Taps<'_>,
) {
    let products = if d_x.is_empty() { 1 } else { 2 };
    let lookups = entries.len() * taps.taps;
    // Without ∂L/∂x nobody asks for the weights.
    let tables = [x, &*d_x, if d_x.is_empty() { &[] } else { w }, &*d_w];
    let moved = tables.map(|table| looked_up(lookups, features, table)).iter().sum::<usize>();
    let moved = moved + size_of_val(entries) + size_of_val(taps.index);
    count(products * lookups * features, moved);
    scatter_on(Isa::best(), entries, (x, d_x), (w, d_w), features, taps);
}

dispatch!(fn gather_on(out: &mut [f32], bias: &[f32], table: &[f32], width: usize, taps: Taps<'_>) = gather_of);
dispatch!(
    fn scatter_on(
        entries: &[Entry],
        x: (&[f32], &mut [f32]),
        w: (&[f32], &mut [f32]),
        features: usize,
        taps: Taps<'_>,
    ) = scatter_of
);

#[inline(always)]
fn gather_of<V: Simd, N: Simd>(out: &mut [f32], bias: &[f32], table: &[f32], width: usize, taps: Taps<'_>) {
    let rows = table.len() / (taps.taps * width).max(1);
    for (i, out) in out.chunks_exact_mut(width).enumerate() {
        let (t, b) = (i / taps.batch, i % taps.batch);
        if bias.is_empty() {
            out.fill(0.0)
        } else {
            out.copy_from_slice(bias)
        }
        for k in 0..taps.taps {
            if let Some(row) = taps.row(t, k, b) {
                let at = (k * rows + row) * width;
                add::<V, N>(out, &table[at..at + width]);
            }
        }
    }
}

#[inline(always)]
fn scatter_of<V: Simd, N: Simd>(
    entries: &[Entry],
    (x, d_x): (&[f32], &mut [f32]),
    (w, d_w): (&[f32], &mut [f32]),
    features: usize,
    taps: Taps<'_>,
) {
    for Entry { step, sequence, column, value } in entries {
        for k in 0..taps.taps {
            let Some(row) = taps.row(*step as usize, k, *sequence as usize) else { continue };
            let (x_at, w_at) = (row * features, (*column as usize * taps.taps + k) * features);
            add_scaled::<N>(&mut d_w[w_at..w_at + features], &x[x_at..x_at + features], *value);
            if !d_x.is_empty() {
                add_scaled::<N>(&mut d_x[x_at..x_at + features], &w[w_at..w_at + features], *value);
            }
        }
    }
}

/// `to += scale·from`, of one length.
#[inline(always)]
fn add_scaled<V: Simd>(to: &mut [f32], from: &[f32], scale: f32) {
    let scale = V::splat(scale);
    let mut chunks = to.chunks_exact_mut(V::LANES);
    let mut others = from.chunks_exact(V::LANES);
    for (to, from) in (&mut chunks).zip(&mut others) {
        scale.mul_add(V::load(from), V::load(to)).store(to);
    }
    let (to, from) = (chunks.into_remainder(), others.remainder());
    if !to.is_empty() {
        scale.mul_add(V::load_part(from), V::load_part(to)).store_part(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(n: usize, seed: u64) -> Vec<f32> {
        let mut rng = crate::rng::Rng::new(seed, "taps", n as u64);
        (0..n).map(|_| rng.normal() as f32).collect()
    }

    /// The definitions, position by position, for padding, strides, dilation and odd widths.
    #[test]
    fn gathered_and_scattered_are_the_sums_of_their_definition() {
        for (width, features) in [(1, 3), (7, 8), (19, 50), (64, 17)] {
            for (taps, stride, dilation, before) in [(1, 1, 1, 0), (3, 2, 1, 1), (2, 1, 3, 4), (5, 1, 1, 2)] {
                let (time, batch, rows, steps) = (9, 3, 4, 5);
                let index: Vec<u32> = (0..time * batch).map(|i| (i * 7 % rows) as u32).collect();
                let taps = Taps { index: &index, time, batch, taps, stride, dilation, before };
                let table = numbers(taps.taps * rows * width, 1);
                let bias = numbers(width, 2);
                let (x, w) = (numbers(rows * features, 3), numbers(width * taps.taps * features, 4));
                let mut d = vec![0.0; steps * batch * width];
                for i in (0..d.len()).step_by(11) {
                    d[i] = i as f32 + 0.5;
                }
                let mut entries = Vec::new();
                assert!(!note_entries(&mut entries, &d, batch, width, 1));
                assert!(note_entries(&mut entries, &d, batch, width, d.len()));
                let place = |t: usize, k: usize| {
                    (t * stride + k * dilation).checked_sub(before).filter(|step| *step < time)
                };
                let (mut d_x, mut d_w) = (vec![0.0f64; x.len()], vec![0.0f64; w.len()]);
                let mut out = vec![0.0f64; steps * batch * width];
                for (i, out) in out.iter_mut().enumerate() {
                    let (t, b, j) = (i / width / batch, i / width % batch, i % width);
                    *out = f64::from(bias[j]);
                    for k in 0..taps.taps {
                        let Some(step) = place(t, k) else { continue };
                        let row = index[step * batch + b] as usize;
                        *out += f64::from(table[(k * rows + row) * width + j]);
                        for f in 0..features {
                            let (x_at, w_at) = (row * features + f, (j * taps.taps + k) * features + f);
                            d_w[w_at] += f64::from(d[i] * x[x_at]);
                            d_x[x_at] += f64::from(d[i] * w[w_at]);
                        }
                    }
                }
                let close = |a: &[f32], b: &[f64]| {
                    a.iter().zip(b).all(|(a, b)| (f64::from(*a) - b).abs() <= 1e-5 * b.abs().max(100.0))
                };
                for isa in Isa::available() {
                    let mut got = vec![7.0; out.len()];
                    gather_on(isa, &mut got, &bias, &table, width, taps);
                    assert!(close(&got, &out), "{isa:?}");
                    let (mut got_x, mut got_w) = (vec![0.0; x.len()], vec![0.0; w.len()]);
                    scatter_on(isa, &entries, (&x, &mut got_x), (&w, &mut got_w), features, taps);
                    assert!(close(&got_x, &d_x) && close(&got_w, &d_w), "{isa:?}");
                }
            }
        }
    }

    /// Of a large table only what is looked up is moved, of a small one all of it, and of what is not wanted nothing.
    #[test]
    fn bytes_are_those_of_the_rows_that_are_looked_up() {
        let (time, batch, steps, width, features) = (6, 2, 5, 8, 3);
        for rows in [4, 100] {
            let index = vec![1; time * batch];
            let taps = Taps { index: &index, time, batch, taps: 2, stride: 1, dilation: 1, before: 0 };
            let (mut out, table) = (vec![0.0; steps * batch * width], vec![1.0; 2 * rows * width]);
            let bytes = |work: &mut dyn FnMut()| {
                let before = crate::kernel::counted();
                work();
                (crate::kernel::counted() - before).bytes as usize
            };
            let gathered = bytes(&mut || gather_taps(&mut out, &[], &table, width, taps));
            // Two taps of 10 outputs; a table of 8 rows is read once.
            let looked_up = if rows == 4 { 8 } else { 20 };
            assert_eq!(gathered, 4 * (index.len() + looked_up * width + out.len()));
            let entries = [Entry { step: 1, sequence: 0, column: 3, value: 1.0 }; 3];
            let (x, w) = (vec![1.0; rows * features], vec![1.0; width * 2 * features]);
            let (mut d_x, mut d_w) = (x.clone(), w.clone());
            // Two taps of 3 entries: for each a row of x, and one of ∂L/∂W, which has 16.
            let one_way = size_of_val(&entries) + 4 * (index.len() + (rows.min(6) + 6) * features);
            let other_way = 4 * (rows.min(6) + 6) * features;
            assert_eq!(
                bytes(&mut || scatter_taps(&entries, (&x, &mut []), (&w, &mut d_w), features, taps)),
                one_way
            );
            assert_eq!(
                bytes(&mut || scatter_taps(&entries, (&x, &mut d_x), (&w, &mut d_w), features, taps)),
                one_way + other_way
            );
        }
    }
}
