/// The number of threads.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct ThreadArgs {
    /// Threads for a training step; the results do not depend on their number
    #[arg(long, value_name = "N", default_value_t = processors(), value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
}

impl Default for ThreadArgs {
    fn default() -> Self {
        Self { threads: processors() }
    }
}

impl ThreadArgs {
    /// The number, if it is not that of the processors.
    pub fn limit(self) -> Option<u16> {
        Some(self.threads).filter(|threads| *threads != processors())
    }

    /// The number.
    pub fn count(self) -> usize {
        usize::from(self.threads)
    }
}

/// The processors that this program may use: under Slurm those of a task, which the system does not limit everywhere.
pub(super) fn processors() -> u16 {
    let available = std::thread::available_parallelism().map_or(1, |n| n.get().min(256) as u16);
    let of_task = std::env::var("SLURM_CPUS_PER_TASK").ok();
    processors_of(available, of_task.as_deref())
}

fn processors_of(available: u16, of_task: Option<&str>) -> u16 {
    let of_task = of_task.and_then(|number| number.trim().parse::<u16>().ok()).filter(|number| *number > 0);
    of_task.map_or(available, |number| number.min(available))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_of_slurm_uses_its_own_processors() {
        for (of_task, expected) in [
            (None, 16),
            (Some("4"), 4),
            (Some(" 2 "), 2),
            (Some("64"), 16),
            (Some("0"), 16),
            (Some(""), 16),
            (Some("many"), 16),
        ] {
            assert_eq!(processors_of(16, of_task), expected, "{of_task:?}");
        }
    }
}
