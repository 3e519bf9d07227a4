use std::fs;

/// The resident memory of the process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resident {
    /// Now.
    pub now: u64,
    /// The peak since the start of the workload.
    pub peak: u64,
}

/// Resets the peak, on Linux; elsewhere it is that of the whole process.
pub fn begin() {
    // 5 resets the high-water mark: proc_pid_clear_refs(5). If that fails, the mark remains.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The current resident memory; `None` if the system does not report it.
pub fn resident() -> Option<Resident> {
    parse(&fs::read_to_string("/proc/self/status").ok()?)
}

/// Parses `VmRSS` and `VmHWM` (resident set size, its high-water mark) of `/proc/self/status`: proc_pid_status(5).
fn parse(status: &str) -> Option<Resident> {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(Resident { now: field("VmRSS")?, peak: field("VmHWM")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_process_is_read_or_left() {
        let status = "Name:\tunrolled\nVmPeak:\t  999 kB\nVmHWM:\t   2048 kB\nVmRSS:\t   1024 kB\n";
        assert_eq!(parse(status), Some(Resident { now: 1 << 20, peak: 2 << 20 }));
        assert_eq!(parse("Name:\tunrolled\n"), None);
        assert_eq!(parse("VmHWM:\tmuch\nVmRSS:\t1 kB\n"), None);
    }
}
