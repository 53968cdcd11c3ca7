//! What a meeting works with beside talk: the floor, questions, polls, agenda.

use crate::Breakout;
use confab_base::ParticipantId;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The tools' part of a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Tools {
    /// Absent: everybody speaks as they like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub floor: Option<Floor>,
    /// In the order they were asked.
    #[serde(default)]
    pub questions: Vec<Question>,
    /// In the order they were opened.
    #[serde(default)]
    pub polls: Vec<Poll>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub agenda: Option<Agenda>,
    /// Absent: there are no breakout rooms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub breakout: Option<Breakout>,
    /// The order of seats for everyone, as a host set it; who is not in it follows. Empty: none.
    #[serde(default)]
    pub seat_order: Vec<ParticipantId>,
}

/// Who may speak while the floor is controlled: one person, beside hosts and co-hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Floor {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub holder: Option<ParticipantId>,
    /// Since when, milliseconds since 1970; 0: nobody holds it.
    #[ts(type = "number")]
    pub since: u64,
    /// Who comes next, in the order of asking.
    pub queue: Vec<ParticipantId>,
}

/// A question to those who lead the meeting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Question {
    /// Unique in the meeting, rising.
    pub id: u32,
    pub from: ParticipantId,
    /// The asker's name when it was asked.
    pub name: String,
    pub text: String,
    /// Server time, milliseconds since 1970.
    #[ts(type = "number")]
    pub at: u64,
    /// The id the asking client chose, so that a repeated send is one question.
    pub client_id: String,
    /// Who wants it answered, in order of ids; the asker not among them.
    pub votes: Vec<ParticipantId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub answer: Option<Answered>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Answered {
    pub by: ParticipantId,
    /// Absent: it was answered aloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub text: Option<String>,
}

/// A poll, or a quiz where there is a right answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Poll {
    /// Unique in the meeting, rising.
    pub id: u32,
    pub question: String,
    pub options: Vec<String>,
    /// More than one option may be chosen.
    pub multiple: bool,
    /// Nobody is told who chose what, hosts neither.
    pub anonymous: bool,
    /// Results are told while it is open.
    pub live: bool,
    pub closed: bool,
    /// It has a right answer, which is told when it is closed.
    pub quiz: bool,
    /// How many voted.
    pub voters: u32,
    /// Votes of each option; empty while they are not told.
    pub results: Vec<u32>,
    /// The right options of a closed quiz, rising; empty otherwise.
    pub correct: Vec<u8>,
    /// Who chose what, in order of ids, once it is closed; empty where it is anonymous.
    pub votes: Vec<Vote>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Vote {
    pub participant: ParticipantId,
    /// Name when it was given.
    pub name: String,
    /// Places of options, rising.
    pub choices: Vec<u8>,
}

/// A poll as a host asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NewPoll {
    /// 1 to [`crate::MAX_QUESTION`] characters.
    pub question: String,
    /// 2 to [`crate::MAX_OPTIONS`], each 1 to [`crate::MAX_OPTION`] characters.
    pub options: Vec<String>,
    pub multiple: bool,
    pub anonymous: bool,
    pub live: bool,
    /// Places of the right options; empty: no quiz.
    #[serde(default)]
    pub correct: Vec<u8>,
}

/// What the receiver voted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OwnVote {
    pub poll: u32,
    pub choices: Vec<u8>,
}

/// What a meeting is to go through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Agenda {
    pub items: Vec<AgendaItem>,
    /// Place of the item that is under way; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub current: Option<u32>,
    /// When it began, milliseconds since 1970; 0: none is under way.
    #[ts(type = "number")]
    pub since: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AgendaItem {
    /// 1 to [`crate::MAX_TITLE`] characters.
    pub title: String,
    /// Minutes it is to take, at most 1440; 0: open.
    pub minutes: u32,
}

/// How long somebody spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SpeakingTime {
    pub participant: ParticipantId,
    /// Whole seconds.
    pub seconds: u32,
}
