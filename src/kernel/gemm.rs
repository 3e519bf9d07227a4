//! `C = A·B` or `C += A·B` for the shapes of recurrent networks: few columns, many rows, or the other way round.
//!
//! B is packed in panels of 8 to 32 columns, zero-padded, `KC` rows of it at a time, so that a panel stays in the first-level
//! cache; a tile of up to 12 rows of C lives in registers while `k` runs. Rows of C go by `MC` at a time, so that the part of A that
//! all panels meet stays in the second-level cache. A is read where it lies, by its strides; only where it is transposed and meets
//! many panels is it packed tile by tile, since a column of it lies on as many cache lines as it has numbers.

use std::cell::RefCell;

use super::count::{count, numbers};
use super::simd::Simd;
use super::{Isa, dispatch};

/// Rows of B that are packed at a time.
const KC: usize = 256;
/// Rows of A that meet all panels before the next rows do: whole tiles, and with `KC` columns a quarter of a usual second-level cache of 1 MiB.
const MC: usize = 264;
/// Rows of the tallest tile.
const TALL: usize = 12;
/// Rows of a panel that are filled column by column at a time, where B is transposed: a cache line of each column.
const ACROSS: usize = 16;
/// Columns of B from which on it pays to pack a transposed A.
const MANY: usize = 64;
/// Rows of A up to which B is read where it lies: so few tiles meet a panel that copying it would take longer than its strides do.
const FEW: usize = 64;

