//! Parse, run, exit code.

use unrolled::kernel::CountingAllocator;

/// Counts allocations for `unrolled bench`.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> std::process::ExitCode {
    unrolled::cli::main()
}
