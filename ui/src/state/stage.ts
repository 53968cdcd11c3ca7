// Who stands where on the stage. Order is stable: nobody moves because somebody speaks.

import type { Participant, ParticipantId, Source, Track, TrackId } from "../port/port";

export type LayoutMode = "grid" | "speaker";

/** One tile: a person's camera (or avatar), or a screen somebody shares. */
export interface TileRef {
  key: string;
  participant: ParticipantId;
  source: "camera" | "screen";
  /** The picture to show; absent: no picture now. */
  track?: TrackId;
  /** Holds the place in the strip of somebody who is shown large, so that the strip keeps still. */
  standIn?: boolean;
}

export type StagePlan =
  | { kind: "grid"; tiles: TileRef[] }
  | { kind: "focus"; main: TileRef; strip: TileRef[] }
  /** Several whom a host put before everyone. */
  | { kind: "lit"; tiles: TileRef[]; strip: TileRef[] };

export interface StageInput {
  /** In order of joining. */
  participants: readonly Participant[];
  you?: ParticipantId;
  layout: LayoutMode;
  /** Key of the tile the viewer pinned. */
  pinned?: string;
  /** Whom a host put before everyone. */
  spotlights?: readonly ParticipantId[];
  /** Who sits first, as a host ordered it for all; empty: oneself first, then as they came. */
  seats?: readonly ParticipantId[];
  /** Who spoke last, other than the viewer. */
  speaker?: ParticipantId;
}

/**
 * A pin comes first, then a shared screen, then the spotlight, then the chosen layout. Alone, one has the stage; whoever is
 * alone in the spotlight sees what they would see without it.
 */
export function planStage(input: StageInput): StagePlan {
  const people = orderPeople(input.participants, input.you, input.seats);
  const cameras = people.map(cameraTile);
  const screens = people.flatMap((p) => screenTile(p, input.you));
  const tiles = [...screens, ...cameras];
  const lit = (input.spotlights ?? []).flatMap((who) => cameras.find((t) => t.participant === who) ?? []);
  const first = tiles.find((t) => t.key === input.pinned) ?? screens[screens.length - 1];
  if (first === undefined && lit.length > 1) return { kind: "lit", tiles: lit, strip: tiles.filter((t) => !lit.includes(t)) };
  const chosen = first ?? lit.find((t) => t.participant !== input.you);
  const bySpeech = chosen === undefined && input.layout === "speaker" && cameras.length > 1;
  const main = bySpeech ? speakerTile(cameras, input) : chosen;
  if (main === undefined || tiles.length < 2) return { kind: "grid", tiles };
  // Whoever speaks comes and goes: the strip keeps their place. Of two people only one can ever be the speaker.
  const strip = bySpeech && cameras.length > 2
    ? tiles.map((t) => (t.key === main.key ? { key: t.key, participant: t.participant, source: t.source, standIn: true } : t))
    : tiles.filter((t) => t.key !== main.key);
  return { kind: "focus", main, strip };
}

/** The viewer first, then the others as they came. */
export function orderPeople(participants: readonly Participant[], you?: ParticipantId, seats: readonly ParticipantId[] = []): Participant[] {
  const seat = (p: Participant) => (seats.includes(p.id) ? seats.indexOf(p.id) : seats.length);
  const own = (p: Participant) => (seats.length === 0 ? Number(p.id === you) : 0);
  return [...participants].sort((a, b) => own(b) - own(a) || seat(a) - seat(b) || a.joined_at - b.joined_at || a.id - b.id);
}

export function trackOf(participant: Participant, source: Source): Track | undefined {
  return participant.tracks.find((t) => t.source === source);
}

export function isMuted(participant: Participant, source: Source): boolean {
  return participant.muted.includes(source) || trackOf(participant, source) === undefined;
}

function cameraTile(p: Participant): TileRef {
  const track = isMuted(p, "camera") ? undefined : trackOf(p, "camera")?.id;
  return { key: `camera-${p.id}`, participant: p.id, source: "camera", ...(track !== undefined && { track }) };
}

/** One's own shared screen is not shown to oneself: it would be a hall of mirrors. */
function screenTile(p: Participant, you: ParticipantId | undefined): TileRef[] {
  const track = trackOf(p, "screen");
  if (track === undefined || p.id === you || p.muted.includes("screen")) return [];
  return [{ key: `screen-${p.id}`, participant: p.id, source: "screen", track: track.id }];
}

function speakerTile(cameras: TileRef[], input: StageInput): TileRef | undefined {
  const others = cameras.filter((t) => t.participant !== input.you);
  return others.find((t) => t.participant === input.speaker) ?? others[0];
}

/** Raised hands with their place in the queue, first raised first. */
export function handOrder(participants: readonly Participant[]): Map<ParticipantId, number> {
  const up = participants.filter((p) => p.hand !== undefined).sort((a, b) => (a.hand ?? 0) - (b.hand ?? 0) || a.id - b.id);
  return new Map(up.map((p, i) => [p.id, i + 1]));
}
