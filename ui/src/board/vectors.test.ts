// Repeats what crates/board recorded in tests/data/board: the same bytes, pictures and refusals.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as limits from "./limits";
import {
  Board, BoardDocument, changeBytes, decodeInk, encodeInk, FIELDS, forbidsCreate, forbidsSet, fromSnapshot, hashOf, idOf, KINDS, LEVELS, objectsOn, orderBetween, pages, pictureHash, piecesOf,
  presenceBytes, readPresence, readShown, readUpdate, readVector, snapshotOf, touched, vectorBytes, WireError, wiped, writeUpdate,
  type Change, type Field, type Kind, type Level, type Order, type Values,
} from "./index";

const FOLDER = new URL("../../../tests/data/board/", import.meta.url);

function load<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")) as T;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

function changeOf(text: string): Change {
  return readUpdate(bytes(text))[0] as Change;
}

type Triple = [number, number, number];
const triples = (points: readonly { x: number; y: number; pressure: number }[]) => points.map((p): Triple => [p.x, p.y, p.pressure]);

test("ink is as recorded", () => {
  for (const { points, hex: known } of load<{ points: Triple[]; hex: string }[]>("ink.json")) {
    expect(hex(encodeInk(points.map(([x, y, pressure]) => ({ x, y, pressure }))))).toBe(known);
    expect(triples(decodeInk(bytes(known)))).toEqual(points);
  }
});

interface Erased {
  ink: string;
  eraser: [number, number][];
  radius: number;
  spans: [number, number][];
  pieces: Triple[][];
}

test("erasing is as recorded", () => {
  const cases = load<Erased[]>("erase.json");
  for (const { ink, eraser, radius, spans, pieces } of cases) {
    const points = decodeInk(bytes(ink));
    expect(touched(points, eraser, radius)).toEqual(spans);
    expect(piecesOf(points, spans).map(triples)).toEqual(pieces);
  }
  expect(cases.filter((c) => c.spans.length > 0).length).toBeGreaterThan(3);
});

/** `Order { whole: 1, fraction: [128] }`, as Rust shows it. */
function orderOf(text: string | null): Order | undefined {
  const found = /whole: (-?\d+), fraction: \[(.*)\]/.exec(text ?? "");
  if (!found) return undefined;
  const fraction = (found[2] ?? "").split(",").filter((s) => s.trim() !== "");
  return { whole: Number(found[1]), fraction: new Uint8Array(fraction.map(Number)) };
}

test("orders are as recorded", () => {
  for (const [below, above, made] of load<[string | null, string | null, string]>("order.json") as unknown as [string, string, string][]) {
    expect(orderBetween(orderOf(below), orderOf(above))).toEqual(orderOf(made));
  }
});

interface Recorded {
  changes: string[];
  snapshot: string;
  hash: string;
  picture: string;
  vector: string;
  pages: { page: string; objects: string[] }[];
  wiped: [string, [number, number][]][];
}

const documents = load<Recorded[]>("documents.json");

test.each(documents.map((d, i) => [i, d] as const))("document %i is as recorded", (_, recorded) => {
  const document = new BoardDocument();
  for (const text of recorded.changes) {
    const change = changeOf(text);
    expect(hex(changeBytes(change))).toBe(text);
    document.apply(change);
  }
  expect(document.waiting).toBe(0);
  expect(hex(snapshotOf(document))).toBe(recorded.snapshot);
  expect(hex(hashOf(document))).toBe(recorded.hash);
  expect(hex(pictureHash(document))).toBe(recorded.picture);
  expect(hex(vectorBytes(document.vector))).toBe(recorded.vector);
  expect(readVector(bytes(recorded.vector)).size).toBe(document.vector.size);
  expect(pages(document).map((page) => ({ page, objects: objectsOn(document, page) }))).toEqual(recorded.pages);
  for (const [id, spans] of recorded.wiped) expect(wiped(document, id)).toEqual(spans);
  expect(hex(snapshotOf(fromSnapshot(bytes(recorded.snapshot))))).toBe(recorded.snapshot);
});

test.each(documents.map((d, i) => [i, d] as const))("a snapshot of document %i merges into half of it", (_, recorded) => {
  const document = new BoardDocument();
  for (const text of recorded.changes.slice(0, recorded.changes.length / 2)) document.apply(changeOf(text));
  document.merge(fromSnapshot(bytes(recorded.snapshot)));
  expect(document.waiting).toBe(0);
  expect(hex(hashOf(document))).toBe(recorded.hash);
});

interface Session {
  replica: [number, number];
  steps: { do: "new" | "continue" | "undo" | "redo" | "receive"; changes: string[]; picture: string }[];
  hash: string;
}

function repeat(board: Board, step: Session["steps"][number]): void {
  if (step.do === "undo") expect(board.undo()).toBe(true);
  else if (step.do === "redo") expect(board.redo()).toBe(true);
  else if (step.do === "receive") step.changes.forEach((text) => board.receive(changeOf(text)));
  else {
    board.edit(step.do, (edit) => {
      for (const op of step.changes.flatMap((text) => changeOf(text).ops)) {
        if (op.op === "create") edit.create(op.kind, Object.fromEntries(op.fields) as Partial<Values>);
        else if (op.op === "set") edit.set(op.object, op.field, op.value);
      }
    });
  }
}

test.each(load<Session[]>("sessions.json").map((s, i) => [i, s] as const))("session %i makes the same changes", (_, session) => {
  const [author, number] = session.replica;
  const board = new Board({ author, session: number });
  session.steps.forEach((step, i) => {
    repeat(board, step);
    const made = board.takeUpdate().map((change) => hex(changeBytes(change)));
    if (step.do !== "receive") expect(made, `step ${i}, ${step.do}`).toEqual(step.changes);
    expect(hex(pictureHash(board.document)), `step ${i}, ${step.do}`).toBe(step.picture);
  });
  expect(hex(hashOf(board.document))).toBe(session.hash);
});

test("spoiled updates are read the same way or refused for the same reason", () => {
  for (const { hex: text, fault } of load<{ hex: string; fault: string | null }[]>("spoiled.json")) {
    let found: string | null = null;
    try {
      expect(hex(writeUpdate(readUpdate(bytes(text))))).toBe(text);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      found = error.fault;
    }
    expect(found, text).toBe(fault);
  }
});

test("presence is as recorded", () => {
  for (const { is, hex: text, shown } of load<{ is: string; hex: string; shown: string }[]>("presence.json")) {
    const presence = readPresence(bytes(text));
    expect(presence.is).toBe(is);
    expect(hex(presenceBytes(presence))).toBe(text);
    expect(readShown(bytes(shown))).toEqual({ replica: { author: 300, session: 2 }, presence });
  }
});

interface Asked {
  level: number;
  create?: number;
  kind: number;
  field: number;
  maker: number;
  locked: boolean;
  why: string | null;
}

test("rights are as recorded", () => {
  for (const { level, create, kind, field, maker, locked, why } of load<Asked[]>("rights.json")) {
    const rights = { author: 1, level: LEVELS[level] as Level };
    const made = create === undefined ? undefined : KINDS[create];
    const object = idOf({ lamport: 9, author: maker, session: 0 });
    const found = made ? forbidsCreate(rights, made) : forbidsSet(rights, object, KINDS[kind] as Kind, FIELDS[field] as Field, locked);
    expect(found ?? null, JSON.stringify({ level, create, kind, field, maker, locked })).toBe(why);
  }
});

test("limits are as recorded", () => {
  expect({ ...limits }).toEqual(load("limits.json"));
});
