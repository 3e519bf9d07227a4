//! `C = A·B` or `C += A·B` for the shapes of recurrent networks: few columns, many rows, or the other way round.
//!
//! The blocking is that of BLIS (Van Zee & van de Geijn 2015). B is packed in micro-panels of NR = 8 to 32 columns, zero-padded, `KC`
//! rows of it at a time, so that a micro-panel stays in the L1 cache while it passes through the rows of A; where C is wide and A packed, a
//! micro-panel of A stays there while it passes through the columns. Some shapes are computed as `Cᵀ = Bᵀ·Aᵀ`. The micro-kernel keeps a tile
//! of MR ≤ 12 rows of C in registers while `k` runs. C is computed in blocks of about `MC` rows, so that a block of A stays in the L2 cache
//! for all micro-panels.
//! A is read in place by its strides; it is packed, in micro-panels of MR rows, only if it is transposed and there are many columns of
//! B, since one of its columns then spans as many cache lines as it has elements.

mod packing;
mod tiles;

use std::cell::RefCell;
use std::ops::Range;

use packing::{pack_a, pack_b};
use tiles::Tiles;

use super::simd::{Simd, prefetch};
use super::work_count::{count, numbers};
use super::{AlignedVec, Isa, Matrix, dispatch};

/// Depth of a block: columns of A and rows of B.
const KC: usize = 256;
/// Rows of a block of A: a multiple of MR; with `KC` columns a quarter of an L2 cache of 1 MiB.
const MC: usize = 264;
/// Rows of the tallest micro-tile.
const MAX_MR: usize = 12;
/// Columns of C from which a product with a packed A passes through C row by row: the cache lines of a column are so far apart then that
/// they share few sets of the L1 cache, and each is on a page of its own.
const MIN_COLS_FOR_ROWS_FIRST: usize = 512;
/// Numbers of packed B in such a product: a quarter of an L2 cache of 1 MiB.
const NUMBERS_OF_B: usize = 1 << 16;
/// Columns of A from which a product may be computed as `Cᵀ = Bᵀ·Aᵀ`: below, to transpose C would take longer than that gains.
const MIN_DEPTH_TO_TRANSPOSE_C: usize = 64;
/// Columns of B from which packing a transposed A pays off.
const MIN_COLS_TO_PACK_A: usize = 64;
/// Rows of A up to which a row-major B is read in place: a micro-panel is used by too few tiles for packing to pay off.
const MAX_ROWS_FOR_UNPACKED_B: usize = 64;

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
        static BUFFERS: RefCell<PackingBuffers> = const { RefCell::new(PackingBuffers::EMPTY) };
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
    BUFFERS.with_borrow_mut(|buffers| match isa.lanes() > 8 && is_faster_transposed(a, b) {
        true => transposed_product(isa, c, a, b, initial, buffers),
        false => product(isa, c, a, b, initial, buffers),
    });
}

/// Whether [`transposed_product`] is faster, with vectors of sixteen lanes: where C has at most half a vector of columns, and A is the
/// transpose of a row-major matrix, it computes whole vectors; where B is a transpose and much larger than A, it packs the smaller of both.
fn is_faster_transposed(a: Matrix<'_>, b: Matrix<'_>) -> bool {
    let few_columns = (1..=8).contains(&b.cols) && a.rows > 8 && a.row_stride == 1;
    let large_transpose = b.row_stride == 1 && b.col_stride > 1 && b.cols >= 2 * a.rows;
    let few_rows = (16..=64).contains(&a.rows) && large_transpose;
    a.cols >= MIN_DEPTH_TO_TRANSPOSE_C && (few_columns || few_rows)
}

