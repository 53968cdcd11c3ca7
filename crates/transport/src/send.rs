//! What a peer sends: media, key-frame requests, and how much of it.

use crate::egress::{MediaBatch, MediaBuffer};
use crate::{Mid, OutPacket, Peer, PeerOutput, Rid, SendError, insist};
use confab_base::{Bitrate, Reference};
use std::time::Instant;
use str0m::media::KeyframeRequestKind;

impl Peer {
    /// Queues an RTP packet. It leaves in the following [`Peer::poll`] rounds or with the next [`Peer::flush_media`]: at once,
    /// but for a client's video, which is paced to the bandwidth estimate. Video is kept for retransmission.
    ///
    /// # Errors
    /// [`SendError`]; nothing is queued then.
    pub fn send_rtp(
        &mut self,
        mid: Mid,
        rid: Option<Rid>,
        packet: OutPacket,
        now: Instant,
    ) -> Result<(), SendError> {
        self.tell_time(now);
        if self.closed {
            return Err(SendError::Closed);
        }
        if !self.up {
            return Err(SendError::NotConnected);
        }
        self.egress.send((mid, rid), packet, now)
    }

    /// Whether repair of what was just sent is due soon: then [`Peer::poll`] tells an earlier time than before. Without losses
    /// it never is, and a server that sent a frame need not poll.
    pub fn repairs_soon(&self) -> bool {
        self.egress.repair_wakeup().is_some()
    }

    /// Hands out what [`Peer::send_rtp`] gathered, in one piece, so that it can leave in few system calls. A server's packets
    /// are sealed here, into `buffer`, which peers take turns with. Repair may be due afterwards ([`Peer::repairs_soon`]).
    /// Whoever does not call this gets the packets one by one from [`Peer::poll`].
    pub fn flush_media(
        &mut self,
        buffer: &mut MediaBuffer,
        now: Instant,
        send: impl FnOnce(MediaBatch<'_>),
    ) {
        self.tell_time(now);
        if let Some(path) = self.egress.path.filter(|_| self.egress.has_media()) {
            let path = self.paths.better(path);
            self.egress.take_media(path, buffer, self.now, send);
        }
    }

    pub(crate) fn queue_media(&mut self) {
        if !self.egress.has_media() {
            return;
        }
        let mut packets = Vec::new();
        self.flush_media(&mut MediaBuffer::default(), self.now, |batch| {
            let (protocol, src, dst) = batch.path;
            let mut rest = batch.bytes;
            for size in batch.sizes {
                let (bytes, tail) = rest.split_at(usize::from(*size));
                rest = tail;
                packets.push(PeerOutput::Transmit {
                    protocol,
                    src,
                    dst,
                    bytes: bytes.to_vec(),
                });
            }
        });
        self.queue.extend(packets);
    }

    /// Asks the sender of this line (and layer) for a key frame, by PLI; several times where much is lost, until packets of one come.
    /// Nothing happens before its first packet came.
    pub fn request_keyframe(&mut self, mid: Mid, rid: Option<Rid>) {
        self.insist
            .said((mid, rid), insist::Request::Keyframe, self.now);
        self.ask_keyframe(mid, rid);
    }

    /// Says once more what may have got lost.
    pub(crate) fn insist(&mut self, now: Instant) {
        while let Some(((mid, rid), request)) = self.insist.poll(now) {
            match request {
                insist::Request::Keyframe => self.ask_keyframe(mid, rid),
                insist::Request::GoOn(reference) => {
                    self.say_reference(mid, rid, reference);
                }
            }
        }
        if self.insist.poll_reports(now)
            && let Some(bytes) = self.egress.seal_wide_reports()
        {
            self.say(bytes);
        }
    }

    fn ask_keyframe(&mut self, mid: Mid, rid: Option<Rid>) {
        let ssrc = self.sources.ssrc(mid, rid);
        let mut api = self.rtc.direct_api();
        // Of a line that had several SSRCs str0m finds any; the sender hears what is said of the one it uses.
        let stream = match ssrc {
            Some(ssrc) => api.stream_rx(&ssrc.into()),
            None => api.stream_rx_by_mid(mid.0, rid.map(|r| r.0)),
        };
        if let Some(stream) = stream {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// Tells the sender of this line (and layer) which frame of it is here; several times where that is a request and much is lost. False
    /// where it means nothing to it: it is none of our own ends, or nothing came of it yet.
    pub fn refer(&mut self, mid: Mid, rid: Option<Rid>, reference: Reference) -> bool {
        let is_said = self.say_reference(mid, rid, reference);
        if is_said && reference.is_stuck {
            let request = insist::Request::GoOn(reference);
            self.insist.said((mid, rid), request, self.now);
        }
        is_said
    }

    fn say_reference(&mut self, mid: Mid, rid: Option<Rid>, reference: Reference) -> bool {
        let Some(ssrc) = self.sources.ssrc(mid, rid) else {
            return false;
        };
        match self.egress.seal_reference(ssrc, reference) {
            Some(bytes) => self.say(bytes),
            None => false,
        }
    }

    /// Queues a sealed packet of RTCP. False where there is no way yet.
    pub(crate) fn say(&mut self, bytes: Vec<u8>) -> bool {
        let Some(path) = self.egress.path else {
            return false;
        };
        let (protocol, src, dst) = self.paths.better(path);
        self.queue.push_back(PeerOutput::Transmit {
            protocol,
            src,
            dst,
            bytes,
        });
        true
    }

    /// Tells the bandwidth estimator what we would like to send in the end: it probes up to there.
    pub fn set_desired(&mut self, desired: Bitrate) {
        self.egress.set_desired(desired, self.now);
    }
}
