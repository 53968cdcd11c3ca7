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
    /// Highest number of a chat message seen; none before the first list, which is history.
    seen: Option<u64>,
}

impl Notices {
    /// Takes a change of the desk's state; gives what is new in it.
    pub fn on_patch(&mut self, patch: &DeskPatch) -> Vec<Notice> {
        let mut notices = Vec::new();
        if let Some(call) = &patch.call {
            self.you = call.you.or(self.you);
            if let Some(meeting) = &call.meeting {
                self.title.clone_from(&meeting.title);
            }
            let unasked = call.ended != Some(EndReason::Own(OwnEnd::Left));
            if call.phase == CallPhase::Ended && self.seen.is_some() && unasked {
                self.seen = None;
                notices.push(Notice::Ended {
                    title: self.title.clone(),
                });
            }
            if call.phase == CallPhase::Joined {
                self.seen.get_or_insert(0);
            }
        }
        if let Some(chat) = &patch.chat {
            let fresh = chat
                .iter()
                .filter(|e| !e.pending && self.seen.is_some_and(|s| s > 0 && e.message.id > s));
            notices.extend(fresh.filter(|e| Some(e.message.from) != self.you).map(|e| {
                Notice::Chat {
                    name: e.message.name.clone(),
                    text: e.message.text.chars().take(MAX_TEXT).collect(),
                }
            }));
            let last = chat
                .iter()
                .filter(|e| !e.pending)
                .map(|e| e.message.id)
                .max();
            self.seen = self.seen.max(last);
        }
        notices
    }
}
