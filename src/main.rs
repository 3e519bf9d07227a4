//! Parse, run, exit code.

use unrolled::kernel::CountingAllocator;

/// So that `unrolled bench` can tell what a step allocates.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> std::process::ExitCode {
    unrolled::cli::main()
}
