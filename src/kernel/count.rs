use std::cell::Cell;
use std::ops::Sub;

/// What the kernels have been asked for on this thread: work, which no clock and no other program changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Products and fused steps.
    pub calls: u64,
    /// Multiplications with an addition that products consist of.
    pub multiply_adds: u64,
}

impl Sub for Counted {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { calls: self.calls - earlier.calls, multiply_adds: self.multiply_adds - earlier.multiply_adds }
    }
}

thread_local! {
    static COUNTED: Cell<Counted> = const { Cell::new(Counted { calls: 0, multiply_adds: 0 }) };
}

/// The counts of this thread so far.
pub fn counted() -> Counted {
    COUNTED.get()
}

/// Counts one call.
pub(super) fn count(multiply_adds: usize) {
    let Counted { calls, multiply_adds: so_far } = COUNTED.get();
    COUNTED.set(Counted { calls: calls + 1, multiply_adds: so_far + multiply_adds as u64 });
}
