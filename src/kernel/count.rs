use std::cell::Cell;
use std::ops::Sub;

/// What the kernels have been asked for on this thread: work, which no clock and no other program changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Products and fused steps.
    pub calls: u64,
    /// Multiplications with an addition that products consist of.
    pub multiply_adds: u64,
    /// Bytes of their operands: what a call at least moves when it finds nothing in a cache. Every operand counts once, whether it is
    /// read, written or both; of a table in which rows are looked up, a row for every lookup, at most all of it.
    ///
    /// ```text
    /// C = A·B, or C += A·B: [m, k]·[k, n]   4·(m·k + k·n + m·n), and 4·n where it begins with a bias
    /// fused step                            U [units, gates·units], what meets it, and the blocks that the cell reads and writes
    /// ```
    pub bytes: u64,
}

impl Sub for Counted {
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
    static COUNTED: Cell<Counted> = const { Cell::new(Counted { calls: 0, multiply_adds: 0, bytes: 0 }) };
}

/// The counts of this thread so far.
pub fn counted() -> Counted {
    COUNTED.get()
}

/// Counts one call.
pub(super) fn count(multiply_adds: usize, bytes: usize) {
    let so_far = COUNTED.get();
    COUNTED.set(Counted {
        calls: so_far.calls + 1,
        multiply_adds: so_far.multiply_adds + multiply_adds as u64,
        bytes: so_far.bytes + bytes as u64,
    });
}

/// Bytes of `n` numbers.
pub(super) fn numbers(n: usize) -> usize {
    n * size_of::<f32>()
}

/// Bytes of `lookups` rows of `width` numbers, each at a place of `table` that may be another's as well.
pub(super) fn looked_up(lookups: usize, width: usize, table: &[f32]) -> usize {
    numbers((lookups * width).min(table.len()))
}
