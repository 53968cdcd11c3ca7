//! The lobby: who waits, in which order, for whom; and how they come in.
//!
//! A place in the lobby is a seat that is not in the room yet: it has the id and the token it will keep. Its connections are
//! kept apart from those of the room, so that nothing that is told to all can reach them.

use crate::chat::DONE;
use crate::moderation::NOBODY;
use crate::rate::Verdict;
use crate::room::{Conn, Moment, Outcome, Room, SEAT_KEPT};
use crate::rules::base_role;
use crate::seat::{Link, Seat};
use crate::{ConnId, Connect, Output, PersistedParticipant, StoreCommand};
use confab_base::{ParticipantId, Time};
use confab_protocol::{
    AbsentHost, Code, LobbyPlace, LobbyPolicy, MAX_WAITING, Presence, ReplyBody, Request, Role,
    ServerMessage, VERSION, WaitReason, Waiting, WaitingPerson,
};
use std::collections::BTreeMap;

/// Names of those turned away that are remembered.
const MOST_NAMES: usize = 200;

#[derive(Debug, Default)]
pub(crate) struct Lobby {
    /// In order of arrival, which is that of ids.
    places: BTreeMap<ParticipantId, Place>,
    conns: BTreeMap<ConnId, Conn>,
    /// Something may have changed that decides who waits, or what is seen of it.
    stale: bool,
    /// As hosts were last told.
    told: Vec<WaitingPerson>,
}

#[derive(Debug)]
struct Place {
    seat: Seat,
    told: Option<LobbyPlace>,
}

