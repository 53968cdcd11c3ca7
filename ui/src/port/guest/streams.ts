// Each stream out of the browser's statistics, for the support view.

import type { ParticipantId, Source, StreamStats } from "../port";
import { number, rate, share, type Report } from "./stats";

/** Whose stream an m-line carries; absent: nobody's now. */
export type Owner = (mid: string, sends: boolean) => { participant?: ParticipantId; source: Source } | undefined;

type Entry = Record<string, unknown>;

interface Look {
  at: number;
  bytes: number;
  packets: number;
  lost: number;
  /** Seconds packets waited, and how many samples or frames did. */
  waited: number;
  emitted: number;
  concealed: number;
  samples: number;
}

/** Rates need two looks: keeps the last one of every stream. */
export class StreamReader {
  #last = new Map<string, Look>();

  read(report: Report, nowMs: number, owner: Owner): StreamStats[] {
    const entries = new Map(report);
    const looks = new Map<string, Look>();
    const found: StreamStats[] = [];
    for (const [id, entry] of entries) {
      const sends = entry["type"] === "outbound-rtp";
      if (!sends && entry["type"] !== "inbound-rtp") continue;
      const who = owner(String(entry["mid"] ?? ""), sends);
      const now = lookAt(entry, sends, nowMs);
      if (who === undefined || now.packets === 0) continue;
      looks.set(id, now);
      found.push(describe(id, entry, entries, now, this.#last.get(id), sends, who));
    }
    this.#last = looks;
    return found;
  }
}

function lookAt(entry: Entry, sends: boolean, at: number): Look {
  return {
    at,
    bytes: number(entry[sends ? "bytesSent" : "bytesReceived"]),
    packets: number(entry[sends ? "packetsSent" : "packetsReceived"]),
    lost: Math.max(0, number(entry["packetsLost"])),
    waited: number(entry["jitterBufferDelay"]),
    emitted: number(entry["jitterBufferEmittedCount"]),
    concealed: number(entry["concealedSamples"]),
    samples: number(entry["totalSamplesReceived"]),
  };
}

function describe(
  id: string, entry: Entry, all: ReadonlyMap<string, Entry>, now: Look, last: Look | undefined, sends: boolean, who: NonNullable<ReturnType<Owner>>,
): StreamStats {
  const known = (key: string) => (typeof entry[key] === "number" ? (entry[key] as number) : -1);
  const far = sends ? all.get(String(entry["remoteId"] ?? "")) : undefined;
  const between = (key: "waited" | "emitted" | "concealed" | "samples") => now[key] - (last?.[key] ?? 0);
  const jitter = sends ? far?.["jitter"] : entry["jitter"];
  return {
    id,
    direction: sends ? "send" : "receive",
    ...who,
    codec: codecName(all.get(String(entry["codecId"] ?? ""))),
    layer: typeof entry["rid"] === "string" ? entry["rid"] : "",
    kbps: rate(last?.bytes, now.bytes, last?.at, now.at),
    loss: sends ? (typeof far?.["fractionLost"] === "number" ? far["fractionLost"] : -1) : last === undefined ? -1 : share(now.lost - last.lost, now.packets - last.packets),
    jitterMs: typeof jitter === "number" ? jitter * 1000 : -1,
    bufferMs: !sends && between("emitted") > 0 ? (between("waited") / between("emitted")) * 1000 : -1,
    fps: known("framesPerSecond"),
    width: known("frameWidth"),
    height: known("frameHeight"),
    freezes: known("freezeCount"),
    concealed: !sends && now.samples > 0 ? Math.max(0, between("concealed")) / Math.max(1, between("samples")) : -1,
    nacks: known("nackCount"),
    resent: known(sends ? "retransmittedPacketsSent" : "retransmittedPacketsReceived"),
    fec: known(sends ? "fecPacketsSent" : "fecPacketsReceived"),
    limit: limitOf(entry["qualityLimitationReason"]),
  };
}

/** "video/H264" is called "h264" here. */
function codecName(codec: Entry | undefined): string {
  const type = codec?.["mimeType"];
  return typeof type === "string" ? (type.split("/")[1] ?? "").toLowerCase() : "";
}

function limitOf(reason: unknown): StreamStats["limit"] {
  return reason === "cpu" || reason === "bandwidth" || reason === "other" ? reason : "";
}
