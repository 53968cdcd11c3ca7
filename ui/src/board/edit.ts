// A replica that writes: one person's edits, undo and redo of their own steps, and what the server has not acknowledged;
// twin of crates/board/src/edit.rs.
import { changeBytes, type Change, type FieldValue, type Op } from "./change";
import { BoardDocument, type Applied } from "./document";
import { codeOf, has, isFixed, REQUIRED, type Field, type Kind } from "./field";
import { idOf, sameStamp, type ObjectId, type Replica, type Stamp } from "./id";
import { MAX_OPS, MAX_UPDATE } from "./limits";
import { fromSnapshot } from "./snapshot";
import { fits, type Value, type Values } from "./value";
import { wellFormed } from "./wire";

/** Steps that can be undone. */
export const MAX_UNDO = 200;

export type EditFault = "UnknownObject" | "BadField" | "TooLarge";

export class EditError extends Error {
  constructor(readonly fault: EditFault) {
    super(fault);
  }
}

interface Write {
  object: ObjectId;
  field: Field;
  before: Value;
  prior: Stamp;
  stamp: Stamp;
}

/** An edit being put together. Ids of new objects are known at once. */
export class Edit {
  readonly ops: Op[] = [];
  private readonly made = new Map<ObjectId, Kind>();

  constructor(
    readonly document: BoardDocument,
    private readonly first: Stamp,
  ) {}

  /** Makes an object; throws EditError. */
  create(kind: Kind, values: Partial<Values>): ObjectId {
    const given = Object.entries(values).filter(([, value]) => value !== undefined) as unknown as FieldValue[];
    const fields = given.map(([field, value]) => [field, clean(value)] as unknown as FieldValue);
    fields.sort((a, b) => codeOf(a[0]) - codeOf(b[0]));
    const good = fields.every(([field, value]) => field !== "alive" && has(kind, field) && fits(field, value as never));
    if (!good || !REQUIRED[kind].every((field) => fields.some(([f]) => f === field))) throw new EditError("BadField");
    const id = idOf({ ...this.first, lamport: this.first.lamport + this.ops.length });
    this.ops.push({ op: "create", kind, fields });
    this.made.set(id, kind);
    return id;
  }

  /** Writes a field of an object that is there or that this edit made; throws EditError. */
  set<F extends Field>(object: ObjectId, field: F, value: Values[F]): void {
    const kind = this.document.object(object)?.kind ?? this.made.get(object);
    if (kind === undefined) throw new EditError("UnknownObject");
    const fixed = isFixed(field) || (kind === "cut" && field === "parent");
    const cleaned = clean(value) as Values[F];
    if (!has(kind, field) || fixed || !fits(field, cleaned)) throw new EditError("BadField");
    this.ops.push({ op: "set", object, field, value: cleaned });
  }

  delete(object: ObjectId): void {
    this.set(object, "alive", false);
  }

  /** Clears a page of all that is on it now. For hosts. */
  clear(page: ObjectId): void {
    let last = 0;
    for (const object of this.document.objects()) {
      if (object.get("parent") === page) last = Math.max(last, object.made.lamport);
    }
    this.set(page, "cleared", last);
  }
}

/** Texts as they come back from the wire. */
function clean(value: Value): Value {
  return typeof value === "string" ? wellFormed(value) : value;
}

/** One person's copy of a board. */
export class Board {
  private undos: Write[][] = [];
  private redos: Write[][] = [];
  private outbox: Change[] = [];
  private sent = 0;
  private readonly written = new Set<ObjectId>();

  constructor(
    readonly replica: Replica,
    readonly document: BoardDocument = new BoardDocument(),
  ) {}

  /** Makes one change of everything `edit` does, or none if it throws. A "continue" joins the last step, as moves of one drag do. */
  edit<T>(step: "new" | "continue", edit: (edit: Edit) => T): T {
    const open = new Edit(this.document, this.nextStamp());
    const made = edit(open);
    if (open.ops.length === 0) return made;
    const change = this.changeOf(open.ops);
    if (change.ops.length > MAX_OPS || changeBytes(change).length > MAX_UPDATE) throw new EditError("TooLarge");
    const writes = this.writes(change);
    const joins = step === "continue" && this.redos.length === 0;
    this.redos = [];
    const last = this.undos.at(-1);
    if (joins && last) joinStep(last, writes);
    else this.undos.push(writes);
    if (this.undos.length > MAX_UNDO) this.undos.shift();
    this.push(change);
    return made;
  }

  get canUndo(): boolean {
    return this.undos.length > 0;
  }

  get canRedo(): boolean {
    return this.redos.length > 0;
  }

  /** Takes the last step back; false where there is none. */
  undo(): boolean {
    const step = this.undos.pop();
    if (!step) return false;
    this.redos.push(this.revert(step));
    return true;
  }

  /** Does the step last taken back again. */
  redo(): boolean {
    const step = this.redos.pop();
    if (!step) return false;
    this.undos.push(this.revert(step));
    return true;
  }

