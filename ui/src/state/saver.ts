// The data saver: what its choices mean in rates and pictures, and what they cost.

import { MIN_VIEW_BITRATE } from "../generated/protocol";
import type { DataSaverMode, DataSaving } from "../port/port";

export const SAVER_MODES: readonly DataSaverMode[] = ["off", "save", "audio"];

/** Limits a person may set, kbit/s. Below the least, voices would have to break up. */
export const LEAST_KBPS = MIN_VIEW_BITRATE / 1000;
export const MOST_KBPS = 20_000;
/** Offered, kbit/s; 0: no limit. */
export const UP_PRESETS: readonly number[] = [150, 300, 500, 1000, 2000, 0];
export const DOWN_PRESETS: readonly number[] = [200, 500, 1000, 2000, 4000, 0];

/** Faces are asked for no taller than this while data is saved: small ones where they share little. */
const SMALL_FACES = { upTo: 1000, height: 180 };
const FACES_HEIGHT = 360;

export interface SaverPrefs {
  dataSaver: DataSaverMode;
  /** kbit/s; 0: no limit. */
  saverUp: number;
  saverDown: number;
}

/** What the port is told. `src-tauri/src/desks.rs` has the same, for a meeting that begins. */
export function savingOf({ dataSaver, saverUp, saverDown }: SaverPrefs): DataSaving {
  if (dataSaver === "off") return { smallCamera: false };
  return { smallCamera: true, ...(saverUp > 0 && { up: saverUp }), ...(saverDown > 0 && { down: saverDown }) };
}

/** The tallest face to ask for, device pixels. */
export function facesHeight({ dataSaver, saverDown }: SaverPrefs): number {
  if (dataSaver === "off") return Infinity;
  return saverDown > 0 && saverDown <= SMALL_FACES.upTo ? SMALL_FACES.height : FACES_HEIGHT;
}

/**
 * What becomes of the own camera when this is chosen: with sound only it goes off, and what was on before is on again after it.
 * `held`: it was on until only sound was wanted. No word on the camera: it stays as it is.
 */
export function cameraAfter(mode: DataSaverMode, { on, held }: { on: boolean; held: boolean }): { camera?: boolean; held: boolean } {
  if (mode === "audio") return { held: held || on, ...(on && { camera: false }) };
  return { held: false, ...(held && !on && { camera: true }) };
}

/** A limit as typed; undefined: none that can be. */
export function readCap(typed: string): number | undefined {
  const text = typed.trim();
  const kbps = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
  return kbps >= LEAST_KBPS && kbps <= MOST_KBPS ? kbps : undefined;
}

/** A stored limit, or the default in place of nonsense. */
export function keptCap(stored: unknown, normal: number): number {
  const isCap = typeof stored === "number" && Number.isInteger(stored) && (stored === 0 || (stored >= LEAST_KBPS && stored <= MOST_KBPS));
  return isCap ? stored : normal;
}

/** Bytes of an hour at this rate. */
export function hourAt(kbps: number): number {
  return (kbps * 1000 * 3600) / 8;
}

/** "3.4 MB", "210 MB", "1.25 GB": three digits say enough. */
export function bytesText(bytes: number, locale: string): string {
  const mega = bytes / 1e6;
  const [value, unit] = mega >= 999.5 ? [mega / 1000, "gigabyte"] : [mega, "megabyte"];
  const digits = value >= 99.95 ? 0 : value >= 9.995 || unit === "megabyte" ? 1 : 2;
  return new Intl.NumberFormat(locale, { style: "unit", unit, maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value);
}
