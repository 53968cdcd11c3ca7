// Made by `cargo xtask generate` from crates/client/src/desk. Do not edit.
import type {
  Audience, Code, Limited, Listening, Meeting, MeetingInfo, OwnVote, Participant, ParticipantId, ParticipantQuality, Reaction, Request, SameRoomChoice, Source,
  SharedFile, SpeakingTime, Tools, TrackId, WaitingPerson, WaitReason,
} from "./protocol";

export type CallPhase = "idle" | "connecting" | "waiting" | "joined" | "reconnecting" | "ended";

export type MediaFlow = "none" | "connecting" | "connected";

export type OwnEnd = "left" | "unreachable";

export type EndReason = OwnEnd | Code;

export type CallState = { phase: CallPhase, ended?: EndReason, 
/**
 * Since when the connection is lost, milliseconds since 1970.
 */
reconnectingSince?: number, you?: ParticipantId, 
/**
 * Absent before the first welcome.
 */
meeting?: Meeting, media: MediaFlow, };

export type ChatEntry = { pending: boolean, 
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

export type LimitedTrack = { track: TrackId, limited: Limited, };

export type DeviceKind = "microphone" | "camera" | "speaker";

export type DeviceProblem = "denied" | "missing" | "busy" | "unsupported" | "failed";

export type DeskDevice = { 
/**
 * Stable over restarts where the system has stable ids.
 */
id: string, kind: DeviceKind, label: string, 
/**
 * The system's choice for those who choose none; false where the system does not tell.
 */
isDefault: boolean, };

export type LocalSource = { 
/**
 * What the user wants.
 */
on: boolean, 
/**
 * The device is being opened.
 */
starting: boolean, 
/**
 * Chosen device; absent: the system's default.
 */
device?: string, problem?: DeviceProblem, };

export type ScreenMode = "text" | "motion";

export type LocalScreen = { on: boolean, starting: boolean, 
/**
 * Id of the [`super::ScreenSource`].
 */
device?: string, problem?: DeviceProblem, 
/**
 * The others see the last picture until it goes on.
 */
paused: boolean, mode: ScreenMode, 
/**
 * What is shared, where known.
 */
title?: string, };

export type LocalSpeaker = { 
/**
 * Chosen device; absent: the system's default.
 */
device?: string, choosable: boolean, problem?: DeviceProblem, };

export type NoiseSuppression = "off" | "standard" | "strong";

export type NoiseProblem = "weights_missing" | "weights_bad" | "too_slow";

export type LocalNoise = { engine: NoiseSuppression, 
/**
 * Why it is not the strong one, though that is wanted.
 */
problem?: NoiseProblem, };

export type LocalState = { microphone: LocalSource, camera: LocalSource, screen: LocalScreen, speaker: LocalSpeaker, devices: Array<DeskDevice>, 
/**
 * Whether screens can be shared from here at all.
 */
canShare: boolean, 
/**
 * The microphone is open only as long as a key is held: [`super::DeskCommand::Talk`].
 */
talking: boolean, noise: LocalNoise, };

export type LobbyWait = { title: string, 
/**
 * Milliseconds since 1970 on this computer's clock, set right by the server's; absent: nobody said when.
 */
startsAt?: number, position: number, reason: WaitReason, };

export type Leading = { waiting?: LobbyWait, lobby: Array<WaitingPerson>, tools: Tools, ownVotes: Array<OwnVote>, speakingTimes: Array<SpeakingTime>, };

export type DeskState = { 
/**
 * Number of the last change in it; the patch with the next number applies to it.
 */
seq: number, call: CallState, participants: Array<Participant>, 
/**
 * Oldest first.
 */
chat: Array<ChatEntry>, 
/**
 * Who speaks now, loudest first.
 */
speakers: Array<ParticipantId>, quality: Array<ParticipantQuality>, 
/**
 * Why a track is shown smaller than asked for, or not at all. Tracks that are not limited are not in it.
 */
limited: Array<LimitedTrack>, 
/**
 * How well the others are heard here.
 */
listening: Listening, 
/**
 * The lobby from either side, and the tools.
 */
leading: Leading, local: LocalState, };

export type DeskPatch = { seq: number, call?: CallState, participants?: Array<Participant>, chat?: Array<ChatEntry>, speakers?: Array<ParticipantId>, quality?: Array<ParticipantQuality>, limited?: Array<LimitedTrack>, listening?: Listening, leading?: Leading, local?: LocalState, };

export type RepairStats = { 
/**
 * Packets that were lost and put back.
 */
recovered: number, 
/**
 * Of the packets that were missing those put back in time, 0 to 1.
 */
success: number, 
/**
 * What repair takes beside the pictures, 0 for nothing and 1 for as much again.
 */
overhead: number, 
/**
 * From noticing that a packet is missing until it was put back, in the mean.
 */
responseMs: number, 
/**
 * How often a packet was asked for again.
 */
nacks: number, };

export type LinkStats = { rttMs: number, sendKbps: number, receiveKbps: number, 
/**
 * Share of packets lost on the way to us, 0 to 1.
 */
loss: number, 
/**
 * `udp`, `tcp`, or empty before media travels.
 */
transport: string, 
/**
 * What the meeting cost so far, over all connections, without the headers of IP and UDP.
 */
sentBytes: number, receivedBytes: number, 
/**
 * Both ways in an hour that is like the last minute.
 */
hourBytes: number, 
/**
 * Of what comes, and of what is sent.
 */
repairIn: RepairStats, repairOut: RepairStats, };

export type StreamDirection = "send" | "receive";

export type StreamLimit = "" | "bandwidth";

export type StreamStats = { 
/**
 * Unique among the streams of one look, and the same at the next one.
 */
id: string, direction: StreamDirection, source: Source, 
/**
 * Whose it is; absent: one's own.
 */
participant?: ParticipantId, 
/**
 * `opus` or `h264`.
 */
codec: string, 
/**
 * The simulcast layer, `q`, `h` or `f`; empty where there is none.
 */
layer: string, kbps: number, 
/**
 * Share of packets lost, 0 to 1; for sent streams as the far end reports it.
 */
loss: number, jitterMs: number, 
/**
 * How long packets wait before they are played.
 */
bufferMs: number, fps: number, width: number, height: number, 
/**
 * Pictures that stood still too long, since the stream began.
 */
freezes: number, 
/**
 * Share of the sound that was invented, 0 to 1.
 */
concealed: number, 
/**
 * Packets asked for again, resent ones (RTX), and such for correction (FEC), since the stream began: sending, by us for
 * others; receiving, the other way round.
 */
nacks: number, resent: number, fec: number, 
/**
 * What holds a sent stream back.
 */
limit: StreamLimit, };

export type ScreenSourceKind = "display" | "window";

export type ScreenSource = { id: string, kind: ScreenSourceKind, title: string, 
/**
 * Pixels.
 */
width: number, height: number, 
/**
 * A small picture of it as a `data:` URL.
 */
thumbnail?: string, };

export type BusAddress = { url: string, token: string, };

export type Processing = { echoCancellation: boolean, noiseSuppression: NoiseSuppression, gainControl: boolean, 
/**
 * For musicians: nothing of the above, in stereo where the microphone is, at a rate for music.
 */
originalSound: boolean, };

export type DataSaving = { 
/**
 * Sends the camera no larger than 360p.
 */
smallCamera: boolean, 
/**
 * The most to send, everything together, kbit/s; absent: what the link carries.
 */
up?: number, 
/**
 * The most to receive, kbit/s; less than 100 counts as 100.
 */
down?: number, };

export type BlurStrength = "light" | "strong";

export type DeskBackground = { "kind": "none" } | { "kind": "blur", strength: BlurStrength, } | { "kind": "picture", 
/**
 * A `data:image/jpeg;base64,` URL of at most [`MAX_BACKGROUND`] bytes, 4096 pixels a side.
 */
url: string, };

export type ShownVideo = { track: TrackId, 
/**
 * Height in device pixels it is drawn at; 0: hidden.
 */
height: number, };

export type HostAction = { "type": "mute", participant: ParticipantId, source: Source, } | { "type": "mute_all" } | { "type": "lower_hand", participant: ParticipantId, } | { "type": "spotlight", participants: Array<ParticipantId>, } | { "type": "remove", participant: ParticipantId, } | { "type": "lock", locked: boolean, } | { "type": "end" };

export type DrawnStroke = { 
/**
 * 0xRRGGBB.
 */
color: number, 
/**
 * In shares of the picture's width.
 */
width: number, 
/**
 * A highlighter's: what is beneath stays readable.
 */
hatched: boolean, 
/**
 * Three numbers for each: its place in shares of the picture's width and height, and how thick the line is there, 1 where it was
 * pressed neither hard nor softly.
 */
points: Array<number>, };

export type DeskCommand = { "type": "attach" } | { "type": "meeting_info" } | { "type": "meeting_report" } | { "type": "join", name: string, 
/**
 * Where the link had none.
 */
hostKey?: string, } | { "type": "leave" } | { "type": "set_microphone", on: boolean, } | { "type": "set_camera", on: boolean, } | { "type": "talk", on: boolean, } | { "type": "start_screen", 
/**
 * Of [`ScreenSource`]; absent: the first screen, or what the system's own dialog gives.
 */
id?: string, 
/**
 * Also what the machine plays, without the voices of the meeting.
 */
audio: boolean, mode: ScreenMode, } | { "type": "stop_screen" } | { "type": "pause_screen", on: boolean, } | { "type": "set_screen_mode", mode: ScreenMode, } | { "type": "choose_device", kind: DeviceKind, id?: string, } | { "type": "refresh_devices" } | { "type": "test_speaker" } | { "type": "record_test", seconds: number, } | { "type": "play_test" } | { "type": "watch_levels" } | { "type": "show", 
/**
 * Which page: tallest wins where several show the same track.
 */
page: string, videos: Array<ShownVideo>, } | { "type": "chat", text: string, 
/**
 * Absent: to everybody.
 */
to?: Audience, } | { "type": "ask", request: Request, } | { "type": "hand", raised: boolean, } | { "type": "react", reaction: Reaction, } | { "type": "rename", name: string, } | { "type": "host", action: HostAction, } | { "type": "same_room", choice: SameRoomChoice, } | { "type": "set_processing", processing: Processing, } | { "type": "set_background", background: DeskBackground, } | { "type": "set_data_saver", saving: DataSaving, } | { "type": "link_stats" } | { "type": "stream_stats" } | { "type": "screen_sources" } | { "type": "board_open", line: number, } | { "type": "board_say", line: number, frame: string, } | { "type": "board_close", line: number, } | { "type": "board_history", board: string, 
/**
 * 0: from the beginning.
 */
after: number, } | { "type": "draw_over", keep: number, strokes: Array<DrawnStroke>, };

export type OwnCode = "unreachable" | "closed";

export type DeskCode = OwnCode | Code;

export type DeskReply = { "type": "done" } | { "type": "failed", code: DeskCode, } | { "type": "attached", state: DeskState, 
/**
 * Absent where pictures have no way to the page.
 */
bus?: BusAddress, } | { "type": "meeting", info: MeetingInfo, } | { "type": "report", csv: string, } | { "type": "link", stats: LinkStats, } | { "type": "streams", streams: Array<StreamStats>, } | { "type": "screens", sources: Array<ScreenSource>, } | { "type": "board_history", 
/**
 * Entries of docs/BOARD.md, one after the other, in base64.
 */
entries: string, 
/**
 * The number to go on after; absent: that was all.
 */
next?: number, } | { "type": "recorded", problem?: DeviceProblem, } | { "type": "played", problem?: DeviceProblem, };

export type ScreenEnd = "closed" | "system" | "failed";

export type BackgroundEnd = "too_slow" | "failed";

export type DeskEvent = { "type": "reaction", participant: ParticipantId, reaction: Reaction, } | { "type": "refused", code: Code, } | { "type": "muted_by_host", source: Source, by: ParticipantId, } | { "type": "asked_to_unmute", source: Source, by: ParticipantId, } | { "type": "device_changed", kind: DeviceKind, label?: string, } | { "type": "screen_ended", reason: ScreenEnd, } | { "type": "background_off", reason: BackgroundEnd, } | { "type": "levels", microphone: number, speaker: number, } | { "type": "board_opened", line: number, } | { "type": "board_frame", line: number, frame: string, } | { "type": "board_closed", line: number, };
