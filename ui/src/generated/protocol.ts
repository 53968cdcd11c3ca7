// Made by `cargo xtask generate` from crates/protocol. Do not edit.
export const VERSION = 1;
export const MAX_CLIENT_MESSAGE = 131072;
export const MAX_SDP = 98304;
export const MAX_NAME = 64;
export const MAX_CHAT = 4000;
export const MAX_CLIENT_ID = 64;
export const MAX_TITLE = 120;
export const MAX_MESSAGE_FILES = 10;
export const MAX_FILE_NAME = 120;
export const MAX_UPLOADS = 20;
export const MAX_CHAT_HISTORY = 200;
export const MAX_SPOTLIGHTS = 9;
export const MAX_QUESTION = 500;
export const MAX_QUESTIONS = 100;
export const MAX_POLLS = 20;
export const MAX_OPTIONS = 10;
export const MAX_OPTION = 200;
export const MAX_AGENDA = 50;
export const MAX_BREAKOUT_ROOMS = 50;
export const MAX_BREAKOUT_MINUTES = 1440;
export const MAX_BREAKOUT_RETURN_S = 600;
export const MAX_PASSCODE = 64;
export const MAX_WAITING = 200;
export const FREE_TRIES = 10;
export const MAX_EVENT_HISTORY = 512;
export const MAX_SLOTS = 64;
export const MAX_PARTICIPANTS = 200;
export const MIN_VIEW_BITRATE = 100000;
export const REQUEST_BURST = 60;
export const REQUEST_RATE = 20;
export const OFFER_BURST = 8;
export const OFFER_RATE = 1;
export const PING_INTERVAL_MS = 1000;
export const PING_TIMEOUT_MS = 3000;
export const SEAT_KEPT_MS = 60000;
export const MIN_REPORT_S = 10;
export const MAX_REPORT_S = 120;
export const REPORT_INTERVAL_MS = 50000;
export const MAX_REPORT_DEVICES = 20;
export const GOOD_SCORE = 36;

export type MeetingId = string;

export type AccountId = string;

export type FileId = string;

export type ParticipantId = number;

export type TrackId = number;

export type Code = "bad_message" | "unknown_message" | "too_large" | "too_fast" | "unsupported_version" | "out_of_order" | "meeting_not_found" | "meeting_ended" | "meeting_cancelled" | "meeting_locked" | "meeting_full" | "bad_secret" | "removed" | "denied" | "passcode_needed" | "too_many_tries" | "replaced" | "not_allowed" | "not_found" | "changed_meanwhile" | "room_taken" | "bad_value" | "bad_sdp" | "stale_generation" | "overloaded" | "going_away" | "unauthorized" | "sign_in_needed" | "wrong_password" | "weak_password" | "link_expired" | "email_taken" | "last_owner" | "provider_unavailable" | "provider_refused" | "no_account" | "link_first" | "identity_taken" | "last_way_in" | "passkey_refused" | "calendar_address" | "calendar_unreachable" | "calendar_refused" | "calendar_not_found" | "calendar_failed" | "quota_exceeded" | "storage_full" | "too_many" | "scope_missing" | "webhook_address" | "internal";

export type MediaKind = "audio" | "video";

export type Source = "microphone" | "camera" | "screen" | "screen_audio";

export type VideoCodec = "h264" | "vp8" | "vp9" | "av1";

export type Role = "guest" | "participant" | "co_host" | "host";

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
same_room?: ParticipantId, 
/**
 * The breakout room it is in, by its number from 1; absent: the main room. Who is in another room can neither be heard nor
 * seen.
 */
room?: number, 
/**
 * The breakout room it is assigned to; absent: none.
 */
assigned?: number, 
/**
 * Since when it asks for a host to come to its breakout room, milliseconds since 1970.
 */
help?: number, tracks: Array<Track>, 
/**
 * Video codecs this participant can decode.
 */
decodes: Array<VideoCodec>, 
/**
 * Milliseconds since 1970.
 */
joined_at: number, };

export type FileKind = "image" | "sound" | "video" | "document" | "archive" | "other";

export type SharedFile = { id: FileId, 
/**
 * As [`clean_file_name`] leaves it.
 */
name: string, 
/**
 * Bytes.
 */
size: number, kind: FileKind, 
/**
 * Somebody took it out: it can't be had any more.
 */
removed?: boolean, };

