// What an admin reads of a call: its causes and what happened to devices as texts with numbers, and the stretches of its time lines.

import { GOOD_SCORE, type CallDetails, type CallMinute, type CallPerson, type Cause } from "../generated/protocol";
import { shortTime } from "./time";

/** Below it hardly a sentence is whole: tenths of a mean opinion score. */
const POOR_SCORE = 26;

export type Grade = "good" | "fair" | "poor";

export function grade(score: number): Grade {
  return score >= GOOD_SCORE ? "good" : score >= POOR_SCORE ? "fair" : "poor";
}

/** A text's key and what stands in it; at most one of `percent` and `n`. */
export interface Finding {
  at: number;
  key: string;
  values: Record<string, string>;
  /** Something went wrong; otherwise something happened. */
  isCause: boolean;
}

/** In order of time. `fallback`: whoever has no name. */
export function findings(call: CallDetails, locale: string, fallback: (id: number) => string): Finding[] {
  const name = (id: number) => call.people.find((p) => p.id === id)?.name || fallback(id);
  const causes = call.causes.map((cause) => ofCause(cause, cause.participant === undefined ? "" : name(cause.participant), locale));
  const events = call.people.flatMap((person) => person.minutes.flatMap((minute) =>
    (minute.client?.devices ?? []).map(({ device, change, ago_s }): Finding => {
      const at = minute.to - ago_s * 1000;
      return { at, key: `device.${device}.${change}`, values: { who: name(person.id), at: shortTime(at, locale) }, isCause: false };
    })));
  return [...causes, ...events].sort((a, b) => a.at - b.at);
}

function ofCause(cause: Cause, who: string, locale: string): Finding {
  const values: Record<string, string> = { who, from: shortTime(cause.from, locale), to: shortTime(cause.to, locale) };
  const isShare = cause.kind === "loss_up" || cause.kind === "loss_down" || cause.kind === "server_link";
  if (isShare) values["percent"] = percent(cause.amount / 1000, locale);
  else values["n"] = new Intl.NumberFormat(locale).format(cause.amount);
  const isUnknown = cause.kind === "cpu" && cause.amount === 0;
  return { at: cause.from, key: `cause.${cause.kind}${isUnknown ? ".unknown" : ""}`, values, isCause: true };
}

export function percent(share: number, locale: string): string {
  return new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: share < 0.1 ? 1 : 0 }).format(share);
}

/** A minute's place on a time line, shares of its length. */
export interface Stretch {
  left: number;
  width: number;
  grade: Grade;
  minute: CallMinute;
}

/** Where minutes overlap by a moment, the later one begins where the earlier ends. */
export function stretches(person: CallPerson, from: number, to: number): Stretch[] {
  const length = Math.max(1, to - from);
  let end = from;
  return person.minutes.flatMap((minute) => {
    const begin = Math.max(minute.from, end);
    if (minute.to <= begin) return [];
    end = minute.to;
    return [{ left: (begin - from) / length, width: (minute.to - begin) / length, grade: grade(minute.score), minute }];
  });
}

/** A number of thousandths as per cent, the server's word before the client's; undefined: nobody knows. */
export function lossOf(minute: CallMinute, way: "loss_up" | "loss_down"): number | undefined {
  const [server, client] = [minute.server?.[way], minute.client?.[way]];
  const worst = way === "loss_up" ? (server ?? client) : Math.max(server ?? -1, client ?? -1);
  return worst === undefined || worst < 0 ? undefined : worst / 10;
}
