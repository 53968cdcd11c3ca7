import { describe, expect, it } from "vitest";
import { en } from "../../i18n/en";
import { format, type Params } from "../../i18n/format";
import type { MessageKey } from "../../i18n/i18n.svelte";
import { zhCN } from "../../i18n/zh-CN";
import type { Pattern, Rule } from "../../port/schedule";
import { firstDate, monthChoices, noRepeat, repeatOf, ruleOf, ruleText, same } from "./repeat";

const say = (key: MessageKey, params?: Params) => format(en, "en", key, params);
const sage = (key: MessageKey, params?: Params) => format(zhCN, "zh-CN", key, params);
const rule = (pattern: Pattern, interval = 1, ends: Rule["ends"] = "never"): Rule => ({ pattern, interval, ends });

describe("a rule from choices", () => {
  const tuesday = "2026-11-24";
  it("takes days from the date", () => {
    const chosen = { ...noRepeat(tuesday), every: "month" as const };
    expect(ruleOf(chosen, tuesday)?.pattern).toEqual({ every: "month_day", day: 24 });
    expect(ruleOf({ ...chosen, by: "nth" }, tuesday)?.pattern).toEqual({ every: "month_weekday", nth: 4, days: ["TU"] });
    expect(ruleOf({ ...chosen, by: "last", every: "year" }, tuesday)?.pattern).toEqual({ every: "year_weekday", month: 11, nth: -1, days: ["TU"] });
    expect(ruleOf({ ...chosen, by: "last_day" }, "2026-11-30")?.pattern).toEqual({ every: "month_day", day: -1 });
  });
  it("offers only what the date is", () => {
    expect(monthChoices("2026-11-10")).toEqual(["day", "nth"]);
    expect(monthChoices("2026-11-30")).toEqual(["day", "last_day", "last"]);
    expect(monthChoices("2026-11-24")).toEqual(["day", "nth", "last"]);
    expect(ruleOf({ ...noRepeat(tuesday), every: "month", by: "last" }, "2026-11-03")?.pattern).toEqual({ every: "month_day", day: 3 });
  });
  it("begins on the next of the chosen weekdays", () => {
    const weekly = { ...noRepeat(tuesday), every: "week" as const, days: ["MO", "WE"] as const };
    expect(firstDate(weekly, tuesday)).toBe("2026-11-25");
    expect(firstDate(weekly, "2026-11-28")).toBe("2026-11-30");
    expect(ruleOf({ ...weekly, days: ["WE", "MO"] }, tuesday)?.pattern).toEqual({ every: "week", days: ["MO", "WE"] });
  });
  it("once is no rule", () => expect(ruleOf(noRepeat(tuesday), tuesday)).toBeUndefined());
});

it("comes back from every rule it can say, and keeps those it cannot", () => {
  const date = "2026-11-30";
  for (const one of [
    rule({ every: "day" }, 3, { after: 5 }), rule({ every: "week", days: ["MO", "FR"] }, 2, { until: "2027-01-01" }),
    rule({ every: "week", days: ["MO"], from_sunday: true }), rule({ every: "month_day", day: 30 }), rule({ every: "month_day", day: -1 }),
    rule({ every: "month_weekday", nth: -1, days: ["MO"] }), rule({ every: "year_day", month: 11, day: 30 }),
    rule({ every: "month_weekday", nth: -1, days: ["MO", "TU", "WE", "TH", "FR"] }), rule({ every: "month_weekday", nth: 5, days: ["MO"] }),
  ]) expect(same(ruleOf(repeatOf(one, date), date), one), JSON.stringify(one)).toBe(true);
  expect(repeatOf(rule({ every: "month_weekday", nth: -1, days: ["MO", "TU", "WE", "TH", "FR"] }), date).every).toBe("kept");
  expect(repeatOf(rule({ every: "month_day", day: -1 }), date)).toMatchObject({ every: "month", by: "last_day" });
});

it("is said in both languages", () => {
  const both = (one: Rule) => [ruleText(one, "en", say), ruleText(one, "zh-CN", sage)];
  expect(both(rule({ every: "day" }))).toEqual(["Every day", "每天"]);
  expect(both(rule({ every: "day" }, 3, { after: 5 }))).toEqual(["Every 3 days, 5 times", "每 3 天，共 5 次"]);
  expect(both(rule({ every: "week", days: ["TH", "TU"] }))).toEqual(["Every week on Tuesday and Thursday", "每周，周二和周四"]);
  expect(both(rule({ every: "week", days: ["MO", "TU", "WE", "TH", "FR"] }))).toEqual(["Every workday", "每个工作日"]);
  expect(both(rule({ every: "week", days: ["TU"] }, 2, { until: "2026-12-24" }))).toEqual(["Every 2 weeks on Tuesday, until December 24, 2026", "每 2 周，周二，到 2026年12月24日"]);
  expect(both(rule({ every: "month_day", day: 24 }))).toEqual(["Every month on day 24", "每月，24 日"]);
  expect(both(rule({ every: "month_day", day: -1 }, 3))).toEqual(["Every 3 months on the last day", "每 3 个月，最后一天"]);
  expect(both(rule({ every: "month_weekday", nth: 2, days: ["TU"] }))).toEqual(["Every month on the second Tuesday", "每月，第二个周二"]);
  expect(both(rule({ every: "month_weekday", nth: -1, days: ["MO", "TU", "WE", "TH", "FR"] }))).toEqual(["Every month on the last workday", "每月，最后一个工作日"]);
  expect(both(rule({ every: "year_day", month: 11, day: 24 }))).toEqual(["Every year on November 24", "每年，11月24日"]);
  expect(both(rule({ every: "year_weekday", month: 11, nth: 4, days: ["TH"] }))).toEqual(["Every year on the fourth Thursday of November", "每年，11月第四个周四"]);
});
