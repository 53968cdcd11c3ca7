//! What of a meeting is worth a notification while its window is not in front: chat from others, and the meeting's end.

use confab_base::ParticipantId;
use confab_client::desk::{CallPhase, DeskPatch, EndReason, OwnEnd};

/// A notification: who or what, and the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    Chat { name: String, text: String },
    Ended { title: String },
}

/// Longest text shown, characters.
const MAX_TEXT: usize = 200;

/// Remembers what was told. One for each meeting.
#[derive(Debug, Default)]
pub struct Notices {
    you: Option<ParticipantId>,
    title: String,
    /// Chat messages with smaller numbers are history or told. None: not in the meeting.
    fresh: Option<u64>,
}

impl Notices {
    /// Takes a change of the desk's state; gives what is new in it.
    pub fn on_patch(&mut self, patch: &DeskPatch) -> Vec<Notice> {
        let mut notices = Vec::new();
        let chat = patch.chat.as_deref().unwrap_or_default();
        let last = chat.iter().filter(|e| !e.pending).map(|e| e.message.id);
        let next = last.max().map_or(0, |id| id + 1);
        if let Some(call) = &patch.call {
            self.you = call.you.or(self.you);
            if let Some(meeting) = &call.meeting {
                self.title.clone_from(&meeting.title);
            }
            match call.phase {
                CallPhase::Ended => {
                    let unasked = call.ended != Some(EndReason::Own(OwnEnd::Left));
                    if self.fresh.take().is_some() && unasked {
                        notices.push(Notice::Ended {
                            title: self.title.clone(),
                        });
                    }
                }
                // What was said before one came is in the same change, since both come with the welcome.
                CallPhase::Joined => {
                    self.fresh.get_or_insert(next);
                }
                CallPhase::Idle
                | CallPhase::Connecting
                | CallPhase::Waiting
                | CallPhase::Reconnecting => {}
            }
        }
        if let Some(fresh) = &mut self.fresh {
            let you = self.you;
            let told = chat
                .iter()
                .filter(|e| !e.pending && e.message.id >= *fresh && Some(e.message.from) != you);
            notices.extend(told.map(|e| Notice::Chat {
                name: e.message.name.clone(),
                text: e.message.text.chars().take(MAX_TEXT).collect(),
            }));
            *fresh = next.max(*fresh);
        }
        notices
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_client::desk::{CallState, ChatEntry};
    use confab_protocol::{ChatMessage, Code, Meeting};

    fn call(phase: CallPhase, ended: Option<EndReason>) -> DeskPatch {
        let meeting = Meeting {
            id: confab_base::MeetingId::from_random(1),
            title: "Tea".to_owned(),
            locked: false,
            started_at: 0,
            spotlights: Vec::new(),
            board: None,
            policy: confab_protocol::Policy::default(),
        };
        DeskPatch {
            call: Some(CallState {
                phase,
                ended,
                you: Some(ParticipantId(1)),
                meeting: Some(meeting),
                ..CallState::default()
            }),
            ..DeskPatch::default()
        }
    }

    fn said(messages: &[(u64, u32)]) -> DeskPatch {
        let entry = |(id, from): &(u64, u32)| ChatEntry {
            message: ChatMessage {
                id: *id,
                from: ParticipantId(*from),
                name: format!("P{from}"),
                text: format!("message {id}"),
                to: None,
                present: Vec::new(),
                at: 0,
                client_id: String::new(),
                files: Vec::new(),
            },
            pending: false,
        };
        DeskPatch {
            chat: Some(messages.iter().map(entry).collect()),
            ..DeskPatch::default()
        }
    }

    fn numbers(notices: &[Notice]) -> Vec<&str> {
        notices
            .iter()
            .filter_map(|n| match n {
                Notice::Chat { text, .. } => text.rsplit(' ').next(),
                Notice::Ended { .. } => Some("end"),
            })
            .collect()
    }

    #[test]
    fn the_first_message_of_a_meeting_without_history_is_told() {
        let mut notices = Notices::default();
        assert_eq!(notices.on_patch(&call(CallPhase::Joined, None)), []);
        let told = notices.on_patch(&said(&[(0, 2)]));
        assert_eq!(numbers(&told), ["0"]);
        let told = notices.on_patch(&said(&[(0, 2), (1, 2)]));
        assert_eq!(numbers(&told), ["1"]);
    }

    #[test]
    fn history_and_the_own_words_are_no_news() {
        let mut notices = Notices::default();
        let mut first = call(CallPhase::Joined, None);
        first.chat = said(&[(1, 2), (2, 3)]).chat;
        assert_eq!(notices.on_patch(&first), []);
        assert_eq!(notices.on_patch(&said(&[(1, 2), (2, 3), (3, 1)])), []);
        let told = notices.on_patch(&said(&[(1, 2), (2, 3), (3, 1), (4, 2)]));
        assert_eq!(numbers(&told), ["4"]);
    }

    #[test]
    fn what_was_said_during_a_cut_is_told_after_it() {
        let mut notices = Notices::default();
        notices.on_patch(&call(CallPhase::Joined, None));
        notices.on_patch(&call(CallPhase::Reconnecting, None));
        let mut back = call(CallPhase::Joined, None);
        back.chat = said(&[(1, 2)]).chat;
        assert_eq!(numbers(&notices.on_patch(&back)), ["1"]);
    }

    #[test]
    fn an_end_is_told_once_and_only_when_it_was_not_asked_for() {
        let mut notices = Notices::default();
        let left = Some(EndReason::Own(OwnEnd::Left));
        let removed = Some(EndReason::Code(Code::Removed));
        notices.on_patch(&call(CallPhase::Joined, None));
        assert_eq!(notices.on_patch(&call(CallPhase::Ended, left)), []);
        // History again for who comes back.
        let mut again = call(CallPhase::Joined, None);
        again.chat = said(&[(7, 2)]).chat;
        assert_eq!(notices.on_patch(&again), []);
        let told = notices.on_patch(&call(CallPhase::Ended, removed));
        let title = "Tea".to_owned();
        assert_eq!(told, [Notice::Ended { title }]);
        assert_eq!(notices.on_patch(&call(CallPhase::Ended, removed)), []);
    }

    #[test]
    fn long_messages_are_cut() {
        let mut notices = Notices::default();
        notices.on_patch(&call(CallPhase::Joined, None));
        let mut long = said(&[(1, 2)]);
        if let Some(chat) = &mut long.chat {
            chat[0].message.text = "é".repeat(MAX_TEXT + 9);
        }
        let told = notices.on_patch(&long);
        assert!(
            matches!(&told[..], [Notice::Chat { text, .. }] if text.chars().count() == MAX_TEXT)
        );
    }
}
