//! CPU time of one thread of this process, from the scheduler's own count in nanoseconds.

use std::fs;
use std::time::Duration;

/// CPU time of the thread of this name so far; zero if there is none or the system does not tell.
pub fn thread_cpu(name: &str) -> Duration {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return Duration::ZERO;
    };
    let is_it = |path: &std::path::Path| {
        fs::read_to_string(path.join("comm")).is_ok_and(|c| c.trim() == name)
    };
    let nanos = tasks
        .flatten()
        .map(|t| t.path())
        .find(|p| is_it(p))
        .and_then(|p| fs::read_to_string(p.join("schedstat")).ok())
        .and_then(|s| s.split_whitespace().next()?.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// The value below which this share of the sorted values lie.
pub fn quantile(sorted: &[u32], share: f64) -> u32 {
    let at = (sorted.len() as f64 * share) as usize;
    sorted
        .get(at.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0)
}
