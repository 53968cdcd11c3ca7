// What fields hold; twin of crates/board/src/value.rs. The field tells the type, so values travel without a tag.
import type { Field } from "./field";
import type { ObjectId, Replica } from "./id";
import { checkInk, type Ink } from "./ink";
import { MAX_COORDINATE, MAX_INK, MAX_LAMPORT, MAX_NAME, MAX_POINTS, MAX_SPANS, MAX_TEXT } from "./limits";
import { readOrder, writeOrder, type Order } from "./order";
import { fail, Reader, Writer } from "./wire";

/** A box in sixteenths of a unit, turned clockwise about its middle in hundredths of a degree. */
export interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
  turn: number;
}

/** An end of a connector: a point of the page, or of an object's box (0 to 65 535 across and down; `at` when it is gone). */
export type End = { x: number; y: number } | { object: ObjectId; across: number; down: number; at: readonly [number, number] };

export interface TextStyle {
  /** Sixteenths of a unit; 0 is the default size. */
  size: number;
  /** 0 left, 1 middle, 2 right. */
  align: number;
  /** Bit 0 bold, 1 italic, 2 underlined, 3 struck through, 4 fixed width. */
  flags: number;
}

/** A picture or a page of a PDF stored elsewhere. Media: 0 PNG, 1 JPEG, 2 WebP, 3 PDF, 4 SVG. */
export interface Asset {
  sha256: Uint8Array;
  media: number;
  bytes: number;
  width: number;
  height: number;
  page: number;
}

/** Parts of a stroke's length, in 1/256 of the way from one point to the next; sorted, apart. */
export type Spans = readonly (readonly [number, number])[];

export interface Values {
  alive: boolean;
  parent: ObjectId;
  order: Order;
  place: Place;
  color: number;
  fill: number;
  width: number;
  dash: number;
  text: string;
  textStyle: TextStyle;
  shape: number;
  from: End;
  to: End;
  line: number;
  group: ObjectId | null;
  asset: Asset | null;
  name: string;
  template: number;
  locked: boolean;
  spans: Spans;
  tool: number;
  ink: Ink;
  cleared: number;
}

export type Value = Values[Field];

const DEFAULTS: Partial<Values> = {
  alive: true,
  locked: false,
  color: 0xff,
  width: 32,
  fill: 0,
  dash: 0,
  line: 0,
  template: 0,
  tool: 0,
  text: "",
  name: "",
  textStyle: { size: 0, align: 0, flags: 0 },
  group: null,
  asset: null,
  cleared: 0,
};

/** What a field holds where it was never written; undefined for those an object must be made with. */
export function defaultOf<F extends Field>(field: F): Values[F] | undefined {
  return DEFAULTS[field];
}

const MOST: Partial<Record<Field, number>> = {
  color: 0xffff_ffff,
  fill: 0xffff_ffff,
  width: 16 * 1024,
  dash: 2,
  shape: 9,
  line: 11,
  template: 7,
  tool: 3,
};

export function writeValue<F extends Field>(w: Writer, field: F, value: Values[F], near: Replica): void {
  WRITERS[field](w, value, near);
}

export function readValue<F extends Field>(r: Reader, field: F, near: Replica): Values[F] {
  return READERS[field](r, near);
}

/** Whether a value made here is one the wire can carry. */
export function fits<F extends Field>(field: F, value: Values[F]): boolean {
  const near = { author: 0, session: 0 };
  try {
    const w = new Writer();
    WRITERS[field](w, value, near);
    const bytes = w.bytes();
    const r = new Reader(bytes);
    const again = new Writer();
    WRITERS[field](again, READERS[field](r, near), near);
    r.end();
    const back = again.bytes();
    return back.length === bytes.length && back.every((byte, i) => byte === bytes[i]) && whole(value);
  } catch {
    return false;
  }
}

/** All numbers in it are whole: a fraction would be lost on the way. */
function whole(value: unknown): boolean {
  if (typeof value === "number") return Number.isSafeInteger(value);
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return true;
  return Object.values(value).every(whole);
}

type Write<T> = (w: Writer, value: T, near: Replica) => void;
type Read<T> = (r: Reader, near: Replica) => T;

const writeFlag: Write<boolean> = (w, value) => w.byte(value ? 1 : 0);
const readFlag: Read<boolean> = (r) => r.small(1) === 1;
const writeNumber: Write<number> = (w, value) => w.number(value);
const readNumber = (field: Field): Read<number> => (r) => r.below(MOST[field] ?? 0);
const coordinate = (r: Reader): number => r.within(MAX_COORDINATE);

