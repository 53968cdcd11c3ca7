//! What a measurement showed, and whether it is good enough.

use crate::machine::Cost;
use crate::scene::{Kind, Scene};
use crate::search::Verdict;
use serde::Serialize;
use std::fmt;

/// Longest delay added to 99 of 100 packets, milliseconds: more is heard and seen beside what the network adds.
const MOST_DELAY_MS: f64 = 20.0;
/// Most packets lost, per cent.
const MOST_LOST: f64 = 0.5;
/// Most of the machine's time that server and synthetic people may take together, per cent.
const MOST_CPU: f64 = 90.0;
/// Of a core, per cent: a server that takes less has time left, since a meeting is forwarded by one thread.
const IDLE_CPU: f64 = 50.0;
/// Least of what was to arrive in full size, per cent. Below it somebody got smaller pictures.
const LEAST_ARRIVED: f64 = 97.0;

/// Why a number of people is too many.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Milliseconds at p99.
    Delay(f64),
    /// Per cent.
    Loss(f64),
    /// Per cent that arrived in full size.
    Picture(f64),
    /// Per cent of the machine.
    Cpu(f64),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Delay(ms) => write!(f, "p99 of {ms:.1} ms (bound {MOST_DELAY_MS})"),
            Reason::Loss(lost) => write!(f, "{lost:.2} % lost (bound {MOST_LOST})"),
            Reason::Picture(came) => write!(
                f,
                "only {came:.1} % of the packets of the pictures asked for (bound {LEAST_ARRIVED})"
            ),
            Reason::Cpu(cpu) => write!(f, "{cpu:.0} % of the machine busy (bound {MOST_CPU})"),
        }
    }
}

/// One measurement.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Outcome {
    #[serde(flatten)]
    pub scene: Scene,
    pub people: u32,
    /// How long it was counted.
    pub seconds: f64,
    /// Packets that should have arrived in the size asked for, at all receivers, and those that did.
    pub expected: u64,
    pub arrived: u64,
    /// Packets of smaller pictures.
    pub smaller: u64,
    /// Packets lost for good, of those that the server numbered.
    pub lost: u64,
    pub numbered: u64,
    /// From the sender's call to the kernel of who gets it.
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Of the server's process, per cent of one core; absent: its process is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_cpu: Option<f64>,
    /// Of the synthetic people.
    pub people_cpu: f64,
    pub cores: usize,
}

/// The heading of [`Outcome::row`].
pub const HEADING: &str = "what         people  packets/s  p50 ms  p99 ms   lost %  full size %  server CPU %  µs/packet  people CPU %";

impl Outcome {
    pub(crate) fn cost(&mut self, server: Option<Cost>, people: Cost) {
        self.server_cpu = server.map(|c| c.percent());
        self.people_cpu = people.percent();
    }

    /// Packets that were forwarded, all sizes together, a second.
    pub fn rate(&self) -> f64 {
        (self.arrived + self.smaller) as f64 / self.seconds.max(1e-3)
    }

    /// CPU time of the server per packet that arrived, microseconds.
    pub fn micros_per_packet(&self) -> Option<f64> {
        let cpu = self.server_cpu? / 100.0;
        Some(cpu * 1e6 / self.rate().max(1.0))
    }

    pub fn lost_percent(&self) -> f64 {
        100.0 * self.lost as f64 / self.numbered.max(1) as f64
    }

    pub fn arrived_percent(&self) -> f64 {
        100.0 * self.arrived as f64 / self.expected.max(1) as f64
    }

    /// Why it is too many; none: it is not.
    pub fn too_many(&self) -> Option<Reason> {
        let busy = self.server_cpu.unwrap_or(0.0) + self.people_cpu;
        let busy = busy / self.cores.max(1) as f64;
        let reasons = [
            (self.p99_ms > MOST_DELAY_MS).then_some(Reason::Delay(self.p99_ms)),
            (self.lost_percent() > MOST_LOST).then_some(Reason::Loss(self.lost_percent())),
            (self.arrived_percent() < LEAST_ARRIVED)
                .then_some(Reason::Picture(self.arrived_percent())),
            (busy > MOST_CPU).then_some(Reason::Cpu(busy)),
        ];
        reasons.into_iter().flatten().next()
    }