export type ChatMessage = { 
/**
 * Unique in the meeting, rising.
 */
id: number, from: ParticipantId, 
/**
 * The sender's name when it was sent; the sender may be gone.
 */
name: string, 
/**
 * Empty only where there are files.
 */
text: string, 
/**
 * Files that go with it, at most [`crate::MAX_MESSAGE_FILES`]. Who may read the message may have them.
 */
files?: Array<SharedFile>, 
/**
 * Whom it is for; absent: everybody.
 */
to?: Audience, 
/**
 * Who was in the room it was said in, where it is for a `room`.
 */
present?: Array<ParticipantId>, 
/**
 * Server time, milliseconds since 1970.
 */
at: number, 
/**
 * The id the sending client chose, so that a repeated send is one message.
 */
client_id: string, };

export type Audience = { "type": "person", participant: ParticipantId, } | { "type": "hosts" } | { "type": "room", room: number, } | { "type": "everyone" };

export type LobbyPolicy = "off" | "guests" | "everyone";

export type AbsentHost = "wait" | "first_opens" | "anyone";

export type Permissions = { 
/**
 * Share a screen.
 */
share: boolean, 
/**
 * Write to everybody and to each other; to hosts one may always write.
 */
chat: boolean, 
/**
 * Unmute the own microphone; who is asked to by a host may do so once.
 */
unmute: boolean, reactions: boolean, 
/**
 * Draw on the whiteboard; who may not looks on. Absent: they may.
 */
draw: boolean, };

export type Policy = { lobby: LobbyPolicy, absent_host: AbsentHost, permissions: Permissions, };

export type Meeting = { id: string, title: string, locked: boolean, 
/**
 * Whom a host put large before everyone, in that order; absent: nobody.
 */
spotlights?: Array<ParticipantId>, 
/**
 * Who shows the whiteboard to everybody; absent: nobody.
 */
board?: ParticipantId, 
/**
 * Absent: the default, by which nobody waits and everybody may do everything.
 */
policy?: Policy, 
/**
 * When the first participant joined, milliseconds since 1970.
 */
started_at: number, };

export type Floor = { holder?: ParticipantId, 
/**
 * Since when, milliseconds since 1970; 0: nobody holds it.
 */
since: number, 
/**
 * Who comes next, in the order of asking.
 */
queue: Array<ParticipantId>, };

export type Answered = { by: ParticipantId, 
/**
 * Absent: it was answered aloud.
 */
text?: string, };

export type Question = { 
/**
 * Unique in the meeting, rising.
 */
id: number, from: ParticipantId, 
/**
 * The asker's name when it was asked.
 */
name: string, text: string, 
/**
 * Server time, milliseconds since 1970.
 */
at: number, 
/**
 * The id the asking client chose, so that a repeated send is one question.
 */
client_id: string, 
/**
 * Who wants it answered, in order of ids; the asker not among them.
 */
votes: Array<ParticipantId>, answer?: Answered, };

export type Vote = { participant: ParticipantId, 
/**
 * Name when it was given.
 */
name: string, 
/**
 * Places of options, rising.
 */
choices: Array<number>, };

export type Poll = { 
/**
 * Unique in the meeting, rising.
 */
id: number, question: string, options: Array<string>, 
/**
 * More than one option may be chosen.
 */
multiple: boolean, 
/**
 * Nobody is told who chose what, hosts neither.
 */
anonymous: boolean, 
/**
 * Results are told while it is open.
 */
live: boolean, closed: boolean, 
/**
 * It has a right answer, which is told when it is closed.
 */
quiz: boolean, 
/**
 * How many voted.
 */
voters: number, 
/**
 * Votes of each option; empty while they are not told.
 */
results: Array<number>, 
/**
 * The right options of a closed quiz, rising; empty otherwise.
 */
correct: Array<number>, 
/**
 * Who chose what, in order of ids, once it is closed; empty where it is anonymous.
 */
votes: Array<Vote>, };

export type AgendaItem = { 
/**
 * 1 to [`crate::MAX_TITLE`] characters.
 */
title: string, 
/**
 * Minutes it is to take, at most 1440; 0: open.
 */
minutes: number, };

export type Agenda = { items: Array<AgendaItem>, 
/**
 * Place of the item that is under way; absent: none.
 */
current?: number, 
/**
 * When it began, milliseconds since 1970; 0: none is under way.
 */
since: number, };

export type Breakout = { 
/**
 * Names of the rooms, 1 to [`crate::MAX_BREAKOUT_ROOMS`]. A room is known by its number in this list, from 1.
 */
rooms: Array<string>, 
/**
 * People choose their room themselves.
 */
choose: boolean, 
/**
 * Since when people are in them, milliseconds since 1970; absent: not yet.
 */
opened_at?: number, 
/**
 * When everybody will be brought back, milliseconds since 1970; absent: when a host closes them.
 */
ends_at?: number, };

