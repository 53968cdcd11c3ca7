//! What the process costs, from Linux's `/proc`; systems without it tell nothing.

use super::words::{Process, Thread};
use confab_base::{Duration, Time};
use std::collections::{HashMap, VecDeque};
use std::fs;
use std::path::Path;

/// Looks are this far apart: each reads two files per thread.
const INTERVAL: Duration = Duration::from_millis(500);
/// Looks kept; percentages are of the time from the oldest to the newest.
const KEPT: usize = 3;

/// Nanoseconds on a core since each thread began.
type Used = HashMap<u64, (String, u64)>;

/// Asked ten times a second, looks twice.
#[derive(Debug, Default)]
pub(crate) struct ProcessMeter {
    looks: VecDeque<(Time, Used)>,
    newest: Process,
}

impl ProcessMeter {
    pub(crate) fn read(&mut self, now: Time) -> &Process {
        let due = self
            .looks
            .back()
            .is_none_or(|(at, _)| now.since(*at) >= INTERVAL);
        if due {
            self.note(now, look(Path::new("/proc/self/task")));
            let status = fs::read_to_string("/proc/self/status");
            self.newest.memory_bytes = status.ok().and_then(|s| resident(&s));
        }
        &self.newest
    }

    fn note(&mut self, now: Time, used: Used) {
        if self.looks.len() == KEPT {
            self.looks.pop_front();
        }
        if let Some((at, before)) = self.looks.front() {
            let passed = now.since(*at).as_secs_f64().max(0.001);
            let mut threads: Vec<Thread> = used
                .iter()
                .map(|(id, (name, ns))| {
                    // A thread that was not there began at zero.
                    let begun = before.get(id).map_or(0, |(_, ns)| *ns);
                    let spent = ns.saturating_sub(begun) as f64 / 1e9;
                    Thread {
                        id: *id,
                        name: name.clone(),
                        cpu_percent: (spent / passed * 1000.0).round() / 10.0,
                    }
                })
                .collect();
            threads.sort_by(|a, b| {
                b.cpu_percent
                    .total_cmp(&a.cpu_percent)
                    .then(a.id.cmp(&b.id))
            });
            let sum: f64 = threads.iter().map(|t| t.cpu_percent).sum();
            self.newest.cpu_percent = (!threads.is_empty()).then(|| (sum * 10.0).round() / 10.0);
            self.newest.threads = threads;
        }
        self.looks.push_back((now, used));
    }
}

fn look(folder: &Path) -> Used {
    let Ok(entries) = fs::read_dir(folder) else {
        return Used::new();
    };
    let one = |entry: fs::DirEntry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let path = entry.path();
        let name = fs::read_to_string(path.join("comm")).ok()?;
        let exact = fs::read_to_string(path.join("schedstat")).ok();
        let ns = exact
            .and_then(|s| exact_time(&s))
            .or_else(|| ticks(&fs::read_to_string(path.join("stat")).ok()?))?;
        Some((id, (name.trim_end().to_owned(), ns)))
    };
    entries.flatten().filter_map(one).collect()
}

/// The first number of `schedstat`: nanoseconds on a core. Kernels built without it give zeros.
fn exact_time(schedstat: &str) -> Option<u64> {
    let ns = schedstat.split_ascii_whitespace().next()?.parse().ok()?;
    (ns > 0).then_some(ns)
}

/// Fields 14 and 15 of `stat`, user and system time in hundredths of a second.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some((next()? + next()?) * 10_000_000)
}

/// `VmRSS` of `status`, which is in units of 1024 bytes.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_worked_half_the_time_cost_half_a_core() {
        let mut meter = ProcessMeter::default();
        let used = |ns| Used::from([(7, ("voice".to_owned(), ns)), (8, ("idle".to_owned(), 5))]);
        meter.note(Time::from_millis(1000), used(1_000_000_000));
        meter.note(Time::from_millis(1500), used(1_250_000_000));
        let voice = &meter.newest.threads[0];
        assert_eq!((voice.name.as_str(), voice.cpu_percent), ("voice", 50.0));
        assert_eq!(meter.newest.cpu_percent, Some(50.0));
    }

    #[test]
    fn the_files_of_proc_are_understood() {
        assert_eq!(exact_time("123456 99 3\n"), Some(123_456));
        assert_eq!(exact_time("0 0 0"), None);
        let stat = "1 (a) b) S 0 1 1 0 -1 4194560 1 2 3 4 250 150 0 0 20 0 1 0";
        assert_eq!(ticks(stat), Some(4_000_000_000));
        assert_eq!(resident("Name:\tx\nVmRSS:\t   12 kB\n"), Some(12_288));
        assert_eq!(resident("nothing"), None);
    }

    #[test]
    fn a_system_without_proc_tells_nothing() {
        assert!(look(Path::new("/nowhere")).is_empty());
    }
}
