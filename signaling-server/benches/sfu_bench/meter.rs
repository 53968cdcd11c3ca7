//! CPU time of one thread of this process, from the scheduler's own count in nanoseconds.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// CPU time of the thread of this name so far; zero if there is none or the system does not tell.
pub fn thread_cpu(name: &str) -> Duration {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return Duration::ZERO;
    };
    let is_it = |task: &Path| fs::read_to_string(task.join("comm")).is_ok_and(|c| c.trim() == name);
    let task = tasks.flatten().map(|t| t.path()).find(|t| is_it(t));
    Duration::from_nanos(task.map_or(0, |t| nanos(&t)))
}

/// CPU time of the calling thread so far.
pub fn own_cpu() -> Duration {
    Duration::from_nanos(nanos(Path::new("/proc/thread-self")))
}

/// The first number of `schedstat`: time on a CPU.
fn nanos(task: &Path) -> u64 {
    let text = fs::read_to_string(task.join("schedstat")).unwrap_or_default();
    text.split_whitespace()
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}

/// The value below which this share of the sorted values lie.
pub fn quantile(sorted: &[u32], share: f64) -> u32 {
    let at = (sorted.len() as f64 * share) as usize;
    sorted
        .get(at.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0)
}
