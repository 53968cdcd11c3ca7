// What lies under the pointer, and what a frame drawn with it catches. Pure; page coordinates.
import { aroundPlace, distanceToLine, grow, holds, inside, meets, middle, turned, type Box, type Vec } from "./geometry";
import type { Look } from "./marks";
import type { Item, Scene } from "./scene";
import { connectorWay, isOpen } from "./shapes";

/** The topmost object within `reach` of a point. Locked ones are passed over: the list of objects reaches them. */
export function hit(scene: Scene, p: Vec, reach: number): Item | undefined {
  const near = scene.within(grow({ ...p, width: 0, height: 0 }, reach));
  return near.reverse().find((item) => !item.locked && touches(item.look, p, reach));
}

/** Objects a frame holds whole; with `partly`, those it touches. Locked ones are left. */
export function caught(scene: Scene, frame: Box, partly = false): Item[] {
  return scene.within(frame).filter((item) => !item.locked && (partly ? meets(frame, item.box) : holds(frame, exactBox(item.look))));
}

export function exactBox(look: Look): Box {
  if (look.kind !== "connector") return aroundPlace(look.place);
  const { from, to } = look;
  return { x: Math.min(from.x, to.x), y: Math.min(from.y, to.y), width: Math.abs(to.x - from.x), height: Math.abs(to.y - from.y) };
}

export function touches(look: Look, point: Vec, reach: number): boolean {
  if (look.kind === "connector") return nearWay(connectorWay(look.from, look.to, (look.line >> 2) & 3), point, reach + look.width / 2);
  const { place } = look;
  const p = turned(point, middle(place), -place.turn);
  switch (look.kind) {
    case "stroke":
      return look.runs.some((run) => nearWay(run, p, reach + look.width / 2));
    case "shape": {
      const { x, y, width, height } = place;
      if (isOpen(look.shape)) {
        const way = look.shape === 7 ? [{ x, y }, { x: x + width, y: y + height }] : [{ x, y: y + height / 2 }, { x: x + width, y: y + height / 2 }];
        return nearWay(way, p, reach + look.width / 2);
      }
      // A shape without a surface is caught by its line or its text only, so that what lies in it can be reached.
      const edge = reach + look.width / 2;
      if (!inShape(look.shape, grow(place, edge), p)) return false;
      return look.fill !== 0 || look.text !== "" || !inShape(look.shape, grow(place, -edge), p);
    }
    default:
      return meets(grow(place, reach), { ...p, width: 0, height: 0 });
  }
}

function nearWay(way: readonly Vec[], p: Vec, reach: number): boolean {
  const [only] = way;
  if (way.length === 1 && only) return Math.hypot(p.x - only.x, p.y - only.y) <= reach;
  return way.some((a, i) => i > 0 && distanceToLine(p, way[i - 1] as Vec, a) <= reach);
}

function inShape(shape: number, { x, y, width, height }: Box, p: Vec): boolean {
  if (width <= 0 || height <= 0) return false;
  const [a, b] = [(p.x - x) / width, (p.y - y) / height];
  if (shape === 2) return (a - 0.5) ** 2 + (b - 0.5) ** 2 <= 0.25;
  if (shape === 3) return Math.abs(a - 0.5) + Math.abs(b - 0.5) <= 0.5;
  if (shape === 4) return inside({ x: a, y: b }, [{ x: 0.5, y: 0 }, { x: 1, y: 1 }, { x: 0, y: 1 }]);
  return a >= 0 && a <= 1 && b >= 0 && b <= 1;
}
