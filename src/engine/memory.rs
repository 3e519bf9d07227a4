//! The memory that this process may still use, of the limits that the system sets.

use std::fs;
use std::path::Path;

/// The memory available under the tightest limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Available {
    /// In bytes.
    pub bytes: u64,
    /// The limit: `the limit of address space (ulimit -v)`.
    pub limit: &'static str,
}

/// The address space that the C library reserves for the allocations of a thread, and for its stack.
const THREAD: u64 = 66 << 20;

/// Returns the memory available to this process, which will have so many `threads` in all; `None` where the system does not say.
///
/// The limits: nine tenths of RLIMIT_AS less what is in use and what threads yet to be started reserve; of the control group and those above it `memory.max` less `memory.current`,
/// file caches apart; `MemAvailable` and free swap.
pub fn available(threads: usize) -> Option<Available> {
    let limits = [address_space(threads), control_group(), machine()];
    limits.into_iter().flatten().min_by_key(|available| available.bytes)
}

fn address_space(threads: usize) -> Option<Available> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::As).current?;
    // In pages: total program size first.
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().next()?.parse().ok()?;
    let used = pages.saturating_mul(rustix::param::page_size() as u64);
    let running = fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let used = used.saturating_add(THREAD.saturating_mul(threads.saturating_sub(running) as u64));
    // A tenth is for gaps between allocations, which count as well.
    let bytes = limit.saturating_sub(used) / 10 * 9;
    Some(Available { bytes, limit: "the limit of address space (ulimit -v)" })
}

fn control_group() -> Option<Available> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    // The entry of version 2; of version 1 there is one a controller.
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let root = Path::new("/sys/fs/cgroup");
    let group = root.join(group.trim_start_matches('/'));
    let free = group.ancestors().take_while(|folder| folder.starts_with(root)).filter_map(|folder| {
        let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
        let (max, used) = (number("memory.max")?, number("memory.current")?);
        let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
        let caches = field(&stat, "inactive_file").unwrap_or(0) + field(&stat, "active_file").unwrap_or(0);
        Some(max.saturating_sub(used.saturating_sub(caches)))
    });
    Some(Available { bytes: free.min()?, limit: "the limit of the control group (memory.max)" })
}

fn machine() -> Option<Available> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let kib = field(&info, "MemAvailable:")?.saturating_add(field(&info, "SwapFree:").unwrap_or(0));
    Some(Available { bytes: kib.saturating_mul(1024), limit: "the memory of this machine" })
}

/// The number after `name` at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_by_their_whole_name() {
        let text = "inactive_file 12\nactive_file 34\nMemAvailable:   56 kB\n";
        assert_eq!(field(text, "active_file"), Some(34));
        assert_eq!(field(text, "MemAvailable:"), Some(56));
        assert_eq!(field(text, "SwapFree:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn there_is_memory_left() {
        assert!(available(1).unwrap().bytes > 1 << 20);
    }
}
