//! Processes of this host.

use std::fs;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// The name of this host.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Identifies the boot of this host; empty where the system does not tell.
pub(super) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map_or(String::new(), |id| id.trim().to_owned())
}

/// What the system tells of a process.
enum Found {
    /// It started at this time, in ticks since the boot.
    Running(u64),
    /// It has ended, and its parent has not noticed yet.
    Ended,
}

/// When this process started, in ticks since the boot.
pub(super) fn own_start() -> Option<u64> {
    match find("self")? {
        Found::Running(start) => Some(start),
        Found::Ended => None,
    }
}

/// Whether the process `pid` that started at `start` still runs.
pub(super) fn is_running(pid: u32, start: Option<u64>) -> bool {
    match (find(&pid.to_string()), start) {
        (Some(Found::Ended), _) => false,
        (Some(Found::Running(found)), Some(start)) => found == start,
        _ => {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            // The process of another user exists, but cannot be signalled.
            pid.is_some_and(|pid| matches!(test_kill_process(pid), Ok(()) | Err(Errno::PERM)))
        }
    }
}

fn find(process: &str) -> Option<Found> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program, in parentheses, may contain anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return Some(Found::Ended);
    }
    fields.nth(18)?.parse().ok().map(Found::Running)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_number_and_start() {
        assert!(is_running(std::process::id(), own_start()));
        assert!(!host().is_empty());
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        // Not waited for: it is a zombie.
        while is_running(ended.id(), None) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        ended.wait().unwrap();
        #[cfg(target_os = "linux")]
        assert!(own_start().is_some() && !is_running(std::process::id(), Some(1)) && !boot_id().is_empty());
    }
}
