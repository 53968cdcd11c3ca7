// A whole document in bytes; twin of crates/board/src/snapshot.rs, which describes them. Equal documents, equal bytes.
import { sha256 } from "@noble/hashes/sha2.js";
import { fieldAt, kindAt } from "./change";
import { BoardDocument, BoardObject } from "./document";
import { codeOf, FIELDS, has, KINDS, REQUIRED } from "./field";
import { compareReplicas, compareStamps, idOf, replicaKey, sameStamp, stampOf, type Replica, type Stamp } from "./id";
import { MAX_LAMPORT, MAX_OBJECTS, MAX_REPLICAS, MAX_SEQ } from "./limits";
import { readValue, writeValue } from "./value";
import { fail, Reader, Writer } from "./wire";

const MAGIC = [0x43, 0x42, 0x44, 0x01];
const MAX_BURIED = 10_000_000;

/** Where each replica stands in the snapshot's list. */
type Places = Map<string, number>;

export function snapshotOf(document: BoardDocument): Uint8Array<ArrayBuffer> {
  const vector = [...document.vector.values()].sort((a, b) => compareReplicas(a.replica, b.replica));
  const places: Places = new Map(vector.map(({ replica }, i) => [replicaKey(replica), i]));
  const w = new Writer();
  for (const byte of MAGIC) w.byte(byte);
  w.number(document.clock);
  w.number(vector.length);
  for (const { replica, next, last } of vector) {
    w.replica(replica);
    w.number(next);
    w.number(last);
  }
  const objects = [...document.all.values()].sort((a, b) => compareStamps(a.made, b.made));
  w.number(objects.length);
  let last = 0;
  for (const object of objects) {
    last = writeId(w, object.made, last, places);
    writeObject(w, object, places);
  }
  const buried = [...document.buried].map(stampOf).sort(compareStamps);
  w.number(buried.length);
  last = 0;
  for (const stamp of buried) last = writeId(w, stamp, last, places);
  return w.bytes();
}

/** Reads a snapshot; throws WireError. */
export function fromSnapshot(bytes: Uint8Array): BoardDocument {
  const r = new Reader(bytes);
  const magic = r.raw(4);
  if (!MAGIC.every((byte, i) => magic[i] === byte)) fail("Unknown");
  const document = new BoardDocument();
  document.clock = r.lamport();
  const replicas = readReplicas(r, document);
  let before: Stamp | undefined;
  for (let count = r.below(MAX_OBJECTS * 2); count > 0; count--) {
    before = readId(r, before, replicas);
    document.adopt(readObject(r, before, replicas));
  }
  before = undefined;
  for (let count = r.below(MAX_BURIED); count > 0; count--) {
    before = readId(r, before, replicas);
    const id = idOf(before);
    if (document.all.has(id)) fail("OutOfRange");
    document.buried.add(id);
  }
  r.end();
  return document;
}

/** SHA-256 of the snapshot: equal where the same changes were taken. */
export function hashOf(document: BoardDocument): Uint8Array {
  return sha256(snapshotOf(document));
}

function readReplicas(r: Reader, document: BoardDocument): Replica[] {
  const replicas: Replica[] = [];
  for (let count = r.below(MAX_REPLICAS * 2); count > 0; count--) {
    const replica = r.replica();
    const before = replicas.at(-1);
    const next = r.below(MAX_SEQ + 1);
    const last = r.below(document.clock);
    if ((before && compareReplicas(before, replica) >= 0) || next === 0 || last === 0) fail("OutOfRange");
    replicas.push(replica);
    document.vector.set(replicaKey(replica), { replica, next, last });
  }
  return replicas;
}

function writeId(w: Writer, stamp: Stamp, last: number, places: Places): number {
  w.number(stamp.lamport - last);
  w.number(places.get(replicaKey(stamp)) ?? places.size);
  return stamp.lamport;
}

function readId(r: Reader, before: Stamp | undefined, replicas: readonly Replica[]): Stamp {
  const lamport = (before?.lamport ?? 0) + r.lamport();
  const { author, session } = readReplica(r, replicas);
  const stamp = { lamport, author, session };
  if ((before && compareStamps(before, stamp) >= 0) || lamport > MAX_LAMPORT) fail("OutOfRange");
  return stamp;
}

function readReplica(r: Reader, replicas: readonly Replica[]): Replica {
  return replicas[r.number()] ?? fail("OutOfRange");
}

function writeObject(w: Writer, object: BoardObject, places: Places): void {
  w.byte(object.kind === undefined ? 0 : KINDS.indexOf(object.kind) + 1);
  w.number(object.registers.size);
  for (const field of FIELDS) {
    const register = object.registers.get(field);
    if (!register) continue;
    const later = !sameStamp(register.stamp, object.made);
    w.byte(codeOf(field) * 2 + (later ? 1 : 0));
    if (later) {
      w.number(register.stamp.lamport);
      w.number(places.get(replicaKey(register.stamp)) ?? places.size);
    }
    writeValue(w, field, register.value as never, object.made);
  }
}

function readObject(r: Reader, made: Stamp, replicas: readonly Replica[]): BoardObject {
  const object = new BoardObject(idOf(made), made);
  const code = r.byte();
  if (code > 0) object.kind = kindAt(code - 1);
  let last = -1;
  for (let count = r.below(FIELDS.length); count > 0; count--) {
    const head = r.byte();
    const field = fieldAt(head >> 1);
    let stamp = made;
    if (head % 2 === 1) {
      const lamport = r.lamport();
      stamp = { ...readReplica(r, replicas), lamport };
      if (sameStamp(stamp, made)) fail("BadNumber");
    }
    const value = readValue(r, field, made);
    if (head >> 1 <= last || (object.kind !== undefined && !has(object.kind, field))) fail("OutOfRange");
    object.registers.set(field, { stamp, value });
    last = head >> 1;
  }
  const required = object.kind === undefined ? [] : REQUIRED[object.kind];
  return required.every((field) => object.registers.has(field)) ? object : fail("OutOfRange");
}
