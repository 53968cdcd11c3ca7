//! What goes into a [`crate::Session`], what comes out, and the state views are drawn from.
//!
//! All of it is serialisable in the form the TypeScript twin uses: objects tagged by `type`, in snake case.

use confab_base::{MeetingId, ParticipantId, Source, VideoCodec, VoiceLoss};
use confab_protocol::{
    Audience, ChatMessage, ClientKind, ClientMessage, Code, LayersWanted, Listening, LobbyPlace,
    OwnVote, ParticipantQuality, Publish, QualityReport, Reaction, Request, SameRoomChoice,
    Sequenced, ServerMessage, SharedFile, Slot, SlotState, Snapshot, SpeakingTime, WaitingPerson,
};
use serde::{Deserialize, Serialize};

/// Everything about a join that does not change while it lasts.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct JoinOptions {
    pub meeting: MeetingId,
    pub name: String,
    pub client: ClientKind,
    /// Name and version of the client, for the server's log.
    pub agent: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passcode: Option<String>,
    /// Video codecs the client decodes, best first.
    pub decodes: Vec<VideoCodec>,
    /// A seat from before (a page that was loaded anew).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<SavedSeat>,
    /// The shell's dice, 0 to 1000: spreads the reconnects of many clients by up to 250 ms.
    #[serde(default)]
    pub jitter: u32,
}

impl std::fmt::Debug for JoinOptions {
    /// Without the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinOptions")
            .field("meeting", &self.meeting)
            .field("client", &self.client)
            .field("host_key", &self.host_key.is_some())
            .finish_non_exhaustive()
    }
}

/// What is needed to take a seat again. The token is a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSeat {
    pub participant: ParticipantId,
    pub token: String,
}

impl std::fmt::Debug for SavedSeat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SavedSeat({})", self.participant)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Input {
    /// Begin to join. Once.
    Start,
    SocketOpened,
    /// The socket closed or could not be opened.
    SocketClosed,
    Received {
        message: Box<ServerMessage>,
    },
    Act {
        action: Action,
    },
    /// The offer that [`Output::NewPeer`] asked for, or a renegotiation of the same generation.
    LocalOffer {
        generation: u32,
        sdp: String,
        publish: Vec<Publish>,
    },
    /// What the receive slots of the current peer connection shall carry. Sent once the server has answered the
    /// offer, at most ten times a second; after a [`Output::NewPeer`] it has to be said anew, since mids change.
    View {
        slots: Vec<Slot>,
        /// The most the server may send, bits per second; absent: what the link carries.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_bitrate: Option<u64>,
    },
    MediaConnected {
        generation: u32,
    },
    MediaFailed {
        generation: u32,
    },
    /// How well the others are heard, as often as it is measured; the server is told no more often than it needs.
    Listening {
        listening: Listening,
    },
    /// How the last minute went, once a minute; the server is told at once, or never.
    Quality {
        report: QualityReport,
    },
    /// [`crate::Session::next_wakeup`] is reached.
    Timeout,
}

/// What a person does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Action {
    /// Shows at once in [`SessionState::own`], is kept over a cut, and goes back if the server refuses.
    Mute {
        source: Source,
        muted: bool,
    },
    /// Like mute.
    Hand {
        raised: bool,
    },
    Unpublish {
        source: Source,
    },
    Reaction {
        reaction: Reaction,
    },
    /// `client_id`: from the shell's dice, unique. Kept until the server has it.
    Chat {
        text: String,
        client_id: String,
        /// Absent: to everybody, and while breakout rooms are open to those in the own one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Audience>,
        /// Uploaded before, over HTTP.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<SharedFile>,
    },
    Rename {
        name: String,
    },
    SameRoom {
        choice: SameRoomChoice,
    },
    HostMute {
        participant: ParticipantId,
        source: Source,
    },
    HostMuteAll,
    HostLowerHand {
        participant: ParticipantId,
    },
    HostRemove {
        participant: ParticipantId,
    },
    HostLock {
        locked: bool,
    },
    /// Nobody where it is empty.
    HostSpotlight {
        participants: Vec<ParticipantId>,
    },
    HostEnd,
    Leave,
    /// Any other request of those that are sent as they are, once: those of the tools, the lobby and the rules. In the form
    /// of the request itself. What is none of these is not sent.
    #[serde(untagged)]
    Ask(Request),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Output {
    OpenSocket,
    /// Close after what was sent is written. No [`Input::SocketClosed`] is needed for it; one for a socket that was
    /// closed this way must not be fed once another is being opened.
    CloseSocket,
    Send {
        message: ClientMessage,
    },
    /// Drop the peer connection there is, make a new one, and answer with [`Input::LocalOffer`].
    NewPeer {
        generation: u32,
    },
    Answer {
        generation: u32,
        sdp: String,
    },
    /// [`crate::Session::state`] changed. At most one per input.
    Changed,
    /// This happened in the room and is in the state already: for sounds, reactions, announcements.
    Event {
        event: Sequenced,
    },
    Notice {
        notice: Notice,
    },
    /// The end: nothing more will come. No code: left by its own will.
    Ended {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<Code>,
    },
}

