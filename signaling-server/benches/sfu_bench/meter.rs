//! CPU time, cores and quantiles.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// CPU time of the calling thread so far, from the scheduler's own count in nanoseconds.
pub fn own_cpu() -> Duration {
    let text = fs::read_to_string(Path::new("/proc/thread-self/schedstat")).unwrap_or_default();
    let first = text.split_whitespace().next();
    Duration::from_nanos(first.and_then(|n| n.parse().ok()).unwrap_or(0))
}

/// Resident memory of a process in kB.
pub fn resident_kb(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    let kb = line.and_then(|l| l.split_whitespace().next()?.parse().ok());
    kb.unwrap_or(0)
}

/// Keeps the calling thread, and whatever it starts from now on, on one core.
pub fn pin(core: usize) {
    #[cfg(target_os = "linux")]
    {
        let mut set = nix::sched::CpuSet::new();
        let pinned = set
            .set(core)
            .and_then(|()| nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &set));
        if let Err(error) = pinned {
            eprintln!("not kept on core {core}: {error}");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = core;
}

/// The value below which this share of the sorted values lie.
pub fn quantile(sorted: &[u32], share: f64) -> u32 {
    let at = (sorted.len() as f64 * share) as usize;
    sorted
        .get(at.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0)
}
