//! Between the participants and the forwarding unit: offers and answers, tracks, views, and what is told back.

use crate::chat::DONE;
use crate::rate::Verdict;
use crate::room::{Moment, Outcome, Room};
use crate::seat::{PendingOffer, SeatMedia, View};
use crate::{ConnId, MediaCommand, MediaEvent, Output, PublishedLine};
use confab_base::{Bitrate, ParticipantId, Source, TrackId, VideoCodec, VoiceLoss};
use confab_protocol::{
    Code, Event, LayersWanted, Offer, ParticipantQuality, Publish, ReplyBody, ServerMessage, Slot,
    SlotState, Track,
};
use std::collections::BTreeMap;

/// Offers of one participant that may wait for their answers at a time.
const MOST_OFFERS: usize = 4;

struct Answer {
    ticket: u64,
    generation: u32,
    sdp: String,
    codecs: Vec<(TrackId, VideoCodec)>,
}

impl Room {
    pub(crate) fn offer(
        &mut self,
        conn: ConnId,
        who: ParticipantId,
        id: u32,
        offer: Offer,
        at: Moment,
    ) -> Outcome {
        let Some(seat) = self.seats.get_mut(&who) else {
            return Ok(None);
        };
        if seat.offers.ask(at.now) != Verdict::Fine {
            return Err((Code::TooFast, "too many offers"));
        }
        let media = &seat.media;
        if offer.generation < media.offered || offer.generation <= media.lost {
            return Err((Code::StaleGeneration, "a newer one was offered or lost"));
        }
        if media.offers.len() >= MOST_OFFERS {
            return Err((Code::Overloaded, "wait for the answers"));
        }
        self.hold_share(who, &offer.publish, at);
        let publish = self.number_lines(who, offer.publish);
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        let Some(seat) = self.seats.get_mut(&who) else {
            return Ok(None);
        };
        seat.media.offered = offer.generation;
        let decodes = seat.decodes.clone();
        let pending = PendingOffer {
            conn,
            id,
            publish: publish.clone(),
        };
        seat.media.offers.insert(ticket, pending);
        self.command(MediaCommand::Offer {
            participant: who,
            ticket,
            generation: offer.generation,
            sdp: offer.sdp,
            publish,
            decodes,
        });
        Ok(None)
    }

    /// A source keeps its track id for as long as it is offered without a break, over peer connections too, so that
    /// viewers need not look anew.
    fn number_lines(&mut self, who: ParticipantId, publish: Vec<Publish>) -> Vec<PublishedLine> {
        let seat = &self.seats[&who];
        let (known, muted) = (seat.media.lines.clone(), seat.muted.clone());
        let mut lines = BTreeMap::new();
        let mut numbered = Vec::with_capacity(publish.len());
        for publish in publish {
            let source = publish.source;
            let track = match known.get(&source) {
                Some(track) => *track,
                None => self.new_track(),
            };
            lines.insert(source, track);
            numbered.push(PublishedLine {
                track,
                muted: muted.contains(&source),
                publish,
            });
        }
        if let Some(seat) = self.seats.get_mut(&who) {
            seat.media.lines = lines;
        }
        numbered
    }

    pub(crate) fn view(
        &mut self,
        who: ParticipantId,
        slots: Vec<Slot>,
        most: Option<Bitrate>,
    ) -> Outcome {
        let shown = self.let_through(who, &slots);
        if let Some(seat) = self.seats.get_mut(&who) {
            seat.media.view = View {
                slots,
                shown: shown.clone(),
                most,
            };
        }
        self.command(MediaCommand::View {
            participant: who,
            slots: shown,
            most,
        });
        DONE
    }

    pub(crate) fn unpublish(&mut self, who: ParticipantId, source: Source, at: Moment) -> Outcome {
        let Some(seat) = self.seats.get_mut(&who) else {
            return DONE;
        };
        let published = seat.media.tracks.remove(&source);
        let line = seat.media.lines.remove(&source);
        if let Some(track) = line.or(published.as_ref().map(|t| t.id)) {
            self.command(MediaCommand::Unpublish { track });
        }
        if let Some(track) = published {
            self.announce(
                Event::TrackUnpublished {
                    participant: who,
                    track: track.id,
                },
                at,
            );
        }
        self.end_share(who, source, at);
        DONE
    }

