//! When a sender captured what it sent. Its reports tie RTP timestamps to its own clock; the shortest transit seen
//! ties that clock to ours. Audio and video of one sender get capture times on one scale this way, which the reports
//! to the receivers carry on: lips stay in sync although video takes longer to encode and pace.

use confab_transport::SenderReport;
use std::time::{Duration, Instant};

/// A transit this much longer than the shortest means the sender's clock was set anew.
const JUMP_MICROS: i64 = 10_000_000;
/// How fast the shortest transit is forgotten, so that drifting clocks are followed: 50 ppm.
const FORGET_PER_SECOND: i64 = 50;

#[derive(Debug)]
pub(crate) struct SenderClock {
    start: Instant,
    /// Our time minus the sender's by the quickest packet, and when it was last aged. Microseconds.
    offset: Option<i64>,
    aged: Instant,
}

impl SenderClock {
    pub fn new(now: Instant) -> SenderClock {
        SenderClock {
            start: now,
            offset: None,
            aged: now,
        }
    }

    /// When the packet's content was captured, in our time; never after `received`.
    pub fn captured(
        &mut self,
        report: Option<SenderReport>,
        timestamp: u32,
        rate: u32,
        received: Instant,
    ) -> Instant {
        let Some(report) = report.filter(|_| rate > 0) else {
            return received;
        };
        let ticks = i64::from(timestamp.wrapping_sub(report.timestamp) as i32);
        let captured = (report.ntp_micros as i64).wrapping_add(ticks * 1_000_000 / i64::from(rate));
        let arrival = received.duration_since(self.start).as_micros() as i64;
        let transit = arrival.wrapping_sub(captured);
        let seconds = received.duration_since(self.aged).as_secs();
        if seconds > 0 {
            self.aged = received;
            self.offset = self
                .offset
                .map(|o| o.saturating_add(FORGET_PER_SECOND * seconds as i64));
        }
        let offset = match self.offset {
            Some(offset) if transit.wrapping_sub(offset).wrapping_abs() < JUMP_MICROS => {
                offset.min(transit)
            }
            _ => transit,
        };
        self.offset = Some(offset);
        let late = transit.wrapping_sub(offset).clamp(0, JUMP_MICROS) as u64;
        received
            .checked_sub(Duration::from_micros(late))
            .unwrap_or(received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_and_video_captured_together_stay_together() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut clock = SenderClock::new(start);
        let report = |timestamp| {
            Some(SenderReport {
                ntp_micros: 5_000_000_000,
                timestamp,
            })
        };
        // Both were captured 1 s after the report; video needs 45 ms, audio 10 ms.
        let audio = clock.captured(report(100), 100 + 48_000, 48_000, at(1010));
        let video = clock.captured(report(7), 7 + 90_000, 90_000, at(1045));
        assert_eq!(audio, at(1010));
        assert_eq!(video, at(1010));
    }

    #[test]
    fn a_clock_set_anew_is_followed_and_no_report_means_arrival() {
        let start = Instant::now();
        let mut clock = SenderClock::new(start);
        let report = |ntp_micros| {
            Some(SenderReport {
                ntp_micros,
                timestamp: 0,
            })
        };
        assert_eq!(clock.captured(None, 9, 90_000, start), start);
        clock.captured(report(u64::MAX / 2), 0, 90_000, start);
        assert_eq!(clock.captured(report(3), 0, 90_000, start), start);
    }
}