impl Lobby {
    pub(crate) fn restored(
        waiting: impl Iterator<Item = PersistedParticipant>,
        now: Time,
    ) -> Lobby {
        let until = now + SEAT_KEPT;
        let place = |p: PersistedParticipant| {
            let seat = Seat::restored(p, until);
            (seat.id, Place { seat, told: None })
        };
        Lobby {
            places: waiting.map(place).collect(),
            stale: true,
            ..Lobby::default()
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn knows(&self, conn: ConnId) -> bool {
        self.conns.contains_key(&conn)
    }

    /// By their coming.
    pub(crate) fn seats(&self) -> impl Iterator<Item = &Seat> {
        self.places.values().map(|place| &place.seat)
    }

    pub(crate) fn seat(&self, who: ParticipantId) -> Option<&Seat> {
        self.places.get(&who).map(|place| &place.seat)
    }

    pub(crate) fn touch(&mut self) {
        self.stale = true;
    }

    pub(crate) fn wakeup(&self) -> Option<Time> {
        let silent = self.conns.values().map(Conn::dead_at);
        let expiring = self.places.values().filter_map(|p| match p.seat.link {
            Link::Lost { until } => Some(until),
            Link::Up(_) => None,
        });
        silent.chain(expiring).min()
    }

    pub(crate) fn on_closed(&mut self, conn: ConnId, now: Time) {
        let Some(state) = self.conns.remove(&conn) else {
            return;
        };
        self.stale = true;
        if let Some(place) = self.places.get_mut(&state.participant) {
            place.told = None;
            place.seat.link = Link::Lost {
                until: now + SEAT_KEPT,
            };
        }
    }

    /// Forgets all connections, and says which they were.
    pub(crate) fn cut_all(&mut self, now: Time) -> Vec<ConnId> {
        let conns: Vec<_> = self.conns.keys().copied().collect();
        for conn in &conns {
            self.on_closed(*conn, now);
        }
        conns
    }

    fn take(&mut self, who: ParticipantId) -> Option<Seat> {
        let place = self.places.remove(&who)?;
        self.stale = true;
        if let Some(conn) = place.seat.conn() {
            self.conns.remove(&conn);
        }
        Some(place.seat)
    }
}

impl Room {
    fn is_led(&self) -> bool {
        self.seats.values().any(|s| s.role.moderates())
    }

    /// What somebody without a seat has to wait for; `None`: nothing.
    pub(crate) fn waits_for(&self, seat: &Seat) -> Option<WaitReason> {
        // Who has no seat yet is host by the key, or co-host by the plan: neither waits for others like them.
        if seat.role.moderates() {
            return None;
        }
        let policy = self.policy();
        let turned_away = self.was_turned_away(seat);
        if !self.is_led() {
            let waits = policy.absent_host == AbsentHost::Wait || turned_away;
            return waits.then_some(WaitReason::Host);
        }
        let waits = match policy.lobby {
            LobbyPolicy::Off => turned_away,
            LobbyPolicy::Guests => seat.account.is_none(),
            LobbyPolicy::Everyone => true,
        };
        waits.then_some(WaitReason::Admission)
    }

    fn was_turned_away(&self, seat: &Seat) -> bool {
        seat.account.is_none() && self.stored.turned_away.contains(&folded(&seat.name))
    }

    /// A guest by this name waits from now on. The caller saves the meeting.
    pub(crate) fn remember_name(&mut self, name: &str) {
        let names = &mut self.stored.turned_away;
        let name = folded(name);
        names.retain(|known| *known != name);
        names.push(name);
        if names.len() > MOST_NAMES {
            names.remove(0);
        }
    }

    /// The role of who comes in now.
    pub(crate) fn role_at_entry(&self, seat: &Seat) -> Role {
        let opens = self.policy().absent_host == AbsentHost::FirstOpens && !self.is_led();
        match seat.role {
            Role::Host | Role::CoHost => seat.role,
            _ if opens => Role::CoHost,
            _ => base_role(seat.account.is_some()),
        }
    }

    /// A newcomer takes the last place.
    pub(crate) fn wait(&mut self, connect: Connect, seat: Seat, reason: WaitReason, at: Moment) {
        if self.lobby.len() >= MAX_WAITING {
            return self.refuse(connect.conn, Code::MeetingFull, "the lobby is full");
        }
        let who = seat.id;
        self.save_meeting();
        let told = None;
        self.lobby.places.insert(who, Place { seat, told });
        self.seat_in_lobby(connect, who, reason, at);
    }

    /// Somebody comes back to its place.
    pub(crate) fn resume_waiting(&mut self, connect: Connect, who: ParticipantId, at: Moment) {
        let Some(place) = self.lobby.places.get_mut(&who) else {
            return;
        };
        let seat = &mut place.seat;
        let older = seat.conn();
        seat.previous_token = connect.resume_digest;
        seat.token = connect.token_digest;
        seat.link = Link::Up(connect.conn);
        if connect.host_key_ok {
            seat.role = Role::Host;
        }
        if let Some(older) = older {
            self.lobby.conns.remove(&older);
            self.bye(older, Code::Replaced, "you connected elsewhere");
        }
        let reason = self.lobby.seat(who).and_then(|seat| self.waits_for(seat));
        let reason = reason.unwrap_or(WaitReason::Admission);
        self.seat_in_lobby(connect, who, reason, at);
    }

    /// Takes the connection, and tells it where it stands.
    fn seat_in_lobby(
        &mut self,
        connect: Connect,
        who: ParticipantId,
        reason: WaitReason,
        at: Moment,
    ) {
        self.lobby
            .conns
            .insert(connect.conn, Conn::new(who, at.now));
        self.lobby.stale = true;
        let position = self.lobby.places.range(..=who).count() as u32;
        let place = LobbyPlace { position, reason };
        if let Some(entry) = self.lobby.places.get_mut(&who) {
            entry.told = Some(place);
            let row = PersistedParticipant {
                waiting: true,
                ..entry.seat.persisted()
            };
            self.store(StoreCommand::SaveParticipant(row));
        }
        let waiting = Waiting {
            protocol: VERSION,
            you: who,
            token: connect.token,
            title: self.config.title.clone(),
            starts_at: self.config.starts_at,
            server_time: at.wall_ms,
            place,
        };
        self.send(connect.conn, ServerMessage::Waiting(waiting));
    }

    pub(crate) fn on_request_of_waiting(
        &mut self,
        conn: ConnId,
        id: u32,
        request: Request,
        at: Moment,
    ) {
        let Some(state) = self.lobby.conns.get_mut(&conn) else {
            return;
        };
        let who = state.participant;
        match state.ask(at.now) {
            Verdict::Fine => {}
            Verdict::TooFast => return self.fail(conn, id, (Code::TooFast, "slow down")),
            Verdict::Flood => {
                self.bye(conn, Code::TooFast, "far too many requests");
                return self.lobby.on_closed(conn, at.now);
            }
        }
        let body = match request {
            Request::Ping => ReplyBody::Pong {
                server_time: at.wall_ms,
            },
            Request::Leave => {
                self.give_up_place(who);
                ReplyBody::Done
            }
            _ => return self.fail(conn, id, (Code::NotAllowed, "you are in the lobby")),
        };
        self.send(conn, ServerMessage::Reply { id, body });
        if !self.lobby.knows(conn) {
            self.out.push_back(Output::Close { conn, code: None });
        }
    }

    fn give_up_place(&mut self, who: ParticipantId) -> Option<Seat> {
        let seat = self.lobby.take(who)?;
        self.store(StoreCommand::DeleteParticipant(who));
        Some(seat)
    }

    pub(crate) fn expire_lobby(&mut self, at: Moment) {
        let conns = self.lobby.conns.iter();
        let silent: Vec<_> = conns
            .filter(|(_, c)| c.dead_at() <= at.now)
            .map(|(conn, _)| *conn)
            .collect();
        for conn in silent {
            self.out.push_back(Output::Close { conn, code: None });
            self.lobby.on_closed(conn, at.now);
        }
        let gone = |p: &&Place| matches!(p.seat.link, Link::Lost { until } if until <= at.now);
        let lost: Vec<_> = self.lobby.places.values().filter(gone).collect();
        let lost: Vec<_> = lost.into_iter().map(|p| p.seat.id).collect();
        for who in lost {
            self.give_up_place(who);
        }
    }

    pub(crate) fn admit(&mut self, who: ParticipantId, at: Moment) -> Outcome {
        if self.lobby.seat(who).is_none() {
            return Err(NOBODY);
        }
        if self.seats.len() >= self.config.max_participants {
            return Err((Code::MeetingFull, "all seats are taken"));
        }
        if let Some(mut seat) = self.lobby.take(who) {
            seat.role = self.role_at_entry(&seat);
            seat.joined_at = at.wall_ms;
            let conn = seat.conn();
            self.enter(seat, at);
            if let Some(conn) = conn {
                self.welcome(conn, None, who, None, at);
            }
        }
        DONE
    }

    pub(crate) fn admit_all(&mut self, at: Moment) -> Outcome {
        let waiting: Vec<_> = self.lobby.places.keys().copied().collect();
        for who in waiting {
            self.admit(who, at)?;
        }
        DONE
    }

    pub(crate) fn deny(&mut self, who: ParticipantId) -> Outcome {
        let seat = self.give_up_place(who).ok_or(NOBODY)?;
        if seat.account.is_none() {
            self.remember_name(&seat.name);
            self.save_meeting();
        }
        if let Some(conn) = seat.conn() {
            self.bye(conn, Code::Denied, "a host did not let you in");
        }
        DONE
    }

    /// The meeting is over for those who wait, too.
    pub(crate) fn end_lobby(&mut self) {
        let waiting: Vec<_> = self.lobby.places.keys().copied().collect();
        for who in waiting {
            let conn = self.give_up_place(who).and_then(|seat| seat.conn());
            if let Some(conn) = conn {
                self.bye(conn, Code::MeetingEnded, "a host ended the meeting");
            }
        }
    }

    /// Lets in who need not wait any more, and tells the others and the hosts what changed. Once for each input.
    pub(crate) fn settle_lobby(&mut self, at: Moment) {
        if !std::mem::take(&mut self.lobby.stale) {
            return;
        }
        let waiting: Vec<_> = self.lobby.places.keys().copied().collect();
        for who in waiting {
            let seat = self.lobby.seat(who).filter(|s| s.conn().is_some());
            let free = seat.is_some_and(|seat| self.waits_for(seat).is_none());
            if free && (!self.stored.locked || seat.is_some_and(|s| s.role == Role::Host)) {
                // No seat is free: it waits on.
                let _ = self.admit(who, at);
            }
        }
        self.lobby.stale = false;
        self.tell_places();
        let list = self.waiting_list();
        if list != self.lobby.told {
            self.lobby.told.clone_from(&list);
            let hosts = self.seats.values().filter(|s| s.role.moderates());
            let to = hosts.filter_map(Seat::conn).collect();
            self.send_to(to, ServerMessage::Lobby { waiting: list });
        }
    }

    fn tell_places(&mut self) {
        let mut messages = Vec::new();
        for (i, place) in self.lobby.places.values().enumerate() {
            let reason = self.waits_for(&place.seat);
            let now = LobbyPlace {
                position: i as u32 + 1,
                reason: reason.unwrap_or(WaitReason::Admission),
            };
            if let Some(conn) = place.seat.conn().filter(|_| place.told != Some(now)) {
                messages.push((place.seat.id, conn, now));
            }
        }
        for (who, conn, now) in messages {
            if let Some(place) = self.lobby.places.get_mut(&who) {
                place.told = Some(now);
            }
            self.send(conn, ServerMessage::Place(now));
        }
    }

    fn waiting_list(&self) -> Vec<WaitingPerson> {
        let person = |place: &Place| {
            let seat = &place.seat;
            WaitingPerson {
                id: seat.id,
                name: seat.name.clone(),
                client: seat.client,
                presence: match seat.link {
                    Link::Up(_) => Presence::Connected,
                    Link::Lost { .. } => Presence::Reconnecting,
                },
                member: seat.account.is_some(),
                turned_away: self.was_turned_away(seat),
                since: seat.joined_at,
            }
        };
        self.lobby.places.values().map(person).collect()
    }

    /// To a host who has just come, or become one.
    pub(crate) fn tell_lobby(&mut self, conn: ConnId) {
        let waiting = self.waiting_list();
        if !waiting.is_empty() {
            self.send(conn, ServerMessage::Lobby { waiting });
        }
    }
}

/// Names that look alike are one: case and spaces do not tell people apart.
fn folded(name: &str) -> String {
    let words: Vec<_> = name.split_whitespace().collect();
    words.join(" ").to_lowercase()
}