    /// A share's mute ends with the share: nobody would find the switch for the next one.
    fn end_share(&mut self, who: ParticipantId, source: Source, at: Moment) {
        let Some(seat) = self.seats.get_mut(&who).filter(|_| source.is_shared()) else {
            return;
        };
        let is_gone = seat.media.ids(source).is_empty();
        if is_gone && seat.muted.remove(&source) {
            self.save_participant(who);
            self.announce(
                Event::MuteChanged {
                    participant: who,
                    source,
                    muted: false,
                    by: who,
                },
                at,
            );
        }
    }

    pub(crate) fn on_media(&mut self, event: MediaEvent, at: Moment) {
        match event {
            MediaEvent::Answer {
                participant,
                ticket,
                generation,
                sdp,
                codecs,
            } => {
                let answer = Answer {
                    ticket,
                    generation,
                    sdp,
                    codecs,
                };
                self.on_answer(participant, answer, at);
            }
            MediaEvent::OfferFailed {
                participant,
                ticket,
                code,
                message,
                ..
            } => self.on_offer_failed(participant, ticket, code, message),
            MediaEvent::Connected { .. } => {}
            MediaEvent::Lost {
                participant,
                generation,
            } => self.on_media_lost(participant, generation),
            MediaEvent::Speakers(participants) => self.on_speakers(participants, at),
            MediaEvent::Quality(levels) => self.on_quality(levels),
            MediaEvent::Links(samples) => self.on_links(&samples, at),
            MediaEvent::SameRoom(pairs) => self.on_same_room(pairs, at),
            MediaEvent::Slots { participant, slots } => self.on_slots(participant, slots),
            MediaEvent::Codec {
                participant,
                track,
                codec,
            } => self.on_codec(participant, track, codec, at),
            MediaEvent::LayersWanted {
                participant,
                wanted,
            } => self.on_layers_wanted(participant, wanted),
            MediaEvent::VoiceLoss { participant, loss } => self.on_voice_loss(participant, loss),
        }
    }

    fn on_codec(&mut self, who: ParticipantId, id: TrackId, codec: VideoCodec, at: Moment) {
        let Some(seat) = self.seats.get_mut(&who) else {
            return;
        };
        let Some(track) = seat.media.tracks.values_mut().find(|t| t.id == id) else {
            return;
        };
        if track.codec.replace(codec) == Some(codec) {
            return;
        }
        let track = track.clone();
        let published = Event::TrackPublished {
            participant: who,
            track,
        };
        self.announce(published, at);
    }

    fn on_answer(&mut self, who: ParticipantId, answer: Answer, at: Moment) {
        let Some(seat) = self.seats.get_mut(&who) else {
            return;
        };
        let Some(pending) = seat.media.offers.remove(&answer.ticket) else {
            return;
        };
        let generation = answer.generation;
        if generation > seat.media.generation && generation > seat.media.lost {
            seat.media.generation = generation;
            seat.media.slots.clear();
        }
        let heard = seat.conn() == Some(pending.conn);
        let before: Vec<Source> = seat.media.tracks.keys().copied().collect();
        for event in settle(who, &mut seat.media, pending.publish, &answer.codecs) {
            self.announce(event, at);
        }
        for source in before {
            self.end_share(who, source, at);
        }
        if heard {
            let body = ReplyBody::Answer {
                generation,
                sdp: answer.sdp,
            };
            let id = pending.id;
            self.send(pending.conn, ServerMessage::Reply { id, body });
        }
    }

    fn on_offer_failed(&mut self, who: ParticipantId, ticket: u64, code: Code, message: String) {
        let Some(seat) = self.seats.get_mut(&who) else {
            return;
        };
        let Some(pending) = seat.media.offers.remove(&ticket) else {
            return;
        };
        let mut restored = Vec::new();
        if seat.media.offers.is_empty() {
            let tracks = seat.media.tracks.iter();
            seat.media.lines = tracks.map(|(source, track)| (*source, track.id)).collect();
            // What was muted or unmuted while the offer waited holds for the tracks that stay.
            restored.extend(seat.media.lines.iter().map(|(source, track)| {
                let muted = seat.muted.contains(source);
                MediaCommand::Mute {
                    track: *track,
                    muted,
                }
            }));
        }
        if seat.conn() == Some(pending.conn) {
            let id = pending.id;
            self.send(pending.conn, ServerMessage::Error { id, code, message });
        }
        restored.into_iter().for_each(|mute| self.command(mute));
    }

