// The document: objects whose fields are last-writer-wins registers; twin of crates/board/src/document.rs and object.rs.
// Takes what the server sends in any order, twice or late, and ends up the same everywhere.
import { stampIn, type Change } from "./change";
import { has, type Field, type Kind } from "./field";
import { compareStamps, idOf, replicaKey, stampOf, type ObjectId, type Replica, type Stamp } from "./id";
import { MAX_PENDING } from "./limits";
import { defaultOf, type Value, type Values } from "./value";

interface Register {
  stamp: Stamp;
  value: Value;
}

/** An object, or the shell of one whose making has not come yet. */
export class BoardObject {
  kind: Kind | undefined;
  readonly registers = new Map<Field, Register>();

  constructor(
    readonly id: ObjectId,
    readonly made: Stamp,
  ) {}

  /** The stamp of the write that holds; of a field never written, of the one that made the object. */
  stamp(field: Field): Stamp {
    return this.registers.get(field)?.stamp ?? this.made;
  }

  /** The field's value, or its default; undefined where the kind has no such field. */
  get<F extends Field>(field: F): Values[F] | undefined {
    const register = this.registers.get(field);
    if (register) return register.value as Values[F];
    return this.kind !== undefined && has(this.kind, field) ? defaultOf(field) : undefined;
  }

  /** Made and not deleted. Whether it is seen depends on its page too (view.ts). */
  get isAlive(): boolean {
    return this.kind !== undefined && this.registers.get("alive")?.value !== false;
  }

  /** Takes the write where it is newer. */
  write(field: Field, stamp: Stamp, value: Value): void {
    const register = this.registers.get(field);
    if (!register || compareStamps(register.stamp, stamp) < 0) this.registers.set(field, { stamp, value });
  }
}

/** What became of a change: the objects touched, or why there are none. */
export type Applied = { is: "now"; touched: ObjectId[] } | { is: "known" | "waiting" | "dropped" };

/** How many changes of each replica are known, by "author.session". */
export type Vector = Map<string, { replica: Replica; next: number; last: number }>;

export class BoardDocument {
  readonly all = new Map<ObjectId, BoardObject>();
  readonly buried = new Set<ObjectId>();
  readonly vector: Vector = new Map();
  /** Highest Lamport time seen. */
  clock = 0;
  /** Pages, deleted ones included: asked for at every change, so they are not searched among thousands of strokes. */
  private readonly pageIds = new Set<ObjectId>();
  private readonly cutsOf = new Map<ObjectId, ObjectId[]>();
  private readonly pending = new Map<string, Change>();

  /** Takes a change; idempotent and free of order. */
  apply(change: Change): Applied {
    const next = this.nextSeq(change.replica);
    if (change.seq < next) return { is: "known" };
    if (change.seq > next) {
      if (this.pending.size >= MAX_PENDING) return { is: "dropped" };
      this.pending.set(pendingKey(change.replica, change.seq), change);
      return { is: "waiting" };
    }
    const touched = new Set<ObjectId>();
    this.take(change, touched);
    this.settle(change.replica, touched);
    return { is: "now", touched: [...touched] };
  }

  private settle(replica: Replica, touched: Set<ObjectId>): void {
    for (;;) {
      const key = pendingKey(replica, this.nextSeq(replica));
      const change = this.pending.get(key);
      if (!change) return;
      this.pending.delete(key);
      this.take(change, touched);
    }
  }

  private take(change: Change, touched: Set<ObjectId>): void {
    const last = change.lamport + change.ops.length - 1;
    this.vector.set(replicaKey(change.replica), { replica: change.replica, next: change.seq + 1, last });
    this.clock = Math.max(this.clock, last);
    change.ops.forEach((op, i) => {
      const stamp = stampIn(change, i);
      if (op.op === "bury") {
        for (const id of op.objects) this.bury(id, touched);
        return;
      }
      const id = op.op === "set" ? op.object : idOf(stamp);
      if (this.buried.has(id)) return;
      this.change(id, touched, (object) => {
        if (op.op === "set") {
          object.write(op.field, stamp, op.value);
          return;
        }
        object.kind = op.kind;
        for (const [field, value] of op.fields) object.write(field, stamp, value);
      });
    });
  }

