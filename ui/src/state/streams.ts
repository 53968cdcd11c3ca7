// How the numbers of a stream are written in the support view, and in which order.

import type { StreamStats } from "../port/port";

export type Tone = "" | "warn" | "bad";

export interface StreamCells {
  codec: string;
  rate: string;
  loss: string;
  lossTone: Tone;
  jitter: string;
  buffer: string;
  picture: string;
  freezes: string;
  concealed: string;
  concealedTone: Tone;
  /** "12 / 10": asked for again, and resent; "+ 3": and packets for correction. */
  repair: string;
}

const UNKNOWN = "–";
const ORDER = ["screen", "camera", "screen_audio", "microphone"];

/** Own streams first, then by person; pictures before sounds; layers from the largest down. */
export function sortStreams(all: readonly StreamStats[]): StreamStats[] {
  return [...all].sort((a, b) =>
    Number(a.direction === "receive") - Number(b.direction === "receive")
    || (a.participant ?? 0) - (b.participant ?? 0)
    || ORDER.indexOf(a.source) - ORDER.indexOf(b.source)
    || b.height - a.height
    || (a.id < b.id ? -1 : 1));
}

export function streamCells(s: StreamStats, locale: string): StreamCells {
  const number = (value: number, unit: string, digits = 0) =>
    (value < 0 ? UNKNOWN : `${new Intl.NumberFormat(locale, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value)} ${unit}`.trim());
  const share = (value: number) => number(value < 0 ? -1 : value * 100, "%", 1);
  const video = s.source === "camera" || s.source === "screen";
  return {
    codec: s.codec === "" ? UNKNOWN : s.codec.toUpperCase(),
    rate: number(s.kbps, "kbit/s"),
    loss: share(s.loss),
    lossTone: tone(s.loss, 0.02, 0.1),
    jitter: number(s.jitterMs, "ms"),
    buffer: number(s.bufferMs, "ms"),
    picture: !video || s.height <= 0 ? UNKNOWN : `${s.width}×${s.height}${s.fps >= 0 ? ` · ${Math.round(s.fps)} fps` : ""}`,
    freezes: video && s.direction === "receive" ? number(s.freezes, "") : UNKNOWN,
    concealed: video || s.direction === "send" ? UNKNOWN : share(s.concealed),
    repair: repairText(s, (n) => number(n, "")),
    concealedTone: video || s.direction === "send" ? "" : tone(s.concealed, 0.03, 0.1),
  };
}

function repairText({ nacks, resent, fec }: StreamStats, number: (n: number) => string): string {
  if (nacks < 0 && resent < 0 && fec <= 0) return UNKNOWN;
  return `${number(nacks)} / ${number(resent)}${fec > 0 ? ` + ${number(fec)}` : ""}`;
}

function tone(value: number, warn: number, bad: number): Tone {
  return value >= bad ? "bad" : value >= warn ? "warn" : "";
}
