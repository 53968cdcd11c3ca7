// What tools and buttons write into the document: each function one change, so each one step of the undo. Rights are asked first, as
// the server will: what may not be done is left out, never sent. Pure.
import {
  authorOf, decodeInk, encodeInk, forbidsCreate, forbidsSet, MAX_NAME, objectsOn, orderBetween, pages, topOn, touched, wholeOrder,
  type Asset, type Board, type BoardObject, type Edit, type End, type Field, type ObjectId, type Order, type Place, type Point, type Rights, type TextStyle, type Values,
} from "../../board";
import { boxOf, grow, middle, meets, turned, type Box, type Vec } from "./geometry";
import { thinned } from "./outline";
import { touches } from "./picture";
import type { Scene } from "./scene";
import { wholePlace } from "./select";

/** How new objects look. */
export interface Style {
  color: number;
  fill: number;
  note: number;
  /** Sixteenths of a unit. */
  width: number;
  highlight: number;
  dash: number;
  shape: number;
  line: number;
  tool: 0 | 3;
  text: TextStyle;
}

export const START_STYLE: Style = {
  color: 0x1b1f24ff, fill: 0, note: 0xffe58fff, width: 48, highlight: 20 * 16, dash: 0, shape: 0, line: 2, tool: 0, text: { size: 0, align: 0, flags: 0 },
};

export const NOTE_SIDE = 180 * 16;

export function mayCreate(rights: Rights): boolean {
  return forbidsCreate(rights, "stroke") === undefined;
}

export function may(board: Board, rights: Rights, id: ObjectId, field: Field): boolean {
  const object = board.document.object(id);
  return object?.kind !== undefined && forbidsSet(rights, id, object.kind, field, object.get("locked") ?? false) === undefined;
}

/** Above everything on the page. */
export function topOrder(board: Board, page: ObjectId): Order {
  return orderBetween(topOn(board.document, page)?.get("order"), undefined);
}

const vec = (p: Vec): Vec => ({ x: Math.round(p.x), y: Math.round(p.y) });

/** A stroke of at least one point; the ink's origin is its upper left corner. */
export function addStroke(board: Board, page: ObjectId, points: readonly Point[], style: Style, highlighter: boolean): ObjectId {
  const kept = thinned(points, 4);
  const own = boxOf(kept);
  const ink = encodeInk(kept.map((p) => ({ ...p, x: p.x - own.x, y: p.y - own.y })));
  return board.edit("new", (edit) =>
    edit.create("stroke", {
      parent: page, order: topOrder(board, page), place: wholePlace({ ...own, turn: 0 }), ink, color: style.color,
      width: highlighter ? style.highlight : style.width, tool: highlighter ? 2 : style.tool,
    }));
}

export function addShape(board: Board, page: ObjectId, box: Box, style: Style, turn = 0): ObjectId {
  const place = wholePlace({ ...box, turn });
  return board.edit("new", (edit) =>
    edit.create("shape", { parent: page, order: topOrder(board, page), place, shape: style.shape, color: style.color, fill: style.fill, width: style.width, dash: style.dash, textStyle: { ...style.text, align: 1 } }));
}

export function addNote(board: Board, page: ObjectId, at: Vec, box: Box | undefined, style: Style): ObjectId {
  const place = wholePlace(box ? { ...box, turn: 0 } : { x: at.x - NOTE_SIDE / 2, y: at.y - NOTE_SIDE / 2, width: NOTE_SIDE, height: NOTE_SIDE, turn: 0 });
  return board.edit("new", (edit) =>
    edit.create("note", { parent: page, order: topOrder(board, page), place, fill: style.note, textStyle: { ...style.text, align: 1 } }));
}

/** A text is made with its letters: an empty one would be a thing nobody sees. */
export function addText(board: Board, page: ObjectId, place: Place, text: string, style: Style): ObjectId {
  return board.edit("new", (edit) => edit.create("text", { parent: page, order: topOrder(board, page), place: wholePlace(place), color: style.color, text, textStyle: style.text }));
}

