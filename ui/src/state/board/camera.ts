// Where one looks at a board: pan and zoom without edges, by wheel, fingers and keys. Pure. Page coordinates are sixteenths of a
// unit, screen coordinates CSS pixels from the canvas's upper left corner; a unit is a pixel at 100 %.
import { MAX_COORDINATE } from "../../board";
import { middle, type Box, type Vec } from "./geometry";

/** Sixteenths per unit. */
export const UNIT = 16;
export const MIN_ZOOM = 0.05;
export const MAX_ZOOM = 16;
const FIT_MARGIN = 48;
/** CSS pixels below that the tools lie over. */
const FIT_BAR = 56;

/** The page point in the middle of the view, and how large a unit is, pixels. */
export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

export interface View {
  readonly width: number;
  readonly height: number;
}

export const HOME: Camera = { x: 0, y: 0, zoom: 1 };

const clamp = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));

/** Within the limits; what is no number becomes the start. */
export function limited({ x, y, zoom }: Camera): Camera {
  const at = (value: number) => (Number.isFinite(value) ? clamp(value, -MAX_COORDINATE, MAX_COORDINATE) : 0);
  return { x: at(x), y: at(y), zoom: Number.isFinite(zoom) ? clamp(zoom, MIN_ZOOM, MAX_ZOOM) : 1 };
}

/** Pixels per sixteenth. */
export const scaleOf = (camera: Camera): number => camera.zoom / UNIT;

export function toScreen(camera: Camera, view: View, p: Vec): Vec {
  const k = scaleOf(camera);
  return { x: (p.x - camera.x) * k + view.width / 2, y: (p.y - camera.y) * k + view.height / 2 };
}

export function toPage(camera: Camera, view: View, p: Vec): Vec {
  const k = scaleOf(camera);
  return { x: (p.x - view.width / 2) / k + camera.x, y: (p.y - view.height / 2) / k + camera.y };
}

/** Moves what is seen by so many pixels. */
export function pan(camera: Camera, dx: number, dy: number): Camera {
  const k = scaleOf(camera);
  return limited({ ...camera, x: camera.x - dx / k, y: camera.y - dy / k });
}

/** Zooms so that the page point under `at` stays there. */
export function zoomAt(camera: Camera, view: View, at: Vec, factor: number): Camera {
  const under = toPage(camera, view, at);
  const zoom = limited({ ...camera, zoom: camera.zoom * factor }).zoom;
  const k = zoom / UNIT;
  return limited({ x: under.x - (at.x - view.width / 2) / k, y: under.y - (at.y - view.height / 2) / k, zoom });
}

/** What of a WheelEvent is needed. `deltaMode` 1 counts lines, 2 pages. */
export interface Wheel {
  deltaX: number;
  deltaY: number;
  deltaMode: number;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
}

/** A wheel pans; with Ctrl or ⌘, which is also how browsers tell of a pinched touchpad, it zooms. */
export function wheel(camera: Camera, view: View, at: Vec, event: Wheel): Camera {
  const step = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? view.height : 1;
  const [dx, dy] = [event.deltaX * step, event.deltaY * step];
  if (event.ctrlKey || event.metaKey) return zoomAt(camera, view, at, Math.exp(-clamp(dy, -120, 120) / 200));
  return event.shiftKey && dx === 0 ? pan(camera, -dy, 0) : pan(camera, -dx, -dy);
}

/** Two fingers went from `before` to `now`: their middle drags the page, their distance zooms it. */
export function pinch(camera: Camera, view: View, before: readonly [Vec, Vec], now: readonly [Vec, Vec]): Camera {
  const centre = ([a, b]: readonly [Vec, Vec]) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
  const apart = ([a, b]: readonly [Vec, Vec]) => Math.max(1, Math.hypot(a.x - b.x, a.y - b.y));
  const [from, to] = [centre(before), centre(now)];
  return zoomAt(pan(camera, to.x - from.x, to.y - from.y), view, to, apart(now) / apart(before));
}

/** The page's part that is seen. */
export function seen(camera: Camera, view: View): Box {
  const at = toPage(camera, view, { x: 0, y: 0 });
  const k = scaleOf(camera);
  return { x: at.x, y: at.y, width: view.width / k, height: view.height / k };
}

/** Shows all of a box, at no more than 100 %; of nothing, the start. */
export function fit(box: Box | undefined, view: View): Camera {
  if (!box) return HOME;
  const room = (size: number) => Math.max(1, size - 2 * FIT_MARGIN) * UNIT;
  const zoom = Math.min(1, room(view.width) / Math.max(1, box.width), room(view.height - FIT_BAR) / Math.max(1, box.height));
  const { x, y } = middle(box);
  return limited({ x, y: y + (FIT_BAR / 2) * (UNIT / zoom), zoom });
}