export type Place = { participant: ParticipantId, 
/**
 * The breakout room it is in; absent: the main room.
 */
room?: number, 
/**
 * The one it is assigned to; absent: none.
 */
assigned?: number, };

export type Assignment = { participant: ParticipantId, 
/**
 * Absent: the main room.
 */
room?: number, };

export type Tools = { 
/**
 * Absent: everybody speaks as they like.
 */
floor?: Floor, 
/**
 * In the order they were asked.
 */
questions: Array<Question>, 
/**
 * In the order they were opened.
 */
polls: Array<Poll>, agenda?: Agenda, 
/**
 * Absent: there are no breakout rooms.
 */
breakout?: Breakout, 
/**
 * The order of seats for everyone, as a host set it; who is not in it follows. Empty: none.
 */
seat_order: Array<ParticipantId>, };

export type Snapshot = { seq: number, meeting: Meeting, 
/**
 * In the order of ids.
 */
participants: Array<Participant>, 
/**
 * Oldest first, the last [`crate::MAX_CHAT_HISTORY`].
 */
chat: Array<ChatMessage>, 
/**
 * Absent: none is in use.
 */
tools?: Tools, };

export type Reaction = "thumbs_up" | "clap" | "heart" | "laugh" | "surprise" | "celebrate";

export type LeaveReason = "left" | "lost" | "removed";

export type Event = { "type": "participant_joined", participant: Participant, } | { "type": "participant_left", participant: ParticipantId, reason: LeaveReason, } | { "type": "presence_changed", participant: ParticipantId, presence: Presence, } | { "type": "renamed", participant: ParticipantId, name: string, } | { "type": "role_changed", participant: ParticipantId, role: Role, } | { "type": "mute_changed", participant: ParticipantId, source: Source, muted: boolean, by: ParticipantId, } | { "type": "hand_changed", participant: ParticipantId, 
/**
 * When it went up, milliseconds since 1970; absent: it is down.
 */
hand?: number, } | { "type": "track_published", participant: ParticipantId, track: Track, } | { "type": "track_unpublished", participant: ParticipantId, track: TrackId, } | { "type": "chat", message: ChatMessage, } | { "type": "file_removed", message: number, file: FileId, by: ParticipantId, } | { "type": "reacted", participant: ParticipantId, reaction: Reaction, } | { "type": "lock_changed", locked: boolean, by: ParticipantId, } | { "type": "spotlight_changed", participants: Array<ParticipantId>, by: ParticipantId, } | { "type": "board_presented", participant?: ParticipantId, by: ParticipantId, } | { "type": "same_room_changed", participant: ParticipantId, live?: ParticipantId, } | { "type": "policy_changed", policy: Policy, by: ParticipantId, } | { "type": "unmute_asked", participant: ParticipantId, source: Source, by: ParticipantId, } | { "type": "floor_changed", floor?: Floor, } | { "type": "question_changed", question: Question, } | { "type": "question_dismissed", question: number, } | { "type": "poll_changed", poll: Poll, } | { "type": "poll_removed", poll: number, } | { "type": "agenda_changed", agenda?: Agenda, } | { "type": "seat_order_changed", participants: Array<ParticipantId>, } | { "type": "breakout_changed", breakout?: Breakout, } | { "type": "placed", places: Array<Place>, } | { "type": "help_changed", participant: ParticipantId, 
/**
 * When it asked a host to come, milliseconds since 1970; absent: not any more.
 */
help?: number, } | { "type": "ended", by: ParticipantId, };

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
 * Where the meeting has one, and the host key is not there.
 */
passcode?: string, 
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

export type CallDevice = "microphone" | "speaker" | "camera";

export type DeviceChange = "changed" | "lost" | "failed" | "back";

export type DeviceNote = { device: CallDevice, change: DeviceChange, 
/**
 * Seconds before the report was sent, no more than it is about.
 */
ago_s: number, };

