// The one door between the views and whatever carries the meeting: a browser's own WebRTC (guest.ts), or the desktop
// shell (native.ts). Views know nothing else of the world. What only the desktop app has is in app.ts.

import type {
  Audience, ChatMessage, Code, CreateMeeting, FileLimits, Limited, Listening, Meeting, MeetingCreated, MeetingInfo, OwnVote, Participant, QualityLevel, Reaction,
  Role, SameRoomChoice, SharedFile, Slot, Source, SpeakingTime, Tools, Track, VideoCodec, WaitingPerson, WaitReason,
} from "../generated/protocol";
import type { AccountsPort } from "./accounts";
import type { BoardPort } from "./board";
import type { CheckPort } from "./check";
import type { MeetingPlan, SchedulePort } from "./schedule";
import type { PlainRequest } from "../session/face";
import type { AppCode, AppPort } from "./app";
import type { LinkStats, StreamStats } from "./stats";

export type * from "./accounts";
export type * from "./app";
export type * from "./schedule";
export type * from "./stats";
export type {
  ChatMessage, Code, CreateMeeting, FileLimits, Limited, Listening, Meeting, MeetingCreated, MeetingInfo, Participant, QualityLevel, Reaction,
  Role, SameRoomChoice, SharedFile, Slot, Source, Track, VideoCodec,
};
/** What the server tells of a meeting's plan beside `MeetingInfo` (docs/openapi.json). */
export interface MeetingStanding {
  /** Of the one who planned it; null: not planned. */
  zone: string | null;
  /** One of several under this link. */
  recurs: boolean;
  cancelled: boolean;
  /** The occurrence after this one. */
  next_at: number | null;
  /** Who invites; may be empty. */
  organizer: string;
  description: string;
  /** Whether a passcode is asked for. */
  passcode: boolean;
  /** Forms of web calendars, filled in; null: in no calendar, over or cancelled. */
  add_to: MeetingPlan["add_to"];
}
export type ParticipantId = number;
export type TrackId = number;

/** Devices of this machine by what they do. */
export type DeviceKind = "microphone" | "camera" | "speaker";

export interface Device {
  id: string;
  kind: DeviceKind;
  /** Empty until the user has allowed the use of such a device. */
  label: string;
  /** What the system uses where nothing is chosen. */
  isDefault?: boolean;
}

/** Why a device gives nothing, in terms the views have words for. */
export type DeviceProblem = "denied" | "missing" | "busy" | "insecure" | "unsupported" | "failed";

/** Which page a window shows. A guest's stands in its address; the desktop shell gives each window its own. */
export type Place =
  /** `refused`: a link led here that leads nowhere. */
  | { kind: "home"; refused?: AppCode }
  | {
      kind: "meeting";
      meeting: string;
      /** Origin of the server, without a slash at the end: "https://meet.example". */
      server: string;
      /** The link has the host's key, which only the port knows. A guest page finds its key itself. */
      host?: boolean;
      /** A link led to a server never used before: nothing is sent there before `join` or `meetingInfo` is called. */
      unknownServer?: boolean;
      /** What the picture-in-picture window shows, where one is open already. */
      poppedOut?: PopOutWhat;
    }
  | { kind: "pop_out"; meeting: string; server: string; what: PopOutWhat }
  /** The small bar that floats over everything while a screen is shared. */
  | { kind: "share_bar"; meeting: string; server: string }
  /** The way to the server and one's devices, before any meeting. Only in a browser. */
  | { kind: "check" }
  /** Signing in, and one's own account. Only in a browser. */
  | { kind: "account"; page: AccountPage }
  /** Accounts of others, for admins. Only in a browser. */
  | { kind: "admin" }
  /** An address of nothing. */
  | { kind: "nowhere" };

/** "own": the account of who is signed in, else signing in. "join" and "reset" come from links with a secret. */
export type AccountPage = "own" | "join" | "reset" | "forgot" | "ask" | "app";

/** A track, or whoever speaks. */
export type PopOutWhat = TrackId | "speaker";

/** What this port can do beside the meeting itself. Views leave out what cannot be. */
export interface Abilities {
  /** Screens and windows are listed by `screenSources`; without it the browser asks by itself. */
  screenPicker: boolean;
  /** `popOut` can open something. */
  popOut: boolean;
  fullScreen: boolean;
  /** `setProcessing` has an effect. */
  processing: boolean;
  /** Noise suppression knows `strong`. */
  strongNoise: boolean;
  /** `setBackground` has an effect. */
  background: boolean;
  /** `levels().speaker` is measured. */
  speakerLevel: boolean;
  /** `ask` has an effect, and the state tells of lobby, rules and tools. */
  lead: boolean;
}

