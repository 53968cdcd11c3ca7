// How a meeting repeats: from what is chosen in the dialog to the rule the server keeps, back again, and as a sentence. Days of months and
// weekdays are taken from the meeting's own date, so that a series always contains its first meeting.

import type { MessageKey } from "../../i18n/i18n.svelte";
import type { Params } from "../../i18n/format";
import type { Ends, Pattern, Rule, Weekday } from "../../port/schedule";
import { addDays, dateText, weekdayOf } from "./zone";

export const WEEKDAYS: readonly Weekday[] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
export const MOST_COUNT = 1000;
export const MOST_INTERVAL = 999;

/** "kept": a rule made elsewhere that the choices here cannot say; it stays as it is. */
export type Every = "never" | "day" | "week" | "month" | "year" | "kept";
/** Which day of a month or year: its number, its last, the nth or the last such weekday. */
export type MonthBy = "day" | "last_day" | "nth" | "last";

export interface Repeat {
  every: Every;
  interval: number;
  days: readonly Weekday[];
  by: MonthBy;
  ends: "never" | "after" | "until";
  count: number;
  until: string;
  /** Of the rule it came from. */
  kept?: Pattern;
  fromSunday: boolean;
}

export function noRepeat(date: string, fromSunday = false): Repeat {
  return { every: "never", interval: 1, days: [dayOf(date)], by: "day", ends: "never", count: 10, until: addDays(date, 90), fromSunday };
}

export function dayOf(date: string): Weekday {
  return WEEKDAYS[weekdayOf(date)] as Weekday;
}

const monthOf = (date: string) => Number(date.slice(5, 7));
const numberOf = (date: string) => Number(date.slice(8, 10));
const nthOf = (date: string) => Math.ceil(numberOf(date) / 7);
const isLastDay = (date: string) => monthOf(addDays(date, 1)) !== monthOf(date);
const isLastSuch = (date: string) => monthOf(addDays(date, 7)) !== monthOf(date);

/** What can be meant by "every month" from this date on. */
export function monthChoices(date: string): MonthBy[] {
  return ["day", ...(isLastDay(date) ? ["last_day" as const] : []), ...(nthOf(date) < 5 ? ["nth" as const] : []), ...(isLastSuch(date) ? ["last" as const] : [])];
}

/** The first meeting's date: where the weekdays chosen leave out that of `date`, the next of them. */
export function firstDate(repeat: Repeat, date: string): string {
  if (repeat.every !== "week" || repeat.days.length === 0) return date;
  for (let n = 0; n < 7; n++) {
    const next = addDays(date, n);
    if (repeat.days.includes(dayOf(next))) return next;
  }
  return date;
}

/** The rule; absent: once. */
export function ruleOf(repeat: Repeat, date: string): Rule | undefined {
  const pattern = patternOf(repeat, firstDate(repeat, date));
  return pattern && { pattern, interval: repeat.interval, ends: endsOf(repeat) };
}

function patternOf(repeat: Repeat, date: string): Pattern | undefined {
  const by = monthChoices(date).includes(repeat.by) ? repeat.by : "day";
  const [month, day, days] = [monthOf(date), by === "last_day" ? -1 : numberOf(date), [dayOf(date)]];
  const nth = by === "last" ? -1 : nthOf(date);
  switch (repeat.every) {
    case "never": return undefined;
    case "kept": return repeat.kept;
    case "day": return { every: "day" };
    case "week": return { every: "week", days: WEEKDAYS.filter((d) => repeat.days.includes(d)), ...(repeat.fromSunday && { from_sunday: true }) };
    case "month": return by === "nth" || by === "last" ? { every: "month_weekday", nth, days } : { every: "month_day", day };
    case "year": return by === "nth" || by === "last" ? { every: "year_weekday", month, nth, days } : { every: "year_day", month, day };
  }
}

function endsOf(repeat: Repeat): Ends {
  return repeat.ends === "after" ? { after: repeat.count } : repeat.ends === "until" ? { until: repeat.until } : "never";
}

/** What the dialog shows for a rule whose first meeting is on `date`. */
export function repeatOf(rule: Rule, date: string): Repeat {
  const { pattern, interval, ends } = rule;
  const none = noRepeat(date, pattern.every === "week" && pattern.from_sunday === true);
  const base: Repeat = {
    ...none, interval,
    ...(ends === "never" ? {} : "after" in ends ? { ends: "after", count: ends.after } : { ends: "until", until: ends.until }),
  };
  const asked: Repeat[] = [
    { ...base, every: "day" },
    ...(pattern.every === "week" ? [{ ...base, every: "week" as const, days: pattern.days }] : []),
    ...monthChoices(date).flatMap((by) => [{ ...base, every: "month" as const, by }, { ...base, every: "year" as const, by }]),
  ];
  return asked.find((one) => same(patternOf(one, date), pattern)) ?? { ...base, every: "kept", kept: pattern };
}