/// A matrix lying in a slice, row-major as stored, perhaps meant transposed.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `rows × cols`, row-major.
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        Self::strided(data, rows, cols, cols)
    }

    /// `rows × cols`, whose rows begin `stride` apart: some columns of a wider matrix.
    pub fn strided(data: &'a [f32], rows: usize, cols: usize, stride: usize) -> Self {
        assert!(
            rows == 0 || cols == 0 || (rows - 1) * stride + cols <= data.len(),
            "{rows}×{cols} by {stride} in {}",
            data.len()
        );
        Self { data, rows, cols, row_stride: stride, col_stride: 1 }
    }

    /// Some of its columns, without moving a number.
    ///
    /// # Panics
    /// When it has fewer.
    #[must_use]
    pub fn columns(self, range: std::ops::Range<usize>) -> Self {
        assert!(range.end <= self.cols, "columns {range:?} of {}", self.cols);
        Self { data: &self.data[range.start * self.col_stride..], cols: range.len(), ..self }
    }

    /// Row `row` of a matrix that is not meant transposed.
    #[inline(always)]
    pub(super) fn row(self, row: usize) -> &'a [f32] {
        assert_eq!(self.col_stride, 1, "a row of a transposed matrix");
        &self.data[row * self.row_stride..][..self.cols]
    }

    /// Rows and columns.
    pub fn dim(self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// Copies `to.len()` numbers of row `row`, from column `col` on.
    pub(super) fn copy_row(self, row: usize, col: usize, to: &mut [f32]) {
        let at = row * self.row_stride + col * self.col_stride;
        if self.col_stride == 1 {
            to.copy_from_slice(&self.data[at..at + to.len()]);
        } else {
            to.iter_mut().zip(self.data[at..].iter().step_by(self.col_stride)).for_each(|(to, x)| *to = *x);
        }
    }

    /// The transpose, without moving a number.
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

/// `c = a·b`, or `c += a·b` with `accumulate`; `c` is `a.rows × b.cols`, row-major and dense.
///
/// # Panics
/// When the inner sizes differ or `c` has another size: a defect in a layer, never a matter of data.
pub fn matmul(c: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, accumulate: bool) {
    matmul_on(Isa::best(), c, a, b, if accumulate { Start::There } else { Start::Zero });
}

/// `c = a·b + bias`, the same `bias` in every row.
///
/// # Panics
/// As [`matmul`].
pub fn matmul_bias(c: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, bias: &[f32]) {
    assert_eq!(bias.len(), b.cols, "size of the bias");
    matmul_on(Isa::best(), c, a, b, Start::Row(bias));
}

/// What a product is added to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Start<'a> {
    Zero,
    /// What C holds.
    There,
    /// In every row.
    Row(&'a [f32]),
}

fn matmul_on(isa: Isa, c: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, start: Start<'_>) {
    assert_eq!(a.cols, b.rows, "inner sizes");
    assert_eq!(c.len(), a.rows * b.cols, "size of the result");
    let bias = if let Start::Row(bias) = start { bias.len() } else { 0 };
    count(a.rows * a.cols * b.cols, numbers(a.rows * a.cols + b.rows * b.cols + c.len() + bias));
    thread_local! {
        static ROOM: RefCell<Room> = const { RefCell::new(Room { panel: Vec::new(), tiles: Vec::new() }) };
    }
    if a.cols == 0 {
        match start {
            Start::Zero => c.fill(0.0),
            Start::There => {}
            Start::Row(bias) => {
                c.chunks_exact_mut(bias.len().max(1)).for_each(|row| row.copy_from_slice(bias))
            }
        }
    }
    ROOM.with_borrow_mut(|room| product(isa, c, a, b, start, room));
}

/// What is packed of B and of A.
struct Room {
    panel: Vec<f32>,
    tiles: Vec<f32>,
}

dispatch!(fn product(c: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, start: Start<'_>, room: &mut Room) = blocked);

#[inline(always)]
fn blocked<V: Simd, N: Simd>(c: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, start: Start<'_>, room: &mut Room) {
    for k in (0..a.cols).step_by(KC) {
        let depth = KC.min(a.cols - k);
        let start = if k == 0 { start } else { Start::There };
        let even = a.rows.div_ceil(a.rows.div_ceil(MC).max(1)).next_multiple_of(TALL).max(1);
        for row in (0..a.rows).step_by(even) {
            let rows = even.min(a.rows - row);
            let c = &mut c[row * b.cols..(row + rows) * b.cols];
            let block = Factor {
                data: &a.data[row * a.row_stride + k * a.col_stride..],
                row_stride: a.row_stride,
                col_stride: a.col_stride,
            };
            panels::<V, N>(c, block, (rows, k, depth), b, start, room);
        }
    }
}

/// `C += block · B[k..k + depth]` for `rows` rows of C, all columns.
#[inline(always)]
fn panels<V: Simd, N: Simd>(
    c: &mut [f32],
    block: Factor<'_>,
    (rows, k, depth): (usize, usize, usize),
    b: Matrix<'_>,
    start: Start<'_>,
    room: &mut Room,
) {
    let Room { panel, tiles } = room;
    let most = if V::LANES == 16 { 12 } else { 6 };
    let packed = block.col_stride != 1 && b.cols >= MANY && rows >= most;
    if packed {
        pack_tiles(tiles, block, rows, depth, most);
    }
    let mut col = 0;
    while col < b.cols {
        let left = b.cols - col;
        // Vectors a panel row: as few as hold what is left.
        let width = if left <= N::LANES { N::LANES } else { V::LANES * if left <= V::LANES { 1 } else { 2 } };
        let panel = if rows <= FEW && b.col_stride == 1 && left >= width {
            Panel { data: &b.data[k * b.row_stride + col..], stride: b.row_stride, depth }
        } else {
            match width == N::LANES {
                true => pack::<N>(panel, b, k, depth, col, width),
                false => pack::<V>(panel, b, k, depth, col, width),
            }
            Panel { data: panel, stride: width, depth }
        };
        let mut place = Place { a: block, rows, tiles, c, cols: b.cols, col, start, panel };
        if width == N::LANES {
            place.rows::<N, 1, 8>();
        } else if width == V::LANES {
            place.rows::<V, 1, 8>();
        } else if packed && V::LANES == 16 {
            place.packed_rows::<V, 2, 12>();
        } else if packed {
            place.packed_rows::<V, 2, 6>();
        } else if V::LANES == 16 {
            place.rows::<V, 2, 12>();
        } else {
            place.rows::<V, 2, 6>();
        }
        col += width;
    }
}

/// Copies whole tiles of `height` rows of A, `depth` columns each, tile after tile: column by column within one.
#[inline(always)]
fn pack_tiles(tiles: &mut Vec<f32>, a: Factor<'_>, rows: usize, depth: usize, height: usize) {
    tiles.resize(rows / height * height * depth, 0.0);
    for (tile, to) in tiles.chunks_exact_mut(height * depth).enumerate() {
        let rows = &a.data[tile * height * a.row_stride..];
        if a.row_stride == 1 {
            for (k, to) in to.chunks_exact_mut(height).enumerate() {
                to.copy_from_slice(&rows[k * a.col_stride..][..height]);
            }
            continue;
        }
        for r in 0..height {
            let row = &rows[r * a.row_stride..];
            for (k, to) in to.chunks_exact_mut(height).enumerate() {
                to[r] = row[k * a.col_stride];
            }
        }
    }
}

/// Copies `depth × width` of B, from row `k` and column `col`, zero beyond its edge.
#[inline(always)]
fn pack<V: Simd>(panel: &mut Vec<f32>, b: Matrix<'_>, k: usize, depth: usize, col: usize, width: usize) {
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
        // A few rows of the panel at a time: all columns are written while these are in the first-level cache.
        for (i, rows) in panel.chunks_mut(ACROSS * width).enumerate() {
            for j in 0..used {
                let column = &b.data[(col + j) * b.col_stride + (k + i * ACROSS) * b.row_stride..];
                let numbers = column.iter().step_by(b.row_stride);
                rows.chunks_exact_mut(width).zip(numbers).for_each(|(row, x)| row[j] = *x);
            }
        }
    }
}

/// Numbers of A by their strides.
#[derive(Debug, Clone, Copy)]
struct Factor<'a> {
    data: &'a [f32],
    row_stride: usize,
    col_stride: usize,
}

/// Some columns of B: `depth` rows, packed or where they lie.
#[derive(Debug, Clone, Copy)]
struct Panel<'a> {
    data: &'a [f32],
    /// How far its rows are apart.
    stride: usize,
    depth: usize,
}

