// What a client says when it comes back: how many changes of each replica it knows; twin of crates/board/src/store.rs.
import type { Vector } from "./document";
import { compareReplicas, replicaKey, type Replica } from "./id";
import { MAX_REPLICAS, MAX_SEQ } from "./limits";
import { fail, Reader, Writer } from "./wire";

export function vectorBytes(vector: Vector): Uint8Array<ArrayBuffer> {
  const entries = [...vector.values()].sort((a, b) => compareReplicas(a.replica, b.replica));
  const w = new Writer();
  w.number(entries.length);
  for (const { replica, next } of entries) {
    w.replica(replica);
    w.number(next);
  }
  return w.bytes();
}

/** The next number of each replica, by "author.session"; throws WireError. */
export function readVector(bytes: Uint8Array): Map<string, number> {
  const r = new Reader(bytes);
  const vector = new Map<string, number>();
  let last: Replica | undefined;
  for (let count = r.below(MAX_REPLICAS); count > 0; count--) {
    const replica = r.replica();
    if (last && compareReplicas(last, replica) >= 0) fail("OutOfRange");
    vector.set(replicaKey(replica), r.below(MAX_SEQ + 1));
    last = replica;
  }
  r.end();
  return vector;
}
