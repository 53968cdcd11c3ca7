import { expect, it } from "vitest";
import { LEAST, placeDay } from "./layout";
import { instantOf } from "./zone";

const ZONE = "Europe/Berlin";
const meeting = (from: string, until: string, day = "2026-11-24") => ({
  begins_at: instantOf(from.includes("T") ? from : `${day}T${from}`, ZONE), ends_at: instantOf(until.includes("T") ? until : `${day}T${until}`, ZONE),
});
const shape = (items: ReturnType<typeof meeting>[], day = "2026-11-24") => placeDay(items, day, ZONE).map((p) => [p.top, p.bottom, p.column, p.columns]);

it("puts overlapping meetings side by side and others at full width", () => {
  expect(shape([meeting("09:00", "10:00"), meeting("09:30", "11:00"), meeting("10:00", "10:30"), meeting("12:00", "13:00")])).toEqual([
    [540, 600, 0, 2], [570, 660, 1, 2], [600, 630, 0, 2], [720, 780, 0, 1],
  ]);
});

it("does not call meetings that touch overlapping", () => {
  expect(shape([meeting("09:00", "10:00"), meeting("10:00", "11:00")])).toEqual([[540, 600, 0, 1], [600, 660, 0, 1]]);
});

it("gives five at once five columns", () => {
  const all = Array.from({ length: 5 }, () => meeting("09:00", "10:00"));
  expect(shape(all).map((p) => p[2])).toEqual([0, 1, 2, 3, 4]);
});

it("cuts at midnight, and says so", () => {
  const long = meeting("2026-11-23T22:00", "2026-11-25T01:00");
  const [middle] = placeDay([long], "2026-11-24", ZONE);
  expect(middle).toMatchObject({ top: 0, bottom: 1440, before: true, after: true });
  expect(shape([meeting("2026-11-23T22:00", "2026-11-24T00:00")])).toEqual([]);
  expect(placeDay([long], "2026-11-26", ZONE)).toEqual([]);
});

it("leaves the shortest and the latest something to hit", () => {
  const [[top, bottom]] = shape([meeting("23:58", "23:59")]) as [[number, number]];
  expect([top, bottom]).toEqual([1440 - LEAST, 1440]);
});

it("goes by the wall clock on the day clocks go back", () => {
  const day = "2026-10-25";
  expect(shape([meeting("09:00", "10:00", day)], day)).toEqual([[540, 600, 0, 1]]);
});