export type QualityReport = { 
/**
 * How long the time was, [`crate::MIN_REPORT_S`] to [`crate::MAX_REPORT_S`].
 */
seconds: number, 
/**
 * To the server and back.
 */
rtt_ms?: number, 
/**
 * Of received voices, by RFC 3550.
 */
jitter_ms?: number, 
/**
 * Packets lost on the way to the server, as the server reports them back.
 */
loss_up?: number, 
/**
 * Packets that did not come, or not in time.
 */
loss_down?: number, send_kbps?: number, receive_kbps?: number, 
/**
 * Pictures a second of the own camera or screen, while it sends.
 */
fps_sent?: number, 
/**
 * Pictures a second of a video that is shown, while one is.
 */
fps_shown?: number, 
/**
 * How busy the whole machine was, per cent of all its cores. Browsers do not tell.
 */
cpu?: number, 
/**
 * Share of the time in which own pictures were made less good since the machine did not keep up.
 */
cpu_limited: number, 
/**
 * Share of the time in which they were since the way to the server is too narrow.
 */
bandwidth_limited: number, 
/**
 * Share of the sound played that was made up where packets were missing.
 */
concealed?: number, 
/**
 * Share of the time in which a voice had stalled, as in [`crate::Listening`].
 */
stalled: number, 
/**
 * Share of the time in which the microphone was on and not muted.
 */
mic_on: number, 
/**
 * Share of the time in which it was on and nothing came from it, not even noise: unplugged, switched off, or taken away.
 */
mic_silent: number, 
/**
 * Share of the time in which nothing could be played.
 */
speaker_failed: number, 
/**
 * What happened to devices, oldest first, at most [`crate::MAX_REPORT_DEVICES`].
 */
devices?: Array<DeviceNote>, };

export type SameRoomChoice = "use_mine" | "apart";

export type NewPoll = { 
/**
 * 1 to [`crate::MAX_QUESTION`] characters.
 */
question: string, 
/**
 * 2 to [`crate::MAX_OPTIONS`], each 1 to [`crate::MAX_OPTION`] characters.
 */
options: Array<string>, multiple: boolean, anonymous: boolean, live: boolean, 
/**
 * Places of the right options; empty: no quiz.
 */
correct: Array<number>, };

export type Request = { "type": "hello" } & Hello | { "type": "offer" } & Offer | { "type": "view", slots: Array<Slot>, 
/**
 * The most that may be sent to this client, bits per second, [`crate::MIN_VIEW_BITRATE`] or more: pictures get what
 * sound leaves of it. Absent: as much as the link carries.
 */
max_bitrate?: number, } | { "type": "mute", source: Source, muted: boolean, } | { "type": "unpublish", source: Source, } | { "type": "hand", raised: boolean, } | { "type": "reaction", reaction: Reaction, } | { "type": "chat", text: string, 
/**
 * Unique per message of this client, 1 to [`crate::MAX_CLIENT_ID`] ASCII characters: sending it again after
 * a cut is the same message.
 */
client_id: string, 
/**
 * Absent: everybody.
 */
to?: Audience, 
/**
 * What the sender uploaded to this meeting before, at most [`crate::MAX_MESSAGE_FILES`]; `text` may be empty then.
 */
files?: Array<FileId>, } | { "type": "file_remove", file: FileId, } | { "type": "rename", name: string, } | { "type": "host_mute", participant: ParticipantId, source: Source, } | { "type": "host_mute_all" } | { "type": "host_lower_hand", participant: ParticipantId, } | { "type": "host_remove", participant: ParticipantId, } | { "type": "host_lock", locked: boolean, } | { "type": "host_spotlight", participants: Array<ParticipantId>, } | { "type": "board_present", on: boolean, } | { "type": "host_admit", participant: ParticipantId, } | { "type": "host_admit_all" } | { "type": "host_deny", participant: ParticipantId, } | { "type": "host_policy", policy: Policy, } | { "type": "host_role", participant: ParticipantId, role: Role, } | { "type": "host_ask_unmute", participant: ParticipantId, source: Source, } | { "type": "host_rename", participant: ParticipantId, name: string, } | { "type": "host_lower_hands" } | { "type": "host_floor", on: boolean, } | { "type": "host_floor_pass", participant?: ParticipantId, } | { "type": "floor_grab" } | { "type": "floor_release" } | { "type": "question_ask", text: string, client_id: string, } | { "type": "question_vote", question: number, up: boolean, } | { "type": "host_question_answer", question: number, text?: string, } | { "type": "host_question_dismiss", question: number, } | { "type": "host_poll_open", poll: NewPoll, } | { "type": "poll_vote", poll: number, choices: Array<number>, } | { "type": "host_poll_close", poll: number, } | { "type": "host_poll_remove", poll: number, } | { "type": "host_agenda", items: Array<AgendaItem>, } | { "type": "host_agenda_go", item?: number, } | { "type": "host_seat_order", participants: Array<ParticipantId>, } | { "type": "host_breakout", rooms: Array<string>, 
/**
 * People choose their room themselves.
 */
choose: boolean, } | { "type": "host_breakout_assign", places: Array<Assignment>, } | { "type": "host_breakout_spread", 
/**
 * Those who are assigned, too.
 */
anew: boolean, } | { "type": "host_breakout_open", 
/**
 * 1 to [`crate::MAX_BREAKOUT_MINUTES`] until all are brought back; absent: until a host closes them.
 */
minutes?: number, } | { "type": "host_breakout_close", seconds: number, } | { "type": "breakout_go", room?: number, } | { "type": "breakout_help", asked: boolean, } | { "type": "host_end" } | { "type": "listening" } & Listening | { "type": "quality_report" } & QualityReport | { "type": "same_room", choice: SameRoomChoice, } | { "type": "resync", last_seq: number, } | { "type": "ping" } | { "type": "leave" };

