// What goes into a Session, what comes out, and the state views are drawn from. The twin of crates/session/src/face.rs:
// same names, same tags, so that one set of transcripts serves both.
import type {
  Audience,
  ChatMessage,
  SharedFile,
  ClientKind,
  ClientMessage,
  Code,
  LayersWanted,
  Listening,
  QualityReport,
  LobbyPlace,
  OwnVote,
  ParticipantId,
  ParticipantQuality,
  Publish,
  Reaction,
  Request,
  SameRoomChoice,
  Sequenced,
  ServerMessage,
  Slot,
  SlotState,
  Snapshot,
  Source,
  SpeakingTime,
  VideoCodec,
  VoiceLoss,
  WaitingPerson,
} from "../generated/protocol";

/** Everything about a join that does not change while it lasts. */
export interface JoinOptions {
  meeting: string;
  name: string;
  client: ClientKind;
  /** Name and version of the client, for the server's log. */
  agent: string;
  host_key?: string;
  passcode?: string;
  /** Video codecs the client decodes, best first. */
  decodes: VideoCodec[];
  /** A seat from before (a page that was loaded anew). */
  seat?: SavedSeat;
  /** The shell's dice, 0 to 1000: spreads the reconnects of many clients by up to 250 ms. */
  jitter?: number;
}

/** What is needed to take a seat again. The token is a secret. */
export interface SavedSeat {
  participant: ParticipantId;
  token: string;
}

export type Input =
  /** Begin to join. Once. */
  | { type: "start" }
  | { type: "socket_opened" }
  /** The socket closed or could not be opened. */
  | { type: "socket_closed" }
  | { type: "received"; message: ServerMessage }
  | { type: "act"; action: Action }
  /** The offer that `new_peer` asked for, or a renegotiation of the same generation. */
  | { type: "local_offer"; generation: number; sdp: string; publish: Publish[] }
  /**
   * What the receive slots of the current peer connection shall carry, and the most the server may send, bits per second; absent:
   * what the link carries. Sent once the server has answered the offer, at
   * most ten times a second; after a `new_peer` it has to be said anew, since mids change.
   */
  | { type: "view"; slots: Slot[]; max_bitrate?: number }
  | { type: "media_connected"; generation: number }
  | { type: "media_failed"; generation: number }
  /** How well the others are heard, as often as it is measured; the server is told no more often than it needs. */
  | { type: "listening"; listening: Listening }
  /** How the last minute went, once a minute; the server is told at once, or never. */
  | { type: "quality"; report: QualityReport }
  /** `nextWakeup()` is reached. */
  | { type: "timeout" };

/** What a person does. */
export type Action =
  /** Shows at once in `state.own`, is kept over a cut, and goes back if the server refuses. */
  | { type: "mute"; source: Source; muted: boolean }
  /** Like mute. */
  | { type: "hand"; raised: boolean }
  | { type: "unpublish"; source: Source }
  | { type: "reaction"; reaction: Reaction }
  /** `client_id`: from the shell's dice, unique. Kept until the server has it. To everybody where `to` is absent. `files`: uploaded before. */
  | { type: "chat"; text: string; client_id: string; to?: Audience; files?: SharedFile[] }
  | { type: "rename"; name: string }
  | { type: "same_room"; choice: SameRoomChoice }
  | { type: "host_mute"; participant: ParticipantId; source: Source }
  | { type: "host_mute_all" }
  | { type: "host_lower_hand"; participant: ParticipantId }
  | { type: "host_remove"; participant: ParticipantId }
  | { type: "host_lock"; locked: boolean }
  /** Nobody where it is empty. */
  | { type: "host_spotlight"; participants: ParticipantId[] }
  | { type: "host_end" }
  | { type: "leave" }
  | PlainRequest;

/** What the session makes itself, or keeps and repeats. */
type Kept =
  | "hello" | "offer" | "view" | "listening" | "quality_report" | "resync" | "ping" | "leave"
  | "mute" | "hand" | "unpublish" | "reaction" | "chat" | "rename" | "same_room"
  | "host_mute" | "host_mute_all" | "host_lower_hand" | "host_remove" | "host_lock" | "host_spotlight" | "host_end";

/** A request that is sent as it is, once: those of the tools, the lobby and the rules. */
export type PlainRequest = Exclude<Request, { type: Kept }>;

