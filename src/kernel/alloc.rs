use std::alloc::{GlobalAlloc, Layout, System};
use std::ops::Sub;
use std::sync::atomic::{AtomicU64, Ordering};

static CALLS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, counting what it is asked for: two relaxed additions a call, which training hardly ever makes.
///
/// A program that wants to be counted installs it:
///
/// ```
/// use unrolled::kernel::{CountingAllocator, allocated};
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator = CountingAllocator;
///
/// fn main() {
///     let before = allocated().unwrap();
///     let room = vec![0_u8; 1000];
///     let more = allocated().unwrap() - before;
///     assert!(more.calls >= 1 && more.bytes >= room.len() as u64);
/// }
/// ```
#[derive(Debug)]
pub struct CountingAllocator;

/// What all threads have asked the allocator for since the program began, given back or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocated {
    /// Times that memory was asked for.
    pub calls: u64,
    /// Bytes asked for; a buffer that grows counts with all of its new size.
    pub bytes: u64,
}

impl Sub for Allocated {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { calls: self.calls - earlier.calls, bytes: self.bytes - earlier.bytes }
    }
}

/// The counts so far; `None` in a program without the [`CountingAllocator`].
pub fn allocated() -> Option<Allocated> {
    let allocated = Allocated { calls: CALLS.load(Ordering::Relaxed), bytes: BYTES.load(Ordering::Relaxed) };
    // The run-time system allocates before `main`.
    (allocated.calls > 0).then_some(allocated)
}

fn count(bytes: usize) {
    CALLS.fetch_add(1, Ordering::Relaxed);
    BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
}

// SAFETY: every call goes to `System` as it came, which keeps the contract; counting allocates nothing and does not unwind.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise about `layout` is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise about `layout` is handed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: `ptr` came from `System`, with this `layout`.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size);
        // SAFETY: `ptr` came from `System`, with this `layout`; the promise about `new_size` is handed on.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}
