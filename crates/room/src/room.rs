//! The meeting itself: its state, the dispatch of inputs, and what the shell may ask about it.

use crate::events::EventLog;
use crate::lobby::Lobby;
use crate::rate::{RateLimit, Verdict};
use crate::seat::{Link, Seat};
use crate::speaking::Speaking;
use crate::tries::Tries;
use crate::{
    ConnId, Input, MediaCommand, Output, PersistedMeeting, PersistedParticipant, RoomConfig,
};
use confab_base::{Bitrate, Duration, ParticipantId, Time};
use confab_protocol::{
    ChatMessage, Code, Event, LeaveReason, Meeting, PING_TIMEOUT_MS, Presence, QualityLevel,
    ReplyBody, Request, SEAT_KEPT_MS, ServerMessage, SharedFile, Snapshot,
};
use std::collections::{BTreeMap, VecDeque};

/// The time of an input, on both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub now: Time,
    pub wall_ms: u64,
}

/// A connection that said hello.
#[derive(Debug)]
pub(crate) struct Conn {
    pub participant: ParticipantId,
    heard: Time,
    rate: RateLimit,
}

impl Conn {
    pub(crate) fn new(participant: ParticipantId, now: Time) -> Conn {
        Conn {
            participant,
            heard: now,
            rate: RateLimit::of_requests(now),
        }
    }

    /// A request came. Whether it is one too many.
    pub(crate) fn ask(&mut self, now: Time) -> Verdict {
        self.heard = now;
        self.rate.ask(now)
    }

    /// When it is held dead.
    pub(crate) fn dead_at(&self) -> Time {
        self.heard + PING_TIMEOUT
    }
}

