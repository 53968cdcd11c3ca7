//! Offers and views: what a participant's peer connection is, carries and shows.

use crate::sfu::counters::Counters;
use crate::sfu::room::Room;
use crate::sfu::seat::{Seat, Sending, name};
use crate::sfu::worker::Io;
use confab_base::{Code, ParticipantId, Time, TrackId, VideoCodec};
use confab_forward::{Forwarder, Input};
use confab_room::{MediaEvent, PublishedLine};
use confab_transport::{Codec, Peer, PeerConfig, Protocol, SdpError};
use std::time::Instant;

/// Peer connections of one worker; further offers are refused as overload.
const MOST_PEERS: usize = 4096;

pub(crate) struct Offer {
    pub participant: ParticipantId,
    pub ticket: u64,
    pub generation: u32,
    pub sdp: String,
    pub publish: Vec<PublishedLine>,
    pub decodes: Vec<VideoCodec>,
}

impl Room {
    pub(super) fn offer(&mut self, offer: Offer, now: Instant, io: &mut Io) {
        match self.try_offer(&offer, now, io) {
            Ok(answer) => self.tell(answer, true),
            Err((code, message)) => {
                tracing::debug!(seat = name(self.key, offer.participant), %code, message, "offer refused");
                let Offer {
                    participant,
                    ticket,
                    generation,
                    ..
                } = offer;
                self.tell(
                    MediaEvent::OfferFailed {
                        participant,
                        ticket,
                        generation,
                        code,
                        message,
                    },
                    true,
                );
            }
        }
    }

    fn try_offer(
        &mut self,
        offer: &Offer,
        now: Instant,
        io: &mut Io,
    ) -> Result<MediaEvent, (Code, String)> {
        let participant = offer.participant;
        let held = self.seats.get(&participant).map(|s| s.generation);
        let is_new = held != Some(offer.generation);
        if let Some(newer) = held.filter(|held| offer.generation < *held) {
            return Err((
                Code::StaleGeneration,
                format!("peer connection {newer} is newer"),
            ));
        }
        let bad_sdp = |e: SdpError| (Code::BadSdp, e.to_string());
        let sdp = if is_new {
            if io.peers.len() >= MOST_PEERS {
                return Err((Code::Overloaded, "too many peer connections".into()));
            }
            let (peer, sdp) = accept(&offer.sdp, now, io).map_err(bad_sdp)?;
            self.retire(participant, io);
            self.admit(participant, offer.generation, peer, now, io);
            sdp
        } else {
            let Some(seat) = self.seats.get_mut(&participant) else {
                return Err((Code::StaleGeneration, "no such peer connection".into()));
            };
            match seat.peer.accept_offer(&offer.sdp) {
                Ok(_) if seat.is_worn_out() => {
                    self.lost(participant, io, now);
                    return Err((Code::Overloaded, "too many lines came and went".into()));
                }
                Ok(sdp) => sdp,
                Err(error) => {
                    if matches!(error, SdpError::Refused(_)) {
                        // Half of it may be done: nobody knows what the peer connection is now.
                        self.lost(participant, io, now);
                    }
                    return Err(bad_sdp(error));
                }
            }
        };
        let codecs = self.publish(offer, is_new, now);
        self.apply_view(participant, now);
        self.touch(participant);
        let (ticket, generation) = (offer.ticket, offer.generation);
        Ok(MediaEvent::Answer {
            participant,
            ticket,
            generation,
            sdp,
            codecs,
        })
    }

    fn admit(
        &mut self,
        participant: ParticipantId,
        generation: u32,
        peer: Peer,
        now: Instant,
        io: &mut Io,
    ) {
        let key = io.shared.directory.peer_key(io.index);
        let seat = Seat::new(generation, key, peer, now);
        io.shared.directory.add_name(seat.ufrag.clone(), key);
        io.peers.insert(key, (self.key, participant));
        Counters::add(&io.shared.counters.peers, 1);
        // Its lines are others: what they show is to be said anew.
        self.views.remove(&participant);
        self.seats.insert(participant, seat);
        let time = self.time(now);
        self.forwarder.handle(Input::NewLeg { participant }, time);
    }

    /// Tells the forwarder what the participant sends and decodes now; the codec of each video track.
    fn publish(
        &mut self,
        offer: &Offer,
        restarted: bool,
        now: Instant,
    ) -> Vec<(TrackId, VideoCodec)> {
        let time = self.time(now);
        let participant = offer.participant;
        let Some(seat) = self.seats.get_mut(&participant) else {
            return Vec::new();
        };
        seat.map_lines(&offer.publish, offer.decodes.clone());
        let decodes = seat.decodes.clone();
        self.forwarder.handle(
            Input::Join {
                participant,
                decodes,
            },
            time,
        );
        let gone: Vec<TrackId> = self
            .forwarder
            .tracks_of(participant)
            .filter(|track| !seat.published.iter().any(|p| p.track == *track))
            .collect();
        for track in gone {
            self.forwarder.handle(Input::Unpublish { track }, time);
        }
        let mut codecs = Vec::new();
        for sending in &seat.published {
            announce(&mut self.forwarder, participant, sending, time);
            let track = sending.track;
            let codec = sending.codec.and_then(Codec::video);
            if restarted {
                self.forwarder.handle(Input::Restarted { track }, time);
            }
            codecs.extend(codec.map(|c| (track, c)));
        }
        for line in &offer.publish {
            self.forwarder.handle(
                Input::Mute {
                    track: line.track,
                    muted: line.muted,
                },
                time,
            );
        }
        codecs
    }

    pub(super) fn apply_view(&mut self, participant: ParticipantId, now: Instant) {
        let time = self.time(now);
        if let (Some(seat), Some(view)) =
            (self.seats.get(&participant), self.views.get(&participant))
        {
            let (slots, most) = (seat.view(&view.slots), view.most);
            // First how much, then what: nothing above it goes out in between.
            let cap = Input::Cap { participant, most };
            self.forwarder.handle(cap, time);
            self.forwarder
                .handle(Input::View { participant, slots }, time);
        }
    }
}

fn accept(offer: &str, now: Instant, io: &Io) -> Result<(Peer, String), SdpError> {
    let mut peer = Peer::new(PeerConfig::lite_server(), now);
    for addr in &io.shared.announced.udp {
        peer.add_local_candidate(*addr, Protocol::Udp);
    }
    for addr in &io.shared.announced.tcp {
        peer.add_local_candidate(*addr, Protocol::Tcp);
    }
    let answer = peer.accept_offer(offer)?;
    Ok((peer, answer))
}

/// Tells the forwarder of a track, or of its new codec; the same track and codec again change nothing.
pub(super) fn announce(
    forwarder: &mut Forwarder,
    participant: ParticipantId,
    sending: &Sending,
    time: Time,
) {
    forwarder.handle(
        Input::Publish {
            participant,
            track: sending.track,
            source: sending.publish.source,
            codec: sending.codec.and_then(Codec::video),
            layers: sending.layers(),
        },
        time,
    );
}
