// How one meeting of the calendar is named.

import { locale, t } from "../../i18n/i18n.svelte";
import type { PlannedOccurrence } from "../../port/port";
import { timeRange } from "../../state/time";

export function titleOf(item: { title: string }): string {
  return item.title || t("cal.untitled");
}

/** For screen readers: what is seen, in its order, and the day. */
export function labelOf(item: PlannedOccurrence, zone: string): string {
  const day = new Intl.DateTimeFormat(locale(), { weekday: "long", day: "numeric", month: "long", timeZone: zone }).format(item.begins_at);
  const time = timeRange(item.begins_at, item.ends_at, locale(), zone);
  return t(item.cancelled ? "cal.event.cancelled" : "cal.event", { title: titleOf(item), time, day });
}

/** It has begun and nobody ended it, or its time is on. */
export function goesOn(item: PlannedOccurrence, now: number): boolean {
  return !item.cancelled && item.held !== null && item.held.ended_at === null && item.held.started_at > now - 86_400_000;
}
