// A few numbers out of the browser's statistics.

import type { LinkStats, RepairStats } from "../port";

interface Sample {
  at: number;
  sent: number;
  received: number;
  packets: number;
  lost: number;
}

/** What of a statistics report is read here. */
export type Report = Iterable<[string, Record<string, unknown>]>;

/** Rates need two looks: keeps the last one. */
export class StatsReader {
  #last: Sample | undefined;

  read(report: Report, nowMs: number): Omit<LinkStats, "sentBytes" | "receivedBytes" | "hourBytes"> {
    const entries = new Map(report);
    const now: Sample = { at: nowMs, sent: 0, received: 0, packets: 0, lost: 0 };
    let pair: Record<string, unknown> | undefined;
    for (const entry of entries.values()) {
      if (entry["type"] === "outbound-rtp") now.sent += number(entry["bytesSent"]);
      if (entry["type"] === "inbound-rtp") {
        now.received += number(entry["bytesReceived"]);
        now.packets += number(entry["packetsReceived"]);
        now.lost += Math.max(0, number(entry["packetsLost"]));
      }
      if (entry["type"] === "candidate-pair" && entry["nominated"] === true && entry["state"] === "succeeded") pair = entry;
    }
    const last = this.#last;
    this.#last = now;
    const local = entries.get(String(pair?.["localCandidateId"] ?? ""));
    const rtt = pair?.["currentRoundTripTime"];
    return {
      rttMs: typeof rtt === "number" ? rtt * 1000 : -1,
      sendKbps: rate(last?.sent, now.sent, last?.at, nowMs),
      receiveKbps: rate(last?.received, now.received, last?.at, nowMs),
      loss: last === undefined ? -1 : share(now.lost - last.lost, now.packets - last.packets),
      transport: typeof local?.["protocol"] === "string" ? local["protocol"] : "",
      repairIn: repairOf(entries.values(), "in"),
      repairOut: repairOf(entries.values(), "out"),
    };
  }
}

/** What was asked for again and came again, of all pictures in one direction. How quickly, browsers do not tell. */
function repairOf(entries: Iterable<Record<string, unknown>>, way: "in" | "out"): RepairStats {
  const video = [...entries].filter((e) => e["type"] === (way === "in" ? "inbound-rtp" : "outbound-rtp") && e["kind"] === "video");
  const sum = (key: string) => video.reduce((all, e) => all + number(e[key]), 0);
  const has = (key: string) => video.some((e) => typeof e[key] === "number");
  const [packets, bytes] = way === "in" ? ["retransmittedPacketsReceived", "retransmittedBytesReceived"] : ["retransmittedPacketsSent", "retransmittedBytesSent"];
  const total = sum(way === "in" ? "bytesReceived" : "bytesSent");
  const recovered = sum(packets);
  const missing = recovered + Math.max(0, sum("packetsLost"));
  return {
    recovered: has(packets) ? recovered : -1,
    success: way === "in" && has(packets) && missing > 0 ? recovered / missing : -1,
    // What was sent again is in the total.
    overhead: has(bytes) && total > sum(bytes) ? sum(bytes) / (total - sum(bytes)) : -1,
    responseMs: -1,
    nacks: has("nackCount") ? sum("nackCount") : -1,
  };
}

export function rate(before: number | undefined, now: number, since: number | undefined, at: number): number {
  // Counters fall back to zero with a new peer connection.
  if (before === undefined || since === undefined || at <= since || now < before) return -1;
  return ((now - before) * 8) / (at - since);
}

export function share(lost: number, received: number): number {
  const sent = lost + received;
  return sent <= 0 ? 0 : Math.min(1, Math.max(0, lost) / sent);
}

export function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
