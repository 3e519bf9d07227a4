//! `C = A·B` or `C += A·B` for the shapes of recurrent networks: few columns, many rows, or the other way round.
//!
//! The blocking is that of BLIS (Van Zee & van de Geijn 2015). B is packed in micro-panels of NR = 8 to 32 columns, zero-padded, `KC`
//! rows of it at a time, so that a micro-panel stays in the L1 cache; the micro-kernel keeps a tile of MR ≤ 12 rows of C in registers
//! while `k` runs. C is computed in blocks of about `MC` rows, so that a block of A stays in the L2 cache for all micro-panels.
//! A is read in place by its strides; it is packed, in micro-panels of MR rows, only if it is transposed and there are many columns of
//! B, since one of its columns then spans as many cache lines as it has elements.

use std::cell::RefCell;

use super::simd::{Simd, prefetch};
use super::work_count::{count, numbers};
use super::{Isa, dispatch};

/// Depth of a block: columns of A and rows of B.
const KC: usize = 256;
/// Rows of a block of A: a multiple of MR; with `KC` columns a quarter of an L2 cache of 1 MiB.
const MC: usize = 264;
/// Rows of the tallest micro-tile.
const MAX_MR: usize = 12;
/// Rows packed at a time from a transposed B: one cache line of each of its columns.
const PACK_ROWS: usize = 16;
/// Columns of B from which packing a transposed A pays off.
const MIN_COLS_TO_PACK_A: usize = 64;
/// Rows of A up to which a row-major B is read in place: a micro-panel is used by too few tiles for packing to pay off.
const MAX_ROWS_FOR_UNPACKED_B: usize = 64;

/// A view of a matrix in a slice: row-major, or the transpose of one.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Returns a row-major `rows × cols` view.
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        Self::strided(data, rows, cols, cols)
    }

    /// Returns a `rows × cols` view whose rows begin `stride` apart: some columns of a wider matrix.
    pub fn strided(data: &'a [f32], rows: usize, cols: usize, stride: usize) -> Self {
        assert!(
            rows == 0 || cols == 0 || (rows - 1) * stride + cols <= data.len(),
            "{rows}×{cols} by {stride} in {}",
            data.len()
        );
        Self { data, rows, cols, row_stride: stride, col_stride: 1 }
    }

    /// Returns a view of some of its columns.
    ///
    /// # Panics
    /// If the range exceeds its columns.
    #[must_use]
    pub fn columns(self, range: std::ops::Range<usize>) -> Self {
        assert!(range.end <= self.cols, "columns {range:?} of {}", self.cols);
        Self { data: &self.data[range.start * self.col_stride..], cols: range.len(), ..self }
    }

    /// Returns row `row` of a matrix that is not transposed.
    #[inline(always)]
    pub(super) fn row(self, row: usize) -> &'a [f32] {
        assert_eq!(self.col_stride, 1, "a row of a transposed matrix");
        &self.data[row * self.row_stride..][..self.cols]
    }

    /// Returns the number of rows and of columns.
    pub fn dim(self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// Copies `to.len()` elements of row `row`, from column `col` on.
    pub(super) fn copy_row(self, row: usize, col: usize, to: &mut [f32]) {
        let at = row * self.row_stride + col * self.col_stride;
        if self.col_stride == 1 {
            to.copy_from_slice(&self.data[at..at + to.len()]);
        } else {
            to.iter_mut().zip(self.data[at..].iter().step_by(self.col_stride)).for_each(|(to, x)| *to = *x);
        }
    }

    /// Returns a view of the transpose.
    #[must_use]
    pub fn t(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }
}

/// Computes `c = a·b`, or `c += a·b` with `accumulate`; `c` is `a.rows × b.cols`, row-major and contiguous.
///
/// # Panics
/// If the sizes differ: a defect of the caller, independent of data.
pub fn matmul(c: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, accumulate: bool) {
    matmul_on(Isa::best(), c, a, b, if accumulate { Initial::Accumulate } else { Initial::Zero });
}

