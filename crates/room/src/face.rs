//! What goes into a [`crate::Room`] and what comes out.

use crate::{Deed, MediaCommand, MediaEvent};
use confab_base::{AccountId, MeetingId, ParticipantId, Source, VideoCodec};
use confab_protocol::{
    Agenda, Breakout, ChatMessage, ClientKind, Code, FileId, Floor, Hello, LinkMeasure, NewPoll,
    Policy, QualityReport, Question, Request, Role, ServerMessage, SharedFile, SpeakingTime, Vote,
};
use serde::{Deserialize, Serialize};

/// One signaling connection, numbered by the shell; numbers are never used again while the room lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// SHA-256 of a secret. The room never keeps the secret itself.
pub type Digest = [u8; 32];

/// What is fixed about a meeting for its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomConfig {
    pub id: MeetingId,
    pub title: String,
    /// Seats, at most; see [`confab_protocol::MAX_PARTICIPANTS`].
    pub max_participants: usize,
    /// The rules it begins with; a host may change them.
    pub policy: Policy,
    /// When it is to begin, milliseconds since 1970.
    pub starts_at: Option<u64>,
}

/// What the shell found out about a `hello`'s passcode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Passcode {
    /// The meeting has none.
    #[default]
    NotNeeded,
    Missing,
    Wrong,
    Right,
}

/// The first message of a connection, with what the shell found out about its secrets.
#[derive(Clone, Debug)]
pub struct Connect {
    pub conn: ConnId,
    /// The number of the `hello` request.
    pub id: u32,
    pub hello: Hello,
    /// Whether `hello.host_key` is there and right.
    pub host_key_ok: bool,
    pub passcode: Passcode,
    /// The account the shell knows the person by.
    pub account: Option<AccountId>,
    /// The plan names this account as co-host.
    pub co_host: bool,
    /// Where it comes from: the same number for the same address, 0 where nobody knows. Wrong secrets are counted by it.
    pub peer: u64,
    /// Digest of `hello.resume`'s token, where there is one.
    pub resume_digest: Option<Digest>,
    /// A fresh secret from the shell's dice, and its digest: the token of the next `welcome`.
    pub token: String,
    pub token_digest: Digest,
}

#[derive(Clone, Debug)]
pub enum Input {
    Connect(Box<Connect>),
    Request {
        conn: ConnId,
        id: u32,
        request: Request,
    },
    /// The connection is gone. Not needed after an [`Output::Close`], but harmless.
    Closed {
        conn: ConnId,
    },
    Media(MediaEvent),
    /// Those who look after the server want it.
    Deed(Deed),
    /// A participant uploaded a file; a chat message may carry it from now on.
    Uploaded {
        participant: ParticipantId,
        file: SharedFile,
    },
    /// [`crate::Room::next_wakeup`] is reached.
    Timeout,
    /// The server shuts down: everyone is told to come back. Seats are kept.
    ShutDown,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// The same message for all of these connections, so that the shell writes its bytes once. Never empty.
    Send {
        to: Vec<ConnId>,
        message: Box<ServerMessage>,
    },
    /// Close after all that was sent before is written. `None`: the participant left by its own will, or fell silent.
    Close {
        conn: ConnId,
        code: Option<Code>,
    },
    Media(MediaCommand),
    /// A seat was given up: whole minutes its participant listened, and how many of these were fluent, as it said. For the log.
    Listened {
        participant: ParticipantId,
        minutes: u32,
        fluent_minutes: u32,
    },
    /// A minute of somebody's call is over. For the records of those who look after the server.
    Minute(Box<MinuteOf>),
    Store(StoreCommand),
}

/// How about a minute went for a participant. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MinuteOf {
    pub participant: ParticipantId,
    pub name: String,
    pub client: ClientKind,
    pub from: u64,
    pub to: u64,
    pub report: Option<QualityReport>,
    /// What the forwarding unit measured in that time.
    pub measured: Option<LinkMeasure>,
}

