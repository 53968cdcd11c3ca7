//! The machine: its state, the dispatch of inputs, and following the room.

use crate::follow::{apply, set_muted};
use crate::link::Link;
use crate::listening::Told;
use crate::peer::Peer;
use crate::requests::{Asked, Wishes};
use crate::{Action, Input, JoinOptions, Notice, Output, Own, Phase, SavedSeat, SessionState};
use confab_base::{Duration, Time};
use confab_protocol::{
    ClientMessage, Code, Event, MAX_CHAT_HISTORY, Request, Sequenced, ServerMessage, Snapshot,
};
use std::collections::{BTreeMap, VecDeque};

/// Pause before a refused resync is tried again.
const RESYNC_PAUSE: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resync {
    No,
    Asked,
    Due(Time),
}

/// One participant's session.
#[derive(Debug)]
pub struct Session {
    pub(crate) options: JoinOptions,
    pub(crate) state: SessionState,
    pub(crate) link: Link,
    /// Sockets opened since the session was last in.
    pub(crate) attempts: u32,
    last_id: u32,
    pub(crate) pending: BTreeMap<u32, Asked>,
    pub(crate) wishes: Wishes,
    pub(crate) resync: Resync,
    pub(crate) peer: Peer,
    pub(crate) told: Told,
    changed: bool,
    pub(crate) out: VecDeque<Output>,
}

impl Session {
    pub fn new(options: JoinOptions) -> Session {
        Session {
            options,
            state: SessionState::default(),
            link: Link::Off,
            attempts: 0,
            last_id: 0,
            pending: BTreeMap::new(),
            wishes: Wishes::default(),
            resync: Resync::No,
            peer: Peer::default(),
            told: Told::default(),
            changed: false,
            out: VecDeque::new(),
        }
    }

    /// Takes one input. After the end nothing has an effect any more.
    pub fn handle(&mut self, input: Input, now: Time) {
        if matches!(self.state.phase, Phase::Ended { .. }) {
            return;
        }
        match input {
            Input::Start if self.state.phase == Phase::Idle => self.open(now),
            Input::Start | Input::Timeout => {}
            Input::SocketOpened => self.on_socket_opened(now),
            Input::SocketClosed => self.on_socket_closed(now),
            Input::Received { message } => self.on_received(*message, now),
            Input::Act {
                action: Action::Leave,
            } => self.leave(now),
            Input::Act { action } => self.act(action, now),
            Input::LocalOffer {
                generation,
                sdp,
                publish,
            } => self.on_local_offer(generation, sdp, publish, now),
            Input::View { slots, max_bitrate } => self.peer.view = Some((slots, max_bitrate)),
            Input::MediaConnected { generation } => self.on_media_connected(generation, now),
            Input::MediaFailed { generation } => self.on_media_failed(generation, now),
            Input::Listening { listening } => self.on_listening(listening),
            Input::Quality { report } => self.on_quality(report, now),
        }
        self.run_link(now);
        if self.is_up() {
            self.run_resync(now);
            self.run_peer(now);
            self.run_listening(now);
        }
        self.refresh_own();
        if std::mem::take(&mut self.changed) {
            self.out.push_back(Output::Changed);
        }
    }