/// Something a person may want to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Notice {
    /// The server refused an action.
    Failed { action: Action, code: Code },
    /// The action needs the connection, which is down now.
    NotConnected { action: Action },
    /// The server could not use an offer; another try follows.
    OfferFailed { code: Code },
    /// A host muted this participant.
    MutedBy { by: ParticipantId, source: Source },
    /// Somebody in the same breakout room reacted.
    Reacted {
        participant: ParticipantId,
        reaction: Reaction,
    },
    /// A host asks this participant to unmute; only it can.
    AskedToUnmute { by: ParticipantId, source: Source },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Phase {
    #[default]
    Idle,
    /// A socket is being opened or waited for; not in yet.
    Connecting,
    /// Said hello.
    Joining,
    /// In the lobby, see [`SessionState::waiting`].
    Waiting,
    Joined,
    /// Was in; the connection was lost at `since_ms`, on the shell's clock, and is being made again.
    Reconnecting {
        since_ms: u64,
    },
    Ended {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<Code>,
    },
}

/// How the peer connection does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaPhase {
    #[default]
    None,
    Connecting,
    Connected,
}

/// The own switches, as the person set them: ahead of the server's confirmation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Own {
    /// In the order of [`Source::ALL`]. While a source is in here the client must not send it.
    pub muted: Vec<Source>,
    pub hand: bool,
}

impl Default for Own {
    /// As everyone starts: microphone and camera muted.
    fn default() -> Own {
        Own {
            muted: vec![Source::Microphone, Source::Camera],
            hand: false,
        }
    }
}

/// A chat message the server has not confirmed yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxChat {
    pub client_id: String,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Audience>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<SharedFile>,
}

/// What somebody in the lobby is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InLobby {
    pub title: String,
    /// When the meeting is to begin, milliseconds since 1970 on the server's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<u64>,
    /// The server's clock, milliseconds since 1970, when the shell's showed `at_ms`.
    pub server_time: u64,
    pub at_ms: u64,
    pub place: LobbyPlace,
}

/// All a view needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionState {
    pub phase: Phase,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub you: Option<ParticipantId>,
    pub own: Own,
    /// The place in the lobby, kept over a cut; absent: not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<InLobby>,
    /// The room as the server last told it; absent before the first welcome, kept while reconnecting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Snapshot>,
    /// Loudest first.
    pub speakers: Vec<ParticipantId>,
    /// By participant id.
    pub quality: Vec<ParticipantQuality>,
    /// What the server sends in the receive slots.
    pub slots: Vec<SlotState>,
    /// Which layers of our video tracks are worth coding, by track; of those that are not there: all.
    pub layers_wanted: Vec<LayersWanted>,
    /// What is lost of our voice.
    pub voice_loss: VoiceLoss,
    /// How well we hear the others; absent: not measured yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listening: Option<Listening>,
    /// Who waits to be let in; hosts are told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lobby: Vec<WaitingPerson>,
    /// Chat that is not for everybody, in order of ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asides: Vec<ChatMessage>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_votes: Vec<OwnVote>,
    /// By participant id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub speaking_times: Vec<SpeakingTime>,
    /// Oldest first.
    pub outbox: Vec<OutboxChat>,
    pub media: MediaPhase,
    /// Number of the current peer connection; 0: none yet.
    pub generation: u32,
}

impl SessionState {
    /// Who is live in our place: another device in the same room. While there is one, nothing goes out of our microphone, and
    /// our loudspeaker is silent; the own switches stay as they are.
    pub fn live_instead(&self) -> Option<ParticipantId> {
        let people = &self.room.as_ref()?.participants;
        people.iter().find(|p| Some(p.id) == self.you)?.same_room
    }

    /// Whom words are for that are for no one else: those in the own room while breakout rooms are open. They are not to reach
    /// others when they arrive late.
    pub fn here(&self) -> Option<Audience> {
        let room = self.room.as_ref()?;
        room.tools.breakout.as_ref()?.opened_at?;
        let own = room.participants.iter().find(|p| Some(p.id) == self.you)?;
        let room = own.room.unwrap_or(0);
        Some(Audience::Room { room })
    }

    /// Sources that must not be sent now: those that are muted, and the microphone while another device is live.
    pub fn silent(&self) -> Vec<Source> {
        let mut silent = self.own.muted.clone();
        if self.live_instead().is_some() && !silent.contains(&Source::Microphone) {
            silent.push(Source::Microphone);
        }
        silent
    }
}
