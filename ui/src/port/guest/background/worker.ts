// The workers behind a guest's background: one runs the network; another keeps the time, since a page that is not looked at has its
// own timers slowed down, and the first is busy for longer than a picture lasts.

import { Guide, ROOM_HEIGHT, ROOM_WIDTH, type Strength } from "./guide";
import { HEIGHT, Net, WIDTH } from "./net";

/** To the worker. */
export type Ask =
  | { type: "clock"; tickMs: number }
  | { type: "start"; weights: ArrayBuffer }
  /** WIDTH x HEIGHT pixels of red, green, blue and alpha. Without a strength the room is not wanted. */
  | { type: "look"; pixels: ArrayBuffer; strength?: Strength };

/** From the worker. */
export type Answer =
  | { type: "tick" }
  /** For each of WIDTH x HEIGHT pixels a slope and an offset; the blurred room. */
  | { type: "seen"; lines: ArrayBuffer; room?: ArrayBuffer };

let eye: Eye | undefined;

const scope = self as unknown as { postMessage(answer: Answer, transfer?: Transferable[]): void };

self.addEventListener("message", (event: MessageEvent<Ask>) => {
  const ask = event.data;
  if (ask.type === "clock") setInterval(() => scope.postMessage({ type: "tick" }), ask.tickMs);
  else if (ask.type === "start") eye = new Eye(ask.weights);
  else eye?.look(new Uint8ClampedArray(ask.pixels), ask.strength);
});

class Eye {
  readonly #rgb = new Float64Array(WIDTH * HEIGHT * 3);
  readonly #mask = new Float64Array(WIDTH * HEIGHT);
  readonly #guide = new Guide();
  readonly #net: Net;

  constructor(weights: ArrayBuffer) {
    this.#net = new Net(weights);
  }

  look(pixels: Uint8ClampedArray, strength: Strength | undefined): void {
    const rgb = this.#rgb;
    for (let i = 0; i < WIDTH * HEIGHT; i++) for (let c = 0; c < 3; c++) rgb[i * 3 + c] = pixels[i * 4 + c]! / 255;
    this.#net.run(rgb, this.#mask);
    this.#guide.update(this.#mask);
    const lines = new Float32Array(WIDTH * HEIGHT * 2);
    this.#guide.lines(rgb, lines);
    if (strength === undefined) return scope.postMessage({ type: "seen", lines: lines.buffer }, [lines.buffer]);
    const room = new Uint8Array(ROOM_WIDTH * ROOM_HEIGHT * 4);
    this.#guide.room(rgb, strength, room);
    scope.postMessage({ type: "seen", lines: lines.buffer, room: room.buffer }, [lines.buffer, room.buffer]);
  }
}
