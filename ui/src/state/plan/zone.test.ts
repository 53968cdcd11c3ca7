import { describe, expect, it } from "vitest";
import { addDays, dateAt, dayStart, daysBetween, firstDayOf, instantOf, isDate, isZone, localAt, offsetAt, weekdayOf, weekStart } from "./zone";

const utc = (text: string) => Date.parse(`${text}Z`);

describe("local times and instants", () => {
  it("agree for a series at nine in Berlin over both changes of clocks", () => {
    for (const [date, hour] of [["2026-03-28", 8], ["2026-03-30", 7], ["2026-10-24", 7], ["2026-10-26", 8]] as const) {
      const at = instantOf(`${date}T09:00`, "Europe/Berlin");
      expect(at).toBe(utc(`${date}T0${hour}:00:00`));
      expect(localAt(at, "Europe/Berlin")).toBe(`${date}T09:00`);
    }
  });
  it("are found in zones with odd offsets and far ahead", () => {
    expect(instantOf("2026-11-24T09:00", "Asia/Kathmandu")).toBe(utc("2026-11-24T03:15:00"));
    expect(localAt(utc("2026-11-24T23:30:00"), "Pacific/Kiritimati")).toBe("2026-11-25T13:30");
    expect(offsetAt(utc("2026-07-01T00:00:00"), "America/New_York")).toBe(-4 * 3_600_000);
  });
  it("skip forward over a gap and take the first of two", () => {
    expect(localAt(instantOf("2026-03-29T02:30", "Europe/Berlin"), "Europe/Berlin")).toBe("2026-03-29T03:30");
    expect(instantOf("2026-10-25T02:30", "Europe/Berlin")).toBe(utc("2026-10-25T00:30:00"));
  });
  it("begin a day where midnight is skipped", () => {
    expect(localAt(dayStart("2026-09-06", "America/Santiago"), "America/Santiago")).toBe("2026-09-06T01:00");
  });
  it("are told from what is none", () => {
    for (const bad of ["", "2026-02-30T10:00", "2026-11-24T25:00", "tomorrow"]) expect(instantOf(bad, "UTC")).toBeNaN();
    expect(isDate("2028-02-29")).toBe(true);
    expect(isDate("2026-02-29")).toBe(false);
    expect(isZone("Mars/Olympus")).toBe(false);
    expect(isZone("Asia/Shanghai")).toBe(true);
  });
});

it("counts days and weeks over the end of a year", () => {
  expect(addDays("2026-12-31", 1)).toBe("2027-01-01");
  expect(daysBetween("2026-03-28", "2026-03-30")).toBe(2);
  expect(weekdayOf("2026-11-22")).toBe(6);
  expect(weekStart("2026-11-22", 0)).toBe("2026-11-16");
  expect(weekStart("2026-11-22", 6)).toBe("2026-11-22");
  expect(dateAt(Date.parse("2026-11-22T20:00:00Z"), "Asia/Shanghai")).toBe("2026-11-23");
});

it("begins weeks as the place does", () => {
  expect(firstDayOf("en-US")).toBe(6);
  expect(firstDayOf("de-DE")).toBe(0);
  expect(firstDayOf("not a tag")).toBe(0);
});
