//! The signaling connection: opening, hello, silence, and coming back.

use crate::session::Session;
use crate::{InLobby, Output, Phase, SavedSeat};
use confab_base::{Duration, Time, VoiceLoss};
use confab_protocol::{
    CatchUp, Code, Hello, LobbyPlace, PING_INTERVAL_MS, PING_TIMEOUT_MS, Request, Resume, VERSION,
    Waiting, Welcome,
};

const PING_INTERVAL: Duration = Duration::from_millis(PING_INTERVAL_MS);
const PING_TIMEOUT: Duration = Duration::from_millis(PING_TIMEOUT_MS);
/// How long a socket may take to open; longer after [`QUICK_ATTEMPTS`], for links that are just slow.
const OPEN_QUICK: Duration = Duration::from_secs(2);
const OPEN_SLOW: Duration = Duration::from_secs(5);
const QUICK_ATTEMPTS: u32 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Off,
    /// Before the next attempt.
    Waiting {
        until: Time,
    },
    Opening {
        until: Time,
    },
    /// Said hello.
    Greeting {
        until: Time,
    },
    /// In the lobby.
    Lobby {
        heard: Time,
        sent: Time,
    },
    Up {
        heard: Time,
        sent: Time,
    },
}

impl Link {
    fn has_socket(self) -> bool {
        matches!(
            self,
            Link::Opening { .. } | Link::Greeting { .. } | Link::Lobby { .. } | Link::Up { .. }
        )
    }

    pub(crate) fn wakeup(self) -> Option<Time> {
        match self {
            Link::Off => None,
            Link::Waiting { until } | Link::Opening { until } | Link::Greeting { until } => {
                Some(until)
            }
            Link::Lobby { heard, sent } | Link::Up { heard, sent } => {
                Some((heard + PING_TIMEOUT).min(sent + PING_INTERVAL))
            }
        }
    }
}

impl Session {
    pub(crate) fn open(&mut self, now: Time) {
        self.attempts += 1;
        let patience = if self.attempts <= QUICK_ATTEMPTS {
            OPEN_QUICK
        } else {
            OPEN_SLOW
        };
        self.link = Link::Opening {
            until: now + patience,
        };
        if !matches!(self.state.phase, Phase::Reconnecting { .. }) {
            self.set_phase(Phase::Connecting);
        }
        self.out.push_back(Output::OpenSocket);
    }

    pub(crate) fn on_socket_opened(&mut self, now: Time) {
        if !matches!(self.link, Link::Opening { .. }) {
            return;
        }
        self.link = Link::Greeting {
            until: now + PING_TIMEOUT,
        };
        if !matches!(self.state.phase, Phase::Reconnecting { .. }) {
            self.set_phase(Phase::Joining);
        }
        let last_seq = self.state.room.as_ref().map_or(0, |room| room.seq);
        let hello = Hello {
            protocol: VERSION,
            meeting: self.options.meeting.clone(),
            name: self.options.name.clone(),
            client: self.options.client,
            agent: self.options.agent.clone(),
            host_key: self.options.host_key.clone(),
            passcode: self.options.passcode.clone(),
            resume: self.options.seat.as_ref().map(|seat| Resume {
                participant: seat.participant,
                token: seat.token.clone(),
                last_seq,
            }),
            decodes: self.options.decodes.clone(),
        };
        self.post(Request::Hello(hello), now);
    }

    pub(crate) fn on_socket_closed(&mut self, now: Time) {
        if self.link.has_socket() {
            self.lost(now);
        }
    }

    /// The connection is no more: everything in flight is forgotten, and the next attempt is due.
    fn lost(&mut self, now: Time) {
        if matches!(self.link, Link::Up { .. }) {
            let since_ms = now.as_millis();
            self.set_phase(Phase::Reconnecting { since_ms });
        } else if matches!(self.state.phase, Phase::Joining | Phase::Waiting) {
            self.set_phase(Phase::Connecting);
        }
        self.drop_requests();
        let wait_ms = match self.attempts {
            0 => return self.open(now),
            1 => 500,
            _ => 1000,
        };
        let jitter = u64::from(self.options.jitter.min(1000)) / 4;
        self.link = Link::Waiting {
            until: now + Duration::from_millis(wait_ms + jitter),
        };
    }

    fn close_socket(&mut self) {
        if self.link.has_socket() {
            self.out.push_back(Output::CloseSocket);
        }
    }

