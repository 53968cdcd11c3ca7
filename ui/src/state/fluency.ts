// Whether speech reached this listener without breaks, minute by minute: the twin of crates/congestion/src/fluency.rs.
import type { Listening } from "../generated/protocol";

/** The most of a minute that may be stalled, in thousandths. */
export const FLUENT_PERMILLE = 30;

const MINUTE_MS = 60_000;
/** A pause between two updates that is longer was no listening: the machine slept. */
const LONGEST_PAUSE_MS = 2000;

export class Fluency {
  #last: number | undefined;
  /** What stalled in the last minute, by when it was told. */
  #stalls: { at: number; ms: number }[] = [];
  /** Of the minute that is being counted: the time there was somebody to listen to, and how much of it was stalled. */
  #listened = 0;
  #broken = 0;
  #minutes = 0;
  #fluentMinutes = 0;

  /**
   * To be called once a second or more often. `stalledMs`: how much of the time since the last call was spent in stalls,
   * the largest of all voices heard. `listening`: somebody could be heard.
   */
  update(stalledMs: number, listening: boolean, nowMs: number): void {
    const passed = nowMs - (this.#last ?? nowMs);
    this.#last = nowMs;
    this.#stalls = this.#stalls.filter((s) => s.at + MINUTE_MS > nowMs);
    if (!listening) return;
    if (stalledMs > 0) this.#stalls.push({ at: nowMs, ms: stalledMs });
    this.#listened += Math.min(passed, LONGEST_PAUSE_MS);
    this.#broken += stalledMs;
    if (this.#listened >= MINUTE_MS) {
      this.#minutes += 1;
      if (permille(this.#broken) <= FLUENT_PERMILLE) this.#fluentMinutes += 1;
      this.#listened -= MINUTE_MS;
      this.#broken = 0;
    }
  }

  /** Of the last 60 seconds, and all whole minutes; time in which nobody could be heard is no part of these. */
  get listening(): Listening {
    const stalled = this.#stalls.reduce((sum, s) => sum + s.ms, 0);
    return { stalled_permille: permille(stalled), minutes: this.#minutes, fluent_minutes: this.#fluentMinutes };
  }
}

/** Of a minute; rounded up, so that a minute a little above the rule is not within it. */
function permille(stalledMs: number): number {
  return Math.min(1000, Math.ceil((stalledMs * 1000) / MINUTE_MS));
}
