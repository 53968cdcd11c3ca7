// Ink that is shown and not kept: it stays a while after it was drawn, and fades. Pure; milliseconds.
import { extend, FADING, type Ink, type ObjectId, type Point } from "../../board";

/** How long a finished stroke stays as it is, and how long it then takes to be gone. */
export const STAY_MS = 2500;
export const FADE_MS = 1000;
/** A stroke in the making of which nothing was heard for so long is taken as finished. */
export const SILENT_MS = 3000;
/** Finished strokes kept at once; the oldest go first. */
const MOST = 200;

export interface LiveStroke {
  readonly key: number;
  readonly tool: number;
  readonly color: number;
  readonly width: number;
  readonly points: readonly Point[];
}

export interface Drawing {
  key: number;
  tool: number;
  color: number;
  width: number;
  first: number;
  ink: Ink;
}

/** What is shown of a live stroke: 1, and less as it fades. */
export interface Shade {
  readonly stroke: LiveStroke;
  readonly strength: number;
  /** Whose it is while it is drawn. */
  readonly by: string | undefined;
}

interface Finished {
  stroke: LiveStroke;
  at: number;
}

export class LiveInk {
  private readonly making = new Map<string, { stroke: LiveStroke; heard: number }>();
  private finished: Finished[] = [];

  /** Points of somebody's stroke in the making. */
  drawing(who: string, { key, tool, color, width, first, ink }: Drawing, now: number): void {
    const known = this.making.get(who);
    if (known && known.stroke.key !== key) this.end(known.stroke, now);
    const points = known?.stroke.key === key ? [...known.stroke.points] : [];
    extend(points, Math.min(first, points.length), ink);
    this.making.set(who, { stroke: { key, tool, color, width, points }, heard: now });
  }

  /** It became an object, or is complete: ink that fades begins to. */
  drawn(who: string, key: number, object: ObjectId | null, now: number): void {
    const known = this.making.get(who);
    if (known?.stroke.key !== key) return;
    this.making.delete(who);
    if (object === null) this.end(known.stroke, now);
  }

  gone(who: string, now: number): void {
    const known = this.making.get(who);
    this.making.delete(who);
    if (known) this.end(known.stroke, now);
  }

  /** One's own, complete. */
  add(stroke: LiveStroke, now: number): void {
    this.finished = [...this.finished, { stroke, at: now }].slice(-MOST);
  }

  clear(): void {
    this.finished = [];
  }

  /** Everything to be seen now. */
  shades(now: number): Shade[] {
    for (const [who, { heard }] of [...this.making]) if (now - heard > SILENT_MS) this.gone(who, heard + SILENT_MS);
    this.finished = this.finished.filter(({ at }) => now - at < STAY_MS + FADE_MS);
    const fading = this.finished.map(({ stroke, at }): Shade => ({ stroke, strength: strengthAt(now - at), by: undefined }));
    return [...fading, ...[...this.making].map(([by, { stroke }]): Shade => ({ stroke, strength: 1, by }))];
  }

  /** Whether the picture of it changes with time alone. */
  get moves(): boolean {
    return this.finished.length > 0 || this.making.size > 0;
  }

  private end(stroke: LiveStroke, now: number): void {
    if (stroke.tool === FADING) this.add(stroke, now);
  }
}

const strengthAt = (age: number): number => Math.min(1, Math.max(0, (STAY_MS + FADE_MS - age) / FADE_MS));
