// What a meeting costs: bytes that went each way over all its peer connections, and what an hour like the last minute would.
// The twin of crates/client/src/usage.rs.

import { number, type Report } from "./stats";

/** The last minute is what counts for the hour, milliseconds; less than the least says nothing of it. */
const MINUTE_MS = 60_000;
const LEAST_MS = 10_000;

export interface Used {
  sent: number;
  received: number;
  /** Both ways together in an hour like the last minute; -1 in the first ten seconds. */
  hour: number;
}

export class Usage {
  #generation = 0;
  /** Of the peer connections before this one. */
  #before = { sent: 0, received: 0 };
  #now = { sent: 0, received: 0 };
  /** Both ways together by time, the newest last. */
  #minute: { at: number; bytes: number }[] = [];

  /** What the peer connection of this generation counted so far. */
  note(generation: number, now: { sent: number; received: number }, at: number): void {
    if (generation !== this.#generation) {
      this.#before = { sent: this.#before.sent + this.#now.sent, received: this.#before.received + this.#now.received };
      this.#generation = generation;
    }
    this.#now = now;
    const { sent, received } = this.used;
    this.#minute.push({ at, bytes: sent + received });
    while (this.#minute[1] !== undefined && at - this.#minute[1].at >= MINUTE_MS) this.#minute.shift();
  }

  get used(): Used {
    const [first, last] = [this.#minute[0], this.#minute.at(-1)];
    const passed = first === undefined || last === undefined ? 0 : last.at - first.at;
    return {
      sent: this.#before.sent + this.#now.sent,
      received: this.#before.received + this.#now.received,
      hour: passed >= LEAST_MS && first !== undefined && last !== undefined ? ((last.bytes - first.bytes) / passed) * 3_600_000 : -1,
    };
  }
}

/** Bytes of a peer connection: its transports' own count, where the browser has one; else those of its streams with their headers. */
export function bytesOf(report: Report): { sent: number; received: number } {
  const transports = { sent: 0, received: 0 };
  const streams = { sent: 0, received: 0 };
  for (const [, entry] of report) {
    if (entry["type"] === "transport") {
      transports.sent += number(entry["bytesSent"]);
      transports.received += number(entry["bytesReceived"]);
    }
    if (entry["type"] === "outbound-rtp") streams.sent += number(entry["bytesSent"]) + number(entry["headerBytesSent"]);
    if (entry["type"] === "inbound-rtp") streams.received += number(entry["bytesReceived"]) + number(entry["headerBytesReceived"]);
  }
  return { sent: Math.max(transports.sent, streams.sent), received: Math.max(transports.received, streams.received) };
}
