// Whether decoding in the webview keeps up. How fast a webview decodes one stream says little about nine of them: some hand every
// picture through several threads, which wait for each other on a machine with few cores. So it is watched where it happens.

/** Milliseconds between checks. */
export const CHECK_MS = 5000;
/** Milliseconds from ready to drawn that one picture in twenty may exceed. */
const LATE = 50;
/** Checks in a row: a machine that stumbles once stays as it is. */
const CHECKS = 2;
/** With fewer streams, decoding is no large part of the work, and pictures the size of the window cost more than it. */
const MANY = 4;
/** Pictures between two checks that say something. */
const FEW = 40;

/** What of a stream's figures is looked at. */
export interface Drawn {
  stream: number;
  drawn: number;
  latencyP95: number;
}

export class Lateness {
  #drawn = new Map<number, number>();
  #late = 0;

  /** To be called every `CHECK_MS`; whether there are many and most of those that moved were late, now and the time before. */
  check(streams: readonly Drawn[]): boolean {
    const moved = streams.filter(({ stream, drawn }) => drawn - (this.#drawn.get(stream) ?? 0) >= FEW);
    this.#drawn = new Map(streams.map(({ stream, drawn }) => [stream, drawn]));
    const late = moved.filter(({ latencyP95 }) => latencyP95 > LATE).length;
    this.#late = moved.length >= MANY && late * 2 > moved.length ? this.#late + 1 : 0;
    return this.#late >= CHECKS;
  }
}
