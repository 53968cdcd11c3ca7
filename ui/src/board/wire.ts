// The bytes of a board, as crates/board/src/wire.rs writes them: variable-length integers in their shortest form, zigzag,
// length-prefixed bytes. One value has one form. Numbers go up to 2^53, so no bit operations on them.
import { idOf, same, stampOf, type ObjectId, type Replica } from "./id";
import { MAX_LAMPORT } from "./limits";

/** Why bytes could not be read; the names are those of the Rust enum. */
export type WireFault = "Short" | "Trailing" | "BadNumber" | "BadText" | "Unknown" | "OutOfRange";

export class WireError extends Error {
  constructor(readonly fault: WireFault) {
    super(fault);
  }
}

export function fail(fault: WireFault): never {
  throw new WireError(fault);
}

const UTF8 = new TextEncoder();
const FROM_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class Writer {
  private buffer = new Uint8Array(256);
  private length = 0;

  /** What was written; the writer may go on. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.buffer.slice(0, this.length);
  }

  byte(value: number): void {
    this.room(1);
    this.buffer[this.length++] = value;
  }

  raw(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  number(value: number): void {
    while (value >= 0x80) {
      this.byte((value % 0x80) | 0x80);
      value = Math.floor(value / 0x80);
    }
    this.byte(value);
  }

  signed(value: number): void {
    this.number(value >= 0 ? value * 2 : value * -2 - 1);
  }

  /** Bytes with their length before them. */
  counted(bytes: Uint8Array): void {
    this.number(bytes.length);
    this.raw(bytes);
  }

  text(text: string): void {
    this.counted(UTF8.encode(text));
  }

  replica(replica: Replica): void {
    this.number(replica.author);
    this.number(replica.session);
  }

  /** A reference; those to objects of `near`, the common case, are shorter. */
  object(id: ObjectId, near: Replica): void {
    const stamp = stampOf(id);
    const own = same(stamp, near);
    this.number(stamp.lamport * 2 + (own ? 0 : 1));
    if (!own) this.replica(stamp);
  }

  private room(count: number): void {
    if (this.length + count <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(this.buffer.length * 2, this.length + count));
    larger.set(this.buffer);
    this.buffer = larger;
  }
}

/** Reads what a Writer wrote; throws WireError at everything else. */
export class Reader {
  private at = 0;

  constructor(private readonly from: Uint8Array) {}

  get isEmpty(): boolean {
    return this.at >= this.from.length;
  }

  end(): void {
    if (!this.isEmpty) fail("Trailing");
  }

  byte(): number {
    return this.from[this.at++] ?? fail("Short");
  }

  raw(count: number): Uint8Array {
    if (this.at + count > this.from.length) fail("Short");
    this.at += count;
    return this.from.subarray(this.at - count, this.at);
  }

  number(): number {
    // Nearly all of a board's numbers, those of ink above all, are one byte.
    const first = this.from[this.at];
    if (first !== undefined && first < 0x80) {
      this.at++;
      return first;
    }
    let value = 0;
    let unit = 1;
    for (let i = 0; i < 8; i++, unit *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) {
        const shortest = i === 0 || byte !== 0;
        return shortest && value <= Number.MAX_SAFE_INTEGER ? value : fail("BadNumber");
      }
    }
    return fail("BadNumber");
  }

  /** A number up to and with `most`. */
  below(most: number): number {
    const value = this.number();
    return value <= most ? value : fail("OutOfRange");
  }

  signed(): number {
    const value = this.number();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  within(most: number): number {
    const value = this.signed();
    return Math.abs(value) <= most ? value : fail("OutOfRange");
  }

  /** A byte up to and with `most`. */
  small(most: number): number {
    const byte = this.byte();
    return byte <= most ? byte : fail("OutOfRange");
  }

  counted(most: number): Uint8Array {
    return this.raw(this.below(most));
  }

  /** A text of at most `most` characters (code points). */
  text(most: number): string {
    const bytes = this.counted(most * 4);
    let text: string;
    try {
      text = FROM_UTF8.decode(bytes);
    } catch {
      return fail("BadText");
    }
    return characters(text) <= most ? text : fail("OutOfRange");
  }

  replica(): Replica {
    return { author: this.below(0xffff_ffff), session: this.below(0xffff) };
  }

  lamport(): number {
    return this.below(MAX_LAMPORT);
  }

  object(near: Replica): ObjectId {
    const head = this.below(MAX_LAMPORT * 2 + 1);
    const replica = head % 2 === 0 ? near : this.replica();
    if (head % 2 === 1 && same(replica, near)) fail("BadNumber");
    return idOf({ ...replica, lamport: Math.floor(head / 2) });
  }
}

/** Code points of a text, as Rust counts characters. */
export function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** The text as it comes back from the wire: half a surrogate pair is no text. */
export function wellFormed(text: string): string {
  return FROM_UTF8.decode(UTF8.encode(text));
}
