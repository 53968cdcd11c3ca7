//! What the person does, what the server answers, and what is kept until it has answered.

use crate::session::{Resync, Session};
use crate::{Action, Notice, OutboxChat};
use confab_base::{Source, Time};
use confab_protocol::{Code, ReplyBody, Request};
use std::collections::{BTreeMap, BTreeSet};

/// Chat messages kept unconfirmed. Together with everything else sent on a welcome they fit the server's burst.
const MAX_OUTBOX: usize = 40;

/// A request in flight.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Asked {
    Act(Action),
    Offer,
    Resync,
}

/// What the person wants and the server has not confirmed. It survives cuts.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    pub mutes: BTreeMap<Source, bool>,
    pub hand: Option<bool>,
    pub unpublish: BTreeSet<Source>,
}

impl Session {
    pub(crate) fn act(&mut self, mut action: Action, now: Time) {
        if let Action::Chat { to, .. } = &mut action {
            *to = to.or_else(|| self.state.here());
        }
        match &action {
            Action::Mute { source, muted } => {
                self.wishes.mutes.insert(*source, *muted);
            }
            Action::Hand { raised } => self.wishes.hand = Some(*raised),
            Action::Unpublish { source } => {
                self.wishes.unpublish.insert(*source);
            }
            Action::Chat {
                text,
                client_id,
                to,
                files,
            } => {
                let chat = OutboxChat {
                    client_id: client_id.clone(),
                    text: text.clone(),
                    to: *to,
                    files: files.clone(),
                };
                if !self.put_in_outbox(chat) {
                    let code = Code::TooFast;
                    return self.notice(Notice::Failed { action, code });
                }
            }
            Action::Rename { name } => {
                self.options.name.clone_from(name);
                self.need_connection(&action);
            }
            _ => self.need_connection(&action),
        }
        if self.is_up() {
            self.send_action(action, now);
        }
    }

    fn need_connection(&mut self, action: &Action) {
        if !self.is_up() {
            let action = action.clone();
            self.notice(Notice::NotConnected { action });
        }
    }

    /// False when it is full.
    fn put_in_outbox(&mut self, chat: OutboxChat) -> bool {
        let room = self.state.outbox.len() < MAX_OUTBOX;
        if room {
            self.state.outbox.push(chat);
            self.mark_changed();
        }
        room
    }

    fn send_action(&mut self, action: Action, now: Time) {
        if let Some(request) = request_of(&action) {
            self.ask(request, Asked::Act(action), now);
        }
    }

    /// After a welcome: what differs from what the server has, and chat it may not have got.
    pub(crate) fn send_wishes(&mut self, now: Time) {
        let confirmed = self.confirmed_own();
        self.wishes
            .mutes
            .retain(|source, muted| confirmed.muted.contains(source) != *muted);
        self.wishes.hand = self.wishes.hand.filter(|raised| *raised != confirmed.hand);
        let mutes = self.wishes.mutes.clone();
        for (source, muted) in mutes {
            self.send_action(Action::Mute { source, muted }, now);
        }
        if let Some(raised) = self.wishes.hand {
            self.send_action(Action::Hand { raised }, now);
        }
        for source in self.wishes.unpublish.clone() {
            self.send_action(Action::Unpublish { source }, now);
        }
        for chat in self.state.outbox.clone() {
            let OutboxChat {
                client_id,
                text,
                to,
                files,
            } = chat;
            let action = Action::Chat {
                text,
                client_id,
                to,
                files,
            };
            self.send_action(action, now);
        }
    }

    pub(crate) fn leave(&mut self, now: Time) {
        if self.is_up() || self.is_waiting() {
            self.post(Request::Leave, now);
        }
        self.end(None);
    }