export function same(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const kept = (o: object) => Object.entries(o).filter(([, v]) => v !== undefined && v !== false);
  const [x, y] = [kept(a), kept(b)];
  return x.length === y.length && x.every(([key, value]) => same(value, (b as Record<string, unknown>)[key]));
}

type Say = (key: MessageKey, params?: Params) => string;

/** "Every 2 weeks on Tuesday and Thursday, until 24 December 2026". */
export function ruleText(rule: Rule, locale: string, say: Say): string {
  return patternText(rule, locale, say) + endsText(rule.ends, locale, say);
}

function patternText({ pattern, interval: n }: Rule, locale: string, say: Say): string {
  // Chinese has no plural, but another sentence for "every" than for "every 2".
  const said = (key: SayKey, params: Params = {}) => (n === 1 ? say(key, params) : say(`${key}.n`, { n, ...params }));
  switch (pattern.every) {
    case "day": return said("repeat.say.day");
    case "week": return isWorkdays(pattern.days) && n === 1 ? say("repeat.say.workdays") : said("repeat.say.week", { days: dayNames(pattern.days, locale, "conjunction") });
    case "month_day": return pattern.day === -1 ? said("repeat.say.month_last")
      : pattern.day < 0 ? said("repeat.say.month_from_end", { day: -pattern.day }) : said("repeat.say.month_day", { day: pattern.day });
    case "month_weekday": return said("repeat.say.month_weekday", { which: whichText(pattern.nth, pattern.days, locale, say) });
    case "year_day": return pattern.day < 0 ? said("repeat.say.year_from_end", { day: -pattern.day, month: monthName(pattern.month, locale) })
      : said("repeat.say.year_day", { date: dateText(`2028-${two(pattern.month)}-${two(Math.min(pattern.day, DAYS[pattern.month - 1] ?? 31))}`, locale, { day: "numeric", month: "long" }) });
    case "year_weekday": return said("repeat.say.year_weekday", { which: whichText(pattern.nth, pattern.days, locale, say), month: monthName(pattern.month, locale) });
  }
}

type BaseOf<Key> = Key extends `${infer Base}.n` ? (Base extends MessageKey ? Base : never) : never;
type SayKey = BaseOf<MessageKey>;
/** Of a leap year. */
const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const two = (n: number) => String(n).padStart(2, "0");
/** In Chinese with a number, as in the dates around it. */
export const monthName = (month: number, locale: string) => dateText(`2028-${two(month)}-01`, locale, { month: locale.startsWith("zh") ? "short" : "long" });
const isWorkdays = (days: readonly Weekday[]) => days.length === 5 && !days.includes("SA") && !days.includes("SU");

const NTH: Record<string, MessageKey> = {
  1: "repeat.nth.1", 2: "repeat.nth.2", 3: "repeat.nth.3", 4: "repeat.nth.4", 5: "repeat.nth.5",
  "-1": "repeat.nth.last", "-2": "repeat.nth.last_2", "-3": "repeat.nth.last_3", "-4": "repeat.nth.last_4", "-5": "repeat.nth.last_5",
};

/** "second Tuesday", "last workday". */
export function whichText(nth: number, days: readonly Weekday[], locale: string, say: Say): string {
  const day = isWorkdays(days) ? say("repeat.workday") : dayNames(days, locale, "disjunction");
  return say(NTH[nth] ?? "repeat.nth.1", { day });
}

function endsText(ends: Ends, locale: string, say: Say): string {
  if (ends === "never") return "";
  if ("after" in ends) return say("repeat.say.times", { n: ends.after });
  return say("repeat.say.until", { date: dateText(ends.until, locale, { day: "numeric", month: "long", year: "numeric" }) });
}

export function dayName(day: Weekday, locale: string, width: "long" | "short" | "narrow"): string {
  // 2024-01-01 was a Monday.
  return dateText(addDays("2024-01-01", WEEKDAYS.indexOf(day)), locale, { weekday: width });
}

function dayNames(days: readonly Weekday[], locale: string, type: "conjunction" | "disjunction"): string {
  const width = locale.startsWith("zh") ? "short" : "long";
  return new Intl.ListFormat(locale, { type }).format(WEEKDAYS.filter((d) => days.includes(d)).map((d) => dayName(d, locale, width)));
}
