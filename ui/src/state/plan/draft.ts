// A meeting as it stands in the schedule dialog: from nothing or from a plan, to what the server is asked for. A change names only what
// is different, so that what somebody else changed meanwhile stays as it is.

import { MAX_TITLE } from "../../generated/protocol";
import type { MessageKey } from "../../i18n/i18n.svelte";
import type { Params } from "../../i18n/format";
import type {
  AbsentHost, GuestPermissions, Invitee, Lobby, MeetingPlan, NewPlan, PlanChange, PlannedOccurrence, PlanSlot, Schedule, Scope, Series, SeriesBoards, When,
} from "../../port/schedule";
import { MOST_COUNT, MOST_INTERVAL, firstDate, noRepeat, repeatOf, ruleOf, same, type Repeat } from "./repeat";
import { addDays, DAY, dateAt, instantOf, isDate, isTime, isZone, localAt, MINUTE } from "./zone";

export const MOST_DESCRIPTION = 8000;
export const MOST_INVITEES = 300;
export const MOST_CO_HOSTS = 20;
export const MOST_MINUTES = 7 * 1440;

export interface Draft {
  title: string;
  description: string;
  /** False: a personal room, there at any time. */
  timed: boolean;
  date: string;
  time: string;
  minutes: number;
  zone: string;
  repeat: Repeat;
  /** Whether one is asked for. An empty one keeps what there was. */
  asksPasscode: boolean;
  passcode: string;
  lobby: Lobby;
  absentHost: AbsentHost;
  permissions: GuestPermissions;
  invitees: Invitee[];
  /** Mail addresses of accounts. */
  coHosts: string[];
  /** Empty: none. */
  room: string;
  /** Of a series: whether each occurrence begins with empty whiteboards. */
  boards: SeriesBoards;
}

export type ScopeKind = "all" | "this" | "following";

export const ALL_MAY: GuestPermissions = { share: true, chat: true, draw: true, unmute: true, reactions: true };

/** For a meeting that begins at `at`. */
export function freshDraft(at: number, zone: string, fromSunday: boolean): Draft {
  const local = localAt(at, zone);
  const date = local.slice(0, 10);
  return {
    title: "", description: "", timed: true, date, time: local.slice(11), minutes: 60, zone, repeat: noRepeat(date, fromSunday),
    asksPasscode: false, passcode: "", lobby: "off", absentHost: "anyone", permissions: { ...ALL_MAY }, invitees: [], coHosts: [], room: "", boards: "shared",
  };
}

/** The next full or half hour, at least ten minutes from now. */
export function nextStart(now: number): number {
  return Math.ceil((now + 10 * MINUTE) / (30 * MINUTE)) * 30 * MINUTE;
}

export function whenOf(plan: MeetingPlan): When | undefined {
  return plan.schedule.kind === "planned" ? plan.schedule.when : undefined;
}

export function seriesOf(plan: MeetingPlan): Series | undefined {
  const when = whenOf(plan);
  return when !== undefined && "series" in when ? when.series : undefined;
}

/** The plan as `scope` shows it; `occurrence` is the one that was chosen. */
export function draftOf(plan: MeetingPlan, scope: ScopeKind, occurrence: PlannedOccurrence | undefined, viewerZone: string, fromSunday: boolean): Draft {
  const when = whenOf(plan);
  const series = seriesOf(plan);
  const first: PlanSlot | undefined = series?.first ?? (when !== undefined && "once" in when ? when.once : undefined);
  const chosen = scope === "all" || occurrence === undefined ? undefined : occurrence;
  const zone = chosen?.zone ?? first?.zone ?? viewerZone;
  const start = chosen === undefined ? (first?.start.slice(0, 16) ?? localAt(nextStart(Date.now()), zone)) : startOf(chosen, scope, zone);
  const date = start.slice(0, 10);
  const rule = scope === "this" ? undefined : series?.rule;
  return {
    title: scope === "this" ? (chosen?.title ?? plan.title) : plan.title,
    description: plan.description,
    timed: plan.schedule.kind === "planned",
    date, time: start.slice(11),
    minutes: chosen === undefined ? (first?.minutes ?? 60) : scope === "following" ? (first?.minutes ?? 60) : Math.round((chosen.ends_at - chosen.begins_at) / MINUTE),
    zone,
    repeat: rule === undefined ? noRepeat(date, fromSunday) : repeatOf(rule, date),
    asksPasscode: plan.passcode, passcode: "",
    lobby: plan.lobby, absentHost: plan.absent_host, permissions: { ...plan.permissions },
    invitees: plan.invitees.map(({ person, role }) => ({ ...(person.name !== "" && { name: person.name }), address: person.address, role })),
    coHosts: [...plan.co_hosts],
    room: plan.room ?? "",
    boards: plan.boards ?? "shared",
  };
}

