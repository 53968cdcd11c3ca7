//! What is stored, and how a meeting comes back from it.

use crate::events::EventLog;
use crate::room::{Room, SEAT_KEPT};
use crate::seat::Seat;
use crate::{Output, Persisted, PersistedMeeting, PersistedParticipant, RoomConfig, StoreCommand};
use confab_base::{ParticipantId, Time, TrackId};
use confab_protocol::{LeaveReason, MAX_CHAT_HISTORY};
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
        let chat: VecDeque<_> = chat
            .into_iter()
            .rev()
            .take(MAX_CHAT_HISTORY)
            .rev()
            .collect();
        let (removed, seated): (Vec<_>, Vec<_>) =
            persisted.participants.into_iter().partition(|p| p.removed);
        let seats = if stored.ended {
            BTreeMap::new()
        } else {
            let until = now + SEAT_KEPT;
            seated
                .into_iter()
                .map(|p| (p.id, Seat::restored(p, until)))
                .collect()
        };
        // Seat and meeting are two rows: a crash may have come between them.
        stored.spotlight = stored.spotlight.filter(|who| seats.contains_key(who));
        Room {
            log: EventLog::after(stored.seq_reserved),
            last_track: stored.track_reserved,
            last_chat,
            config,
            stored,
            seats,
            removed: removed.into_iter().map(|p| (p.id, p)).collect(),
            conns: BTreeMap::new(),
            chat,
            last_ticket: 0,
            speakers: Vec::new(),
            quality: BTreeMap::new(),
            pairs: Vec::new(),
            out: VecDeque::new(),
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

    fn store(&mut self, command: StoreCommand) {
        self.out.push_back(Output::Store(command));
    }
}