/** A picture to be put on a page: its middle, and how much of the page is seen. */
export interface Placed {
  asset: Asset;
  name: string;
  at: Vec;
  view: { width: number; height: number };
}

/** At its own size, or as much smaller as three fifths of the view ask for. */
export function addPicture(board: Board, page: ObjectId, { asset, name, at, view }: Placed): ObjectId {
  const k = Math.min(16, (view.width * 0.6) / asset.width, (view.height * 0.6) / asset.height);
  const [width, height] = [asset.width * k, asset.height * k];
  const place = wholePlace({ x: at.x - width / 2, y: at.y - height / 2, width, height, turn: 0 });
  return board.edit("new", (edit) => edit.create("image", { parent: page, order: topOrder(board, page), place, asset, name: nameWithin(name) }));
}

/** Longer side of a background, sixteenths of a unit. */
const SHEET = 1280 * 16;

/** A page after the last one with a locked picture under all that will be drawn; the page. */
export function addBackground(board: Board, asset: Asset, name: string): ObjectId {
  const last = pages(board.document).at(-1);
  const order = last === undefined ? wholeOrder(0) : orderBetween(board.document.object(last)?.get("order"), undefined);
  const k = SHEET / Math.max(asset.width, asset.height);
  const [width, height] = [asset.width * k, asset.height * k];
  const place = wholePlace({ x: -width / 2, y: -height / 2, width, height, turn: 0 });
  return board.edit("new", (edit) => {
    const page = edit.create("page", { order, name: nameWithin(name) });
    edit.create("image", { parent: page, order: wholeOrder(0), place, asset, name: nameWithin(name), locked: true });
    return page;
  });
}

const nameWithin = (name: string): string => [...name].slice(0, MAX_NAME).join("");

/** What is read to those who can't see an object: on one line, cut to what a name may have. Empty: only what it is. */
export function describe(board: Board, rights: Rights, id: ObjectId, text: string): void {
  const name = nameWithin(text.replace(/\s+/g, " ").trim());
  if (board.document.object(id)?.get("name") !== name) setAll(board, rights, [id], "name", () => name);
}

/** An end that holds on to the object under it, but not to ink. */
export function endOn(scene: Scene, p: Vec, reach: number): End {
  const near = scene.within(grow({ ...p, width: 0, height: 0 }, reach)).reverse();
  for (const { id, look } of near) {
    if (look.kind === "connector" || look.kind === "stroke") continue;
    const { place } = look;
    const q = turned(p, middle(place), -place.turn);
    if (!meets(grow(place, reach), { ...q, width: 0, height: 0 }) || place.width === 0 || place.height === 0) continue;
    const share = (value: number) => Math.round(Math.min(1, Math.max(0, value)) * 0xffff);
    const at = vec(p);
    return { object: id, across: share((q.x - place.x) / place.width), down: share((q.y - place.y) / place.height), at: [at.x, at.y] };
  }
  return vec(p);
}

export function addConnector(board: Board, page: ObjectId, from: End, to: End, style: Style): ObjectId {
  return board.edit("new", (edit) =>
    edit.create("connector", { parent: page, order: topOrder(board, page), from, to, color: style.color, width: style.width, dash: style.dash, line: style.line }));
}

/** Takes away what an eraser touched on its way; the objects touched. `radius` in sixteenths. */
export function erase(board: Board, scene: Scene, rights: Rights, how: "erasePart" | "eraseStroke", from: Vec, to: Vec, radius: number, first: boolean): void {
  const near = scene.within(grow(boxOf([from, to]), radius)).filter(({ id, look }) => look.kind === "stroke" && may(board, rights, id, "alive"));
  const strokes = near.flatMap(({ id }) => board.document.object(id) ?? []);
  board.edit(first ? "new" : "continue", (edit) => {
    for (const stroke of strokes) {
      if (how === "erasePart") cut(edit, stroke, from, to, radius);
      else if (reached(scene, stroke.id, from, to, radius)) edit.delete(stroke.id);
    }
  });
}

