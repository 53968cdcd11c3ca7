import { expect, test } from "vitest";
import { Pace, SHORTEST_MS, SLOW_FOR_MS } from "./pace";

function run(pace: Pace, took: number, from: number, until: number): void {
  for (let now = from; now < until; now += 10) {
    if (!pace.due(now)) continue;
    pace.ran(now, now + took);
    now += took;
  }
}

test("a quick machine looks at every second picture, a slow one rests as long as it ran", () => {
  const pace = new Pace();
  pace.ran(0, 10);
  expect([pace.due(SHORTEST_MS - 1), pace.due(SHORTEST_MS)]).toEqual([false, true]);
  pace.ran(100, 180);
  expect([pace.due(259), pace.due(260)]).toEqual([false, true]);
});

test("only what is slow for long is given up", () => {
  const pace = new Pace();
  run(pace, 40, 0, 60_000);
  expect(pace.tooSlow).toBe(false);
  run(pace, 200, 60_000, 60_000 + SLOW_FOR_MS - 1000);
  expect(pace.tooSlow).toBe(false);
  run(pace, 40, 65_000, 66_000);
  run(pace, 200, 66_000, 66_000 + SLOW_FOR_MS + 1000);
  expect(pace.tooSlow).toBe(true);
});

test("a processor at its limit counts too", () => {
  const pace = new Pace();
  pace.pressed(true, 0);
  pace.pressed(true, 3000);
  pace.pressed(false, 4000);
  pace.pressed(true, 5000);
  run(pace, 20, 5000, 9000);
  expect(pace.tooSlow).toBe(false);
  run(pace, 20, 9000, 11_000);
  expect(pace.tooSlow).toBe(true);
});

test("a page that paints five pictures a second and fewer is given up", () => {
  const pace = new Pace();
  for (let now = 0; now <= 30_000; now += 150) pace.painted(now);
  expect(pace.tooSlow).toBe(false);
  for (let now = 30_250; now <= 30_250 + SLOW_FOR_MS; now += 250) pace.painted(now);
  expect(pace.tooSlow).toBe(true);
});

test("a computer that slept is not slow", () => {
  const pace = new Pace();
  pace.painted(0);
  pace.ran(0, 3_600_000);
  pace.painted(3_600_000);
  expect(pace.tooSlow).toBe(false);
});