    /// The tracks stay: the participant offers again at once, and keeps their ids.
    fn on_media_lost(&mut self, who: ParticipantId, generation: u32) {
        let Some(seat) = self.seats.get_mut(&who) else {
            return;
        };
        let media = &mut seat.media;
        let known = media.generation.max(1)..=media.offered;
        if !known.contains(&generation) || generation <= media.lost {
            return;
        }
        media.lost = generation;
        media.generation = 0;
        media.slots.clear();
        if let Some(conn) = seat.conn() {
            self.send(conn, ServerMessage::MediaLost { generation });
        }
    }

    fn on_speakers(&mut self, mut participants: Vec<ParticipantId>, at: Moment) {
        participants.retain(|p| self.seats.contains_key(p));
        self.speaking.follow(&participants, at.now);
        if participants != self.speakers {
            self.speakers = participants;
            self.tell_speakers(&[]);
        }
    }

    fn on_quality(&mut self, levels: Vec<ParticipantQuality>) {
        let mut changed = Vec::new();
        for entry in levels {
            if self.seats.contains_key(&entry.participant)
                && self.quality.insert(entry.participant, entry.level) != Some(entry.level)
            {
                changed.push(entry);
            }
        }
        if !changed.is_empty() {
            self.broadcast(ServerMessage::Quality { levels: changed });
        }
    }

    fn on_slots(&mut self, who: ParticipantId, slots: Vec<SlotState>) {
        let Some(seat) = self.seats.get_mut(&who) else {
            return;
        };
        if seat.media.slots == slots {
            return;
        }
        seat.media.slots = slots.clone();
        if let Some(conn) = seat.conn() {
            self.send(conn, ServerMessage::Slots { slots });
        }
    }

    fn on_layers_wanted(&mut self, who: ParticipantId, wanted: LayersWanted) {
        let Some(seat) = self.seats.get_mut(&who) else {
            return;
        };
        let media = &mut seat.media;
        let lines = &media.lines;
        media
            .layers_wanted
            .retain(|track, _| lines.values().any(|t| t == track));
        let before = media.layers_wanted.insert(wanted.track, wanted.clone());
        if before.as_ref() == Some(&wanted) {
            return;
        }
        if let Some(conn) = seat.conn() {
            self.send(conn, ServerMessage::LayersWanted(wanted));
        }
    }

    fn on_voice_loss(&mut self, who: ParticipantId, loss: VoiceLoss) {
        let Some(seat) = self.seats.get_mut(&who) else {
            return;
        };
        if seat.media.voice_loss == loss {
            return;
        }
        seat.media.voice_loss = loss;
        if let Some(conn) = seat.conn() {
            self.send(conn, ServerMessage::VoiceLoss(loss));
        }
    }

    fn command(&mut self, command: MediaCommand) {
        self.out.push_back(Output::Media(command));
    }
}

/// Makes the tracks others know those of the answered offer, and names the differences. Lines that were unpublished
/// since, or got another id, stay out.
fn settle(
    who: ParticipantId,
    media: &mut SeatMedia,
    publish: Vec<PublishedLine>,
    codecs: &[(TrackId, VideoCodec)],
) -> Vec<Event> {
    let mut events = Vec::new();
    let kept = |track: &Track| publish.iter().any(|line| line.track == track.id);
    media.tracks.retain(|_, track| {
        let keep = kept(track);
        if !keep {
            events.push(Event::TrackUnpublished {
                participant: who,
                track: track.id,
            });
        }
        keep
    });
    for line in publish {
        let source = line.publish.source;
        if media.lines.get(&source) != Some(&line.track) {
            continue;
        }
        let codec = codecs.iter().find(|(t, _)| *t == line.track).map(|c| c.1);
        let track = Track {
            id: line.track,
            source,
            codec,
            layers: line.publish.layers,
        };
        if media.tracks.get(&source) != Some(&track) {
            media.tracks.insert(source, track.clone());
            events.push(Event::TrackPublished {
                participant: who,
                track,
            });
        }
    }
    events
}
