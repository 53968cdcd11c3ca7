import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { half, HEIGHT, Net, WIDTH } from "./net";

const file = readFileSync(new URL("../../../../../assets/person-mask/person-mask.f16", import.meta.url));
const weights = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength) as ArrayBuffer;

/** Somebody drawn, as in crates/mask/src/net.rs: a head and shoulders before a striped wall. */
function drawn(): Float64Array {
  const rgb = new Float64Array(WIDTH * HEIGHT * 3);
  for (let y = 0, at = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++, at += 3) {
      const round = (cx: number, cy: number, rx: number, ry: number) => ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1;
      const stripes = ((x * 7 + y * 3) % 32) / 128;
      rgb.set(round(128, 52, 22, 30) ? [0.85, 0.65, 0.55] : round(128, 150, 70, 64) ? [0.1, 0.1, 0.3] : [0.2 + stripes, 0.3 + stripes, 0.4 + stripes], at);
    }
  }
  return rgb;
}

test("it answers what another runtime answers, and what the native one answers", () => {
  const net = new Net(weights);
  const mask = new Float64Array(WIDTH * HEIGHT);
  // Twice: what one run leaves behind must not change the next.
  for (let n = 0; n < 2; n++) net.run(drawn(), mask);
  const expected = [
    [22, 129, 0.1237], [43, 149, 0.1414], [62, 149, 0.3086], [78, 113, 0.303], [82, 139, 0.2849], [84, 114, 0.5181], [86, 142, 0.3997],
    [89, 106, 0.7074], [97, 168, 0.7548], [110, 73, 0.5842], [125, 193, 0.1243], [142, 58, 0.5573], [0, 0, 0], [52, 128, 1], [143, 255, 0],
  ] as const;
  for (const [y, x, value] of expected) expect(mask[y * WIDTH + x]).toBeCloseTo(value, 3);
  expect(mask.reduce((sum, v) => sum + v) / mask.length).toBeCloseTo(0.22867, 3);
});

test("another file is refused", () => {
  expect(() => new Net(new ArrayBuffer(100))).toThrow(RangeError);
});

test("halves are read as the standard says", () => {
  expect([0x3c00, 0xc000, 0x7bff, 0x0001].map(half)).toEqual([1, -2, 65504, 2 ** -24]);
});