  /** Changes one object, made as a shell where there is none. */
  private change(id: ObjectId, touched: Set<ObjectId>, write: (object: BoardObject) => void): void {
    const object = this.all.get(id) ?? new BoardObject(id, stampOf(id));
    this.all.set(id, object);
    const wasMade = object.kind !== undefined;
    write(object);
    if (!wasMade && object.kind === "page") this.pageIds.add(id);
    const parent = object.get("parent");
    if (object.kind === "cut" && parent !== undefined) {
      if (!wasMade) this.addCut(parent, id);
      touched.add(parent);
    }
    touched.add(id);
  }

  private bury(id: ObjectId, touched: Set<ObjectId>): void {
    if (this.buried.has(id)) return;
    this.buried.add(id);
    const object = this.all.get(id);
    if (!object) return;
    this.all.delete(id);
    this.pageIds.delete(id);
    const stroke = object.kind === "cut" ? object.get("parent") : undefined;
    if (stroke !== undefined) {
      this.cutsOf.set(stroke, (this.cutsOf.get(stroke) ?? []).filter((cut) => cut !== id));
      touched.add(stroke);
    }
    touched.add(id);
  }

  /** Takes an object just read as its own; there must be none of its id. */
  adopt(object: BoardObject): void {
    this.all.set(object.id, object);
    if (object.kind === "page") this.pageIds.add(object.id);
    const stroke = object.kind === "cut" ? object.get("parent") : undefined;
    if (stroke !== undefined) this.addCut(stroke, object.id);
  }

  private addCut(stroke: ObjectId, cut: ObjectId): void {
    const cuts = this.cutsOf.get(stroke);
    if (cuts) cuts.push(cut);
    else this.cutsOf.set(stroke, [cut]);
  }

  /** Takes what another document knows of an object. */
  private mergeObject(theirs: BoardObject, touched: Set<ObjectId>): void {
    if (this.buried.has(theirs.id)) return;
    this.change(theirs.id, touched, (object) => {
      object.kind ??= theirs.kind;
      for (const [field, { stamp, value }] of theirs.registers) object.write(field, stamp, value);
    });
  }

  /** Takes everything another document knows; the objects touched. */
  merge(other: BoardDocument): ObjectId[] {
    const touched = new Set<ObjectId>();
    for (const id of other.buried) this.bury(id, touched);
    for (const object of other.all.values()) this.mergeObject(object, touched);
    for (const [key, theirs] of other.vector) {
      const mine = this.vector.get(key);
      const { replica } = theirs;
      this.vector.set(key, { replica, next: Math.max(theirs.next, mine?.next ?? 0), last: Math.max(theirs.last, mine?.last ?? 0) });
    }
    this.clock = Math.max(this.clock, other.clock);
    for (const [key, change] of this.pending) {
      if (change.seq < this.nextSeq(change.replica)) this.pending.delete(key);
    }
    for (const change of [...this.pending.values()]) this.settle(change.replica, touched);
    return [...touched];
  }

  nextSeq(replica: Replica): number {
    return this.vector.get(replicaKey(replica))?.next ?? 0;
  }

  /** Changes that wait for earlier ones. */
  get waiting(): number {
    return this.pending.size;
  }

  /** An object, deleted or not; shells are not given out. */
  object(id: ObjectId): BoardObject | undefined {
    const object = this.all.get(id);
    return object?.kind === undefined ? undefined : object;
  }

  /** All objects, deleted ones included, in no particular order. */
  *objects(): Iterable<BoardObject> {
    for (const object of this.all.values()) if (object.kind !== undefined) yield object;
  }

  /** Pages, deleted ones included, in no particular order. */
  pages(): BoardObject[] {
    return [...this.pageIds].flatMap((id) => this.object(id) ?? []);
  }

  /** A stroke's cuts, deleted ones included. */
  cuts(stroke: ObjectId): readonly ObjectId[] {
    return this.cutsOf.get(stroke) ?? [];
  }
}

function pendingKey(replica: Replica, seq: number): string {
  return `${replicaKey(replica)}:${seq}`;
}