/// Why a request failed, and the words for a developer.
pub(crate) type Failure = (Code, &'static str);

/// How a request is answered: with a body, or later or not at all.
pub(crate) type Outcome = Result<Option<ReplyBody>, Failure>;

/// One meeting.
#[derive(Debug)]
pub struct Room {
    pub(crate) config: RoomConfig,
    /// The stored row; its reservations are kept by `log` and here.
    pub(crate) stored: PersistedMeeting,
    pub(crate) seats: BTreeMap<ParticipantId, Seat>,
    /// Those whom a host removed: their tokens are known, and worth nothing.
    pub(crate) removed: BTreeMap<ParticipantId, PersistedParticipant>,
    pub(crate) conns: BTreeMap<ConnId, Conn>,
    pub(crate) log: EventLog,
    pub(crate) chat: VecDeque<ChatMessage>,
    /// Chat that is not for everybody, oldest first.
    pub(crate) asides: VecDeque<ChatMessage>,
    /// Files in no message yet, oldest first, and whose they are.
    pub(crate) uploads: VecDeque<(ParticipantId, SharedFile)>,
    pub(crate) last_chat: u64,
    pub(crate) last_track: u32,
    pub(crate) last_ticket: u64,
    pub(crate) speakers: Vec<ParticipantId>,
    /// As each room was told of those in it; see `apart`.
    pub(crate) told_speakers: BTreeMap<u32, Vec<ParticipantId>>,
    /// When people are brought back from breakout rooms, as soon as that was looked at.
    pub(crate) breakout_ends: Option<Time>,
    pub(crate) quality: BTreeMap<ParticipantId, QualityLevel>,
    /// Pairs whose microphones hear the same room, as the forwarding unit last told them.
    pub(crate) pairs: Vec<(ParticipantId, ParticipantId)>,
    pub(crate) lobby: Lobby,
    pub(crate) tries: Tries,
    pub(crate) speaking: Speaking,
    pub(crate) out: VecDeque<Output>,
}

impl Room {
    /// Takes one input. `wall_ms`: milliseconds since 1970.
    pub fn handle(&mut self, input: Input, now: Time, wall_ms: u64) {
        let at = Moment { now, wall_ms };
        match input {
            Input::Connect(connect) => self.on_connect(*connect, at),
            Input::Request { conn, id, request } => self.on_request(conn, id, request, at),
            Input::Closed { conn } => self.on_closed(conn, at),
            Input::Media(event) => self.on_media(event, at),
            Input::Deed(deed) => self.on_deed(deed, at),
            Input::Uploaded { participant, file } => self.on_uploaded(participant, file),
            Input::Timeout => {}
            Input::ShutDown => self.on_shut_down(at),
        }
        self.expire(at);
        self.settle_breakout(at);
        self.settle_lobby(at);
        self.tell_speaking_times(at.now);
        self.settle_minutes(at);
    }

    /// The next effect to carry out; ask until `None` after every [`Room::handle`].
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`Input::Timeout`] shall come at the latest.
    pub fn next_wakeup(&self) -> Option<Time> {
        let silent = self.conns.values().map(Conn::dead_at);
        let expiring = self.seats.values().filter_map(|s| match s.link {
            Link::Lost { until } => Some(until),
            Link::Up(_) => None,
        });
        let speaking = self.speaking.wakeup();
        silent
            .chain(expiring)
            .chain(self.lobby.wakeup())
            .chain(speaking)
            .chain(self.breakout_ends)
            .chain(self.minutes_wakeup())
            .min()
    }

    /// The room as a client that joined now would see it.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            seq: self.log.seq(),
            meeting: Meeting {
                id: self.config.id.clone(),
                title: self.config.title.clone(),
                locked: self.stored.locked,
                spotlights: self.stored.spotlights.clone(),
                board: self.stored.board,
                policy: self.policy(),
                started_at: self.stored.started_at,
            },
            participants: self.seats.values().map(Seat::participant).collect(),
            chat: self.chat.iter().cloned().collect(),
            tools: self.tools(),
        }
    }

    /// Seats, whether connected or not.
    pub fn seats(&self) -> usize {
        self.seats.len()
    }

    /// Participants whose signaling connection is up.
    pub fn connected(&self) -> usize {
        self.conns.len()
    }

    pub fn is_locked(&self) -> bool {
        self.stored.locked
    }

    /// People in the lobby, whether connected or not.
    pub fn waiting(&self) -> usize {
        self.lobby.len()
    }

    pub fn is_ended(&self) -> bool {
        self.stored.ended
    }

    fn on_request(&mut self, conn: ConnId, id: u32, request: Request, at: Moment) {
        if self.lobby.knows(conn) {
            return self.on_request_of_waiting(conn, id, request, at);
        }
        let Some(state) = self.conns.get_mut(&conn) else {
            return self.refuse(conn, Code::OutOfOrder, "say hello first");
        };
        let who = state.participant;
        match state.ask(at.now) {
            Verdict::Fine => {}
            Verdict::TooFast => return self.fail(conn, id, (Code::TooFast, "slow down")),
            Verdict::Flood => return self.flooded(conn, who, at),
        }
        match self.perform(conn, who, id, request, at) {
            Ok(Some(body)) => self.send(conn, ServerMessage::Reply { id, body }),
            Ok(None) => {}
            Err(failure) => self.fail(conn, id, failure),
        }
    }

    fn perform(
        &mut self,
        conn: ConnId,
        who: ParticipantId,
        id: u32,
        request: Request,
        at: Moment,
    ) -> Outcome {
        match request {
            Request::Hello(_) => Err((Code::OutOfOrder, "hello was said before")),
            Request::Ping => Ok(Some(ReplyBody::Pong {
                server_time: at.wall_ms,
            })),
            Request::Resync { last_seq } => Ok(Some(ReplyBody::CatchUp {
                catch_up: self.catch_up(last_seq),
            })),
            Request::Leave => {
                let body = ReplyBody::Done;
                self.send(conn, ServerMessage::Reply { id, body });
                self.out.push_back(Output::Close { conn, code: None });
                self.vacate(who, LeaveReason::Left, at);
                Ok(None)
            }
            Request::Offer(offer) => self.offer(conn, who, id, offer, at),
            Request::View { slots, max_bitrate } => self.view(who, slots, max_bitrate.map(Bitrate)),
            Request::Unpublish { source } => self.unpublish(who, source, at),
            Request::Mute { source, muted } => self.switch(who, source, muted, at),
            Request::Hand { raised } => self.hand(who, raised, at),
            Request::Reaction { reaction } => self.react(who, reaction, at),
            Request::Chat {
                text,
                client_id,
                to,
                files,
            } => self.say(who, text, client_id, to, &files, at),
            Request::FileRemove { file } => self.remove_file(who, &file, at),
            Request::BoardPresent { on } => self.present_board(who, on, at),
            Request::Rename { name } => self.rename(who, name, at),
            Request::Listening(said) => self.listening(who, said, at),
            Request::QualityReport(report) => self.on_report(who, report, at),
            Request::SameRoom { choice } => self.same_room(who, choice, at),
            Request::FloorGrab => self.grab_floor(who, at),
            Request::FloorRelease => self.release_floor(who, at),
            Request::QuestionAsk { text, client_id } => self.ask_question(who, text, client_id, at),
            Request::QuestionVote { question, up } => self.vote_question(who, question, up, at),
            Request::BreakoutGo { room } => self.go(who, room, at),
            Request::BreakoutHelp { asked } => self.ask_help(who, asked, at),
            Request::PollVote { poll, choices } => self.vote(who, poll, choices, at),
            hosts => self.moderate(conn, who, id, hosts, at),
        }
    }

    fn on_closed(&mut self, conn: ConnId, at: Moment) {
        if self.lobby.knows(conn) {
            return self.lobby.on_closed(conn, at.now);
        }
        let Some(state) = self.conns.remove(&conn) else {
            return;
        };
        let participant = state.participant;
        if let Some(seat) = self.seats.get_mut(&participant) {
            seat.link = Link::Lost {
                until: at.now + SEAT_KEPT,
            };
            let presence = Presence::Reconnecting;
            self.announce(
                Event::PresenceChanged {
                    participant,
                    presence,
                },
                at,
            );
        }
    }

    fn flooded(&mut self, conn: ConnId, who: ParticipantId, at: Moment) {
        self.bye(conn, Code::TooFast, "far too many requests");
        debug_assert!(self.seats.contains_key(&who), "a connection has a seat");
        self.on_closed(conn, at);
    }

    fn on_shut_down(&mut self, at: Moment) {
        for conn in self.lobby.cut_all(at.now) {
            self.bye(conn, Code::GoingAway, "the server restarts");
        }
        for (conn, state) in std::mem::take(&mut self.conns) {
            if let Some(seat) = self.seats.get_mut(&state.participant) {
                seat.link = Link::Lost {
                    until: at.now + SEAT_KEPT,
                };
            }
            self.bye(conn, Code::GoingAway, "the server restarts");
        }
    }

    /// Drops connections that fell silent and seats nobody came back to.
    fn expire(&mut self, at: Moment) {
        self.expire_lobby(at);
        let silent: Vec<ConnId> = self
            .conns
            .iter()
            .filter(|(_, c)| c.dead_at() <= at.now)
            .map(|(conn, _)| *conn)
            .collect();
        for conn in silent {
            self.out.push_back(Output::Close { conn, code: None });
            self.on_closed(conn, at);
        }
        let lost: Vec<ParticipantId> = self
            .seats
            .values()
            .filter(|s| matches!(s.link, Link::Lost { until } if until <= at.now))
            .map(|s| s.id)
            .collect();
        for who in lost {
            self.vacate(who, LeaveReason::Lost, at);
        }
    }

    /// Takes the participant's seat away, with its connection and media. What it is to be told was said before.
    pub(crate) fn vacate(&mut self, who: ParticipantId, reason: LeaveReason, at: Moment) {
        let Some(seat) = self.seats.remove(&who) else {
            return;
        };
        if let Some(conn) = seat.conn() {
            self.conns.remove(&conn);
        }
        self.speakers.retain(|p| *p != who);
        for told in self.told_speakers.values_mut() {
            told.retain(|p| *p != who);
        }
        self.speaking.follow(&self.speakers, at.now);
        self.forget_voice(who, at.now);
        self.quality.remove(&who);
        self.lobby.touch();
        self.forget(&seat, reason);
        self.regroup_without(who, at);
        self.close_account(&seat);
        self.forget_uploads(who);
        self.close_minute(seat, at);
        // That it is over follows from the leaving: no event.
        let was_lit = self.stored.spotlights.contains(&who);
        self.stored.spotlights.retain(|lit| *lit != who);
        let presented = self.stored.board.take_if(|shown| *shown == who).is_some();
        if was_lit || presented {
            self.save_meeting();
        }
        self.out
            .push_back(Output::Media(MediaCommand::Drop { participant: who }));
        self.announce(
            Event::ParticipantLeft {
                participant: who,
                reason,
            },
            at,
        );
        self.leave_floor(who, at);
    }

    pub(crate) fn register(&mut self, conn: ConnId, participant: ParticipantId, now: Time) {
        self.conns.insert(conn, Conn::new(participant, now));
    }

    /// Gives the event its number and tells everyone who is connected.
    pub(crate) fn announce(&mut self, event: Event, at: Moment) {
        if self.log.reserve() {
            self.save_meeting();
        }
        let entry = self.log.push(at.wall_ms, event);
        self.broadcast(ServerMessage::Event(entry));
    }

    pub(crate) fn broadcast(&mut self, message: ServerMessage) {
        let to: Vec<ConnId> = self.conns.keys().copied().collect();
        self.send_to(to, message);
    }

    /// The same message to each of these.
    pub(crate) fn send_to(&mut self, to: Vec<ConnId>, message: ServerMessage) {
        if !to.is_empty() {
            let message = Box::new(message);
            self.out.push_back(Output::Send { to, message });
        }
    }

    pub(crate) fn send(&mut self, conn: ConnId, message: ServerMessage) {
        self.out.push_back(Output::Send {
            to: vec![conn],
            message: Box::new(message),
        });
    }

    pub(crate) fn fail(&mut self, conn: ConnId, id: u32, (code, text): Failure) {
        let message = text.to_owned();
        self.send(conn, ServerMessage::Error { id, code, message });
    }

    /// Answers a `hello` with no, and closes.
    pub(crate) fn refuse(&mut self, conn: ConnId, code: Code, text: &str) {
        let message = text.to_owned();
        self.send(conn, ServerMessage::Refused { code, message });
        self.out.push_back(Output::Close {
            conn,
            code: Some(code),
        });
    }

    /// The last word on a connection. The caller takes it out of the room's books.
    pub(crate) fn bye(&mut self, conn: ConnId, code: Code, text: &str) {
        let message = text.to_owned();
        self.send(conn, ServerMessage::Bye { code, message });
        self.out.push_back(Output::Close {
            conn,
            code: Some(code),
        });
    }
}

pub(crate) const SEAT_KEPT: Duration = Duration::from_millis(SEAT_KEPT_MS);
const PING_TIMEOUT: Duration = Duration::from_millis(PING_TIMEOUT_MS);