export type ClientMessage = { id: number, body: Request, };

export type CatchUp = { "type": "snapshot", snapshot: Snapshot, } | { "type": "events", events: Array<Sequenced>, };

export type IceServer = { urls: Array<string>, username: string, credential: string, };

export type Welcome = { 
/**
 * The version both speak from now on.
 */
protocol: number, you: ParticipantId, 
/**
 * The secret to take this seat again; new with every welcome, the older one stops working once this is used. Absent after
 * `waiting`: its token stays.
 */
token?: string, 
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
server_time: number, 
/**
 * Ways for media through firewalls: `iceServers` of a browser's peer connection. None: there are none, or they are
 * switched off.
 */
ice_servers?: Array<IceServer>, };

export type WaitReason = "host" | "admission";

export type LobbyPlace = { 
/**
 * From 1, in the order of arrival.
 */
position: number, reason: WaitReason, };

export type Waiting = { 
/**
 * The version both speak from now on.
 */
protocol: number, 
/**
 * The id the participant will have.
 */
you: ParticipantId, 
/**
 * The secret to take this place again, and the seat that comes of it.
 */
token: string, title: string, 
/**
 * When the meeting is to begin, milliseconds since 1970; absent: nobody said.
 */
starts_at?: number, 
/**
 * Server time, milliseconds since 1970: a countdown goes by it.
 */
server_time: number, place: LobbyPlace, };

export type WaitingPerson = { id: ParticipantId, name: string, client: ClientKind, presence: Presence, 
/**
 * Has an account on this server.
 */
member: boolean, 
/**
 * Bears the name of somebody whom a host removed or turned away.
 */
turned_away: boolean, 
/**
 * Since when it waits, milliseconds since 1970.
 */
since: number, };

export type OwnVote = { poll: number, choices: Array<number>, };

export type SpeakingTime = { participant: ParticipantId, 
/**
 * Whole seconds.
 */
seconds: number, };

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

export type Limited = "no" | "bandwidth" | "saver" | "source" | "codec";

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

export type ServerMessage = { "type": "welcome" } & Welcome | { "type": "waiting" } & Waiting | { "type": "place" } & LobbyPlace | { "type": "refused", code: Code, message: string, } | { "type": "reply", id: number, body: ReplyBody, } | { "type": "error", id: number, code: Code, message: string, } | { "type": "event" } & Sequenced | { "type": "speakers", participants: Array<ParticipantId>, } | { "type": "quality", levels: Array<ParticipantQuality>, } | { "type": "slots", slots: Array<SlotState>, } | { "type": "voice_loss" } & VoiceLoss | { "type": "layers_wanted" } & LayersWanted | { "type": "lobby", waiting: Array<WaitingPerson>, } | { "type": "asides", messages: Array<ChatMessage>, } | { "type": "reacted", participant: ParticipantId, reaction: Reaction, } | { "type": "own_votes", votes: Array<OwnVote>, } | { "type": "speaking_times", times: Array<SpeakingTime>, } | { "type": "media_lost", generation: number, } | { "type": "bye", code: Code, message: string, };

export type FileLimits = { 
/**
 * Of one file, bytes; 0: no files are taken here.
 */
max_file: number, 
/**
 * Of all files of the meeting together, bytes, and what they take now.
 */
max_meeting: number, used: number, 
/**
 * Days until a file is deleted.
 */
keep_days: number, };

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

export type CheckInfo = { 
/**
 * What this server process calls itself; random, another one after each start.
 */
instance: string, 
/**
 * The server's clock, milliseconds since 1970.
 */
time: number, udp_port: number, 
/**
 * Where media over TCP comes in; none: it is off.
 */
tcp_port?: number, 
/**
 * Of the certificate the server itself serves; none behind a proxy, and where it is not known.
 */
certificate?: CheckCertificate, };

export type CheckCertificate = { from: number, until: number, };

export type CheckOffer = { sdp: string, };

