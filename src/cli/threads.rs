/// The number of threads.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct ThreadArgs {
    /// Threads for a training step; the results do not depend on their number
    #[arg(long, value_name = "N", default_value_t = processors(), value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
}

impl ThreadArgs {
    /// The number.
    pub fn count(self) -> usize {
        usize::from(self.threads)
    }
}

pub(super) fn processors() -> u16 {
    std::thread::available_parallelism().map_or(1, |n| n.get().min(256) as u16)
}
