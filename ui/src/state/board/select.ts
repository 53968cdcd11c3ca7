// What is selected and what is done to it: groups as one, moving, resizing, aligning, snapping. Pure: gives new places, writes none.
import { MAX_COORDINATE, type ObjectId, type Place } from "../../board";
import { grow, middle, turned, union, type Box, type Vec } from "./geometry";
import { exactBox } from "./hit";
import type { Item, Scene } from "./scene";

/** All of the groups these objects are in; those that are gone left out. */
export function expand(scene: Scene, ids: Iterable<ObjectId>): ObjectId[] {
  const wanted = [...ids].flatMap((id) => scene.item(id) ?? []);
  const groups = new Set(wanted.flatMap((item) => item.group ?? []));
  const own = new Set(wanted.map((item) => item.id));
  return groups.size === 0 ? [...own] : scene.all().filter((item) => own.has(item.id) || (item.group !== null && groups.has(item.group))).map((item) => item.id);
}

export const frameOf = (items: readonly Item[]): Box | undefined => union(items.map((item) => exactBox(item.look)));

/** Where a handle sits: -1 left or top, 0 in the middle, 1 right or bottom. */
export interface Handle {
  readonly h: -1 | 0 | 1;
  readonly v: -1 | 0 | 1;
}

export const HANDLES: readonly Handle[] = [
  { h: -1, v: -1 }, { h: 0, v: -1 }, { h: 1, v: -1 }, { h: 1, v: 0 }, { h: 1, v: 1 }, { h: 0, v: 1 }, { h: -1, v: 1 }, { h: -1, v: 0 },
];

export const handleAt = (frame: Box, { h, v }: Handle): Vec => ({ x: frame.x + (frame.width * (h + 1)) / 2, y: frame.y + (frame.height * (v + 1)) / 2 });

export const handleUnder = (frame: Box, p: Vec, reach: number): Handle | undefined =>
  HANDLES.find((handle) => Math.hypot(handleAt(frame, handle).x - p.x, handleAt(frame, handle).y - p.y) <= reach);

const SMALLEST = 8 * 16;

/** The frame after dragging a handle by so much. `keep`: the sides' ratio stays; `centre`: the middle stays. */
export function resized(frame: Box, { h, v }: Handle, by: Vec, keep: boolean, centre: boolean): Box {
  const both = centre ? 2 : 1;
  let width = Math.max(Math.min(frame.width, SMALLEST), frame.width + h * by.x * both);
  let height = Math.max(Math.min(frame.height, SMALLEST), frame.height + v * by.y * both);
  if (keep && frame.width > 0 && frame.height > 0) {
    const factor = h === 0 ? height / frame.height : v === 0 ? width / frame.width : Math.max(width / frame.width, height / frame.height);
    [width, height] = [frame.width * factor, frame.height * factor];
  }
  const start = (from: number, old: number, size: number, side: number) => (centre || side === 0 ? from + (old - size) / 2 : side < 0 ? from + old - size : from);
  return { x: start(frame.x, frame.width, width, h), y: start(frame.y, frame.height, height, v), width, height };
}

const coordinate = (value: number): number => Math.round(Math.min(MAX_COORDINATE, Math.max(-MAX_COORDINATE, value)));

/** A place as the document wants it: whole numbers within the limits. */
export const wholePlace = (place: Place): Place => ({
  x: coordinate(place.x), y: coordinate(place.y),
  width: Math.max(0, coordinate(place.width)), height: Math.max(0, coordinate(place.height)),
  turn: ((Math.round(place.turn) % 36_000) + 36_000) % 36_000,
});

export const movedPlace = (place: Place, by: Vec): Place => wholePlace({ ...place, x: place.x + by.x, y: place.y + by.y });

/** A place when the frame around it becomes another. A turned object keeps its proportions: its sides are not the frame's. */
export function fitted(place: Place, from: Box, to: Box): Place {
  const [kx, ky] = [from.width > 0 ? to.width / from.width : 1, from.height > 0 ? to.height / from.height : 1];
  if (place.turn % 18_000 === 0) {
    return wholePlace({ x: to.x + (place.x - from.x) * kx, y: to.y + (place.y - from.y) * ky, width: place.width * kx, height: place.height * ky, turn: place.turn });
  }
  const k = Math.sqrt(Math.abs(kx * ky));
  const at = middle(place);
  const [cx, cy] = [to.x + (at.x - from.x) * kx, to.y + (at.y - from.y) * ky];
  return wholePlace({ x: cx - (place.width * k) / 2, y: cy - (place.height * k) / 2, width: place.width * k, height: place.height * k, turn: place.turn });
}

