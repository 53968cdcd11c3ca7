//! The meeting's rules: who is host, what the others may do, and the tools hosts lead by.

use crate::chat::DONE;
use crate::moderation::NOBODY;
use crate::room::{Failure, Moment, Outcome, Room};
use confab_base::{ParticipantId, Source};
use confab_protocol::{
    Agenda, AgendaItem, Code, Event, Policy, Publish, Request, Role, ServerMessage, Tools,
};

impl Room {
    pub(crate) fn policy(&self) -> Policy {
        self.stored.policy.unwrap_or(self.config.policy)
    }

    pub(crate) fn tools(&self) -> Tools {
        let kept = &self.stored.tools;
        Tools {
            floor: kept.floor.clone(),
            questions: kept.questions.clone(),
            polls: kept.polls.iter().map(|p| p.public()).collect(),
            agenda: kept.agenda.clone(),
            breakout: kept.breakout.clone(),
            seat_order: kept.seat_order.clone(),
        }
    }

    /// What hosts and co-hosts ask for beside moderation.
    pub(crate) fn rule(&mut self, by: ParticipantId, request: Request, at: Moment) -> Outcome {
        match request {
            Request::HostPolicy { policy } => self.set_policy(by, policy, at),
            Request::HostRole { participant, role } => self.set_role(by, participant, role, at),
            Request::HostAskUnmute {
                participant,
                source,
            } => self.ask_unmute(by, participant, source, at),
            Request::HostRename { participant, name } => {
                if !self.seats.contains_key(&participant) {
                    return Err(NOBODY);
                }
                self.rename(participant, name, at)
            }
            Request::HostFloor { on } => self.control_floor(by, on, at),
            Request::HostFloorPass { participant } => self.pass_floor(by, participant, at),
            Request::HostQuestionAnswer { question, text } => {
                self.answer_question(by, question, text, at)
            }
            Request::HostQuestionDismiss { question } => self.dismiss_question(question, at),
            Request::HostPollOpen { poll } => self.open_poll(poll, at),
            Request::HostPollClose { poll } => self.close_poll(poll, at),
            Request::HostPollRemove { poll } => self.remove_poll(poll, at),
            Request::HostAgenda { items } => self.set_agenda(items, at),
            Request::HostAgendaGo { item } => self.go_to_item(item, at),
            Request::HostSeatOrder { participants } => self.set_seat_order(participants, at),
            other => self.lead_breakout(other, at),
        }
    }

    pub(crate) fn only_host(&self, by: ParticipantId) -> Result<(), Failure> {
        match self.seats[&by].role {
            Role::Host => Ok(()),
            _ => Err((Code::NotAllowed, "only a host may do this")),
        }
    }

    fn set_policy(&mut self, by: ParticipantId, policy: Policy, at: Moment) -> Outcome {
        if self.policy() == policy {
            return DONE;
        }
        self.stored.policy = Some(policy);
        self.save_meeting();
        self.lobby.touch();
        self.announce(Event::PolicyChanged { policy, by }, at);
        if !policy.permissions.share {
            let others = self.seats.values().filter(|s| !s.role.moderates());
            for who in others.map(|s| s.id).collect::<Vec<_>>() {
                self.mute(who, by, Source::Screen, true, at)?;
                self.mute(who, by, Source::ScreenAudio, true, at)?;
            }
        }
        DONE
    }

    fn set_role(
        &mut self,
        by: ParticipantId,
        who: ParticipantId,
        role: Role,
        at: Moment,
    ) -> Outcome {
        self.only_host(by)?;
        if by == who {
            return Err((Code::BadValue, "another host changes your role"));
        }
        let seat = self.seats.get_mut(&who).ok_or(NOBODY)?;
        let role = match role {
            Role::Host | Role::CoHost => role,
            Role::Participant | Role::Guest => base_role(seat.account.is_some()),
        };
        if seat.role == role {
            return DONE;
        }
        seat.role = role;
        let conn = seat.conn();
        self.save_participant(who);
        let event = Event::RoleChanged {
            participant: who,
            role,
        };
        self.announce(event, at);
        self.lobby.touch();
        if let Some(conn) = conn {
            match role.moderates() {
                true => {
                    self.tell_lobby(conn);
                    self.tell_asides(conn, who);
                }
                false => self.send(
                    conn,
                    ServerMessage::Lobby {
                        waiting: Vec::new(),
                    },
                ),
            }
        }
        self.hush(who, by, at);
        DONE
    }

