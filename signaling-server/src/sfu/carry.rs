//! Between the forwarder and the peer connections: packets and events in, packets and requests out.

use crate::sfu::counters::Counters;
use crate::sfu::offers::announce;
use crate::sfu::room::Room;
use crate::sfu::seat::Heard;
use crate::sfu::worker::Io;
use confab_base::{ParticipantId, Reference, Time, TrackId};
use confab_forward::{Input, LinkHealth, Output, RtpIn, RtpOut, is_keyframe_start};
use confab_protocol::{LayersWanted, ParticipantQuality, SlotState};
use confab_room::{LinkSample, MediaEvent};
use confab_transport::{Codec, InPacket, OutPacket, PeerEvent, PeerStats};
use std::time::{Duration, Instant};

/// Larger payloads are dropped. Going out, up to 54 bytes of RTP header, extensions, resend number and tag come to it,
/// and 48 of UDP and IPv6: together they fit paths of 1500 bytes, and tunnels of 1420. A datagram too large for the way
/// out would be worse than lost: the kernel refuses the run it is sent in.
const MAX_PAYLOAD: usize = 1300;
/// Room above what the views take, for the estimator to prove: going up needs a margin.
const PROBE_MARGIN: f64 = 1.3;
/// Whoever lives says something more often.
const SILENT: Duration = Duration::from_secs(3);

/// What the packet handed to the forwarder brought along for those it leads to.
#[derive(Clone, Copy)]
pub(super) struct Media {
    codec: Codec,
    captured: Instant,
    /// More of the same frame is on its way.
    goes_on: bool,
}

impl Room {
    pub(super) fn event(
        &mut self,
        participant: ParticipantId,
        event: PeerEvent,
        now: Instant,
        io: &mut Io,
    ) {
        let time = self.time(now);
        let Some(seat) = self.seats.get_mut(&participant) else {
            return;
        };
        match event {
            PeerEvent::Rtp(packet) => self.media(participant, packet, now, io),
            PeerEvent::Connected => {
                seat.connected();
                self.tell(MediaEvent::Connected { participant }, false);
            }
            PeerEvent::Disconnected => {
                seat.silent(now);
                self.touch(participant);
            }
            PeerEvent::Closed => self.lost(participant, io, now),
            PeerEvent::KeyframeRequest { mid, .. } => {
                if let Some(slot) = seat.slot_of(mid) {
                    self.forwarder
                        .handle(Input::KeyframeRequest { participant, slot }, time);
                }
            }
            PeerEvent::Estimate(bitrate) => self.forwarder.handle(
                Input::Estimate {
                    participant,
                    bitrate,
                },
                time,
            ),
            PeerEvent::Reference { mid, reference, .. } => {
                if let Some(slot) = seat.slot_of(mid) {
                    let input = Input::Reference {
                        participant,
                        slot,
                        seq: reference.seq,
                        is_stuck: reference.is_stuck,
                    };
                    self.forwarder.handle(input, time);
                }
            }
            // Of clients alone.
            PeerEvent::Hold(_) => {}
            PeerEvent::Stats(stats) => {
                let heard = seat.heard;
                let is_held_back = seat.is_held_back();
                let health = health(&stats, self.time(heard));
                let sample = LinkSample {
                    participant,
                    loss_up: health.loss_up,
                    loss_down: health.loss_down,
                    rtt: health.rtt,
                    queued_down: health.queued_down,
                    held_back: is_held_back,
                    silent: now.saturating_duration_since(heard) >= SILENT,
                };
                self.note_link(sample, now);
                self.forwarder.handle(
                    Input::Health {
                        participant,
                        health,
                    },
                    time,
                );
            }
        }
    }

    fn media(&mut self, participant: ParticipantId, packet: InPacket, now: Instant, io: &mut Io) {
        let time = self.time(now);
        let Some(seat) = self.seats.get_mut(&participant) else {
            return;
        };
        let source = seat
            .source(packet.mid, packet.rid)
            .filter(|_| packet.payload.len() <= MAX_PAYLOAD);
        let Some((sending, layer)) = source else {
            Counters::add(&io.shared.counters.unroutable, 1);
            return;
        };
        let track = sending.track;
        let heard = sending.hear(layer, packet.ssrc, now);
        if heard == Heard::Foreign {
            Counters::add(&io.shared.counters.unroutable, 1);
            return;
        }
        if heard == Heard::Other {
            self.forwarder.handle(Input::Restarted { track }, time);
        }
        let mut changed = None;
        if sending.codec != Some(packet.codec) {
            let codec = packet.codec.video();
            let is_start =
                codec.is_some_and(|c| is_keyframe_start(c, packet.tag, &packet.payload, || true));
            if !sending.follow(packet.codec, is_start, now) {
                Counters::add(&io.shared.counters.unroutable, 1);
                if sending.misses_start(packet.codec, now) {
                    seat.peer.request_keyframe(packet.mid, packet.rid);
                    self.touch(participant);
                }
                return;
            }
            announce(&mut self.forwarder, participant, sending, time);
            changed = codec;
        }
        let captured = seat.clock.captured(
            packet.report,
            packet.timestamp,
            packet.codec.clock_rate(),
            packet.received,
        );
        if let Some(codec) = changed {
            let event = MediaEvent::Codec {
                participant,
                track,
                codec,
            };
            self.tell(event, true);
        }
        let media = Media {
            codec: packet.codec,
            captured,
            goes_on: packet.codec != Codec::Opus && !packet.marker,
        };
        let rtp = RtpIn {
            seq: packet.seq,
            timestamp: packet.timestamp,
            marker: packet.marker,
            payload: packet.payload,
            red: packet.red,
            audio_level: packet.audio_level,
            voice: packet.voice.unwrap_or(false),
            tag: packet.tag,
        };
        self.forwarder.handle(
            Input::Packet {
                track,
                layer,
                packet: rtp,
            },
            time,
        );
        self.carry_out(Some(media), now, io);
    }

