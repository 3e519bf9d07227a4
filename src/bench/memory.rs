use std::fs;

/// What the process holds of the machine's memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resident {
    /// Now.
    pub now: u64,
    /// At most since the workload began.
    pub peak: u64,
}

/// Lets the peak begin anew, where the system can (Linux; else it is that of the whole process).
pub fn begin() {
    // 5 sets the high-water mark back: proc_pid_clear_refs(5). Where that is refused, the mark stays.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// What the process holds now; `None` where the system does not tell.
pub fn resident() -> Option<Resident> {
    parse(&fs::read_to_string("/proc/self/status").ok()?)
}

/// Reads `VmRSS` and `VmHWM` (resident set, its high-water mark) out of `/proc/self/status`: proc_pid_status(5).
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
