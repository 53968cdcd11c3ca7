import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Fluency } from "./fluency";

interface Case {
  name: string;
  steps: { times: number; every_ms: number; stalled_ms: number; listening: boolean; stalled_permille: number; minutes: number; fluent_minutes: number }[];
}

const CASES = JSON.parse(readFileSync(new URL("../../../tests/data/fluency.json", import.meta.url), "utf8")) as Case[];

test.each(CASES)("$name", ({ steps }) => {
  const fluency = new Fluency();
  let now = 0;
  fluency.update(0, false, now);
  for (const { times, every_ms, stalled_ms, listening, ...expected } of steps) {
    for (let i = 0; i < times; i += 1) {
      now += every_ms;
      fluency.update(stalled_ms, listening, now);
    }
    expect(fluency.listening).toEqual(expected);
  }
});

test("a stall is forgotten a minute later", () => {
  const fluency = new Fluency();
  fluency.update(600, true, 1000);
  fluency.update(0, true, 60_999);
  expect(fluency.listening.stalled_permille).toBe(10);
  fluency.update(0, true, 61_000);
  expect(fluency.listening.stalled_permille).toBe(0);
});
