//! One participant's peer connection: which line carries which track, and which line is which slot.

use crate::sfu::clock::SenderClock;
use crate::sfu::directory::{Path, PeerKey};
use crate::sfu::worker::Io;
use confab_base::{MediaKind, ParticipantId, TrackId, VideoCodec};
use confab_forward::{LayerSpec, SlotSpec};
use confab_protocol::{Publish, Slot, SlotState};
use confab_room::PublishedLine;
use confab_transport::{Codec, LineInfo, Mid, Peer, Protocol, Rid};
use std::time::{Duration, Instant};

/// After [`confab_transport::PeerEvent::Disconnected`] (4 s of silence) a peer is given this long to come back.
const GIVEN_UP: Duration = Duration::from_secs(9);
/// A peer that never got through is given up after this.
const NEVER_UP: Duration = Duration::from_secs(30);

pub(crate) struct Seat {
    pub generation: u32,
    pub key: PeerKey,
    pub peer: Peer,
    pub ufrag: String,
    /// Addresses the directory knows it by.
    pub paths: Vec<Path>,
    pub published: Vec<Sending>,
    /// The slot's number is its place here; lines are only added.
    pub slots: Vec<Receiving>,
    pub decodes: Vec<VideoCodec>,
    pub clock: SenderClock,
    pub heard: Instant,
    pub is_dirty: bool,
    /// Since when media waits in the peer to be sent, and whether it waits for nothing more.
    pub loaded: Option<Instant>,
    pub is_urgent: bool,
    /// The deadline it is scheduled for, in the room.
    pub scheduled: Option<Instant>,
    made: Instant,
    connected: bool,
    silent_since: Option<Instant>,
}

/// A line the participant sends on.
pub(crate) struct Sending {
    pub mid: Mid,
    pub track: TrackId,
    pub publish: Publish,
    pub codec: Option<Codec>,
}

/// A line the participant receives on.
pub(crate) struct Receiving {
    pub mid: Mid,
    pub kind: MediaKind,
    pub codecs: Vec<Codec>,
    pub state: Option<SlotState>,
}

impl Seat {
    pub fn new(generation: u32, key: PeerKey, mut peer: Peer, now: Instant) -> Seat {
        Seat {
            generation,
            key,
            ufrag: peer.local_ufrag(),
            peer,
            paths: Vec::new(),
            published: Vec::new(),
            slots: Vec::new(),
            decodes: Vec::new(),
            clock: SenderClock::new(now),
            heard: now,
            is_dirty: false,
            loaded: None,
            is_urgent: false,
            scheduled: None,
            made: now,
            connected: false,
            silent_since: None,
        }
    }

    /// Takes over what an accepted offer says of the lines.
    pub fn map_lines(&mut self, publish: &[PublishedLine], decodes: Vec<VideoCodec>) {
        let lines = self.peer.lines();
        let line = |mid: Mid| lines.iter().find(|l| l.mid == mid && l.receives);
        let sending = publish.iter().filter_map(|p| {
            let mid = Mid::from(p.publish.mid.as_str());
            let codec = line(mid)?.codecs.first()?.codec;
            (codec.kind() == p.publish.source.kind()).then(|| Sending {
                mid,
                track: p.track,
                publish: p.publish.clone(),
                codec: Some(codec),
            })
        });
        self.published = sending.collect();
        for line in lines.iter().filter(|l| l.sends) {
            let codecs = codecs(line);
            match self.slots.iter_mut().find(|s| s.mid == line.mid) {
                Some(known) => known.codecs = codecs,
                None => self.slots.push(Receiving {
                    mid: line.mid,
                    kind: line.kind,
                    codecs,
                    state: None,
                }),
            }
        }
        // What it says it decodes and what its lines were negotiated for can differ; only both together works.
        let usable = |codec: &VideoCodec| {
            let mut videos = self
                .slots
                .iter()
                .filter(|s| s.kind == MediaKind::Video)
                .peekable();
            let codec = Codec::from_video(*codec);
            videos.peek().is_none() || videos.any(|s| codec.is_some_and(|c| s.codecs.contains(&c)))
        };
        self.decodes = decodes.into_iter().filter(usable).collect();
    }

    /// The view in the forwarder's terms. Slots without a line are left out until an offer brings it.
    pub fn view(&self, view: &[Slot]) -> Vec<SlotSpec> {
        let spec = |slot: &Slot| {
            let mid = Mid::from(slot.mid.as_str());
            let at = self.slots.iter().position(|s| s.mid == mid)?;
            let kind = self.slots[at].kind;
            Some(SlotSpec {
                slot: at as u16,
                kind,
                track: slot.track,
                max_height: slot.max_height,
            })
        };
        view.iter().filter_map(spec).collect()
    }

    pub fn slot_of(&self, mid: Mid) -> Option<u16> {
        self.slots
            .iter()
            .position(|s| s.mid == mid)
            .map(|i| i as u16)
    }

    /// The track and layer of an incoming packet.
    pub fn source(&mut self, mid: Mid, rid: Option<Rid>) -> Option<(&mut Sending, u8)> {
        let sending = self.published.iter_mut().find(|p| p.mid == mid)?;
        let layers = &sending.publish.layers;
        let layer = match rid {
            Some(rid) if layers.len() > 1 => layers.iter().position(|l| l.rid == rid.as_str())?,
            _ => 0,
        };
        Some((sending, layer as u8))
    }

    /// Sends the media the peer has ready.
    pub fn send_media(&mut self, io: &mut Io) {
        self.loaded = None;
        self.is_urgent = false;
        self.peer.flush_media(|batch| io.send_batch(&batch));
    }

    pub fn connected(&mut self) {
        self.connected = true;
        self.silent_since = None;
    }

    pub fn silent(&mut self, now: Instant) {
        self.silent_since.get_or_insert(now);
    }

    /// When the peer is given up if nothing changes.
    pub fn gives_up(&self) -> Option<Instant> {
        match self.silent_since {
            Some(since) => Some(since + GIVEN_UP),
            None if !self.connected => Some(self.made + NEVER_UP),
            None => None,
        }
    }

    /// Whether bytes to this address are the answer to a check, which proves the path.
    pub fn proves(&self, protocol: Protocol, to: std::net::SocketAddr, bytes: &[u8]) -> bool {
        bytes.starts_with(&[1, 1]) && !self.paths.contains(&(protocol, to))
    }
}

impl Sending {
    pub fn layers(&self) -> Vec<LayerSpec> {
        let spec = |l: &confab_protocol::Layer| LayerSpec {
            height: l.height,
            max_bitrate: confab_base::Bitrate(l.max_bitrate.clamp(20_000, 50_000_000)),
        };
        self.publish.layers.iter().map(spec).collect()
    }

    /// The rid to ask a key frame of.
    pub fn rid(&self, layer: u8) -> Option<Rid> {
        let layers = &self.publish.layers;
        let layer = layers
            .get(usize::from(layer))
            .filter(|l| layers.len() > 1 && !l.rid.is_empty())?;
        Some(Rid::from(layer.rid.as_str()))
    }
}

fn codecs(line: &LineInfo) -> Vec<Codec> {
    line.codecs.iter().map(|c| c.codec).collect()
}

/// Identifies a seat in log lines.
pub(crate) fn name(room: u64, participant: ParticipantId) -> String {
    format!("room {room} {participant}")
}