export type CheckAnswer = { sdp: string, 
/**
 * The server closes the connection after so many seconds.
 */
seconds: number, };

export type MeetingState = "open" | "running" | "ended";

export type ErrorBody = { code: Code, message: string, };

export type AccountRole = "member" | "admin" | "owner";

export type SignUp = "closed" | "invitation" | "open";

export type Standing = { 
/**
 * This server has accounts.
 */
accounts: boolean, sign_up: SignUp, 
/**
 * Letters can be sent: forgotten passwords are helped with.
 */
mail: boolean, may_create: MayCreate, 
/**
 * Name of the sign-in provider (OpenID Connect), for a button; absent: there is none.
 */
provider?: string, 
/**
 * Passkeys can be used here.
 */
passkeys: boolean, 
/**
 * Absent: not signed in.
 */
me?: Account, };

export type MayCreate = "yes" | "sign_in" | "no";

export type Account = { id: AccountId, email: string, name: string, role: AccountRole, 
/**
 * BCP 47, as in "zh-CN"; absent: as the browser has it.
 */
language?: string, 
/**
 * IANA, as in "Europe/Berlin"; absent: as the browser has it.
 */
time_zone?: string, created_at: number, disabled: boolean, };

export type SignIn = { email: string, password: string, };

export type Join = { 
/**
 * From the link.
 */
token: string, 
/**
 * 1 to [`crate::MAX_NAME`] characters.
 */
name: string, password: string, language?: string, };

export type AskForLink = { email: string, 
/**
 * Of the letter; absent: English.
 */
language?: string, };

export type NewPassword = { 
/**
 * From the link.
 */
token: string, password: string, };

export type ChangePassword = { current: string, password: string, };

export type DeleteAccount = { 
/**
 * Its mail address once more, so that nobody does it by a slip.
 */
email: string, 
/**
 * Needed where the account has one.
 */
password: string, };

export type ChangeProfile = { name?: string, language?: string, time_zone?: string, };

export type SignedIn = { id: string, created_at: number, 
/**
 * To ten minutes.
 */
used_at: number, expires_at: number, 
/**
 * Browser and system in few words, as it says of itself; may be empty.
 */
agent: string, 
/**
 * The one that asks.
 */
current: boolean, };

export type Invite = { email: string, role: AccountRole, 
/**
 * Send the letter; the link is told in any case.
 */
send: boolean, 
/**
 * Of the letter; absent: English.
 */
language?: string, };

export type Invited = { invitation: Invitation, link: string, };

export type Invitation = { id: string, email: string, role: AccountRole, created_at: number, expires_at: number, };

export type LinkToken = { token: string, };

export type ChangeAccount = { role?: AccountRole, 
/**
 * A disabled account is signed out everywhere and cannot sign in.
 */
disabled?: boolean, };

export type WaysIn = { password: boolean, 
/**
 * Absent: not linked.
 */
provider?: LinkedProvider, 
/**
 * Newest first.
 */
passkeys: Array<Passkey>, };

export type LinkedProvider = { 
/**
 * As the provider told it.
 */
email?: string, created_at: number, used_at: number, };

export type ProviderPage = { url: string, };

export type AppSignIn = { 
/**
 * Where the app listens on 127.0.0.1.
 */
port: number, 
/**
 * RFC 7636, S256: base64url without padding, 43 characters.
 */
challenge: string, 
/**
 * The app's own word, given back to it: 16 to 128 letters, digits, `-` and `_`.
 */
state: string, };

export type AppPage = { url: string, };

export type AppCode = { code: string, 
/**
 * What the challenge was made from.
 */
verifier: string, };

export type AppSession = { secret: string, 
/**
 * Seconds it lasts.
 */
lasts: number, me: Account, };

export type Passkey = { id: string, name: string, created_at: number, 
/**
 * Absent: not used yet.
 */
used_at?: number, };

export type PasskeyChallenge = { challenge: string, 
/**
 * The name passkeys of this server belong to.
 */
rp_id: string, };

export type NewPasskeyChallenge = { challenge: string, rp_id: string, 
/**
 * `user.id`
 */
user: string, 
/**
 * Credential ids the account has already: no authenticator keeps two.
 */
known: Array<string>, };

export type PasskeyAnswer = { credential: string, client_data: string, authenticator_data: string, signature: string, 
/**
 * `userHandle`, where the authenticator told it.
 */
user?: string, };

export type NewPasskey = { 
/**
 * 1 to [`crate::MAX_NAME`] characters.
 */
name: string, credential: string, client_data: string, authenticator_data: string, 
/**
 * SubjectPublicKeyInfo in DER, as `getPublicKey()` gives it.
 */
key: string, 
/**
 * COSE: -7 (ES256), -8 (EdDSA) or -257 (RS256).
 */
algorithm: number, };