export type Output =
  | { type: "open_socket" }
  /**
   * Close after what was sent is written. No `socket_closed` is needed for it; one for a socket that was closed this
   * way must not be fed once another is being opened.
   */
  | { type: "close_socket" }
  | { type: "send"; message: ClientMessage }
  /** Drop the peer connection there is, make a new one, and answer with `local_offer`. */
  | { type: "new_peer"; generation: number }
  | { type: "answer"; generation: number; sdp: string }
  /** `state` changed. At most one per input. */
  | { type: "changed" }
  /** This happened in the room and is in the state already: for sounds, reactions, announcements. */
  | { type: "event"; event: Sequenced }
  | { type: "notice"; notice: Notice }
  /** The end: nothing more will come. No code: left by its own will. */
  | { type: "ended"; code?: Code };

/** Something a person may want to know. */
export type Notice =
  /** The server refused an action. */
  | { type: "failed"; action: Action; code: Code }
  /** The action needs the connection, which is down now. */
  | { type: "not_connected"; action: Action }
  /** The server could not use an offer; another try follows. */
  | { type: "offer_failed"; code: Code }
  /** A host muted this participant. */
  | { type: "muted_by"; by: ParticipantId; source: Source }
  /** Somebody in the same breakout room reacted. */
  | { type: "reacted"; participant: ParticipantId; reaction: Reaction }
  /** A host asks this participant to unmute; only it can. */
  | { type: "asked_to_unmute"; by: ParticipantId; source: Source };

export type Phase =
  | { type: "idle" }
  /** A socket is being opened or waited for; not in yet. */
  | { type: "connecting" }
  /** Said hello. */
  | { type: "joining" }
  /** In the lobby, see `waiting` of the state. */
  | { type: "waiting" }
  | { type: "joined" }
  /** Was in; the connection was lost at `since_ms`, on the shell's clock, and is being made again. */
  | { type: "reconnecting"; since_ms: number }
  | { type: "ended"; code?: Code };

/** How the peer connection does. */
export type MediaPhase = "none" | "connecting" | "connected";

/** The own switches, as the person set them: ahead of the server's confirmation. */
export interface Own {
  /** In the order microphone, camera, screen, screen_audio. While a source is in here the client must not send it. */
  muted: Source[];
  hand: boolean;
}

/** A chat message the server has not confirmed yet. */
export interface OutboxChat {
  client_id: string;
  text: string;
  to?: Audience;
  files?: SharedFile[];
}

/** What somebody in the lobby is told. */
export interface InLobby {
  title: string;
  /** When the meeting is to begin, milliseconds since 1970 on the server's clock. */
  starts_at?: number;
  /** The server's clock, milliseconds since 1970, when the shell's showed `at_ms`. */
  server_time: number;
  at_ms: number;
  place: LobbyPlace;
}

/** All a view needs. Never changed in place: what changed is a new object. */
export interface SessionState {
  phase: Phase;
  you?: ParticipantId;
  own: Own;
  /** The place in the lobby, kept over a cut; absent: not there. */
  waiting?: InLobby;
  /** The room as the server last told it; absent before the first welcome, kept while reconnecting. */
  room?: Snapshot;
  /** Loudest first. */
  speakers: ParticipantId[];
  /** By participant id. */
  quality: ParticipantQuality[];
  /** What the server sends in the receive slots. */
  slots: SlotState[];
  /** Which layers of our video tracks are worth coding, by track; of those that are not there: all. */
  layers_wanted: LayersWanted[];
  /** What is lost of our voice. */
  voice_loss: VoiceLoss;
  /** How well we hear the others; absent: not measured yet. */
  listening?: Listening;
  /** Who waits to be let in; hosts are told. Absent: nobody. */
  lobby?: WaitingPerson[];
  /** Chat that is not for everybody, in order of ids. Absent: none. */
  asides?: ChatMessage[];
  own_votes?: OwnVote[];
  /** By participant id. */
  speaking_times?: SpeakingTime[];
  /** Oldest first. */
  outbox: OutboxChat[];
  media: MediaPhase;
  /** Number of the current peer connection; 0: none yet. */
  generation: number;
}

/**
 * Who is live in our place: another device in the same room. While there is one, nothing goes out of our microphone, and our
 * loudspeaker is silent; the own switches stay as they are.
 */
export function liveInstead({ room, you }: SessionState): ParticipantId | undefined {
  return room?.participants.find((p) => p.id === you)?.same_room;
}
