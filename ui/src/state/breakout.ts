// Breakout rooms as the views need them. Pure.

import { MAX_BREAKOUT_ROOMS, MAX_NAME, type Breakout } from "../generated/protocol";
import type { Participant, ParticipantId } from "../port/port";

/** The number of the main room among the others. */
export const MAIN = 0;

/** Those whom one hears and sees: who is in the same room. Everybody, as long as one is not in. */
export function inRoomOf(participants: readonly Participant[], you: ParticipantId | undefined): Participant[] {
  const own = participants.find((p) => p.id === you);
  return own === undefined ? [...participants] : participants.filter((p) => p.room === own.room);
}

export function isOpen(breakout: Breakout | undefined): boolean {
  return breakout?.opened_at !== undefined;
}

/** Names for so many rooms: those there are, and new ones by `name`. */
export function roomNames(before: readonly string[], count: number, name: (n: number) => string): string[] {
  const wanted = Math.min(MAX_BREAKOUT_ROOMS, Math.max(0, Math.floor(count)));
  return Array.from({ length: wanted }, (_, i) => before[i] ?? name(i + 1));
}

/** The list with one room's name changed; undefined where it is none. */
export function renamed(rooms: readonly string[], room: number, name: string): string[] | undefined {
  const trimmed = name.trim();
  if (trimmed === "" || [...trimmed].length > MAX_NAME || trimmed === rooms[room - 1]) return undefined;
  return rooms.map((old, i) => (i === room - 1 ? trimmed : old));
}

/** Who is shown in which room: where they are while rooms are open, else where they are to be. By number; 0 is the main room, or nobody's. */
export function peopleByRoom(participants: readonly Participant[], breakout: Breakout): Map<number, Participant[]> {
  const rooms = new Map<number, Participant[]>([MAIN, ...breakout.rooms.map((_, i) => i + 1)].map((n) => [n, []]));
  for (const p of participants) rooms.get((isOpen(breakout) ? p.room : p.assigned) ?? MAIN)?.push(p);
  return rooms;
}

/** Milliseconds until everybody is brought back; undefined without an end. */
export function timeLeft(breakout: Breakout | undefined, now: number): number | undefined {
  return breakout?.opened_at === undefined || breakout.ends_at === undefined ? undefined : Math.max(0, breakout.ends_at - now);
}