    /// Does what the forwarder wants done. Packets come only while one was handed in: `media`.
    pub(super) fn carry_out(&mut self, media: Option<Media>, now: Instant, io: &mut Io) {
        let mut forwarded = 0;
        while let Some(output) = self.forwarder.poll_output() {
            match output {
                Output::Send {
                    participant,
                    slot,
                    packet,
                } => {
                    if let Some(media) = media {
                        forwarded += u64::from(self.send((participant, slot), packet, media, now));
                    }
                }
                Output::RequestKeyframe { track, layer } => self.request_keyframe(track, layer),
                Output::Acknowledged { track, layer, seq } => {
                    self.refer(track, layer, (seq, false));
                }
                Output::Recover { track, layer, seq } => self.refer(track, layer, (seq, true)),
                Output::Speakers(speakers) => self.tell(MediaEvent::Speakers(speakers), false),
                Output::Quality(levels) => {
                    let level = |(participant, level)| ParticipantQuality { participant, level };
                    self.tell(
                        MediaEvent::Quality(levels.into_iter().map(level).collect()),
                        false,
                    );
                }
                Output::SameRoom(pairs) => self.tell(MediaEvent::SameRoom(pairs), true),
                Output::LayersWanted {
                    participant,
                    track,
                    layers,
                } => {
                    let wanted = LayersWanted { track, layers };
                    let event = MediaEvent::LayersWanted {
                        participant,
                        wanted,
                    };
                    self.tell(event, true);
                }
                Output::VoiceLoss { participant, loss } => {
                    self.tell(MediaEvent::VoiceLoss { participant, loss }, true);
                }
                Output::SlotState { participant, state } => self.slot_state(participant, state),
                Output::Desired {
                    participant,
                    bitrate,
                } => {
                    if let Some(seat) = self.seats.get_mut(&participant) {
                        seat.peer.set_desired(bitrate.scaled(PROBE_MARGIN));
                        self.touch(participant);
                    }
                }
            }
        }
        Counters::add(&io.shared.counters.forwarded, forwarded);
    }

    fn send(
        &mut self,
        (participant, slot): (ParticipantId, u16),
        packet: RtpOut,
        media: Media,
        now: Instant,
    ) -> bool {
        let Some(seat) = self.seats.get_mut(&participant) else {
            return false;
        };
        let Some(mid) = seat.slots.get(usize::from(slot)).map(|s| s.mid) else {
            return false;
        };
        let out = OutPacket {
            codec: media.codec,
            seq: packet.seq,
            timestamp: packet.timestamp,
            marker: packet.marker,
            payload: packet.payload,
            red: packet.red,
            audio_level: packet.audio_level,
            voice: packet.voice,
            tag: packet.tag,
            captured: media.captured,
        };
        if !seat.peer.is_connected() || seat.peer.send_rtp(mid, None, out, now).is_err() {
            return false;
        }
        seat.is_urgent |= !media.goes_on;
        if seat.loaded.is_none() {
            seat.loaded = Some(now);
            self.loaded.push(participant);
        }
        true
    }

    /// Tells a publisher what all have of a layer, and whether one of them is stuck there; a browser only takes the latter, as a request
    /// for a key frame.
    fn refer(&mut self, track: TrackId, layer: u8, (seq, is_stuck): (u64, bool)) {
        let reference = Reference {
            seq: seq as u32,
            is_stuck,
        };
        let owner = self.seats.iter_mut().find_map(|(who, seat)| {
            let sending = seat.published.iter().find(|p| p.track == track)?;
            let (mid, rid) = (sending.mid, sending.rid(layer));
            if !seat.peer.refer(mid, rid, reference) && is_stuck {
                seat.peer.request_keyframe(mid, rid);
            }
            Some(*who)
        });
        if let Some(owner) = owner {
            self.touch(owner);
        }
    }

    fn request_keyframe(&mut self, track: TrackId, layer: u8) {
        let owner = self.seats.iter_mut().find_map(|(who, seat)| {
            let sending = seat.published.iter().find(|p| p.track == track)?;
            let (mid, rid) = (sending.mid, sending.rid(layer));
            seat.peer.request_keyframe(mid, rid);
            Some(*who)
        });
        if let Some(owner) = owner {
            self.touch(owner);
        }
    }

    fn slot_state(&mut self, participant: ParticipantId, state: confab_forward::SlotState) {
        let Some(seat) = self.seats.get_mut(&participant) else {
            return;
        };
        if let Some(slot) = seat.slots.get_mut(usize::from(state.slot)) {
            slot.state = Some(SlotState {
                mid: slot.mid.as_str().to_owned(),
                track: state.track,
                height: state.height,
                limited: state.limited,
            });
            self.slots_changed.insert(participant);
        }
    }
}

fn health(stats: &PeerStats, heard: Time) -> LinkHealth {
    LinkHealth {
        loss_up: stats.receive_loss.unwrap_or(0.0),
        loss_down: stats.send_loss.unwrap_or(0.0),
        burst_down: stats.send_burst,
        queued_down: stats.send_queued,
        rtt: stats.rtt,
        heard,
    }
}
