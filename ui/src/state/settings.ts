// The settings of this user on this machine: their defaults, and reading them from a store that may hold anything.

import { MAX_NAME } from "../generated/protocol";
import type { Background, Chord, DeviceSet, NoiseSuppression, Settings } from "../port/port";
import { isChord, readShortcuts, DEFAULT_SHORTCUTS, type Shortcuts } from "./shortcuts";

/** Settings with every shortcut in its place. */
export type Prefs = Omit<Settings, "shortcuts"> & {
  shortcuts: Shortcuts;
};

export const BACKGROUNDS = ["none", "light", "strong", "picture"] as const;
export type BackgroundChoice = (typeof BACKGROUNDS)[number];

export const SCALES: readonly number[] = [1, 1.25, 1.5, 1.75, 2];

/** First both devices are off until chosen; everything else is as most people want it. */
export const DEFAULTS: Prefs = {
  name: "",
  microphoneOn: false,
  cameraOn: false,
  deviceSets: [],
  echoCancellation: true,
  noiseSuppression: "standard",
  gainControl: true,
  originalSound: false,
  mirrorSelf: true,
  background: "none",
  backgroundPicture: "",
  dataSaver: false,
  language: "system",
  theme: "system",
  highContrast: false,
  reducedMotion: false,
  scale: 1,
  layout: "grid",
  shortcuts: DEFAULT_SHORTCUTS,
  globalShortcuts: { microphone: null, talk: null, camera: null },
  server: "",
  autostart: false,
  keepAwake: true,
  notifications: true,
};

/** Settings out of storage: whatever is missing, broken or from another version falls back to the default. */
export function readSettings(stored: unknown): Prefs {
  const from = typeof stored === "object" && stored !== null ? (stored as Record<string, unknown>) : {};
  const read: Record<string, unknown> = {};
  for (const [key, normal] of Object.entries(DEFAULTS)) {
    read[key] = typeof from[key] === typeof normal && !Array.isArray(normal) && typeof normal !== "object" ? from[key] : normal;
  }
  const one = <T>(key: string, allowed: readonly T[], normal: T): T => (allowed.includes(from[key] as T) ? (from[key] as T) : normal);
  return {
    ...(read as unknown as Prefs),
    name: text(from["name"]).slice(0, MAX_NAME),
    deviceSets: readSets(from["deviceSets"]),
    noiseSuppression: readNoise(from["noiseSuppression"]),
    background: one("background", BACKGROUNDS, DEFAULTS.background),
    backgroundPicture: readPicture(from["backgroundPicture"]),
    language: one("language", ["system", "en", "zh-CN"], DEFAULTS.language),
    theme: one("theme", ["system", "dark", "light"], DEFAULTS.theme),
    layout: one("layout", ["grid", "speaker"], DEFAULTS.layout),
    scale: one("scale", SCALES, DEFAULTS.scale),
    shortcuts: readShortcuts(from["shortcuts"]),
    globalShortcuts: readGlobal(from["globalShortcuts"]),
  };
}

/** What is chosen, as the port is told it. */
export function backgroundOf({ background, backgroundPicture }: Pick<Prefs, "background" | "backgroundPicture">): Background {
  if (background === "light" || background === "strong") return { kind: "blur", strength: background };
  return background === "picture" && backgroundPicture !== "" ? { kind: "picture", url: backgroundPicture } : { kind: "none" };
}

/** Only what is in the browser itself: nothing is fetched from elsewhere. */
function readPicture(stored: unknown): string {
  return text(stored).startsWith("data:image/") ? text(stored) : "";
}

/** It was once on or off. */
function readNoise(stored: unknown): NoiseSuppression {
  if (typeof stored === "boolean") return stored ? "standard" : "off";
  return stored === "off" || stored === "strong" ? stored : DEFAULTS.noiseSuppression;
}

function readSets(stored: unknown): DeviceSet[] {
  if (!Array.isArray(stored)) return [];
  return stored.flatMap((entry: unknown) => {
    if (typeof entry !== "object" || entry === null || typeof (entry as DeviceSet).key !== "string") return [];
    const set: DeviceSet = { key: (entry as DeviceSet).key };
    for (const kind of ["microphone", "camera", "speaker"] as const) {
      const id = text((entry as DeviceSet)[kind]);
      if (id !== "") set[kind] = id;
    }
    return [set];
  }).slice(0, 16);
}

function readGlobal(stored: unknown): Settings["globalShortcuts"] {
  const from = typeof stored === "object" && stored !== null ? (stored as Record<string, unknown>) : {};
  const chord = (value: unknown): Chord | null => (isChord(value) ? value : null);
  return { microphone: chord(from["microphone"]), talk: chord(from["talk"]), camera: chord(from["camera"]) };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