/// The product as `Cᵀ = Bᵀ·Aᵀ`. The sums are the same, in the same order.
fn transposed_product(
    isa: Isa,
    c: &mut [f32],
    a: Matrix<'_>,
    b: Matrix<'_>,
    initial: Initial<'_>,
    buffers: &mut PackingBuffers,
) {
    let (rows, cols) = (a.rows, b.cols);
    let mut transpose = std::mem::take(&mut buffers.transpose);
    grow(&mut transpose, rows * cols);
    let c_transposed = &mut transpose[..rows * cols];
    let first = match initial {
        Initial::Zero => Initial::Zero,
        Initial::Accumulate => {
            for (j, column) in c_transposed.chunks_exact_mut(rows).enumerate() {
                column.iter_mut().zip(c[j..].iter().step_by(cols)).for_each(|(to, from)| *to = *from);
            }
            Initial::Accumulate
        }
        Initial::Bias(bias) => {
            c_transposed.chunks_exact_mut(rows).zip(bias).for_each(|(column, bias)| column.fill(*bias));
            Initial::Accumulate
        }
    };
    product(isa, c_transposed, b.t(), a.t(), first, buffers);
    for (j, column) in c_transposed.chunks_exact(rows).enumerate() {
        c[j..].iter_mut().step_by(cols).zip(column).for_each(|(to, from)| *to = *from);
    }
    buffers.transpose = transpose;
}

/// Buffers, reused between products.
struct PackingBuffers {
    /// Micro-panels of B: one, or all of some columns.
    b_panels: AlignedVec,
    /// Micro-panels of a block of A.
    a_panels: AlignedVec,
    /// Cᵀ.
    transpose: AlignedVec,
}

