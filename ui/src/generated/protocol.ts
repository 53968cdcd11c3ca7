// Made by `cargo xtask generate` from crates/protocol. Do not edit.
export const VERSION = 1;
export const MAX_CLIENT_MESSAGE = 131072;
export const MAX_SDP = 98304;
export const MAX_NAME = 64;
export const MAX_CHAT = 4000;
export const MAX_CLIENT_ID = 64;
export const MAX_TITLE = 120;
export const MAX_CHAT_HISTORY = 200;
export const MAX_EVENT_HISTORY = 512;
export const MAX_SLOTS = 64;
export const MAX_PARTICIPANTS = 200;
export const REQUEST_BURST = 60;
export const REQUEST_RATE = 20;
export const OFFER_BURST = 8;
export const OFFER_RATE = 1;
export const PING_INTERVAL_MS = 1000;
export const PING_TIMEOUT_MS = 3000;
export const SEAT_KEPT_MS = 60000;

export type MeetingId = string;

export type ParticipantId = number;

export type TrackId = number;

export type Code = "bad_message" | "unknown_message" | "too_large" | "too_fast" | "unsupported_version" | "out_of_order" | "meeting_not_found" | "meeting_ended" | "meeting_locked" | "meeting_full" | "bad_secret" | "removed" | "replaced" | "not_allowed" | "not_found" | "bad_value" | "bad_sdp" | "stale_generation" | "overloaded" | "going_away" | "unauthorized" | "internal";

export type MediaKind = "audio" | "video";

export type Source = "microphone" | "camera" | "screen" | "screen_audio";

export type VideoCodec = "h264" | "vp8" | "vp9" | "av1";

export type Role = "guest" | "host";

export type ClientKind = "browser" | "desktop" | "headless";

export type Presence = "connected" | "reconnecting";

export type Layer = { 
/**
 * The RTP stream id (RFC 8852): `q`, `h` or `f`, lowest first. Empty for a track without simulcast.
 */
rid: string, 
/**
 * Nominal size in pixels; the stream may be smaller for a while.
 */
width: number, height: number, 
/**
 * The most the sender will spend on it, bits per second.
 */
max_bitrate: number, };

export type Track = { id: TrackId, source: Source, 
/**
 * The negotiated video codec; absent for audio, which is always Opus.
 */
codec?: VideoCodec, 
/**
 * Video encodings, lowest first; empty for audio.
 */
layers: Array<Layer>, };

export type Participant = { id: ParticipantId, name: string, role: Role, client: ClientKind, presence: Presence, 
/**
 * Sources whose media the server drops: the participant's own mute or a host's. Everyone starts with
 * microphone and camera muted.
 */
muted: Array<Source>, 
/**
 * When the hand went up, milliseconds since 1970; absent when it is down. Sort by it for the order of hands.
 */
hand?: number, 
/**
 * Who is live in this one's place, as their microphones hear the same room: this one's microphone sends nothing and its
 * loudspeaker plays nothing. Absent: nobody.
 */
same_room?: ParticipantId, tracks: Array<Track>, 
/**
 * Video codecs this participant can decode.
 */
decodes: Array<VideoCodec>, 
/**
 * Milliseconds since 1970.
 */
joined_at: number, };

export type ChatMessage = { 
/**
 * Unique in the meeting, rising.
 */
id: number, from: ParticipantId, 
/**
 * The sender's name when it was sent; the sender may be gone.
 */
name: string, text: string, 
/**
 * Server time, milliseconds since 1970.
 */
at: number, 
/**
 * The id the sending client chose, so that a repeated send is one message.
 */
client_id: string, };

export type Meeting = { id: string, title: string, locked: boolean, 
/**
 * Whom a host put large before everyone; absent: nobody.
 */
spotlight?: ParticipantId, 
/**
 * When the first participant joined, milliseconds since 1970.
 */
started_at: number, };

export type Snapshot = { seq: number, meeting: Meeting, 
/**
 * In order of joining.
 */
participants: Array<Participant>, 
/**
 * Oldest first, the last [`crate::MAX_CHAT_HISTORY`].
 */
chat: Array<ChatMessage>, };