export type OwnCalendar = { 
/**
 * Absent: none.
 */
connected?: ConnectedCalendar, };

export type ConnectedCalendar = { 
/**
 * As it was given.
 */
url: string, user: string, 
/**
 * The calendar's name, and where it is.
 */
name: string, calendar: string, 
/**
 * All calendars that were found there.
 */
choices: Array<CalendarChoice>, state: CalendarState, 
/**
 * Why not, with `failing` and `stopped`.
 */
error?: Code, 
/**
 * When the calendar last had everything; absent: not yet.
 */
pushed_at?: number, 
/**
 * The next try, with `failing`.
 */
retry_at?: number, 
/**
 * Events of this server's there.
 */
events: number, 
/**
 * Events their owner changed or took away there; they are left alone.
 */
changed: number, };

export type CalendarChoice = { name: string, url: string, };

export type CalendarState = "waiting" | "fine" | "failing" | "stopped";

export type ConnectCalendar = { 
/**
 * Of the calendar, of its server, or a mail address whose domain says more (RFC 6764).
 */
url: string, user: string, 
/**
 * Absent: the one that is kept for this address and user.
 */
password?: string, 
/**
 * One of `choices`; absent: the first.
 */
calendar?: string, };

export type PushCalendar = { 
/**
 * Also over what its owner changed there.
 */
replace: boolean, };

export type Page<T> = { items: Array<T>, next?: string, };

export type AuditEntry = { id: number, at: number, action: AuditAction, 
/**
 * Mail address of who did it; absent: the command line, or nobody who is signed in.
 */
by?: string, 
/**
 * Whom it was done to, where that is someone else; or a meeting.
 */
of?: string, 
/**
 * A word more, such as the new role.
 */
detail?: string, 
/**
 * Network address it came from; absent: the command line.
 */
address?: string, };

export type AuditAction = "signed_in" | "sign_in_failed" | "slowed_down" | "signed_out" | "signed_out_everywhere" | "session_ended" | "password_changed" | "reset_asked" | "password_reset" | "invited" | "invitation_revoked" | "joined" | "profile_changed" | "role_changed" | "disabled" | "enabled" | "provider_linked" | "provider_unlinked" | "passkey_added" | "passkey_removed" | "meeting_ended" | "person_sent_out" | "data_exported" | "account_deleted" | "token_made" | "token_revoked" | "webhook_made" | "webhook_changed" | "webhook_removed" | "log_level_set";

export type LiveMeeting = { id: string, 
/**
 * May be empty.
 */
title: string, 
/**
 * Mail address of the account whose meeting it is; absent: made without one.
 */
owner?: string, 
/**
 * When the first participant joined; absent: nobody has been let in yet.
 */
since?: number, locked: boolean, 
/**
 * Those who are in by their coming, then those who wait.
 */
people: Array<LivePerson>, };

export type LivePerson = { id: ParticipantId, name: string, role: Role, client: ClientKind, presence: Presence, 
/**
 * Signed in with an account.
 */
member: boolean, 
/**
 * In the lobby.
 */
waiting: boolean, 
/**
 * When it joined, or began to wait.
 */
since: number, };

export type CreateRule = "anyone" | "token" | "loopback" | "account";

export type ServerPolicy = { create: CreateRule, 
/**
 * API tokens there are.
 */
tokens: number, sign_up: SignUp, 
/**
 * After so many days one signs in again.
 */
session_days: number, 
/**
 * Sender of letters; absent: none are sent.
 */
mail_from?: string, 
/**
 * Absent: nobody signs in by a provider.
 */
provider?: ProviderPolicy, 
/**
 * Meetings one network address may make, and entries it may try, a minute.
 */
meetings_per_minute: number, joins_per_minute: number, };

export type ProviderPolicy = { issuer: string, 
/**
 * Mail addresses of these domains alone may enter; empty: all.
 */
domains: Array<string>, 
/**
 * An account is made at the first entry.
 */
sign_up: boolean, };

export type TokenScope = "meetings:read" | "meetings:write" | "admin:read" | "admin:write" | "webhooks";

export type ApiToken = { 
/**
 * Names it in the API; opens nothing.
 */
id: string, name: string, scopes: Array<TokenScope>, 
/**
 * Mail address of the account it stands for; absent: the server's own.
 */
owner?: string, created_at: number, 
/**
 * To ten minutes; absent: never.
 */
used_at?: number, 
/**
 * Absent: it is good until it is revoked.
 */
expires_at?: number, };

