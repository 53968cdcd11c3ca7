// How long what a guest receives shall wait before it is shown. A browser waits for what jitters, not for what is lost and sent again:
// on a bad network its pictures stand still and jump. Where losses or freezes show that, they wait longer, sound and picture of
// a person alike, so that lips fit.

import { number, type Report } from "./stats";

/** From this share of packets lost on, they wait at least so long, milliseconds: a request and its answer, once, twice, three times. */
const STEPS: readonly (readonly [loss: number, ms: number])[] = [[0.03, 120], [0.08, 200], [0.18, 300]];
/** A freeze adds so much, up to so much. */
const MORE_MS = 100;
const MOST_MS = 400;
/** After so long without one, some of it is given back. */
const CALM_MS = 15_000;
const LESS_MS = 50;
/** Part of a new measurement of loss that counts, where it is worse and where it is better. */
const WORSE = 0.4;
const BETTER = 0.05;

interface Line {
  packets: number;
  lost: number;
  resent: number;
  freezes: number;
  loss: number;
  /** For the freezes there were, and since when there was none. */
  added: number;
  calmSince: number;
}

export class Waiting {
  #lines = new Map<string, Line>();

  /** To be called twice a second: milliseconds that the pictures of each m-line shall wait at least; 0: as the browser likes. */
  look(report: Report, nowMs: number): Map<string, number> {
    const lines = new Map<string, Line>();
    const waits = new Map<string, number>();
    for (const [, entry] of report) {
      if (entry["type"] !== "inbound-rtp" || entry["kind"] !== "video" || typeof entry["mid"] !== "string") continue;
      const line = lookAt(entry, this.#lines.get(entry["mid"]), nowMs);
      lines.set(entry["mid"], line);
      const step = STEPS.findLast(([loss]) => line.loss >= loss);
      waits.set(entry["mid"], Math.min(MOST_MS, Math.max(step?.[1] ?? 0, line.added)));
    }
    this.#lines = lines;
    return waits;
  }
}

function lookAt(entry: Record<string, unknown>, before: Line | undefined, nowMs: number): Line {
  const counts = {
    packets: number(entry["packetsReceived"]),
    lost: Math.max(0, number(entry["packetsLost"])),
    resent: number(entry["retransmittedPacketsReceived"]),
    freezes: number(entry["freezeCount"]),
  };
  // A slot that was given to another person counts anew.
  if (before === undefined || counts.packets < before.packets) return { ...counts, loss: 0, added: 0, calmSince: nowMs };
  const came = counts.packets - before.packets;
  const lost = Math.max(counts.lost - before.lost, counts.resent - before.resent, 0);
  const share = came + lost > 0 ? lost / (came + lost) : before.loss;
  const loss = before.loss + (share - before.loss) * (share > before.loss ? WORSE : BETTER);
  const { added, calmSince } = before;
  if (counts.freezes > before.freezes) return { ...counts, loss, added: Math.min(MOST_MS, added + MORE_MS), calmSince: nowMs };
  if (added > 0 && nowMs - calmSince >= CALM_MS) return { ...counts, loss, added: Math.max(0, added - LESS_MS), calmSince: nowMs };
  return { ...counts, loss, added, calmSince };
}