/** What is done to the own voice before it is sent. */
export interface Processing {
  echoCancellation: boolean;
  noiseSuppression: NoiseSuppression;
  gainControl: boolean;
  /** For musicians: nothing of the above, in stereo where the microphone is, at a rate for music. */
  originalSound: boolean;
}

/** "save": less of everything but sound. "audio": and no pictures, but a shared screen that is asked for. */
export type DataSaverMode = "off" | "save" | "audio";

/** What is saved of data. Sound goes whatever it says. */
export interface DataSaving {
  /** Sends the camera no larger than 360p. */
  smallCamera: boolean;
  /** The most to send, everything together, and to receive, kbit/s, at least 100; absent: what the link carries. */
  up?: number;
  down?: number;
}

/** What others see behind the person in front of the camera. */
export type Background =
  | { kind: "none" }
  | { kind: "blur"; strength: "light" | "strong" }
  /** `url`: `data:` or `blob:`, a picture the browser can decode. */
  | { kind: "picture"; url: string };

/** `strong` where it can be; else it counts as `standard`. */
export type NoiseSuppression = "off" | "standard" | "strong";

/** Why `strong` is wanted and does not work. */
export type NoiseProblem = "weights_missing" | "weights_bad" | "too_slow";

/** A screen or window that can be shared. */
export interface ScreenSource {
  /** Stable while the source is there. */
  id: string;
  kind: "display" | "window";
  /** The window's title or the monitor's name. */
  title: string;
  /** Pixels. */
  width: number;
  height: number;
  /** A small picture as a `data:` URL (PNG or JPEG, at most 320 pixels wide). */
  thumbnail?: string;
}

/** "text": every letter sharp, frames may wait. "motion": 30 frames a second, letters may soften. */
export type ScreenMode = "text" | "motion";

export interface ScreenChoice {
  /** Of `screenSources`; absent where the browser asks. */
  id?: string;
  /** Also what the computer plays, without the meeting's own sound. */
  audio: boolean;
  mode: ScreenMode;
}

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

export interface LocalScreen extends LocalSource {
  /** The others see the last picture until it goes on. */
  paused?: boolean;
  mode?: ScreenMode;
  /** What is shared, where known: a window's title or the monitor's name. */
  title?: string;
}

export interface LocalState {
  microphone: LocalSource;
  camera: LocalSource;
  screen: LocalScreen;
  speaker: { device?: string; choosable: boolean; problem?: DeviceProblem };
  devices: Device[];
  /** Whether screens can be shared from here at all. */
  canShare: boolean;
  /** What takes noise out of the microphone now; absent where that is not known. */
  noise?: { engine: NoiseSuppression; problem?: NoiseProblem };
  /** The microphone is open only because a key is held. */
  talking?: boolean;
  /** The browser waits for a click before it plays sound. */
  soundBlocked: boolean;
}

export type Phase = "idle" | "connecting" | "waiting" | "joined" | "reconnecting" | "ended";

/** Why a meeting is over for this participant: a code of the protocol, or one's own leaving, or no way to the server. */
export type EndReason = Code | "left" | "unreachable";

/** A chat message; `pending` until the server has it. */
export interface ChatEntry extends ChatMessage {
  pending: boolean;
}

/** What somebody in the lobby sees. */
export interface LobbyWait {
  title: string;
  /** Milliseconds since 1970 on this computer's clock, set right by the server's; absent: nobody said when. */
  startsAt?: number;
  position: number;
  reason: WaitReason;
}

