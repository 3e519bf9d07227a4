use super::gather_scatter::add;
use super::simd::Simd;
use super::work_count::{count, looked_up, numbers};
use super::{Isa, dispatch};

/// The sliding window of a 1-D convolution: output step `t` reads, at kernel position `k`, the input step
/// `t·stride + k·dilation − padding` (zero outside of the sequence), whose row for sequence `b` is `index[step·batch + b]`.
#[derive(Debug, Clone, Copy)]
pub struct ConvWindow<'a> {
    /// Row of each input position, `[time, batch]`; empty: the position itself.
    pub index: &'a [u32],
    /// Input steps.
    pub time: usize,
    /// Number of sequences.
    pub batch: usize,
    /// Steps under the window.
    pub kernel_size: usize,
    /// Input steps between successive windows.
    pub stride: usize,
    /// Input steps between successive kernel positions.
    pub dilation: usize,
    /// Zero steps before the sequence.
    pub padding: usize,
}

impl ConvWindow<'_> {
    /// Returns the row of sequence `b` at kernel position `k` of output step `t`; `None` for padding.
    #[inline(always)]
    fn row(&self, t: usize, k: usize, b: usize) -> Option<usize> {
        let step = (t * self.stride + k * self.dilation).checked_sub(self.padding)?;
        if step >= self.time {
            return None;
        }
        let position = step * self.batch + b;
        Some(if self.index.is_empty() { position } else { self.index[position] as usize })
    }
}

/// `out[t, b] = bias + Σₖ table[k, row at k]`: a convolution from precomputed products `table` `[kernel_size, rows, width]` of every row
/// with every kernel position. `out` is `[steps, batch, width]`; an empty `bias` is 0.
pub fn gather_windows(out: &mut [f32], bias: &[f32], table: &[f32], width: usize, window: ConvWindow<'_>) {
    let lookups = out.len() / width.max(1) * window.kernel_size;
    let moved = looked_up(lookups, width, table) + size_of_val(window.index);
    count(0, moved + numbers(out.len() + bias.len()));
    gather_on(Isa::best(), out, bias, table, width, window);
}

/// One non-zero element of a sparse gradient `[steps, batch, filters]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NonzeroEntry {
    /// Output step.
    pub step: u32,
    /// Sequence of the batch.
    pub sequence: u32,
    /// Filter.
    pub column: u32,
    /// ∂L/∂z.
    pub value: f32,
}

/// Collects the non-zero elements of `d` `[steps, batch, width]` in `entries`. Returns false if there are more than `limit`.
pub fn collect_nonzeros(
    entries: &mut Vec<NonzeroEntry>,
    d: &[f32],
    batch: usize,
    width: usize,
    limit: usize,
) -> bool {
    entries.clear();
    for (row, values) in d.chunks_exact(width).enumerate() {
        for (first, part) in values.chunks(64).enumerate() {
            // Most chunks are all zero.
            if part.iter().fold(0, |bits, x| bits | x.to_bits()) << 1 == 0 {
                continue;
            }
            for (i, value) in part.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                if entries.len() == limit {
                    return false;
                }
                let (step, sequence) = ((row / batch) as u32, (row % batch) as u32);
                entries.push(NonzeroEntry { step, sequence, column: (first * 64 + i) as u32, value: *value });
            }
        }
    }
    true
}

/// The gradients of a convolution from a sparse δ = ∂L/∂z: `d_w[column, k] += δ·x[row]` and `d_x[row] += δ·w[column, k]` at every kernel
/// position `k`. `w` and `d_w` are `[filters, kernel_size, features]`, `x` and `d_x` `[rows, features]`; an empty `d_x` is not computed.
pub fn scatter_windows(
    entries: &[NonzeroEntry],
    (x, d_x): (&[f32], &mut [f32]),
    (w, d_w): (&[f32], &mut [f32]),
    features: usize,
    window: ConvWindow<'_>,
) {
    let products = if d_x.is_empty() { 1 } else { 2 };
    let lookups = entries.len() * window.kernel_size;
    // The weights are read for ∂L/∂x only.
    let tables = [x, &*d_x, if d_x.is_empty() { &[] } else { w }, &*d_w];
    let moved = tables.map(|table| looked_up(lookups, features, table)).iter().sum::<usize>();
    let moved = moved + size_of_val(entries) + size_of_val(window.index);
    count(products * lookups * features, moved);
    scatter_on(Isa::best(), entries, (x, d_x), (w, d_w), features, window);
}

