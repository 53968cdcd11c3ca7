// What this webview can draw, measured: decode and draw a built-in clip as fast as it goes, and I420 pictures likewise. A webview
// that has WebCodecs may still be slow at it, and one with WebGL may run it in software; names and versions tell neither.

import { CLIP_HEIGHT, CLIP_WIDTH, clip } from "./clip";
import { codecOf } from "./codec";
import { canDecode, webCodecs } from "./decoder";
import { CanvasEasel } from "./paint";
import type { Picture } from "./stream";
import type { Painter, Plan, Probe } from "./talk";

/** Milliseconds each way is given. */
const TIME = 350;
/** Enough for four people at 24 pictures a second: below that decoding in the app is worth its price. */
const ENOUGH = 96;
/** Units in the decoder at once, as in a meeting. */
const WINDOW = 6;

export async function probe(): Promise<Probe> {
  const units = canDecode() ? await rateOfUnits().catch(() => 0) : 0;
  const webgl = attempt(() => rateOfPlanes("webgl"));
  const canvas2d = attempt(() => rateOfPlanes("2d"));
  return { units, webgl, canvas2d, plan: choose({ units, webgl, canvas2d }) };
}

/** Units where they are drawn fast enough or the other ways are no faster, counting that those still leave the decoding to the app. */
export function choose({ units, webgl, canvas2d }: Omit<Probe, "plan">): Plan {
  const painter: Painter = webgl > canvas2d * 1.1 ? "webgl" : "2d";
  const pictures = Math.max(webgl, canvas2d);
  const mode = units > 0 && (units >= ENOUGH || units * 2 >= pictures) ? "units" : "pictures";
  return { mode, painter };
}

async function rateOfUnits(): Promise<number> {
  const units = clip();
  const first = units[0];
  const codec = first === undefined ? undefined : codecOf("h264", first);
  if (codec === undefined) return 0;
  const canvas = new OffscreenCanvas(CLIP_WIDTH, CLIP_HEIGHT);
  const easel = new CanvasEasel(canvas, "2d");
  const begun = performance.now();
  let [sent, drawn, ended] = [0, 0, begun];
  return await new Promise<number>((resolve, reject) => {
    const decoder = webCodecs(codec, output, () => reject(new Error("not decodable")));
    // A decoder that says nothing at all.
    const tired = setTimeout(finish, TIME * 4);
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
      ended = performance.now();
      if (ended - begun < TIME) feed();
      else finish();
    }
    function finish(): void {
      clearTimeout(tired);
      decoder.close();
      settle(canvas, "2d");
      ended = performance.now();
      resolve(Math.round((drawn * 1000) / (ended - begun)));
    }
    feed();
  });
}

function rateOfPlanes(painter: Painter): number {
  const canvas = new OffscreenCanvas(CLIP_WIDTH, CLIP_HEIGHT);
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
  return Math.round((drawn * 1000) / (performance.now() - begun));
}

/** Waits until everything was really drawn. */
function settle(canvas: OffscreenCanvas, painter: Painter): void {
  if (painter === "webgl") {
    const gl = canvas.getContext("webgl2");
    gl?.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  } else {
    canvas.getContext("2d")?.getImageData(0, 0, 1, 1);
  }
}

function attempt(measure: () => number): number {
  try {
    return measure();
  } catch {
    return 0;
  }
}
