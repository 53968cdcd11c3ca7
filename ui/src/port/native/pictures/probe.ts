// What this webview can draw, measured: decode and draw a built-in clip as fast as it goes, and I420 pictures likewise. A webview
// that has WebCodecs may still be slow at it, and one with WebGL may run it in software; names and versions tell neither.

import { CLIP_HEIGHT, CLIP_WIDTH, clip } from "./clip";
import { codecOf } from "./codec";
import { canDecode, webCodecs } from "./decoder";
import { CanvasEasel } from "./paint";
import type { Picture } from "./stream";
import type { Painter, Plan, Rates } from "./talk";

/** Milliseconds each way is given, once it has begun. */
const TIME = 200;
/** The first picture may take long: decoders are looked for and loaded then. */
const PATIENCE = 5000;
/** Nine people at ten pictures a second: machines are busy when this is measured. */
const ENOUGH = 90;
/** Decoding in the app, scaling there and bringing the pictures here costs about three times what drawing them does. */
const WORTH = 4;
const PAINTERS = ["pixels", "2d", "webgl"] as const satisfies readonly Painter[];
/** Units in the decoder at once, as in a meeting. */
const WINDOW = 6;

/** The rates of the thread it runs on. */
export async function probe(): Promise<Rates> {
  const units = canDecode() ? await rateOfUnits().catch(() => 0) : 0;
  const [pixels, canvas2d, webgl] = PAINTERS.map((painter) => attempt(() => rateOfPlanes(painter))) as [number, number, number];
  return { units, pixels, canvas2d, webgl };
}

/**
 * Units in the worker where they are drawn fast enough or the other ways are not many times faster, since those leave the decoding to the
 * app; a ratio, so that a machine that is busy at the moment chooses alike. The page's thread only where the worker's is too slow and it
 * much faster, since views live on it.
 */
export function choose(worker: Rates, page: Rates): Plan {
  const inWorker = fastest(worker);
  const inPage = fastest(page);
  if (worker.units >= ENOUGH || (worker.units > 0 && worker.units * WORTH >= Math.max(inWorker.rate, inPage.rate / 1.5))) {
    return { mode: "units", painter: inWorker.painter, thread: "worker" };
  }
  if (inWorker.rate >= ENOUGH || inWorker.rate >= inPage.rate / 1.5) return { mode: "pictures", painter: inWorker.painter, thread: "worker" };
  return { mode: "pictures", painter: inPage.painter, thread: "page" };
}

function fastest({ pixels, canvas2d, webgl }: Rates): { rate: number; painter: Painter } {
  const rate = Math.max(pixels, canvas2d, webgl);
  return { rate, painter: PAINTERS[[pixels, canvas2d, webgl].indexOf(rate)] ?? "pixels" };
}

async function rateOfUnits(): Promise<number> {
  const units = clip();
  const first = units[0];
  const codec = first === undefined ? undefined : codecOf("h264", first);
  if (codec === undefined) return 0;
  const canvas = makeCanvas();
  const easel = new CanvasEasel(canvas, "2d");
  let [sent, drawn, begun] = [0, 0, 0];
  return await new Promise<number>((resolve, reject) => {
    const decoder = webCodecs(codec, output, () => reject(new Error("not decodable")));
    const tired = setTimeout(finish, PATIENCE);
    function feed(): void {
      while (sent - drawn < WINDOW) {
        const unit = units[sent % units.length];
        if (unit === undefined) return;
        decoder.decode(sent % units.length === 0, sent * 33_333, unit);
        sent += 1;
      }
    }
    function output(picture: Picture): void {
      easel.draw(picture);
      picture.close();
      drawn += 1;
      const now = performance.now();
      if (drawn === 1) begun = now;
      if (now - begun < TIME) feed();
      else finish();
    }
    function finish(): void {
      clearTimeout(tired);
      decoder.close();
      settle(canvas, "2d");
      // The first one began the count.
      resolve(drawn < 2 ? 0 : Math.round(((drawn - 1) * 1000) / (performance.now() - begun)));
    }
    feed();
  });
}

function rateOfPlanes(painter: Painter): number {
  const canvas = makeCanvas();
  const easel = new CanvasEasel(canvas, painter);
  if (painter === "webgl" && canvas.getContext("webgl2") === null) return 0;
  const [width, height] = [CLIP_WIDTH, CLIP_HEIGHT];
  const data = new Uint8Array((width * height * 3) / 2).map((_, i) => (i * 7 + (i >> 9)) & 0xff);
  const picture: Picture = { width, height, source: { data, width, height }, close: () => {} };
  const begun = performance.now();
  let drawn = 0;
  // Settled every few, or a queue of commands would pass for speed.
  while (performance.now() - begun < TIME) {
    for (let i = 0; i < 4; i += 1, drawn += 1) {
      data[drawn % data.length] = drawn & 0xff;
      easel.draw(picture);
    }
    settle(canvas, painter);
  }
  easel.close();
  return Math.round((drawn * 1000) / (performance.now() - begun));
}

/** The page's own kind in the page: some webviews have WebGL on nothing else. */
function makeCanvas(): OffscreenCanvas | HTMLCanvasElement {
  if (typeof document === "undefined") return new OffscreenCanvas(CLIP_WIDTH, CLIP_HEIGHT);
  const canvas = document.createElement("canvas");
  canvas.width = CLIP_WIDTH;
  canvas.height = CLIP_HEIGHT;
  return canvas;
}

/** Waits until everything was really drawn. */
function settle(canvas: OffscreenCanvas | HTMLCanvasElement, painter: Painter): void {
  if (painter === "webgl") {
    const gl = canvas.getContext("webgl2") as WebGL2RenderingContext | null;
    gl?.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  } else {
    (canvas.getContext("2d") as CanvasRenderingContext2D | null)?.getImageData(0, 0, 1, 1);
  }
}

function attempt(measure: () => number): number {
  try {
    return measure();
  } catch {
    return 0;
  }
}
