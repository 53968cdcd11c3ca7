//! Video that comes from one of our own ends: what was lost is put back from repair payloads, and the sender is told what is
//! here.

use crate::egress::{media_packet, recovered_tag};
use crate::{Codec, InPacket, Mid, Peer, PeerEvent, PeerOutput, Rid};
use confab_base::{FrameTag, Time};
use confab_congestion::repair::{RecoveredPacket, RepairReceiveStats, RepairReceiver};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Packets put back before anything said whose they are; of more, the oldest go.
const MOST_HOMELESS: usize = 256;

/// The receiving side of repair, and the clock it is told.
#[derive(Debug)]
pub(crate) struct Inbound {
    repair: RepairReceiver,
    start: Instant,
    homeless: VecDeque<RecoveredPacket>,
    body: Vec<u8>,
}

impl Default for Inbound {
    fn default() -> Inbound {
        Inbound {
            repair: RepairReceiver::new(),
            start: Instant::now(),
            homeless: VecDeque::new(),
            body: Vec::new(),
        }
    }
}

impl Inbound {
    fn time(&self, at: Instant) -> Time {
        Time::from_micros(at.saturating_duration_since(self.start).as_micros() as u64)
    }

    pub fn stats(&self) -> RepairReceiveStats {
        self.repair.stats()
    }
}

impl Peer {
    /// A media packet that came by itself or, from a browser, as a resend.
    pub(crate) fn on_media(&mut self, packet: InPacket) {
        self.hear_answer((packet.mid, packet.rid), packet.tag);
        let Some(inbound) = self
            .inbound
            .as_mut()
            .filter(|_| packet.codec != Codec::Opus)
        else {
            return self.push(PeerEvent::Rtp(packet));
        };
        self.sources
            .note_coding(packet.ssrc, (packet.pt, packet.codec));
        let media = media_packet(
            (packet.ssrc, packet.seq),
            (packet.timestamp, packet.marker),
            packet.tag,
            &packet.payload,
        );
        let now = inbound.time(packet.received);
        if inbound.repair.received(media, now) {
            self.push(PeerEvent::Rtp(packet));
        }
        self.put_back();
    }

    /// A packet of a key frame ends the requests for one: the rest of it is repaired.
    fn hear_answer(&mut self, line: (Mid, Option<Rid>), tag: Option<FrameTag>) {
        if tag.is_some_and(FrameTag::is_keyframe) {
            self.insist.answered(line);
        }
    }

    /// A packet of the stream between our own ends.
    pub(crate) fn on_repair(&mut self, payload: &[u8]) {
        // Nothing, or zeros: padding.
        let is_repair = payload.first().is_some_and(|lead| *lead != 0);
        if !is_repair {
            self.insist.probed(self.now);
        }
        let Some(inbound) = self.inbound.as_mut().filter(|_| is_repair) else {
            return;
        };
        let now = inbound.time(self.now);
        if let Err(error) = inbound.repair.repair(payload, now) {
            tracing::debug!(%error, "no repair payload");
        }
        self.put_back();
    }

    /// Hands on what was put back.
    fn put_back(&mut self) {
        let Some(inbound) = &mut self.inbound else {
            return;
        };
        while let Some(packet) = inbound.repair.poll_recovered() {
            inbound.homeless.push_back(packet);
        }
        while inbound.homeless.len() > MOST_HOMELESS {
            inbound.homeless.pop_front();
        }
        let mut events = Vec::new();
        let mut counted = Vec::new();
        inbound.homeless.retain(|packet| {
            let source = self.sources.get(packet.ssrc);
            let Some((source, (pt, codec))) = source.and_then(|s| Some((s, s.coding?))) else {
                return true;
            };
            let tag = recovered_tag(packet.tag);
            counted.push((packet.ssrc, packet.seq, (source.mid, source.rid), tag));
            events.push(PeerEvent::Rtp(InPacket {
                mid: source.mid,
                rid: source.rid,
                ssrc: packet.ssrc,
                pt,
                codec,
                seq: packet.seq,
                timestamp: packet.timestamp,
                marker: packet.marker,
                payload: packet.payload.clone(),
                red: false,
                audio_level: None,
                voice: None,
                tag,
                received: self.now,
                report: None,
                resent: true,
            }));
            false
        });
        for (ssrc, seq, line, tag) in counted {
            self.sources.count(ssrc, seq);
            self.hear_answer(line, tag);
        }
        self.queue.extend(events.into_iter().map(PeerOutput::Event));
    }

    /// When [`Peer::report_repair`] is due.
    pub(crate) fn report_due(&self) -> Option<Instant> {
        let inbound = self.inbound.as_ref()?;
        let at = inbound.repair.next_wakeup()?;
        Some(inbound.start + Duration::from_micros(at.as_micros()))
    }

    /// Tells the sender what is here.
    pub(crate) fn report_repair(&mut self, now: Instant) {
        let Some(inbound) = self.inbound.as_mut().filter(|_| self.up && !self.closed) else {
            return;
        };
        let time = inbound.time(now);
        let Inbound { repair, body, .. } = &mut **inbound;
        if !repair.poll_feedback(time, body) {
            return;
        }
        if let Some(bytes) = self.egress.seal_repair_report(body) {
            self.say(bytes);
        }
    }
}
