use std::alloc::{GlobalAlloc, Layout, System};
use std::ops::Sub;
use std::sync::atomic::{AtomicU64, Ordering};

static CALLS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// The system allocator with counters: two relaxed atomic additions per call.
///
/// A program installs it to count its allocations:
///
/// ```
/// use unrolled_engine::kernel::{CountingAllocator, allocation_count};
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator = CountingAllocator;
///
/// fn main() {
///     let before = allocation_count().unwrap();
///     let buffer = vec![0_u8; 1000];
///     let more = allocation_count().unwrap() - before;
///     assert!(more.calls >= 1 && more.bytes >= buffer.len() as u64);
/// }
/// ```
#[derive(Debug)]
pub struct CountingAllocator;

/// Allocations of all threads since the program started, freed or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllocationCount {
    /// Calls of the allocator.
    pub calls: u64,
    /// Bytes requested; a reallocation counts its whole new size.
    pub bytes: u64,
}

impl Sub for AllocationCount {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { calls: self.calls - earlier.calls, bytes: self.bytes - earlier.bytes }
    }
}

/// Returns the counts so far; `None` in a program without the [`CountingAllocator`].
pub fn allocation_count() -> Option<AllocationCount> {
    let count =
        AllocationCount { calls: CALLS.load(Ordering::Relaxed), bytes: BYTES.load(Ordering::Relaxed) };
    // With it installed, the Rust runtime has allocated before `main`.
    (count.calls > 0).then_some(count)
}

fn record(bytes: usize) {
    CALLS.fetch_add(1, Ordering::Relaxed);
    BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
}

// SAFETY: every call is forwarded to `System` unchanged, which upholds the contract; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        record(layout.size());
        // SAFETY: the caller upholds the contract for `layout`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        record(layout.size());
        // SAFETY: the caller upholds the contract for `layout`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: `ptr` came from `System`, with this `layout`.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        record(new_size);
        // SAFETY: `ptr` came from `System`, with this `layout`; the caller upholds the contract for `new_size`.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}
