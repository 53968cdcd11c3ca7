// Collects which pictures are on screen and how tall, and tells the port at most every now and then.

import type { Port, ShownVideo, TrackId } from "../port/port";

/** Changes within this time become one `view`; dragging a window edge makes many. Milliseconds. */
const GATHER_MS = 80;

export class ShownVideos {
  #port: Port;
  #by = new Map<symbol, ShownVideo>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(port: Port) {
    this.#port = port;
  }

  set(owner: symbol, track: TrackId, height: number): void {
    this.#by.set(owner, { track, height });
    this.#later();
  }

  remove(owner: symbol): void {
    if (this.#by.delete(owner)) this.#later();
  }

  /** A hidden page shows nothing. */
  pageVisibilityChanged(): void {
    this.#later();
  }

  #later(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#port.show(gather([...this.#by.values()], document.visibilityState === "hidden"));
    }, GATHER_MS);
  }
}

/** One entry per track with its tallest picture, tallest first. */
export function gather(all: readonly ShownVideo[], hidden: boolean): ShownVideo[] {
  const tallest = new Map<TrackId, number>();
  for (const { track, height } of all) tallest.set(track, Math.max(tallest.get(track) ?? 0, hidden ? 0 : height));
  return [...tallest].map(([track, height]) => ({ track, height })).sort((a, b) => b.height - a.height || a.track - b.track);
}
