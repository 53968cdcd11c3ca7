//! Whose figures these are: cores, load, the CPU time of processes, and what a process may open. Linux tells by `/proc`; elsewhere
//! what is not told is left out.

use crate::LoadError;
use serde::Serialize;
use std::fs;
use std::time::{Duration, Instant};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    pub cores: usize,
    pub processor: String,
    /// Programs that ran or wanted to, on average over the last minute.
    pub load: f64,
}

impl Machine {
    pub fn look() -> Machine {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = info.lines().find_map(|l| {
            let (key, value) = l.split_once(':')?;
            (key.trim() == "model name").then(|| value.trim().to_owned())
        });
        Machine {
            cores: cores(),
            processor: processor.unwrap_or_else(|| "unknown processor".into()),
            load: load
                .split_whitespace()
                .next()
                .and_then(|l| l.parse().ok())
                .unwrap_or(0.0),
        }
    }
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// CPU time of a whole process so far, user and system, all its threads, to 10 ms; zero if the system does not tell.
pub fn process_cpu(pid: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    parse_stat(&text)
}

fn parse_stat(text: &str) -> Duration {
    // The program's name, in brackets, may hold anything.
    let fields = text.rsplit_once(')').map_or("", |t| t.1);
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|t| t.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// CPU time of a process over a stretch of time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pid: u32,
    at: Instant,
    used: Duration,
    took: Duration,
}

impl Cost {
    pub fn begin(pid: u32) -> Cost {
        Cost {
            pid,
            at: Instant::now(),
            used: process_cpu(pid),
            took: Duration::ZERO,
        }
    }

    pub fn end(self) -> Cost {
        Cost {
            used: process_cpu(self.pid).saturating_sub(self.used),
            took: self.at.elapsed(),
            ..self
        }
    }

    /// Of one core.
    pub fn percent(&self) -> f64 {
        100.0 * self.used.as_secs_f64() / self.took.as_secs_f64().max(1e-3)
    }
}

/// Makes sure that so many people can open their sockets here, two each: the bound of this process, and of what it starts, is
/// raised as far as it may.
///
/// # Errors
/// [`LoadError::OpenFiles`].
pub(crate) fn allow_files(people: u32) -> Result<(), LoadError> {
    let need = u64::from(people) * 2 + 64;
    let most = raise_files().unwrap_or(u64::MAX);
    match need <= most {
        true => Ok(()),
        false => Err(LoadError::OpenFiles { people, need, most }),
    }
}

/// How many files may be open now, if the system tells.
#[cfg(target_os = "linux")]
pub fn raise_files() -> Option<u64> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => Some(hard),
        Err(_) => Some(soft),
    }
}

#[cfg(not(target_os = "linux"))]
pub fn raise_files() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processs_time_is_found_behind_any_name() {
        let text = "42 (a) b) c) S 1 2 3 4 5 6 7 8 9 10 123 77 0 0 20";
        assert_eq!(parse_stat(text), Duration::from_millis(2000));
        assert_eq!(parse_stat(""), Duration::ZERO);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_says_what_it_is() {
        let machine = Machine::look();
        assert!(machine.cores >= 1 && !machine.processor.is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn more_people_than_files_is_an_error_that_says_how_many() {
        allow_files(10).unwrap();
        let error = allow_files(u32::MAX).unwrap_err().to_string();
        assert!(
            error.starts_with("open_files: 4294967295 people"),
            "{error}"
        );
    }
}
