// What changed between two states of a meeting, as things to tell. Pure; the words are the catalogue's.

import type { MessageKey } from "../i18n/en";
import type { Params } from "../i18n/format";
import type { Participant, ParticipantId, PortState } from "../port/port";
import { roomChanges } from "./announce-rooms";
import { trackOf } from "./stage";

export interface Telling {
  key: MessageKey;
  params?: Params;
  /** `say`: for screen readers only, because eyes see it anyway. `show`: as a toast too. */
  how: "say" | "show";
  /** Opens with the toast's action. */
  opens?: "chat" | "people" | "polls" | "rooms";
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
  found.push(...spotlightChange(before, after), ...boardChange(before, after), ...leadingChanges(before, after), ...roomChanges(before, after));
  if (before.phase === "reconnecting" && after.phase === "joined") found.push({ key: "meeting.back", how: "show" });
  return [...found, ...newMessages(before, after)];
}

function roleChange(was: Participant["role"], is: Participant["role"]): Telling[] {
  if (is === "host") return [{ key: "say.host", how: "show" }];
  if (is === "co_host") return [{ key: "role.now_co_host", how: "show" }];
  return was === "host" || was === "co_host" ? [{ key: "role.no_longer", how: "show" }] : [];
}

/** The lobby, the rules, the floor, polls and questions. */
function leadingChanges(before: PortState, after: PortState): Telling[] {
  const found: Telling[] = [];
  const known = new Set(before.lobby?.map((w) => w.id));
  for (const w of after.lobby ?? []) {
    if (!known.has(w.id)) found.push({ key: "lobby.knocks", params: { name: w.name }, how: "show", opens: "people" });
  }
  if (before.meeting?.policy !== after.meeting?.policy && JSON.stringify(before.meeting?.policy) !== JSON.stringify(after.meeting?.policy)) {
    found.push({ key: "rules.changed", how: "show" });
  }
  return [...found, ...floorChange(before, after), ...toolChanges(before, after)];
}

function floorChange(before: PortState, after: PortState): Telling[] {
  const [was, is] = [before.tools?.floor, after.tools?.floor];
  if (is === undefined) return was === undefined ? [] : [{ key: "floor.off", how: "show" }];
  if (was === undefined) return [{ key: "floor.on", how: "show" }];
  if (is.holder === undefined || is.holder === was.holder) return [];
  if (is.holder === after.you) return [{ key: "floor.yours", how: "show" }];
  const name = after.participants.find((p) => p.id === is.holder)?.name;
  return name === undefined ? [] : [{ key: "floor.held", params: { name }, how: "say" }];
}

function toolChanges(before: PortState, after: PortState): Telling[] {
  const polls = new Map(before.tools?.polls.map((p) => [p.id, p]));
  const questions = new Set(before.tools?.questions.map((q) => q.id));
  const found: Telling[] = [];
  for (const poll of after.tools?.polls ?? []) {
    const was = polls.get(poll.id);
    const params = { question: poll.question };
    if (was === undefined && !poll.closed) found.push({ key: "poll.said_new", params, how: "show", opens: "polls" });
    if (was?.closed === false && poll.closed) found.push({ key: "poll.said_closed", params, how: "show", opens: "polls" });
  }
  for (const q of after.tools?.questions ?? []) {
    if (!questions.has(q.id) && q.from !== after.you) found.push({ key: "question.said_new", params: { name: q.name, text: q.text }, how: "show", opens: "polls" });
  }
  return found;
}

function spotlightChange(before: PortState, after: PortState): Telling[] {
  const [was, is] = [before.meeting?.spotlights ?? [], after.meeting?.spotlights ?? []];
  if (after.meeting === undefined || (is.length === 0 && was.length === 0)) return [];
  if (is.length === 0) return [{ key: "say.spotlight_off", how: "say" }];
  return is.filter((who) => !was.includes(who)).flatMap((who): Telling[] => {
    if (who === after.you) return [{ key: "say.spotlight_you", how: "show" }];
    const name = after.participants.find((p) => p.id === who)?.name;
    return name === undefined ? [] : [{ key: "say.spotlight", params: { name }, how: "say" }];
  });
}

/** Who shows the whiteboard to everybody. It opens by itself (state/meeting.svelte.ts). */
function boardChange(before: PortState, after: PortState): Telling[] {
  const now = after.meeting?.board;
  if (after.meeting === undefined || now === before.meeting?.board || now === after.you) return [];
  const name = after.participants.find((p) => p.id === now)?.name;
  if (name !== undefined) return [{ key: "say.board", params: { name }, how: "say" }];
  return before.meeting?.board === after.you ? [] : [{ key: "say.board_off", how: "say" }];
}

function personChanges(was: Participant, is: Participant, you: ParticipantId): Telling[] {
  const found: Telling[] = [];
  const own = is.id === you;
  const raised = is.hand !== undefined && was.hand === undefined;
  const lowered = is.hand === undefined && was.hand !== undefined;
  if (raised) found.push(own ? { key: "say.hand_up", how: "say" } : { key: "say.hand", params: { name: is.name }, how: "show", opens: "people" });
  if (lowered && own) found.push({ key: "say.hand_down", how: "say" });
  if (own && was.role !== is.role) found.push(...roleChange(was.role, is.role));
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
    .map((m) => ({ key: m.to?.type === "everyone" ? "breakout.said_all" : "say.chat", params: { name: m.name, text: m.text !== "" ? m.text : (m.files ?? []).map((f) => f.name).join(", ") }, how: "show", opens: "chat" }));
}
