// What only the desktop app has: its settings file, windows, recent meetings, support. The shell keeps the same types in
// Rust (src-tauri, generated/app.ts). Settings are the views' own preferences too: a guest keeps the same object in the
// browser's storage, where the entries of the shell have no effect.

import type { Code } from "../generated/protocol";
import type { DataSaverMode, NoiseSuppression, Result } from "./port";

/** A key with its modifiers. `code` is the physical key as in KeyboardEvent.code ("KeyD", "Space"), or "?" by meaning. */
export interface Chord {
  code: string;
  /** Ctrl, or Command on Apple machines. */
  mod: boolean;
  shift: boolean;
  alt: boolean;
}

/** Devices chosen while exactly these were connected. */
export interface DeviceSet {
  /** Made by the views from the ids of the devices that were there; opaque to the shell. */
  key: string;
  /** Ids; absent: the system's default. */
  microphone?: string;
  camera?: string;
  speaker?: string;
}

export interface Settings {
  /** Display name, at most MAX_NAME characters; empty until typed. */
  name: string;
  /** As last time; both false until chosen. */
  microphoneOn: boolean;
  cameraOn: boolean;
  /** Latest first, at most 16. */
  deviceSets: DeviceSet[];
  echoCancellation: boolean;
  noiseSuppression: NoiseSuppression;
  gainControl: boolean;
  /** Nothing is done to the own sound, whatever the three above say. */
  originalSound: boolean;
  /** The own picture as in a mirror; the others see it as it is. */
  mirrorSelf: boolean;
  /** What others see behind this user; where the port can do it. */
  background: "none" | "light" | "strong" | "picture";
  /** A `data:` URL of a JPEG, for the choice "picture"; empty: none was chosen yet. */
  backgroundPicture: string;
  dataSaver: DataSaverMode;
  /** The most to send and to receive while it is on, kbit/s; 0: no limit. */
  saverUp: number;
  saverDown: number;
  language: "system" | "en" | "zh-CN";
  theme: "system" | "dark" | "light";
  highContrast: boolean;
  /** Also without it the system's own wish is followed. */
  reducedMotion: boolean;
  /** Size of everything: 1, 1.25, 1.5, 1.75 or 2. */
  scale: number;
  layout: "grid" | "speaker";
  /** Within a window, by action; kept by the shell as they are. */
  shortcuts: Record<string, Chord>;
  /** With another window in front; null: none. */
  globalShortcuts: { microphone: Chord | null; talk: Chord | null; camera: Chord | null };
  /** From here on only the shell's. Server for new meetings and bare codes, an origin; empty: none. A policy's server wins. */
  server: string;
  autostart: boolean;
  keepAwake: boolean;
  notifications: boolean;
}

export interface AppInfo {
  /** "0.1.0" */
  version: string;
  /** "Linux x86_64, WebKitGTK 2.50" */
  platform: string;
  /** What the operator of this machine has set. `locked`: no other server may be used. */
  policy: { server?: string; locked: boolean };
  /** Commands that work here. */
  diagnostics: boolean;
  updates: boolean;
}

export interface RecentMeeting {
  /** For `forgetRecent`. */
  id: string;
  /** Origin. */
  server: string;
  meeting: string;
  /** Empty: untitled. */
  title: string;
  /** Milliseconds since 1970. */
  lastJoined: number;
}

/** Somebody who is signed in on a server. */
export interface KnownAccount {
  /** Origin. */
  server: string;
  name: string;
  email: string;
}

/** Why the shell did not do something. */
export type AppCode =
  | Code
  | "unreachable"
  /** Neither a link nor a code. */
  | "bad_link"
  /** A code alone, and no server is set. */
  | "no_server"
  /** The policy allows another server only. */
  | "server_not_allowed"
  /** A file could not be read or written. */
  | "file"
  /** The person said no in the browser. */
  | "sign_in_denied"
  /** Nobody came back from the browser in ten minutes. */
  | "sign_in_too_late"
  /** The server calls itself by another address than the settings do. */
  | "other_server"
  | "unavailable";

export type UpdateState = { state: "current" } | { state: "found"; version: string };

export interface AppPort {
  info(): Promise<AppInfo>;
  settings(): Promise<Settings>;
  saveSettings(patch: Partial<Settings>): Promise<Result<void, AppCode>>;
  /** Calls back when another window or the shell changed them; returns how to stop. */
  onSettings(listener: (settings: Settings) => void): () => void;

  /** Latest first. */
  recent(): Promise<RecentMeeting[]>;
  forgetRecent(id: string): Promise<void>;
  /** A link, `confab://…`, or a meeting code with the server of the settings: opens its window, or brings it to the front. */
  openMeeting(text: string): Promise<Result<void, AppCode>>;
  /** Where this user is signed in; one account for each server. */
  accounts(): Promise<KnownAccount[]>;
  /** Opens the sign-in page of the settings' server in the system's browser; the event `account` tells how it went. */
  signIn(): Promise<Result<void, AppCode>>;
  cancelSignIn(): Promise<void>;
  /** Ends the session on a server; here it is forgotten in any case. */
  signOut(server: string): Promise<Result<void, AppCode>>;
  /** Saves a file of the settings' server in the downloads folder; where. `path`: from the server's root. */
  fetchFile(path: string, name: string): Promise<Result<string, AppCode>>;
  /** The same with a text. */
  saveFile(name: string, text: string): Promise<Result<string, AppCode>>;

  /** Shows the home window. */
  openHome(): Promise<void>;
  /** Closes this window. */
  close(): Promise<void>;
  /** An http(s) address, or a page of the settings' server by its path, in the system's browser. */
  openLink(url: string): Promise<void>;

  /** Logs and settings without secrets in one file; its path. */
  saveSupportBundle(): Promise<Result<string, AppCode>>;
  /** Starts the diagnostics window on the running meeting. */
  openDiagnostics(): Promise<Result<void, AppCode>>;
  checkUpdate(): Promise<Result<UpdateState, AppCode>>;
  /** Installs what `checkUpdate` found and starts anew. */
  installUpdate(): Promise<Result<void, AppCode>>;
}