    /// What it says about the number of people.
    pub fn verdict(&self) -> Verdict {
        let idle = self.server_cpu.is_some_and(|cpu| cpu < IDLE_CPU);
        match self.too_many() {
            None => Verdict::Good,
            Some(Reason::Delay(_) | Reason::Loss(_)) if idle => Verdict::Doubtful,
            Some(_) => Verdict::TooMany,
        }
    }

    /// As a line of a table under [`HEADING`].
    pub fn row(&self) -> String {
        let what = match self.scene.kind {
            Kind::Viewers => "1 to",
            Kind::Cameras => "each to each",
        };
        let or_dash = |v: Option<f64>, digits| v.map_or("–".into(), |v| format!("{v:.digits$}"));
        format!(
            "{what:<12} {:>6}  {:>9.0}  {:>6.2}  {:>6.2}  {:>7.3}  {:>11.1}  {:>12}  {:>9}  {:>12.0}",
            self.scene.count,
            self.rate(),
            self.p50_ms,
            self.p99_ms,
            self.lost_percent(),
            self.arrived_percent(),
            or_dash(self.server_cpu, 0),
            or_dash(self.micros_per_packet(), 1),
            self.people_cpu,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> Outcome {
        let scene = Scene {
            kind: Kind::Viewers,
            count: 100,
            kbps: 1500,
        };
        Outcome {
            scene,
            people: 101,
            seconds: 5.0,
            expected: 100_000,
            arrived: 99_000,
            smaller: 1000,
            lost: 10,
            numbered: 100_000,
            p50_ms: 1.0,
            p99_ms: 4.0,
            server_cpu: Some(20.0),
            people_cpu: 30.0,
            cores: 2,
        }
    }

    #[test]
    fn what_is_good_is_not_too_many_and_each_bound_is() {
        assert_eq!(outcome().too_many(), None);
        let late = Outcome {
            p99_ms: 21.0,
            ..outcome()
        };
        assert_eq!(late.too_many(), Some(Reason::Delay(21.0)));
        assert_eq!(late.verdict(), Verdict::Doubtful);
        let late_and_busy = Outcome {
            server_cpu: Some(80.0),
            ..late
        };
        assert_eq!(late_and_busy.verdict(), Verdict::TooMany);
        let lossy = Outcome {
            lost: 600,
            ..outcome()
        };
        assert!(matches!(lossy.too_many(), Some(Reason::Loss(_))));
        let small = Outcome {
            arrived: 90_000,
            ..outcome()
        };
        assert!(matches!(small.too_many(), Some(Reason::Picture(_))));
        let busy = Outcome {
            server_cpu: Some(151.0),
            ..outcome()
        };
        assert_eq!(busy.too_many(), Some(Reason::Cpu(90.5)));
        assert_eq!(busy.verdict(), Verdict::TooMany);
        let unknown = Outcome {
            server_cpu: None,
            ..outcome()
        };
        assert_eq!(unknown.too_many(), None);
    }

    #[test]
    fn a_packets_cost_is_cpu_over_rate() {
        assert_eq!(outcome().rate(), 20_000.0);
        assert_eq!(outcome().micros_per_packet(), Some(10.0));
    }

    #[test]
    fn rows_are_as_wide_as_their_heading() {
        let row = outcome().row();
        assert_eq!(row.chars().count(), HEADING.chars().count(), "{row}");
        let cameras = Outcome {
            scene: Scene {
                kind: Kind::Cameras,
                count: 9,
                kbps: 1500,
            },
            server_cpu: None,
            ..outcome()
        };
        assert_eq!(cameras.row().chars().count(), HEADING.chars().count());
    }
}