    /// Nobody is unmuted by another: this only asks, and lets the person do it once.
    fn ask_unmute(
        &mut self,
        by: ParticipantId,
        who: ParticipantId,
        source: Source,
        at: Moment,
    ) -> Outcome {
        let seat = self.seats.get_mut(&who).ok_or(NOBODY)?;
        if !seat.muted.contains(&source) {
            return DONE;
        }
        seat.asked.insert(source);
        let event = Event::UnmuteAsked {
            participant: who,
            source,
            by,
        };
        self.announce(event, at);
        DONE
    }

    /// Somebody's own switch.
    pub(crate) fn switch(
        &mut self,
        who: ParticipantId,
        source: Source,
        muted: bool,
        at: Moment,
    ) -> Outcome {
        if !muted {
            self.may_unmute(who, source)?;
            if let Some(seat) = self.seats.get_mut(&who) {
                seat.asked.remove(&source);
            }
        }
        self.mute(who, who, source, muted, at)
    }

    fn may_unmute(&self, who: ParticipantId, source: Source) -> Result<(), Failure> {
        let seat = &self.seats[&who];
        let permissions = self.policy().permissions;
        if seat.role.moderates() || !seat.muted.contains(&source) {
            return Ok(());
        }
        let floor = self.stored.tools.floor.as_ref();
        let floor = floor.filter(|_| seat.room.is_none());
        let allowed = match source {
            Source::Microphone => match floor {
                Some(floor) => floor.holder == Some(who),
                None => permissions.unmute || seat.asked.contains(&source),
            },
            Source::Camera => true,
            Source::Screen | Source::ScreenAudio => permissions.share,
        };
        match allowed {
            true => Ok(()),
            false => Err((Code::NotAllowed, "the hosts do not allow it now")),
        }
    }

    /// A share comes muted where it is not allowed. Its mute ends with it.
    pub(crate) fn hold_share(&mut self, who: ParticipantId, publish: &[Publish], at: Moment) {
        if self.policy().permissions.share || self.seats[&who].role.moderates() {
            return;
        }
        for source in publish.iter().map(|p| p.source).filter(|s| s.is_shared()) {
            let _ = self.mute(who, who, source, true, at);
        }
    }

    fn set_agenda(&mut self, items: Vec<AgendaItem>, at: Moment) -> Outcome {
        let agenda = (!items.is_empty()).then(|| Agenda {
            items,
            ..Agenda::default()
        });
        self.agenda_changed(agenda, at)
    }

    fn go_to_item(&mut self, item: Option<u32>, at: Moment) -> Outcome {
        let mut agenda = self.stored.tools.agenda.clone().unwrap_or_default();
        if item.is_some_and(|place| place as usize >= agenda.items.len()) {
            return Err((Code::BadValue, "no such item"));
        }
        if agenda.current == item {
            return DONE;
        }
        agenda.current = item;
        agenda.since = item.map_or(0, |_| at.wall_ms);
        self.agenda_changed(Some(agenda), at)
    }

    fn agenda_changed(&mut self, agenda: Option<Agenda>, at: Moment) -> Outcome {
        self.stored.tools.agenda.clone_from(&agenda);
        self.save_meeting();
        self.announce(Event::AgendaChanged { agenda }, at);
        DONE
    }

    /// Who is not there any more is left out.
    fn set_seat_order(&mut self, mut participants: Vec<ParticipantId>, at: Moment) -> Outcome {
        participants.retain(|who| self.seats.contains_key(who));
        if self.stored.tools.seat_order == participants {
            return DONE;
        }
        self.stored.tools.seat_order.clone_from(&participants);
        self.save_meeting();
        self.announce(Event::SeatOrderChanged { participants }, at);
        DONE
    }
}

/// The role of who is neither host nor co-host.
pub(crate) fn base_role(has_account: bool) -> Role {
    match has_account {
        true => Role::Participant,
        false => Role::Guest,
    }
}