/// What must be kept for [`crate::Room::restore`].
#[derive(Clone, Debug, PartialEq)]
pub enum StoreCommand {
    SaveMeeting(PersistedMeeting),
    /// Insert or replace by `id`.
    SaveParticipant(PersistedParticipant),
    DeleteParticipant(ParticipantId),
    /// Insert or replace; `id` is unique in the meeting.
    SaveChat(ChatMessage),
    /// Nobody may have this file any more.
    RemoveFile(FileId),
    /// These spoke so many seconds more. For the record of who was there: no meeting needs it back.
    Spoke(Vec<SpeakingTime>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersistedMeeting {
    pub locked: bool,
    pub ended: bool,
    /// Whom a host put large before everyone.
    #[serde(default)]
    pub spotlights: Vec<ParticipantId>,
    /// Who shows the whiteboard to everybody.
    #[serde(default)]
    pub board: Option<ParticipantId>,
    /// The rules, where a host changed them.
    #[serde(default)]
    pub policy: Option<Policy>,
    #[serde(default)]
    pub tools: Box<PersistedTools>,
    /// Names of guests whom hosts removed or did not let in, in lower case, oldest first.
    #[serde(default)]
    pub turned_away: Vec<String>,
    /// When the first participant joined, milliseconds since 1970; 0: not yet.
    pub started_at: u64,
    /// Sequence numbers up to this one may have been used. It is raised in blocks, long before it is reached.
    pub seq_reserved: u64,
    /// Track ids up to this one may have been used; raised in blocks.
    pub track_reserved: u32,
    /// Participant ids up to this one were used.
    pub last_participant: u32,
    /// Chat message ids up to this one were used when this was saved.
    pub last_chat: u64,
}

/// The tools, with what nobody is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersistedTools {
    pub floor: Option<Floor>,
    pub questions: Vec<Question>,
    pub polls: Vec<PersistedPoll>,
    pub agenda: Option<Agenda>,
    #[serde(default)]
    pub breakout: Option<Breakout>,
    pub seat_order: Vec<ParticipantId>,
    /// Ids up to these were used.
    pub last_question: u32,
    pub last_poll: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersistedPoll {
    pub id: u32,
    pub poll: NewPoll,
    pub closed: bool,
    /// In order of ids. Kept for anonymous polls too, so that nobody votes twice.
    pub votes: Vec<Vote>,
}

/// A seat. Serialisable, so that a store may keep it as one JSON value per (meeting, id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersistedParticipant {
    pub id: ParticipantId,
    pub name: String,
    pub role: Role,
    pub client: ClientKind,
    pub muted: Vec<Source>,
    /// When the hand went up, milliseconds since 1970.
    pub hand: Option<u64>,
    pub decodes: Vec<VideoCodec>,
    pub joined_at: u64,
    /// Digest of the newest token.
    pub token: Digest,
    /// Digest of the one before, good until the newest is used: the `welcome` that carried it may have been lost.
    pub previous_token: Option<Digest>,
    /// It said that it is in no room with others.
    #[serde(default)]
    pub apart: bool,
    #[serde(default)]
    pub account: Option<AccountId>,
    /// The breakout room it is in, and the one it is assigned to.
    #[serde(default)]
    pub room: Option<u32>,
    #[serde(default)]
    pub assigned: Option<u32>,
    #[serde(default)]
    pub help: Option<u64>,
    /// No seat yet, but a place in the lobby.
    #[serde(default)]
    pub waiting: bool,
    /// A host removed it: no seat any more, only the memory that these tokens are revoked.
    pub removed: bool,
}

/// What a store gives back after a restart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Persisted {
    pub meeting: PersistedMeeting,
    /// In any order.
    pub participants: Vec<PersistedParticipant>,
    /// Oldest first; the last [`confab_protocol::MAX_CHAT_HISTORY`] are enough.
    pub chat: Vec<ChatMessage>,
    /// Files that are in no message yet, oldest first, and whose they are.
    pub uploads: Vec<(ParticipantId, SharedFile)>,
}

impl Persisted {
    /// Applies a command as a store would; for stores in memory and for tests.
    pub fn apply(&mut self, command: StoreCommand) {
        match command {
            StoreCommand::SaveMeeting(meeting) => self.meeting = meeting,
            StoreCommand::SaveParticipant(p) => {
                self.participants.retain(|q| q.id != p.id);
                self.participants.push(p);
            }
            StoreCommand::DeleteParticipant(id) => self.participants.retain(|q| q.id != id),
            StoreCommand::SaveChat(message) => {
                self.uploads.retain(|(_, f)| !message.files.contains(f));
                self.chat.retain(|m| m.id != message.id);
                self.chat.push(message);
            }
            StoreCommand::RemoveFile(file) => self.uploads.retain(|(_, f)| f.id != file),
            StoreCommand::Spoke(_) => {}
        }
    }
}
