// Planned meetings, rooms and feeds by the server's HTTP API (docs/openapi.json), in the name of who is signed in.

import type { Outcome } from "../accounts";
import type { SchedulePort } from "../schedule";
import { createAsk } from "./http";

/** Occurrences of one answer, the most the API gives. */
const LIMIT = 1000;

export function createSchedule(send: typeof fetch = (...args) => fetch(...args), origin = globalThis.location?.origin ?? ""): SchedulePort {
  const ask = createAsk(send);
  const id = encodeURIComponent;
  const of = (meeting: string) => `/meetings/${id(meeting)}`;
  const seen = (revision: number) => ({ "if-match": `"${revision}"` });
  const span = (from: number, until: number) => `from=${Math.max(0, Math.floor(from))}&until=${Math.max(1, Math.ceil(until))}`;
  /** The one list an answer wraps. */
  async function inside<K extends string, T>(key: K, answer: Promise<Outcome<Record<K, T>>>): Promise<Outcome<T>> {
    const got = await answer;
    return got.ok ? { ok: true, value: got.value[key] } : got;
  }

  return {
    list: (from, until) => ask("GET", `/meetings?${span(from, until)}&limit=${LIMIT}`),
    plan: (meeting) => ask("GET", `${of(meeting)}/plan`),
    make: (wanted) => ask("POST", "/meetings", wanted),
    change: (meeting, revision, change) => ask("PATCH", of(meeting), change, seen(revision)),
    cancel: (meeting, revision, scope) => ask("POST", `${of(meeting)}/cancel`, { scope }, seen(revision)),
    newHostLink: (meeting) => ask("POST", `${of(meeting)}/host-key`, {}),
    occurrences: (meeting, from, until) => ask("GET", `${of(meeting)}/occurrences?${span(from, until)}&limit=${LIMIT}`),
    attendance: (meeting, record) => inside("stays", ask("GET", `${of(meeting)}/attendance?at=${record}`)),
    chat: (meeting, record) => inside("messages", ask("GET", `${of(meeting)}/chat?at=${record}`)),
    file: (meeting, file) => `/api/v1${of(meeting)}/files/${id(file)}`,
    attendanceTable: (meeting, record) => `/api/v1${of(meeting)}/attendance?at=${record}&format=csv`,
    calendarFile: (meeting) => `/m/${id(meeting)}.ics`,
    door: (meeting) => `${origin}/m/${id(meeting)}`,

    personalRooms: () => inside("rooms", ask("GET", "/personal-rooms")),
    rooms: () => inside("rooms", ask("GET", "/rooms")),
    busy: (room, from, until) => inside("busy", ask("GET", `/rooms/${id(room)}/busy?${span(from, until)}`)),
    feeds: () => inside("feeds", ask("GET", "/feeds")),
    makeFeed: (name) => ask("POST", "/feeds", { name }),
    revokeFeed: (feed) => ask("DELETE", `/feeds/${id(feed)}`),
  };
}
