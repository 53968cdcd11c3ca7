//! What a peer sends: media, key-frame requests, and how much of it. A client's media goes through str0m, which paces
//! it; a server's through [`crate::egress`].

use crate::egress::MediaBatch;
use crate::peer::bps;
use crate::{Codec, Mid, OutPacket, Peer, PeerOutput, Rid, SendError};
use confab_base::Bitrate;
use std::time::Instant;
use str0m::media::KeyframeRequestKind;
use str0m::rtp::{ExtensionValues, RtpWrite};

impl Peer {
    /// Queues an RTP packet. It leaves in the following [`Peer::poll`] rounds or, in a server, with the next
    /// [`Peer::flush_media`]: audio at once, a client's video paced to the bandwidth estimate. Video is kept for
    /// retransmission.
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
        if let Some(egress) = &mut self.egress {
            return match rid {
                None => egress.send(mid, &packet, now),
                Some(_) => Err(SendError::NoLine),
            };
        }
        let line = self.lines.get(mid).filter(|l| l.sends);
        let pt = line
            .ok_or(SendError::NoLine)?
            .codecs
            .iter()
            .find(|c| c.codec == packet.codec)
            .and_then(|c| c.pt_of(packet.red))
            .ok_or(SendError::NoCodec)?;
        let mut api = self.rtc.direct_api();
        let stream = api
            .stream_tx_by_mid(mid.0, rid.map(|r| r.0))
            .ok_or(SendError::NoLine)?;
        let extensions = ExtensionValues {
            audio_level: packet.audio_level.map(|l| -(l.0.min(127) as i8)),
            voice_activity: packet.audio_level.map(|_| packet.voice),
            ..Default::default()
        };
        let is_video = packet.codec != Codec::Opus;
        let (seq, time) = (packet.seq.into(), packet.timestamp);
        // A mapping in the future would make reports with timestamp 0.
        let captured = packet.captured.min(now);
        stream.write_rtp(
            RtpWrite::new(pt.into(), seq, time, captured, packet.payload)
                .marker(packet.marker)
                .ext_vals(extensions)
                .nackable(is_video),
        );
        Ok(())
    }

    /// Hands out what a server's [`Peer::send_rtp`] gathered, in one piece, so that it can leave in few system calls.
    /// Whoever does not call this gets the packets one by one from [`Peer::poll`].
    pub fn flush_media(&mut self, send: impl FnOnce(MediaBatch<'_>)) {
        let Some(egress) = self.egress.as_mut().filter(|e| e.has_media()) else {
            return;
        };
        if let Some(path) = egress.path {
            send(egress.media(self.paths.better(path)));
            egress.clear_media();
        }
    }

    pub(crate) fn queue_media(&mut self) {
        let mut packets = Vec::new();
        self.flush_media(|batch| {
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

    /// Asks the sender of this line (and layer) for a key frame, by PLI. Nothing happens before its first packet came.
    pub fn request_keyframe(&mut self, mid: Mid, rid: Option<Rid>) {
        let mut api = self.rtc.direct_api();
        if let Some(stream) = api.stream_rx_by_mid(mid.0, rid.map(|r| r.0)) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// Tells the bandwidth estimator what we would like to send in the end (it probes up to there), and what rate to
    /// keep up with padding where media sends less, so that a next layer can be tried; zero: no padding. A server only
    /// probes.
    pub fn set_bitrate(&mut self, sustained: Bitrate, desired: Bitrate) {
        match &mut self.egress {
            Some(egress) => egress.set_desired(desired, self.now),
            None => self.rtc.bwe().set_bitrate(bps(sustained), bps(desired)),
        }
    }
}
