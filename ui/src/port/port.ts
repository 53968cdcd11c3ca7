// The one door between the views and whatever carries the meeting: a browser's own WebRTC (guest.ts), or the desktop
// shell (native.ts, later). Views know nothing else of the world.

import type {
  ChatMessage, Code, CreateMeeting, Limited, Meeting, MeetingCreated, MeetingInfo, Participant, QualityLevel, Reaction,
  Role, Slot, Source, Track, VideoCodec,
} from "../generated/protocol";

export type {
  ChatMessage, Code, CreateMeeting, Limited, Meeting, MeetingCreated, MeetingInfo, Participant, QualityLevel, Reaction,
  Role, Slot, Source, Track, VideoCodec,
};
export type ParticipantId = number;
export type TrackId = number;

/** Devices of this machine by what they do. */
export type DeviceKind = "microphone" | "camera" | "speaker";

export interface Device {
  id: string;
  kind: DeviceKind;
  /** Empty until the user has allowed the use of such a device. */
  label: string;
}

/** Why a device gives nothing, in terms the views have words for. */
export type DeviceProblem = "denied" | "missing" | "busy" | "insecure" | "unsupported" | "failed";

/** The microphone, the camera or the screen on its way out. */
export interface LocalSource {
  /** What the user wants. */
  on: boolean;
  /** The device is being opened. */
  starting: boolean;
  /** Chosen device; absent: the system's default. */
  device?: string;
  problem?: DeviceProblem;
}

export interface LocalState {
  microphone: LocalSource;
  camera: LocalSource;
  screen: LocalSource;
  speaker: { device?: string; choosable: boolean };
  devices: Device[];
  /** Whether screens can be shared from here at all. */
  canShare: boolean;
  /** The browser waits for a click before it plays sound. */
  soundBlocked: boolean;
}

export type Phase = "idle" | "connecting" | "joined" | "reconnecting" | "ended";

/** Why a meeting is over for this participant: a code of the protocol, or one's own leaving, or no way to the server. */
export type EndReason = Code | "left" | "unreachable";

/** A chat message; `pending` until the server has it. */
export interface ChatEntry extends ChatMessage {
  pending: boolean;
}

/** All a view may know of the meeting. A new object at every change; parts that did not change stay the same. */
export interface PortState {
  phase: Phase;
  ended?: EndReason;
  /** Since when the connection is lost, milliseconds since 1970. */
  reconnectingSince?: number;
  you?: ParticipantId;
  meeting?: Meeting;
  participants: readonly Participant[];
  chat: readonly ChatEntry[];
  /** Who speaks now, loudest first. */
  speakers: readonly ParticipantId[];
  quality: ReadonlyMap<ParticipantId, QualityLevel>;
  /** Why a track is shown smaller than asked for, or not at all. */
  limited: ReadonlyMap<TrackId, Limited>;
  /** Whether pictures and sound flow both ways. */
  media: "none" | "connecting" | "connected";
  local: LocalState;
}

/** Things that happen once, beside the state. */
export type PortEvent =
  | { type: "reaction"; participant: ParticipantId; reaction: Reaction }
  /** A request failed. */
  | { type: "refused"; code: Code }
  /** Someone else muted one of our sources. */
  | { type: "muted_by_host"; source: Source; by: ParticipantId }
  /** A device vanished and the next one is in use, or none is left. */
  | { type: "device_changed"; kind: DeviceKind; label?: string };

/** A place to hang a picture. The port draws into the element given and takes its drawing away again. */
export interface VideoSurface {
  attach(host: HTMLElement): () => void;
}

/** A picture of others that is on screen now. */
export interface ShownVideo {
  track: TrackId;
  /** Height in device pixels it is drawn at; 0: hidden. */
  height: number;
}

/** Numbers for the curious; -1 where not known. */
export interface LinkStats {
  rttMs: number;
  sendKbps: number;
  receiveKbps: number;
  /** Share of packets lost on the way to us, 0 to 1. */
  loss: number;
  /** How media travels: "udp", "tcp", or "" before it does. */
  transport: string;
}

export interface JoinRequest {
  meeting: string;
  name: string;
  hostKey?: string;
}

export type HostAction =
  | { type: "mute"; participant: ParticipantId; source: Source }
  | { type: "mute_all" }
  | { type: "lower_hand"; participant: ParticipantId }
  | { type: "remove"; participant: ParticipantId }
  | { type: "lock"; locked: boolean }
  | { type: "end" };

/** An answer of the server's HTTP API, or the code why there is none. */
export type Result<T> = { ok: true; value: T } | { ok: false; code: Code | "unreachable" };

export interface Port {
  readonly kind: "guest" | "native";

  /** Calls back at once and after every change; returns how to stop. */
  subscribe(listener: (state: PortState) => void): () => void;
  onEvent(listener: (event: PortEvent) => void): () => void;

  meetingInfo(meeting: string): Promise<Result<MeetingInfo>>;
  createMeeting(request: CreateMeeting): Promise<Result<MeetingCreated>>;

  /** Whether a seat from before a page reload can be taken again, without asking for a name. */
  canResume(meeting: string): boolean;
  join(request: JoinRequest): void;
  /** Leaves for good. */
  leave(): void;

  /** Opens or closes a device; before the meeting for the preview, in it for all. Never rejects: see `problem`. */
  setMicrophone(on: boolean): Promise<void>;
  setCamera(on: boolean): Promise<void>;
  /** Asks which screen to share. */
  startScreen(): Promise<void>;
  stopScreen(): void;
  /** Switches the device in use; absent: the system's default. */
  chooseDevice(kind: DeviceKind, id: string | undefined): Promise<void>;
  refreshDevices(): Promise<void>;
  /** How loud the own microphone is now, 0 to 1. */
  microphoneLevel(): number;
  /** Plays a short sound through the chosen speaker. */
  testSpeaker(): Promise<void>;
  /** To be called from a click when `soundBlocked`. */
  allowSound(): Promise<void>;

  ownCamera(): VideoSurface;
  video(track: TrackId): VideoSurface;
  /** Every picture on screen now, most important first; replaces what was said before. */
  show(videos: readonly ShownVideo[]): void;

  sendChat(text: string): void;
  raiseHand(raised: boolean): void;
  react(reaction: Reaction): void;
  rename(name: string): void;
  host(action: HostAction): void;

  linkStats(): Promise<LinkStats>;
}