/// Computes `c = a·b + bias`, the same `bias` in every row.
///
/// # Panics
/// As [`matmul`].
pub fn matmul_bias(c: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, bias: &[f32]) {
    assert_eq!(bias.len(), b.cols, "size of the bias");
    matmul_on(Isa::best(), c, a, b, Initial::Bias(bias));
}

/// The initial value of C, to which the product is added.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Initial<'a> {
    Zero,
    /// The present value of C.
    Accumulate,
    /// The same in every row.
    Bias(&'a [f32]),
}

fn matmul_on(isa: Isa, c: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, initial: Initial<'_>) {
    assert_eq!(a.cols, b.rows, "inner sizes");
    assert_eq!(c.len(), a.rows * b.cols, "size of the result");
    let bias = if let Initial::Bias(bias) = initial { bias.len() } else { 0 };
    count(a.rows * a.cols * b.cols, numbers(a.rows * a.cols + b.rows * b.cols + c.len() + bias));
    thread_local! {
        static BUFFERS: RefCell<PackingBuffers> = const { RefCell::new(PackingBuffers { b_panel: Vec::new(), a_panels: Vec::new() }) };
    }
    if a.cols == 0 {
        match initial {
            Initial::Zero => c.fill(0.0),
            Initial::Accumulate => {}
            Initial::Bias(bias) => {
                c.chunks_exact_mut(bias.len().max(1)).for_each(|row| row.copy_from_slice(bias))
            }
        }
    }
    BUFFERS.with_borrow_mut(|buffers| product(isa, c, a, b, initial, buffers));
}

/// Packing buffers, reused between products.
struct PackingBuffers {
    /// One micro-panel of B.
    b_panel: Vec<f32>,
    /// Micro-panels of a block of A.
    a_panels: Vec<f32>,
}

