// How loud it is, for meters that ask at every drawn frame: the shell measures only while somebody does.

import type { Levels } from "../port";

/** The shell stops by itself after two seconds; asked again in time, it goes on. */
const RENEW_MS = 1000;

export class LevelWatch {
  readonly #ask: () => void;
  readonly #now: () => number;
  #levels: Levels = { microphone: 0, speaker: 0 };
  #asked = -Infinity;
  #heard = -Infinity;

  constructor(ask: () => void, now: () => number = () => performance.now()) {
    this.#ask = ask;
    this.#now = now;
  }

  read(): Levels {
    const now = this.#now();
    if (now - this.#asked >= RENEW_MS) {
      this.#asked = now;
      this.#ask();
    }
    // Old numbers are no numbers: the watch had stopped.
    return now - this.#heard < RENEW_MS ? this.#levels : { microphone: 0, speaker: 0 };
  }

  note(levels: Levels): void {
    this.#levels = levels;
    this.#heard = this.#now();
  }
}
