// What is drawn on one's own shared screen, as lines for the real one: told to whoever draws there as what changed at the end of a
// list, one message at a time, so that a slow screen leaves moments out and none behind. Pure.
import type { Point } from "../../board";
import type { DrawnStroke } from "../../generated/desk";
import type { LiveStroke, Shade } from "./fading";
import { feelsPressure, radiusAt } from "./outline";
import { PAGE, type StrokeLook } from "./picture";

/** Ink that fades gets thinner this often, milliseconds. */
const STEP_MS = 50;
const HIGHLIGHTER = 2;

/** What is there to be seen. */
export interface Ink {
  strokes(): readonly StrokeLook[];
  readonly live: { shades(now: number): Shade[]; readonly moves: boolean };
  making(): LiveStroke | undefined;
}

export type DrawOver = (keep: number, strokes: DrawnStroke[]) => Promise<boolean>;

const share = (value: number) => Math.round(value * 1e5) / 1e5;

function drawn(points: readonly Point[], color: number, width: number, hatched: boolean, strength = 1): DrawnStroke {
  const pressed = !hatched && feelsPressure(points);
  const flat = points.flatMap((p) => [share(p.x / PAGE.width), share(p.y / PAGE.height), pressed ? share(radiusAt(p.pressure, 2)) : 1]);
  return { color: color >>> 8, width: share((width / PAGE.width) * strength), hatched, points: flat };
}

const kept = new WeakMap<StrokeLook, DrawnStroke[]>();

function finished(look: StrokeLook): DrawnStroke[] {
  const known = kept.get(look);
  if (known) return known;
  const fresh = look.runs.map((run) => drawn(run, look.color, look.width, look.tool === HIGHLIGHTER));
  kept.set(look, fresh);
  return fresh;
}

const making = ({ points, color, width, tool }: LiveStroke, strength: number): DrawnStroke =>
  drawn(points, color, width, tool === HIGHLIGHTER, strength);

/** Everything that is seen now, lowest first. The real screen has no half transparency: ink that fades gets thinner. */
export function linesOf(ink: Ink, now: number): DrawnStroke[] {
  const own = ink.making();
  return [
    ...ink.strokes().flatMap(finished),
    ...ink.live.shades(now).map(({ stroke, strength }) => making(stroke, strength)),
    ...(own ? [making(own, 1)] : []),
  ];
}

const same = (a: DrawnStroke, b: DrawnStroke): boolean =>
  a === b ||
  (a.color === b.color && a.width === b.width && a.hatched === b.hatched && a.points.length === b.points.length && a.points.every((v, i) => v === b.points[i]));

export class OverScreen {
  /** Nothing yet, or not taken: the next message has all, and takes away what a page before this one left. */
  #told: readonly DrawnStroke[] | undefined;
  #busy = false;
  #again = false;
  #closed = false;
  #timed = false;
  /** Ink that fades was among what was seen last: others who look at it may find it gone before it is taken away here. */
  #fades = false;

  constructor(
    private readonly ink: Ink,
    private readonly draw: DrawOver,
    private readonly after: (ms: number, call: () => void) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Something may be to be seen that was not, or no more. */
  changed(): void {
    if (this.#busy) this.#again = true;
    else void this.#tell();
  }

  /** Takes all of it away. */
  close(): void {
    this.#closed = true;
    this.changed();
  }

  async #tell(): Promise<void> {
    this.#busy = true;
    do {
      this.#again = false;
      const now = this.now();
      const lines = this.#closed ? [] : linesOf(this.ink, now);
      this.#fades = this.ink.live.shades(now).length > 0;
      const told = this.#told ?? [];
      let keep = 0;
      while (keep < lines.length && keep < told.length && same(lines[keep] as DrawnStroke, told[keep] as DrawnStroke)) keep += 1;
      if (this.#told && keep === lines.length && keep === told.length) continue;
      this.#told = (await this.draw(keep, lines.slice(keep))) ? lines : undefined;
    } while (this.#again);
    this.#busy = false;
    if (this.#closed || this.#timed || !(this.ink.live.moves || this.#fades)) return;
    this.#timed = true;
    this.after(STEP_MS, () => {
      this.#timed = false;
      this.changed();
    });
  }
}
