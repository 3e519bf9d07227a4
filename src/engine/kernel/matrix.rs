use std::ops::Range;

/// A view of a matrix in a slice: row-major, or the transpose of one.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    pub(super) data: &'a [f32],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) row_stride: usize,
    pub(super) col_stride: usize,
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
    pub fn columns(self, range: Range<usize>) -> Self {
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