export type NewApiToken = { 
/**
 * 1 to [`crate::MAX_NAME`] characters.
 */
name: string, 
/**
 * At least one.
 */
scopes: Array<TokenScope>, 
/**
 * 1 to 3650; absent: it does not expire.
 */
days?: number, };

export type ApiTokenMade = { token: ApiToken, 
/**
 * For `Authorization: Bearer …`. Told here and nowhere else.
 */
secret: string, };

export type HookEvent = "meeting.started" | "meeting.ended" | "participant.joined" | "participant.left" | "meeting.planned" | "meeting.changed" | "meeting.cancelled" | "file.shared" | "recording.ready" | "webhook.test";

export type Webhook = { id: string, url: string, events: Array<HookEvent>, enabled: boolean, 
/**
 * It answered 410 and was so switched off.
 */
gone: boolean, created_at: number, 
/**
 * When a letter last arrived; absent: none has yet.
 */
arrived_at?: number, 
/**
 * Letters that wait to be sent, first or again.
 */
waiting: number, 
/**
 * Letters that were given up and are kept.
 */
dead: number, 
/**
 * Letters never put down, because too many were waiting.
 */
dropped: number, };

export type NewWebhook = { 
/**
 * `https://…`, and not into the server's own networks unless the configuration allows it.
 */
url: string, 
/**
 * At least one.
 */
events: Array<HookEvent>, };

export type WebhookMade = { webhook: Webhook, 
/**
 * The key of its signatures, `whsec_…`. Told here and nowhere else.
 */
secret: string, };

export type ChangeWebhook = { url?: string, events?: Array<HookEvent>, enabled?: boolean, };

export type DeliveryState = "waiting" | "arrived" | "dead";

export type DeliveryTrouble = "unreachable" | "forbidden";

export type Delivery = { 
/**
 * The header `webhook-id`.
 */
id: string, event: HookEvent, state: DeliveryState, created_at: number, 
/**
 * So far.
 */
tries: number, 
/**
 * When it is tried next.
 */
due_at?: number, 
/**
 * HTTP status of the last try.
 */
status?: number, trouble?: DeliveryTrouble, };

export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";

export type ServerLog = { level: LogLevel, };

export type LinkMeasure = { 
/**
 * Packets lost on the way from the participant, before repair.
 */
loss_up: number, 
/**
 * The same on the way to it.
 */
loss_down: number, rtt_ms?: number, 
/**
 * How long packets waited in queues on the way to it, at worst.
 */
queued_ms: number, 
/**
 * Share of the time in which it was sent less than it wanted since the way to it is too narrow.
 */
held_back: number, 
/**
 * Share of the time in which nothing at all came from it.
 */
silent: number, };

export type Call = { id: number, meeting: string, 
/**
 * May be empty.
 */
title: string, from: number, 
/**
 * The end of its last minute so far.
 */
to: number, 
/**
 * Who was in it, one after the other.
 */
people: number, 
/**
 * Minutes of all of them together, and those of them whose `score` is below [`crate::GOOD_SCORE`].
 */
minutes: number, poor_minutes: number, };

export type CallDetails = { call: Call, 
/**
 * By their coming.
 */
people: Array<CallPerson>, 
/**
 * The server's own minutes in that time.
 */
server: Array<ServerMinute>, 
/**
 * What went wrong, by when it began.
 */
causes: Array<Cause>, 
/**
 * There are more minutes than are told at once; the oldest are left out.
 */
cut: boolean, };

export type CallPerson = { id: ParticipantId, name: string, client: ClientKind, minutes: Array<CallMinute>, };

export type CallMinute = { from: number, to: number, 
/**
 * How good it was to listen: mean opinion score, 10 (unusable) to 45 (as good as it gets) tenths.
 */
score: number, 
/**
 * Absent: the client said nothing.
 */
client?: QualityReport, 
/**
 * Absent: there was no way for media.
 */
server?: LinkMeasure, };

export type ServerMinute = { from: number, to: number, 
/**
 * How busy its machine was, per cent of all cores.
 */
cpu: number, packets: number, 
/**
 * Packets it had to drop since its queues or its network card were full.
 */
dropped: number, };

export type Cause = { kind: CauseKind, 
/**
 * Whose; absent: the server's.
 */
participant?: ParticipantId, from: number, to: number, amount: number, };

export type CauseKind = "loss_up" | "loss_down" | "bandwidth_up" | "bandwidth_down" | "cpu" | "microphone" | "speaker" | "server_link" | "server_cpu";
