// Who wrote what, and when in the order of the board; twin of crates/board/src/id.rs.

/** One copy of the board that writes: an author's tab or device. The server gives both numbers. */
export interface Replica {
  readonly author: number;
  readonly session: number;
}

/** A Lamport time and the replica that breaks ties: a total order of all writes. */
export interface Stamp extends Replica {
  readonly lamport: number;
}

/** The stamp of the write that made the object, as "lamport@author.session". */
export type ObjectId = string;

export function replicaKey(replica: Replica): string {
  return `${replica.author}.${replica.session}`;
}

export function idOf(stamp: Stamp): ObjectId {
  return `${stamp.lamport}@${stamp.author}.${stamp.session}`;
}

export function stampOf(id: ObjectId): Stamp {
  const at = id.indexOf("@");
  const dot = id.indexOf(".", at);
  return { lamport: Number(id.slice(0, at)), author: Number(id.slice(at + 1, dot)), session: Number(id.slice(dot + 1)) };
}

/** Who made the object. */
export function authorOf(id: ObjectId): number {
  return stampOf(id).author;
}

export function same(a: Replica, b: Replica): boolean {
  return a.author === b.author && a.session === b.session;
}

export function sameStamp(a: Stamp, b: Stamp): boolean {
  return a.lamport === b.lamport && same(a, b);
}

export function compareReplicas(a: Replica, b: Replica): number {
  return a.author - b.author || a.session - b.session;
}

export function compareStamps(a: Stamp, b: Stamp): number {
  return a.lamport - b.lamport || compareReplicas(a, b);
}
