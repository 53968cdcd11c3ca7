//! How busy the whole machine is, whoever keeps it so.

use sysinfo::{CpuRefreshKind, RefreshKind, System};

/// Measures between two looks, as the system's counters tell.
#[derive(Debug)]
pub struct MachineLoad {
    system: System,
}

impl MachineLoad {
    /// Begins to measure.
    pub fn new() -> MachineLoad {
        let kind = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing().with_cpu_usage());
        MachineLoad {
            system: System::new_with_specifics(kind),
        }
    }

    /// The share of all cores together that was busy since the last look, 0 to 1. Looks nearer than
    /// [`sysinfo::MINIMUM_CPU_UPDATE_INTERVAL`], a fifth of a second, say nothing new; a second is a good time.
    pub fn look(&mut self) -> f32 {
        self.system.refresh_cpu_usage();
        (self.system.global_cpu_usage() / 100.0).clamp(0.0, 1.0)
    }
}

impl Default for MachineLoad {
    fn default() -> MachineLoad {
        MachineLoad::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn a_thread_that_runs_wild_is_seen() {
        let mut load = MachineLoad::new();
        load.look();
        let until = Instant::now() + Duration::from_millis(600);
        let mut n = 0u64;
        while Instant::now() < until {
            n = std::hint::black_box(n.wrapping_add(1));
        }
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        let share = load.look();
        assert!(
            share > 0.2 / cores as f32 && share <= 1.0,
            "{share} of {cores} cores"
        );
    }
}
