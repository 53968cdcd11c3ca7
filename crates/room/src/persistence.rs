//! What is stored, and how a meeting comes back from it.

use crate::chat::is_for_all;
use crate::events::EventLog;
use crate::lobby::Lobby;
use crate::room::{Room, SEAT_KEPT};
use crate::seat::Seat;
use crate::speaking::Speaking;
use crate::tries::Tries;
use crate::{
    MediaCommand, Output, Persisted, PersistedMeeting, PersistedParticipant, RoomConfig,
    StoreCommand,
};
use confab_base::{ParticipantId, Time, TrackId};
use confab_protocol::{ChatMessage, LeaveReason, MAX_CHAT_HISTORY};
use std::collections::{BTreeMap, VecDeque};

/// Track ids are reserved in the store in blocks.
const TRACK_BLOCK: u32 = 256;
/// Revoked tokens remembered. The oldest is forgotten first: its holder is then told `bad_secret`.
const MOST_REMOVED: usize = 1000;

impl Room {
    pub fn new(config: RoomConfig) -> Room {
        Room::restore(config, Persisted::default(), Time::ZERO)
    }

    /// The meeting as it was when the store last heard of it. All seats are `reconnecting` from `now` on.
    pub fn restore(config: RoomConfig, persisted: Persisted, now: Time) -> Room {
        let mut stored = persisted.meeting;
        let mut chat = persisted.chat;
        chat.sort_by_key(|m| m.id);
        let last_chat = chat.last().map_or(0, |m| m.id).max(stored.last_chat);
        let (asides, chat): (Vec<_>, Vec<_>) = chat.into_iter().partition(|m| !is_for_all(m.to));
        let (removed, seated): (Vec<_>, Vec<_>) =
            persisted.participants.into_iter().partition(|p| p.removed);
        let (waiting, seated): (Vec<_>, Vec<_>) = seated.into_iter().partition(|p| p.waiting);
        let until = now + SEAT_KEPT;
        let seated = seated.into_iter().filter(|_| !stored.ended);
        let seats: BTreeMap<_, _> = seated
            .map(|p| (p.id, Seat::restored(within(p, &stored), until)))
            .collect();
        let groups = seats.values().filter_map(|seat| {
            let (participant, group) = (seat.id, seat.room?);
            Some(Output::Media(MediaCommand::Group { participant, group }))
        });
        let out = groups.collect();
        let uploads = persisted.uploads.into_iter();
        let uploads = uploads.filter(|(who, _)| seats.contains_key(who)).collect();
        // Seat and meeting are two rows: a crash may have come between them.
        stored.spotlights.retain(|who| seats.contains_key(who));
        stored.board = stored.board.filter(|who| seats.contains_key(who));
        Room {
            log: EventLog::after(stored.seq_reserved),
            last_track: stored.track_reserved,
            last_chat,
            config,
            lobby: Lobby::restored(waiting.into_iter().filter(|_| !stored.ended), now),
            tries: Tries::default(),
            speaking: Speaking::default(),
            stored,
            seats,
            removed: removed.into_iter().map(|p| (p.id, p)).collect(),
            conns: BTreeMap::new(),
            chat: last_of(chat),
            asides: last_of(asides),
            uploads,
            last_ticket: 0,
            speakers: Vec::new(),
            quality: BTreeMap::new(),
            pairs: Vec::new(),
            told_speakers: BTreeMap::new(),
            breakout_ends: None,
            out,
        }
    }

    pub(crate) fn save_meeting(&mut self) {
        self.stored.seq_reserved = self.log.reserved();
        self.stored.last_chat = self.last_chat;
        let row: PersistedMeeting = self.stored.clone();
        self.store(StoreCommand::SaveMeeting(row));
    }

    pub(crate) fn save_participant(&mut self, who: ParticipantId) {
        if let Some(seat) = self.seats.get(&who) {
            let row = seat.persisted();
            self.store(StoreCommand::SaveParticipant(row));
        }
    }

    /// The seat is gone from the store too, except that revoked tokens are remembered.
    pub(crate) fn forget(&mut self, seat: &Seat, reason: LeaveReason) {
        if reason != LeaveReason::Removed {
            return self.store(StoreCommand::DeleteParticipant(seat.id));
        }
        let row = PersistedParticipant {
            removed: true,
            ..seat.persisted()
        };
        if seat.account.is_none() {
            self.remember_name(&seat.name);
            self.save_meeting();
        }
        self.removed.insert(seat.id, row.clone());
        self.store(StoreCommand::SaveParticipant(row));
        if self.removed.len() > MOST_REMOVED
            && let Some((oldest, _)) = self.removed.pop_first()
        {
            self.store(StoreCommand::DeleteParticipant(oldest));
        }
    }

    pub(crate) fn new_track(&mut self) -> TrackId {
        self.last_track += 1;
        if self.last_track > self.stored.track_reserved {
            self.stored.track_reserved = self.last_track + TRACK_BLOCK;
            self.save_meeting();
        }
        TrackId(self.last_track)
    }

    pub(crate) fn store(&mut self, command: StoreCommand) {
        self.out.push_back(Output::Store(command));
    }
}

/// Only in a breakout room that is open, and assigned to one that is there: seat and meeting are two rows.
fn within(mut p: PersistedParticipant, meeting: &PersistedMeeting) -> PersistedParticipant {
    let breakout = meeting.tools.breakout.as_ref();
    let rooms = breakout.map_or(0, |b| b.rooms.len() as u32);
    let is_there = |room: &u32| (1..=rooms).contains(room);
    let is_open = breakout.is_some_and(|b| b.opened_at.is_some());
    p.room = p.room.filter(|room| is_open && is_there(room));
    p.assigned = p.assigned.filter(is_there);
    p.help = p.help.filter(|_| p.room.is_some());
    p
}

fn last_of(chat: Vec<ChatMessage>) -> VecDeque<ChatMessage> {
    let surplus = chat.len().saturating_sub(MAX_CHAT_HISTORY);
    chat.into_iter().skip(surplus).collect()
}
