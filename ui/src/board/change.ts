// Changes, the unit that is merged and stored, and updates, the unit that is sent; twin of crates/board/src/change.rs.
import { FIELDS, has, isFixed, KINDS, REQUIRED, codeOf, type Field, type Kind } from "./field";
import type { ObjectId, Replica, Stamp } from "./id";
import { MAX_LAMPORT, MAX_OPS, MAX_SEQ } from "./limits";
import { readValue, writeValue, type Value, type Values } from "./value";
import { fail, Reader, Writer } from "./wire";

export type FieldValue = { [F in Field]: readonly [F, Values[F]] }[Field];

/** One write. */
export type Op =
  | { op: "create"; kind: Kind; fields: readonly FieldValue[] }
  | { op: "set"; object: ObjectId; field: Field; value: Value }
  | { op: "bury"; objects: readonly ObjectId[] };

/** What one replica did in one go. Write `i` carries the stamp of `lamport + i`. */
export interface Change {
  replica: Replica;
  seq: number;
  lamport: number;
  ops: readonly Op[];
}

export function stampIn(change: Change, i: number): Stamp {
  return { ...change.replica, lamport: change.lamport + i };
}

export function writeChange(w: Writer, change: Change): void {
  w.replica(change.replica);
  w.number(change.seq);
  w.number(change.lamport);
  w.number(change.ops.length);
  for (const op of change.ops) writeOp(w, op, change.replica);
}

export function changeBytes(change: Change): Uint8Array<ArrayBuffer> {
  const w = new Writer();
  writeChange(w, change);
  return w.bytes();
}

export function readChange(r: Reader): Change {
  const replica = r.replica();
  const seq = r.below(MAX_SEQ);
  const lamport = r.below(MAX_LAMPORT - MAX_OPS);
  const count = r.below(MAX_OPS);
  if (count === 0 || lamport === 0) fail("OutOfRange");
  const ops: Op[] = [];
  for (let i = 0; i < count; i++) ops.push(readOp(r, replica));
  return { replica, seq, lamport, ops };
}

export function writeUpdate(changes: readonly Change[]): Uint8Array<ArrayBuffer> {
  const w = new Writer();
  for (const change of changes) writeChange(w, change);
  return w.bytes();
}

/** Reads an update of one or more changes; throws WireError. */
export function readUpdate(bytes: Uint8Array): Change[] {
  const r = new Reader(bytes);
  const changes: Change[] = [];
  let ops = 0;
  while (!r.isEmpty || changes.length === 0) {
    const change = readChange(r);
    ops += change.ops.length;
    if (ops > MAX_OPS) fail("OutOfRange");
    changes.push(change);
  }
  return changes;
}

export function kindAt(code: number): Kind {
  return KINDS[code] ?? fail("Unknown");
}

export function fieldAt(code: number): Field {
  return FIELDS[code] ?? fail("Unknown");
}

function writeOp(w: Writer, op: Op, near: Replica): void {
  switch (op.op) {
    case "create":
      w.byte(0);
      w.byte(KINDS.indexOf(op.kind));
      w.number(op.fields.length);
      for (const [field, value] of op.fields) {
        w.byte(codeOf(field));
        writeValue(w, field, value as never, near);
      }
      return;
    case "set":
      w.byte(1);
      w.object(op.object, near);
      w.byte(codeOf(op.field));
      writeValue(w, op.field, op.value as never, near);
      return;
    case "bury":
      w.byte(2);
      w.number(op.objects.length);
      for (const id of op.objects) w.object(id, near);
  }
}

function readOp(r: Reader, near: Replica): Op {
  switch (r.byte()) {
    case 0:
      return readCreate(r, near);
    case 1: {
      const object = r.object(near);
      const field = fieldAt(r.byte());
      if (isFixed(field)) fail("OutOfRange");
      return { op: "set", object, field, value: readValue(r, field, near) };
    }
    case 2: {
      const objects: ObjectId[] = [];
      for (let count = r.below(MAX_OPS); count > 0; count--) objects.push(r.object(near));
      return { op: "bury", objects };
    }
    default:
      return fail("Unknown");
  }
}

function readCreate(r: Reader, near: Replica): Op {
  const kind = kindAt(r.byte());
  const fields: FieldValue[] = [];
  let last = -1;
  for (let count = r.below(FIELDS.length); count > 0; count--) {
    const code = r.byte();
    const field = fieldAt(code);
    if (code <= last || !has(kind, field) || field === "alive") fail("OutOfRange");
    fields.push([field, readValue(r, field, near)] as unknown as FieldValue);
    last = code;
  }
  const whole = REQUIRED[kind].every((field) => fields.some(([f]) => f === field));
  return whole ? { op: "create", kind, fields } : fail("OutOfRange");
}