dispatch!(fn gather_on(out: &mut [f32], bias: &[f32], table: &[f32], width: usize, window: ConvWindow<'_>) = gather_of);
dispatch!(
    fn scatter_on(
        entries: &[NonzeroEntry],
        x: (&[f32], &mut [f32]),
        w: (&[f32], &mut [f32]),
        features: usize,
        window: ConvWindow<'_>,
    ) = scatter_of
);

/// Vectors of sums that stay in registers.
const SUMS: usize = 4;

#[inline(always)]
fn gather_of<V: Simd, N: Simd>(
    out: &mut [f32],
    bias: &[f32],
    table: &[f32],
    width: usize,
    window: ConvWindow<'_>,
) {
    let rows = table.len() / (window.kernel_size * width).max(1);
    for (i, out) in out.chunks_exact_mut(width).enumerate() {
        let (t, b) = (i / window.batch, i % window.batch);
        let products = (0..window.kernel_size)
            .filter_map(|k| Some(&table[(k * rows + window.row(t, k, b)?) * width..][..width]));
        let mut col = 0;
        // Sums stay in registers over the window.
        while col + SUMS * V::LANES <= width {
            let mut sums = [V::splat(0.0); SUMS];
            if !bias.is_empty() {
                for (j, sum) in sums.iter_mut().enumerate() {
                    *sum = V::load(&bias[col + j * V::LANES..]);
                }
            }
            for product in products.clone() {
                for (j, sum) in sums.iter_mut().enumerate() {
                    *sum = sum.add(V::load(&product[col + j * V::LANES..]));
                }
            }
            for (j, sum) in sums.iter().enumerate() {
                sum.store(&mut out[col + j * V::LANES..]);
            }
            col += SUMS * V::LANES;
        }
        let out = &mut out[col..];
        match bias {
            [] => out.fill(0.0),
            _ => out.copy_from_slice(&bias[col..]),
        }
        for product in products {
            add::<V, N>(out, &product[col..]);
        }
    }
}

#[inline(always)]
fn scatter_of<V: Simd, N: Simd>(
    entries: &[NonzeroEntry],
    (x, d_x): (&[f32], &mut [f32]),
    (w, d_w): (&[f32], &mut [f32]),
    features: usize,
    window: ConvWindow<'_>,
) {
    for NonzeroEntry { step, sequence, column, value } in entries {
        for k in 0..window.kernel_size {
            let Some(row) = window.row(*step as usize, k, *sequence as usize) else { continue };
            let (x_at, w_at) = (row * features, (*column as usize * window.kernel_size + k) * features);
            add_scaled::<V>(&mut d_w[w_at..w_at + features], &x[x_at..x_at + features], *value);
            if !d_x.is_empty() {
                add_scaled::<V>(&mut d_x[x_at..x_at + features], &w[w_at..w_at + features], *value);
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
    fn gather_and_scatter_equal_their_definition() {
        for (width, features) in [(1, 3), (7, 8), (19, 50), (64, 17)] {
            for (kernel_size, stride, dilation, padding) in
                [(1, 1, 1, 0), (3, 2, 1, 1), (2, 1, 3, 4), (5, 1, 1, 2)]
            {
                let (time, batch, rows, steps) = (9, 3, 4, 5);
                let index: Vec<u32> = (0..time * batch).map(|i| (i * 7 % rows) as u32).collect();
                let window =
                    ConvWindow { index: &index, time, batch, kernel_size, stride, dilation, padding };
                let table = numbers(window.kernel_size * rows * width, 1);
                let bias = numbers(width, 2);
                let (x, w) = (numbers(rows * features, 3), numbers(width * window.kernel_size * features, 4));
                let mut d = vec![0.0; steps * batch * width];
                for i in (0..d.len()).step_by(11) {
                    d[i] = i as f32 + 0.5;
                }
                let mut entries = Vec::new();
                assert!(!collect_nonzeros(&mut entries, &d, batch, width, 1));
                assert!(collect_nonzeros(&mut entries, &d, batch, width, d.len()));
                let input_step = |t: usize, k: usize| {
                    (t * stride + k * dilation).checked_sub(padding).filter(|step| *step < time)
                };
                let (mut d_x, mut d_w) = (vec![0.0f64; x.len()], vec![0.0f64; w.len()]);
                let mut out = vec![0.0f64; steps * batch * width];
                for (i, out) in out.iter_mut().enumerate() {
                    let (t, b, j) = (i / width / batch, i / width % batch, i % width);
                    *out = f64::from(bias[j]);
                    for k in 0..window.kernel_size {
                        let Some(step) = input_step(t, k) else { continue };
                        let row = index[step * batch + b] as usize;
                        *out += f64::from(table[(k * rows + row) * width + j]);
                        for f in 0..features {
                            let (x_at, w_at) =
                                (row * features + f, (j * window.kernel_size + k) * features + f);
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
                    gather_on(isa, &mut got, &bias, &table, width, window);
                    assert!(close(&got, &out), "{isa:?}");
                    let (mut got_x, mut got_w) = (vec![0.0; x.len()], vec![0.0; w.len()]);
                    scatter_on(isa, &entries, (&x, &mut got_x), (&w, &mut got_w), features, window);
                    assert!(close(&got_x, &d_x) && close(&got_w, &d_w), "{isa:?}");
                }
            }
        }
    }

    /// A large table counts the rows that are looked up, a small one its whole size, an absent output nothing.
    #[test]
    fn bytes_count_the_rows_that_are_looked_up() {
        let (time, batch, steps, width, features) = (6, 2, 5, 8, 3);
        for rows in [4, 100] {
            let index = vec![1; time * batch];
            let window =
                ConvWindow { index: &index, time, batch, kernel_size: 2, stride: 1, dilation: 1, padding: 0 };
            let (mut out, table) = (vec![0.0; steps * batch * width], vec![1.0; 2 * rows * width]);
            let bytes = |work: &mut dyn FnMut()| {
                let before = crate::kernel::work_count();
                work();
                (crate::kernel::work_count() - before).bytes as usize
            };
            let gathered = bytes(&mut || gather_windows(&mut out, &[], &table, width, window));
            // Two kernel positions of 10 outputs; a table of 8 rows is read once.
            let looked_up = if rows == 4 { 8 } else { 20 };
            assert_eq!(gathered, 4 * (index.len() + looked_up * width + out.len()));
            let entries = [NonzeroEntry { step: 1, sequence: 0, column: 3, value: 1.0 }; 3];
            let (x, w) = (vec![1.0; rows * features], vec![1.0; width * 2 * features]);
            let (mut d_x, mut d_w) = (x.clone(), w.clone());
            // Two kernel positions of 3 entries: for each a row of x and one of ∂L/∂W, which has 16 rows.
            let weights_only = size_of_val(&entries) + 4 * (index.len() + (rows.min(6) + 6) * features);
            let inputs_too = 4 * (rows.min(6) + 6) * features;
            assert_eq!(
                bytes(&mut || scatter_windows(&entries, (&x, &mut []), (&w, &mut d_w), features, window)),
                weights_only
            );
            assert_eq!(
                bytes(&mut || scatter_windows(&entries, (&x, &mut d_x), (&w, &mut d_w), features, window)),
                weights_only + inputs_too
            );
        }
    }
}
