// What is seen of a document; twin of crates/board/src/view.rs.
import { sha256 } from "@noble/hashes/sha2.js";
import type { BoardDocument, BoardObject } from "./document";
import { join, pieces as piecesOf, type Span } from "./erase";
import { codeOf, FIELDS, KINDS } from "./field";
import { compareStamps, type ObjectId } from "./id";
import { decodeInk, type Point } from "./ink";
import { compareOrders, wholeOrder } from "./order";
import { writeValue } from "./value";
import { Writer } from "./wire";

/** Groups inside groups are followed this deep; a ring, which two people at once can make, ends there. */
const MAX_DEPTH = 16;

const ZERO = wholeOrder(0);

function sorted(objects: BoardObject[]): ObjectId[] {
  objects.sort(compareLying);
  return objects.map((o) => o.id);
}

/** Pages that are there, in order. */
export function pages(document: BoardDocument): ObjectId[] {
  return sorted(document.pages().filter((o) => o.isAlive));
}

/** Visible objects on a page from bottom to top; groups and cuts are not among them. */
export function objectsOn(document: BoardDocument, page: ObjectId): ObjectId[] {
  return sorted([...document.objects()].filter((o) => isOn(document, page, o)));
}

/** Visible on a page; groups and cuts are not. */
export function isOn(document: BoardDocument, page: ObjectId, object: BoardObject): boolean {
  return object.registers.has("order") && object.get("parent") === page && isVisible(document, object);
}

/** How two objects lie: below 0 where the first is lower. */
export function compareLying(a: BoardObject, b: BoardObject): number {
  return compareOrders(a.get("order") ?? ZERO, b.get("order") ?? ZERO) || compareStamps(a.made, b.made);
}

/** The topmost object on a page. */
export function topOn(document: BoardDocument, page: ObjectId): BoardObject | undefined {
  let top: BoardObject | undefined;
  for (const object of document.objects()) {
    if (isOn(document, page, object) && (top === undefined || compareLying(object, top) > 0)) top = object;
  }
  return top;
}

/** Alive, on a page that is there, and not cleared away with it. */
export function isVisible(document: BoardDocument, object: BoardObject): boolean {
  if (!object.isAlive) return false;
  if (object.kind === "page") return true;
  const parent = document.object(object.get("parent") ?? "");
  if (!parent) return false;
  if (object.kind === "cut") return parent.kind === "stroke" && isVisible(document, parent);
  return parent.kind === "page" && parent.isAlive && object.made.lamport > (parent.get("cleared") ?? 0);
}

/** The parts of a stroke wiped off by its cuts together, sorted and apart. */
export function wiped(document: BoardDocument, stroke: ObjectId): Span[] {
  const cuts = document.cuts(stroke).map((id) => document.object(id));
  const spans = cuts.flatMap((cut) => (cut?.isAlive ? [...(cut.get("spans") ?? [])] : []));
  return join(spans.sort((a, b) => a[0] - b[0] || a[1] - b[1]));
}

/** What is left of a stroke, as runs of points on the ink's own grid. */
export function pieces(document: BoardDocument, stroke: BoardObject): Point[][] {
  const ink = stroke.get("ink");
  return piecesOf(ink ? decodeInk(ink) : [], wiped(document, stroke.id));
}

/** The outermost group an object is in. */
export function groupOf(document: BoardDocument, object: BoardObject): ObjectId | null {
  let found: ObjectId | null = null;
  let next = object.get("group") ?? null;
  for (let i = 0; i < MAX_DEPTH && next !== null; i++) {
    const group = document.object(next);
    if (group?.kind !== "group" || !group.isAlive) break;
    found = group.id;
    next = group.get("group") ?? null;
  }
  return found;
}

/** Visible objects whose outermost group is this one. */
export function members(document: BoardDocument, group: ObjectId): ObjectId[] {
  const inside = (o: BoardObject) => o.registers.has("order") && isVisible(document, o) && groupOf(document, o) === group;
  return [...document.objects()].filter(inside).map((o) => o.id);
}

/** SHA-256 of what is seen, whoever wrote it when: equal before a step and after its undo. */
export function pictureHash(document: BoardDocument): Uint8Array {
  const near = { author: 0, session: 0 };
  const w = new Writer();
  const write = (id: ObjectId) => {
    const object = document.object(id);
    if (object?.kind === undefined) return;
    w.object(id, near);
    w.byte(KINDS.indexOf(object.kind));
    for (const field of FIELDS) {
      const value = object.get(field);
      // The outermost group says what moves together; a dead one nothing.
      if (field === "group") writeValue(w, "group", groupOf(document, object), near);
      else if (value !== undefined) {
        w.byte(codeOf(field));
        writeValue(w, field, value as never, near);
      }
    }
    for (const span of wiped(document, id)) span.forEach((at) => w.number(at));
  };
  for (const page of pages(document)) [page, ...objectsOn(document, page)].forEach(write);
  return sha256(w.bytes());
}
