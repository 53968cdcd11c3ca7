import { expect, it } from "vitest";
import { loudness } from "./level";

it("maps silence to 0, full scale to 1 and -30 dBFS to the middle", () => {
  expect(loudness([0, 0])).toBe(0);
  expect(loudness([])).toBe(0);
  expect(loudness([1, -1])).toBe(1);
  expect(loudness([0.0316228, -0.0316228])).toBeCloseTo(0.5, 2);
  expect(loudness([1e-9])).toBe(0);
});
