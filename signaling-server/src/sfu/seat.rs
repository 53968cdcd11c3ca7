//! One participant's peer connection: which line carries which track, and which line is which slot.

use crate::sfu::clock::SenderClock;
use crate::sfu::directory::{Path, PeerKey};
use crate::sfu::worker::Io;
use confab_base::{MediaKind, ParticipantId, TrackId, VideoCodec};
use confab_forward::{LayerSpec, SlotSpec};
use confab_protocol::{Limited, Publish, Slot, SlotState};
use confab_room::PublishedLine;
use confab_transport::{Codec, LineInfo, MediaBatch, Mid, Peer, Rid};
use std::time::{Duration, Instant};

/// After [`confab_transport::PeerEvent::Disconnected`] (4 s of silence) a peer is given this long to come back.
const GIVEN_UP: Duration = Duration::from_secs(9);
/// A peer that never got through is given up after this.
const NEVER_UP: Duration = Duration::from_secs(30);

/// Receiving lines a peer connection may have had in its life: each keeps its number.
const MOST_SLOTS: usize = 256;
/// Layers of a line, at most.
const LAYERS: usize = 3;
/// A sender silent for this long has made room for another one on its line.
const SILENT: Duration = Duration::from_secs(1);
/// A line's codec changes no sooner after the last change.
const CODEC_HELD: Duration = Duration::from_secs(1);

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
    /// When the codec was last changed by what came.
    codec_at: Option<Instant>,
    /// When a key frame was last asked for to change it with.
    codec_asked: Option<Instant>,
    /// What each layer was last heard under, and when.
    heard: [Option<(u32, Instant)>; LAYERS],
}

/// Whose packet it is, on a line that has one sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The one's that is heard, or the first.
    Same,
    /// Another's, whose numbering is its own: the one before fell silent.
    Other,
    /// Another's, while the one before still sends.
    Foreign,
}

/// A line the participant receives on.
pub(crate) struct Receiving {
    pub mid: Mid,
    pub kind: MediaKind,
    pub codecs: Vec<Codec>,
    /// The payload type of plain Opus, if the line takes RED.
    pub red: Option<u8>,
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

    /// Whether the peer connection has had so many receiving lines that it has to be replaced.
    pub fn is_worn_out(&self) -> bool {
        let lines = self.peer.lines().iter().filter(|l| l.sends);
        let is_new = |l: &&LineInfo| self.slot_of(l.mid).is_none();
        self.slots.len() + lines.filter(is_new).count() > MOST_SLOTS
    }