impl PackingBuffers {
    const EMPTY: Self =
        Self { b_panels: AlignedVec::new(), a_panels: AlignedVec::new(), transpose: AlignedVec::new() };
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

/// The macro-kernel: `C += block · B[k..k + depth]` for `rows` rows and all columns of C. One micro-panel of B after the other passes
/// through all rows, and so stays in the L1 cache; or, where C is wide, one micro-panel of A through as many columns as fit the L2 cache.
#[inline(always)]
fn macro_kernel<V: Simd, N: Simd>(
    c: &mut [f32],
    block: Strided<'_>,
    (rows, k, depth): (usize, usize, usize),
    b: Matrix<'_>,
    initial: Initial<'_>,
    buffers: &mut PackingBuffers,
) {
    let PackingBuffers { b_panels, a_panels, .. } = buffers;
    let mr = if V::LANES == 16 { 12 } else { 6 };
    let packed = V::SPECIALIZES && block.col_stride != 1 && b.cols >= MIN_COLS_TO_PACK_A && rows >= mr;
    let tiles = Tiles::of(rows, mr);
    if packed {
        grow(a_panels, tiles.ends[0] * depth);
        let a_panels = &mut a_panels[..tiles.ends[0] * depth];
        if V::LANES == 16 {
            pack_a::<12>(a_panels, block, depth);
        } else {
            pack_a::<6>(a_panels, block, depth);
        }
    }
    let rows_first = packed && b.cols >= MIN_COLS_FOR_ROWS_FIRST;
    let widest = if V::SPECIALIZES { 2 * V::LANES } else { V::LANES };
    let columns = if rows_first { (NUMBERS_OF_B / depth).max(1).next_multiple_of(widest) } else { widest };
    // NR: one or two vectors, the fewest that cover the columns left.
    let width = |left: usize| match left {
        left if left <= N::LANES => N::LANES,
        left if left <= V::LANES => V::LANES,
        _ => widest,
    };
    // Of a few rows, eight vectors of columns at a time: enough sums for the multipliers, and rows of B are read in long pieces.
    let wide = if V::SPECIALIZES && rows < 4 && b.col_stride == 1 {
        b.cols / (8 * V::LANES) * 8 * V::LANES
    } else {
        0
    };
    for col in (0..wide).step_by(8 * V::LANES) {
        let panel = Panel { data: &b.data[k * b.row_stride + col..], stride: b.row_stride, depth };
        let mut product = PanelProduct { a: block, a_panels, c, cols: b.cols, col, initial, panel };
        for row in 0..rows {
            product.tile::<V, 8, 1, false>(row);
        }
    }
    for first_col in (wide..b.cols).step_by(columns) {
        let end_col = b.cols.min(first_col + columns);
        let is_whole = end_col - first_col >= width(end_col - first_col);
        let in_place = !rows_first && rows <= MAX_ROWS_FOR_UNPACKED_B && b.col_stride == 1 && is_whole;
        // The first tile reads a whole micro-panel in place, and packs it for the other tiles.
        let packs =
            |col: usize| V::SPECIALIZES && b.col_stride == 1 && tiles.ends[0] > 0 && end_col - col >= widest;
        if !in_place {
            grow(b_panels, depth * (end_col - first_col).next_multiple_of(widest));
            for col in (first_col..end_col).step_by(widest).filter(|col| !packs(*col)) {
                let width = width(end_col - col);
                let to = &mut b_panels[(col - first_col) * depth..][..depth * width];
                match width == N::LANES {
                    true => pack_b::<N>(to, b, k, col, width),
                    false => pack_b::<V>(to, b, k, col, width),
                }
            }
        }
        let mut row = 0;
        while row < rows {
            let end = if rows_first { row + tiles.height(row) } else { rows };
            for col in (first_col..end_col).step_by(widest) {
                let width = width(end_col - col);
                let packs = !in_place && row == 0 && packs(col);
                let data = if in_place || packs { &b.data[k * b.row_stride + col..] } else { &[][..] };
                let mut panel = Panel { data, stride: b.row_stride, depth };
                let mut row = row;
                if !in_place {
                    let packed_panel = &mut b_panels[(col - first_col) * depth..][..depth * width];
                    if packs {
                        let mut product =
                            PanelProduct { a: block, a_panels, c, cols: b.cols, col, initial, panel };
                        match (packed, V::LANES == 16) {
                            (true, true) => product.packing_tile::<V, 2, 12, true>(packed_panel),
                            (true, false) => product.packing_tile::<V, 2, 6, true>(packed_panel),
                            (false, true) => product.packing_tile::<V, 2, 12, false>(packed_panel),
                            (false, false) => product.packing_tile::<V, 2, 6, false>(packed_panel),
                        }
                        row = mr;
                    }
                    panel = Panel { data: packed_panel, stride: width, depth };
                }
                let mut product = PanelProduct { a: block, a_panels, c, cols: b.cols, col, initial, panel };
                if width == N::LANES {
                    product.rows::<N, 1, 8, false>(row..end);
                } else if width == V::LANES {
                    product.rows::<V, 1, 8, false>(row..end);
                } else if packed && V::LANES == 16 {
                    product.rows::<V, 2, 12, true>(row..end);
                } else if packed {
                    product.rows::<V, 2, 6, true>(row..end);
                } else if V::LANES == 16 {
                    product.rows::<V, 2, 12, false>(row..end);
                } else {
                    product.rows::<V, 2, 6, false>(row..end);
                }
            }
            row = end;
        }
    }
}

/// Lets `buffer` have at least `len` numbers: it never shrinks, so that products of different sizes do not fill it with zeros in turns.
fn grow(buffer: &mut AlignedVec, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
}

/// Elements of A, addressed by strides.
#[derive(Debug, Clone, Copy)]
struct Strided<'a> {
    data: &'a [f32],
    row_stride: usize,
    col_stride: usize,
}

impl<'a> Strided<'a> {
    /// What begins at `row`.
    #[inline(always)]
    fn from(self, row: usize) -> Self {
        Self { data: &self.data[(row * self.row_stride).min(self.data.len())..], ..self }
    }
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
    /// Packed micro-panels of A.
    a_panels: &'a [f32],
    c: &'c mut [f32],
    cols: usize,
    col: usize,
    initial: Initial<'a>,
    panel: Panel<'a>,
}

