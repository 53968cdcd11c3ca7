//! Who is on their way into a meeting, for the traces: what the meeting's task hears and says tells which stage they are in.

use crate::traces::{Context, Join, Stage};
use confab_base::ParticipantId;
use confab_protocol::{Request, ServerMessage};
use confab_room::{ConnId, MediaEvent};
use std::collections::HashMap;

/// Empty where nobody is told, and mostly otherwise: whoever's media is connected is in.
#[derive(Debug, Default)]
pub(super) struct Joins {
    by_conn: HashMap<ConnId, OnTheWay>,
    /// Of what is stored next.
    cause: Option<Context>,
}

#[derive(Debug)]
struct OnTheWay {
    join: Join,
    comes_back: bool,
    /// Once they have a seat.
    seat: Option<ParticipantId>,
    /// The number of the request with their offer.
    offer: Option<u32>,
}

impl Joins {
    /// `comes_back`: to a seat they had, whose media may have stayed.
    pub(super) fn begin(&mut self, conn: ConnId, join: Join, comes_back: bool) {
        if !join.is_told() {
            return;
        }
        join.enter(Stage::Room);
        self.cause = Some(join.context());
        let new = OnTheWay {
            join,
            comes_back,
            seat: None,
            offer: None,
        };
        self.by_conn.insert(conn, new);
    }

    pub(super) fn asked(&mut self, conn: ConnId, id: u32, request: &Request) {
        if let Request::Offer(_) = request
            && let Some(one) = self.by_conn.get_mut(&conn)
            && one.offer.is_none()
        {
            one.offer = Some(id);
            one.join.enter(Stage::Answer);
        }
    }

    pub(super) fn told(&mut self, to: &[ConnId], message: &ServerMessage) {
        if self.by_conn.is_empty() {
            return;
        }
        for conn in to {
            let Some(one) = self.by_conn.get_mut(conn) else {
                continue;
            };
            match message {
                ServerMessage::Waiting(_) => one.join.enter(Stage::Lobby),
                ServerMessage::Welcome(welcome) => {
                    one.seat = Some(welcome.you);
                    one.join.leave();
                    if one.comes_back {
                        one.join.resumed();
                        self.by_conn.remove(conn);
                    }
                }
                ServerMessage::Refused { code, .. } => {
                    one.join.refused(Some(*code));
                    self.by_conn.remove(conn);
                }
                ServerMessage::Reply { id, .. } if one.offer == Some(*id) => {
                    one.join.enter(Stage::Media);
                }
                ServerMessage::Error { id, code, .. } if one.offer == Some(*id) => {
                    one.offer = None;
                    one.join.stumbled(*code);
                }
                _ => {}
            }
        }
    }

    pub(super) fn heard(&mut self, event: &MediaEvent) {
        if let MediaEvent::Connected { participant } = event {
            self.by_conn.retain(|_, one| one.seat != Some(*participant));
        }
    }

    /// Gone before their media was connected, or without any.
    pub(super) fn closed(&mut self, conn: ConnId) {
        self.by_conn.remove(&conn);
    }

    pub(super) fn cause(&self) -> Context {
        self.cause.clone().unwrap_or_default()
    }

    /// What is stored from now on has other causes.
    pub(super) fn carried_out(&mut self) {
        self.cause = None;
    }
}
