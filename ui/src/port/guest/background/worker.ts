// The worker behind a guest's background: it runs the network, and it keeps the time, since a page that is not looked at has its
// own timers slowed down.

import { Guide, ROOM_HEIGHT, ROOM_WIDTH, type Strength } from "./guide";
import { HEIGHT, Net, WIDTH } from "./net";

/** To the worker. */
export type Ask =
  | { type: "start"; weights: ArrayBuffer; tickMs: number }
  /** WIDTH x HEIGHT pixels of red, green, blue and alpha. Without a strength the room is not wanted. */
  | { type: "look"; pixels: ArrayBuffer; strength?: Strength };

/** From the worker. */
export type Answer =
  | { type: "tick" }
  /** For each of WIDTH x HEIGHT pixels a slope and an offset; the blurred room. */
  | { type: "seen"; lines: ArrayBuffer; room?: ArrayBuffer };

const rgb = new Float64Array(WIDTH * HEIGHT * 3);
const mask = new Float64Array(WIDTH * HEIGHT);
const guide = new Guide();
let net: Net | undefined;

const scope = self as unknown as { postMessage(answer: Answer, transfer?: Transferable[]): void };

self.addEventListener("message", (event: MessageEvent<Ask>) => {
  const ask = event.data;
  if (ask.type === "start") {
    net = new Net(ask.weights);
    setInterval(() => scope.postMessage({ type: "tick" }), ask.tickMs);
  } else if (net !== undefined) {
    look(net, new Uint8ClampedArray(ask.pixels), ask.strength);
  }
});

function look(net: Net, pixels: Uint8ClampedArray, strength: Strength | undefined): void {
  for (let i = 0; i < WIDTH * HEIGHT; i++) for (let c = 0; c < 3; c++) rgb[i * 3 + c] = pixels[i * 4 + c]! / 255;
  net.run(rgb, mask);
  guide.update(mask);
  const lines = new Float32Array(WIDTH * HEIGHT * 2);
  guide.lines(rgb, lines);
  if (strength === undefined) return scope.postMessage({ type: "seen", lines: lines.buffer }, [lines.buffer]);
  const room = new Uint8Array(ROOM_WIDTH * ROOM_HEIGHT * 4);
  guide.room(rgb, strength, room);
  scope.postMessage({ type: "seen", lines: lines.buffer, room: room.buffer }, [lines.buffer, room.buffer]);
}
