// Collects which pictures are on screen and how tall, and tells the port at most every now and then.

import type { Port, ShownVideo, TrackId } from "../port/port";

/** Changes within this time become one `view`; dragging a window edge makes many. Milliseconds. */
const GATHER_MS = 80;

export class ShownVideos {
  #port: Port;
  #by = new Map<symbol, Shown>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(port: Port) {
    this.#port = port;
  }

  /** `apart`: in a window of its own, which is seen also while this page is hidden. */
  set(owner: symbol, track: TrackId, height: number, apart = false): void {
    this.#by.set(owner, { track, height, apart });
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

export interface Shown extends ShownVideo {
  apart?: boolean;
}

/** One entry per track with its tallest picture, tallest first. `hidden`: nobody sees the page, only windows apart. */
export function gather(all: readonly Shown[], hidden: boolean): ShownVideo[] {
  const tallest = new Map<TrackId, number>();
  for (const { track, height, apart } of all) tallest.set(track, Math.max(tallest.get(track) ?? 0, hidden && apart !== true ? 0 : height));
  return [...tallest].map(([track, height]) => ({ track, height })).sort((a, b) => b.height - a.height || a.track - b.track);
}
