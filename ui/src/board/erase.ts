// Erasing: which parts of a stroke an eraser touched, and what is left; twin of crates/board/src/erase.rs.
import { NO_PRESSURE, type Point } from "./ink";
import { MAX_SPANS } from "./limits";

/** Parts of a stroke per point. */
export const STEPS = 256;

export type Span = [number, number];

/** Joins sorted spans that touch. */
export function join(spans: readonly (readonly [number, number])[]): Span[] {
  const joined: Span[] = [];
  for (const [from, to] of spans) {
    const last = joined.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

/** The parts of a stroke within `radius` of the eraser's way, as a cut's spans; empty where it missed. All in sixteenths. */
export function touched(points: readonly Point[], eraser: readonly (readonly [number, number])[], radius: number): Span[] {
  const reach = radius * radius;
  const near = (x: number, y: number) => distanceSquared(eraser, x, y) <= reach;
  const [dot] = points;
  if (points.length === 1 && dot) return near(dot.x, dot.y) ? [[0, STEPS]] : [];
  const spans: Span[] = [];
  for (let i = 0; i + 1 < points.length; i++) {
    const a = points[i] as Point;
    const b = points[i + 1] as Point;
    const length = Math.max(Math.abs(b.x - a.x), Math.abs(b.y - a.y));
    // Looked at every quarter of the radius, so that no bridge is left where the eraser went through.
    const looks = Math.min(STEPS, Math.max(1, Math.floor((length * 4) / Math.max(1, radius)) + 1));
    for (let k = 0; k < looks; k++) {
      const t = Math.floor(((2 * k + 1) * STEPS) / (2 * looks));
      const at = (from: number, to: number) => from + Math.trunc(((to - from) * t) / STEPS);
      if (!near(at(a.x, b.x), at(a.y, b.y))) continue;
      spans.push([i * STEPS + Math.floor((k * STEPS) / looks), i * STEPS + Math.floor(((k + 1) * STEPS) / looks)]);
    }
  }
  return fewer(join(spans));
}

/** More pieces than a cut may hold: the smallest gaps are given up. */
function fewer(spans: Span[]): Span[] {
  while (spans.length > MAX_SPANS) {
    let at = 1;
    const gap = (i: number) => (spans[i]?.[0] ?? 0) - (spans[i - 1]?.[1] ?? 0);
    for (let i = 2; i < spans.length; i++) if (gap(i) < gap(at)) at = i;
    const [removed] = spans.splice(at, 1);
    const kept = spans[at - 1];
    if (kept && removed) kept[1] = removed[1];
  }
  return spans;
}

function distanceSquared(way: readonly (readonly [number, number])[], x: number, y: number): number {
  let least = Infinity;
  way.forEach(([ax, ay], i) => {
    least = Math.min(least, (x - ax) ** 2 + (y - ay) ** 2);
    const next = way[i + 1];
    if (!next) return;
    const [ux, uy] = [next[0] - ax, next[1] - ay];
    const length = ux * ux + uy * uy;
    const along = (x - ax) * ux + (y - ay) * uy;
    // Beyond the ends, the ends count.
    if (along > 0 && along < length) least = Math.min(least, Math.trunc(((x - ax) * uy - (y - ay) * ux) ** 2 / length));
  });
  return least;
}

/** The runs of points left between the spans, with points put in where a cut lies between two. */
export function pieces(points: readonly Point[], wiped: readonly Span[]): Point[][] {
  if (wiped.length === 0) return [[...points]];
  const end = (Math.max(points.length, 2) - 1) * STEPS;
  const out: Point[][] = [];
  let from = 0;
  for (const [a, b] of [...wiped, [end, end] as Span]) {
    const to = Math.min(a, end);
    if (to > from) out.push(piece(points, from, to));
    from = Math.max(from, b);
  }
  return out;
}

function piece(points: readonly Point[], from: number, to: number): Point[] {
  const inner = points.slice(Math.floor(from / STEPS) + 1, Math.ceil(to / STEPS));
  return [pointAt(points, from), ...inner, pointAt(points, to)];
}

function pointAt(points: readonly Point[], at: number): Point {
  const i = Math.floor(at / STEPS);
  const t = at % STEPS;
  const a = points[i] ?? points.at(-1) ?? { x: 0, y: 0, pressure: NO_PRESSURE };
  const b = points[i + 1] ?? a;
  const mix = (from: number, to: number) => from + Math.floor(((to - from) * t) / STEPS);
  return { x: mix(a.x, b.x), y: mix(a.y, b.y), pressure: mix(a.pressure, b.pressure) };
}
