//! Key-frame requests of one layer, coalesced: however many receivers ask, the sender hears one request per
//! [`INTERVAL`], repeated until a key frame comes; sooner where it may be lost on its way.

use confab_base::{Duration, Time};

/// Between two requests for the same layer.
pub(crate) const INTERVAL: Duration = Duration::from_millis(500);

/// No less than this part of it, however many are lost.
const LEAST: f64 = 0.3;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeyframeRequest {
    wanted: bool,
    /// When it was last asked for, and how long then is to be waited.
    asked: Option<(Time, Duration)>,
}

impl KeyframeRequest {
    pub fn want(&mut self) {
        self.wanted = true;
    }

    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    pub fn forget(&mut self) {
        self.wanted = false;
    }

    /// A key frame began: whoever waited has it.
    pub fn arrived(&mut self) {
        self.wanted = false;
    }

    /// True when a request is to be sent now. `loss`: the share of packets lost on the way to its sender, 0 to 1.
    pub fn due(&mut self, loss: f64, now: Time) -> bool {
        let due = self.next_wakeup().is_some_and(|at| at <= now);
        if due {
            let share = (1.0 - loss).clamp(LEAST, 1.0);
            let interval = Duration::from_secs_f64(INTERVAL.as_secs_f64() * share);
            self.asked = Some((now, interval));
        }
        due
    }

    pub fn next_wakeup(&self) -> Option<Time> {
        self.wanted
            .then(|| self.asked.map_or(Time::ZERO, |(at, wait)| at + wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_of_requests_is_one_request_repeated_until_the_key_frame_comes() {
        let sent = |loss: f64| {
            let mut r = KeyframeRequest::default();
            let mut sent = Vec::new();
            for ms in (0..1200).step_by(10) {
                r.want();
                if r.due(loss, Time::from_millis(ms)) {
                    sent.push(ms);
                }
            }
            r.arrived();
            assert!(!r.due(loss, Time::from_millis(3000)));
            assert_eq!(r.next_wakeup(), None);
            sent
        };
        assert_eq!(sent(0.0), [0, 500, 1000]);
        assert_eq!(sent(0.5), [0, 250, 500, 750, 1000]);
        assert_eq!(sent(0.9).len(), 8, "150 ms apart");
    }

    #[test]
    fn a_request_right_after_a_key_frame_still_waits_its_turn() {
        let mut r = KeyframeRequest::default();
        r.want();
        assert!(r.due(0.0, Time::from_millis(0)));
        r.arrived();
        r.want();
        assert!(!r.due(0.0, Time::from_millis(100)));
        assert!(r.due(0.0, Time::from_millis(500)));
    }
}