/// One panel of B and where it goes: columns `col…` of C.
struct Place<'a, 'c> {
    a: Factor<'a>,
    rows: usize,
    /// Packed tiles of A.
    tiles: &'a [f32],
    c: &'c mut [f32],
    cols: usize,
    col: usize,
    start: Start<'a>,
    panel: Panel<'a>,
}

impl<'a> Place<'a, '_> {
    /// All rows of C, `R` at a time, then fewer.
    #[inline(always)]
    fn rows<V: Simd, const W: usize, const R: usize>(&mut self) {
        let mut row = 0;
        while row + R <= self.rows {
            self.tile::<V, W, R>(row, self.from(row));
            row += R;
        }
        self.rest::<V, W>(row);
    }

    /// The same with packed tiles of `R` rows.
    #[inline(always)]
    fn packed_rows<V: Simd, const W: usize, const R: usize>(&mut self) {
        let depth = self.panel.depth;
        let mut row = 0;
        while row + R <= self.rows {
            let data = &self.tiles[row * depth..(row + R) * depth];
            self.tile::<V, W, R>(row, Factor { data, row_stride: 1, col_stride: R });
            row += R;
        }
        self.rest::<V, W>(row);
    }

    /// The rows from `row` on: too few for a whole tile.
    #[inline(always)]
    fn rest<V: Simd, const W: usize>(&mut self, mut row: usize) {
        while row + 4 <= self.rows {
            self.tile::<V, W, 4>(row, self.from(row));
            row += 4;
        }
        while row < self.rows {
            self.tile::<V, W, 1>(row, self.from(row));
            row += 1;
        }
    }

    /// A from `row` on.
    #[inline(always)]
    fn from(&self, row: usize) -> Factor<'a> {
        Factor { data: &self.a.data[row * self.a.row_stride..], ..self.a }
    }

    /// `R` rows by `W` vectors of C, from row `row` on, whose factor is `a`; held in registers while `k` runs.
    #[inline(always)]
    fn tile<V: Simd, const W: usize, const R: usize>(&mut self, row: usize, a: Factor<'_>) {
        let width = W * V::LANES;
        let used = width.min(self.cols - self.col);
        let mut sums = [[V::splat(0.0); W]; R];
        // What the sums begin with, and how far its rows are apart.
        let (there, apart) = match self.start {
            Start::Zero => (&[0.0; 32][..], 0),
            Start::There => (&self.c[row * self.cols + self.col..], self.cols),
            Start::Row(bias) => (&bias[self.col..], 0),
        };
        // At the edge C goes through a buffer as wide as the panel.
        let mut edge = [0.0; 32];
        for (r, sum) in sums.iter_mut().enumerate() {
            let there = &there[r * apart..r * apart + used];
            let line = if used == width {
                there
            } else {
                edge[..used].copy_from_slice(there);
                &edge[..]
            };
            for (w, vector) in sum.iter_mut().enumerate() {
                *vector = V::load(&line[w * V::LANES..]);
            }
        }
        let (stride, step) = (a.row_stride, a.col_stride);
        let Panel { data, stride: apart, depth } = self.panel;
        assert!((R - 1) * stride + (depth - 1) * step < a.data.len(), "a tile within A");
        assert!((depth - 1) * apart + width <= data.len(), "a panel within B");
        for i in 0..depth {
            // SAFETY: `i < depth`, so the end is at most the one asserted above.
            let b = unsafe { data.get_unchecked(i * apart..i * apart + width) };
            let mut vectors = [V::splat(0.0); W];
            for (vector, b) in vectors.iter_mut().zip(b.chunks_exact(V::LANES)) {
                *vector = V::load(b);
            }
            for (r, sum) in sums.iter_mut().enumerate() {
                // SAFETY: `i < depth` and `r < R`, so the index is at most the one asserted above.
                let x = V::splat(unsafe { *a.data.get_unchecked(r * stride + i * step) });
                for (sum, b) in sum.iter_mut().zip(vectors) {
                    *sum = x.mul_add(b, *sum);
                }
            }
        }
        for (r, sum) in sums.iter().enumerate() {
            let at = (row + r) * self.cols + self.col;
            for (w, vector) in sum.iter().enumerate() {
                if used == width {
                    vector.store(&mut self.c[at + w * V::LANES..]);
                } else {
                    vector.store(&mut edge[w * V::LANES..]);
                }
            }
            if used != width {
                self.c[at..at + used].copy_from_slice(&edge[..used]);
            }
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
                0usize..if cfg!(miri) { 40 } else { 2 * FEW }, 0usize..if cfg!(miri) { 60 } else { 600 }, 0usize..70,
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
                matmul_on(isa, &mut c[shift..], a, b, if accumulate { Start::There } else { Start::Zero });
                for (got, want) in c[shift..].iter().zip(&expected) {
                    prop_assert!((f64::from(*got) - want).abs() <= 1e-6 * (k as f64 + 1.0) * 3.0, "{isa:?}: {got} for {want}");
                }
                if isa != Isa::Portable {
                    let bits = c.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                    prop_assert!(fused.get_or_insert_with(|| bits.clone()) == &bits, "other bits");
                }
            }
        }
    }

    #[test]
    fn rows_beyond_a_block_are_multiplied_too() {
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
    fn a_bias_stands_in_every_row_also_without_a_product() {
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
    fn some_columns_of_a_wider_matrix_are_a_matrix() {
        let data: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let mut c = [0.0; 2];
        // rows (1, 2) and (5, 6) of a 3×4 matrix, times (1, 10)ᵀ
        matmul(&mut c, Matrix::strided(&data[1..], 2, 2, 4), Matrix::new(&[1.0, 10.0], 2, 1), false);
        assert_eq!(c, [21.0, 65.0]);
    }
}
