//! Video that comes from a browser: what of it got lost is asked for. str0m would do so too, at most five times and not sooner than a
//! tenth of a second after the time before: where every third packet is lost, and so every other request, that leaves too much away.

use crate::Peer;
use std::time::Instant;

impl Peer {
    /// A packet of a browser's video came.
    pub(crate) fn note_video(&mut self, ssrc: u32, seq: u64) {
        let now = self.egress.time(self.now);
        self.asks.received(ssrc, seq, now);
    }

    /// When [`Peer::ask`] is due.
    pub(crate) fn ask_due(&self) -> Option<Instant> {
        self.asks.next_wakeup().map(|at| self.egress.instant(at))
    }

    /// Asks for what is missing.
    pub(crate) fn ask(&mut self, now: Instant) {
        if !self.up || self.closed {
            return;
        }
        let time = self.egress.time(now);
        if let Some(round_trip) = self.egress.round_trip() {
            self.asks.set_round_trip(round_trip);
        }
        while let Some((ssrc, missing)) = self.asks.poll(time) {
            let Some(bytes) = self.egress.seal_nack(ssrc, &missing) else {
                return;
            };
            self.say(bytes);
        }
    }
}