dispatch!(fn product(c: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, initial: Initial<'_>, buffers: &mut PackingBuffers) = blocks);

/// The loops over blocks of depth `KC` and of `MC` rows of A.
#[inline(always)]
fn blocks<V: Simd, N: Simd>(
    c: &mut [f32],
    a: Matrix<'_>,
    b: Matrix<'_>,
    initial: Initial<'_>,
    buffers: &mut PackingBuffers,
) {
    for k in (0..a.cols).step_by(KC) {
        let depth = KC.min(a.cols - k);
        let initial = if k == 0 { initial } else { Initial::Accumulate };
        let mc = a.rows.div_ceil(a.rows.div_ceil(MC).max(1)).next_multiple_of(MAX_MR).max(1);
        for row in (0..a.rows).step_by(mc) {
            let rows = mc.min(a.rows - row);
            let c = &mut c[row * b.cols..(row + rows) * b.cols];
            let block = Strided {
                data: &a.data[row * a.row_stride + k * a.col_stride..],
                row_stride: a.row_stride,
                col_stride: a.col_stride,
            };
            macro_kernel::<V, N>(c, block, (rows, k, depth), b, initial, buffers);
        }
    }
}

/// The macro-kernel: `C += block · B[k..k + depth]` for `rows` rows and all columns of C, by micro-panels of B.
#[inline(always)]
fn macro_kernel<V: Simd, N: Simd>(
    c: &mut [f32],
    block: Strided<'_>,
    (rows, k, depth): (usize, usize, usize),
    b: Matrix<'_>,
    initial: Initial<'_>,
    buffers: &mut PackingBuffers,
) {
    let PackingBuffers { b_panel, a_panels } = buffers;
    let mr = if V::LANES == 16 { 12 } else { 6 };
    let packed = block.col_stride != 1 && b.cols >= MIN_COLS_TO_PACK_A && rows >= mr;
    if packed {
        if V::LANES == 16 {
            pack_a::<12>(a_panels, block, rows, depth);
        } else {
            pack_a::<6>(a_panels, block, rows, depth);
        }
    }
    let mut col = 0;
    while col < b.cols {
        let left = b.cols - col;
        // NR: one or two vectors, the fewest that cover the columns left.
        let width = if left <= N::LANES { N::LANES } else { V::LANES * if left <= V::LANES { 1 } else { 2 } };
        let panel = if rows <= MAX_ROWS_FOR_UNPACKED_B && b.col_stride == 1 && left >= width {
            Panel { data: &b.data[k * b.row_stride + col..], stride: b.row_stride, depth }
        } else {
            match width == N::LANES {
                true => pack_b::<N>(b_panel, b, k, depth, col, width),
                false => pack_b::<V>(b_panel, b, k, depth, col, width),
            }
            Panel { data: b_panel, stride: width, depth }
        };
        let mut product = PanelProduct { a: block, rows, a_panels, c, cols: b.cols, col, initial, panel };
        if width == N::LANES {
            product.unpacked_rows::<N, 1, 8>();
        } else if width == V::LANES {
            product.unpacked_rows::<V, 1, 8>();
        } else if packed && V::LANES == 16 {
            product.packed_rows::<V, 2, 12>();
        } else if packed {
            product.packed_rows::<V, 2, 6>();
        } else if V::LANES == 16 {
            product.unpacked_rows::<V, 2, 12>();
        } else {
            product.unpacked_rows::<V, 2, 6>();
        }
        col += width;
    }
}

/// Packs whole micro-panels of `MR` rows and `depth` columns of A, one after the other, each column by column.
#[inline(always)]
fn pack_a<const MR: usize>(a_panels: &mut Vec<f32>, a: Strided<'_>, rows: usize, depth: usize) {
    a_panels.resize(rows / MR * MR * depth, 0.0);
    if a.row_stride == 1 {
        // Row after row of what A is the transpose of: read as it lies in memory, and written to as many streams as there are panels.
        for k in 0..depth {
            let (parts, _) = a.data[k * a.col_stride..][..rows].as_chunks::<MR>();
            for (part, panel) in parts.iter().zip(a_panels.chunks_exact_mut(MR * depth)) {
                panel[k * MR..][..MR].copy_from_slice(part);
            }
        }
        return;
    }
    for (i, panel) in a_panels.chunks_exact_mut(MR * depth).enumerate() {
        let rows = &a.data[i * MR * a.row_stride..];
        for r in 0..MR {
            let row = &rows[r * a.row_stride..];
            for (k, to) in panel.as_chunks_mut::<MR>().0.iter_mut().enumerate() {
                to[r] = row[k * a.col_stride];
            }
        }
    }
}

/// Packs a micro-panel of `depth × width` of B, from row `k` and column `col`, padded with zeros.
#[inline(always)]
fn pack_b<V: Simd>(panel: &mut Vec<f32>, b: Matrix<'_>, k: usize, depth: usize, col: usize, width: usize) {
    let used = width.min(b.cols - col);
    panel.resize(depth * width, 0.0);
    if b.col_stride == 1 {
        for (i, row) in panel.chunks_exact_mut(width).enumerate() {
            let from = &b.data[(k + i) * b.row_stride + col..][..used];
            for (w, to) in row.chunks_exact_mut(V::LANES).enumerate() {
                let from = &from[(w * V::LANES).min(used)..((w + 1) * V::LANES).min(used)];
                let vector = if from.len() == V::LANES { V::load(from) } else { V::load_part(from) };
                vector.store(to);
            }
        }
    } else {
        if used < width {
            panel.fill(0.0);
        }
        // A few rows at a time: they stay in the L1 cache while all columns are written.
        for (i, rows) in panel.chunks_mut(PACK_ROWS * width).enumerate() {
            let column = |j: usize| &b.data[(col + j) * b.col_stride + (k + i * PACK_ROWS) * b.row_stride..];
            let mut done = 0;
            while V::TRANSPOSES && b.row_stride == 1 && rows.len() == 16 * width && done + 16 <= used {
                let mut square = [V::splat(0.0); 16];
                for (j, vector) in square.iter_mut().enumerate() {
                    *vector = V::load(column(done + j));
                }
                V::transpose(&mut square);
                for (row, vector) in rows.chunks_exact_mut(width).zip(square) {
                    vector.store(&mut row[done..]);
                }
                done += 16;
            }
            for j in done..used {
                let numbers = column(j).iter().step_by(b.row_stride);
                rows.chunks_exact_mut(width).zip(numbers).for_each(|(row, x)| row[j] = *x);
            }
        }
    }
}

/// Elements of A, addressed by strides.
#[derive(Debug, Clone, Copy)]
struct Strided<'a> {
    data: &'a [f32],
    row_stride: usize,
    col_stride: usize,
}

/// A micro-panel of B: `depth` rows, packed or in place.
#[derive(Debug, Clone, Copy)]
struct Panel<'a> {
    data: &'a [f32],
    /// Distance of its rows.
    stride: usize,
    depth: usize,
}