    pub(crate) fn on_reply(&mut self, id: u32, body: ReplyBody, now: Time) {
        let Some(asked) = self.pending.remove(&id) else {
            return;
        };
        match (asked, body) {
            (Asked::Act(action), _) => self.settled(&action),
            (Asked::Offer, ReplyBody::Answer { generation, sdp }) => {
                self.on_answer(generation, sdp);
            }
            (Asked::Offer, _) => self.on_offer_failed(Code::BadMessage, now),
            (Asked::Resync, ReplyBody::CatchUp { catch_up }) => {
                self.resync = Resync::No;
                self.catch_up(catch_up);
            }
            (Asked::Resync, _) => self.resync_failed(now),
        }
    }

    pub(crate) fn on_error(&mut self, id: u32, code: Code, now: Time) {
        let Some(asked) = self.pending.remove(&id) else {
            return;
        };
        match asked {
            Asked::Act(action) => {
                self.settled(&action);
                self.notice(Notice::Failed { action, code });
            }
            Asked::Offer => self.on_offer_failed(code, now),
            Asked::Resync => self.resync_failed(now),
        }
    }

    /// An action was answered, well or not: from here the server's word counts, unless the same was asked again since.
    fn settled(&mut self, action: &Action) {
        match action {
            Action::Mute { source, .. } => self.withdraw_mute(*source),
            Action::Hand { .. } if !self.in_flight(|a| matches!(a, Action::Hand { .. })) => {
                self.wishes.hand = None;
            }
            Action::Unpublish { source } => {
                self.wishes.unpublish.remove(source);
            }
            Action::Chat { client_id, .. } => self.chat_arrived(client_id),
            _ => {}
        }
    }

    /// Forgets the wish, unless it is being asked right now.
    pub(crate) fn withdraw_mute(&mut self, source: Source) {
        let same = |a: &Action| matches!(a, Action::Mute { source: s, .. } if *s == source);
        if !self.in_flight(same) {
            self.wishes.mutes.remove(&source);
        }
    }

    fn in_flight(&self, same: impl Fn(&Action) -> bool) -> bool {
        self.pending
            .values()
            .any(|asked| matches!(asked, Asked::Act(action) if same(action)))
    }

    pub(crate) fn chat_arrived(&mut self, client_id: &str) {
        let before = self.state.outbox.len();
        self.state.outbox.retain(|chat| chat.client_id != client_id);
        if self.state.outbox.len() != before {
            self.mark_changed();
        }
    }

    /// The connection is gone: nobody will answer. Wishes and chat stay.
    pub(crate) fn drop_requests(&mut self) {
        self.pending.clear();
        self.resync = Resync::No;
        self.peer.link_lost();
    }
}

fn request_of(action: &Action) -> Option<Request> {
    Some(match action.clone() {
        Action::Mute { source, muted } => Request::Mute { source, muted },
        Action::Hand { raised } => Request::Hand { raised },
        Action::Unpublish { source } => Request::Unpublish { source },
        Action::Reaction { reaction } => Request::Reaction { reaction },
        Action::Chat {
            text,
            client_id,
            to,
            files,
        } => Request::Chat {
            text,
            client_id,
            to,
            files: files.into_iter().map(|f| f.id).collect(),
        },
        Action::Rename { name } => Request::Rename { name },
        Action::SameRoom { choice } => Request::SameRoom { choice },
        Action::HostMute {
            participant,
            source,
        } => Request::HostMute {
            participant,
            source,
        },
        Action::HostMuteAll => Request::HostMuteAll,
        Action::HostLowerHand { participant } => Request::HostLowerHand { participant },
        Action::HostRemove { participant } => Request::HostRemove { participant },
        Action::HostLock { locked } => Request::HostLock { locked },
        Action::HostSpotlight { participants } => Request::HostSpotlight { participants },
        Action::HostEnd => Request::HostEnd,
        Action::Ask(request) => return is_plain(&request).then_some(request),
        Action::Leave => return None,
    })
}

/// Whether a request is sent as it is, and not made by the session itself.
fn is_plain(request: &Request) -> bool {
    !matches!(
        request,
        Request::Hello(_)
            | Request::Offer(_)
            | Request::View { .. }
            | Request::Listening(_)
            | Request::QualityReport(_)
            | Request::Resync { .. }
            | Request::Ping
            | Request::Leave
    )
}