impl<'a> PanelProduct<'a, '_> {
    /// Computes `rows` of C in micro-tiles of `TALL` rows, then fewer; `PACKED`: the tall ones by packed micro-panels of A.
    #[inline(always)]
    fn rows<V: Simd, const W: usize, const TALL: usize, const PACKED: bool>(&mut self, rows: Range<usize>) {
        let (tiles, first) = (Tiles::of(rows.len(), TALL), rows.start);
        let mut done = 0;
        while done < rows.len() {
            let (row, height) = (first + done, tiles.height(done));
            match height {
                12 if TALL == 12 => self.tile::<V, W, 12, PACKED>(row),
                8 if TALL == 8 => self.tile::<V, W, 8, PACKED>(row),
                8 if TALL == 12 => self.tile::<V, W, 8, false>(row),
                6 if TALL == 6 => self.tile::<V, W, 6, PACKED>(row),
                4 => self.tile::<V, W, 4, false>(row),
                _ => self.tile::<V, W, 1, false>(row),
            }
            done += height;
        }
    }

    /// Computes a micro-tile from `row` on.
    #[inline(always)]
    fn tile<V: Simd, const W: usize, const MR: usize, const PACKED: bool>(&mut self, row: usize) {
        self.micro_kernel::<V, W, MR, false>(row, self.factor::<MR, PACKED>(row), &mut []);
    }

    /// Computes the micro-tile of the first rows, and packs the micro-panel of B, which is in place, to `packed`.
    #[inline(always)]
    fn packing_tile<V: Simd, const W: usize, const MR: usize, const PACKED: bool>(
        &mut self,
        packed: &mut [f32],
    ) {
        self.micro_kernel::<V, W, MR, true>(0, self.factor::<MR, PACKED>(0), packed);
    }

    /// The left factor of a micro-tile.
    #[inline(always)]
    fn factor<const MR: usize, const PACKED: bool>(&self, row: usize) -> Strided<'a> {
        let depth = self.panel.depth;
        match PACKED {
            true => {
                Strided { data: &self.a_panels[row * depth..][..MR * depth], row_stride: 1, col_stride: MR }
            }
            false => self.a.from(row),
        }
    }

    /// The micro-kernel: `MR` rows by `W` vectors of C (NR = `W`·lanes), from row `row` on, in registers while `k` runs. `a` is the left
    /// factor. `PACKS`: also copies the micro-panel of B to `packed`.
    #[inline(always)]
    fn micro_kernel<V: Simd, const W: usize, const MR: usize, const PACKS: bool>(
        &mut self,
        row: usize,
        a: Strided<'_>,
        packed: &mut [f32],
    ) {
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
            for row in row + MR..(row + 2 * MR).min(self.c.len() / self.cols) {
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
        let mut packed = packed.chunks_exact_mut(width);
        for i in 0..depth {
            // SAFETY: `i < depth`, so the end is at most the asserted one.
            let b = unsafe { data.get_unchecked(i * panel_stride..i * panel_stride + width) };
            let mut vectors = [V::splat(0.0); W];
            for (vector, b) in vectors.iter_mut().zip(b.chunks_exact(V::LANES)) {
                *vector = V::load(b);
            }
            if PACKS && let Some(packed) = packed.next() {
                for (vector, to) in vectors.iter().zip(packed.chunks_exact_mut(V::LANES)) {
                    vector.store(to);
                }
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
            for (sum, part) in sums.iter_mut().zip(line.chunks(V::LANES)) {
                *sum = V::load_part(part);
            }
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
            for (sum, part) in sums.iter().zip(line.chunks_mut(V::LANES)) {
                sum.store_part(part);
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
    fn few_rows_equal_their_definition_on_every_instruction_set() {
        let depths = if cfg!(miri) { vec![2] } else { vec![1, KC + 3] };
        for (m, n) in [1, 2, 3, 4].into_iter().flat_map(|m| [63, 64, 128, 200, 1029].map(|n| (m, n))) {
            for k in &depths {
                let (da, db, bias) = (numbers(m * k, 1), numbers(k * n, 2), numbers(n, 3));
                check_all(Matrix::new(&da, m, *k), Matrix::new(&db, *k, n), &bias);
                check_all(Matrix::new(&da, m, *k), Matrix::new(&db, n, *k).t(), &bias);
            }
        }
    }

    /// A transposed, so that its rows are packed, and C so wide that it is passed through row by row, in several blocks of columns.
    #[test]
    fn wide_results_equal_their_definition_on_every_instruction_set() {
        let (rows, depths, columns) = match cfg!(miri) {
            true => (vec![13], vec![3], vec![513]),
            false => (vec![11, 12, 13, 16, 28, MC + 1, MC + 13], vec![3, KC, KC + 3], vec![512, 543, 1029]),
        };
        for (m, k, n) in rows.iter().flat_map(|m| {
            depths.iter().flat_map(|k| columns.iter().map(|n| (*m, *k, *n))).collect::<Vec<_>>()
        }) {
            let (da, db, bias) = (numbers(m * k, 1), numbers(k * n, 2), numbers(n, 3));
            let (a, b) = (Matrix::new(&da, k, m).t(), Matrix::new(&db, k, n));
            check_all(a, b, &bias);
        }
    }

    #[test]
    fn transposed_products_equal_their_definition_on_every_instruction_set() {
        for (m, k, n) in [(9, 64, 1), (50, 300, 8), (17, 65, 5), (16, 3200, 8)] {
            let (da, db, bias) = (numbers(m * k, 1), numbers(k * n, 2), numbers(n, 3));
            let (a, b) = (Matrix::new(&da, k, m).t(), Matrix::new(&db, k, n));
            assert!(is_faster_transposed(a, b), "few columns");
            check_all(a, b, &bias);
        }
        for (m, k, n) in [(16, 64, 32), (64, 300, 130), (33, 257, 70)] {
            let (da, db, bias) = (numbers(m * k, 1), numbers(k * n, 2), numbers(n, 3));
            let (a, b) = (Matrix::new(&da, m, k), Matrix::new(&db, n, k).t());
            assert!(is_faster_transposed(a, b), "few rows");
            check_all(a, b, &bias);
        }
    }

    /// With so many rows that B is packed, by the first tile where a micro-panel is whole; A in place and packed.
    #[test]
    fn products_whose_first_tile_packs_equal_their_definition_on_every_instruction_set() {
        let cases =
            if cfg!(miri) { vec![(67, 3, 33)] } else { vec![(66, KC + 3, 40), (70, 300, 97), (88, 5, 64)] };
        for (m, k, n) in cases {
            let (da, db, bias) = (numbers(m * k, 1), numbers(k * n, 2), numbers(n, 3));
            for a in [Matrix::new(&da, m, k), Matrix::new(&da, k, m).t()] {
                check_all(a, Matrix::new(&db, k, n), &bias);
            }
        }
    }

    /// With every initial value; the bits are those of all instruction sets with FMA.
    fn check_all(a: Matrix<'_>, b: Matrix<'_>, bias: &[f32]) {
        let before = numbers(a.rows * b.cols, 4);
        for initial in [Initial::Zero, Initial::Accumulate, Initial::Bias(bias)] {
            let mut expected = plain(&before, a, b, initial == Initial::Accumulate);
            if let Initial::Bias(bias) = initial {
                let rows = expected.chunks_exact_mut(b.cols);
                rows.for_each(|row| row.iter_mut().zip(bias).for_each(|(x, bias)| *x += f64::from(*bias)));
            }
            let mut fused: Option<Vec<f32>> = None;
            for isa in Isa::available() {
                let mut c = before.clone();
                matmul_on(isa, &mut c, a, b, initial);
                let limit = 3e-6 * (a.cols as f64 + 1.0);
                let near = |(got, want): (&f32, &f64)| (f64::from(*got) - want).abs() <= limit;
                assert!(c.iter().zip(&expected).all(near), "{isa:?} {:?}×{} {initial:?}", a.dim(), b.cols);
                if isa != Isa::Portable {
                    assert!(fused.get_or_insert_with(|| c.clone()) == &c, "{isa:?} {:?}×{}", a.dim(), b.cols);
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
