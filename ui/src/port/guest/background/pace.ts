// How often the network runs in a guest's browser, and when it is given up: a browser does not say how busy the machine is, but
// it can be seen in how long a run takes and how far pictures are apart, and Chromium tells when the processor is at its limit.

/** Between the starts of two runs at least, milliseconds: every second picture. */
export const SHORTEST_MS = 66;
/** Of the time, at most this share is spent on runs. */
const SHARE = 0.5;
/** A run that takes longer than this leaves a mask that trails behind. */
export const SLOW_MS = 150;
/** Pictures further apart than this, milliseconds, are no film: the page itself is too busy. */
export const CRAWL_MS = 200;
/** What takes longer is no slowness: the computer slept. */
export const ASLEEP_MS = 3000;
/** So long it must have been slow, milliseconds: one busy moment is no reason. */
export const SLOW_FOR_MS = 5000;

export class Pace {
  #next = 0;
  #slowSince: number | undefined;
  #pressedSince: number | undefined;
  #crawlsSince: number | undefined;
  #painted: number | undefined;
  #now = 0;

  /** Whether a run may start. Times in milliseconds, from any beginning. */
  due(now: number): boolean {
    return now >= this.#next;
  }

  /** A run that began at `began` is over. */
  ran(began: number, now: number): void {
    const took = now - began;
    this.#now = now;
    this.#next = began + Math.max(SHORTEST_MS, Math.min(took, ASLEEP_MS) / SHARE);
    this.#slowSince = took > SLOW_MS && took < ASLEEP_MS ? (this.#slowSince ?? began) : undefined;
  }

  /** A picture was painted. */
  painted(now: number): void {
    const last = this.#painted ?? now;
    this.#now = this.#painted = now;
    this.#crawlsSince = now - last > CRAWL_MS && now - last < ASLEEP_MS ? (this.#crawlsSince ?? last) : undefined;
  }

  /** The browser says that the processor is at its limit, or is not. */
  pressed(critical: boolean, now: number): void {
    this.#now = now;
    this.#pressedSince = critical ? (this.#pressedSince ?? now) : undefined;
  }

  /** It has been too slow for too long. */
  get tooSlow(): boolean {
    return [this.#slowSince, this.#pressedSince, this.#crawlsSince].some((since) => since !== undefined && this.#now - since >= SLOW_FOR_MS);
  }
}
