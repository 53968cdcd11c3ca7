//! Who gets in: new participants, those who come back, and what they are told first.

use crate::listening::Heard;
use crate::rate::RateLimit;
use crate::room::{Moment, Room};
use crate::seat::{Link, Seat, SeatMedia};
use crate::{ConnId, Connect, Digest};
use confab_base::{ParticipantId, Source, VoiceLoss};
use confab_protocol::{
    CatchUp, Code, Event, ParticipantQuality, Presence, Role, ServerMessage, VERSION, Welcome,
};
use std::collections::BTreeMap;

impl Room {
    pub(crate) fn on_connect(&mut self, connect: Connect, at: Moment) {
        let conn = connect.conn;
        if self.conns.contains_key(&conn) {
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
        if connect.hello.host_key.is_some() && !connect.host_key_ok {
            return self.refuse(conn, Code::BadSecret, "the host key is wrong");
        }
        match &connect.hello.resume {
            Some(resume) => {
                let (who, last_seq) = (resume.participant, resume.last_seq);
                self.resume(connect, who, last_seq, at);
            }
            None => self.join(connect, at),
        }
    }

    fn join(&mut self, connect: Connect, at: Moment) {
        if self.stored.locked && !connect.host_key_ok {
            return self.refuse(connect.conn, Code::MeetingLocked, "the meeting is locked");
        }
        if self.seats.len() >= self.config.max_participants {
            return self.refuse(connect.conn, Code::MeetingFull, "the meeting is full");
        }
        self.stored.last_participant += 1;
        let id = ParticipantId(self.stored.last_participant);
        if self.stored.started_at == 0 {
            self.stored.started_at = at.wall_ms;
        }
        self.save_meeting();
        let seat = new_seat(id, &connect, at);
        let participant = seat.participant();
        self.seats.insert(id, seat);
        self.save_participant(id);
        self.announce(Event::ParticipantJoined { participant }, at);
        self.welcome(connect, id, None, at);
    }

    fn resume(&mut self, connect: Connect, who: ParticipantId, last_seq: u64, at: Moment) {
        let digest = connect.resume_digest.unwrap_or_default();
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
            self.announce(
                Event::RoleChanged {
                    participant: who,
                    role: Role::Host,
                },
                at,
            );
        }
        self.welcome(connect, who, Some(last_seq), at);
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
    fn welcome(&mut self, connect: Connect, who: ParticipantId, last_seq: Option<u64>, at: Moment) {
        let conn = connect.conn;
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
                token: connect.token,
                resumed: last_seq.is_some(),
                media_generation,
                catch_up,
                server_time: at.wall_ms,
            }),
        );
        let participants = self.speakers.clone();
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
        role: if connect.host_key_ok {
            Role::Host
        } else {
            Role::Guest
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
        same_room: None,
        apart: false,
    }
}
