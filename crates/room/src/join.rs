//! Who gets in: new participants, those who come back, and what they are told first.

use crate::listening::Heard;
use crate::quality::Minute;
use crate::rate::RateLimit;
use crate::room::{Failure, Moment, Room};
use crate::rules::base_role;
use crate::seat::{Link, Seat, SeatMedia};
use crate::{ConnId, Connect, Digest, Passcode};
use confab_base::{ParticipantId, Source, VoiceLoss};
use confab_protocol::{
    CatchUp, Code, Event, ParticipantQuality, Presence, Role, ServerMessage, VERSION, Welcome,
};
use std::collections::{BTreeMap, BTreeSet};

impl Room {
    pub(crate) fn on_connect(&mut self, connect: Connect, at: Moment) {
        let conn = connect.conn;
        if self.conns.contains_key(&conn) || self.lobby.knows(conn) {
            return self.fail(
                conn,
                connect.id,
                (Code::OutOfOrder, "hello was said before"),
            );
        }
        if connect.hello.protocol < VERSION {
            return self.refuse(conn, Code::UnsupportedVersion, "this server speaks 1");
        }
        if self.stored.ended {
            return self.refuse(conn, Code::MeetingEnded, "the meeting was ended");
        }
        if let Err((code, text)) = self.look_at_secrets(&connect, at) {
            return self.refuse(conn, code, text);
        }
        match &connect.hello.resume {
            Some(resume) => {
                let (who, last_seq) = (resume.participant, resume.last_seq);
                self.resume(connect, who, last_seq, at);
            }
            None => self.join(connect, at),
        }
    }

    /// Wrong ones are counted, and refused; while there were too many nothing is looked at.
    fn look_at_secrets(&mut self, connect: &Connect, at: Moment) -> Result<(), Failure> {
        let hello = &connect.hello;
        let is_new = hello.resume.is_none();
        if !is_new && hello.host_key.is_none() {
            return Ok(());
        }
        if !self.tries.may_try(connect.peer, at.now) {
            return Err((Code::TooManyTries, "wait, and try again"));
        }
        let failure = match connect.passcode {
            _ if hello.host_key.is_some() && !connect.host_key_ok => {
                (Code::BadSecret, "the host key is wrong")
            }
            Passcode::NotNeeded | Passcode::Right => return Ok(()),
            _ if connect.host_key_ok || !is_new => return Ok(()),
            Passcode::Missing => return Err((Code::PasscodeNeeded, "a passcode is needed")),
            Passcode::Wrong => (Code::PasscodeNeeded, "the passcode is wrong"),
        };
        self.tries.wrong(connect.peer, at.now);
        Err(failure)
    }

    fn join(&mut self, connect: Connect, at: Moment) {
        let conn = connect.conn;
        let account = connect.account.as_ref();
        if account.is_some() && self.removed.values().any(|p| p.account.as_ref() == account) {
            return self.refuse(conn, Code::Removed, "a host removed you");
        }
        if self.stored.locked && !connect.host_key_ok {
            return self.refuse(conn, Code::MeetingLocked, "the meeting is locked");
        }
        let mut seat = new_seat(
            ParticipantId(self.stored.last_participant + 1),
            &connect,
            at,
        );
        let reason = self.waits_for(&seat);
        if reason.is_none() && self.seats.len() >= self.config.max_participants {
            return self.refuse(conn, Code::MeetingFull, "the meeting is full");
        }
        self.stored.last_participant += 1;
        if let Some(reason) = reason {
            return self.wait(connect, seat, reason, at);
        }
        let id = seat.id;
        seat.role = self.role_at_entry(&seat);
        self.enter(seat, at);
        self.welcome(conn, Some(connect.token), id, None, at);
    }

    /// Somebody is in from now on. Its connection is told of it by the welcome alone.
    pub(crate) fn enter(&mut self, seat: Seat, at: Moment) {
        if self.stored.started_at == 0 {
            self.stored.started_at = at.wall_ms;
        }
        self.save_meeting();
        let (id, participant) = (seat.id, seat.participant());
        self.seats.insert(id, seat);
        self.save_participant(id);
        self.announce(Event::ParticipantJoined { participant }, at);
        self.lobby.touch();
    }

