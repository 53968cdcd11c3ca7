// From the network's coarse mask to one that follows the picture's edges, and the room blurred without the person in it, as
// crates/picture has both (mask.rs, background.rs). What is left to do for each pixel of the picture is in paint.ts.

import { HEIGHT, WIDTH } from "./net";

/** Pixels in a row of the blurred room, and rows. */
export const ROOM_WIDTH = WIDTH / 2;
export const ROOM_HEIGHT = HEIGHT / 2;

export type Strength = "light" | "strong";

/** Half the side of the window in which mask and luma are compared. */
const REACH = 3;
/** Variance of luma (0 to 1) below which the window counts as flat. */
const FLAT = 1e-3;
/** What the network is less sure of than the first is background, more than the second person. */
const UNSURE = [0.3, 0.8] as const;
/** Slope and offset of the last step, which makes the edge crisper. */
const CRISP = [1.5, -0.22] as const;
/** Share of a new mask where it agrees with the last one; it rises to all of it at a difference of MOVED. */
const STEADY = 0.35;
const MOVED = 0.4;
/** Box filters, one after another: three are close to a Gaussian. */
const PASSES = 3;
/** What a pixel of the person counts in the blur, against 1 of the background. */
const LEAST_WEIGHT = 1e-3;

const PIXELS = WIDTH * HEIGHT;

export class Guide {
  readonly #steady = new Float64Array(PIXELS);
  #known = false;
  readonly #planes = Array.from({ length: 4 }, () => new Float64Array(PIXELS));
  readonly #scratch = new Float64Array(PIXELS);

  /** Takes the network's answer. */
  update(mask: Float64Array): void {
    const steady = this.#steady;
    for (let i = 0; i < PIXELS; i++) {
      const fresh = clamp((mask[i]! - UNSURE[0]) / (UNSURE[1] - UNSURE[0]));
      const share = this.#known ? STEADY + (1 - STEADY) * Math.min(1, Math.abs(fresh - steady[i]!) / MOVED) : 1;
      steady[i] = steady[i]! + (fresh - steady[i]!) * share;
    }
    this.#known = true;
  }

  /** For each coarse pixel a slope and an offset: the mask there is slope x luma (0 to 1) + offset (He, Sun: arXiv:1505.00996). */
  lines(rgb: Float64Array, out: Float32Array): void {
    const [luma, mask, both, square] = this.#planes as [Float64Array, Float64Array, Float64Array, Float64Array];
    for (let i = 0; i < PIXELS; i++) {
      const l = 0.299 * rgb[i * 3]! + 0.587 * rgb[i * 3 + 1]! + 0.114 * rgb[i * 3 + 2]!;
      const m = this.#steady[i]!;
      luma[i] = l;
      mask[i] = m;
      both[i] = l * m;
      square[i] = l * l;
    }
    for (const plane of this.#planes) boxMean(plane, this.#scratch, WIDTH, HEIGHT, REACH);
    for (let i = 0; i < PIXELS; i++) {
      const slope = (both[i]! - luma[i]! * mask[i]!) / (square[i]! - luma[i]! * luma[i]! + FLAT);
      mask[i] = mask[i]! - slope * luma[i]!;
      luma[i] = slope;
    }
    boxMean(luma, this.#scratch, WIDTH, HEIGHT, REACH);
    boxMean(mask, this.#scratch, WIDTH, HEIGHT, REACH);
    for (let i = 0; i < PIXELS; i++) {
      out[i * 2] = luma[i]! * CRISP[0];
      out[i * 2 + 1] = mask[i]! * CRISP[0] + CRISP[1];
    }
  }

  /** The room without the person, blurred: ROOM_WIDTH x ROOM_HEIGHT pixels of red, green, blue and 255. */
  room(rgb: Float64Array, strength: Strength, out: Uint8Array): void {
    const size = ROOM_WIDTH * ROOM_HEIGHT;
    const planes = this.#planes.map((plane) => plane.subarray(0, size));
    const weight = planes[3]!;
    for (let y = 0, i = 0; y < ROOM_HEIGHT; y++) {
      for (let x = 0; x < ROOM_WIDTH; x++, i++) {
        const corner = y * 2 * WIDTH + x * 2;
        const four = [corner, corner + 1, corner + WIDTH, corner + WIDTH + 1] as const;
        let cover = 0;
        for (const at of four) cover += this.#steady[at]! / 4;
        weight[i] = Math.max(1 - cover, LEAST_WEIGHT);
        for (let c = 0; c < 3; c++) {
          let sum = 0;
          for (const at of four) sum += rgb[at * 3 + c]! / 4;
          planes[c]![i] = sum * weight[i]!;
        }
      }
    }
    const reach = Math.max(1, Math.trunc(ROOM_HEIGHT / (strength === "light" ? 40 : 15)));
    for (const plane of planes) for (let n = 0; n < PASSES; n++) boxMean(plane, this.#scratch, ROOM_WIDTH, ROOM_HEIGHT, reach);
    for (let i = 0; i < size; i++) {
      for (let c = 0; c < 3; c++) out[i * 4 + c] = Math.round(clamp(planes[c]![i]! / weight[i]!) * 255);
      out[i * 4 + 3] = 255;
    }
  }
}

/** The mean of a window of `2 * reach + 1` on each side, cut off at the borders, by running sums. */
export function boxMean(values: Float64Array, scratch: Float64Array, width: number, height: number, reach: number): void {
  lineMeans(values, scratch, height, width, width, 1, reach);
  lineMeans(scratch, values, width, height, 1, width, reach);
}

function lineMeans(from: Float64Array, to: Float64Array, lines: number, length: number, apart: number, step: number, reach: number): void {
  for (let line = 0; line < lines; line++) {
    const first = line * apart;
    let sum = 0;
    for (let i = 0; i < Math.min(reach, length); i++) sum += from[first + i * step]!;
    for (let i = 0; i < length; i++) {
      if (i + reach < length) sum += from[first + (i + reach) * step]!;
      if (i > reach) sum -= from[first + (i - reach - 1) * step]!;
      to[first + i * step] = sum / (Math.min(i + reach, length - 1) - Math.max(0, i - reach) + 1);
    }
  }
}

function clamp(v: number): number {
  return v < 0 ? 0 : v > 1 ? 1 : v;
}
