// Keys of the z-order that leave room between any two; twin of crates/board/src/order.rs.
import { MAX_ORDER, MAX_ORDER_FRACTION } from "./limits";
import { fail, type Reader, type Writer } from "./wire";

export interface Order {
  readonly whole: number;
  /** Digits in base 256 after the point; the last one is never 0. */
  readonly fraction: Uint8Array;
}

const NONE = new Uint8Array(0);

export function wholeOrder(whole: number): Order {
  return { whole: Math.max(-MAX_ORDER, Math.min(MAX_ORDER, whole)), fraction: NONE };
}

export function compareOrders(a: Order, b: Order): number {
  if (a.whole !== b.whole) return a.whole - b.whole;
  const shorter = Math.min(a.fraction.length, b.fraction.length);
  for (let i = 0; i < shorter; i++) {
    const difference = (a.fraction[i] ?? 0) - (b.fraction[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.fraction.length - b.fraction.length;
}

/** A key above `below` and below `above`; without one that side is open. Where nothing fits, `below` itself. */
export function orderBetween(below: Order | undefined, above: Order | undefined): Order {
  if (!below) return above ? wholeOrder(above.whole - 1) : wholeOrder(0);
  if (!above || above.whole - below.whole >= 2) return wholeOrder(below.whole + 1);
  if (compareOrders(above, below) <= 0) return below;
  const fraction = midpoint(below.fraction, above.whole === below.whole ? above.fraction : undefined);
  return fraction ? { whole: below.whole, fraction } : below;
}

function midpoint(low: Uint8Array, high: Uint8Array | undefined): Uint8Array | undefined {
  const out: number[] = [];
  for (let i = 0; i < MAX_ORDER_FRACTION; i++) {
    const a = low[i] ?? 0;
    const b = high ? (high[i] ?? 0) : 256;
    if (b > a + 1) return new Uint8Array([...out, (a + b) >> 1]);
    out.push(a);
    if (b === a + 1) high = undefined;
  }
  return undefined;
}

export function writeOrder(w: Writer, order: Order): void {
  w.signed(order.whole);
  w.counted(order.fraction);
}

export function readOrder(r: Reader): Order {
  const whole = r.within(MAX_ORDER);
  const fraction = r.counted(MAX_ORDER_FRACTION);
  if (fraction.at(-1) === 0) fail("BadNumber");
  return { whole, fraction };
}