/** What follows begins where its rule has it, also where the one chosen was moved. */
function startOf(occurrence: PlannedOccurrence, scope: ScopeKind, zone: string): string {
  const named = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/.exec(occurrence.name ?? "");
  if (scope === "following" && named !== null) return `${named[1]}-${named[2]}-${named[3]}T${named[4]}:${named[5]}`;
  return localAt(occurrence.begins_at, zone);
}

export function scopeOf(kind: ScopeKind, occurrence: PlannedOccurrence | undefined): Scope {
  const name = occurrence?.name;
  return kind === "all" || !name ? "all" : kind === "this" ? { this: name } : { following: name };
}

export function slotOf(draft: Draft): PlanSlot {
  const date = firstDate(draft.repeat, draft.date);
  return { start: `${date}T${draft.time}:00`, zone: draft.zone, minutes: draft.minutes };
}

export function scheduleOf(draft: Draft): Schedule {
  if (!draft.timed) return { kind: "personal_room" };
  const rule = ruleOf(draft.repeat, draft.date);
  const slot = slotOf(draft);
  return { kind: "planned", when: rule === undefined ? { once: slot } : { series: { first: slot, rule } } };
}

/** When the first of it begins. */
export function beginsAt(draft: Draft): number {
  return instantOf(`${firstDate(draft.repeat, draft.date)}T${draft.time}`, draft.zone);
}

export function newPlan(draft: Draft, organizer: { name: string; address: string } | undefined): NewPlan {
  return {
    title: draft.title.trim(), description: draft.description.trim(), schedule: scheduleOf(draft),
    ...(draft.asksPasscode && { passcode: draft.passcode }),
    lobby: draft.lobby, absent_host: draft.absentHost, permissions: draft.permissions,
    ...(organizer && { organizer }),
    invitees: draft.invitees, ...(draft.coHosts.length > 0 && { co_hosts: draft.coHosts }), ...(draft.room !== "" && { room: draft.room }),
    ...(draft.boards !== "shared" && { boards: draft.boards }),
  };
}

/** What became different; absent: nothing. */
export function changeOf(before: Draft, after: Draft, kind: ScopeKind, occurrence: PlannedOccurrence | undefined): PlanChange | undefined {
  const scope = scopeOf(kind, occurrence);
  const change: PlanChange = {};
  if (kind !== "following" && after.title.trim() !== before.title.trim()) change.title = after.title.trim();
  if (kind === "this") {
    if (!same(slotOf(after), slotOf(before))) change.slot = slotOf(after);
  } else if (after.timed && !same(scheduleOf(after), scheduleOf(before))) change.schedule = scheduleOf(after);
  if (kind === "all") Object.assign(change, wholeChange(before, after));
  return Object.keys(change).length === 0 ? undefined : { scope, ...change };
}

function wholeChange(before: Draft, after: Draft): PlanChange {
  const code = after.asksPasscode ? (after.passcode === "" ? undefined : after.passcode) : before.asksPasscode ? null : undefined;
  return {
    ...(after.description.trim() !== before.description.trim() && { description: after.description.trim() }),
    ...(code !== undefined && { passcode: code }),
    ...(after.lobby !== before.lobby && { lobby: after.lobby }),
    ...(after.absentHost !== before.absentHost && { absent_host: after.absentHost }),
    ...(!same(after.permissions, before.permissions) && { permissions: after.permissions }),
    ...(!same(after.invitees, before.invitees) && { invitees: after.invitees }),
    ...(!same(after.coHosts, before.coHosts) && { co_hosts: after.coHosts }),
    ...(after.room !== before.room && { room: after.room === "" ? null : after.room }),
    ...(after.boards !== before.boards && { boards: after.boards }),
  };
}

/** In which parts two differ, in words for the reader. */
export function differences(a: Draft, b: Draft): MessageKey[] {
  const entry = (d: Draft) => [d.asksPasscode, d.lobby, d.absentHost, d.permissions];
  const parts: [MessageKey, unknown, unknown][] = [
    ["field.title", a.title, b.title],
    ["field.description", a.description, b.description],
    ["field.time", [a.date, a.time, a.minutes, a.zone], [b.date, b.time, b.minutes, b.zone]],
    ["field.repeat", ruleOf(a.repeat, a.date), ruleOf(b.repeat, b.date)],
    ["field.people", a.invitees, b.invitees],
    ["field.co_hosts", a.coHosts, b.coHosts],
    ["field.room", a.room, b.room],
    ["field.boards", a.boards, b.boards],
    ["field.entry", entry(a), entry(b)],
  ];
  return parts.filter(([, x, y]) => !same(x, y)).map(([key]) => key);
}

export type Field = "title" | "description" | "date" | "time" | "length" | "zone" | "interval" | "days" | "count" | "until" | "passcode" | "invitees" | "coHosts" | "room";
export type Fault = { key: MessageKey; params?: Params };
export type Faults = Partial<Record<Field, Fault>>;

