use std::cell::Cell;
use std::ops::Sub;

/// Work requested from the kernels on this thread. Unlike time it is deterministic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkCount {
    /// Matrix products and fused recurrent steps.
    pub calls: u64,
    /// Multiply-adds of the products.
    pub multiply_adds: u64,
    /// Bytes of their operands: the least that a call moves with cold caches. Every operand counts once, whether it is read,
    /// written or both; a table counts one row per lookup, at most its whole size.
    ///
    /// ```text
    /// C = A·B, or C += A·B: [m, k]·[k, n]   4·(m·k + k·n + m·n), and 4·n with a bias
    /// fused step                            U [units, gates·units], its left factor, and the blocks that the cell reads and writes
    /// ```
    pub bytes: u64,
}

impl Sub for WorkCount {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            calls: self.calls - earlier.calls,
            multiply_adds: self.multiply_adds - earlier.multiply_adds,
            bytes: self.bytes - earlier.bytes,
        }
    }
}

thread_local! {
    static COUNT: Cell<WorkCount> = const { Cell::new(WorkCount { calls: 0, multiply_adds: 0, bytes: 0 }) };
}

/// Returns the counts of this thread so far.
pub fn work_count() -> WorkCount {
    COUNT.get()
}

/// Records one call.
pub(super) fn count(multiply_adds: usize, bytes: usize) {
    super::profile::count(multiply_adds as u64, bytes as u64);
    add(multiply_adds, bytes);
}

/// Records one call whose parts a profile counts apart.
pub(super) fn add(multiply_adds: usize, bytes: usize) {
    let so_far = COUNT.get();
    COUNT.set(WorkCount {
        calls: so_far.calls + 1,
        multiply_adds: so_far.multiply_adds + multiply_adds as u64,
        bytes: so_far.bytes + bytes as u64,
    });
}

/// Returns the size of `n` `f32` in bytes.
pub(super) fn numbers(n: usize) -> usize {
    n * size_of::<f32>()
}

/// Returns the bytes read by `lookups` rows of `width` numbers of `table`: at most its whole size.
pub(super) fn looked_up(lookups: usize, width: usize, table: &[f32]) -> usize {
    numbers((lookups * width).min(table.len()))
}