    fn give_up_socket(&mut self, now: Time) {
        self.close_socket();
        self.lost(now);
    }

    pub(crate) fn end(&mut self, code: Option<Code>) {
        self.close_socket();
        self.leave_lobby();
        self.link = Link::Off;
        self.pending.clear();
        self.set_phase(Phase::Ended { code });
        self.out.push_back(Output::Ended { code });
    }

    /// The server closes the connection: `refused` or `bye`.
    pub(crate) fn on_dismissed(&mut self, code: Code, now: Time) {
        let greeting = matches!(self.link, Link::Greeting { .. });
        if greeting && code == Code::BadSecret && self.options.seat.is_some() {
            // The seat is gone: it was away for too long, or the server forgot it. Join as somebody new.
            self.options.seat = None;
            self.leave_lobby();
            self.close_socket();
            self.link = Link::Off;
            return self.open(now);
        }
        if code.is_final() {
            return self.end(Some(code));
        }
        if code != Code::GoingAway {
            self.attempts = self.attempts.max(2);
        }
        self.give_up_socket(now);
    }

    /// In the lobby: the seat is known, and there is nothing to do but to wait.
    pub(crate) fn on_waiting(&mut self, waiting: Waiting, now: Time) {
        if !matches!(self.link, Link::Greeting { .. }) {
            return;
        }
        self.link = Link::Lobby {
            heard: now,
            sent: now,
        };
        self.attempts = 0;
        self.options.seat = Some(SavedSeat {
            participant: waiting.you,
            token: waiting.token,
        });
        self.state.waiting = Some(InLobby {
            title: waiting.title,
            starts_at: waiting.starts_at,
            server_time: waiting.server_time,
            at_ms: now.as_millis(),
            place: waiting.place,
        });
        self.mark_changed();
        self.set_phase(Phase::Waiting);
    }

    pub(crate) fn on_place(&mut self, place: LobbyPlace) {
        if let Some(waiting) = &mut self.state.waiting {
            waiting.place = place;
            self.mark_changed();
        }
    }

    fn leave_lobby(&mut self) {
        if self.state.waiting.take().is_some() {
            self.mark_changed();
        }
    }

    pub(crate) fn on_welcome(&mut self, welcome: Welcome, now: Time) {
        if !matches!(self.link, Link::Greeting { .. } | Link::Lobby { .. }) {
            return;
        }
        let known = self.options.seat.take().map(|seat| seat.token);
        let Some(token) = welcome.token.or(known) else {
            // No server does this: a seat without a secret.
            return self.end(Some(Code::BadMessage));
        };
        self.link = Link::Up {
            heard: now,
            sent: now,
        };
        self.attempts = 0;
        self.state.you = Some(welcome.you);
        self.options.seat = Some(SavedSeat {
            participant: welcome.you,
            token,
        });
        self.leave_lobby();
        if !welcome.resumed {
            self.state.asides.clear();
        }
        self.state.lobby.clear();
        self.state.own_votes.clear();
        self.state.speaking_times.clear();
        self.state.speakers.clear();
        self.state.quality.clear();
        self.state.slots.clear();
        self.state.layers_wanted.clear();
        self.state.voice_loss = VoiceLoss::default();
        self.told.forget();
        self.set_phase(Phase::Joined);
        self.catch_up(welcome.catch_up);
        if self.link != Link::Off {
            self.welcome_peer(welcome.media_generation, now);
            self.send_wishes(now);
        }
    }

    pub(crate) fn catch_up(&mut self, catch_up: CatchUp) {
        match catch_up {
            CatchUp::Snapshot { snapshot } => self.replace_room(snapshot),
            CatchUp::Events { events } => {
                for entry in events {
                    self.follow(entry);
                }
            }
        }
    }

    /// What is due on the connection.
    pub(crate) fn run_link(&mut self, now: Time) {
        match self.link {
            Link::Waiting { until } if until <= now => self.open(now),
            Link::Opening { until } | Link::Greeting { until } if until <= now => {
                self.give_up_socket(now);
            }
            Link::Lobby { heard, .. } | Link::Up { heard, .. } if heard + PING_TIMEOUT <= now => {
                self.give_up_socket(now);
            }
            Link::Lobby { sent, .. } | Link::Up { sent, .. } if sent + PING_INTERVAL <= now => {
                self.post(Request::Ping, now);
            }
            _ => {}
        }
    }
}