/** All a view may know of the meeting. A new object at every change; parts that did not change stay the same. */
export interface PortState {
  phase: Phase;
  ended?: EndReason;
  /** Since when the connection is lost, milliseconds since 1970. */
  reconnectingSince?: number;
  you?: ParticipantId;
  meeting?: Meeting;
  /** The place in the lobby, also while its connection is made again; absent: not there. */
  waiting?: LobbyWait;
  /** Who waits to be let in; hosts are told. */
  lobby?: readonly WaitingPerson[];
  /** Floor, questions, polls; absent: none is in use. */
  tools?: Tools;
  ownVotes?: readonly OwnVote[];
  speakingTimes?: readonly SpeakingTime[];
  participants: readonly Participant[];
  chat: readonly ChatEntry[];
  /** Who speaks now, loudest first. */
  speakers: readonly ParticipantId[];
  quality: ReadonlyMap<ParticipantId, QualityLevel>;
  /** How well the others are heard here; absent: not measured yet. */
  listening?: Listening;
  /** Why a track is shown smaller than asked for, or not at all. */
  limited: ReadonlyMap<TrackId, Limited>;
  /** Whether pictures and sound flow both ways. */
  media: "none" | "connecting" | "connected";
  /** Pictures have had no way into this window for a while; sound has. */
  picturesLost?: boolean;
  local: LocalState;
}

/** Things that happen once, beside the state. */
export type PortEvent =
  | { type: "reaction"; participant: ParticipantId; reaction: Reaction }
  /** A request failed. */
  | { type: "refused"; code: Code }
  /** Someone else muted one of our sources. */
  | { type: "muted_by_host"; source: Source; by: ParticipantId }
  /** A host asks to unmute one of our sources. */
  | { type: "asked_to_unmute"; source: Source; by: ParticipantId }
  /** A device vanished and the next one is in use, or none is left. */
  | { type: "device_changed"; kind: DeviceKind; label?: string }
  /** A system-wide shortcut or the tray, also while another window has the keyboard. */
  | { type: "shortcut"; action: GlobalAction }
  /** The shared screen is gone without the user's asking. */
  | { type: "screen_ended"; reason: ScreenEnd }
  /** The background was taken away, because this machine does not keep up, or it can't be done here. It comes back only when chosen again. */
  | { type: "background_off"; reason: "too_slow" | "failed" }
  | { type: "full_screen"; on: boolean }
  /** A link handed over by the system leads nowhere. Told to the window in front. */
  | { type: "link_refused"; code: AppCode }
  | { type: "pop_out_closed" }
  /** Somebody signed in or out in the desktop app, or a sign-in by the browser came to nothing. */
  | { type: "account"; problem?: AppCode }
  /** `Port.place` is another now: a picture-in-picture window was given something else to show. */
  | { type: "place" };

export type GlobalAction = "microphone" | "camera";

/** `closed`: the window was closed or the monitor unplugged. `system`: stopped from the system's own bar. */
export type ScreenEnd = "closed" | "system" | "failed";

/** Where the picture-in-picture window is drawn. */
export type PopOutHost =
  /** By these views, into a window of this page. */
  | { kind: "window"; window: Window }
  /** By the browser, or by the shell in a window of its own with the place "pop_out". */
  | { kind: "apart" }
  | { kind: "refused" };

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

export interface Levels {
  microphone: number;
  speaker: number;
}

export interface JoinRequest {
  meeting: string;
  name: string;
  hostKey?: string;
  passcode?: string;
}

export type HostAction =
  | { type: "mute"; participant: ParticipantId; source: Source }
  | { type: "mute_all" }
  | { type: "lower_hand"; participant: ParticipantId }
  /** Puts one participant before everyone; null: nobody any more. */
  | { type: "spotlight"; participants: ParticipantId[] }
  | { type: "remove"; participant: ParticipantId }
  | { type: "lock"; locked: boolean }
  | { type: "end" };

/** An answer of the server's HTTP API, or the code why there is none. */
export type Result<T, C = Code | "unreachable"> = { ok: true; value: T } | { ok: false; code: C };

export interface FilesPort {
  /** What may be uploaded now. */
  limits(): Promise<Result<FileLimits>>;
  /** `progress`: the share that is up, 0 to 1. Aborted: "cancelled", and nothing of it stays. */
  upload(file: File, progress: (share: number) => void, abort: AbortSignal): Promise<Result<SharedFile, Code | "unreachable" | "cancelled">>;
  /** As bytes to save, whatever the file is. */
  download(file: SharedFile): Promise<Result<Blob>>;
}

