//! What the system tells of this process, under the names every Prometheus client uses. Linux tells by files; elsewhere it is left out.

use crate::clock::wall_ms;
use std::sync::OnceLock;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Process {
    pub(super) cpu_seconds: Option<f64>,
    pub(super) resident_bytes: Option<f64>,
    pub(super) open_files: Option<f64>,
    /// Seconds since 1970.
    pub(super) started_at: f64,
}

/// Programs are told in these, whatever the kernel uses itself (USER_HZ).
const TICKS_A_SECOND: f64 = 100.0;

pub(super) fn read() -> Process {
    static STARTED: OnceLock<u64> = OnceLock::new();
    let stat = std::fs::read_to_string("/proc/self/stat").ok();
    let status = std::fs::read_to_string("/proc/self/status").ok();
    let files = std::fs::read_dir("/proc/self/fd").ok();
    Process {
        cpu_seconds: stat.as_deref().and_then(cpu_seconds),
        resident_bytes: status.as_deref().and_then(resident_bytes),
        open_files: files.map(|files| files.count() as f64),
        started_at: *STARTED.get_or_init(wall_ms) as f64 / 1000.0,
    }
}

/// Fields 14 and 15 of proc_pid_stat(5).
fn cpu_seconds(stat: &str) -> Option<f64> {
    // The second field, the program's name, may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_A_SECOND)
}

/// `VmRSS` of proc_pid_status(5), in kB.
fn resident_bytes(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_files_are_read() {
        let stat = "7 (a) b) S 0 1 1 0 -1 4194560 1 2 3 4 250 150 0 0 20 0 1 0";
        assert_eq!(cpu_seconds(stat), Some(4.0));
        let status = "Name:\tx\nVmRSS:\t  2048 kB\nThreads:\t1\n";
        assert_eq!(resident_bytes(status), Some(2_097_152.0));
    }
}
