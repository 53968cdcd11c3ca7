import { expect, it } from "vitest";
import { ago, clock, meetingTime, shortTime, timeRange, until } from "./time";

it("shows the meeting's clock", () => {
  expect([clock(-5), clock(65_400), clock(3_845_000)]).toEqual(["0:00", "1:05", "1:04:05"]);
});

it("tells the viewer's own time and zone, over midnight too", () => {
  const at = Date.UTC(2026, 10, 21, 15, 30);
  expect(meetingTime(at, 60, "en-GB", "Europe/Berlin")).toMatch(/21 November 2026.*16:30.*17:30/);
  expect(meetingTime(at, 60, "zh-CN", "Asia/Shanghai")).toMatch(/11月21日.*23:30.*11月22日.*00:30/);
  expect(shortTime(at, "en-GB", "UTC")).toBe("15:30");
  // A time alone looks as it does in a range.
  expect([shortTime(at, "zh-CN", "Pacific/Honolulu"), timeRange(at, at + 60_000, "zh-CN", "Pacific/Honolulu")]).toEqual(["05:30", "05:30–05:31"]);
  expect(shortTime(at, "en-US", "Pacific/Honolulu")).toMatch(/^5:30\sAM$/);
});

it("says how long it is until the start", () => {
  expect(until(60_000 * 12, 0, "en")).toBe("in 12 minutes");
  expect(until(3_600_000 * 5, 0, "en")).toBe("in 5 hours");
  expect(until(86_400_000 * 3, 0, "en")).toBe("in 3 days");
});

it("says how long ago, and beyond a week on which day", () => {
  const now = Date.UTC(2026, 10, 21, 12);
  const minute = 60_000;
  expect(ago(now - 5 * minute, now, "en")).toBe("5 minutes ago");
  expect(ago(now - 180 * minute, now, "en")).toBe("3 hours ago");
  expect(ago(now - 1440 * minute, now, "en")).toBe("yesterday");
  expect(ago(now - 30 * 1440 * minute, now, "en")).toContain("2026");
  expect(ago(now + minute, now, "en")).toBe("now");
  expect(ago(now - 1440 * minute, now, "zh-CN")).toBe("昨天");
});
