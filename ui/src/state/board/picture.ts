// Where a shared picture lies in its view, and the coordinates of the board over it: shares of the picture's width and height, so that
// a stroke lies on the same spot whatever size, shape or resolution a viewer has it in. Pure.
import { distanceToLine, type Box, type Vec } from "./geometry";
import type { Look } from "./marks";

/** Width and height of any picture in the coordinates of its board: nearly square steps at 16:9. As in crates/board (`SCREEN_PAGE`). */
export const PAGE = { width: 16_384, height: 9_216 } as const;

export interface Size {
  readonly width: number;
  readonly height: number;
}

export type StrokeLook = Extract<Look, { kind: "stroke" }>;

/** The part of a view that a picture takes which is shown whole, in the middle (`object-fit: contain`); undefined: there is none. */
export function pictureIn(view: Size, picture: Size): Box | undefined {
  if (!(view.width > 0 && view.height > 0 && picture.width > 0 && picture.height > 0)) return undefined;
  const k = Math.min(view.width / picture.width, view.height / picture.height);
  const [width, height] = [picture.width * k, picture.height * k];
  return { x: (view.width - width) / 2, y: (view.height - height) / 2, width, height };
}

const within = (value: number, most: number) => Math.min(most, Math.max(0, value));

/** From pixels of the view to the board. Beside the picture there is nothing to draw on: its edge is taken. */
export function toBoard(box: Box, p: Vec): Vec {
  return {
    x: Math.round(within((p.x - box.x) / box.width, 1) * PAGE.width),
    y: Math.round(within((p.y - box.y) / box.height, 1) * PAGE.height),
  };
}

/** From the board to pixels of the view, or to whatever `box` is counted in. */
export function onPicture(box: Box, p: Vec): Vec {
  return { x: box.x + (p.x / PAGE.width) * box.width, y: box.y + (p.y / PAGE.height) * box.height };
}

/** How long a length of the board is: by the width alone, so that a line is as thick in all directions. */
export const lengthIn = (box: Box, length: number): number => (length / PAGE.width) * box.width;

/** The stroke as it lies on the picture. */
export function placed(look: StrokeLook, box: Box): StrokeLook {
  const runs = look.runs.map((run) => run.map((p) => ({ ...onPicture(box, p), pressure: p.pressure })));
  return { ...look, runs, width: lengthIn(box, look.width), place: { x: 0, y: 0, width: 0, height: 0, turn: 0 } };
}

/** Whether the way from a to b comes within `reach` of the line from c to d. */
function comesNear(a: Vec, b: Vec, c: Vec, d: Vec, reach: number): boolean {
  const side = (p: Vec, q: Vec, r: Vec) => Math.sign((q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x));
  if (side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0) return true;
  return Math.min(distanceToLine(c, a, b), distanceToLine(d, a, b), distanceToLine(a, c, d), distanceToLine(b, c, d)) <= reach;
}

/** Whether an eraser's way touches a stroke, however far apart the stroke's points lie. */
export function touches(look: StrokeLook, from: Vec, to: Vec, radius: number): boolean {
  const reach = radius + look.width / 2;
  return look.runs.some((run) => run.some((p, i) => comesNear(from, to, run[Math.max(0, i - 1)] as Vec, p, reach)));
}
