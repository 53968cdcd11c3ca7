//! Key-frame requests of one layer, coalesced: however many receivers ask, the sender hears one request per
//! [`INTERVAL`], repeated until a key frame comes.

use confab_base::{Duration, Time};

/// Between two requests for the same layer.
pub(crate) const INTERVAL: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeyframeRequest {
    wanted: bool,
    asked: Option<Time>,
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

    /// True when a request is to be sent now.
    pub fn due(&mut self, now: Time) -> bool {
        let due = self.next_wakeup().is_some_and(|at| at <= now);
        if due {
            self.asked = Some(now);
        }
        due
    }

    pub fn next_wakeup(&self) -> Option<Time> {
        self.wanted
            .then(|| self.asked.map_or(Time::ZERO, |at| at + INTERVAL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_of_requests_is_one_request_repeated_until_the_key_frame_comes() {
        let mut r = KeyframeRequest::default();
        let mut sent = Vec::new();
        for ms in (0..1200).step_by(10) {
            r.want();
            if r.due(Time::from_millis(ms)) {
                sent.push(ms);
            }
        }
        assert_eq!(sent, [0, 500, 1000]);
        r.arrived();
        assert!(!r.due(Time::from_millis(3000)));
        assert_eq!(r.next_wakeup(), None);
    }

    #[test]
    fn a_request_right_after_a_key_frame_still_waits_its_turn() {
        let mut r = KeyframeRequest::default();
        r.want();
        assert!(r.due(Time::from_millis(0)));
        r.arrived();
        r.want();
        assert!(!r.due(Time::from_millis(100)));
        assert!(r.due(Time::from_millis(500)));
    }
}
