//! Parse, run, exit code.

fn main() -> std::process::ExitCode {
    unrolled::cli::main()
}