    /// The next effect to carry out; ask until `None` after every [`Session::handle`].
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`Input::Timeout`] shall come at the latest.
    pub fn next_wakeup(&self) -> Option<Time> {
        let resync = match self.resync {
            Resync::Due(at) if self.is_up() => Some(at),
            _ => None,
        };
        let (peer, listening) = if self.is_up() {
            (self.peer_wakeup(), self.listening_wakeup())
        } else {
            (None, None)
        };
        [self.link.wakeup(), resync, peer, listening]
            .into_iter()
            .flatten()
            .min()
    }

    pub fn state(&self) -> &SessionState {
        &self.state
    }

    /// What a later session needs to take this seat again.
    pub fn seat(&self) -> Option<&SavedSeat> {
        self.options.seat.as_ref()
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(self.link, Link::Up { .. })
    }

    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.link, Link::Lobby { .. })
    }

    fn on_received(&mut self, message: ServerMessage, now: Time) {
        match (&mut self.link, &message) {
            (Link::Up { heard, .. }, _) => *heard = now,
            (Link::Lobby { heard, .. }, message) => {
                *heard = now;
                if !is_for_waiting(message) {
                    return;
                }
            }
            (
                Link::Greeting { .. },
                ServerMessage::Welcome(_)
                | ServerMessage::Waiting(_)
                | ServerMessage::Refused { .. }
                | ServerMessage::Bye { .. },
            ) => {}
            _ => return,
        }
        match message {
            ServerMessage::Welcome(welcome) => self.on_welcome(welcome, now),
            ServerMessage::Waiting(waiting) => self.on_waiting(waiting, now),
            ServerMessage::Place(place) => self.on_place(place),
            ServerMessage::Refused { code, .. } | ServerMessage::Bye { code, .. } => {
                self.on_dismissed(code, now);
            }
            ServerMessage::Reply { id, body } => self.on_reply(id, body, now),
            ServerMessage::Error { id, code, .. } => self.on_error(id, code, now),
            ServerMessage::Event(entry) => self.on_event(entry, now),
            ServerMessage::Speakers { participants } => {
                self.state.speakers = participants;
                self.changed = true;
            }
            ServerMessage::Quality { levels } => {
                for level in levels {
                    let list = &mut self.state.quality;
                    list.retain(|q| q.participant != level.participant);
                    list.push(level);
                    list.sort_by_key(|q| q.participant);
                }
                self.changed = true;
            }
            ServerMessage::Slots { slots } => {
                self.state.slots = slots;
                self.changed = true;
            }
            ServerMessage::LayersWanted(wanted) => {
                let list = &mut self.state.layers_wanted;
                list.retain(|w| w.track != wanted.track);
                list.push(wanted);
                list.sort_by_key(|w| w.track);
                self.changed = true;
            }
            ServerMessage::VoiceLoss(loss) => {
                self.state.voice_loss = loss;
                self.changed = true;
            }
            ServerMessage::Lobby { .. }
            | ServerMessage::Asides { .. }
            | ServerMessage::OwnVotes { .. }
            | ServerMessage::SpeakingTimes { .. } => self.on_told_aside(message),
            ServerMessage::Reacted {
                participant,
                reaction,
            } => self.notice(Notice::Reacted {
                participant,
                reaction,
            }),
            ServerMessage::MediaLost { generation } => self.on_media_failed(generation, now),
        }
    }

    /// What only some are told, outside the order of events.
    fn on_told_aside(&mut self, message: ServerMessage) {
        match message {
            ServerMessage::Lobby { waiting } => self.state.lobby = waiting,
            ServerMessage::OwnVotes { votes } => self.state.own_votes = votes,
            ServerMessage::SpeakingTimes { times } => {
                let list = &mut self.state.speaking_times;
                list.retain(|t| times.iter().all(|new| new.participant != t.participant));
                list.extend(times);
                list.sort_by_key(|t| t.participant);
            }
            ServerMessage::Asides { messages } => {
                for message in &messages {
                    if Some(message.from) == self.state.you {
                        self.chat_arrived(&message.client_id);
                    }
                }
                let list = &mut self.state.asides;
                list.retain(|m| messages.iter().all(|new| new.id != m.id));
                list.extend(messages);
                list.sort_by_key(|m| m.id);
                let surplus = list.len().saturating_sub(MAX_CHAT_HISTORY);
                list.drain(..surplus);
            }
            _ => return,
        }
        self.changed = true;
    }

    /// Numbers without a gap are applied; behind a gap everything waits for the resync.
    fn on_event(&mut self, entry: Sequenced, now: Time) {
        let Some(room) = &self.state.room else {
            return;
        };
        let last_seq = room.seq;
        if entry.seq <= last_seq + 1 {
            self.follow(entry);
        } else if self.resync == Resync::No {
            self.resync = Resync::Asked;
            self.ask(Request::Resync { last_seq }, Asked::Resync, now);
        }
    }

    fn run_resync(&mut self, now: Time) {
        let Some(room) = &self.state.room else {
            return;
        };
        if matches!(self.resync, Resync::Due(at) if at <= now) {
            let last_seq = room.seq;
            self.resync = Resync::Asked;
            self.ask(Request::Resync { last_seq }, Asked::Resync, now);
        }
    }

    pub(crate) fn resync_failed(&mut self, now: Time) {
        self.resync = Resync::Due(now + RESYNC_PAUSE);
    }

    /// Applies an event if it is the next one.
    pub(crate) fn follow(&mut self, entry: Sequenced) {
        let Some(room) = &mut self.state.room else {
            return;
        };
        if entry.seq != room.seq + 1 || self.link == Link::Off {
            return;
        }
        apply(room, &entry);
        self.changed = true;
        let you = self.state.you;
        let event = entry.event.clone();
        self.out.push_back(Output::Event { event: entry });
        match event {
            Event::ParticipantLeft { participant, .. } => {
                self.state.speakers.retain(|p| *p != participant);
                self.state.quality.retain(|q| q.participant != participant);
                let times = &mut self.state.speaking_times;
                times.retain(|t| t.participant != participant);
            }
            Event::PollRemoved { poll } => self.state.own_votes.retain(|v| v.poll != poll),
            Event::UnmuteAsked {
                participant,
                source,
                by,
            } if Some(participant) == you => self.notice(Notice::AskedToUnmute { by, source }),
            Event::Chat { message } if Some(message.from) == you => {
                self.chat_arrived(&message.client_id);
            }
            Event::MuteChanged {
                participant,
                source,
                muted: true,
                by,
            } if Some(participant) == you && by != participant => {
                // What was wished before the host spoke does not undo it.
                self.withdraw_mute(source);
                self.notice(Notice::MutedBy { by, source });
            }
            Event::Ended { .. } => self.end(Some(Code::MeetingEnded)),
            _ => {}
        }
    }

    pub(crate) fn replace_room(&mut self, snapshot: Snapshot) {
        self.state
            .outbox
            .retain(|chat| snapshot.chat.iter().all(|m| m.client_id != chat.client_id));
        let here = |p| snapshot.participants.iter().any(|q| q.id == p);
        self.state.speakers.retain(|p| here(*p));
        self.state.quality.retain(|q| here(q.participant));
        self.state.room = Some(snapshot);
        self.changed = true;
    }

    /// The own switches: what the server confirmed, under what is wished and not confirmed yet.
    fn refresh_own(&mut self) {
        let mut own = self.confirmed_own();
        for (source, muted) in &self.wishes.mutes {
            set_muted(&mut own.muted, *source, *muted);
        }
        if let Some(raised) = self.wishes.hand {
            own.hand = raised;
        }
        if own != self.state.own {
            self.state.own = own;
            self.changed = true;
        }
    }

    pub(crate) fn confirmed_own(&self) -> Own {
        let me = self.state.room.as_ref().and_then(|room| {
            room.participants
                .iter()
                .find(|p| Some(p.id) == self.state.you)
        });
        me.map_or_else(Own::default, |p| Own {
            muted: p.muted.clone(),
            hand: p.hand.is_some(),
        })
    }

    /// Sends a request whose answer matters.
    pub(crate) fn ask(&mut self, body: Request, asked: Asked, now: Time) -> u32 {
        self.post(body, now);
        self.pending.insert(self.last_id, asked);
        self.last_id
    }

    /// Sends a request.
    pub(crate) fn post(&mut self, body: Request, now: Time) {
        self.last_id += 1;
        if let Link::Lobby { sent, .. } | Link::Up { sent, .. } = &mut self.link {
            *sent = now;
        }
        let id = self.last_id;
        self.out.push_back(Output::Send {
            message: ClientMessage { id, body },
        });
    }

    pub(crate) fn set_phase(&mut self, phase: Phase) {
        if self.state.phase != phase {
            self.state.phase = phase;
            self.changed = true;
        }
    }

    pub(crate) fn mark_changed(&mut self) {
        self.changed = true;
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        self.out.push_back(Output::Notice { notice });
    }
}

/// What may come while one is in the lobby.
fn is_for_waiting(message: &ServerMessage) -> bool {
    matches!(
        message,
        ServerMessage::Welcome(_)
            | ServerMessage::Place(_)
            | ServerMessage::Refused { .. }
            | ServerMessage::Bye { .. }
    )
}