    /// Takes over what an accepted offer says of the lines.
    pub fn map_lines(&mut self, publish: &[PublishedLine], decodes: Vec<VideoCodec>) {
        let lines = self.peer.lines();
        let line = |mid: Mid| lines.iter().find(|l| l.mid == mid && l.receives);
        let mut before = std::mem::take(&mut self.published);
        let sending = publish.iter().filter_map(|p| {
            let mid = Mid::from(p.publish.mid.as_str());
            let agreed = &line(mid)?.codecs;
            let codec = agreed.first()?.codec;
            let same = |s: &Sending| s.mid == mid && s.track == p.track;
            let known = before
                .iter()
                .position(same)
                .map(|at| before.swap_remove(at));
            let mut sending = match known {
                Some(known) if agreed.iter().any(|c| Some(c.codec) == known.codec) => known,
                _ => Sending::new(mid, p, codec),
            };
            sending.publish.clone_from(&p.publish);
            (codec.kind() == p.publish.source.kind()).then_some(sending)
        });
        self.published = sending.collect();
        for line in lines.iter().filter(|l| l.sends) {
            let (codecs, red) = (codecs(line), plain_of_red(line));
            match self.slots.iter_mut().find(|s| s.mid == line.mid) {
                Some(known) => (known.codecs, known.red) = (codecs, red),
                None => self.slots.push(Receiving {
                    mid: line.mid,
                    kind: line.kind,
                    codecs,
                    red,
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
            videos.peek().is_none() || videos.any(|s| s.codecs.contains(&codec))
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
                red: self.slots[at].red,
            })
        };
        view.iter().filter_map(spec).collect()
    }

    /// A picture to it is smaller than it wants since the way to it is too narrow.
    pub fn is_held_back(&self) -> bool {
        let mut states = self.slots.iter().filter_map(|s| s.state.as_ref());
        states.any(|s| s.track.is_some() && s.limited == Limited::Bandwidth)
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

    /// Sends the media the peer has ready. True if repair of it is due: then the peer is to be polled.
    pub fn send_media(&mut self, now: Instant, io: &mut Io) -> bool {
        self.loaded = None;
        self.is_urgent = false;
        let mut buffer = std::mem::take(&mut io.buffer);
        let send = |batch: MediaBatch<'_>| io.send_batch(&batch);
        self.peer.flush_media(&mut buffer, now, send);
        io.buffer = buffer;
        self.peer.repairs_soon()
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
}

impl Sending {
    fn new(mid: Mid, line: &PublishedLine, codec: Codec) -> Sending {
        Sending {
            mid,
            track: line.track,
            publish: line.publish.clone(),
            codec: Some(codec),
            codec_at: None,
            codec_asked: None,
            heard: [None; LAYERS],
        }
    }

    /// Notes who sends a layer. Numbers of two senders at a time would mix, so the second is not let in.
    pub fn hear(&mut self, layer: u8, ssrc: u32, now: Instant) -> Heard {
        let Some(heard) = self.heard.get_mut(usize::from(layer)) else {
            return Heard::Foreign;
        };
        let verdict = match *heard {
            Some((known, at)) if known != ssrc => {
                if now.saturating_duration_since(at) < SILENT {
                    return Heard::Foreign;
                }
                Heard::Other
            }
            _ => Heard::Same,
        };
        *heard = Some((ssrc, now));
        verdict
    }

    /// Whether a packet of another codec than the last changes the line's: a browser may choose another of those agreed
    /// on. It does so with a key frame (`is_start`), and not all the time.
    pub fn follow(&mut self, codec: Codec, is_start: bool, now: Instant) -> bool {
        let settled = |at: Instant| now.saturating_duration_since(at) >= CODEC_HELD;
        let follows = is_start
            && codec.kind() == self.publish.source.kind()
            && self.codec_at.is_none_or(settled);
        if follows {
            self.codec = Some(codec);
            self.codec_at = Some(now);
        }
        follows
    }

    /// Whether a packet of another codec that [`Sending::follow`] refused is a reason to ask for a key frame: the one the sender
    /// changed with may be lost.
    pub fn misses_start(&mut self, codec: Codec, now: Instant) -> bool {
        let rested = |at: Option<Instant>| {
            at.is_none_or(|at| now.saturating_duration_since(at) >= CODEC_HELD)
        };
        let misses = codec.kind() == self.publish.source.kind()
            && rested(self.codec_at)
            && rested(self.codec_asked);
        if misses {
            self.codec_asked = Some(now);
        }
        misses
    }

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

/// The payload type of the frames inside RED packets, where RED was agreed on.
fn plain_of_red(line: &LineInfo) -> Option<u8> {
    line.codecs.iter().find(|c| c.red.is_some()).map(|c| c.pt)
}

/// Identifies a seat in log lines.
pub(crate) fn name(room: u64, participant: ParticipantId) -> String {
    format!("room {room} {participant}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_base::Source;

    fn camera() -> Sending {
        let publish = Publish {
            mid: "1".into(),
            source: Source::Camera,
            layers: Vec::new(),
        };
        let line = PublishedLine {
            track: TrackId(1),
            muted: false,
            publish,
        };
        Sending::new("1".into(), &line, Codec::H264)
    }

    #[test]
    fn a_line_has_one_sender_at_a_time() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut line = camera();
        assert_eq!(line.hear(0, 1, at(0)), Heard::Same);
        assert_eq!(line.hear(0, 2, at(500)), Heard::Foreign);
        assert_eq!(
            line.hear(1, 2, at(500)),
            Heard::Same,
            "layers have their own"
        );
        assert_eq!(line.hear(0, 1, at(900)), Heard::Same);
        assert_eq!(line.hear(0, 2, at(1800)), Heard::Foreign);
        assert_eq!(line.hear(0, 2, at(1900)), Heard::Other);
        assert_eq!(line.hear(0, 2, at(1901)), Heard::Same);
        assert_eq!(line.hear(0, 1, at(1902)), Heard::Foreign);
        assert_eq!(line.hear(9, 1, at(1902)), Heard::Foreign);
    }

    #[test]
    fn a_codec_changes_with_a_key_frame_and_seldom() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut line = camera();
        assert!(!line.follow(Codec::Vp8, false, at(0)), "inside a picture");
        assert!(!line.follow(Codec::Opus, true, at(0)), "no picture");
        assert!(line.follow(Codec::Vp8, true, at(10)));
        assert!(!line.follow(Codec::H264, true, at(900)), "too soon");
        assert_eq!(line.codec, Some(Codec::Vp8));
        assert!(line.follow(Codec::H264, true, at(1010)));
        assert!(!line.misses_start(Codec::Vp8, at(1900)), "one that is late");
        assert!(line.misses_start(Codec::Vp8, at(2010)));
        assert!(!line.misses_start(Codec::Vp8, at(2900)), "asked already");
        assert!(line.misses_start(Codec::Vp8, at(3010)));
    }
}