export interface Port {
  readonly kind: "guest" | "native";
  readonly place: Place;
  readonly can: Abilities;
  /** Only in the desktop app. */
  readonly app?: AppPort;
  /** In a browser, and in the desktop app at home. */
  readonly accounts?: AccountsPort;
  /** Looks at the way to the server. Only in a browser. */
  readonly check?: CheckPort;
  /** What happened in the meeting one leads, as a table for spreadsheets. */
  readonly report?: () => Promise<Result<Blob>>;
  /** Files in the chat of the meeting one is in. Only in a browser. */
  readonly files?: FilesPort;
  /** Meetings planned in the name of who is signed in. In a browser, and in the desktop app at home. */
  readonly schedule?: SchedulePort;
  /** The meeting's whiteboard. */
  readonly board?: BoardPort;

  /** Calls back at once and after every change; returns how to stop. */
  subscribe(listener: (state: PortState) => void): () => void;
  onEvent(listener: (event: PortEvent) => void): () => void;

  meetingInfo(meeting: string): Promise<Result<MeetingInfo & Partial<MeetingStanding>>>;
  createMeeting(request: CreateMeeting): Promise<Result<MeetingCreated>>;

  /** Whether a seat from before a page reload can be taken again, without asking for a name. */
  canResume(meeting: string): boolean;
  join(request: JoinRequest): void;
  /** Leaves for good. */
  leave(): void;

  /** Opens or closes a device; before the meeting for the preview, in it for all. Never rejects: see `problem`. */
  setMicrophone(on: boolean): Promise<void>;
  setCamera(on: boolean): Promise<void>;
  /** Opens a microphone that is off for as long as a key is held; nothing happens to one that is on. Never rejects. */
  talk(on: boolean): Promise<void>;
  /** Empty without `can.screenPicker`. */
  screenSources(): Promise<ScreenSource[]>;
  /** Shares a screen; without an id the browser asks which. Never rejects: see `problem`. */
  startScreen(choice?: ScreenChoice): Promise<void>;
  /** Freezes the shared picture for the others, or lets it go on. */
  pauseScreen(on: boolean): Promise<void>;
  setScreenMode(mode: ScreenMode): Promise<void>;
  stopScreen(): void;
  /** Switches the device in use; absent: the system's default. */
  chooseDevice(kind: DeviceKind, id: string | undefined): Promise<void>;
  refreshDevices(): Promise<void>;
  /** How loud it is now, 0 to 1 over 60 dB: the own microphone, and what is played. Called for every drawn frame. */
  levels(): Levels;
  /** Plays a short sound through the chosen speaker; resolves when it is over, with the problem if there was one. */
  testSpeaker(): Promise<DeviceProblem | undefined>;
  /** Records the microphone for so long, at most 10 seconds; resolves when done, with the problem if there was one. */
  recordTest(seconds: number): Promise<DeviceProblem | undefined>;
  /** Plays through the chosen speaker what `recordTest` recorded last, and forgets it; resolves like `testSpeaker`. */
  playTest(): Promise<DeviceProblem | undefined>;
  setProcessing(processing: Processing): Promise<void>;
  /** From now on, and for the next camera. Never rejects: see the event `background_off`. */
  setBackground(background: Background): Promise<void>;
  /** From now on, and for the next meeting. Which pictures are received at all is said by `show`. */
  setDataSaver(saving: DataSaving): void;
  /** To be called from a click when `soundBlocked`. */
  allowSound(): Promise<void>;

  ownCamera(): VideoSurface;
  /** What the others see of the own screen. */
  ownScreen(): VideoSurface;
  video(track: TrackId): VideoSurface;
  /** Every picture on screen now, most important first; replaces what was said before. */
  show(videos: readonly ShownVideo[]): void;

  /** To everybody where `to` is absent. */
  sendChat(text: string, to?: Audience, files?: SharedFile[]): void;
  raiseHand(raised: boolean): void;
  react(reaction: Reaction): void;
  rename(name: string): void;
  /** What to do about the device that is live in this one's place: `Participant.same_room`. */
  sameRoom(choice: SameRoomChoice): void;
  host(action: HostAction): void;
  /** A request of the lobby, the rules or the tools, as the protocol has it. Without `can.lead` nothing happens. */
  ask(request: PlainRequest): void;

  linkStats(): Promise<LinkStats>;
  /** Every stream sent and received now; rates are since the call before. */
  streamStats(): Promise<StreamStats[]>;

  /** Opens picture-in-picture on a track, or on whoever speaks; from within a click. `undefined` closes it. */
  popOut(what: PopOutWhat | undefined): Promise<PopOutHost>;
  setFullScreen(on: boolean): Promise<void>;
}