/** The eraser's way is turned back, not the stroke: what lies between its points counts as they do. */
function reached(scene: Scene, id: ObjectId, from: Vec, to: Vec, radius: number): boolean {
  const look = scene.item(id)?.look;
  if (look?.kind !== "stroke") return false;
  const back = (p: Vec) => turned(p, middle(look.place), -look.place.turn);
  return touches(look, back(from), back(to), radius);
}

/** The eraser's way is brought to the ink, not the ink to the page: spans are counted on the ink's own points. */
function cut(edit: Edit, stroke: BoardObject, from: Vec, to: Vec, radius: number): void {
  const [ink, place] = [stroke.get("ink"), stroke.get("place")];
  if (!ink || !place) return;
  const points = decoded(stroke.id, ink);
  const own = boxOf(points);
  const scale = (side: "width" | "height") => (own[side] > 0 && place[side] > 0 ? own[side] / place[side] : 1);
  const [kx, ky] = [scale("width"), scale("height")];
  const back = (p: Vec): [number, number] => {
    const q = turned(p, middle(place), -place.turn);
    return [Math.round(own.x + (q.x - place.x) * kx), Math.round(own.y + (q.y - place.y) * ky)];
  };
  const spans = touched(points, [back(from), back(to)], Math.round(radius * Math.sqrt(kx * ky)));
  if (spans.length > 0 && !isWiped(edit, stroke.id, spans)) edit.create("cut", { parent: stroke.id, spans });
}

/** Nothing is gained by wiping what is gone. */
function isWiped(edit: Edit, stroke: ObjectId, spans: readonly (readonly [number, number])[]): boolean {
  const gone = edit.document.cuts(stroke).flatMap((id) => {
    const object = edit.document.object(id);
    return object?.isAlive ? [...(object.get("spans") ?? [])] : [];
  });
  return spans.every(([a, b]) => gone.some(([from, to]) => from <= a && b <= to));
}

/** Sets a field of all these that one may write; how many it were. */
export function setAll<F extends Field>(board: Board, rights: Rights, ids: readonly ObjectId[], field: F, value: (object: BoardObject) => Values[F] | undefined, step: "new" | "continue" = "new"): number {
  let count = 0;
  board.edit(step, (edit) => {
    for (const id of ids) {
      const object = board.document.object(id);
      const now = object && may(board, rights, id, field) ? value(object) : undefined;
      if (now === undefined || object?.get(field) === undefined) continue;
      edit.set(id, field, now);
      count += 1;
    }
  });
  return count;
}

export const remove = (board: Board, rights: Rights, ids: readonly ObjectId[]): number => setAll(board, rights, ids, "alive", () => false);

export function setGroup(board: Board, page: ObjectId, rights: Rights, ids: readonly ObjectId[], on: boolean): void {
  const free = ids.filter((id) => may(board, rights, id, "group"));
  if (free.length === 0 || (on && free.length < 2)) return;
  board.edit("new", (edit) => {
    const group = on ? edit.create("group", { parent: page }) : null;
    for (const id of free) edit.set(id, "group", group);
  });
}

/** Brings to the front or sends to the back, keeping the order among themselves. */
export function reorder(board: Board, page: ObjectId, rights: Rights, ids: readonly ObjectId[], to: "front" | "back"): void {
  const chosen = new Set(ids.filter((id) => may(board, rights, id, "order")));
  const all = objectsOn(board.document, page);
  const moving = all.filter((id) => chosen.has(id));
  const rest = all.filter((id) => !chosen.has(id));
  const orderOf = (id: ObjectId | undefined) => (id === undefined ? undefined : board.document.object(id)?.get("order"));
  if (moving.length === 0 || rest.length === 0) return;
  board.edit("new", (edit) => {
    // What is locked at the very back is what one draws on, and nothing goes behind it.
    const above = to === "front" ? rest.length : rest.findIndex((id) => !board.document.object(id)?.get("locked"));
    const floor = to === "front" || above < 0 ? rest.at(-1) : rest[above - 1];
    let edge = to === "front" || above < 0 ? orderOf(rest.at(-1)) : orderOf(rest[above]);
    const upwards = to === "front" || above < 0;
    for (const id of upwards ? moving : [...moving].reverse()) {
      edge = upwards ? orderBetween(edge, undefined) : orderBetween(orderOf(floor), edge);
      edit.set(id, "order", edge);
    }
  });
}