/// The product of a block of A and a micro-panel of B: columns `col…` of C.
struct PanelProduct<'a, 'c> {
    a: Strided<'a>,
    rows: usize,
    /// Packed micro-panels of A.
    a_panels: &'a [f32],
    c: &'c mut [f32],
    cols: usize,
    col: usize,
    initial: Initial<'a>,
    panel: Panel<'a>,
}

impl<'a> PanelProduct<'a, '_> {
    /// Computes all rows of C with A read in place, `MR` at a time, then fewer.
    #[inline(always)]
    fn unpacked_rows<V: Simd, const W: usize, const MR: usize>(&mut self) {
        let mut row = 0;
        while row + MR <= self.rows {
            self.micro_kernel::<V, W, MR>(row, self.from(row));
            row += MR;
        }
        self.remaining_rows::<V, W>(row);
    }

    /// Computes all rows of C with packed micro-panels of `MR` rows of A, then the rest in place.
    #[inline(always)]
    fn packed_rows<V: Simd, const W: usize, const MR: usize>(&mut self) {
        let depth = self.panel.depth;
        let mut row = 0;
        while row + MR <= self.rows {
            let data = &self.a_panels[row * depth..(row + MR) * depth];
            self.micro_kernel::<V, W, MR>(row, Strided { data, row_stride: 1, col_stride: MR });
            row += MR;
        }
        self.remaining_rows::<V, W>(row);
    }

    /// Computes the rows from `row` on, too few for a whole micro-tile.
    #[inline(always)]
    fn remaining_rows<V: Simd, const W: usize>(&mut self, mut row: usize) {
        while V::LANES == 16 && row + 8 <= self.rows {
            self.micro_kernel::<V, W, 8>(row, self.from(row));
            row += 8;
        }
        while row + 4 <= self.rows {
            self.micro_kernel::<V, W, 4>(row, self.from(row));
            row += 4;
        }
        while row < self.rows {
            self.micro_kernel::<V, W, 1>(row, self.from(row));
            row += 1;
        }
    }

    /// Returns A from `row` on.
    #[inline(always)]
    fn from(&self, row: usize) -> Strided<'a> {
        Strided { data: &self.a.data[row * self.a.row_stride..], ..self.a }
    }

    /// The micro-kernel: `MR` rows by `W` vectors of C (NR = `W`·lanes), from row `row` on, in registers while `k` runs. `a` is the left
    /// factor.
    #[inline(always)]
    fn micro_kernel<V: Simd, const W: usize, const MR: usize>(&mut self, row: usize, a: Strided<'_>) {
        let width = W * V::LANES;
        let used = width.min(self.cols - self.col);
        let mut sums = [[V::splat(0.0); W]; MR];
        // The values that the sums begin with, and the distance of their rows.
        let first = match self.initial {
            Initial::Zero => None,
            Initial::Accumulate => Some((&self.c[row * self.cols + self.col..], self.cols)),
            Initial::Bias(bias) => Some((&bias[self.col..], 0)),
        };
        if let Some((first, stride)) = first.filter(|_| used == width) {
            for (r, sums) in sums.iter_mut().enumerate() {
                let line = &first[r * stride..][..width];
                for (w, sum) in sums.iter_mut().enumerate() {
                    *sum = V::load(&line[w * V::LANES..]);
                }
            }
        } else if let Some((first, stride)) = first {
            sums = Self::load_edge::<V, W, MR>(first, stride, used);
        }
        if self.initial == Initial::Accumulate {
            // The rows of C that come next may be in no near cache yet.
            for row in row + MR..(row + 2 * MR).min(self.rows) {
                for w in 0..W {
                    let at = row * self.cols + self.col + (w * V::LANES).min(used - 1);
                    prefetch(&raw const self.c[at]);
                }
            }
        }
        let (stride, step) = (a.row_stride, a.col_stride);
        let Panel { data, stride: panel_stride, depth } = self.panel;
        assert!((MR - 1) * stride + (depth - 1) * step < a.data.len(), "micro-panel of A in bounds");
        assert!((depth - 1) * panel_stride + width <= data.len(), "micro-panel of B in bounds");
        for i in 0..depth {
            // SAFETY: `i < depth`, so the end is at most the asserted one.
            let b = unsafe { data.get_unchecked(i * panel_stride..i * panel_stride + width) };
            let mut vectors = [V::splat(0.0); W];
            for (vector, b) in vectors.iter_mut().zip(b.chunks_exact(V::LANES)) {
                *vector = V::load(b);
            }
            for (r, sum) in sums.iter_mut().enumerate() {
                // SAFETY: `i < depth` and `r < MR`, so the index is at most the asserted one.
                let x = V::splat(unsafe { *a.data.get_unchecked(r * stride + i * step) });
                for (sum, b) in sum.iter_mut().zip(vectors) {
                    *sum = x.mul_add(b, *sum);
                }
            }
        }
        if used < width {
            return self.store_edge(row, used, sums);
        }
        for (r, sums) in sums.iter().enumerate() {
            let line = &mut self.c[(row + r) * self.cols + self.col..][..width];
            for (w, sum) in sums.iter().enumerate() {
                sum.store(&mut line[w * V::LANES..]);
            }
        }
    }

    /// The first values of a tile of which the columns `used` are in C.
    #[inline(always)]
    fn load_edge<V: Simd, const W: usize, const MR: usize>(
        first: &[f32],
        stride: usize,
        used: usize,
    ) -> [[V; W]; MR] {
        let mut sums = [[V::splat(0.0); W]; MR];
        for (r, sums) in sums.iter_mut().enumerate() {
            let line = &first[r * stride..][..used];
            sums.iter_mut().zip(line.chunks(V::LANES)).for_each(|(sum, part)| *sum = V::load_part(part));
        }
        sums
    }

    /// Stores a tile of which the columns `used` are in C.
    #[inline(always)]
    fn store_edge<V: Simd, const W: usize, const MR: usize>(
        &mut self,
        row: usize,
        used: usize,
        sums: [[V; W]; MR],
    ) {
        for (r, sums) in sums.iter().enumerate() {
            let line = &mut self.c[(row + r) * self.cols + self.col..][..used];
            sums.iter().zip(line.chunks_mut(V::LANES)).for_each(|(sum, part)| sum.store_part(part));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(n: usize, seed: u64) -> Vec<f32> {
        let mut rng = crate::rng::Rng::new(seed, "gemm", n as u64);
        (0..n).map(|_| rng.normal() as f32).collect()
    }

    /// The definition, in f64.
    fn plain(c: &[f32], a: Matrix<'_>, b: Matrix<'_>, accumulate: bool) -> Vec<f64> {
        let at = |m: Matrix<'_>, i: usize, j: usize| f64::from(m.data[i * m.row_stride + j * m.col_stride]);
        (0..a.rows * b.cols)
            .map(|i| {
                let (row, col) = (i / b.cols, i % b.cols);
                let sum: f64 = (0..a.cols).map(|k| at(a, row, k) * at(b, k, col)).sum();
                sum + if accumulate { f64::from(c[i]) } else { 0.0 }
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 4 } else { 200 }, failure_persistence: None, ..ProptestConfig::default()
        })]
        #[test]
        fn products_equal_their_definition_on_every_instruction_set(
            (m, k, n) in (
                0usize..if cfg!(miri) { 40 } else { 2 * MAX_ROWS_FOR_UNPACKED_B }, 0usize..if cfg!(miri) { 60 } else { 600 }, 0usize..70,
            ),
            transpose in any::<(bool, bool)>(), accumulate: bool, shift in 0usize..3, seed: u64,
        ) {
            let (da, db) = (numbers(m * k + shift, seed), numbers(k * n + shift, seed ^ 1));
            let a = if transpose.0 { Matrix::new(&da[shift..], k, m).t() } else { Matrix::new(&da[shift..], m, k) };
            let b = if transpose.1 { Matrix::new(&db[shift..], n, k).t() } else { Matrix::new(&db[shift..], k, n) };
            let before = numbers(m * n + shift, seed ^ 2);
            let expected = plain(&before[shift..], a, b, accumulate);
            let mut fused: Option<Vec<u32>> = None;
            for isa in Isa::available() {
                let mut c = before.clone();
                matmul_on(isa, &mut c[shift..], a, b, if accumulate { Initial::Accumulate } else { Initial::Zero });
                for (got, want) in c[shift..].iter().zip(&expected) {
                    prop_assert!((f64::from(*got) - want).abs() <= 1e-6 * (k as f64 + 1.0) * 3.0, "{isa:?}: {got} for {want}");
                }
                if isa != Isa::Portable {
                    let bits = c.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                    prop_assert!(fused.get_or_insert_with(|| bits.clone()) == &bits, "bits differ");
                }
            }
        }
    }

    #[test]
    fn more_rows_than_a_block() {
        let (k, n) = (if cfg!(miri) { 3 } else { KC + 3 }, 33);
        for m in [MC, MC + 1, 2 * MC + 1] {
            let (da, db) = (numbers(m * k, 1), numbers(k * n, 2));
            for a in [Matrix::new(&da, m, k), Matrix::new(&da, k, m).t()] {
                let b = Matrix::new(&db, k, n);
                let (mut c, expected) = (vec![0.0; m * n], plain(&[], a, b, false));
                matmul(&mut c, a, b, false);
                let near = |(got, want): (&f32, &f64)| (f64::from(*got) - want).abs() <= 1e-3;
                assert!(c.iter().zip(&expected).all(near), "{m} rows");
            }
        }
    }

    #[test]
    fn bias_is_added_to_every_row_even_with_inner_size_zero() {
        let (a, b, bias) = (numbers(5 * 300, 1), numbers(300 * 19, 2), numbers(19, 3));
        let (a, b) = (Matrix::new(&a, 5, 300), Matrix::new(&b, 300, 19));
        let mut expected: Vec<f32> = (0..5).flat_map(|_| bias.clone()).collect();
        let mut c = vec![7.0; 5 * 19];
        matmul_bias(&mut c, a, b, &bias);
        matmul(&mut expected, a, b, true);
        assert_eq!(c, expected);
        matmul_bias(&mut c, Matrix::new(&[], 5, 0), Matrix::new(&[], 0, 19), &bias);
        assert!(c.chunks(19).all(|row| row == bias));
    }

    #[test]
    fn strided_view_of_a_wider_matrix() {
        let data: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let mut c = [0.0; 2];
        // rows (1, 2) and (5, 6) of a 3×4 matrix, times (1, 10)ᵀ
        matmul(&mut c, Matrix::strided(&data[1..], 2, 2, 4), Matrix::new(&[1.0, 10.0], 2, 1), false);
        assert_eq!(c, [21.0, 65.0]);
    }
}
