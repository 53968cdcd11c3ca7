// Where meetings stand in a day's column: cut at midnight, side by side where they overlap. By what the wall clock shows, so that a day
// on which clocks change has 24 rows like any other.

import { daysBetween, localAt } from "./zone";

/** Minutes of a day. */
export const DAY_MINUTES = 1440;
/** So much height has even the shortest, in minutes, or it could not be hit. */
export const LEAST = 24;

export interface Timed {
  begins_at: number;
  ends_at: number;
}

/** Minutes from the day's beginning; `column` of `columns`. */
export interface Placed<T> {
  item: T;
  top: number;
  bottom: number;
  column: number;
  columns: number;
  /** It began on a day before, it ends on a day after. */
  before: boolean;
  after: boolean;
}

/** Those that touch `date` in `zone`, by their beginning. */
export function placeDay<T extends Timed>(items: readonly T[], date: string, zone: string): Placed<T>[] {
  const cut = items.flatMap((item) => {
    const top = minutesFrom(date, item.begins_at, zone);
    const bottom = Math.max(minutesFrom(date, item.ends_at, zone), top);
    if (top >= DAY_MINUTES || bottom < 0 || (bottom === 0 && top < 0)) return [];
    return [{ item, from: Math.max(top, 0), to: Math.min(bottom, DAY_MINUTES), before: top < 0, after: bottom > DAY_MINUTES }];
  });
  const drawn = cut.map(({ item, from, to, before, after }) => {
    const top = Math.min(from, DAY_MINUTES - LEAST);
    return { item, top, bottom: Math.max(to, top + LEAST), before, after };
  });
  drawn.sort((a, b) => a.top - b.top || b.bottom - a.bottom);
  return sideBySide(drawn);
}

/** Meetings that overlap directly or through others share one width; each takes the first column that is free. */
function sideBySide<T>(all: Omit<Placed<T>, "column" | "columns">[]): Placed<T>[] {
  const placed: Placed<T>[] = [];
  let group: Placed<T>[] = [];
  let ends: number[] = [];
  const close = () => {
    for (const one of group) one.columns = ends.length;
    placed.push(...group);
    [group, ends] = [[], []];
  };
  for (const one of all) {
    if (group.length > 0 && ends.every((end) => end <= one.top)) close();
    const free = ends.findIndex((end) => end <= one.top);
    const column = free < 0 ? ends.length : free;
    ends[column] = one.bottom;
    group.push({ ...one, column, columns: 1 });
  }
  close();
  return placed;
}

/** Minutes of wall clock from the beginning of `date` to an instant. */
export function minutesFrom(date: string, at: number, zone: string): number {
  const local = localAt(at, zone);
  return daysBetween(date, local.slice(0, 10)) * DAY_MINUTES + Number(local.slice(11, 13)) * 60 + Number(local.slice(14, 16));
}
