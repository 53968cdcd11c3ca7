//! What hosts may do, and muting, which everybody may do to themselves.

use crate::chat::DONE;
use crate::room::{Failure, Moment, Outcome, Room};
use crate::{ConnId, MediaCommand, Output};
use confab_base::{ParticipantId, Source};
use confab_protocol::{Code, Event, LeaveReason, ReplyBody, Request, Role, ServerMessage};

pub(crate) const NOBODY: Failure = (Code::NotFound, "no such participant");

impl Room {
    pub(crate) fn moderate(
        &mut self,
        conn: ConnId,
        by: ParticipantId,
        id: u32,
        request: Request,
        at: Moment,
    ) -> Outcome {
        if !self.seats[&by].role.moderates() {
            return Err((Code::NotAllowed, "only hosts may do this"));
        }
        match request {
            Request::HostMute {
                participant,
                source,
            } => self.mute(participant, by, source, true, at),
            Request::HostMuteAll => self.mute_all(self.seats[&by].place(), by, at),
            Request::HostLowerHand { participant } => {
                if !self.seats.contains_key(&participant) {
                    return Err(NOBODY);
                }
                self.hand(participant, false, at)
            }
            Request::HostRemove { participant } => self.remove(by, participant, at),
            Request::HostLock { locked } => self.lock(by, locked, at),
            Request::HostSpotlight { participants } => self.spotlight(by, participants, at),
            Request::HostEnd => {
                self.only_host(by)?;
                let body = ReplyBody::Done;
                self.send(conn, ServerMessage::Reply { id, body });
                self.end(by, at);
                Ok(None)
            }
            Request::HostLowerHands => self.lower_hands(at),
            Request::HostAdmit { participant } => self.admit(participant, at),
            Request::HostAdmitAll => self.admit_all(at),
            Request::HostDeny { participant } => self.deny(participant),
            other => self.rule(by, other, at),
        }
    }

    /// Mutes or unmutes a source of `who`. Unmuting is only ever asked by `who` itself.
    pub(crate) fn mute(
        &mut self,
        who: ParticipantId,
        by: ParticipantId,
        source: Source,
        muted: bool,
        at: Moment,
    ) -> Outcome {
        let Some(seat) = self.seats.get_mut(&who) else {
            return Err(NOBODY);
        };
        let ids = seat.media.ids(source);
        if who != by && source.is_shared() && ids.is_empty() {
            // The share a host wants to stop was stopped meanwhile; the next one is another.
            return DONE;
        }
        let changed = if muted {
            seat.muted.insert(source)
        } else {
            seat.muted.remove(&source)
        };
        if !changed {
            return DONE;
        }
        self.save_participant(who);
        for track in ids {
            self.out
                .push_back(Output::Media(MediaCommand::Mute { track, muted }));
        }
        self.announce(
            Event::MuteChanged {
                participant: who,
                source,
                muted,
                by,
            },
            at,
        );
        if source == Source::Microphone {
            self.microphone_switched(who, muted, at);
        }
        DONE
    }

    /// All but hosts in a breakout room, or the main room.
    pub(crate) fn mute_all(&mut self, room: u32, by: ParticipantId, at: Moment) -> Outcome {
        let guests: Vec<_> = self
            .seats
            .values()
            .filter(|s| !s.role.moderates() && s.place() == room)
            .map(|s| s.id)
            .collect();
        for who in guests {
            self.mute(who, by, Source::Microphone, true, at)?;
        }
        DONE
    }

    fn remove(&mut self, by: ParticipantId, who: ParticipantId, at: Moment) -> Outcome {
        if by == who {
            return Err((Code::BadValue, "to go yourself, leave"));
        }
        let Some(seat) = self.seats.get(&who) else {
            return Err(NOBODY);
        };
        if seat.role == Role::Host {
            self.only_host(by)?;
        }
        self.send_out(who, at);
        DONE
    }

    fn lock(&mut self, by: ParticipantId, locked: bool, at: Moment) -> Outcome {
        if self.stored.locked == locked {
            return DONE;
        }
        self.stored.locked = locked;
        self.lobby.touch();
        self.save_meeting();
        self.announce(Event::LockChanged { locked, by }, at);
        DONE
    }

    fn spotlight(
        &mut self,
        by: ParticipantId,
        participants: Vec<ParticipantId>,
        at: Moment,
    ) -> Outcome {
        if participants.iter().any(|who| !self.seats.contains_key(who)) {
            return Err(NOBODY);
        }
        if self.stored.spotlights == participants {
            return DONE;
        }
        self.stored.spotlights.clone_from(&participants);
        self.save_meeting();
        self.announce(Event::SpotlightChanged { participants, by }, at);
        DONE
    }

    /// The meeting is over: everyone hears it, all connections and seats go.
    pub(crate) fn end(&mut self, by: ParticipantId, at: Moment) {
        self.stored.ended = true;
        self.save_meeting();
        self.announce(Event::Ended { by }, at);
        for conn in std::mem::take(&mut self.conns).into_keys() {
            self.bye(conn, Code::MeetingEnded, "a host ended the meeting");
        }
        self.end_lobby();
        for who in self.seats.keys().copied().collect::<Vec<_>>() {
            self.forget_voice(who, at.now);
        }
        for seat in std::mem::take(&mut self.seats).into_values() {
            self.forget(&seat, LeaveReason::Left);
            self.close_account(&seat);
        }
        self.speakers.clear();
        self.quality.clear();
        self.pairs.clear();
        self.out.push_back(Output::Media(MediaCommand::Close));
    }
}