export type Reaction = "thumbs_up" | "clap" | "heart" | "laugh" | "surprise" | "celebrate";

export type LeaveReason = "left" | "lost" | "removed";

export type Event = { "type": "participant_joined", participant: Participant, } | { "type": "participant_left", participant: ParticipantId, reason: LeaveReason, } | { "type": "presence_changed", participant: ParticipantId, presence: Presence, } | { "type": "renamed", participant: ParticipantId, name: string, } | { "type": "role_changed", participant: ParticipantId, role: Role, } | { "type": "mute_changed", participant: ParticipantId, source: Source, muted: boolean, by: ParticipantId, } | { "type": "hand_changed", participant: ParticipantId, 
/**
 * When it went up, milliseconds since 1970; absent: it is down.
 */
hand?: number, } | { "type": "track_published", participant: ParticipantId, track: Track, } | { "type": "track_unpublished", participant: ParticipantId, track: TrackId, } | { "type": "chat", message: ChatMessage, } | { "type": "reacted", participant: ParticipantId, reaction: Reaction, } | { "type": "lock_changed", locked: boolean, by: ParticipantId, } | { "type": "spotlight_changed", participant?: ParticipantId, by: ParticipantId, } | { "type": "same_room_changed", participant: ParticipantId, live?: ParticipantId, } | { "type": "ended", by: ParticipantId, };

export type Sequenced = { seq: number, 
/**
 * Server time, milliseconds since 1970.
 */
at: number, event: Event, };

export type Resume = { participant: ParticipantId, 
/**
 * The secret from the last `welcome`.
 */
token: string, 
/**
 * The last sequence number applied.
 */
last_seq: number, };

export type Hello = { 
/**
 * The highest version the client speaks: [`crate::VERSION`].
 */
protocol: number, meeting: string, 
/**
 * Display name, 1 to [`crate::MAX_NAME`] characters after trimming. Ignored on resume.
 */
name: string, client: ClientKind, 
/**
 * Free text for logs, at most 120 characters: name and version of the client.
 */
agent: string, 
/**
 * The secret of the host link, where the client has it.
 */
host_key?: string, 
/**
 * Present to take one's seat again after a cut.
 */
resume?: Resume, 
/**
 * Video codecs the client decodes, best first.
 */
decodes: Array<VideoCodec>, };

export type Publish = { 
/**
 * The m-line's `a=mid`.
 */
mid: string, source: Source, 
/**
 * Video encodings, lowest first, 1 to 3; empty for audio.
 */
layers: Array<Layer>, };

export type Offer = { generation: number, sdp: string, 
/**
 * All sending m-lines of the SDP and what they carry. A source that was published and is missing here is unpublished.
 */
publish: Array<Publish>, };

export type Slot = { mid: string, 
/**
 * Absent: nothing is sent.
 */
track?: TrackId, 
/**
 * Height in pixels at which a video is shown; the server sends the smallest layer that fills it, or less where
 * the link is short. 0: paused. Ignored for audio.
 */
max_height: number, };

export type Listening = { 
/**
 * Thousandths of the last 60 seconds that were stalled, 0 to 1000.
 */
stalled_permille: number, 
/**
 * Whole minutes in which somebody could be heard, since the client began to count.
 */
minutes: number, 
/**
 * Of these, those that were fluent.
 */
fluent_minutes: number, };

export type SameRoomChoice = "use_mine" | "apart";

