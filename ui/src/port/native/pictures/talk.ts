// What the page and its picture worker say to each other.

import type { Mode, Shown } from "./wire";

/** How decoded pictures get onto a canvas: converted by the webview, by its graphics, or by us. */
export type Painter = "2d" | "webgl" | "pixels";

/** A stream on screen; `credit` is the worker's affair. */
export type Wanted = Omit<Shown, "credit">;

export interface Plan {
  mode: Mode;
  /** For pictures that arrive as I420, our own among them. */
  painter: Painter;
  /** Who decodes and draws: WebKitGTK has WebGL in the page only. */
  thread: "worker" | "page";
}

export type ToWorker =
  /** `adapt`: where decoding here falls behind, the app decodes. */
  | { type: "start"; url: string; token: string; plan: Plan; adapt: boolean }
  /** Where the app can't be reached by a socket: `app` messages come from the page, `say` goes back to it. */
  | { type: "start"; url: undefined; token: string; plan: Plan; adapt: boolean }
  | { type: "app"; message: string | ArrayBuffer }
  /** From now on by a socket, or carried by the page. */
  | { type: "way"; carried: boolean }
  | { type: "canvas"; id: number; stream: number; canvas: OffscreenCanvas | HTMLCanvasElement }
  /** A canvas of the pool hangs on screen again, or no longer. */
  | { type: "hang"; id: number; on: boolean }
  /** It will not hang again. */
  | { type: "forget"; id: number }
  /** Device pixels a canvas covers. */
  | { type: "size"; id: number; width: number; height: number }
  | { type: "show"; streams: Wanted[] }
  | { type: "stats"; ask: number }
  | { type: "probe"; ask: number }
  | { type: "stop" };

export type FromWorker =
  /** It runs; said once, first. */
  | { type: "ready" }
  | { type: "connected"; on: boolean }
  | { type: "say"; text: string }
  | { type: "stats"; ask: number; stats: PictureStats }
  | { type: "probe"; ask: number; rates: Rates };

/** Counters since the stream was first shown; times in milliseconds. */
export interface StreamFigures {
  stream: number;
  received: number;
  bytes: number;
  decoded: number;
  drawn: number;
  /** Arrived and never drawn: replaced by a later one, or not decodable. */
  dropped: number;
  errors: number;
  width: number;
  height: number;
  /** From ready in the app (released or decoded) to the draw call, of the last few hundred pictures. */
  latencyP50: number;
  latencyP95: number;
  /** The same up to the arrival in the worker. */
  arrivalP50: number;
  arrivalP95: number;
}

export interface PictureStats extends Plan {
  connected: boolean;
  /** Times the app was reached. */
  connections: number;
  streams: StreamFigures[];
}

/** Pictures of 640x360 a thread can draw per second; 0: not at all. */
export interface Rates {
  /** Decoded by WebCodecs, drawn by 2D. */
  units: number;
  /** I420 by our own conversion. */
  pixels: number;
  /** I420 by the webview's, in 2D. */
  canvas2d: number;
  /** I420 by WebGL2. */
  webgl: number;
}

/** What this webview can draw, and the best of it. */
export interface Probe {
  worker: Rates;
  page: Rates;
  plan: Plan;
}
