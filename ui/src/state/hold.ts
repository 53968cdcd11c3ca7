// Who has the large place in the speaker view. A cough or a "yes" does not take it: one has to speak for a moment.

import type { ParticipantId } from "../port/port";

export interface Floor {
  /** Who has the place; keeps it while nobody speaks. */
  speaker?: ParticipantId;
  /** Who is about to take it, and since when, milliseconds. */
  next?: { id: ParticipantId; since: number };
}

/** How long somebody else speaks before the place changes, milliseconds. */
export const HOLD_MS = 1000;

/** The floor after hearing who speaks, loudest first. Called at every change and when `dueAt` has come. */
export function hearSpeakers(floor: Floor, speakers: readonly ParticipantId[], you: ParticipantId | undefined, now: number): Floor {
  const others = speakers.filter((id) => id !== you);
  const loudest = others[0];
  const keep = floor.speaker === undefined ? {} : { speaker: floor.speaker };
  if (loudest === undefined || loudest === floor.speaker) return keep;
  if (floor.speaker === undefined) return { speaker: loudest };
  if (floor.next?.id !== loudest) return { ...keep, next: { id: loudest, since: now } };
  return now - floor.next.since >= HOLD_MS ? { speaker: loudest } : floor;
}

/** When to look again though nothing changes. */
export function dueAt(floor: Floor): number | undefined {
  return floor.next === undefined ? undefined : floor.next.since + HOLD_MS;
}
