//! The pipeline's way to the network: gives packets the line, layer and sequence number they have in the current peer
//! connection.

use confab_base::{Reference, Source};
use confab_pipeline::{Network, SentPacket, clock};
use confab_transport::driver::MediaSender;
use confab_transport::{Codec, Mid, OutPacket, Rid};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where a source goes.
#[derive(Clone, Debug)]
pub(crate) struct SendLineUse {
    pub(crate) source: Source,
    pub(crate) mid: Mid,
    /// By layer; empty: no simulcast.
    pub(crate) rids: Vec<Rid>,
}

/// One peer connection as the media threads see it.
#[derive(Debug)]
struct Link {
    sender: MediaSender,
    up: bool,
    lines: Vec<SendLineUse>,
    video_slots: Vec<Mid>,
    /// Sequence numbers start anew with each peer connection, since the receiver's roll-over counter does.
    rebase: HashMap<(Source, usize), u64>,
}

/// Shared by the media threads and the client's loop. The lock is held for a few assignments per packet.
#[derive(Debug, Default)]
pub(crate) struct ClientNetwork {
    link: Mutex<Option<Link>>,
}

impl ClientNetwork {
    fn link(&self) -> MutexGuard<'_, Option<Link>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another peer connection from now on; nothing is sent until [`ClientNetwork::set_up`].
    pub(crate) fn replace(&self, sender: Option<MediaSender>) {
        *self.link() = sender.map(|sender| Link {
            sender,
            up: false,
            lines: Vec::new(),
            video_slots: Vec::new(),
            rebase: HashMap::new(),
        });
    }

    pub(crate) fn set_lines(&self, lines: Vec<SendLineUse>, video_slots: Vec<Mid>) {
        if let Some(link) = self.link().as_mut() {
            link.lines = lines;
            link.video_slots = video_slots;
        }
    }

    pub(crate) fn set_up(&self, up: bool) {
        if let Some(link) = self.link().as_mut() {
            link.up = up;
        }
    }
}

impl Network for ClientNetwork {
    fn send(&self, source: Source, layer: usize, packets: Vec<SentPacket>) {
        let mut guard = self.link();
        let Some(link) = guard.as_mut().filter(|l| l.up) else {
            return;
        };
        let Some(line) = link.lines.iter().find(|l| l.source == source) else {
            return;
        };
        let (mid, rid) = (line.mid, line.rids.get(layer).copied());
        let Some(first) = packets.first() else { return };
        let base = *link.rebase.entry((source, layer)).or_insert(first.seq);
        let codec = first.codec.map_or(Codec::Opus, Codec::from_video);
        let packets = packets
            .into_iter()
            .map(|p| OutPacket {
                codec,
                seq: p.seq.saturating_sub(base) + FIRST_SEQ,
                timestamp: p.timestamp,
                marker: p.marker,
                payload: p.payload,
                red: p.red,
                audio_level: p.audio_level,
                voice: p.voice,
                tag: p.tag,
                captured: clock::instant(p.captured),
            })
            .collect();
        link.sender.send(mid, rid, packets);
    }

    fn request_keyframe(&self, slot: usize) {
        if let Some(link) = self.link().as_ref()
            && let Some(mid) = link.video_slots.get(slot)
        {
            link.sender.request_keyframe(*mid, None);
        }
    }

    fn refer(&self, slot: usize, reference: Reference) {
        if let Some(link) = self.link().as_ref()
            && let Some(mid) = link.video_slots.get(slot)
        {
            link.sender.refer(*mid, reference);
        }
    }
}

impl ClientNetwork {
    /// What the other end says of a layer's packets, by the numbers they have at the pipeline.
    pub(crate) fn origin(&self, source: Source, layer: usize, seq: u32) -> Option<u32> {
        let link = self.link();
        let base = link.as_ref()?.rebase.get(&(source, layer))?;
        Some(
            seq.wrapping_sub(FIRST_SEQ as u32)
                .wrapping_add(*base as u32),
        )
    }
}

/// Far from both ends of the 16 bits: neither reordering before it nor an early roll-over.
const FIRST_SEQ: u64 = 4096;
