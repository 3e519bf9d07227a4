//! Copies of A and B in the order in which the micro-kernel reads them.

use super::Strided;
use crate::kernel::Matrix;
use crate::kernel::simd::Simd;

/// Rows packed at a time from a transposed B: one cache line of each of its columns.
const PACK_ROWS: usize = 16;

/// Packs as many micro-panels of `MR` rows and `depth` columns of A as `panels` has place for, one after the other, each column by column.
#[inline(always)]
pub(super) fn pack_a<const MR: usize>(panels: &mut [f32], a: Strided<'_>, depth: usize) {
    if a.row_stride == 1 {
        // Row after row of what A is the transpose of: read as it lies in memory, and written to as many streams as there are panels.
        let rows = panels.len() / depth;
        for k in 0..depth {
            let (parts, _) = a.data[k * a.col_stride..][..rows].as_chunks::<MR>();
            for (part, panel) in parts.iter().zip(panels.chunks_exact_mut(MR * depth)) {
                panel[k * MR..][..MR].copy_from_slice(part);
            }
        }
        return;
    }
    for (i, panel) in panels.chunks_exact_mut(MR * depth).enumerate() {
        let rows = a.from(i * MR).data;
        for r in 0..MR {
            let row = &rows[r * a.row_stride..];
            for (k, to) in panel.as_chunks_mut::<MR>().0.iter_mut().enumerate() {
                to[r] = row[k * a.col_stride];
            }
        }
    }
}

/// Packs a micro-panel of B, as many rows of `width` columns as `panel` has place for, from row `k` and column `col`, padded with zeros.
#[inline(always)]
pub(super) fn pack_b<V: Simd>(panel: &mut [f32], b: Matrix<'_>, k: usize, col: usize, width: usize) {
    let used = width.min(b.cols - col);
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
                for (row, x) in rows.chunks_exact_mut(width).zip(numbers) {
                    row[j] = *x;
                }
            }
        }
    }
}