/** What is copied: kinds and values, without what ties them to their page. */
export type Copied = readonly { id: ObjectId; kind: NonNullable<BoardObject["kind"]>; values: Partial<Values> }[];

export function copy(board: Board, ids: readonly ObjectId[]): Copied {
  return ids.flatMap((id) => {
    const object = board.document.object(id);
    if (object?.kind === undefined) return [];
    const values = Object.fromEntries([...object.registers].map(([field, register]) => [field, register.value])) as Partial<Values>;
    for (const field of ["parent", "order", "alive", "group", "locked"] as const) delete values[field];
    return [{ id, kind: object.kind, values }];
  });
}

/** Puts copies on a page, moved by so much; ends that held on to something copied hold on to its copy. */
export function paste(board: Board, page: ObjectId, copied: Copied, by: Vec): ObjectId[] {
  if (copied.length === 0) return [];
  const moved = vec(by);
  return board.edit("new", (edit) => {
    const fresh = new Map<ObjectId, ObjectId>();
    let order = topOrder(board, page);
    // What connectors hold on to is made before them.
    for (const { id, kind, values } of [...copied].sort((a, b) => Number(a.kind === "connector") - Number(b.kind === "connector"))) {
      const place = values.place && wholePlace({ ...values.place, x: values.place.x + moved.x, y: values.place.y + moved.y });
      const end = (e: End | undefined): End | undefined => e && copiedEnd(e, fresh, moved);
      fresh.set(id, edit.create(kind, { ...values, parent: page, order, place, from: end(values.from), to: end(values.to) }));
      order = orderBetween(order, undefined);
    }
    return [...fresh.values()];
  });
}

function copiedEnd(end: End, fresh: ReadonlyMap<ObjectId, ObjectId>, by: Vec): End {
  if (!("object" in end)) return { x: end.x + by.x, y: end.y + by.y };
  const object = fresh.get(end.object);
  const at: readonly [number, number] = [end.at[0] + by.x, end.at[1] + by.y];
  return object === undefined ? { x: at[0], y: at[1] } : { ...end, object, at };
}

/** A page after the last one, or after the one given. */
export function addPage(board: Board, template: number, name = "", after?: ObjectId): ObjectId {
  const all = pages(board.document);
  const at = after === undefined ? all.length - 1 : all.indexOf(after);
  const orderOf = (id: ObjectId | undefined) => (id === undefined ? undefined : board.document.object(id)?.get("order"));
  const order = all.length === 0 ? wholeOrder(0) : orderBetween(orderOf(all[at]), orderOf(all[at + 1]));
  return board.edit("new", (edit) => edit.create("page", { order, template, name }));
}

/** Whose objects one may delete one by one, for a person who may not clear the page. */
export const ownOn = (board: Board, page: ObjectId, author: number): ObjectId[] => objectsOn(board.document, page).filter((id) => authorOf(id) === author);

const points = new Map<ObjectId, { ink: Uint8Array; points: Point[] }>();
/** Ink never changes, and an eraser asks for it at every step. */
function decoded(id: ObjectId, ink: Uint8Array): Point[] {
  const known = points.get(id);
  if (known?.ink === ink) return known.points;
  if (points.size > 500) points.clear();
  const fresh = { ink, points: decodeInk(ink) };
  points.set(id, fresh);
  return fresh.points;
}
