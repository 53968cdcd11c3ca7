// What is shown and not kept: cursors, laser, strokes in the making; twin of crates/board/src/presence.rs.
import type { ObjectId, Replica } from "./id";
import { checkInk, decodeInk, type Ink, type Point } from "./ink";
import { MAX_COORDINATE, MAX_INK, MAX_POINTS, MAX_PRESENCE, MAX_SELECTION } from "./limits";
import { fail, Reader, Writer } from "./wire";

/** Something a person shows. Coordinates are sixteenths of a unit of the page. */
export type Presence =
  | { is: "gone" }
  | { is: "cursor"; page: ObjectId; x: number; y: number }
  | { is: "laser"; page: ObjectId; ink: Ink }
  | { is: "drawing"; key: number; page: ObjectId; tool: number; color: number; width: number; first: number; ink: Ink }
  | { is: "drawn"; key: number; object: ObjectId | null }
  | { is: "selection"; objects: readonly ObjectId[] }
  | { is: "typing"; object: ObjectId }
  | { is: "view"; page: ObjectId; x: number; y: number; zoom: number };

/** A presence message and whose it is, as the server sends it on. */
export interface Shown {
  replica: Replica;
  presence: Presence;
}

/** The tool of ink in the making that becomes no object, but fades. */
export const FADING = 4;

/** References are near the server's number, in full: presence has no writer in its bytes. */
const NEAR = { author: 0, session: 0 };

export function presenceBytes(presence: Presence): Uint8Array<ArrayBuffer> {
  const w = new Writer();
  write(w, presence);
  return w.bytes();
}

/** Reads one message; throws WireError. */
export function readPresence(bytes: Uint8Array): Presence {
  if (bytes.length > MAX_PRESENCE) fail("OutOfRange");
  const r = new Reader(bytes);
  const presence = read(r);
  r.end();
  return presence;
}

/** Reads what the server sends on: the sender, then the message. */
export function readShown(bytes: Uint8Array): Shown {
  if (bytes.length > MAX_PRESENCE + 16) fail("OutOfRange");
  const r = new Reader(bytes);
  const shown = { replica: r.replica(), presence: read(r) };
  r.end();
  return shown;
}

/** Points of a stroke in the making, by their number: a lost message leaves a straight line and not a wrong stroke. */
export function extend(points: Point[], first: number, ink: Ink): void {
  points.splice(first);
  points.push(...decodeInk(ink));
}

function write(w: Writer, presence: Presence): void {
  switch (presence.is) {
    case "gone":
      return w.byte(0);
    case "cursor":
      w.byte(1);
      w.object(presence.page, NEAR);
      w.signed(presence.x);
      return w.signed(presence.y);
    case "laser":
      w.byte(2);
      w.object(presence.page, NEAR);
      return w.counted(presence.ink);
    case "drawing":
      w.byte(3);
      w.number(presence.key);
      w.object(presence.page, NEAR);
      w.byte(presence.tool);
      for (const value of [presence.color, presence.width, presence.first]) w.number(value);
      return w.counted(presence.ink);
    case "drawn":
      w.byte(4);
      w.number(presence.key);
      w.byte(presence.object === null ? 0 : 1);
      if (presence.object !== null) w.object(presence.object, NEAR);
      return;
    case "selection":
      w.byte(5);
      w.number(presence.objects.length);
      for (const id of presence.objects) w.object(id, NEAR);
      return;
    case "typing":
      w.byte(6);
      return w.object(presence.object, NEAR);
    case "view":
      w.byte(7);
      w.object(presence.page, NEAR);
      w.signed(presence.x);
      w.signed(presence.y);
      w.number(presence.zoom);
  }
}

function read(r: Reader): Presence {
  const coordinate = () => r.within(MAX_COORDINATE);
  switch (r.byte()) {
    case 0:
      return { is: "gone" };
    case 1:
      return { is: "cursor", page: r.object(NEAR), x: coordinate(), y: coordinate() };
    case 2:
      return { is: "laser", page: r.object(NEAR), ink: ink(r) };
    case 3:
      return readDrawing(r);
    case 4:
      return { is: "drawn", key: r.below(0xffff_ffff), object: r.small(1) === 1 ? r.object(NEAR) : null };
    case 5: {
      const objects: ObjectId[] = [];
      for (let count = r.below(MAX_SELECTION); count > 0; count--) objects.push(r.object(NEAR));
      return { is: "selection", objects };
    }
    case 6:
      return { is: "typing", object: r.object(NEAR) };
    case 7:
      return { is: "view", page: r.object(NEAR), x: coordinate(), y: coordinate(), zoom: r.below(1_000_000) };
    default:
      return fail("Unknown");
  }
}

function readDrawing(r: Reader): Presence {
  const key = r.below(0xffff_ffff);
  const page = r.object(NEAR);
  const tool = r.below(FADING);
  const color = r.below(0xffff_ffff);
  const width = r.below(16 * 1024);
  const first = r.below(MAX_POINTS);
  return { is: "drawing", key, page, tool, color, width, first, ink: ink(r) };
}

function ink(r: Reader): Ink {
  const bytes = r.counted(MAX_INK).slice();
  checkInk(bytes);
  return bytes;
}
