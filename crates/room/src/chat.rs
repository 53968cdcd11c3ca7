//! What participants do for all to see: chat, hands, reactions, names.

use crate::room::{Moment, Outcome, Room};
use crate::{Output, StoreCommand};
use confab_base::ParticipantId;
use confab_protocol::{ChatMessage, Event, MAX_CHAT_HISTORY, Reaction, ReplyBody};

/// Done, with a plain reply.
pub(crate) const DONE: Outcome = Ok(Some(ReplyBody::Done));

impl Room {
    /// The same `client_id` from the same participant is the same message, however often it is sent.
    pub(crate) fn say(
        &mut self,
        who: ParticipantId,
        text: String,
        client_id: String,
        at: Moment,
    ) -> Outcome {
        let known = |m: &ChatMessage| m.from == who && m.client_id == client_id;
        if self.chat.iter().any(known) {
            return DONE;
        }
        self.last_chat += 1;
        let message = ChatMessage {
            id: self.last_chat,
            from: who,
            name: self.seats[&who].name.clone(),
            text,
            at: at.wall_ms,
            client_id,
        };
        if self.chat.len() == MAX_CHAT_HISTORY {
            self.chat.pop_front();
        }
        self.chat.push_back(message.clone());
        self.out
            .push_back(Output::Store(StoreCommand::SaveChat(message.clone())));
        self.announce(Event::Chat { message }, at);
        DONE
    }

    pub(crate) fn hand(&mut self, who: ParticipantId, raised: bool, at: Moment) -> Outcome {
        let hand = raised.then_some(at.wall_ms);
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