/** What the server would refuse, or nobody can mean. `mayBePast`: the series has begun long ago, or the time stays as it was. */
export function faultsOf(draft: Draft, now: number, { mayBePast, hadPasscode }: { mayBePast: boolean; hadPasscode: boolean }): Faults {
  const faults: Faults = {};
  if ([...draft.title.trim()].length > MAX_TITLE) faults.title = { key: "fault.title", params: { n: MAX_TITLE } };
  if ([...draft.description.trim()].length > MOST_DESCRIPTION) faults.description = { key: "fault.description", params: { n: MOST_DESCRIPTION } };
  if (draft.timed) Object.assign(faults, timeFaults(draft, now, mayBePast));
  const keeps = draft.passcode === "" && hadPasscode;
  if (draft.asksPasscode && !keeps && !isPasscode(draft.passcode)) faults.passcode = { key: "fault.passcode" };
  if (draft.invitees.length > MOST_INVITEES) faults.invitees = { key: "fault.invitees", params: { n: MOST_INVITEES } };
  if (draft.coHosts.length > MOST_CO_HOSTS) faults.coHosts = { key: "fault.co_hosts", params: { n: MOST_CO_HOSTS } };
  return faults;
}

function timeFaults(draft: Draft, now: number, mayBePast: boolean): Faults {
  const faults: Faults = {};
  const year = Number(draft.date.slice(0, 4));
  if (!isDate(draft.date) || year < 1971 || year > 2099) faults.date = { key: "fault.date" };
  if (!isTime(draft.time)) faults.time = { key: "fault.time" };
  if (!isZone(draft.zone)) faults.zone = { key: "fault.zone" };
  if (!Number.isInteger(draft.minutes) || draft.minutes < 1 || draft.minutes > MOST_MINUTES) faults.length = { key: "fault.length" };
  const { repeat } = draft;
  if (repeat.every !== "never") {
    if (!Number.isInteger(repeat.interval) || repeat.interval < 1 || repeat.interval > MOST_INTERVAL) faults.interval = { key: "fault.interval", params: { n: MOST_INTERVAL } };
    if (repeat.every === "week" && repeat.days.length === 0) faults.days = { key: "fault.days" };
    if (repeat.ends === "after" && (!Number.isInteger(repeat.count) || repeat.count < 1 || repeat.count > MOST_COUNT)) faults.count = { key: "fault.count", params: { n: MOST_COUNT } };
    if (repeat.ends === "until" && (!isDate(repeat.until) || (isDate(draft.date) && repeat.until < firstDate(repeat, draft.date)))) faults.until = { key: "fault.until" };
  }
  if (!mayBePast && Object.keys(faults).length === 0 && beginsAt(draft) < now - MINUTE) {
    faults[dateAt(now, draft.zone) > draft.date ? "date" : "time"] = { key: "fault.past" };
  }
  return faults;
}

export function isPasscode(code: string): boolean {
  const length = [...code].length;
  return length >= 4 && length <= 64 && code.trim() === code && !/\p{Cc}/u.test(code);
}

/** Six digits, as the meeting's id is the real secret. `random`: 0 to 1. */
export function makePasscode(random: () => number): string {
  return Array.from({ length: 6 }, () => Math.floor(random() * 10)).join("");
}

/** Addresses out of what was typed or pasted, "Ada Lovelace <ada@example.org>" too; and what is none. */
export function readAddresses(text: string): { found: Invitee[]; bad: string[] } {
  const [found, bad]: [Invitee[], string[]] = [[], []];
  const named = /(?:"([^"]*)"|([^<>,;\n"]*))\s*<([^<>]*)>/g;
  const rest = text.replace(named, (_, quoted: string | undefined, plain: string | undefined, address: string) => {
    take(address.trim(), (quoted ?? plain ?? "").trim());
    return " ";
  });
  for (const word of rest.split(/[\s,;，；、]+/)) if (word !== "") take(word, "");
  return { found, bad };

  function take(address: string, name: string): void {
    if (/^[^\s@<>"]+@[^\s@<>"]+$/.test(address) && address.length <= 254) found.push({ ...(name !== "" && { name }), address });
    else bad.push(address || name);
  }
}

/** Without those that are there already; the server takes addresses that differ in case for one. */
export function withInvitees(all: readonly Invitee[], more: readonly Invitee[]): Invitee[] {
  const result = [...all];
  for (const one of more) {
    if (!result.some((known) => known.address.toLowerCase() === one.address.toLowerCase())) result.push(one);
  }
  return result;
}

/** The stretch in which a room would have to be free for the first of it, and the day around it. */
export function roomSpan(draft: Draft): { from: number; until: number; day: [number, number] } | undefined {
  const from = beginsAt(draft);
  if (Number.isNaN(from)) return undefined;
  const date = dateAt(from, draft.zone);
  return { from, until: from + draft.minutes * MINUTE, day: [instantOf(`${date}T00:00`, draft.zone), Math.max(instantOf(`${addDays(date, 1)}T00:00`, draft.zone), from + DAY)] };
}