    fn resume(&mut self, connect: Connect, who: ParticipantId, last_seq: u64, at: Moment) {
        let digest = connect.resume_digest.unwrap_or_default();
        if self.lobby.seat(who).is_some_and(|s| s.knows(&digest)) {
            return self.resume_waiting(connect, who, at);
        }
        let Some(seat) = self.seats.get_mut(&who).filter(|s| s.knows(&digest)) else {
            return self.refuse_resume(connect.conn, who, &digest);
        };
        seat.previous_token = Some(digest);
        seat.token = connect.token_digest;
        let promoted = connect.host_key_ok && seat.role != Role::Host;
        if promoted {
            seat.role = Role::Host;
        }
        let older = seat.conn();
        seat.link = Link::Up(connect.conn);
        self.save_participant(who);
        if let Some(older) = older {
            self.conns.remove(&older);
            self.bye(older, Code::Replaced, "you connected elsewhere");
        } else {
            self.announce(
                Event::PresenceChanged {
                    participant: who,
                    presence: Presence::Connected,
                },
                at,
            );
        }
        if promoted {
            self.lobby.touch();
            self.announce(
                Event::RoleChanged {
                    participant: who,
                    role: Role::Host,
                },
                at,
            );
        }
        self.welcome(connect.conn, Some(connect.token), who, Some(last_seq), at);
    }

    fn refuse_resume(&mut self, conn: ConnId, who: ParticipantId, digest: &Digest) {
        let removed = self.removed.get(&who);
        if removed.is_some_and(|p| p.token == *digest || p.previous_token == Some(*digest)) {
            self.refuse(conn, Code::Removed, "a host removed you");
        } else {
            self.refuse(conn, Code::BadSecret, "no such seat, or not yours");
        }
    }

    /// Lets the connection in, and tells it all that is true now. `last_seq`: it resumes.
    pub(crate) fn welcome(
        &mut self,
        conn: ConnId,
        token: Option<String>,
        who: ParticipantId,
        last_seq: Option<u64>,
        at: Moment,
    ) {
        self.register(conn, who, at.now);
        let catch_up = self.catch_up(last_seq.unwrap_or(0));
        let (media_generation, slots, wanted, loss) = match self.seats.get_mut(&who) {
            Some(seat) => (
                seat.media.told_at_welcome(),
                seat.media.slots.clone(),
                seat.media.layers_wanted.clone(),
                seat.media.voice_loss,
            ),
            None => (0, Vec::new(), BTreeMap::new(), VoiceLoss::default()),
        };
        self.send(
            conn,
            ServerMessage::Welcome(Welcome {
                protocol: VERSION,
                you: who,
                token,
                resumed: last_seq.is_some(),
                media_generation,
                catch_up,
                server_time: at.wall_ms,
                // Their secret is the shell's.
                ice_servers: Vec::new(),
            }),
        );
        let participants = self.speakers_in(self.seats[&who].place());
        if !participants.is_empty() {
            self.send(conn, ServerMessage::Speakers { participants });
        }
        let levels: Vec<_> = self
            .quality
            .iter()
            .map(|(&participant, &level)| ParticipantQuality { participant, level })
            .collect();
        if !levels.is_empty() {
            self.send(conn, ServerMessage::Quality { levels });
        }
        if !slots.is_empty() {
            self.send(conn, ServerMessage::Slots { slots });
        }
        for wanted in wanted.into_values() {
            self.send(conn, ServerMessage::LayersWanted(wanted));
        }
        if loss != VoiceLoss::default() {
            self.send(conn, ServerMessage::VoiceLoss(loss));
        }
        self.tell_own(conn, who);
    }

    /// What is in no event, since not everybody may know it.
    fn tell_own(&mut self, conn: ConnId, who: ParticipantId) {
        if self.seats[&who].role.moderates() {
            self.tell_lobby(conn);
        }
        self.tell_asides(conn, who);
        self.tell_own_votes(conn, who);
        let times = self.speaking.told();
        if !times.is_empty() {
            self.send(conn, ServerMessage::SpeakingTimes { times });
        }
    }

    pub(crate) fn catch_up(&self, last_seq: u64) -> CatchUp {
        match self.log.since(last_seq) {
            Some(events) => CatchUp::Events { events },
            None => CatchUp::Snapshot {
                snapshot: self.snapshot(),
            },
        }
    }
}

fn new_seat(id: ParticipantId, connect: &Connect, at: Moment) -> Seat {
    let hello = &connect.hello;
    Seat {
        id,
        name: hello.name.clone(),
        role: match (connect.host_key_ok, connect.co_host) {
            (true, _) => Role::Host,
            (false, true) => Role::CoHost,
            (false, false) => base_role(connect.account.is_some()),
        },
        client: hello.client,
        muted: [Source::Microphone, Source::Camera].into(),
        hand: None,
        decodes: hello.decodes.clone(),
        joined_at: at.wall_ms,
        token: connect.token_digest,
        previous_token: None,
        link: Link::Up(connect.conn),
        offers: RateLimit::of_offers(at.now),
        media: SeatMedia::default(),
        heard: Heard::default(),
        minute: Minute::default(),
        same_room: None,
        apart: false,
        account: connect.account.clone(),
        asked: BTreeSet::new(),
        room: None,
        assigned: None,
        help: None,
    }
}