/** A place turned with others about a point, hundredths of a degree. */
export function turnedPlace(place: Place, about: Vec, by: number): Place {
  const at = turned(middle(place), about, by);
  return wholePlace({ ...place, x: at.x - place.width / 2, y: at.y - place.height / 2, turn: place.turn + by });
}

export type Alignment = "left" | "centre" | "right" | "top" | "middle" | "bottom";

/** How far each box moves so that all stand in line. */
export function align(boxes: readonly Box[], how: Alignment): Vec[] {
  const all = union(boxes);
  if (!all) return [];
  return boxes.map((b) => {
    switch (how) {
      case "left": return { x: all.x - b.x, y: 0 };
      case "right": return { x: all.x + all.width - b.x - b.width, y: 0 };
      case "centre": return { x: middle(all).x - middle(b).x, y: 0 };
      case "top": return { x: 0, y: all.y - b.y };
      case "bottom": return { x: 0, y: all.y + all.height - b.y - b.height };
      case "middle": return { x: 0, y: middle(all).y - middle(b).y };
    }
  });
}

/** How far each box moves so that the gaps between them are equal; the outer two stay. */
export function distribute(boxes: readonly Box[], axis: "x" | "y"): Vec[] {
  const side = axis === "x" ? "width" : "height";
  const order = boxes.map((_, i) => i).sort((a, b) => (boxes[a] as Box)[axis] - (boxes[b] as Box)[axis]);
  const out: Vec[] = boxes.map(() => ({ x: 0, y: 0 }));
  if (boxes.length < 3) return out;
  const [first, last] = [boxes[order[0] as number] as Box, boxes[order.at(-1) as number] as Box];
  const room = last[axis] + last[side] - first[axis] - boxes.reduce((sum, b) => sum + b[side], 0);
  let at = first[axis];
  for (const i of order) {
    const box = boxes[i] as Box;
    out[i] = { x: 0, y: 0, [axis]: at - box[axis] };
    at += box[side] + room / (boxes.length - 1);
  }
  return out;
}

export interface Snap {
  readonly by: Vec;
  /** Lines to show, page coordinates. */
  readonly lines: readonly { axis: "x" | "y"; at: number }[];
}

/** Draws a moving frame to the edges and middles of boxes near it, and to a grid where `step` is above 0. */
export function snap(frame: Box, others: readonly Box[], reach: number, step = 0): Snap {
  const [x, y] = [snapAxis(frame, others, "x", "width", reach, step), snapAxis(frame, others, "y", "height", reach, step)];
  return { by: { x: x?.by ?? 0, y: y?.by ?? 0 }, lines: [...(x ? [{ axis: "x" as const, at: x.at }] : []), ...(y ? [{ axis: "y" as const, at: y.at }] : [])] };
}

function snapAxis(frame: Box, others: readonly Box[], axis: "x" | "y", side: "width" | "height", reach: number, step: number): { by: number; at: number } | undefined {
  const stops = (box: Box) => [box[axis], box[axis] + box[side] / 2, box[axis] + box[side]];
  const raster = step > 0 ? [Math.round(frame[axis] / step) * step] : [];
  const targets = [...others.flatMap(stops), ...raster];
  let best: { by: number; at: number } | undefined;
  for (const own of stops(frame)) {
    for (const at of targets) {
      if (Math.abs(at - own) <= reach && (!best || Math.abs(at - own) < Math.abs(best.by))) best = { by: at - own, at };
    }
  }
  return best;
}

/** Boxes a frame may snap to: near it, not of the selection, at most 50. */
export function neighbours(scene: Scene, frame: Box, selected: ReadonlySet<ObjectId>, far: number): Box[] {
  return scene.within(grow(frame, far)).filter((item) => !selected.has(item.id) && item.look.kind !== "stroke").slice(-50).map((item) => exactBox(item.look));
}
