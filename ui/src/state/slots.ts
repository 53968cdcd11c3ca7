// Which receive slot carries which track. A slot is a receiving m-line that the server can point at any track, so a
// track keeps its slot while it is shown, and slots are re-used before new ones are asked for.

import type { Slot, TrackId } from "../port/port";

export interface SlotMids {
  audio: readonly string[];
  video: readonly string[];
}

export interface Wanted {
  /** Pictures and the height in device pixels they are drawn at; 0: kept, but paused. Most important first. */
  video: readonly { track: TrackId; height: number }[];
  /** Sounds to hear. Most important first. */
  audio: readonly TrackId[];
}

export interface SlotPlan {
  slots: Slot[];
  /** Where each track is received now. */
  placed: Map<TrackId, string>;
  /** Slots that are lacking per kind: renegotiate with so many more. */
  missing: { audio: number; video: number };
}

/** Largest height a view can ask for: the field is 16 bits wide, and no layer is taller. */
const MAX_HEIGHT = 4320;

/** Plans all slots anew; `before` (mid to track) keeps tracks where they are. */
export function planSlots(mids: SlotMids, before: ReadonlyMap<string, TrackId>, wanted: Wanted): SlotPlan {
  const heights = new Map(wanted.video.map((w) => [w.track, clampHeight(w.height)]));
  const shown = wanted.video.filter((w) => w.height > 0).map((w) => w.track);
  const paused = wanted.video.filter((w) => w.height <= 0).map((w) => w.track);
  const video = place(mids.video, before, shown, paused);
  const audio = place(mids.audio, before, wanted.audio, []);
  const slots: Slot[] = [];
  for (const [mid, track] of audio.tracks) slots.push(slot(mid, track, 0));
  for (const [mid, track] of video.tracks) slots.push(slot(mid, track, track === undefined ? 0 : (heights.get(track) ?? 0)));
  const placed = new Map<TrackId, string>();
  for (const s of slots) if (s.track !== undefined) placed.set(s.track, s.mid);
  return { slots, placed, missing: { audio: audio.missing, video: video.missing } };
}

/** Whether two views ask for the same. */
export function sameSlots(a: readonly Slot[], b: readonly Slot[]): boolean {
  return a.length === b.length
    && a.every((s, i) => s.mid === b[i]?.mid && s.track === b[i]?.track && s.max_height === b[i]?.max_height);
}

/** How many slots to have for `needed`: steps of four, so that people coming in one by one rarely renegotiate. */
export function slotTarget(needed: number, have: number, max: number): number {
  if (needed <= have) return have;
  return Math.min(max, Math.max(4, Math.ceil(needed / 4) * 4));
}

function place(mids: readonly string[], before: ReadonlyMap<string, TrackId>, must: readonly TrackId[], may: readonly TrackId[]) {
  const tracks = new Map<string, TrackId | undefined>(mids.map((mid) => [mid, undefined]));
  const waiting = new Set(must);
  const keep = new Set(must);
  for (const mid of mids) {
    const track = before.get(mid);
    if (track !== undefined && keep.has(track) && waiting.delete(track)) tracks.set(mid, track);
  }
  // A paused picture keeps its slot as long as nobody who is seen needs it.
  const free = () => mids.filter((mid) => tracks.get(mid) === undefined);
  const spare = new Set(may);
  const untouched = free().filter((mid) => !spare.has(before.get(mid) ?? -1));
  const yielding = free().filter((mid) => spare.has(before.get(mid) ?? -1));
  const open = [...untouched, ...yielding];
  for (const track of [...waiting]) {
    const mid = open.shift();
    if (mid === undefined) break;
    tracks.set(mid, track);
    waiting.delete(track);
  }
  for (const mid of free()) {
    const track = before.get(mid);
    if (track !== undefined && spare.delete(track)) tracks.set(mid, track);
  }
  return { tracks, missing: waiting.size };
}

function slot(mid: string, track: TrackId | undefined, height: number): Slot {
  return track === undefined ? { mid, max_height: 0 } : { mid, track, max_height: height };
}

function clampHeight(height: number): number {
  return Math.min(MAX_HEIGHT, Math.max(0, Math.ceil(height)));
}
