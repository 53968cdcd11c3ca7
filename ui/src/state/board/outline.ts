// Ink as smooth paths, in the letters of SVG's `d`, which Path2D reads as well. Ours and not the package perfect-freehand: that
// gives one polygon per stroke however evenly the pen was pressed; here an even line, the common case by far, stays a line that
// the canvas strokes itself in a tenth of the points, and both come to 90 lines without a dependency.
import { NO_PRESSURE, type Point } from "../../board";
import type { Vec } from "./geometry";

/** Half a digit after the point is enough for sixteenths. */
export const num = (value: number): string => String(Math.round(value * 10) / 10);
const at = (p: Vec): string => `${num(p.x)} ${num(p.y)}`;
const between = (a: Vec, b: Vec): Vec => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });

/** A smooth line: curves from the middle of one step to the middle of the next, the points as their handles. */
export function lineThrough(points: readonly Vec[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  if (rest.length === 0) return `M${at(first)}L${num(first.x + 0.1)} ${num(first.y)}`;
  let d = `M${at(first)}`;
  rest.slice(0, -1).forEach((p, i) => (d += `Q${at(p)} ${at(between(p, rest[i + 1] as Vec))}`));
  return `${d}L${at(rest.at(-1) as Vec)}`;
}

export const feelsPressure = (points: readonly Point[]): boolean => points.some((p) => p.pressure !== NO_PRESSURE);

/** Half the line's width at a point, of a line that was pressed unevenly: from a quarter at no pressure to one and a half times at full. */
export function radiusAt(pressure: number, width: number): number {
  return (width / 2) * (0.25 + (1.25 * Math.min(255, pressure)) / 255 + (pressure === NO_PRESSURE ? 0.12 : 0));
}

const circle = (p: Vec, r: number): string => {
  const radius = num(r);
  return `M${num(p.x - r)} ${num(p.y)}a${radius} ${radius} 0 1 1 ${num(2 * r)} 0a${radius} ${radius} 0 1 1 ${num(-2 * r)} 0Z`;
};

interface Rib extends Vec {
  r: number;
  nx: number;
  ny: number;
}

/** Points with the direction across, the pressure evened out over three neighbours; without steps that go nowhere. */
function ribs(points: readonly Point[], width: number): Rib[] {
  const apart = points.filter((p, i) => i === 0 || Math.hypot(p.x - (points[i - 1] as Point).x, p.y - (points[i - 1] as Point).y) >= 1);
  return apart.map((p, i) => {
    const [a, b] = [apart[i - 1] ?? p, apart[i + 1] ?? p];
    const length = Math.hypot(b.x - a.x, b.y - a.y) || 1;
    return { x: p.x, y: p.y, r: radiusAt((a.pressure + p.pressure + b.pressure) / 3, width), nx: -(b.y - a.y) / length, ny: (b.x - a.x) / length };
  });
}

/** Where the way turns back by more than a right angle, the outline would fold: it ends there and begins anew. */
function runs(all: readonly Rib[]): Rib[][] {
  const out: Rib[][] = [[]];
  all.forEach((rib, i) => {
    const [a, b] = [all[i - 1], all[i + 1]];
    out.at(-1)?.push(rib);
    const sharp = a && b && (rib.x - a.x) * (b.x - rib.x) + (rib.y - a.y) * (b.y - rib.y) < 0;
    if (sharp) out.push([rib]);
  });
  return out;
}

function side(run: readonly Rib[], sign: number): string {
  const edge = run.map((p) => ({ x: p.x + sign * p.nx * p.r, y: p.y + sign * p.ny * p.r }));
  const d = lineThrough(edge);
  return d.slice(1);
}

/** The filled shape of ink that was pressed unevenly; to be filled by the nonzero rule. */
export function outlineOf(points: readonly Point[], width: number): string {
  const all = ribs(points, width);
  let d = "";
  for (const run of runs(all)) {
    const [first, last] = [run[0], run.at(-1)];
    if (!first || !last) continue;
    if (run.length > 1) d += `M${side(run, 1)}L${side([...run].reverse(), -1)}Z`;
    d += circle(first, first.r) + (run.length > 1 ? circle(last, last.r) : "");
  }
  return d;
}

/** Drops points a hand did not mean: nearer than `least` to the last one kept, or on the straight way. Ends stay. */
export function thinned(points: readonly Point[], least: number): Point[] {
  const out: Point[] = [];
  points.forEach((p, i) => {
    const last = out.at(-1);
    if (!last || i === points.length - 1 || Math.hypot(p.x - last.x, p.y - last.y) >= least) out.push(p);
  });
  return out;
}

/** The pen's place follows the hand by three fifths of the way at each event: takes out the jitter, lags less than a frame. */
export const follow = (last: Point, hand: Point): Point => ({
  x: Math.round(last.x + (hand.x - last.x) * 0.6),
  y: Math.round(last.y + (hand.y - last.y) * 0.6),
  pressure: Math.round(last.pressure + (hand.pressure - last.pressure) * 0.6),
});
