// What changed between two states of a meeting, as things to tell. Pure; the words are the catalogue's.

import type { MessageKey } from "../i18n/en";
import type { Params } from "../i18n/format";
import type { Participant, ParticipantId, PortState } from "../port/port";
import { trackOf } from "./stage";

export interface Telling {
  key: MessageKey;
  params?: Params;
  /** `say`: for screen readers only, because eyes see it anyway. `show`: as a toast too. */
  how: "say" | "show";
  /** Opens with the toast's action. */
  opens?: "chat" | "people";
}

/** The tellings that lead from `before` to `after`. The first state after joining tells nothing: all of it is new. */
export function tellings(before: PortState, after: PortState): Telling[] {
  if (before.you === undefined || after.you === undefined || after.phase === "ended" || before.meeting === undefined) return [];
  const you = after.you;
  const old = new Map(before.participants.map((p) => [p.id, p]));
  const now = new Map(after.participants.map((p) => [p.id, p]));
  const found: Telling[] = [];
  for (const p of after.participants) {
    const was = old.get(p.id);
    if (was === undefined) found.push({ key: "say.joined", params: { name: p.name }, how: "say" });
    else found.push(...personChanges(was, p, you));
  }
  for (const p of before.participants) {
    if (!now.has(p.id) && p.id !== you) found.push({ key: "say.left", params: { name: p.name }, how: "say" });
  }
  if (after.meeting !== undefined && before.meeting.locked !== after.meeting.locked) {
    found.push({ key: after.meeting.locked ? "say.locked" : "say.unlocked", how: "show" });
  }
  found.push(...spotlightChange(before, after));
  if (before.phase === "reconnecting" && after.phase === "joined") found.push({ key: "meeting.back", how: "show" });
  return [...found, ...newMessages(before, after)];
}

function spotlightChange(before: PortState, after: PortState): Telling[] {
  const now = after.meeting?.spotlight;
  if (after.meeting === undefined || now === before.meeting?.spotlight) return [];
  if (now === undefined) return [{ key: "say.spotlight_off", how: "say" }];
  if (now === after.you) return [{ key: "say.spotlight_you", how: "show" }];
  const name = after.participants.find((p) => p.id === now)?.name;
  return name === undefined ? [] : [{ key: "say.spotlight", params: { name }, how: "say" }];
}

function personChanges(was: Participant, is: Participant, you: ParticipantId): Telling[] {
  const found: Telling[] = [];
  const own = is.id === you;
  const raised = is.hand !== undefined && was.hand === undefined;
  const lowered = is.hand === undefined && was.hand !== undefined;
  if (raised) found.push(own ? { key: "say.hand_up", how: "say" } : { key: "say.hand", params: { name: is.name }, how: "show", opens: "people" });
  if (lowered && own) found.push({ key: "say.hand_down", how: "say" });
  if (own && was.role !== "host" && is.role === "host") found.push({ key: "say.host", how: "show" });
  if (!own && trackOf(is, "screen") !== undefined && trackOf(was, "screen") === undefined) {
    found.push({ key: "say.shares", params: { name: is.name }, how: "say" });
  }
  return found;
}

/** Chat of others that was not there before. */
export function newMessages(before: PortState, after: PortState): Telling[] {
  const last = Math.max(0, ...before.chat.filter((m) => !m.pending).map((m) => m.id));
  return after.chat
    .filter((m) => !m.pending && m.id > last && m.from !== after.you)
    .map((m) => ({ key: "say.chat", params: { name: m.name, text: m.text }, how: "show", opens: "chat" }));
}
