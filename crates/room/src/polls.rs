//! Polls and quizzes. Who voted what is kept here and told as far as the poll says.

use crate::chat::DONE;
use crate::room::{Failure, Moment, Outcome, Room};
use crate::{ConnId, PersistedPoll};
use confab_base::ParticipantId;
use confab_protocol::{Code, Event, MAX_POLLS, NewPoll, OwnVote, Poll, ServerMessage, Vote};

const NO_POLL: Failure = (Code::NotFound, "no such poll");

impl PersistedPoll {
    /// As everybody may see it.
    pub(crate) fn public(&self) -> Poll {
        let told = self.closed || self.poll.live;
        let count = |option: usize| {
            let chose = |v: &&Vote| v.choices.iter().any(|c| usize::from(*c) == option);
            self.votes.iter().filter(chose).count() as u32
        };
        let names_told = self.closed && !self.poll.anonymous;
        Poll {
            id: self.id,
            question: self.poll.question.clone(),
            options: self.poll.options.clone(),
            multiple: self.poll.multiple,
            anonymous: self.poll.anonymous,
            live: self.poll.live,
            closed: self.closed,
            quiz: !self.poll.correct.is_empty(),
            voters: self.votes.len() as u32,
            results: match told {
                true => (0..self.poll.options.len()).map(count).collect(),
                false => Vec::new(),
            },
            correct: match self.closed {
                true => self.poll.correct.clone(),
                false => Vec::new(),
            },
            votes: match names_told {
                true => self.votes.clone(),
                false => Vec::new(),
            },
        }
    }
}

impl Room {
    pub(crate) fn open_poll(&mut self, poll: NewPoll, at: Moment) -> Outcome {
        let tools = &mut self.stored.tools;
        if tools.polls.len() >= MAX_POLLS {
            return Err((Code::TooLarge, "take a poll away first"));
        }
        tools.last_poll += 1;
        let id = tools.last_poll;
        tools.polls.push(PersistedPoll {
            id,
            poll,
            closed: false,
            votes: Vec::new(),
        });
        self.poll_changed(id, at)
    }

    pub(crate) fn vote(
        &mut self,
        who: ParticipantId,
        id: u32,
        choices: Vec<u8>,
        at: Moment,
    ) -> Outcome {
        let name = self.seats[&who].name.clone();
        let kept = self.poll(id)?;
        if kept.closed {
            return Err((Code::BadValue, "the poll is closed"));
        }
        let known = choices
            .iter()
            .all(|c| usize::from(*c) < kept.poll.options.len());
        if !known || (!kept.poll.multiple && choices.len() > 1) {
            return Err((Code::BadValue, "no such choice"));
        }
        let before = kept.votes.iter().find(|v| v.participant == who);
        if before.map_or(&[][..], |v| &v.choices) == choices {
            return DONE;
        }
        kept.votes.retain(|v| v.participant != who);
        if !choices.is_empty() {
            kept.votes.push(Vote {
                participant: who,
                name,
                choices,
            });
            kept.votes.sort_by_key(|v| v.participant);
        }
        if let Some(conn) = self.seats[&who].conn() {
            let votes = self.own_votes(who);
            self.send(conn, ServerMessage::OwnVotes { votes });
        }
        self.poll_changed(id, at)
    }

    pub(crate) fn close_poll(&mut self, id: u32, at: Moment) -> Outcome {
        if std::mem::replace(&mut self.poll(id)?.closed, true) {
            return DONE;
        }
        self.poll_changed(id, at)
    }

    pub(crate) fn remove_poll(&mut self, id: u32, at: Moment) -> Outcome {
        self.poll(id)?;
        self.stored.tools.polls.retain(|p| p.id != id);
        self.save_meeting();
        self.announce(Event::PollRemoved { poll: id }, at);
        DONE
    }

    pub(crate) fn tell_own_votes(&mut self, conn: ConnId, who: ParticipantId) {
        let votes = self.own_votes(who);
        if !votes.is_empty() {
            self.send(conn, ServerMessage::OwnVotes { votes });
        }
    }

    fn own_votes(&self, who: ParticipantId) -> Vec<OwnVote> {
        let own = |p: &PersistedPoll| {
            let vote = p.votes.iter().find(|v| v.participant == who)?;
            Some(OwnVote {
                poll: p.id,
                choices: vote.choices.clone(),
            })
        };
        self.stored.tools.polls.iter().filter_map(own).collect()
    }

    fn poll(&mut self, id: u32) -> Result<&mut PersistedPoll, Failure> {
        let polls = &mut self.stored.tools.polls;
        polls.iter_mut().find(|p| p.id == id).ok_or(NO_POLL)
    }

    fn poll_changed(&mut self, id: u32, at: Moment) -> Outcome {
        let poll = self.poll(id)?.public();
        self.save_meeting();
        self.announce(Event::PollChanged { poll }, at);
        DONE
    }
}
