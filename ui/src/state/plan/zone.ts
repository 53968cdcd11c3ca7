// Local times and instants in any IANA zone, by the browser's own Intl and nothing else. A library (or the Temporal polyfill, 20 kB and
// more) would bring its own zone data for what is asked here: an offset at an instant, and the instant of a local time.
// Local times are "2026-11-24T09:00", dates "2026-11-24"; instants are milliseconds since 1970.

export const MINUTE = 60_000;
export const DAY = 86_400_000;

const formats = new Map<string, Intl.DateTimeFormat>();

function fields(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone, calendar: "iso8601", numberingSystem: "latn", hourCycle: "h23",
      year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
    });
    formats.set(zone, format);
  }
  return format;
}

/** Whether the browser knows the zone. */
export function isZone(zone: string): boolean {
  try {
    fields(zone);
    return true;
  } catch {
    return false;
  }
}

/** What a clock without zone shows, as if it were UTC, to the second. */
function wall(at: number, zone: string): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of fields(zone).formatToParts(at)) parts[type] = Number(value);
  return Date.UTC(parts["year"] ?? 1970, (parts["month"] ?? 1) - 1, parts["day"] ?? 1, parts["hour"] ?? 0, parts["minute"] ?? 0, parts["second"] ?? 0);
}

/** How far the zone is before UTC at an instant, milliseconds. */
export function offsetAt(at: number, zone: string): number {
  return wall(at, zone) - Math.floor(at / 1000) * 1000;
}

/** The local time in a zone, to the minute. */
export function localAt(at: number, zone: string): string {
  return new Date(wall(at, zone)).toISOString().slice(0, 16);
}

/** The date in a zone. */
export function dateAt(at: number, zone: string): string {
  return localAt(at, zone).slice(0, 10);
}

/**
 * The instant of a local time. One that is skipped when clocks go forward is moved by the gap (02:30 becomes 03:30); of two when they go
 * back it is the first (as RFC 5545, 3.3.5). NaN for what is no time.
 */
export function instantOf(local: string, zone: string): number {
  const as_utc = parseLocal(local);
  if (Number.isNaN(as_utc)) return as_utc;
  const before = as_utc - offsetAt(as_utc - DAY, zone);
  const after = as_utc - offsetAt(as_utc + DAY, zone);
  if (wall(before, zone) === as_utc) return before;
  if (wall(after, zone) === as_utc) return after;
  return before;
}

/** A local time or date as if it were UTC; NaN for what is none, such as February 30th. */
function parseLocal(local: string): number {
  const match = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(local);
  if (match === null) return Number.NaN;
  const [y, mo, d, h, mi, s] = match.slice(1).map((part) => Number(part ?? 0)) as [number, number, number, number, number, number];
  const at = Date.UTC(y, mo - 1, d, h, mi, s);
  const back = new Date(at);
  const same = back.getUTCMonth() === mo - 1 && back.getUTCDate() === d && h < 24 && mi < 60 && s < 60;
  return same ? at : Number.NaN;
}

export function isDate(date: string): boolean {
  return date.length === 10 && !Number.isNaN(parseLocal(date));
}

export function isTime(time: string): boolean {
  return /^([01]\d|2[0-3]):[0-5]\d$/.test(time);
}

/** The instant at which a date begins in a zone: midnight, or what there is where midnight is skipped. */
export function dayStart(date: string, zone: string): number {
  return instantOf(`${date}T00:00`, zone);
}

export function addDays(date: string, days: number): string {
  return new Date(parseLocal(date) + days * DAY).toISOString().slice(0, 10);
}

/** 0 is Monday, 6 Sunday. */
export function weekdayOf(date: string): number {
  return (new Date(parseLocal(date)).getUTCDay() + 6) % 7;
}

/** Whole days from one date to another. */
export function daysBetween(from: string, to: string): number {
  return Math.round((parseLocal(to) - parseLocal(from)) / DAY);
}

/** The first day of the date's week. `firstDay`: 0 is Monday, 6 Sunday. */
export function weekStart(date: string, firstDay: number): string {
  return addDays(date, -((weekdayOf(date) - firstDay + 7) % 7));
}

/** On which weekday weeks begin where this language is spoken: 0 is Monday, 6 Sunday. */
export function firstDayOf(tag: string): number {
  interface WithWeek extends Intl.Locale {
    getWeekInfo?: () => { firstDay: number };
    weekInfo?: { firstDay: number };
  }
  try {
    const locale = new Intl.Locale(tag) as WithWeek;
    const day = (locale.getWeekInfo?.() ?? locale.weekInfo)?.firstDay ?? 1;
    return day - 1;
  } catch {
    return 0;
  }
}

/** The zone of this browser. */
export function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** A date as text, in the language's own way. */
export function dateText(date: string, locale: string, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" }).format(parseLocal(date));
}

/** "GMT+8" */
export function offsetText(at: number, zone: string, locale: string): string {
  const parts = new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: "shortOffset" }).formatToParts(at);
  return parts.find((p) => p.type === "timeZoneName")?.value ?? "";
}
