// Keyboard shortcuts as data: what each does, its keys, and whether a key press is one of them.

import type { Chord } from "../port/port";

export type ShortcutAction =
  | "microphone" | "camera" | "share" | "hand" | "people" | "chat" | "talk" | "fullScreen" | "popOut" | "settings" | "nextPage" | "previousPage" | "help";

export type { Chord };
export type Shortcuts = Record<ShortcutAction, Chord>;

const chord = (code: string, mod = false, shift = false): Chord => ({ code, mod, shift, alt: false });

export const DEFAULT_SHORTCUTS: Shortcuts = {
  microphone: chord("KeyD", true),
  camera: chord("KeyE", true),
  share: chord("KeyS", true, true),
  hand: chord("KeyH", true, true),
  people: chord("KeyP", true, true),
  chat: chord("KeyC", true, true),
  talk: chord("Space"),
  fullScreen: chord("KeyF", true, true),
  popOut: chord("KeyU", true, true),
  settings: chord("Comma", true),
  nextPage: chord("PageDown"),
  previousPage: chord("PageUp"),
  help: chord("?"),
};

/** What of a KeyboardEvent is needed here. */
export interface KeyPress {
  code: string;
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
}

/** The action a key press stands for. While `typing`, only chords with a modifier count. */
export function match(press: KeyPress, shortcuts: Shortcuts, typing: boolean): ShortcutAction | undefined {
  for (const [action, wanted] of Object.entries(shortcuts) as [ShortcutAction, Chord][]) {
    if (typing && !wanted.mod && !wanted.alt) continue;
    if (isPressed(press, wanted)) return action;
  }
  return undefined;
}

function isPressed(press: KeyPress, wanted: Chord): boolean {
  const mod = press.ctrlKey || press.metaKey;
  if (wanted.code === "?") return press.key === "?" && !mod && !press.altKey;
  return press.code === wanted.code && mod === wanted.mod && press.shiftKey === wanted.shift && press.altKey === wanted.alt;
}

/** The chord a key press would make, or nothing while only modifiers are down. */
export function chordOf(press: KeyPress): Chord | undefined {
  if (/^(Control|Shift|Alt|Meta|OS)/.test(press.code) || press.code === "" || press.code === "Escape" || press.code === "Tab") return undefined;
  return { code: press.code, mod: press.ctrlKey || press.metaKey, shift: press.shiftKey, alt: press.altKey };
}

/** The action that already has a chord, other than `except`. */
export function takenBy(wanted: Chord, shortcuts: Shortcuts, except: ShortcutAction): ShortcutAction | undefined {
  return (Object.keys(shortcuts) as ShortcutAction[]).find((a) => a !== except && sameChord(shortcuts[a], wanted));
}

export function sameChord(a: Chord, b: Chord): boolean {
  return a.code === b.code && a.mod === b.mod && a.shift === b.shift && a.alt === b.alt;
}

/** Physical keys whose code is not what stands on them. */
const DRAWN: Record<string, string> = {
  Comma: ",", Period: ".", Slash: "/", Semicolon: ";", Quote: "'", BracketLeft: "[", BracketRight: "]", Minus: "-", Equal: "=", Backquote: "`", Backslash: "\\",
  PageDown: "PgDn", PageUp: "PgUp", ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→",
};

/** The keys as drawn: `["Ctrl", "Shift", "S"]`. */
export function keysOf(wanted: Chord, apple: boolean): string[] {
  const key = DRAWN[wanted.code] ?? wanted.code.replace(/^Key|^Digit/, "");
  return [
    ...(wanted.mod ? [apple ? "⌘" : "Ctrl"] : []),
    ...(wanted.alt ? [apple ? "⌥" : "Alt"] : []),
    ...(wanted.shift ? [apple ? "⇧" : "Shift"] : []),
    key,
  ];
}

/** Whether a chord can be used with another window in front without taking a key from its typing. */
export function worksGlobally(wanted: Chord): boolean {
  return wanted.code !== "?" && (wanted.mod || wanted.alt || /^(F\d{1,2}|Pause|ScrollLock|Insert|Media\w+)$/.test(wanted.code));
}

export function isChord(value: unknown): value is Chord {
  if (typeof value !== "object" || value === null) return false;
  const { code, mod, shift, alt } = value as Partial<Chord>;
  return typeof code === "string" && code !== "" && [mod, shift, alt].every((v) => typeof v === "boolean");
}

/** Shortcuts from storage: unknown or broken entries fall back to the defaults. */
export function readShortcuts(stored: unknown): Shortcuts {
  const result: Shortcuts = { ...DEFAULT_SHORTCUTS };
  if (typeof stored !== "object" || stored === null) return result;
  for (const action of Object.keys(result) as ShortcutAction[]) {
    const value = (stored as Record<string, unknown>)[action];
    if (isChord(value)) result[action] = value;
  }
  return result;
}
