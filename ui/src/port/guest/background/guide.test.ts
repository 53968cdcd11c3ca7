import { expect, test } from "vitest";
import { boxMean, Guide, ROOM_HEIGHT, ROOM_WIDTH } from "./guide";
import { HEIGHT, WIDTH } from "./net";

/** A bright red person left of `edge` in a dark blue room. */
function picture(edge: number): Float64Array {
  const rgb = new Float64Array(WIDTH * HEIGHT * 3);
  for (let i = 0; i < WIDTH * HEIGHT; i++) rgb.set(i % WIDTH < edge ? [0.9, 0.6, 0.5] : [0.1, 0.1, 0.3], i * 3);
  return rgb;
}

const mask = (edge: number) => new Float64Array(WIDTH * HEIGHT).map((_, i) => Math.min(1, Math.max(0, 0.5 + (edge - (i % WIDTH)) / 12)));
const luma = (rgb: Float64Array, i: number) => 0.299 * rgb[i * 3]! + 0.587 * rgb[i * 3 + 1]! + 0.114 * rgb[i * 3 + 2]!;

test("the mask follows the picture's edge and not the network's", () => {
  const guide = new Guide();
  const rgb = picture(100);
  const lines = new Float32Array(WIDTH * HEIGHT * 2);
  guide.update(mask(102));
  guide.lines(rgb, lines);
  const at = (x: number) => {
    const i = 70 * WIDTH + x;
    return lines[i * 2]! * luma(rgb, i) + lines[i * 2 + 1]!;
  };
  // The network's answer falls by a twelfth from pixel to pixel.
  expect(at(99) - at(100)).toBeGreaterThan(0.35);
  expect(at(20)).toBeGreaterThan(0.99);
  expect(at(200)).toBeLessThan(0.01);
});

test("the person does not glow into the blurred room", () => {
  const guide = new Guide();
  const out = new Uint8Array(ROOM_WIDTH * ROOM_HEIGHT * 4);
  guide.update(mask(100).map((v) => (v >= 0.5 ? 1 : 0)));
  guide.room(picture(100), "strong", out);
  const beside = (36 * ROOM_WIDTH + 52) * 4;
  expect([...out.subarray(beside, beside + 4)]).toEqual([26, 26, 77, 255]);
});

test("a trembling mask is steadied and a moving one followed", () => {
  const guide = new Guide();
  const lines = new Float32Array(WIDTH * HEIGHT * 2);
  const flat = new Float64Array(WIDTH * HEIGHT * 3).fill(0.5);
  const seen = Array.from({ length: 40 }, (_, n) => {
    guide.update(new Float64Array(WIDTH * HEIGHT).fill(n % 2 === 0 ? 0.52 : 0.58));
    guide.lines(flat, lines);
    return lines[1]!;
  }).slice(30);
  expect(Math.max(...seen) - Math.min(...seen)).toBeLessThan(0.09);
  guide.update(new Float64Array(WIDTH * HEIGHT).fill(1));
  guide.lines(flat, lines);
  expect(lines[1]).toBeCloseTo(1.28, 3);
});

test("windows are means also at borders", () => {
  const values = Float64Array.from([1, 2, 4, 8, 3, 5]);
  boxMean(values, new Float64Array(6), 3, 2, 1);
  [14 / 4, 23 / 6, 14 / 4, 14 / 4, 23 / 6, 14 / 4].forEach((v, i) => expect(values[i]).toBeCloseTo(v, 9));
});