  /** Takes a change of another replica, as the server sent it. */
  receive(change: Change): Applied {
    return this.document.apply(change);
  }

  /** Takes a snapshot, as a resync brings it; own changes the server has not are kept. Throws WireError. */
  receiveSnapshot(bytes: Uint8Array): ObjectId[] {
    return this.document.merge(fromSnapshot(bytes));
  }

  /** The next changes to send, up to the size of an update; empty when all were sent. */
  takeUpdate(): Change[] {
    const batch: Change[] = [];
    let [size, ops] = [0, 0];
    for (const change of this.outbox.slice(this.sent)) {
      size += changeBytes(change).length;
      ops += change.ops.length;
      if (size > MAX_UPDATE || ops > MAX_OPS) break;
      batch.push(change);
    }
    this.sent += batch.length;
    return batch;
  }

  /** The server has this replica's changes below `next`. */
  acknowledge(next: number): void {
    const known = this.outbox.filter((change) => change.seq < next).length;
    this.outbox.splice(0, known);
    this.sent = Math.max(0, this.sent - known);
  }

  /** After a cut: what was sent and not acknowledged is sent again. */
  resend(): void {
    this.sent = 0;
  }

  /** Changes the server has not acknowledged. */
  get unacknowledged(): number {
    return this.outbox.length;
  }

  /** What was touched by writing here since the last call. */
  takeWritten(): ObjectId[] {
    const written = [...this.written];
    this.written.clear();
    return written;
  }

  private nextStamp(): Stamp {
    return { ...this.replica, lamport: this.document.clock + 1 };
  }

  private changeOf(ops: readonly Op[]): Change {
    return { replica: this.replica, seq: this.document.nextSeq(this.replica), lamport: this.document.clock + 1, ops };
  }

  private push(change: Change): void {
    const applied = this.document.apply(change);
    if (applied.is === "now") for (const id of applied.touched) this.written.add(id);
    this.outbox.push(change);
  }

  /** How to take a change back that is about to be made. */
  private writes(change: Change): Write[] {
    const writes = new Map<string, Write>();
    change.ops.forEach((op, i) => {
      const stamp = { ...change.replica, lamport: change.lamport + i };
      if (op.op === "create") {
        const object = idOf(stamp);
        writes.set(register(object, "alive"), { object, field: "alive", before: false, prior: stamp, stamp });
      } else if (op.op === "set") {
        const key = register(op.object, op.field);
        const known = writes.get(key);
        if (known) {
          known.stamp = stamp;
          return;
        }
        // The object may be made in this very change: its fields go when it goes.
        const there = this.document.object(op.object);
        const before = there?.get(op.field);
        if (!there || before === undefined) return;
        writes.set(key, { object: op.object, field: op.field, before, prior: there.stamp(op.field), stamp });
      }
    });
    return [...writes.values()];
  }

  /** Writes what was there before wherever the step's write still holds; returns how to take that back. */
  private revert(step: readonly Write[]): Write[] {
    const ops: Op[] = [];
    const back: Write[] = [];
    const renewed = new Map<string, Stamp>();
    const first = this.document.clock + 1;
    for (const { object, field, before, prior, stamp: holding } of step) {
      const there = this.document.object(object);
      const now = there?.get(field);
      if (!there || now === undefined || !sameStamp(there.stamp(field), holding)) continue;
      const stamp = { ...this.replica, lamport: first + ops.length };
      renewed.set(register(object, field) + idOf(prior), stamp);
      ops.push({ op: "set", object, field, value: before });
      back.push({ object, field, before: now, prior: holding, stamp });
    }
    // Steps that waited for a value to come back see it come back under a new stamp.
    for (const write of [...this.undos, ...this.redos].flat()) {
      write.stamp = renewed.get(register(write.object, write.field) + idOf(write.stamp)) ?? write.stamp;
    }
    for (const packed of pack(ops, this.changeOf([]))) this.push(this.changeOf(packed));
    return back;
  }
}

function register(object: ObjectId, field: Field): string {
  return `${object}/${field}/`;
}

/** Writes in changes no larger than may be sent. */
function pack(ops: readonly Op[], change: Change): Op[][] {
  const packs: Op[][] = [];
  let size = Infinity;
  for (const op of ops) {
    const weight = changeBytes({ ...change, ops: [op] }).length;
    if (size + weight > MAX_UPDATE || (packs.at(-1)?.length ?? MAX_OPS) >= MAX_OPS) {
      packs.push([]);
      size = 0;
    }
    size += weight;
    packs.at(-1)?.push(op);
  }
  return packs;
}

/** Adds a later edit to a step: of a field written twice, the first value comes back. */
function joinStep(step: Write[], later: readonly Write[]): void {
  const known = new Map(step.map((write) => [register(write.object, write.field), write]));
  for (const write of later) {
    const first = known.get(register(write.object, write.field));
    // Where somebody wrote in between, both own writes must be told apart.
    if (first && sameStamp(first.stamp, write.prior)) first.stamp = write.stamp;
    else step.push(write);
  }
}
