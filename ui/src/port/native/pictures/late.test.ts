import { expect, test } from "vitest";
import { type Drawn, Lateness } from "./late";

/** Streams that have drawn so many pictures each, with these latencies. */
function streams(drawn: number, ...latencies: number[]): Drawn[] {
  return latencies.map((latencyP95, stream) => ({ stream, drawn, latencyP95 }));
}

test("most streams late twice in a row is late; one of them, or once, is not", () => {
  const lateness = new Lateness();
  expect(lateness.check(streams(100, 80, 90, 80, 20))).toBe(false);
  expect(lateness.check(streams(200, 30, 30, 30, 20))).toBe(false);
  expect(lateness.check(streams(300, 80, 30, 30, 20))).toBe(false);
  expect(lateness.check(streams(400, 80, 30, 30, 20))).toBe(false);
  expect(lateness.check(streams(500, 80, 90, 80, 20))).toBe(false);
  expect(lateness.check(streams(600, 80, 90, 80, 20))).toBe(true);
});

test("a few streams are decoded in the webview however late they are", () => {
  const lateness = new Lateness();
  for (let i = 1; i < 5; i += 1) expect(lateness.check(streams(100 * i, 80, 90, 80))).toBe(false);
});

test("streams that stand still say nothing", () => {
  const lateness = new Lateness();
  for (let i = 0; i < 4; i += 1) expect(lateness.check(streams(100, 80, 90, 80, 80))).toBe(false);
  expect(lateness.check([])).toBe(false);
});
