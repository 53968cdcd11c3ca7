// Points of a stroke in few bytes; twin of crates/board/src/ink.rs.
import { MAX_COORDINATE, MAX_POINTS } from "./limits";
import { fail, Reader, Writer } from "./wire";

/** A point of a stroke, sixteenths of a unit from the ink's own origin; pressure 0 to 255. */
export interface Point {
  x: number;
  y: number;
  pressure: number;
}

/** Encoded points, known to be well-formed. */
export type Ink = Uint8Array;

/** The pressure of devices that feel none. */
export const NO_PRESSURE = 128;

/** Points as ink; throws without points, with too many, or with whole numbers out of range. */
export function encodeInk(points: readonly Point[]): Ink {
  const w = new Writer();
  const pressure = points.some((p) => p.pressure !== NO_PRESSURE);
  w.number(points.length * 2 + (pressure ? 1 : 0));
  let last: Point = { x: 0, y: 0, pressure: NO_PRESSURE };
  let step = { x: 0, y: 0 };
  points.forEach((p, i) => {
    if (!Number.isInteger(p.x) || !Number.isInteger(p.y) || !Number.isInteger(p.pressure)) fail("OutOfRange");
    const now = { x: p.x - last.x, y: p.y - last.y };
    w.signed(now.x - step.x);
    w.signed(now.y - step.y);
    if (pressure) w.signed(p.pressure - last.pressure);
    // From the origin to the first point is no movement of the hand.
    step = i === 0 ? { x: 0, y: 0 } : now;
    last = p;
  });
  const bytes = w.bytes();
  checkInk(bytes);
  return bytes;
}

/** The points of ink; throws WireError where the bytes are none. */
export function decodeInk(bytes: Uint8Array): Point[] {
  const points: Point[] = [];
  scan(bytes, (x, y, pressure) => points.push({ x, y, pressure }));
  return points;
}

/** Throws WireError where the bytes are no ink; reading a document checks thousands and wants no points yet. */
export function checkInk(bytes: Uint8Array): void {
  scan(bytes, () => undefined);
}

function scan(bytes: Uint8Array, point: (x: number, y: number, pressure: number) => void): void {
  const r = new Reader(bytes);
  const head = r.below(MAX_POINTS * 2 + 1);
  const count = Math.floor(head / 2);
  const pressure = head % 2 === 1;
  if (count === 0 || bytes.length < count * 2) fail("OutOfRange");
  const most = MAX_COORDINATE * 8;
  let x = 0;
  let y = 0;
  let p = NO_PRESSURE;
  let dx = 0;
  let dy = 0;
  let felt = false;
  for (let i = 0; i < count; i++) {
    dx += r.within(most);
    dy += r.within(most);
    x += dx;
    y += dy;
    if (pressure) {
      p += r.within(255);
      felt ||= p !== NO_PRESSURE;
    }
    if (Math.abs(x) > MAX_COORDINATE || Math.abs(y) > MAX_COORDINATE || p < 0 || p > 255) fail("OutOfRange");
    point(x, y, p);
    // From the origin to the first point is no movement of the hand.
    if (i === 0) dx = dy = 0;
  }
  if (pressure && !felt) fail("BadNumber");
  r.end();
}