const WRITERS: { [F in Field]: Write<Values[F]> } = {
  alive: writeFlag,
  locked: writeFlag,
  parent: (w, id, near) => w.object(id, near),
  group: (w, id, near) => {
    w.byte(id === null ? 0 : 1);
    if (id !== null) w.object(id, near);
  },
  order: writeOrder,
  place: (w, place) => {
    for (const value of [place.x, place.y, place.width, place.height]) w.signed(value);
    w.number(place.turn);
  },
  text: (w, text) => w.text(text),
  name: (w, text) => w.text(text),
  textStyle: (w, style) => {
    w.number(style.size);
    w.byte(style.align);
    w.byte(style.flags);
  },
  from: writeEnd,
  to: writeEnd,
  asset: writeAsset,
  spans: writeSpans,
  ink: (w, ink) => w.counted(ink),
  cleared: writeNumber,
  color: writeNumber,
  fill: writeNumber,
  width: writeNumber,
  dash: writeNumber,
  shape: writeNumber,
  line: writeNumber,
  template: writeNumber,
  tool: writeNumber,
};

const READERS: { [F in Field]: Read<Values[F]> } = {
  alive: readFlag,
  locked: readFlag,
  parent: (r, near) => r.object(near),
  group: (r, near) => (readFlag(r, near) ? r.object(near) : null),
  order: readOrder,
  place: (r) => {
    const place = { x: coordinate(r), y: coordinate(r), width: coordinate(r), height: coordinate(r) };
    if (place.width < 0 || place.height < 0) fail("OutOfRange");
    return { ...place, turn: r.below(35_999) };
  },
  text: (r) => r.text(MAX_TEXT),
  name: (r) => r.text(MAX_NAME),
  textStyle: (r) => ({ size: r.below(16 * 1024), align: r.small(2), flags: r.small(31) }),
  from: readEnd,
  to: readEnd,
  asset: readAsset,
  spans: readSpans,
  ink: (r) => {
    const ink = r.counted(MAX_INK).slice();
    checkInk(ink);
    return ink;
  },
  cleared: (r) => r.below(MAX_LAMPORT),
  color: readNumber("color"),
  fill: readNumber("fill"),
  width: readNumber("width"),
  dash: readNumber("dash"),
  shape: readNumber("shape"),
  line: readNumber("line"),
  template: readNumber("template"),
  tool: readNumber("tool"),
};

function writeEnd(w: Writer, end: End, near: Replica): void {
  if (!("object" in end)) {
    w.byte(0);
    w.signed(end.x);
    w.signed(end.y);
    return;
  }
  w.byte(1);
  w.object(end.object, near);
  w.number(end.across);
  w.number(end.down);
  w.signed(end.at[0]);
  w.signed(end.at[1]);
}

function readEnd(r: Reader, near: Replica): End {
  if (r.small(1) === 0) return { x: coordinate(r), y: coordinate(r) };
  return { object: r.object(near), across: r.below(0xffff), down: r.below(0xffff), at: [coordinate(r), coordinate(r)] };
}

function writeAsset(w: Writer, asset: Asset | null): void {
  w.byte(asset ? 1 : 0);
  if (!asset) return;
  w.raw(asset.sha256);
  w.byte(asset.media);
  for (const value of [asset.bytes, asset.width, asset.height, asset.page]) w.number(value);
}

function readAsset(r: Reader): Asset | null {
  if (r.small(1) === 0) return null;
  const sha256 = r.raw(32).slice();
  return { sha256, media: r.small(4), bytes: r.below(0xffff_ffff), width: r.below(2 ** 20), height: r.below(2 ** 20), page: r.below(0xffff) };
}

function writeSpans(w: Writer, spans: Spans): void {
  w.number(spans.length);
  let at = 0;
  for (const [from, to] of spans) {
    if (from < at || to < from) fail("OutOfRange");
    w.number(from - at);
    w.number(to - from);
    at = to;
  }
}

function readSpans(r: Reader): Spans {
  const end = MAX_POINTS * 256;
  const count = r.below(MAX_SPANS);
  const spans: [number, number][] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const from = at + r.below(end);
    const to = from + r.below(end);
    if (to > end || to === from || (i > 0 && from === at)) fail("OutOfRange");
    spans.push([from, to]);
    at = to;
  }
  return spans.length > 0 ? spans : fail("OutOfRange");
}

