// What changed about breakout rooms, as things to tell.

import type { Participant, PortState } from "../port/port";
import type { Telling } from "./announce";
import { isOpen, MAIN } from "./breakout";

/** The tellings about breakout rooms that lead from `before` to `after`. */
export function roomChanges(before: PortState, after: PortState): Telling[] {
  const [was, is] = [before.tools?.breakout, after.tools?.breakout];
  const found: Telling[] = [];
  if (!isOpen(was) && isOpen(is)) found.push({ key: "breakout.said_open", how: "show" });
  if (isOpen(was) && !isOpen(is)) return [{ key: "breakout.said_closed", how: "show" }];
  if (isOpen(was) && is?.ends_at !== undefined && (was?.ends_at === undefined || is.ends_at < was.ends_at)) {
    const n = Math.round((is.ends_at - Date.now()) / 1000);
    if (n > 0) found.push({ key: "breakout.said_closing", params: { n }, how: "show" });
  }
  const old = new Map(before.participants.map((p) => [p.id, p]));
  const you = after.participants.find((p) => p.id === after.you);
  const leads = you?.role === "host" || you?.role === "co_host";
  for (const p of after.participants) {
    const then = old.get(p.id);
    if (then === undefined || you === undefined) continue;
    if (then.room !== p.room) found.push(...moved(then, p, you, old.get(you.id), after));
    if (leads && p.help !== undefined && then.help === undefined && p.id !== you.id) {
      const params = { name: p.name, room: roomName(after, p.room) };
      found.push({ key: "breakout.said_help", params, how: "show", opens: "rooms" });
    }
  }
  return found;
}

/** Who came or went is told to those who were and stay in that room. */
function moved(was: Participant, is: Participant, you: Participant, youThen: Participant | undefined, after: PortState): Telling[] {
  if (is.id === you.id) return is.room === undefined ? [] : [{ key: "breakout.said_moved", params: { room: roomName(after, is.room) }, how: "show" }];
  if (youThen?.room !== you.room) return [];
  const params = { name: is.name };
  if (is.room === you.room) return [{ key: "breakout.said_came", params, how: "say" }];
  return was.room === you.room ? [{ key: "breakout.said_went", params, how: "say" }] : [];
}

function roomName({ tools }: PortState, room: number | undefined): string {
  return tools?.breakout?.rooms[(room ?? MAIN) - 1] ?? "";
}
