// Points and boxes of a board, in sixteenths of a unit. Pure.
import type { Place } from "../../board";

export interface Vec {
  readonly x: number;
  readonly y: number;
}

export interface Box extends Vec {
  readonly width: number;
  readonly height: number;
}

export const middle = (box: Box): Vec => ({ x: box.x + box.width / 2, y: box.y + box.height / 2 });

export function boxOf(points: readonly Vec[]): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y } of points) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x);
    bottom = Math.max(bottom, y);
  }
  return points.length === 0 ? { x: 0, y: 0, width: 0, height: 0 } : { x: left, y: top, width: right - left, height: bottom - top };
}

export const corners = ({ x, y, width, height }: Box): [Vec, Vec, Vec, Vec] => [
  { x, y }, { x: x + width, y }, { x: x + width, y: y + height }, { x, y: y + height },
];

export function union(boxes: Iterable<Box>): Box | undefined {
  const points = [...boxes].flatMap(corners);
  return points.length > 0 ? boxOf(points) : undefined;
}

export const grow = (box: Box, by: number): Box => ({ x: box.x - by, y: box.y - by, width: box.width + 2 * by, height: box.height + 2 * by });

export const meets = (a: Box, b: Box): boolean =>
  a.x <= b.x + b.width && b.x <= a.x + a.width && a.y <= b.y + b.height && b.y <= a.y + a.height;

export const holds = (outer: Box, inner: Box): boolean =>
  inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.width <= outer.x + outer.width && inner.y + inner.height <= outer.y + outer.height;

/** Turned clockwise about `centre`, hundredths of a degree. */
export function turned(p: Vec, centre: Vec, turn: number): Vec {
  if (turn === 0) return p;
  const angle = (turn * Math.PI) / 18_000;
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  const [dx, dy] = [p.x - centre.x, p.y - centre.y];
  return { x: centre.x + dx * cos - dy * sin, y: centre.y + dx * sin + dy * cos };
}

/** The upright box around a place. */
export function aroundPlace(place: Place): Box {
  return place.turn === 0 ? place : boxOf(corners(place).map((p) => turned(p, middle(place), place.turn)));
}

/** How far a point lies from the line between two. */
export function distanceToLine(p: Vec, a: Vec, b: Vec): number {
  const [ux, uy] = [b.x - a.x, b.y - a.y];
  const length = ux * ux + uy * uy;
  const t = length === 0 ? 0 : Math.min(1, Math.max(0, ((p.x - a.x) * ux + (p.y - a.y) * uy) / length));
  return Math.hypot(p.x - a.x - t * ux, p.y - a.y - t * uy);
}

export function inside(p: Vec, polygon: readonly Vec[]): boolean {
  let within = false;
  polygon.forEach((a, i) => {
    const b = polygon[(i + 1) % polygon.length] as Vec;
    if (a.y > p.y !== b.y > p.y && p.x < ((b.x - a.x) * (p.y - a.y)) / (b.y - a.y) + a.x) within = !within;
  });
  return within;
}
