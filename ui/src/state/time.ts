// Times as people read them, in the viewer's own zone and language.

/** `4:05`, `1:04:05`: the meeting's clock. */
export function clock(elapsedMs: number): string {
  const total = Math.max(0, Math.floor(elapsedMs / 1000));
  const [h, m, s] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Hours of one kind side by side: a range has `09:00` where the clock goes to 24, so a single time does as well. */
function hours(locale: string): "numeric" | "2-digit" {
  return new Intl.DateTimeFormat(locale, { hour: "numeric" }).resolvedOptions().hourCycle === "h23" ? "2-digit" : "numeric";
}

/** "Saturday, 21 November 2026, 14:00 – 15:00 GMT+8" in the language's own order. */
export function meetingTime(startsAt: number, minutes: number, locale: string, timeZone?: string): string {
  const format = new Intl.DateTimeFormat(locale, {
    weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "numeric", minute: "2-digit", timeZoneName: "short",
    ...(timeZone !== undefined && { timeZone }),
  });
  return format.formatRange(new Date(startsAt), new Date(startsAt + minutes * 60_000));
}

/** `14:05` beside a chat message. */
export function shortTime(at: number, locale: string, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, { hour: hours(locale), minute: "2-digit", ...(timeZone !== undefined && { timeZone }) }).format(at);
}

/** "in 12 minutes", "in 3 days": how long until `at`, in the largest unit that fits. */
export function until(at: number, now: number, locale: string): string {
  const minutes = Math.max(1, Math.round((at - now) / 60_000));
  const format = new Intl.RelativeTimeFormat(locale, { numeric: "always" });
  if (minutes < 120) return format.format(minutes, "minute");
  if (minutes < 48 * 60) return format.format(Math.round(minutes / 60), "hour");
  return format.format(Math.round(minutes / 1440), "day");
}

/** "5 minutes ago", "yesterday", "3 days ago"; beyond a week the day itself. */
export function ago(at: number, now: number, locale: string): string {
  const minutes = Math.max(0, Math.round((now - at) / 60_000));
  const format = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  if (minutes < 1) return format.format(0, "second");
  if (minutes < 60) return format.format(-minutes, "minute");
  if (minutes < 24 * 60) return format.format(-Math.round(minutes / 60), "hour");
  if (minutes < 7 * 1440) return format.format(-Math.round(minutes / 1440), "day");
  return new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" }).format(at);
}

/** "29 Nov 2026". */
export function day(at: number, locale: string, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", ...(timeZone !== undefined && { timeZone }) }).format(at);
}

/** "22 Nov 2026, 14:05:09": to the second, for logs. */
export function moment(at: number, locale: string, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium", ...(timeZone !== undefined && { timeZone }) }).format(at);
}

/** "09:00 – 10:00" */
export function timeRange(from: number, until: number, locale: string, timeZone: string): string {
  return new Intl.DateTimeFormat(locale, { hour: hours(locale), minute: "2-digit", timeZone }).formatRange(from, until);
}

/** "Tue, Nov 24, 9:00 AM": one meeting among others. */
export function shortMoment(at: number, locale: string, timeZone: string): string {
  return new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short", hour: hours(locale), minute: "2-digit", timeZone }).format(at);
}

/** "1 hr, 30 min" */
export function lengthText(minutes: number, locale: string): string {
  const unit = (n: number, name: "hour" | "minute") => new Intl.NumberFormat(locale, { style: "unit", unit: name, unitDisplay: "short" }).format(n);
  const parts = [...(minutes >= 60 ? [unit(Math.floor(minutes / 60), "hour")] : []), ...(minutes % 60 > 0 || minutes === 0 ? [unit(minutes % 60, "minute")] : [])];
  return new Intl.ListFormat(locale, { type: "unit", style: "short" }).format(parts);
}
