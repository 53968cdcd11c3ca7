// Whether a connection is far or stumbles: how long its pings take, and beside the fastest of them. Pure; twin of crates/board/src/lane/pace.rs.

/** Between pings while something comes or goes, and so long after it. */
const ACTIVE_MS = 1000;
/** Between pings otherwise. */
const IDLE_MS = 10_000;
/** A ping that takes this much longer than the fastest was held back: TCP makes up for a lost segment a round trip later, or 200 ms. */
const LATE_MS = 120;
/** Where two pings took so long, a lost segment costs more than anybody fails to see, and it is not waited for. */
const FAR_MS = 100;
/** So many of the last ones have to be late. */
const STUMBLES = 2;
const LOOKED_AT = 10;

/** Times are milliseconds of one clock. */
export class Pace {
  #asked: number | undefined;
  #lastAsked: number | undefined;
  #lastBusy = -Infinity;
  #fastest = Infinity;
  #late: boolean[] = [];
  #again = false;

  constructor(private readonly began: number) {}

  /** Something came or went. */
  busy(now: number): void {
    this.#lastBusy = now;
  }

  /** When the next ping is due: the first at once. */
  get due(): number {
    if (this.#lastAsked === undefined) return this.began;
    const busy = this.#lastBusy + ACTIVE_MS >= this.#lastAsked && this.#asked === undefined;
    return this.#lastAsked + (busy ? ACTIVE_MS : IDLE_MS);
  }

  asked(now: number): void {
    this.#asked ??= now;
    this.#lastAsked = now;
  }

  answered(now: number): void {
    if (this.#asked === undefined) return;
    const took = now - this.#asked;
    this.#asked = undefined;
    this.#fastest = Math.min(this.#fastest, took);
    this.#late.push(took > this.#fastest + LATE_MS);
    if (this.#late.length > LOOKED_AT) this.#late.shift();
  }

  /** Whether it needs another beside it: it stumbles, or it is far and there was none yet. */
  get isSlow(): boolean {
    const isFar = this.#late.length >= 2 && this.#fastest >= FAR_MS;
    const late = this.#late.filter((late) => late).length;
    return late >= STUMBLES || (isFar && !this.#again);
  }

  /** The other one is gone: looks anew whether it stumbles. */
  forget(): void {
    this.#again = true;
    this.#late = [];
  }
}
