//! Numbers by date and variable.

/// A table of numbers, a row a date.
#[derive(Debug)]
pub struct Table {
    /// `[row, column]`, row-major; NaN where a value is missing.
    pub values: Vec<f64>,
    /// The number of columns.
    pub width: usize,
}

impl Table {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// The number in a row and column.
    pub fn get(&self, row: usize, column: usize) -> f64 {
        self.values.get(row * self.width + column).copied().unwrap_or(f64::NAN)
    }
}
