//! What participants do for all to see: chat, hands, reactions, names.

use crate::moderation::NOBODY;
use crate::room::{Failure, Moment, Outcome, Room};
use crate::seat::Seat;
use crate::{ConnId, Output, StoreCommand};
use confab_base::ParticipantId;
use confab_protocol::{
    Audience, ChatMessage, Code, Event, FileId, MAX_CHAT_HISTORY, Reaction, ReplyBody, Role,
    ServerMessage,
};

/// Done, with a plain reply.
pub(crate) const DONE: Outcome = Ok(Some(ReplyBody::Done));

impl Room {
    /// The same `client_id` from the same participant is the same message, however often it is sent.
    pub(crate) fn say(
        &mut self,
        who: ParticipantId,
        text: String,
        client_id: String,
        to: Option<Audience>,
        files: &[FileId],
        at: Moment,
    ) -> Outcome {
        let known = |m: &ChatMessage| m.from == who && m.client_id == client_id;
        if self.chat.iter().chain(&self.asides).any(known) {
            return DONE;
        }
        let to = self.audience(who, to)?;
        self.may_write(who, to)?;
        let files = self.take_uploads(who, files)?;
        self.last_chat += 1;
        let message = ChatMessage {
            id: self.last_chat,
            from: who,
            name: self.seats[&who].name.clone(),
            text,
            files,
            to,
            present: self.present(to),
            at: at.wall_ms,
            client_id,
        };
        if !is_for_all(to) {
            return self.say_aside(message);
        }
        if self.chat.len() == MAX_CHAT_HISTORY {
            self.chat.pop_front();
        }
        self.chat.push_back(message.clone());
        self.out
            .push_back(Output::Store(StoreCommand::SaveChat(message.clone())));
        self.announce(Event::Chat { message }, at);
        DONE
    }

    fn may_write(&self, who: ParticipantId, to: Option<Audience>) -> Result<(), Failure> {
        let to_host = match to {
            None | Some(Audience::Room { .. } | Audience::Everyone) => false,
            Some(Audience::Hosts) => true,
            Some(Audience::Person { participant }) => {
                let seat = self.seats.get(&participant).ok_or(NOBODY)?;
                seat.role.moderates()
            }
        };
        if to_host || self.policy().permissions.chat || self.seats[&who].role.moderates() {
            Ok(())
        } else {
            Err((Code::NotAllowed, "the hosts have closed the chat"))
        }
    }

    /// To those alone who may see it.
    fn say_aside(&mut self, message: ChatMessage) -> Outcome {
        if self.asides.len() == MAX_CHAT_HISTORY {
            self.asides.pop_front();
        }
        self.asides.push_back(message.clone());
        self.store(StoreCommand::SaveChat(message.clone()));
        self.tell_readers(message);
        DONE
    }

    /// Tells those who may see it, of those who are here.
    pub(crate) fn tell_readers(&mut self, message: ChatMessage) {
        let readers = self.seats.values().filter(|s| sees(&message, s));
        let to: Vec<_> = readers.filter_map(Seat::conn).collect();
        let messages = vec![message];
        self.send_to(to, ServerMessage::Asides { messages });
    }

    /// All that was said aside and this one may see.
    pub(crate) fn tell_asides(&mut self, conn: ConnId, who: ParticipantId) {
        let Some(seat) = self.seats.get(&who) else {
            return;
        };
        let mine = self.asides.iter().filter(|m| sees(m, seat));
        let messages: Vec<_> = mine.cloned().collect();
        if !messages.is_empty() {
            self.send(conn, ServerMessage::Asides { messages });
        }
    }

    pub(crate) fn lower_hands(&mut self, at: Moment) -> Outcome {
        let raised = self.seats.values().filter(|s| s.hand.is_some());
        for who in raised.map(|s| s.id).collect::<Vec<_>>() {
            self.hand(who, false, at)?;
        }
        DONE
    }

    pub(crate) fn hand(&mut self, who: ParticipantId, raised: bool, at: Moment) -> Outcome {
        // No two at the same time, so that all see the same order.
        let latest = self.seats.values().filter_map(|s| s.hand).max();
        let hand = raised.then(|| latest.map_or(at.wall_ms, |latest| at.wall_ms.max(latest + 1)));
        let Some(seat) = self.seats.get_mut(&who) else {
            return DONE;
        };
        if seat.hand.is_some() == raised {
            return DONE;
        }
        seat.hand = hand;
        self.save_participant(who);
        self.announce(
            Event::HandChanged {
                participant: who,
                hand,
            },
            at,
        );
        DONE
    }

    pub(crate) fn react(&mut self, who: ParticipantId, reaction: Reaction, at: Moment) -> Outcome {
        if !self.policy().permissions.reactions && !self.seats[&who].role.moderates() {
            return Err((Code::NotAllowed, "the hosts have switched reactions off"));
        }
        if self.is_split() {
            let to = self.conns_in(self.seats[&who].place());
            let participant = who;
            let reacted = ServerMessage::Reacted {
                participant,
                reaction,
            };
            self.send_to(to, reacted);
            return DONE;
        }
        self.announce(
            Event::Reacted {
                participant: who,
                reaction,
            },
            at,
        );
        DONE
    }

    pub(crate) fn rename(&mut self, who: ParticipantId, name: String, at: Moment) -> Outcome {
        let Some(seat) = self.seats.get_mut(&who) else {
            return DONE;
        };
        if seat.name == name {
            return DONE;
        }
        seat.name = name.clone();
        self.save_participant(who);
        self.announce(
            Event::Renamed {
                participant: who,
                name,
            },
            at,
        );
        DONE
    }
}

/// Words for all are an event, with a number; others are told aside.
pub(crate) fn is_for_all(to: Option<Audience>) -> bool {
    matches!(to, None | Some(Audience::Everyone))
}

pub(crate) fn sees(message: &ChatMessage, seat: &Seat) -> bool {
    may_read(message, seat.id, seat.role)
}

/// Whether this one, with a seat in the meeting, may read the message, and have the files in it.
pub fn may_read(message: &ChatMessage, who: ParticipantId, role: Role) -> bool {
    let meant = match message.to {
        None | Some(Audience::Everyone) => true,
        Some(Audience::Room { .. }) => message.present.contains(&who),
        Some(Audience::Person { participant }) => participant == who,
        Some(Audience::Hosts) => role.moderates(),
    };
    meant || message.from == who
}