export type Request = { "type": "hello" } & Hello | { "type": "offer" } & Offer | { "type": "view", slots: Array<Slot>, } | { "type": "mute", source: Source, muted: boolean, } | { "type": "unpublish", source: Source, } | { "type": "hand", raised: boolean, } | { "type": "reaction", reaction: Reaction, } | { "type": "chat", text: string, 
/**
 * Unique per message of this client, 1 to [`crate::MAX_CLIENT_ID`] ASCII characters: sending it again after
 * a cut is the same message.
 */
client_id: string, } | { "type": "rename", name: string, } | { "type": "host_mute", participant: ParticipantId, source: Source, } | { "type": "host_mute_all" } | { "type": "host_lower_hand", participant: ParticipantId, } | { "type": "host_remove", participant: ParticipantId, } | { "type": "host_lock", locked: boolean, } | { "type": "host_spotlight", participant?: ParticipantId, } | { "type": "host_end" } | { "type": "listening" } & Listening | { "type": "same_room", choice: SameRoomChoice, } | { "type": "resync", last_seq: number, } | { "type": "ping" } | { "type": "leave" };

export type ClientMessage = { id: number, body: Request, };

export type CatchUp = { "type": "snapshot", snapshot: Snapshot, } | { "type": "events", events: Array<Sequenced>, };

export type Welcome = { 
/**
 * The version both speak from now on.
 */
protocol: number, you: ParticipantId, 
/**
 * The secret to take this seat again; new with every welcome, the older one stops working once this is used.
 */
token: string, 
/**
 * Whether this continues an earlier seat.
 */
resumed: boolean, 
/**
 * The generation of the peer connection the server still holds for this seat; 0: none, offer a new one.
 */
media_generation: number, catch_up: CatchUp, 
/**
 * Server time, milliseconds since 1970.
 */
server_time: number, };

export type ReplyBody = { "type": "done" } | { "type": "answer", generation: number, sdp: string, } | { "type": "catch_up", catch_up: CatchUp, } | { "type": "pong", 
/**
 * Server time, milliseconds since 1970.
 */
server_time: number, };

export type QualityLevel = "lost" | "poor" | "fair" | "good";

export type VoiceLoss = { 
/**
 * Share of packets lost on the way from the server to the listener who misses most, percent, at most 100.
 */
percent: number, 
/**
 * Mean number of packets lost in a row on the way to the server, in tenths of packets; 0: too few were lost of late to say.
 */
burst: number, };

export type ParticipantQuality = { participant: ParticipantId, level: QualityLevel, };

export type Limited = "no" | "bandwidth" | "source" | "codec";

export type SlotState = { mid: string, track?: TrackId, 
/**
 * Height of the layer being sent, pixels; 0: nothing is sent.
 */
height: number, 
/**
 * Why less is sent than the view asked for.
 */
limited: Limited, };

export type LayersWanted = { track: TrackId, 
/**
 * Places in the track's `layers`, rising; none: nobody looks.
 */
layers: Array<number>, };

export type ServerMessage = { "type": "welcome" } & Welcome | { "type": "refused", code: Code, message: string, } | { "type": "reply", id: number, body: ReplyBody, } | { "type": "error", id: number, code: Code, message: string, } | { "type": "event" } & Sequenced | { "type": "speakers", participants: Array<ParticipantId>, } | { "type": "quality", levels: Array<ParticipantQuality>, } | { "type": "slots", slots: Array<SlotState>, } | { "type": "voice_loss" } & VoiceLoss | { "type": "layers_wanted" } & LayersWanted | { "type": "media_lost", generation: number, } | { "type": "bye", code: Code, message: string, };

export type CreateMeeting = { 
/**
 * At most [`crate::MAX_TITLE`] characters; empty: untitled.
 */
title: string, 
/**
 * When it is planned to start; absent: now.
 */
starts_at?: number, 
/**
 * Planned length, minutes, 1 to 1440; absent: 60.
 */
minutes?: number, };

export type MeetingCreated = { id: string, 
/**
 * `<public URL>/m/<id>`
 */
guest_link: string, 
/**
 * `<public URL>/m/<id>#host=<host key>`: the key stands behind `#`, so that no server or proxy log sees it.
 */
host_link: string, };

export type MeetingInfo = { id: string, title: string, state: MeetingState, starts_at: number, minutes: number, locked: boolean, 
/**
 * Participants in it now.
 */
participants: number, };

export type MeetingState = "open" | "running" | "ended";

export type ErrorBody = { code: Code, message: string, };
