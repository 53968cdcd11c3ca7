//! The receivers' RTCP: what they miss, how our packets arrive, where they need a key frame.

use super::Egress;
use super::rtcp::{self, Item, Received};
use crate::PeerEvent;
use confab_base::Reference;
use std::time::{Duration, Instant};

/// What became of an RTCP packet.
pub(crate) enum Read {
    /// Not encrypted, not from the other side, or seen before.
    Unreadable,
    /// All of it was about what we send.
    Done,
    /// Some of it is for the receiving side.
    Pass,
}

/// How often a packet asked for is sent again at once, and a report on a browser's packets sent: a resend that gets lost as well costs another round trip, and a picture that is
/// late.
pub(super) fn resends(loss: f32) -> usize {
    match loss {
        0.0..0.12 => 1,
        0.12..0.4 => 2,
        _ => 3,
    }
}

impl Egress {
    /// Takes a sealed RTCP packet; events it leads to go to `events`, resends into the next batch.
    pub fn handle_rtcp(
        &mut self,
        sealed: &[u8],
        now: Instant,
        events: &mut Vec<PeerEvent>,
    ) -> Read {
        let mut clear = std::mem::take(&mut self.plain);
        let opened = self.armed()
            && self
                .opener
                .as_mut()
                .is_some_and(|o| o.rtcp(sealed, &mut clear).is_some());
        let mut read = if opened { Read::Done } else { Read::Unreadable };
        let mut missed = Vec::new();
        if opened {
            rtcp::read(&clear, |item| match item {
                Item::Other => read = Read::Pass,
                Item::Received(report) => self.received(report, now),
                Item::Nack { ssrc, pairs } => self.nacked(ssrc, pairs, &mut missed),
                Item::Keyframe { ssrc, fir } => events.extend(self.keyframe(ssrc, fir)),
                Item::TransportWide(report) => self.arrived(report, now),
                Item::Repair(body) => self.repaired(body, now),
                Item::References(body) => self.referred(body, events),
            });
        }
        self.plain = clear;
        let time = self.time(now);
        let times = resends(self.side.loss().unwrap_or(0.0));
        for (at, seq) in missed {
            for resend in self.streams[at].missed(seq, time.as_micros(), times) {
                self.resend(at, &resend, time);
            }
        }
        events.extend(self.poll_estimate(time));
        events.extend(self.poll_hold(time));
        read
    }

    fn received(&mut self, report: Received, now: Instant) {
        let of_rtx = |s: &super::OutStream| s.rtx == Some(report.ssrc);
        if let Some(stream) = self.streams.iter_mut().find(|s| s.ssrc == report.ssrc) {
            stream.bound = true;
            stream.count(report);
        } else if !self.streams.iter().any(of_rtx) {
            return;
        }
        let sent = self
            .reports
            .iter()
            .find(|(ntp, _)| *ntp == report.last_report);
        if let Some((_, at)) = sent.filter(|_| report.last_report != 0) {
            let held = Duration::from_micros(u64::from(report.since) * 1_000_000 / 65_536);
            let passed = now.saturating_duration_since(*at);
            self.rtt = Some(passed.saturating_sub(held));
        }
    }

    fn nacked(&mut self, ssrc: u32, pairs: &[u8], missed: &mut Vec<(usize, u16)>) {
        if let Some(at) = self.streams.iter().position(|s| s.ssrc == ssrc) {
            self.streams[at].nacks += 1;
            missed.extend(rtcp::missing(pairs).map(|seq| (at, seq)));
        }
    }

    fn keyframe(&mut self, ssrc: u32, fir: bool) -> Option<PeerEvent> {
        let stream = self.streams.iter_mut().find(|s| s.ssrc == ssrc)?;
        let count = if fir {
            &mut stream.firs
        } else {
            &mut stream.plis
        };
        *count += 1;
        let (mid, rid) = (stream.mid, stream.rid);
        Some(PeerEvent::KeyframeRequest { mid, rid })
    }

    /// Which of our frames the other end has; only our own ones say so.
    fn referred(&self, body: &[u8], events: &mut Vec<PeerEvent>) {
        let said = Reference::parse(body).filter(|_| self.own.is_some());
        for (ssrc, reference) in said.into_iter().flatten() {
            if let Some(stream) = self.streams.iter().find(|s| s.ssrc == ssrc) {
                events.push(PeerEvent::Reference {
                    mid: stream.mid,
                    rid: stream.rid,
                    reference,
                });
            }
        }
    }

    fn repaired(&mut self, body: &[u8], now: Instant) {
        let time = self.time(now);
        let Some(own) = &mut self.own else { return };
        // What makes no sense is passed over: the next report restates it.
        if let Err(error) = own.repair.feedback(body, time) {
            tracing::debug!(%error, "no report of what was received");
        }
        self.repair(time);
    }

    fn arrived(&mut self, report: &[u8], now: Instant) {
        let time = self.time(now);
        rtcp::transport_wide(report, &mut self.clock, &mut self.arrivals);
        let lost = self.between.lost(report).map(|number| (number, None));
        self.arrivals.extend(lost);
        for (number, at) in &self.arrivals {
            self.runs.reported(*number, at.is_some());
        }
        self.side.feedback(self.arrivals.iter().copied(), time);
    }
}
