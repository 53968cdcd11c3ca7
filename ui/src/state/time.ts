// Times as people read them, in the viewer's own zone and language.

/** `4:05`, `1:04:05`: the meeting's clock. */
export function clock(elapsedMs: number): string {
  const total = Math.max(0, Math.floor(elapsedMs / 1000));
  const [h, m, s] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
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
  return new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit", ...(timeZone !== undefined && { timeZone }) }).format(at);
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
