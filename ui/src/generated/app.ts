// Made by `cargo xtask generate` from src-tauri/src/ipc.rs. Do not edit.
import type { Code, CreateMeeting, MeetingCreated } from "./protocol";

export type Chord = { 
/**
 * The physical key as in KeyboardEvent.code ("KeyD", "Space"), or "?" by meaning.
 */
code: string, 
/**
 * Ctrl, or Command on Apple machines.
 */
mod: boolean, shift: boolean, alt: boolean, };

export type DeviceSet = { 
/**
 * Made by the views; opaque here.
 */
key: string, 
/**
 * Ids; absent: the system's default.
 */
microphone?: string, camera?: string, speaker?: string, };

export type Language = "system" | "en" | "zh-CN";

export type Theme = "system" | "dark" | "light";

export type BackgroundChoice = "none" | "light" | "strong" | "picture";

export type Layout = "grid" | "speaker";

export type DataSaver = "off" | "save" | "audio";

export type NoiseSuppression = "off" | "standard" | "strong";

export type GlobalShortcuts = { microphone: Chord | null, talk: Chord | null, camera: Chord | null, };

export type Settings = { 
/**
 * Display name; empty until typed.
 */
name: string, 
/**
 * As last time.
 */
microphoneOn: boolean, cameraOn: boolean, 
/**
 * Latest first.
 */
deviceSets: Array<DeviceSet>, echoCancellation: boolean, noiseSuppression: NoiseSuppression, gainControl: boolean, 
/**
 * Nothing is done to the own sound, whatever the three above say.
 */
originalSound: boolean, mirrorSelf: boolean, 
/**
 * What others see behind this user.
 */
background: BackgroundChoice, 
/**
 * A `data:` URL, for the choice `picture`; empty: none was chosen yet.
 */
backgroundPicture: string, dataSaver: DataSaver, 
/**
 * The most to send and to receive while it is on, kbit/s, 100 to 20000; 0: no limit.
 */
saverUp: number, saverDown: number, language: Language, theme: Theme, highContrast: boolean, reducedMotion: boolean, 
/**
 * 1, 1.25, 1.5, 1.75 or 2.
 */
scale: number, layout: Layout, 
/**
 * Within a window, by action; the views'.
 */
shortcuts: { [key in string]: Chord }, globalShortcuts: GlobalShortcuts, 
/**
 * Origin for new meetings and bare codes; empty: none. A policy's server wins.
 */
server: string, autostart: boolean, keepAwake: boolean, notifications: boolean, };

export type PolicyInfo = { 
/**
 * Origin.
 */
server?: string, 
/**
 * No other server may be used.
 */
locked: boolean, };

export type AppInfo = { 
/**
 * `0.1.0`
 */
version: string, 
/**
 * `Linux x86_64, WebKitGTK 2.50.6`
 */
platform: string, policy: PolicyInfo, 
/**
 * Whether `open_diagnostics` can work here.
 */
diagnostics: boolean, 
/**
 * Whether `check_update` can work here.
 */
updates: boolean, };

export type RecentMeeting = { id: string, 
/**
 * Origin.
 */
server: string, meeting: string, 
/**
 * Empty: untitled.
 */
title: string, 
/**
 * Milliseconds since 1970.
 */
lastJoined: number, };

export type SpeakerWord = "speaker";

export type PopOutWhat = number | SpeakerWord;

export type ServerRequest = { 
/**
 * In capitals.
 */
method: string, 
/**
 * Below `/api/v1`, with its query.
 */
path: string, 
/**
 * `If-Match`.
 */
seen?: string, 
/**
 * JSON.
 */
body?: string, };

export type KnownAccount = { 
/**
 * Origin.
 */
server: string, name: string, email: string, };

export type Place = { "kind": "home", 
/**
 * A link from outside led nowhere; told once.
 */
refused?: AppCode, } | { "kind": "meeting", meeting: string, 
/**
 * Origin.
 */
server: string, 
/**
 * The link has the host's key; the key itself stays in the shell.
 */
host: boolean, 
/**
 * Nothing was ever sent to this server.
 */
unknownServer: boolean, 
/**
 * What is in the small window beside this one, if there is one.
 */
poppedOut?: PopOutWhat, } | { "kind": "pop_out", meeting: string, server: string, what: PopOutWhat, } | { "kind": "share_bar", meeting: string, server: string, };

export type ShellCode = "unreachable" | "bad_link" | "no_server" | "server_not_allowed" | "file" | "sign_in_denied" | "sign_in_too_late" | "other_server" | "unavailable";

export type AppCode = ShellCode | Code;

export type UpdateState = { "state": "current" } | { "state": "found", version: string, };

export type PopOutHost = "apart";

export type GlobalAction = "microphone" | "camera";

export type AppCommand = { "type": "info" } | { "type": "place" } | { "type": "settings" } | { "type": "save_settings", patch: Partial<Settings>, } | { "type": "recent" } | { "type": "forget_recent", id: string, } | { "type": "open_meeting", text: string, } | { "type": "create_meeting", request: CreateMeeting, } | { "type": "accounts" } | { "type": "sign_in" } | { "type": "cancel_sign_in" } | { "type": "sign_out", server?: string, } | { "type": "ask_server", request: ServerRequest, } | { "type": "fetch_file", 
/**
 * From the server's root.
 */
path: string, name: string, } | { "type": "save_file", name: string, text: string, } | { "type": "open_home" } | { "type": "close" } | { "type": "open_link", url: string, } | { "type": "full_screen", on: boolean, } | { "type": "draw_rate", fps: number, } | { "type": "pop_out", what?: PopOutWhat, } | { "type": "support_bundle" } | { "type": "open_diagnostics" } | { "type": "check_update" } | { "type": "install_update" };

export type AppReply = { "type": "done" } | { "type": "accounts", accounts: Array<KnownAccount>, } | { "type": "said", 
/**
 * Of HTTP.
 */
status: number, 
/**
 * Seconds until another try.
 */
retryAfter?: number, body: string, } | { "type": "failed", code: AppCode, } | { "type": "info", info: AppInfo, } | { "type": "place", place: Place, } | { "type": "settings", settings: Settings, } | { "type": "recent", meetings: Array<RecentMeeting>, } | { "type": "created", created: MeetingCreated, } | { "type": "file", path: string, } | { "type": "update", update: UpdateState, } | { "type": "pop_out", host: PopOutHost, };

export type AppEvent = { "type": "settings", settings: Settings, } | { "type": "shortcut", action: GlobalAction, } | { "type": "full_screen", on: boolean, } | { "type": "place", place: Place, } | { "type": "pop_out_closed" } | { "type": "account", problem?: AppCode, } | { "type": "link_refused", code: AppCode, };
