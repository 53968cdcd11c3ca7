// An agenda as hosts write it: a line for each item, its minutes at the end. Pure.

import { MAX_AGENDA, MAX_TITLE, type Agenda, type AgendaItem } from "../generated/protocol";

const MAX_MINUTES = 1440;

/** "News 5" is five minutes of news; a line without a number takes as long as it takes. Empty lines are left out. */
export function parseAgenda(text: string): AgendaItem[] {
  const items = text.split("\n").flatMap((line) => {
    const [, words = "", minutes] = /^(.*?)(?:\s+(\d{1,4}))?\s*$/.exec(line.trim()) ?? [];
    const title = [...words.trim()].slice(0, MAX_TITLE).join("");
    return title === "" ? [] : [{ title, minutes: Math.min(Number(minutes ?? 0), MAX_MINUTES) }];
  });
  return items.slice(0, MAX_AGENDA);
}

/** The other way round. */
export function agendaText(items: readonly AgendaItem[]): string {
  return items.map(({ title, minutes }) => (minutes > 0 ? `${title} ${minutes}` : title)).join("\n");
}

/** Milliseconds left of the item under way, negative when it is over its time; undefined: it has none, or none is under way. */
export function timeLeft(agenda: Agenda, now: number): number | undefined {
  const item = agenda.current === undefined ? undefined : agenda.items[agenda.current];
  return item === undefined || item.minutes === 0 ? undefined : agenda.since + item.minutes * 60_000 - now;
}
